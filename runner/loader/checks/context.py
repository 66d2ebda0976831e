"""What every check looks at, and small helpers that all of them need."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.values import Unknown
from runner.model.diagnostic import Position
from runner.model.names import function_reference


class Item(Protocol):
    """A resource after SAM and intrinsics."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    physical_id: Any
    at: Position
    runnable: bool


@dataclass(frozen=True, slots=True)
class Context:
    """The resources of one stack file, and where findings go. `arns` tells whose ARN, URL or name a text is."""

    resources: Mapping[str, Item]
    positions: Positions
    report: Report
    folder: Path
    texts: Mapping[str, str]
    arns: Mapping[str, Item]

    def of(self, type_: str) -> Iterator[Item]:
        return (item for item in self.resources.values() if item.type == type_)

    def at(self, item: Item, *path: Any) -> Position:
        """The place of a property's value; of the last part of the path that there is."""
        container: Any = item.properties
        at = item.at
        for key in path:
            if not isinstance(container, dict | list) or not _has(container, key):
                return at
            at = self.positions.value(container, key)
            container = container[key]
        return at

    def known(self, text: Any) -> Item | None:
        """The resource that an ARN, URL or name belongs to, if it is one of this stack's."""
        return self.arns.get(text) if isinstance(text, str) else None

    def function(self, text: Any) -> Item | None:
        """The function that a name or ARN, qualified or not, belongs to."""
        if not isinstance(text, str) or isinstance(text, Unknown):
            return None
        name = function_reference(text)[0]
        return next((item for item in self.of(FUNCTION) if item.properties.get("FunctionName") == name), None)


FUNCTION = "AWS::Lambda::Function"
Check = Callable[[Context], None]


def _has(container: Any, key: Any) -> bool:
    if isinstance(container, dict):
        return key in container
    return isinstance(key, int) and key < len(container)


def plain(value: Any) -> str | None:
    """A text that is known; None for anything else."""
    return value if isinstance(value, str) and not isinstance(value, Unknown) else None


def number(value: Any, default: int) -> int | None:
    """A whole number, the default where there is none, None where it is unknown."""
    if value is None:
        return default
    return value if isinstance(value, int) and not isinstance(value, bool) else None
