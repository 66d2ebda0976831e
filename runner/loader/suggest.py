"""The nearest of the allowed names to a misspelt one."""

from __future__ import annotations

from collections.abc import Iterable

SLIPS = 5  # edits that are still a slip in the longest names


def nearest(name: str, allowed: Iterable[str]) -> str | None:
    """The allowed name that takes fewest edits, if that is few enough to be a slip."""
    folded = str(name).casefold()
    best: str | None = None
    least = min(max(1, len(folded) // 3), SLIPS) + 1
    letters = frozenset(folded)
    for candidate in allowed:
        other = str(candidate).casefold()
        if abs(len(other) - len(folded)) >= least:
            continue
        theirs = frozenset(other)
        if len(letters - theirs) >= least or len(theirs - letters) >= least:
            continue  # each letter that the other lacks takes an edit
        edits = _edits(folded, other, least)
        if edits < least:
            best, least = candidate, edits
        if least == 0:
            break
    return best


def did_you_mean(name: str, allowed: Iterable[str]) -> str:
    """A hint that names the nearest allowed name; empty where nothing is near."""
    found = nearest(name, allowed)
    return f"did you mean '{found}'?" if found is not None else ""


def _edits(one: str, two: str, limit: int) -> int:
    """Insertions, deletions, replacements and swaps of neighbours that turn one into two; at most `limit`."""
    before: list[int] = []
    row = list(range(len(two) + 1))
    for index, letter in enumerate(one):
        above, row, before2 = row, [index + 1], before
        for column, other in enumerate(two):
            cost = min(above[column] + (letter != other), above[column + 1] + 1, row[column] + 1)
            if index and column and letter == two[column - 1] and one[index - 1] == other:
                cost = min(cost, before2[column - 1] + 1)
            row.append(cost)
        before = above
        if min(row) >= limit:
            return limit
    return min(row[-1], limit)
