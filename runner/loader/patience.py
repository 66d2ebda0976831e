"""Regular expressions of a stack file, tried only where that is sure to end soon: Python's engine may backtrack."""

from __future__ import annotations

import re
from typing import Any

STEPS_MAX = 5_000_000
NESTED_MAX = 16  # characters for which a repeat within a repeat may be tried: 2 to the power of it


def matches(pattern: re.Pattern[str], text: str) -> bool:
    """Whether the whole text matches; True where finding out could take too long."""
    repeats, nested = _repeats(pattern.pattern)
    if nested and len(text) > NESTED_MAX:
        return True
    if len(text) ** min(repeats, 10) > STEPS_MAX:
        return True
    return pattern.fullmatch(text) is not None


def _repeats(pattern: str) -> tuple[int, bool]:
    """How many unbounded repeats there are, and whether one, or a choice, stands within another."""
    try:
        tree = re._parser.parse(pattern)  # type: ignore[attr-defined]
    except (re.error, RecursionError, OverflowError):
        return 10, True
    return _count(list(tree), 0)


def _count(nodes: list[Any], within: int) -> tuple[int, bool]:
    count, nested = 0, False
    for operation, argument in nodes:
        name = str(operation)
        inner = within
        if name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") and argument[1] > 8:
            count += 1
            nested = nested or within > 0
            inner += 1
        if name == "BRANCH" and within:
            nested = True
        for child in _children(argument):
            more, deeper = _count(child, inner)
            count, nested = count + more, nested or deeper
    return count, nested


def _children(argument: Any) -> list[list[Any]]:
    """The sequences of nodes anywhere in a node's argument."""
    found: list[list[Any]] = []
    work = [argument]
    while work:
        item = work.pop()
        if hasattr(item, "data") and isinstance(item.data, list):
            found.append(item.data)
        elif isinstance(item, tuple | list):
            work.extend(item)
    return found
