"""Patterns that compile and yet can match no event of a bus: what the loader warns of.

Every event has the same nine members at its top, of known types; what a pattern asks beyond that never comes.

Source: https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html
"""

from __future__ import annotations

from typing import NamedTuple

from runner.core.patterns.pattern import Pattern
from runner.core.patterns.predicates import Condition, Numeric, Predicate

TEXTS = ("version", "id", "detail-type", "source", "account", "time", "region", "replay-name")
MEMBERS = (*TEXTS, "resources", "detail")
ALWAYS_THERE = ("version", "id", "detail-type", "source", "account", "time", "region")


class Never(NamedTuple):
    """One path that no event meets, and why."""

    path: str
    why: str


def never_matches(pattern: Pattern) -> tuple[Never, ...]:
    """Why no event can ever match, one reason a branch of `$or`; empty if some event may."""
    reasons = []
    for branch in pattern.branches:
        found = [never for path, condition in branch.items() if (never := _never(path, condition)) is not None]
        if not found:
            return ()
        reasons.extend(found)
    return tuple(dict.fromkeys(reasons))


def _never(path: str, condition: Condition) -> Never | None:
    top = path.split(".")[0]
    known = next((member for member in MEMBERS if path == member or path.startswith(member + ".")), None)
    if known is None:
        if condition.absent:
            return None
        return Never(path, f"events have no member {top!r} at the top; their payload is under 'detail'")
    if path == known:
        return _whole(path, condition)
    if known != "detail" and not condition.absent:
        return Never(path, f"{known!r} is no object in any event")
    return None


def _whole(path: str, condition: Condition) -> Never | None:
    """Of a condition on a member itself."""
    if path == "detail":
        return None if condition.absent else Never(path, "'detail' is always an object, never a single value")
    if condition.absent and path not in ALWAYS_THERE:
        return None
    if any(isinstance(value, str) for value in condition.literals):
        texts = {value for value in condition.literals if isinstance(value, str)}
        if path == "version" and "0" not in texts and not condition.predicates:
            return Never(path, 'the version of every event is "0"')
        if path == "account" and not condition.predicates and not any(_account(text) for text in texts):
            return Never(path, "an account is a string of twelve digits")
        return None
    if any(_may_take_text(predicate) for predicate in condition.predicates):
        return None
    if not condition.predicates and not condition.literals:
        return Never(path, f"{path!r} is in every event")
    return Never(path, f"{path!r} is always a string, and no string is asked for")


def _account(text: str) -> bool:
    return len(text) == 12 and text.isdecimal()


def _may_take_text(predicate: Predicate) -> bool:
    return not isinstance(predicate, Numeric)
