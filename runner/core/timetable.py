"""Schedule expressions, as written: `rate(...)`, `cron(...)`, `at(...)`, with AWS's grammar, limits and errors.

When they fire is told by `timetable_times`, which is apart because its calendar takes longer to import than a stack
file takes to be checked.

Shape:  `parse` gives a Rate, a Cron or an At.
Errors: TimetableError with the exact message of the API that was asked, and `why` for people.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import re
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from runner.core.timetable_fields import RANGES, Days, FieldError, isleap, longest, parse_days, parse_field

UNITS_S = {"minute": 60, "hour": 3600, "day": 86400}
RATE = re.compile(r"rate\((-?[0-9]+) (minute|hour|day)(s?)\)", re.ASCII)
CRON = re.compile(r"cron\((.*)\)", re.DOTALL)
AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)\)", re.ASCII)


class Dialect(StrEnum):
    """Who takes the expression; rules are stricter and know no `at`."""

    RULE = "rule"
    SCHEDULER = "scheduler"


class TimetableError(ValueError):
    """Not a schedule expression. `message` is the API's answer, `why` says what is wrong."""

    def __init__(self, expression: str, dialect: Dialect, why: str) -> None:
        if dialect is Dialect.RULE:
            self.message = "Parameter ScheduleExpression is not valid."
        else:
            self.message = f"Invalid Schedule Expression {expression}."
        self.why = why
        super().__init__(self.message)


class Rate(NamedTuple):
    """Every `period_s` seconds, counted from when the schedule starts; clock changes do not matter."""

    period_s: int


class At(NamedTuple):
    """Once, at a local time."""

    local: datetime


class Cron(NamedTuple):
    """At every minute that all fields take. `years` is empty for any."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: tuple[int, ...]
    years: tuple[int, ...]


Timetable = Rate | Cron | At


def parse(expression: str, dialect: Dialect = Dialect.RULE) -> Timetable:
    """Read a schedule expression as PutRule or as Scheduler does. Raises TimetableError."""
    try:
        return _parse(expression, dialect)
    except FieldError as error:
        raise TimetableError(expression, dialect, str(error)) from None


def never_fires(timetable: Timetable) -> bool:
    """Whether its day is one that none of its months ever has, such as 30 February."""
    if not isinstance(timetable, Cron):
        return False
    leap = not timetable.years or any(isleap(year) for year in timetable.years)
    return all(longest(month, leap=leap) < timetable.days.earliest for month in timetable.months)


def _parse(expression: str, dialect: Dialect) -> Timetable:
    scheduler = dialect is Dialect.SCHEDULER
    text = _lowered_keyword(expression) if scheduler else expression
    if found := RATE.fullmatch(text):
        return _rate(int(found[1]), found[2], plural=bool(found[3]), lenient=scheduler)
    if found := CRON.fullmatch(text):
        return _cron(found[1].split(), year_optional=scheduler)
    if scheduler and (found := AT.fullmatch(text)):
        return _at(found[1])
    raise FieldError(_advice(text, scheduler))


def _lowered_keyword(expression: str) -> str:
    keyword, bracket, rest = expression.partition("(")
    return keyword.lower() + bracket + rest


def _advice(text: str, scheduler: bool) -> str:
    keyword = text.partition("(")[0].strip().lower()
    if keyword == "rate":
        return "a rate is written rate(1 minute) or rate(N minutes), with minutes, hours or days"
    if keyword == "cron":
        return "a cron expression is written cron(minutes hours day-of-month month day-of-week year)"
    if keyword == "at":
        if scheduler:
            return "a single moment is written at(yyyy-mm-ddThh:mm:ss), without a time zone"
        return "at() is for schedules of AWS::Scheduler::Schedule; rules take rate() and cron()"
    return "a schedule expression starts with rate( or cron(" + (" or at(" if scheduler else "")


def _rate(value: int, unit: str, *, plural: bool, lenient: bool) -> Rate:
    if value < 1:
        raise FieldError("a rate's value is at least 1")
    if not lenient and plural != (value != 1):
        raise FieldError(f"write rate({value} {unit}{'s' if value != 1 else ''}): the unit is singular for 1 alone")
    return Rate(value * UNITS_S[unit])


def _at(text: str) -> At:
    try:
        return At(datetime.fromisoformat(text))
    except ValueError:
        raise FieldError(f"{text} is no date and time") from None


def _cron(fields: list[str], *, year_optional: bool) -> Cron:
    if len(fields) == 5 and year_optional:
        fields = [*fields, "*"]
    if len(fields) != 6:
        raise FieldError(f"a cron expression has six fields ({', '.join(RANGES)}), not {len(fields)}")
    minutes, hours, of_month, months, of_week, years = fields
    return Cron(
        tuple(sorted(parse_field("minutes", minutes))),
        tuple(sorted(parse_field("hours", hours))),
        parse_days(of_month, of_week),
        tuple(sorted(parse_field("month", months))),
        () if years.strip(",") == "*" else tuple(sorted(parse_field("year", years))),
    )
