"""The `wildcard` operator: its little grammar, its matching, and how complex AWS lets it be."""

from __future__ import annotations

from collections.abc import Sequence

Part = str | None
"""A piece of text, or None for `*`."""

COMPLEXITY_MAX = 10  # AWS takes 7 and refuses 11; what lies between is not recorded
STATES_MAX = 5000  # sets of states looked at before a pattern is taken to be simple enough
TOO_COMPLEX = (
    "Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a "
    "wildcard character"
)


class WildcardError(ValueError):
    """The wildcard is malformed. The message counts positions as AWS does: UTF-8 bytes, an opening quote first."""


def parse(text: str) -> tuple[Part, ...]:
    """The pieces of a wildcard; `\\*` and `\\\\` are the characters themselves. Raises WildcardError."""
    parts: list[Part] = []
    literal: list[str] = []
    position, index = 1, 0
    while index < len(text):
        char = text[index]
        if char == "*":
            if text[index + 1 : index + 2] == "*":
                raise WildcardError(f"Consecutive wildcard characters at pos {position}")
            if literal:
                parts.append("".join(literal))
                literal.clear()
            parts.append(None)
        elif char == "\\":
            escaped = text[index + 1 : index + 2]
            if escaped not in ("*", "\\"):
                raise WildcardError(f"Invalid escape character at pos {position}")
            literal.append(escaped)
            index += 1
            position += 1
        else:
            literal.append(char)
        position += len(char.encode("utf-8", "surrogatepass"))
        index += 1
    if literal:
        parts.append("".join(literal))
    return tuple(parts)


def matches(parts: tuple[Part, ...], value: str) -> bool:
    """Whether all of `value` fits; every piece is taken at its first place, which is enough for `*`."""
    if not parts:
        return value == ""
    first, last = parts[0], parts[-1]
    if len(parts) == 1:
        return first is None or value == first
    start, end = 0, len(value)
    if first is not None:
        if not value.startswith(first):
            return False
        start = len(first)
    if last is not None:
        end -= len(last)
        if end < start or not value.endswith(last):
            return False
    for part in parts[1:-1]:
        if part is not None:
            found = value.find(part, start, end)
            if found < 0:
                return False
            start = found + len(part)
    return True


def too_complex(wildcards: Sequence[tuple[Part, ...]]) -> bool:
    """Whether some value keeps more prefixes of these wildcards of one field alive at once than AWS allows.

    Source: the measure is event-ruler's complexity evaluator; the values it gives were compared.
    """
    return any(None in parts for parts in wildcards) and complexity(wildcards) > COMPLEXITY_MAX


def complexity(wildcards: Sequence[tuple[Part, ...]]) -> int:
    """The largest number of wildcard prefixes alive after some value; counting stops beyond the maximum."""
    machine = _Machine(wildcards)
    start = frozenset((number, 0) for number in range(len(wildcards)))
    seen, waiting, worst = {start}, [start], 0
    while waiting and len(seen) < STATES_MAX:
        alive = waiting.pop()
        for after in machine.successors(alive):
            if after not in seen:
                worst = max(worst, machine.count(after))
                if worst > COMPLEXITY_MAX:
                    return worst
                seen.add(after)
                waiting.append(after)
    return worst


Alive = frozenset[tuple[int, int]]
"""Prefixes alive: (which wildcard, how many of its steps)."""


class _Machine:
    """Wildcards as steps: a character, or None for `*`; quotes around, as AWS keeps its strings."""

    def __init__(self, wildcards: Sequence[tuple[Part, ...]]) -> None:
        self._rows = [_steps(parts) for parts in wildcards]
        # Prefixes that are spelled alike are one: the machine shares them.
        names: dict[tuple[int, str | None], int] = {}
        self._names: list[list[int]] = []
        for row in self._rows:
            name, own = 0, [0]
            for step in row:
                name = names.setdefault((name, step), len(names) + 1)
                own.append(name)
            self._names.append(own)

    def count(self, alive: Alive) -> int:
        return len({self._names[number][length] for number, length in alive})

    def successors(self, alive: Alive) -> set[Alive]:
        """The sets reached by the characters that matter here, and by one that fits nothing."""
        chars: set[str] = {""}
        for number, length in alive:
            chars.update(step for step in self._rows[number][length : length + 2] if step is not None)
        return {self._after(alive, char) for char in chars}

    def _after(self, alive: Alive, char: str) -> Alive:
        after = set()
        for number, length in alive:
            row = self._rows[number]
            if length and row[length - 1] is None:
                after.add((number, length))
            if length < len(row) and row[length] is None:
                after.add((number, length + 1))
                if row[length + 1] == char:
                    after.add((number, length + 2))
            elif length < len(row) and row[length] == char:
                after.add((number, length + 1))
        return frozenset(after)


def _steps(parts: tuple[Part, ...]) -> list[str | None]:
    steps: list[str | None] = ['"']
    for part in parts:
        steps.extend([None] if part is None else part)
    return [*steps, '"']
