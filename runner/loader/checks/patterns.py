"""Event patterns, filters and filter policies: compiled by the compiler that will match them."""

from __future__ import annotations

from typing import Any

from runner.core.patterns import (
    Pattern,
    PatternError,
    compile_filter_policy,
    compile_pattern,
    never_matches,
    policy_message,
)
from runner.loader.checks.context import Context, Item
from runner.loader.values import Unknown, contains_unknown
from runner.model.diagnostic import Position

BLOCKS = "|>"


def check_rules(context: Context) -> None:
    """Compile the pattern of every rule."""
    for item in context.of("AWS::Events::Rule"):
        pattern = item.properties.get("EventPattern")
        if not isinstance(pattern, dict | str) or contains_unknown(pattern):
            continue
        compiled = _compile(context, item, pattern)
        for never in never_matches(compiled) if compiled is not None else ():
            at = _place(context, item.properties, "EventPattern", never.path.split("."))
            message = f"The pattern can never match: {never.why}."
            context.report.warning(at, "pattern-never-matches", message, f"correct what it asks of '{never.path}'")


def _compile(context: Context, item: Item, pattern: dict[str, Any] | str) -> Pattern | None:
    try:
        return compile_pattern(pattern)
    except PatternError as error:
        at = _error_place(context, item.properties, "EventPattern", pattern, error)
        context.report.error(at, "invalid-pattern", _message(error), _hint(error))
        return None


def _message(error: PatternError) -> str:
    return f"Event pattern is not valid. Reason: {error.reason}"


def _hint(error: PatternError) -> str:
    if error.syntax:
        return "write valid JSON, or the pattern as an object"
    if "array" in error.reason.lower() or "list" in error.reason.lower():
        return "put the value into a list: [value]"
    where = ".".join(str(part) for part in error.path)
    return f"correct the pattern at '{where}'" if where else "see the operators of event patterns"


def _error_place(
    context: Context, container: Any, key: Any, pattern: dict[str, Any] | str, error: PatternError
) -> Position:
    if isinstance(pattern, dict):
        return _place(context, container, key, list(error.path))
    at = context.positions.value(container, key)
    if error.line is None or error.column is None:
        return at
    return _inside(context, at, error.line, error.column)


def _inside(context: Context, at: Position, line: int, column: int) -> Position:
    """A place within a text value: behind the quote of a quoted one, on the lines below the sign of a block."""
    lines = context.texts.get(at.file, "").splitlines()
    source = lines[at.line - 1][at.column - 1 :] if 0 < at.line <= len(lines) else ""
    if source[:1] in BLOCKS:
        number = at.line + line
        text = lines[number - 1] if number <= len(lines) else ""
        first = lines[at.line] if at.line < len(lines) else ""
        indent = len(first) - len(first.lstrip())
        return Position(at.file, number, min(indent + column, len(text) + 1))
    if line > 1:
        return at
    return Position(at.file, at.line, at.column + column - 1 + (source[:1] in "\"'"))


def _place(context: Context, container: Any, key: Any, path: list[Any]) -> Position:
    """The place at the end of a path below a value, as far as the path goes."""
    at = context.positions.value(container, key)
    node = container[key]
    for part in path:
        if isinstance(node, dict) and part in node:
            at = context.positions.key(node, part)
            node = node[part]
        elif isinstance(node, list) and str(part).isdigit() and int(part) < len(node):
            at = context.positions.value(node, int(part))
            node = node[int(part)]
        else:
            break
    return at


def check_filters(context: Context) -> None:
    """Compile the filters of every mapping."""
    for item in context.of("AWS::Lambda::EventSourceMapping"):
        criteria = item.properties.get("FilterCriteria")
        filters = criteria.get("Filters") if isinstance(criteria, dict) else None
        for one in filters if isinstance(filters, list) else ():
            text = one.get("Pattern") if isinstance(one, dict) else None
            if not isinstance(text, str) or isinstance(text, Unknown):
                continue
            try:
                compile_pattern(text)
            except PatternError as error:
                at = _error_place(context, one, "Pattern", text, error)
                message = f"Invalid filter pattern definition. {error.reason}"
                context.report.error(at, "invalid-pattern", message, _hint(error))


def check_filter_policies(context: Context) -> None:
    """Compile the filter policy of every subscription."""
    for item in context.of("AWS::SNS::Subscription"):
        policy = item.properties.get("FilterPolicy")
        if not isinstance(policy, dict) or contains_unknown(policy):
            continue
        scope = item.properties.get("FilterPolicyScope", "MessageAttributes")
        try:
            compile_filter_policy(policy, str(scope))
        except PatternError as error:
            at = _place(context, item.properties, "FilterPolicy", list(error.path))
            message = f"Invalid parameter: Attributes Reason: FilterPolicy: {policy_message(error).splitlines()[0]}"
            context.report.error(at, "invalid-pattern", message, _hint(error))
