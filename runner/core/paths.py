"""The JSON paths that EventBridge takes: `$`, names after dots, indexes and `*`; nothing quoted, nothing computed.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any, NamedTuple

STEP = re.compile(r"""\.(?P<name>[^.\[\]'"\s]+)|\[(?P<index>[0-9]+|\*)\]""")
EVERY = "*"


class Missing:
    """What a path that selects nothing gives; JSON's null is a value."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "MISSING"


MISSING = Missing()


class PathError(ValueError):
    """Not a path that EventBridge takes."""


class Path(NamedTuple):
    """A parsed path: names, indexes and `*`."""

    steps: tuple[str | int, ...]

    def select(self, document: Any) -> Any:
        """The value in a parsed document, a list where the path has a `*`, or MISSING."""
        found = [document]
        for step in self.steps:
            found = [value for parent in found for value in _children(parent, step)]
            if not found:
                return MISSING
        return found if EVERY in self.steps else found[0]


def parse_path(text: str) -> Path:
    """Read a path. Raises PathError."""
    if not text.startswith("$"):
        raise PathError(f"{text!r} does not start with $")
    steps: list[str | int] = []
    at = 1
    while at < len(text):
        found = STEP.match(text, at)
        if found is None:
            raise PathError(f"{text!r} is no path at character {at + 1}")
        at = found.end()
        index = found["index"]
        steps.append(found["name"] if index is None else EVERY if index == EVERY else int(index))
    return Path(tuple(steps))


def _children(parent: Any, step: str | int) -> Iterable[Any]:
    if step == EVERY:
        return parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ()
    if isinstance(step, int):
        return parent[step : step + 1] if isinstance(parent, list) else ()
    return (parent[step],) if isinstance(parent, dict) and step in parent else ()
