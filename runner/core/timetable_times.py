"""When a timetable fires. The calendar is croniter's: it finds the next and the previous date and time of a Cron.

What AWS writes otherwise is translated: weekdays count from 1, `6L` is `l5`, `LW` the workday nearest to the 31st
(which croniter brings within the month). What croniter does not have is done here, and no more than this:

- years: its year field ends in 2099, AWS's in 2199. So it searches without years, and years left out are jumped over;
- `29W` to `31W` in months without such a day: croniter brings the day within the month, here the month is jumped over;
- clock changes: croniter moves a missing local time to the next that there is, and fires every-hour expressions in
  both of two equal hours. Scheduler skips a missing local time and takes a repeated one once, the first time. So
  croniter counts in local time without a zone, and what it finds is set into the zone here;
- rates and single moments, which are no cron.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html (time zones, daylight saving)
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import Protocol

from croniter import croniter

from runner.core.timetable import At, Cron, Rate, Timetable, never_fires
from runner.core.timetable_fields import Days, isleap, longest

GAP_YEARS = 40  # the rarest day is a fifth weekday of February; over a century without a leap day it takes this long
LAST_YEAR = 9998  # one year is kept free at the end of the calendar, so that no zone leads out of it
FIRST_YEAR = 1970
END = datetime(LAST_YEAR + 1, 1, 1, tzinfo=UTC).timestamp()


class Times(Protocol):
    """The moments at which a timetable fires, in epoch seconds; each call takes a bounded search."""

    def next_after(self, at: float) -> float | None:
        """The first moment later than `at`; None if there is none."""
        ...

    def latest_until(self, at: float) -> float | None:
        """The last moment that is not later than `at`; None if there is none."""
        ...


def times_of(timetable: Timetable, *, start: float = 0.0, zone: tzinfo = UTC) -> Times:
    """The moments of a timetable; a rate counts from `start`, the others are local times of `zone`."""
    match timetable:
        case Rate():
            return _RateTimes(timetable.period_s, math.ceil(start))
        case At():
            return _AtTimes(timetable.local.replace(tzinfo=zone).timestamp())
        case Cron():
            return _CronTimes(timetable, zone)


def next_times(times: Times, after: float, count: int) -> list[float]:
    """The next `count` moments, fewer if there are fewer."""
    found: list[float] = []
    moment = times.next_after(after)
    while moment is not None and len(found) < count:
        found.append(moment)
        moment = times.next_after(moment)
    return found


class _RateTimes:
    """first, first + period, ..."""

    def __init__(self, period_s: int, first: int) -> None:
        self._period_s = period_s
        self._first = first

    def next_after(self, at: float) -> float | None:
        return float(max(self._first, self._latest(at) + self._period_s))

    def latest_until(self, at: float) -> float | None:
        return float(self._latest(at)) if at >= self._first else None

    def _latest(self, at: float) -> int:
        return self._first + math.floor((at - self._first) / self._period_s) * self._period_s


class _AtTimes:
    def __init__(self, moment: float) -> None:
        self._moment = moment

    def next_after(self, at: float) -> float | None:
        return self._moment if self._moment > at else None

    def latest_until(self, at: float) -> float | None:
        return self._moment if self._moment <= at else None


class _CronTimes:
    """Counts in local time; only what is found is set into the zone."""

    def __init__(self, cron: Cron, zone: tzinfo) -> None:
        self._zone = zone
        self._years = cron.years
        self._shortest = cron.days.nearest or 1  # months that are shorter have no such day
        self._never = never_fires(cron)
        self._calendar = croniter(
            _translated(cron), datetime(FIRST_YEAR, 1, 1), ret_type=datetime, max_years_between_matches=GAP_YEARS
        )

    def next_after(self, at: float) -> float | None:
        if at >= END:
            return None
        found = self._search(datetime.fromtimestamp(math.floor(at), self._zone).replace(tzinfo=None, fold=0))
        while found is not None:
            moment = self._moment(found)
            if moment is not None and moment > at:
                return moment
            found = self._search(found)
        return None

    def latest_until(self, at: float) -> float | None:
        # Of a repeated local time the first counts; what lies behind it in local time may be before it.
        here = datetime.fromtimestamp(math.floor(min(at, END)) + 1, self._zone)
        offset, first = here.utcoffset(), here.replace(fold=0).utcoffset()
        repeated = first - offset if first is not None and offset is not None else None
        local = here.replace(tzinfo=None, fold=0)
        found = self._search(local + repeated if repeated else local, back=True)
        while found is not None:
            moment = self._moment(found)
            if moment is not None and moment <= at:
                return moment
            found = self._search(found, back=True)
        return None

    def _moment(self, local: datetime) -> float | None:
        """The first moment of a local time; None for one that the clocks skip: it comes back as another."""
        moment = local.replace(tzinfo=self._zone).timestamp()
        there = datetime.fromtimestamp(moment, self._zone).replace(tzinfo=None, fold=0)
        return moment if there == local else None

    def _search(self, local: datetime, *, back: bool = False) -> datetime | None:
        """The next local time after `local`, or the last before it."""
        if self._never:
            return None
        step = self._calendar.get_prev if back else self._calendar.get_next
        while True:
            try:
                found: datetime = step(datetime, start_time=local)
            except (ValueError, OverflowError):  # nothing within GAP_YEARS, or within the calendar
                return None
            if found.year > LAST_YEAR or (back and found.year < FIRST_YEAR):
                return None
            jumped = self._jump(found, back=back)
            if jumped is found:
                return found
            if jumped is None:
                return None
            local = jumped

    def _jump(self, found: datetime, *, back: bool) -> datetime | None:
        """`found` itself if its year and month count; else where to go on from; None if there is nowhere."""
        year, month = found.year, found.month
        if self._years and year not in self._years:
            years = [one for one in self._years if (one < year if back else one > year)]
            if not years:
                return None
            return datetime(years[-1] + 1, 1, 1) if back else datetime(years[0] - 1, 12, 31, 23, 59)
        length = longest(month, leap=isleap(year))
        if length < self._shortest:
            return datetime(year, month, 1) if back else datetime(year, month, length, 23, 59)
        return found


def _translated(cron: Cron) -> str:
    """The expression as croniter writes it, years left out."""
    minutes, hours, months = _listed(cron.minutes, 60), _listed(cron.hours, 24), _listed(cron.months, 12)
    of_month, of_week = _days(cron.days)
    return f"{minutes} {hours} {of_month} {months} {of_week}"


def _days(days: Days) -> tuple[str, str]:
    if days.last:
        return "l", "*"
    if days.last_workday:
        return "31w", "*"
    if days.nearest is not None:
        return f"{days.nearest}w", "*"
    if days.nth is not None:
        weekday, which = days.nth
        return "*", f"{weekday - 1}#{which}"
    if days.last_weekday is not None:
        return "*", f"l{days.last_weekday - 1}"
    if days.weekdays:
        return "*", _listed((weekday - 1 for weekday in days.weekdays), 7)
    return _listed(days.numbers, 31), "*"


def _listed(values: Iterable[int], all_of_them: int) -> str:
    ordered = sorted(values)
    return "*" if len(ordered) == all_of_them else ",".join(map(str, ordered))
