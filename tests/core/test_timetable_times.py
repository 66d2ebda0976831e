"""When schedule expressions fire: a table, and a calendar that asks of every day and minute whether it is meant.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.timetable import Dialect, never_fires, parse
from runner.core.timetable_times import next_times, times_of
from runner.core.timetable_zones import find_zone

FRIDAY = datetime(2026, 1, 30, 23, 50, tzinfo=UTC).timestamp()
FIRES = [
    ("daily", "cron(0 10 * * ? *)", "01-31T10:00 02-01T10:00 02-02T10:00"),
    ("on workdays", "cron(0 18 ? * MON-FRI *)", "02-02T18:00 02-03T18:00 02-04T18:00"),
    ("a step from a start", "cron(1/10 * * * ? *)", "01-30T23:51 01-31T00:01 01-31T00:11"),
    ("a step of everything", "cron(*/15 * * * ? *)", "01-31T00:00 01-31T00:15 01-31T00:30"),
    ("a step of a range", "cron(0-20/10 5 * * ? *)", "01-31T05:00 01-31T05:10 01-31T05:20"),
    ("hours around midnight", "cron(0/30 20-2 ? * MON-FRI *)", "02-02T00:00 02-02T00:30 02-02T01:00"),
    ("days around the weekend", "cron(0 12 ? * FRI-MON *)", "01-31T12:00 02-01T12:00 02-02T12:00"),
    ("the last Friday", "cron(15 10 ? * 6L *)", "02-27T10:15 03-27T10:15 04-24T10:15"),
    ("the last Friday, by name, for two years", "cron(15 10 ? * FRIL 2026-2027)", "02-27T10:15 03-27T10:15"),
    ("the third Saturday", "cron(0 2 ? * SAT#3 *)", "02-21T02:00 03-21T02:00 04-18T02:00"),
    ("a fifth Monday, where there is one", "cron(0 9 ? * 2#5 *)", "03-30T09:00 06-29T09:00 08-31T09:00"),
    ("the last day", "cron(0 0 L * ? *)", "01-31T00:00 02-28T00:00 03-31T00:00"),
    ("the last workday", "cron(0 0 LW * ? *)", "02-27T00:00 03-31T00:00 04-30T00:00"),
    ("the workday nearest to the first, in the month", "cron(0 0 1W * ? *)", "02-02T00:00 03-02T00:00 04-01T00:00"),
    ("the workday nearest to the middle", "cron(0 0 15W * ? *)", "02-16T00:00 03-16T00:00 04-15T00:00"),
    ("the 31st, where there is one", "cron(0 0 31 * ? *)", "01-31T00:00 03-31T00:00 05-31T00:00"),
    ("a bare L in the week is Saturday", "cron(0 12 ? * L *)", "01-31T12:00 02-07T12:00 02-14T12:00"),
    ("months by number", "cron(0 0 ? 1,7 SUN *)", "07-05T00:00 07-12T00:00 07-19T00:00"),
    ("months by name, small letters", "cron(0 0 1 jul-aug ? *)", "07-01T00:00 08-01T00:00"),
    ("blanks after commas", "cron(5, 0, 1, *, ?, *)", "02-01T00:05 03-01T00:05 04-01T00:05"),
    ("a list", "cron(5,35 14 * * ? *)", "01-31T14:05 01-31T14:35 02-01T14:05"),
]


@pytest.mark.parametrize(("expression", "times"), [row[1:] for row in FIRES], ids=[row[0] for row in FIRES])
def test_when_it_fires(expression: str, times: str) -> None:
    found = next_times(times_of(parse(expression)), FRIDAY, len(times.split()))
    assert [f"{datetime.fromtimestamp(at, UTC):%m-%dT%H:%M}" for at in found] == times.split()


def test_leap_days_and_days_that_never_come() -> None:
    [leap] = next_times(times_of(parse("cron(0 0 29 2 ? *)")), FRIDAY, 1)
    assert datetime.fromtimestamp(leap, UTC) == datetime(2028, 2, 29, tzinfo=UTC)
    for never in ("cron(0 0 30 2 ? *)", "cron(0 0 31 4,6 ? *)", "cron(0 0 29 2 ? 2026)", "cron(0 0 ? 2 2#5 2027)"):
        assert times_of(parse(never)).next_after(FRIDAY) is None
        assert times_of(parse(never)).latest_until(FRIDAY) is None
    assert times_of(parse("cron(0/5 5 ? JAN 1-5 2022)")).next_after(FRIDAY) is None
    assert times_of(parse("at(2022-12-31T23:59:59)", Dialect.SCHEDULER)).next_after(FRIDAY) is None


RARE = [
    ("a year that croniter does not have", "cron(0 20 1 1 ? 2199)", "2199-01-01"),
    ("a year that AWS does not write of", "cron(0 20 1 1 ? 2500)", "2500-01-01"),
    ("a fifth Monday of February", "cron(0 20 ? 2 2#5 *)", "2044-02-29"),
    ("one after a century without a leap day", "cron(0 20 ? 2 1#5 2089-2150)", "2128-02-29"),
    ("the workday nearest to a leap day", "cron(0 20 29W 2 ? *)", "2028-02-29"),
    ("the workday nearest to the 31st", "cron(0 20 31W 2,4,5 ? *)", "2026-05-29"),
    ("a leap day of a century", "cron(0 20 29 2 ? 2100-2399)", "2104-02-29"),
]


@pytest.mark.parametrize(("expression", "day"), [row[1:] for row in RARE], ids=[row[0] for row in RARE])
def test_rare_days(expression: str, day: str) -> None:
    times = times_of(parse(expression))
    found = times.next_after(FRIDAY)
    assert found is not None
    assert f"{datetime.fromtimestamp(found, UTC):%Y-%m-%dT%H:%M}" == f"{day}T20:00"
    assert times.latest_until(found) == found


ENDS = ["cron(0 0 1 1 ? *)", "cron(0 0 29 2 ? *)", "cron(0 0 ? * 2#5 9999)", "cron(* * * * ? *)"]


@pytest.mark.parametrize("expression", ENDS)
@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_the_calendar_has_an_end_and_not_an_error(expression: str, zone: str) -> None:
    times = times_of(parse(expression), zone=find_zone(zone) or UTC)
    for year in (9996, 9998, 9999):
        times.next_after(datetime(year, 12, 31, 23, 59, tzinfo=UTC).timestamp())
        times.latest_until(datetime(year, 12, 31, 23, 59, tzinfo=UTC).timestamp())
    assert times.next_after(datetime(9999, 12, 31, 23, 59, tzinfo=UTC).timestamp()) is None
    assert times.latest_until(-1e9) is None


def test_what_can_be_told_without_a_calendar() -> None:
    for never in ("cron(0 0 30 2 ? *)", "cron(0 0 31W 2 ? *)", "cron(0 0 31 4,6,9 ? *)", "cron(0 0 29 2 ? 2026-2027)"):
        assert never_fires(parse(never)), never
    assert never_fires(parse("cron(0 0 ? 2 MON#5 2100)"))
    for some in ("cron(0 0 29 2 ? *)", "cron(0 0 31 1-12 ? 2020)", "cron(0 0 LW 2 ? *)", "rate(1 day)"):
        assert not never_fires(parse(some)), some


def test_a_rate_counts_from_its_start() -> None:
    hourly = parse("rate(1 hour)")
    assert next_times(times_of(hourly, start=1000.0), 1000.0, 2) == [4600.0, 8200.0]
    assert next_times(times_of(hourly, start=1000.0), 999.0, 2) == [1000.0, 4600.0]
    assert next_times(times_of(hourly, start=1000.0), -1e9, 1) == [1000.0]
    assert next_times(times_of(hourly, start=999.2), 8199.5, 1) == [8200.0]
    assert next_times(times_of(parse("rate(7 days)")), 0.0, 1) == [604800.0]
    found = [times_of(hourly, start=1000.0).latest_until(at) for at in (999.0, 1000.0, 4599.0, 4600.0, 9999.0)]
    assert found == [None, 1000.0, 1000.0, 4600.0, 8200.0]


LA, NEW_YORK, BERLIN = (ZoneInfo(name) for name in ("America/Los_Angeles", "America/New_York", "Europe/Berlin"))
ZONES = [
    ("a missing local time is skipped", LA, "cron(30 2 * * ? *)", (3, 7), ["03-07 02:30", "03-09 02:30"]),
    ("a repeated one comes once, first", NEW_YORK, "cron(30 1 * * ? *)", (11, 1), ["11-01 01:30", "11-02 01:30"]),
    ("all of a repeated hour, too", BERLIN, "cron(0/30 2 * * ? *)", (10, 25), ["10-25 02:00", "10-25 02:30"]),
]


@pytest.mark.parametrize(
    ("zone", "expression", "day", "times"), [row[1:] for row in ZONES], ids=[row[0] for row in ZONES]
)
def test_clock_changes(zone: ZoneInfo, expression: str, day: tuple[int, int], times: list[str]) -> None:
    midnight = datetime(2026, *day, tzinfo=zone).timestamp()
    found = next_times(times_of(parse(expression), zone=zone), midnight, len(times))
    assert [f"{datetime.fromtimestamp(at, zone):%m-%d %H:%M}" for at in found] == times
    assert all(datetime.fromtimestamp(at, zone).fold == 0 for at in found)


def test_zones_are_found_by_their_names() -> None:
    assert find_zone(None) is UTC
    assert str(find_zone("Europe/Berlin")) == "Europe/Berlin"
    for name in ("Mars/Base", "../etc/passwd", "\0"):
        assert find_zone(name) is None


@st.composite
def fields(draw: st.DrawFn, low: int, high: int) -> tuple[str, frozenset[int]]:
    """A field as it is written, and the values it means."""
    texts, values = [], set()
    for _ in range(draw(st.integers(1, 2))):
        first, last = draw(st.integers(low, high)), draw(st.integers(low, high))
        step = draw(st.integers(1, high))
        around = [*range(first, high + 1), *range(low, high + 1)]
        around = around[: around.index(last) + 1]
        text, meant = draw(
            st.sampled_from(
                [
                    (f"{first}", [first]),
                    (f"{first}-{last}", around),
                    (f"{first}-{last}/{step}", around[::step]),
                    (f"{first}/{step}", [*range(first, high + 1, step)]),
                    (f"*/{step}", [*range(low, high + 1, step)]),
                    ("*", [*range(low, high + 1)]),
                ]
            )
        )
        texts.append(text)
        values |= set(meant)
    return ",".join(texts), frozenset(values)


SATURDAY, SUNDAY = 7, 1


def weekday(day: date) -> int:
    return day.isoweekday() % 7 + 1


def month_of(day: date) -> list[date]:
    return [date(day.year, day.month, n + 1) for n in range(calendar.monthrange(day.year, day.month)[1])]


@st.composite
def days(draw: st.DrawFn) -> tuple[str, str, tuple[str, object]]:
    """Day of month, day of week, and what they mean together."""
    number, which = draw(st.integers(1, 7)), draw(st.integers(1, 5))
    near = draw(st.one_of(st.integers(1, 31), st.integers(27, 31)))
    some_days, some_weekdays = draw(fields(1, 31)), draw(fields(1, 7))
    return draw(
        st.sampled_from(
            [
                (some_days[0], "?", ("numbers", some_days[1])),
                ("?", some_weekdays[0], ("weekdays", some_weekdays[1])),
                ("L", "?", ("nearest to the end", 0)),
                ("LW", "?", ("workday nearest to", 0)),
                (f"{near}W", "?", ("workday nearest to", near)),
                ("?", f"{number}L", ("the last", number)),
                ("?", f"{number}#{which}", ("which", (number, which))),
                ("?", "L", ("weekdays", frozenset({SATURDAY}))),
            ]
        )
    )


def is_meant(day: date, meaning: tuple[str, object]) -> bool:
    kind, value = meaning
    month = month_of(day)
    same = [one for one in month if weekday(one) == weekday(day)]
    match kind:
        case "numbers":
            assert isinstance(value, frozenset)
            return day.day in value
        case "weekdays":
            assert isinstance(value, frozenset)
            return weekday(day) in value
        case "nearest to the end":
            return day == month[-1]
        case "the last":
            return weekday(day) == value and day == same[-1]
        case "which":
            return (weekday(day), same.index(day) + 1) == value
        case _:
            assert isinstance(value, int)
            wanted = value or len(month)
            workdays = [one for one in month if weekday(one) not in (SATURDAY, SUNDAY)]
            return wanted <= len(month) and day == min(workdays, key=lambda one: abs(one.day - wanted))


def near_a_turn(year: int) -> st.SearchStrategy[datetime]:
    low, high = datetime(year, 1, 1), datetime(year, 12, 31, 23, 59, 59)
    return st.one_of(
        st.datetimes(low, high),
        st.datetimes(datetime(year, 2, 27), datetime(year, 3, 2)),
        st.sampled_from([low, high]),
    )


SEARCHED = 800  # days


@given(
    fields(0, 59),
    fields(0, 23),
    days(),
    fields(1, 12),
    st.one_of(st.none(), st.lists(st.integers(-1, 2), min_size=1, max_size=2)),
    st.one_of(st.integers(1972, 2197), st.integers(2096, 2101)).flatmap(near_a_turn),
)
def test_every_day_is_asked(
    minutes: tuple[str, frozenset[int]],
    hours: tuple[str, frozenset[int]],
    day: tuple[str, str, tuple[str, object]],
    months: tuple[str, frozenset[int]],
    offsets: list[int] | None,
    now: datetime,
) -> None:
    years = None if offsets is None else {now.year + offset for offset in offsets}
    year_text = "*" if years is None else ",".join(map(str, years))
    times = times_of(parse(f"cron({minutes[0]} {hours[0]} {day[0]} {months[0]} {day[1]} {year_text})"))

    def on(one: date) -> list[datetime]:
        if one.month not in months[1] or (years is not None and one.year not in years) or not is_meant(one, day[2]):
            return []
        return [datetime(one.year, one.month, one.day, h, m) for h in sorted(hours[1]) for m in sorted(minutes[1])]

    ahead = (time for n in range(SEARCHED) for time in on(now.date() + timedelta(n)) if time > now)
    behind = (time for n in range(SEARCHED) for time in reversed(on(now.date() - timedelta(n))) if time <= now)
    at = now.replace(tzinfo=UTC).timestamp()
    _agree(next(ahead, None), times.next_after(at), now)
    _agree(next(behind, None), times.latest_until(at), now)


def _agree(wanted: datetime | None, found: float | None, now: datetime) -> None:
    got = None if found is None else datetime.fromtimestamp(found, UTC).replace(tzinfo=None)
    if wanted is not None:
        assert got == wanted
    else:
        assert got is None or abs(got.date() - now.date()).days >= SEARCHED


CHANGES = [
    ("America/New_York", datetime(2026, 3, 8)),
    ("America/New_York", datetime(2026, 11, 1)),
    ("Europe/Berlin", datetime(2027, 3, 28)),
    ("Europe/Berlin", datetime(2026, 10, 25)),
    ("Australia/Lord_Howe", datetime(2026, 4, 5)),
    ("Australia/Lord_Howe", datetime(2026, 10, 4)),
    ("America/Santiago", datetime(2026, 4, 5)),
    ("Asia/Kathmandu", datetime(2026, 4, 5)),
]
REACH_MIN = 3 * 1440


@given(
    fields(0, 59),
    fields(0, 23),
    st.sampled_from(["* * ?", "? * 1", "L * ?", "? * 1#1", "5W * ?", "* 3,10 ?"]),
    st.sampled_from(CHANGES),
    st.integers(-36 * 3600, 36 * 3600),
)
@pytest.mark.slow
def test_every_minute_around_a_clock_change_is_asked(
    minutes: tuple[str, frozenset[int]],
    hours: tuple[str, frozenset[int]],
    date_fields: str,
    change: tuple[str, datetime],
    offset: int,
) -> None:
    """A minute counts if its local time is meant and was not there before."""
    zone = ZoneInfo(change[0])
    of_month, months, of_week = date_fields.split()
    if of_week == "?":
        cron = f"cron({minutes[0]} {hours[0]} {of_month} {months} ? *)"
    else:
        cron = f"cron({minutes[0]} {hours[0]} ? {months} {of_week} *)"
    times = times_of(parse(cron, Dialect.SCHEDULER), zone=zone)
    at = change[1].replace(tzinfo=zone).timestamp() + offset
    minute = int(at // 60) * 60

    def counts(moment: int) -> bool:
        local = datetime.fromtimestamp(moment, zone)
        if local.minute not in minutes[1] or local.hour not in hours[1] or local.fold:
            return False
        return _is_day(local.date(), of_month, months, of_week)

    ahead = next((float(m) for m in range(minute + 60, minute + REACH_MIN * 60, 60) if counts(m)), None)
    behind = next((float(m) for m in range(minute, minute - REACH_MIN * 60, -60) if counts(m)), None)
    _near(ahead, times.next_after(at), at)
    _near(behind, times.latest_until(at), at)


def _is_day(day: date, of_month: str, months: str, of_week: str) -> bool:
    if months != "*" and day.month not in (3, 10):
        return False
    meaning: tuple[str, object]
    match of_month, of_week:
        case "L", _:
            meaning = ("nearest to the end", 0)
        case "5W", _:
            meaning = ("workday nearest to", 5)
        case _, "1":
            meaning = ("weekdays", frozenset({SUNDAY}))
        case _, "1#1":
            meaning = ("which", (SUNDAY, 1))
        case _:
            return True
    return is_meant(day, meaning)


def _near(wanted: float | None, found: float | None, at: float) -> None:
    if wanted is not None:
        assert found == wanted
    else:
        assert found is None or abs(found - at) >= (REACH_MIN - 1) * 60
