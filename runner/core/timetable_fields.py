"""The six fields of a cron expression: what each takes, and what the two day fields mean."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

MONTH_NAMES = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
MONTHS = {name: number for number, name in enumerate(MONTH_NAMES, 1)}
WEEKDAYS = {name: number for number, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}
LENGTHS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
LAST = 7  # of the week: `L` alone is Saturday
ITEM = re.compile(r"(?P<first>\*|[A-Z0-9]+)(?:-(?P<last>[A-Z0-9]+))?(?:/(?P<step>[0-9]+))?")
NEAREST = re.compile(r"([0-9]{1,2})W")
NTH = re.compile(r"([0-9A-Z]+)#([0-9]+)")
LAST_OF_KIND = re.compile(r"([0-9A-Z]+)L")


class FieldError(ValueError):
    """A field says something that AWS does not take; the text is for people."""


class Range(NamedTuple):
    low: int
    high: int
    names: Mapping[str, int]


RANGES: Mapping[str, Range] = {
    "minutes": Range(0, 59, {}),
    "hours": Range(0, 23, {}),
    "day-of-month": Range(1, 31, {}),
    "month": Range(1, 12, MONTHS),
    "day-of-week": Range(1, 7, WEEKDAYS),
    "year": Range(1970, 2199, {}),
}
YEAR_MAX = 9999  # AWS documents 2199 and takes later years


class Days(NamedTuple):
    """Which days of a month: by `numbers`, by `weekdays` (1 is Sunday), or by one of the special forms."""

    numbers: frozenset[int] = frozenset()
    weekdays: frozenset[int] = frozenset()
    last: bool = False  # the last day
    last_workday: bool = False
    nearest: int | None = None  # the workday nearest to this day
    nth: tuple[int, int] | None = None  # (weekday, which one in the month)
    last_weekday: int | None = None

    @property
    def earliest(self) -> int:
        """No month that is shorter than this has such a day."""
        if self.nth is not None:
            return (self.nth[1] - 1) * 7 + 1
        return self.nearest or min(self.numbers, default=1)


def isleap(year: int) -> bool:
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


def longest(month: int, *, leap: bool) -> int:
    """How many days a month has, in a leap year or in another."""
    return 29 if month == 2 and leap else LENGTHS[month - 1]


def parse_field(name: str, text: str) -> frozenset[int]:
    """The values of a field: lists, ranges (which may wrap around), steps. Raises FieldError."""
    limits = RANGES[name]
    # Blanks after commas leave empty items behind, which AWS tolerates.
    items = [item for item in text.upper().split(",") if item]
    if not items:
        raise FieldError(f"{name} is empty")
    values: set[int] = set()
    for item in items:
        values |= _item(name, limits, item)
    return frozenset(values)


def _item(name: str, limits: Range, item: str) -> set[int]:
    found = ITEM.fullmatch(item)
    if found is None:
        raise FieldError(f"{name} cannot be {item!r}")
    step = int(found["step"] or 1)
    if not 1 <= step <= limits.high:
        raise FieldError(f"the step of {name} in {item!r} must be from 1 to {limits.high}")
    if found["first"] == "*":
        if found["last"]:
            raise FieldError(f"{name} cannot be {item!r}")
        return set(range(limits.low, limits.high + 1, step))
    first = _number(name, limits, found["first"])
    if found["last"]:
        last = _number(name, limits, found["last"])
        if last < first:
            if name == "year":
                raise FieldError(f"the years {item} run backwards")
            span = limits.high - limits.low + 1
            return {(value - limits.low) % span + limits.low for value in range(first, last + span + 1, step)}
        return set(range(first, last + 1, step))
    return set(range(first, limits.high + 1, step)) if found["step"] else {first}


def _number(name: str, limits: Range, text: str) -> int:
    if text in limits.names:
        return limits.names[text]
    high = YEAR_MAX if name == "year" else limits.high
    if not text.isdecimal() or not limits.low <= int(text) <= high:
        names = f" or {next(iter(limits.names))}-{list(limits.names)[-1]}" if limits.names else ""
        raise FieldError(f"{name} takes {limits.low}-{limits.high}{names}, not {text!r}")
    return int(text)


def parse_days(of_month: str, of_week: str) -> Days:
    """The two day fields, of which exactly one is `?`. Raises FieldError."""
    of_month, of_week = of_month.upper().rstrip(","), of_week.upper().rstrip(",")
    if (of_month == "?") == (of_week == "?"):
        raise FieldError("exactly one of day-of-month and day-of-week must be '?'")
    return _of_month(of_month) if of_week == "?" else _of_week(of_week)


def _of_month(text: str) -> Days:
    if text == "L":
        return Days(last=True)
    if text == "LW":
        return Days(last_workday=True)
    if found := NEAREST.fullmatch(text):
        return Days(nearest=_number("day-of-month", RANGES["day-of-month"], found[1]))
    return Days(numbers=parse_field("day-of-month", text))


def _of_week(text: str) -> Days:
    limits = RANGES["day-of-week"]
    if text == "L":
        return Days(weekdays=frozenset({LAST}))
    if found := NTH.fullmatch(text):
        which = int(found[2])
        if not 1 <= which <= 5:
            raise FieldError(f"a month has no weekday number {which}: day-of-week {text!r} takes #1 to #5")
        return Days(nth=(_number("day-of-week", limits, found[1]), which))
    if found := LAST_OF_KIND.fullmatch(text):
        return Days(last_weekday=_number("day-of-week", limits, found[1]))
    return Days(weekdays=parse_field("day-of-week", text))
