"""What a target receives of an event: all of it, a constant, a part, or a template filled from it.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
        where its page and recorded answers differ, the recorded answers are followed
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from runner.core.json_text import compact
from runner.core.paths import MISSING, Path, PathError, parse_path
from runner.core.patterns.values import no_constant
from runner.core.transformer_checks import PLACEHOLDER, check_input, is_json, is_object_template
from runner.model.events import InputTransformer, Target

STRING = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
SUMMARY = ("id", "account", "detail-type", "time", "source", "region", "resources", "version")


@dataclass(frozen=True, slots=True)
class Facts:
    """What a template can name besides the event. `ingested` is ISO 8601 in UTC."""

    rule_arn: str = ""
    rule_name: str = ""
    ingested: str = ""


Transform = Callable[[Mapping[str, Any], bytes, Facts], bytes | None]
"""(event, its JSON, facts) to the target's input; None: the result is no JSON, and AWS drops it silently."""


def compile_transform(target: Target) -> Transform:
    """What to do with events for a target. Raises PathError; `input_problem` says it in AWS's words."""
    if target.input is not None:
        constant = target.input.encode()
        return lambda event, body, facts: constant
    if target.input_path is not None:
        path = parse_path(target.input_path)
        if not path.steps:
            return _whole
        return lambda event, body, facts: _part(path, event)
    if target.input_transformer is not None:
        return _Template.compile(target.input_transformer).fill
    return _whole


def input_problem(target: Target) -> str | None:
    """What PutTargets says of a target's input options, or None."""
    transformer = target.input_transformer
    return check_input(
        target.id,
        constant=target.input,
        path=target.input_path,
        paths=transformer.paths if transformer else None,
        template=transformer.template if transformer else None,
    )


def dynamic(value: str | None, event: Mapping[str, Any]) -> str | None:
    """A target parameter that may be a path into the event (`$.detail.id` as a whole), resolved."""
    if value is None or not value.startswith("$."):
        return value
    try:
        found = parse_path(value).select(event)
    except PathError:
        return value
    return None if found is MISSING else found if isinstance(found, str) else compact(found)


def _whole(event: Mapping[str, Any], body: bytes, facts: Facts) -> bytes:
    return body


def _part(path: Path, event: Mapping[str, Any]) -> bytes:
    """A part as JSON, strings with their quotes. What a missing part gives is not documented: null here."""
    found = path.select(event)
    return b"null" if found is MISSING else compact(found).encode()


@dataclass(frozen=True, slots=True)
class _Template:
    """A template cut at its placeholders. `pieces` alternate: text, name, text, ...; `quoted` tells of each name
    whether it stands inside a string."""

    pieces: tuple[str, ...]
    quoted: tuple[bool, ...]
    paths: Mapping[str, Path]
    is_object: bool
    is_value: bool  # one placeholder and nothing else
    names: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def compile(cls, transformer: InputTransformer) -> _Template:
        template = transformer.template
        strings = [found.span() for found in STRING.finditer(template)]
        quoted = tuple(
            any(start < found.start() < end for start, end in strings) for found in PLACEHOLDER.finditer(template)
        )
        pieces = tuple(PLACEHOLDER.split(template))
        return cls(
            pieces,
            quoted,
            {name: parse_path(path) for name, path in transformer.paths.items()},
            is_object_template(template),
            len(pieces) == 3 and not (pieces[0] + pieces[2]).strip(),
            frozenset(pieces[1::2]),
        )

    def fill(self, event: Mapping[str, Any], body: bytes, facts: Facts) -> bytes | None:
        values = {name: self._value(name, event, facts) for name in self.names}
        text = list(self.pieces)
        for number, quoted in enumerate(self.quoted):
            value = values[text[2 * number + 1]]
            if self.is_value or (self.is_object and not quoted):
                filled = '""' if value is MISSING else compact(value)
            elif self.is_object:
                filled = _plain(value, '"')
            else:
                filled = _plain(value, "")
            text[2 * number + 1] = filled
        return self._checked("".join(text))

    def _value(self, name: str, event: Mapping[str, Any], facts: Facts) -> Any:
        if name in self.paths:
            return self.paths[name].select(event)
        match name:
            case "aws.events.rule-arn":
                return facts.rule_arn
            case "aws.events.rule-name":
                return facts.rule_name
            case "aws.events.event.ingestion-time":
                return facts.ingested
            case "aws.events.event":
                summary = {key: event[key] for key in SUMMARY if key in event}
                return {"detailType" if key == "detail-type" else key: value for key, value in summary.items()}
            case "aws.events.event.json":
                return event
            case _:
                return MISSING

    def _checked(self, text: str) -> bytes | None:
        """The text if it is JSON, or lines of JSON; objects are written anew."""
        if self.is_object or self.is_value:
            try:
                return compact(json.loads(text, parse_constant=no_constant)).encode()
            except (ValueError, RecursionError):
                return None
        lines = [line for line in text.splitlines() if line.strip()]
        return text.encode() if lines and all(is_json(line) for line in lines) else None


def _plain(value: Any, quote: str) -> str:
    """A value as text within a string: nothing is escaped; objects and lists keep or lose their quotes."""
    if value is MISSING:
        return ""
    if isinstance(value, str):
        return value
    text = compact(value)
    return text if quote else text.replace('"', "")
