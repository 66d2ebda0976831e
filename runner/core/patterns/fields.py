"""An event taken apart: which values stand under which path, and in which elements of which arrays.

Arrays are transparent (`{"a": [{"b": 1}]}` has `a.b`), but the fields of one branch must come from the same element of
every array they share; so each value carries its memberships. Scalars within an array carry none of their own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from runner.core.patterns.predicates import Condition
from runner.core.patterns.values import Value, key_of

Membership = tuple[tuple[int, int], ...]
"""(array, element) for every array around a value."""

Field = tuple[Value, Membership]
Fields = Mapping[str, Sequence[Field]]


class Wanted:
    """The paths that some pattern names, and the paths that lead there: the rest of an event is not looked at.

    `leaves` and `ways` count how many patterns want each.
    """

    __slots__ = ("leaves", "ways")

    def __init__(self, paths: Iterable[str]) -> None:
        self.leaves: dict[str, int] = {}
        self.ways: dict[str, int] = {}
        self.add(paths)

    def add(self, paths: Iterable[str]) -> None:
        for path in paths:
            self.leaves[path] = self.leaves.get(path, 0) + 1
            for way in _ways(path):
                self.ways[way] = self.ways.get(way, 0) + 1

    def discard(self, paths: Iterable[str]) -> None:
        """Take back what was added for one pattern."""
        for path in paths:
            _count_down(self.leaves, path)
            for way in _ways(path):
                _count_down(self.ways, way)


def _ways(path: str) -> Iterator[str]:
    return (path[:index] for index in range(len(path)) if path[index] == ".")


def _count_down(counts: dict[str, int], name: str) -> None:
    counts[name] -= 1
    if not counts[name]:
        del counts[name]


def take(event: Any, wanted: Wanted) -> dict[str, list[Field]]:
    """The wanted fields of a parsed event; empty if it is no object."""
    fields: dict[str, list[Field]] = {}
    if isinstance(event, dict):
        _Taker(wanted, fields).object(event, "", ())
    return fields


class _Taker:
    __slots__ = ("arrays", "fields", "leaves", "ways")

    def __init__(self, wanted: Wanted, fields: dict[str, list[Field]]) -> None:
        self.leaves = wanted.leaves
        self.ways = wanted.ways
        self.fields = fields
        self.arrays = 0

    def object(self, value: dict[str, Any], prefix: str, membership: Membership) -> None:
        leaves, ways = self.leaves, self.ways
        for key, child in value.items():
            if prefix and not key:
                continue  # AWS finds no field under an empty key, but at the top
            path = prefix + key
            if isinstance(child, dict):
                if path in ways:
                    self.object(child, path + ".", membership)
            elif isinstance(child, list):
                if path in leaves or path in ways:
                    self.array(child, path, membership)
            elif path in leaves:
                self.fields.setdefault(path, []).append((key_of(child), membership))

    def array(self, items: list[Any], path: str, membership: Membership) -> None:
        number = self.arrays
        self.arrays += 1
        for index, item in enumerate(items):
            if isinstance(item, dict):
                if path in self.ways:
                    self.object(item, path + ".", (*membership, (number, index)))
            elif isinstance(item, list):
                self.array(item, path, (*membership, (number, index)))
            elif path in self.leaves:
                self.fields.setdefault(path, []).append((key_of(item), membership))


def meets(fields: Fields, branch: Mapping[str, Condition]) -> bool:
    """Whether the fields meet every condition of a branch, from agreeing elements of the arrays they share.

    A field that must be absent must be so in the elements that the fields before it (in the order of their paths)
    were found in; elsewhere it may be. So AWS's engine does it, and so its answers are told apart.
    """
    entangled = 0
    for path, condition in branch.items():
        found = fields.get(path)
        if found is None:
            if not condition.absent:
                return False
        elif condition.absent:
            if any(membership for _, membership in found):
                entangled = 2
            elif not any(condition.test(value) for value, _ in found):
                return False
        elif not (passing := [membership for value, membership in found if condition.test(value)]):
            return False
        elif () not in passing:
            entangled += 1
    return entangled < 2 or _agree(fields, sorted(branch.items()), 0, {})


def _agree(fields: Fields, conditions: Sequence[tuple[str, Condition]], index: int, chosen: Mapping[int, int]) -> bool:
    """Whether the conditions from `index` on can be met with no array in two elements at once."""
    if index == len(conditions):
        return True
    path, condition = conditions[index]
    here = [
        (value, membership)
        for value, membership in fields.get(path, ())
        if all(chosen.get(array, element) == element for array, element in membership)
    ]
    if not here and condition.absent and _agree(fields, conditions, index + 1, chosen):
        return True
    passing = dict.fromkeys(membership for value, membership in here if condition.test(value))
    return any(_agree(fields, conditions, index + 1, {**chosen, **dict(membership)}) for membership in passing)
