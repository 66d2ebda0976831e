"""SNS filter policies: the same language over message attributes or over the message's body.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from runner.core.patterns.errors import PatternError
from runner.core.patterns.fields import Field
from runner.core.patterns.pattern import Pattern, compile_pattern
from runner.core.patterns.values import Value, key_of, number_key, parse_event

ATTRIBUTES = "MessageAttributes"
BODY = "MessageBody"
KEYS_MAX = 5
COMBINATIONS_MAX = 150
EMPTY = "{}"


class FilterPolicy(NamedTuple):
    """A compiled filter policy; `pattern` is None for the empty policy, which lets everything through."""

    scope: str
    pattern: Pattern | None

    def matches(self, body: str, attributes: Mapping[str, tuple[str, str]]) -> bool:
        """Whether a message passes. `attributes` are name -> (data type, value), as in a letter."""
        if self.pattern is None:
            return True
        if self.scope == BODY:
            return self.matches_body(body)
        return self.matches_attributes(attributes)

    def matches_body(self, body: str) -> bool:
        """Of the message's text: it must be a JSON object."""
        if self.pattern is None:
            return True
        try:
            parsed = parse_event(body)
        except (ValueError, RecursionError):
            return False
        return isinstance(parsed, dict) and self.pattern.matches(parsed)

    def matches_attributes(self, attributes: Mapping[str, tuple[str, str]]) -> bool:
        if self.pattern is None:
            return True
        fields = {name: found for name, (kind, value) in attributes.items() if (found := _fields(kind, value))}
        return self.pattern.meets(fields)


def compile_filter_policy(policy: Mapping[str, Any] | str, scope: str = ATTRIBUTES) -> FilterPolicy:
    """Compile a filter policy. Raises PatternError.

    SNS prefixes `Invalid parameter: Attributes Reason: FilterPolicy: ` (Subscribe) or `Invalid parameter:
    FilterPolicy: ` (SetSubscriptionAttributes) to `policy_message(error)`.
    """
    document = policy if isinstance(policy, Mapping) else _object(policy)
    if document is not None and not document:
        return FilterPolicy(scope, None)
    pattern = compile_pattern(policy)
    if document is not None:
        _check_limits(document, scope)
    return FilterPolicy(scope, pattern)


def policy_message(error: PatternError) -> str:
    """The error as SNS words it: broken JSON is not repeated in the answer."""
    if not error.syntax or error.place is None:
        return error.located_reason
    hidden = "REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled)"
    place = f"[Source: {hidden}; line: {error.place.line}, column: {error.place.column}]"
    return f"failed to parse JSON. {error.reason}\n at {place}"


def _object(text: str) -> dict[str, Any] | None:
    try:
        document = json.loads(text)
    except ValueError:
        return None
    return document if isinstance(document, dict) else None


def _check_limits(document: Mapping[str, Any], scope: str) -> None:
    leaves = list(_leaves(document, 1))
    if scope != BODY and any(depth > 1 for _, depth, _ in leaves):
        raise PatternError("Filter policy scope MessageAttributes does not support nested filter policy")
    if len({path for path, _, _ in leaves}) > KEYS_MAX:
        raise PatternError("Filter policy can not have more than 5 keys")
    combinations = 1
    for _, depth, count in leaves:
        combinations *= count * (depth if scope == BODY else 1)
    if combinations > COMBINATIONS_MAX:
        raise PatternError("Filter policy is too complex")


def _leaves(document: Mapping[str, Any], depth: int, prefix: str = "") -> list[tuple[str, int, int]]:
    """(path, nesting, number of values) of every leaf; `$or` adds no nesting."""
    leaves: list[tuple[str, int, int]] = []
    for key, value in document.items():
        if key == "$or" and isinstance(value, list):
            for alternative in value:
                leaves.extend(_leaves(alternative, depth, prefix))
        elif isinstance(value, Mapping):
            leaves.extend(_leaves(value, depth + 1, f"{prefix}{key}."))
        elif isinstance(value, list):
            leaves.append((prefix + key, depth, len(value)))
    return leaves


def _fields(kind: str, value: str) -> list[Field]:
    """What one attribute gives to match: its string, its number, every element of its array; nothing if binary."""
    if kind == "String.Array":
        try:
            items = parse_event(value)
        except (ValueError, RecursionError):
            return []
        return (
            [(key_of(item), ()) for item in items if not isinstance(item, list | dict)]
            if isinstance(items, list)
            else []
        )
    if kind.split(".")[0] == "Number":
        return [(_number(value), ())]
    return [(value, ())] if kind.split(".")[0] == "String" else []


def _number(text: str) -> Value:
    try:
        return number_key(text.strip())
    except (ValueError, ArithmeticError):
        return text
