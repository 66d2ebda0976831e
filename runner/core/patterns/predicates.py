"""What one value of an event is held against: one small class an operator, each a pure test of a value's key."""

from __future__ import annotations

import re
from typing import NamedTuple

from runner.core.patterns.values import Value, address
from runner.core.patterns.wildcards import Part, matches

# Named tuples, not dataclasses: making a class of these takes a sixth of the time, which `validate` waits for.


class Address(NamedTuple):
    """A literal that is an IP address: compared by its value, however it is spelled."""

    bits: int
    number: int

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and address(value) == (self.bits, self.number)


class Cidr(NamedTuple):
    """A network. A mask of 0 takes addresses of both families: so does AWS's byte-wise range."""

    bits: int
    number: int
    mask: int

    def test(self, value: Value) -> bool:
        found = address(value) if isinstance(value, str) else None
        if found is None:
            return False
        shift = self.bits - self.mask
        return self.mask == 0 or (found[0] == self.bits and found[1] >> shift == self.number >> shift)


class Prefix(NamedTuple):
    text: str

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and value.startswith(self.text)


class Suffix(NamedTuple):
    text: str

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and value.endswith(self.text)


class IgnoreCase(NamedTuple):
    """`equals-ignore-case`, of the whole or of a prefix or suffix; see `ignore_case`."""

    text: str
    regex: re.Pattern[str]

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and self.regex.match(value) is not None


def ignore_case(text: str, where: str = "") -> IgnoreCase:
    """Of the whole value, or where it says `prefix` or `suffix`, of that.

    Every character of the pattern matches its own lower or upper case (`straße` takes STRASSE, not the reverse).
    """
    body = "".join(map(_either_case, text))
    ends = {"": rf"{body}\Z", "prefix": body, "suffix": rf".*{body}\Z"}
    return IgnoreCase(text, re.compile(ends[where], re.DOTALL))


def _either_case(char: str) -> str:
    lower, upper = char.lower(), char.upper()
    return re.escape(lower) if lower == upper else f"(?:{re.escape(lower)}|{re.escape(upper)})"


class Wildcard(NamedTuple):
    text: str
    parts: tuple[Part, ...]

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and matches(self.parts, value)


class Numeric(NamedTuple):
    """Numbers from `low` to `high`; each end is part of the range unless it is `open`."""

    low: float
    high: float
    low_open: bool = False
    high_open: bool = False

    def test(self, value: Value) -> bool:
        if not isinstance(value, int | float):
            return False
        above = value > self.low if self.low_open else value >= self.low
        return above and (value < self.high if self.high_open else value <= self.high)


class AnythingBut(NamedTuple):
    """Any value, of whatever type, that is neither one of `values` nor taken by one of `predicates`."""

    values: frozenset[Value] = frozenset()
    predicates: tuple[Predicate, ...] = ()

    def test(self, value: Value) -> bool:
        return value not in self.values and not any(predicate.test(value) for predicate in self.predicates)


class Present:
    """The field is there, whatever its value."""

    __slots__ = ()

    def test(self, value: Value) -> bool:
        return True


Predicate = Address | Cidr | Prefix | Suffix | IgnoreCase | Wildcard | Numeric | AnythingBut | Present
"""A test of one value."""


class Condition(NamedTuple):
    """What one field must meet: equal one of `literals`, meet one of `predicates`, or, where `absent`, not be there."""

    literals: frozenset[Value] = frozenset()
    predicates: tuple[Predicate, ...] = ()
    absent: bool = False

    def test(self, value: Value) -> bool:
        if value in self.literals:
            return True
        return any(predicate.test(value) for predicate in self.predicates)
