"""What one value of an event is held against: one small class an operator, each a pure test of a value's key."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cached_property

from runner.core.patterns.values import Value, address
from runner.core.patterns.wildcards import Part, matches


class Predicate:
    """A test of one value. Equal predicates are equal values, so that they can be shared and counted."""

    __slots__ = ()

    def test(self, value: Value) -> bool:
        raise NotImplementedError


@dataclass(frozen=True, slots=True)
class Address(Predicate):
    """A literal that is an IP address: compared by its value, however it is spelled."""

    bits: int
    number: int

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and address(value) == (self.bits, self.number)


@dataclass(frozen=True, slots=True)
class Cidr(Predicate):
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


@dataclass(frozen=True, slots=True)
class Prefix(Predicate):
    text: str

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and value.startswith(self.text)


@dataclass(frozen=True, slots=True)
class Suffix(Predicate):
    text: str

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and value.endswith(self.text)


@dataclass(frozen=True)
class IgnoreCase(Predicate):
    """`equals-ignore-case`, whole (`where` empty) or as a `prefix` or `suffix`.

    Every character of the pattern matches its own lower or upper case (`straße` takes STRASSE, not the reverse).
    """

    text: str
    where: str = ""

    @cached_property
    def _regex(self) -> re.Pattern[str]:
        body = "".join(_either_case(char) for char in self.text)
        ends = {"": rf"{body}\Z", "prefix": body, "suffix": rf".*{body}\Z"}
        return re.compile(ends[self.where], re.DOTALL)

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and self._regex.match(value) is not None


def _either_case(char: str) -> str:
    lower, upper = char.lower(), char.upper()
    return re.escape(lower) if lower == upper else f"(?:{re.escape(lower)}|{re.escape(upper)})"


@dataclass(frozen=True, slots=True)
class Wildcard(Predicate):
    text: str
    parts: tuple[Part, ...] = field(compare=False)

    def test(self, value: Value) -> bool:
        return isinstance(value, str) and matches(self.parts, value)


@dataclass(frozen=True, slots=True)
class Numeric(Predicate):
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


@dataclass(frozen=True, slots=True)
class AnythingBut(Predicate):
    """Any value, of whatever type, that is neither one of `values` nor taken by one of `predicates`."""

    values: frozenset[Value] = frozenset()
    predicates: tuple[Predicate, ...] = ()

    def test(self, value: Value) -> bool:
        return value not in self.values and not any(predicate.test(value) for predicate in self.predicates)


@dataclass(frozen=True, slots=True)
class Present(Predicate):
    def test(self, value: Value) -> bool:
        return True


@dataclass(frozen=True, slots=True)
class Condition:
    """What one field must meet: equal one of `literals`, meet one of `predicates`, or, where `absent`, not be there."""

    literals: frozenset[Value] = frozenset()
    predicates: tuple[Predicate, ...] = ()
    absent: bool = False

    def test(self, value: Value) -> bool:
        if value in self.literals:
            return True
        return any(predicate.test(value) for predicate in self.predicates)
