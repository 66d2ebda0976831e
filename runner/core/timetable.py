"""Schedule expressions: `rate(...)`, `cron(...)`, `at(...)`, and when they fire next.

The arithmetic is our own and not croniter's, because it must be AWS's: weekdays are 1-7 from Sunday, exactly one of the
day fields is `?`, `W` finds the nearest weekday, there is a year field, and clock changes skip a missing local time and
take a repeated one once. croniter differs in each of these; the tests hold the rest of this module against it.

Shape:  `parse` gives a Rate, a Cron or an At; `next_after` the next moment, in epoch seconds.
Errors: TimetableError with the exact message of the API that was asked, and `why` for people.
Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, tzinfo
from enum import StrEnum
from typing import NamedTuple

from runner.core.timetable_fields import RANGES, Days, FieldError, parse_days, parse_field

UNITS_S = {"minute": 60, "hour": 3600, "day": 86400}
RATE = re.compile(r"rate\((-?[0-9]+) (minute|hour|day)(s?)\)", re.ASCII)
CRON = re.compile(r"cron\((.*)\)", re.DOTALL)
AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?)\)", re.ASCII)
HORIZON_YEARS = 100  # a date that does not come within a century does not come


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

    def next_after(self, at: float, *, start: float, zone: tzinfo = UTC) -> float | None:
        """The first of start, start + period, ... that is later than `at`."""
        first = math.ceil(start)
        if at < first:
            return float(first)
        return float(first + (math.floor((at - first) / self.period_s) + 1) * self.period_s)


class At(NamedTuple):
    """Once, at a local time."""

    local: datetime

    def next_after(self, at: float, *, start: float = 0.0, zone: tzinfo = UTC) -> float | None:
        moment = self.local.replace(tzinfo=zone).timestamp()
        return moment if moment > at else None


class Cron(NamedTuple):
    """At every minute that all fields take. `years` is empty for any."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    days: Days
    months: frozenset[int]
    years: frozenset[int]

    def next_after(self, at: float, *, start: float = 0.0, zone: tzinfo = UTC) -> float | None:
        """The next moment later than `at`; None if there is none."""
        local = datetime.fromtimestamp(at, zone).replace(tzinfo=None, fold=0)
        for naive in self._times(local):
            aware = naive.replace(tzinfo=zone)
            moment = aware.timestamp()
            # A local time that the clocks skip comes back as another one.
            if moment > at and datetime.fromtimestamp(moment, zone).replace(tzinfo=None, fold=0) == naive:
                return moment
        return None

    def _times(self, local: datetime) -> Iterator[datetime]:
        for day in self._dates(local.date()):
            today = day == local.date()
            for hour in self.hours:
                if today and hour < local.hour:
                    continue
                for minute in self.minutes:
                    if not (today and hour == local.hour and minute < local.minute):
                        yield datetime(day.year, day.month, day.day, hour, minute)

    def _dates(self, first: date) -> Iterator[date]:
        for year in self._years(first.year):
            for month in sorted(self.months):
                if (year, month) >= (first.year, first.month):
                    for day in self.days.of(year, month):
                        found = date(year, month, day)
                        if found >= first:
                            yield found

    def _years(self, first: int) -> Iterator[int]:
        if self.years:
            yield from (year for year in sorted(self.years) if first <= year)
        else:
            yield from range(first, min(first + HORIZON_YEARS, 9999))


Timetable = Rate | Cron | At


def parse(expression: str, dialect: Dialect = Dialect.RULE) -> Timetable:
    """Read a schedule expression as PutRule or as Scheduler does. Raises TimetableError."""
    try:
        return _parse(expression, dialect)
    except FieldError as error:
        raise TimetableError(expression, dialect, str(error)) from None


def never_fires(timetable: Timetable, now: float, zone: tzinfo = UTC) -> bool:
    """Whether no moment after `now` is left: a day that does not exist, years or a date gone by."""
    return timetable.next_after(now, start=now, zone=zone) is None


def next_times(timetable: Timetable, after: float, count: int, *, start: float, zone: tzinfo = UTC) -> list[float]:
    """The next `count` moments, fewer if there are fewer."""
    times: list[float] = []
    moment: float | None = after
    while len(times) < count and moment is not None:
        moment = timetable.next_after(moment, start=start, zone=zone)
        if moment is not None:
            times.append(moment)
    return times


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
        parse_field("month", months),
        frozenset() if years.strip(",") == "*" else parse_field("year", years),
    )


def whole_second(at: float) -> datetime:
    """Epoch seconds as the UTC time that envelopes show."""
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=math.floor(at))
