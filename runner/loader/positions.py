"""Where every value of a document stands: a side table, so that the documents themselves stay plain dicts and lists.

The table is keyed by the identity of containers, which it keeps alive: a subtree that is moved or shared (an anchor,
a SAM expansion) takes its positions along.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.diagnostic import Position

Container = dict[Any, Any] | list[Any]
Span = tuple[int, int, int]
"""Line, column and end column, in the file of the container: what a reader has at hand, a Position when asked for."""


class Positions:
    """Positions by container, and by key or index within it."""

    def __init__(self, fallback: Position) -> None:
        self._fallback = fallback
        self._containers: dict[int, Container] = {}
        self._own: dict[int, Position] = {}
        self._keys: dict[int, dict[Any, Position | Span]] = {}
        self._values: dict[int, dict[Any, Position | Span]] = {}

    def mark(
        self,
        container: Container,
        at: Position,
        values: Mapping[Any, Position | Span] | None = None,
        keys: Mapping[Any, Position | Span] | None = None,
    ) -> None:
        """Note where a container, its keys and its values stand."""
        identity = id(container)
        self._containers[identity] = container
        self._own[identity] = at
        self._keys[identity] = dict(keys or {})
        self._values[identity] = dict(values or {})

    def adopt(self, container: Container, at: Position) -> None:
        """A generated container, and all of its values that are not marked themselves, stand at `at`."""
        self._containers[id(container)] = container
        self._own.setdefault(id(container), at)

    def place(self, container: Container, key: Any, at: Position, key_at: Position | None = None) -> None:
        """Note where one value of a container stands."""
        identity = id(container)
        self._containers[identity] = container
        self._values.setdefault(identity, {})[key] = at
        if key_at is not None:
            self._keys.setdefault(identity, {})[key] = key_at

    def known(self, container: Container) -> bool:
        """True if the container's own place was noted."""
        return id(container) in self._own

    def copy(self, container: Any) -> Any:
        """A shallow copy that stands where the original stands, keys and values too."""
        copied = container.copy()
        identity, original = id(copied), id(container)
        self._containers[identity] = copied
        self._own[identity] = self.of(container)
        self._keys[identity] = dict(self._keys.get(original, {}))
        self._values[identity] = dict(self._values.get(original, {}))
        return copied

    def of(self, container: Container) -> Position:
        """Of a container itself."""
        return self._own.get(id(container), self._fallback)

    def value(self, container: Container, key: Any) -> Position:
        """Of the value under a key or index; of the container where that is not known."""
        found = self._values.get(id(container), {}).get(key)
        return self._position(container, found) if found is not None else self.of(container)

    def key(self, container: Container, key: Any) -> Position:
        """Of a key; of its value where that is not known."""
        found = self._keys.get(id(container), {}).get(key)
        return self._position(container, found) if found is not None else self.value(container, key)

    def _position(self, container: Container, found: Position | Span) -> Position:
        return Position(self.of(container).file, *found) if isinstance(found, tuple) else found

    def rename(self, container: Container, old: Any, new: Any) -> None:
        """The value under `old` stands under `new` now."""
        for table in (self._keys, self._values):
            places = table.get(id(container), {})
            if old in places:
                places[new] = places[old]

    def transfer(self, container: Container, key: Any, other: Container, other_key: Any) -> None:
        """The value under a key of `container` came from the one under `other_key` of another."""
        self.place(container, key, self.value(other, other_key), self.key(other, other_key))
