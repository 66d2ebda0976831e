"""The hash in the logical id of an API's deployment, byte for byte as AWS's transform computes it.

AWS hashes the text that Python 2.7 gave for the API's document: entries in the order of that language's hash table, and
text of the stack file marked apart from text of SAM's own. Both outlived the language, so that deployments keep their
ids. Hence `Written`, which marks text of the file, and `reinsert`, which does to the order what copying did.

Source: the algorithm is CPython 2.7's, Objects/dictobject.c and Objects/stringobject.c
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

MASK = 0xFFFFFFFFFFFFFFFF
SMALLEST = 8
MANY = 50_000
PERTURB_SHIFT = 5


class Written(str):
    """Text that stands in the stack file, or was made from such."""

    __slots__ = ()


def mark(value: Any) -> Any:
    """A copy in which all text is marked as the file's; keys too."""
    if isinstance(value, str):
        return Written(value)
    if isinstance(value, dict):
        return {mark(key): mark(item) for key, item in value.items()}
    if isinstance(value, list):
        return [mark(item) for item in value]
    return value


def unmark(value: Any) -> Any:
    """Plain text again, in place; gives what to put where the value stands."""
    if isinstance(value, Written):
        return str(value)
    if isinstance(value, dict):
        items = [(unmark(key), unmark(item)) for key, item in value.items()]
        if any(type(key) is Written for key in value) or any(item is not value[key] for key, item in items):
            value.clear()
            value.update(items)
    elif isinstance(value, list):
        items_ = [unmark(item) for item in value]
        if any(new is not old for new, old in zip(items_, value, strict=True)):
            value[:] = items_
    return value


class Table:
    """The keys of one map in that language's hash table: open addressing, with deleted entries leaving their mark."""

    def __init__(self, keys: Iterable[Any]) -> None:
        self._slots: list[Any] = [None] * SMALLEST
        self._used = 0
        self._filled = 0
        for key in keys:
            self.insert(key)

    def insert(self, key: Any) -> None:
        """Add a key that is not there."""
        if self._place((_hash(key), key)):
            self._filled += 1
        self._used += 1
        if self._filled * 3 >= len(self._slots) * 2:
            self._grow()

    def delete(self, key: Any) -> None:
        self._slots[next(index for index, entry in enumerate(self._slots) if entry and entry[1] == key)] = DELETED
        self._used -= 1

    def order(self) -> list[Any]:
        return [entry[1] for entry in self._slots if entry]

    def _grow(self) -> None:
        size = SMALLEST
        while size <= self._used * (2 if self._used > MANY else 4):
            size *= 2
        entries = [entry for entry in self._slots if entry]
        self._slots = [None] * size
        for entry in entries:
            self._place(entry)
        self._filled = self._used

    def _place(self, entry: tuple[int, Any]) -> bool:
        """Put an entry into its slot; True if nothing was there before, not even a deleted entry."""
        mask = len(self._slots) - 1
        index = perturb = entry[0]
        free = None
        while self._slots[index & mask] is not None:
            if free is None and self._slots[index & mask] is DELETED:
                free = index & mask
            index = (index * 5 + perturb + 1) & MASK
            perturb >>= PERTURB_SHIFT
        self._slots[index & mask if free is None else free] = entry
        return free is None


DELETED = ()
"""Where an entry was that is no longer there."""


class Settled(dict[Any, Any]):
    """A map whose order is that of its table already, since entries were deleted from it."""

    settled = True


def settle(value: dict[Any, Any], table: Table) -> Settled:
    """The entries that a table still holds, in its order."""
    return Settled((key, value[key]) for key in table.order())


def reinsert(value: Any, times: int = 1) -> None:
    """Put every map within into the order that copying it so many times gives; in place."""
    if times <= 0:
        return
    if isinstance(value, dict):
        for item in value.values():
            if isinstance(item, dict | list):
                reinsert(item, times)
        reinsert_keys(value, times)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict | list):
                reinsert(item, times)


def reinsert_keys(value: dict[Any, Any], times: int = 1) -> None:
    """The same for a map alone, without what is within."""
    if isinstance(value, Settled) and value.settled and times > 0:
        value.settled = False
        times -= 1
    if len(value) < 2 or times <= 0:
        return
    before = list(value)
    after = _copied_order(before, times)
    if after != before:
        ordered = [(key, value[key]) for key in after]
        value.clear()
        value.update(ordered)


def _copied_order(keys: list[Any], times: int) -> list[Any]:
    """The order after so many copies; orders come back soon, most of them at once."""
    orders = [keys]
    while len(orders) <= times:
        following = Table(orders[-1]).order()
        if following in orders:
            start = orders.index(following)
            return orders[start + (times - start) % (len(orders) - start)]
        orders.append(following)
    return orders[times]


def table_order(value: dict[Any, Any]) -> list[Any]:
    """The keys of a map in the order of a table that they were inserted into one after the other."""
    return list(value) if isinstance(value, Settled) and value.settled else Table(value).order()


@lru_cache(maxsize=4096)
def _hash(key: Any) -> int:
    if not isinstance(key, str):
        return hash(key) & MASK
    if not key:
        return 0
    value = ord(key[0]) << 7
    for letter in key:
        value = ((1000003 * value) & MASK) ^ ord(letter)
    return value ^ len(key)


def text_of(value: Any) -> str:
    """A value as Python 2.7 shows it."""
    if isinstance(value, dict):
        entries = (f"{text_of(key)}: {text_of(value[key])}" for key in table_order(value))
        return "{" + ", ".join(entries) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(text_of(item) for item in value) + "]"
    if isinstance(value, Written):
        return "u" + _quoted(value)
    return _quoted(value) if isinstance(value, str) else repr(value)


def json_of(value: Any) -> str:
    """A value as JSON, its entries in the order of that language's tables."""
    return json.dumps(_in_order(value))


def _in_order(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _in_order(value[key]) for key in table_order(value)}
    return [_in_order(item) for item in value] if isinstance(value, list) else value


def _quoted(text: str) -> str:
    if text.isascii():
        return str.__repr__(text)
    quote = '"' if "'" in text and '"' not in text else "'"
    return quote + "".join(_escaped(letter, quote) for letter in text) + quote


def _escaped(letter: str, quote: str) -> str:
    if letter in (quote, "\\"):
        return "\\" + letter
    if letter in ESCAPES:
        return ESCAPES[letter]
    code = ord(letter)
    if 0x20 <= code < 0x7F:
        return letter
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


ESCAPES = {"\t": "\\t", "\n": "\\n", "\r": "\\r"}
