"""A compiled pattern, and many compiled together."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Generic, NamedTuple, TypeVar

from runner.core.patterns.compiler import Branch, compile_branches
from runner.core.patterns.fields import Fields, Wanted, meets, take
from runner.core.patterns.values import Value, parse_event

K = TypeVar("K", bound=Hashable)


class Pattern(NamedTuple):
    """One compiled pattern. `paths` are the fields it names, `text` what it was compiled from."""

    text: str
    branches: tuple[Branch, ...]
    paths: tuple[str, ...]
    wanted: Wanted

    def matches(self, event: bytes | str | Mapping[str, Any]) -> bool:
        """Whether an event matches: its JSON, or what `parse_event` made of it. Raises ValueError if it is no JSON."""
        parsed = parse_event(event) if isinstance(event, bytes | str) else event
        return self.meets(take(parsed, self.wanted))

    def meets(self, fields: Fields) -> bool:
        """Whether fields that were taken apart elsewhere match."""
        return any(meets(fields, branch) for branch in self.branches)


def pattern_text(document: Mapping[str, Any] | str) -> str:
    """A pattern's JSON text as CloudFormation hands it on where a stack file has the document itself."""
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def compile_pattern(pattern: Mapping[str, Any] | str) -> Pattern:
    """Compile a pattern, JSON text or the document itself. Raises PatternError with EventBridge's own message."""
    text = pattern_text(pattern)
    branches, paths = compile_branches(text)
    return Pattern(text, branches, paths, Wanted(paths))


class Index(Generic[K]):
    """Many patterns, matched at once. Immutable; whoever holds one keeps matching while a newer one is built.

    Every branch hangs on one of its fields, the pivot: where it can be, one that must equal a literal, the rarest. An
    event then meets only the branches hanging on its own values, and each of these is checked in full.
    """

    def __init__(self, patterns: Mapping[K, Pattern]) -> None:
        self.patterns = dict(patterns)
        self._wanted = Wanted(path for pattern in self.patterns.values() for path in pattern.paths)
        self._order = {key: number for number, key in enumerate(self.patterns)}
        branches = [(key, branch) for key, pattern in self.patterns.items() for branch in pattern.branches]
        crowd = _crowd(branch for _, branch in branches)
        self._exact: dict[str, dict[Value, list[tuple[K, Branch]]]] = {}
        self._present: dict[str, list[tuple[K, Branch]]] = {}
        self._always: list[tuple[K, Branch]] = []
        for key, branch in branches:
            self._hang(key, branch, crowd)

    def match(self, event: bytes | str | Mapping[str, Any]) -> list[K]:
        """The keys of all patterns that match, in the order the patterns were given."""
        parsed = parse_event(event) if isinstance(event, bytes | str) else event
        fields = take(parsed, self._wanted)
        found = {key for key, branch in self._always if meets(fields, branch)}
        for path, values in fields.items():
            exact, present = self._exact.get(path), self._present.get(path)
            if exact is not None:
                for value, _ in values:
                    for key, branch in exact.get(value, ()):
                        if key not in found and meets(fields, branch):
                            found.add(key)
            if present is not None:
                for key, branch in present:
                    if key not in found and meets(fields, branch):
                        found.add(key)
        return sorted(found, key=self._order.__getitem__) if len(found) > 1 else list(found)

    def _hang(self, key: K, branch: Branch, crowd: Mapping[tuple[str, Value], int]) -> None:
        pivot = _pivot(branch, crowd)
        if pivot is None:
            self._always.append((key, branch))
            return
        condition = branch[pivot]
        if condition.predicates:
            self._present.setdefault(pivot, []).append((key, branch))
            return
        exact = self._exact.setdefault(pivot, {})
        for value in condition.literals:
            exact.setdefault(value, []).append((key, branch))


def compile_rules(rules: Mapping[K, Pattern | Mapping[str, Any] | str]) -> Index[K]:
    """An index of rules by their key; patterns may be compiled already. Raises PatternError."""
    return Index({key: one if isinstance(one, Pattern) else compile_pattern(one) for key, one in rules.items()})


def _crowd(branches: Iterable[Branch]) -> dict[tuple[str, Value], int]:
    """How many branches ask for each literal."""
    crowd: dict[tuple[str, Value], int] = {}
    for branch in branches:
        for path, condition in branch.items():
            for value in condition.literals:
                crowd[path, value] = crowd.get((path, value), 0) + 1
    return crowd


def _pivot(branch: Branch, crowd: Mapping[tuple[str, Value], int]) -> str | None:
    """The field a branch hangs on: the rarest literal, else any that must be present; None if all may be absent."""
    needed = {path: condition for path, condition in branch.items() if not condition.absent}
    literal = {
        path: max(crowd[path, value] for value in condition.literals)
        for path, condition in needed.items()
        if not condition.predicates
    }
    if literal:
        return min(literal, key=literal.__getitem__)
    return max(needed, key=lambda path: path.count("."), default=None)
