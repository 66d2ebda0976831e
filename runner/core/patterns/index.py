"""Many patterns, matched at once, and changed one by one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

from runner.core.patterns.compiler import Branch
from runner.core.patterns.fields import Wanted, meets, take
from runner.core.patterns.pattern import Pattern, compile_pattern
from runner.core.patterns.values import Value, parse_event

K = TypeVar("K", bound=Hashable)
Bucket = dict[K, list[Branch]]


class Index(Generic[K]):
    """Patterns by their keys. Adding or removing one costs what the pattern is long, however many there are.

    Every branch hangs on one of its fields, the pivot: where it can be, one that must equal a literal, the rarest when
    it was added. An event then meets only the branches hanging on its own values, and each is checked in full.
    """

    def __init__(self, patterns: Mapping[K, Pattern] | None = None) -> None:
        self._patterns: dict[K, Pattern] = {}
        self._order: dict[K, int] = {}
        self._added = 0
        self._wanted = Wanted(())
        self._pivots: dict[K, list[str | None]] = {}  # of the branches of each pattern
        self._crowd: Counter[tuple[str, Value]] = Counter()  # how many branches ask for each literal
        self._exact: dict[str, dict[Value, Bucket[K]]] = {}
        self._present: dict[str, Bucket[K]] = {}
        self._always: Bucket[K] = {}
        given = dict(patterns or {})
        for key, pattern in given.items():
            self._enter(key, pattern)
        for key in given:
            self._hang(key)

    def __len__(self) -> int:
        return len(self._patterns)

    def put(self, key: K, pattern: Pattern) -> None:
        """Add a pattern, or replace the one of this key, which keeps its place."""
        order = self._order.get(key)
        self.drop(key)
        self._enter(key, pattern)
        self._hang(key)
        if order is not None:
            self._order[key] = order

    def drop(self, key: K) -> None:
        """Remove a pattern, if it is there."""
        pattern = self._patterns.pop(key, None)
        if pattern is None:
            return
        del self._order[key]
        self._wanted.discard(pattern.paths)
        for branch, pivot in zip(pattern.branches, self._pivots.pop(key), strict=True):
            for literal in _literals(branch):
                self._crowd[literal] -= 1
                if not self._crowd[literal]:
                    del self._crowd[literal]
            self._take_off(key, branch, pivot)

    def match(self, event: bytes | str | Mapping[str, Any]) -> list[K]:
        """The keys of all patterns that match, in the order the patterns were given."""
        parsed = parse_event(event) if isinstance(event, bytes | str) else event
        fields = take(parsed, self._wanted)
        found: set[K] = set()
        buckets = [self._always] if self._always else []
        for path, values in fields.items():
            exact, present = self._exact.get(path), self._present.get(path)
            if exact is not None:
                buckets.extend(exact[value] for value in {value for value, _ in values} if value in exact)
            if present is not None:
                buckets.append(present)
        for bucket in buckets:
            for key, branches in bucket.items():
                if key not in found and any(meets(fields, branch) for branch in branches):
                    found.add(key)
        return sorted(found, key=self._order.__getitem__) if len(found) > 1 else list(found)

    def _enter(self, key: K, pattern: Pattern) -> None:
        self._patterns[key] = pattern
        self._order[key] = self._added
        self._added += 1
        self._wanted.add(pattern.paths)
        for branch in pattern.branches:
            self._crowd.update(_literals(branch))

    def _hang(self, key: K) -> None:
        branches = self._patterns[key].branches
        self._pivots[key] = [_pivot(branch, self._crowd) for branch in branches]
        for branch, pivot in zip(branches, self._pivots[key], strict=True):
            if pivot is None:
                self._always.setdefault(key, []).append(branch)
            elif branch[pivot].predicates:
                self._present.setdefault(pivot, {}).setdefault(key, []).append(branch)
            else:
                exact = self._exact.setdefault(pivot, {})
                for value in branch[pivot].literals:
                    exact.setdefault(value, {}).setdefault(key, []).append(branch)

    def _take_off(self, key: K, branch: Branch, pivot: str | None) -> None:
        if pivot is None:
            self._always.pop(key, None)
        elif branch[pivot].predicates:
            _pop(self._present, pivot, key)
        elif pivot in self._exact:
            for value in branch[pivot].literals:
                _pop(self._exact[pivot], value, key)
            if not self._exact[pivot]:
                del self._exact[pivot]


B = TypeVar("B", bound=Hashable)


def _pop(buckets: dict[B, Bucket[K]], name: B, key: K) -> None:
    """Take all of a pattern's branches out of a bucket, and the bucket away once it is empty."""
    bucket = buckets.get(name)
    if bucket is not None:
        bucket.pop(key, None)
        if not bucket:
            del buckets[name]


def compile_rules(rules: Mapping[K, Pattern | Mapping[str, Any] | str]) -> Index[K]:
    """An index of rules by their key; patterns may be compiled already. Raises PatternError."""
    return Index({key: one if isinstance(one, Pattern) else compile_pattern(one) for key, one in rules.items()})


def _literals(branch: Branch) -> Iterable[tuple[str, Value]]:
    return ((path, value) for path, condition in branch.items() for value in condition.literals)


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
