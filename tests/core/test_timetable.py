"""Schedule expressions: what each API takes, and when what it takes fires.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from croniter import croniter
from hypothesis import assume, given
from hypothesis import strategies as st

from runner.core.timetable import Dialect, TimetableError, never_fires, next_times, parse
from runner.core.timetable_zones import find_zone

FRIDAY = datetime(2026, 1, 30, 23, 50, tzinfo=UTC).timestamp()

BAD_FOR_RULES = [
    *("rate(10 seconds)", "rate(1 minutes)", "rate(10 minute)", "rate(0 minutes)", "rate(-10 minutes)", "rate()"),
    *(
        "rate(10)",
        "rate(foo minutes)",
        "rate(10 MINUTES)",
        "rate( 10 minutes )",
        " rate(10 minutes)",
        "rate(1.5 hours)",
    ),
    *("cron(0 1 * * * *)", "cron(0 1 ? * ? *)", "cron(0 1 1 * MON *)", "cron(71 8 1 * ? *)", "cron(0 24 * * ? *)"),
    *("cron(0 0 0 * ? *)", "cron(0 0 32 * ? *)", "cron(0 0 1 13 ? *)", "cron(0 0 ? * 0 *)", "cron(0 0 ? * 8 *)"),
    *(
        "cron(*/60 * * * ? *)",
        "cron(0/0 * * * ? *)",
        "cron(0 0 * * ?)",
        "cron(0 0 ? * 2#6 *)",
        "cron(0 0 ? * 2#1,3#1 *)",
    ),
    *("cron(0 0 L,15 * ? *)", "cron(0#1 0 * * ? *)", "cron(? 0 * * ? *)", "cron(0 0 * * ? 2030-2020)", "cron()"),
    *("at(2026-01-01T00:00:00)", "", "daily", "cron(0 0 * FOO ? *)", "cron(0 0 , * ? *)", "cron(0-x 0 * * ? *)"),
]


@pytest.mark.parametrize("expression", BAD_FOR_RULES)
def test_what_rules_do_not_take(expression: str) -> None:
    with pytest.raises(TimetableError) as caught:
        parse(expression, Dialect.RULE)
    assert caught.value.message == "Parameter ScheduleExpression is not valid."
    assert caught.value.why


BAD_FOR_SCHEDULER = [
    *("cron(0 1 * * * *)", "rate(10 seconds)", "rate(0 minutes)", "rate( 10 minutes )", " rate(10 minutes)"),
    *("at(2021-12-31)", "at(2021-12-31T23:59:59Z)", "at(2021-02-30T00:00:00)", "at(2021-12-31T23:59:59.5)"),
    *("cron(0 0 ? * 2#0 *)", "cron(* * * *)"),
]


@pytest.mark.parametrize("expression", BAD_FOR_SCHEDULER)
def test_what_scheduler_does_not_take(expression: str) -> None:
    with pytest.raises(TimetableError) as caught:
        parse(expression, Dialect.SCHEDULER)
    assert caught.value.message == f"Invalid Schedule Expression {expression}."


@pytest.mark.parametrize("expression", ["rate(1 minutes)", "rate(5 minute)", "cron(0 1 * * ?)", "AT(2021-12-31T23:59)"])
def test_what_only_scheduler_takes(expression: str) -> None:
    parse(expression, Dialect.SCHEDULER)
    with pytest.raises(TimetableError):
        parse(expression, Dialect.RULE)


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
    found = next_times(parse(expression), FRIDAY, len(times.split()), start=FRIDAY)
    assert [f"{datetime.fromtimestamp(at, UTC):%m-%dT%H:%M}" for at in found] == times.split()


def test_leap_days_and_days_that_never_come() -> None:
    [leap] = next_times(parse("cron(0 0 29 2 ? *)"), FRIDAY, 1, start=FRIDAY)
    assert datetime.fromtimestamp(leap, UTC) == datetime(2028, 2, 29, tzinfo=UTC)
    assert never_fires(parse("cron(0 0 30 2 ? *)"), FRIDAY)
    assert never_fires(parse("cron(0/5 5 ? JAN 1-5 2022)"), FRIDAY)
    assert never_fires(parse("at(2022-12-31T23:59:59)", Dialect.SCHEDULER), FRIDAY)
    assert not never_fires(parse("cron(0 20 * * ? 2500)"), FRIDAY)


def test_a_rate_counts_from_its_start() -> None:
    hourly = parse("rate(1 hour)")
    assert next_times(hourly, 1000.0, 2, start=1000.0) == [4600.0, 8200.0]
    assert next_times(hourly, 999.0, 2, start=1000.0) == [1000.0, 4600.0]
    assert next_times(hourly, 8199.5, 1, start=999.2) == [8200.0]
    assert next_times(parse("rate(7 days)"), 0.0, 1, start=0.0) == [604800.0]


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
    found = next_times(parse(expression), midnight, len(times), start=midnight, zone=zone)
    assert [f"{datetime.fromtimestamp(at, zone):%m-%d %H:%M}" for at in found] == times
    assert all(datetime.fromtimestamp(at, zone).fold == 0 for at in found)


def test_zones_are_found_by_their_names() -> None:
    assert find_zone(None) is UTC
    assert str(find_zone("Europe/Berlin")) == "Europe/Berlin"
    for name in ("Mars/Base", "../etc/passwd", "\0"):
        assert find_zone(name) is None


MINUTES = st.sampled_from(["*", "0", "5,35", "10-20", "*/15", "3/20", "50-59/3"])
HOURS = st.sampled_from(["*", "0", "8-17", "*/6", "3,15"])
DAYS = st.sampled_from(["*", "1", "15", "31", "10-12", "1/10", "L"])
MONTHS = st.sampled_from(["*", "2", "JAN,JUL", "4-6", "1/3"])
WEEKDAYS = st.sampled_from(["MON", "SUN", "MON-FRI", "TUE,SAT", "2-4", "1"])
STARTS = st.integers(1_600_000_000, 1_900_000_000)


@given(MINUTES, HOURS, DAYS, MONTHS, STARTS)
def test_days_of_the_month_agree_with_croniter(minutes: str, hours: str, days: str, months: str, start: int) -> None:
    assume((days, months) != ("31", "2"))
    ours = next_times(parse(f"cron({minutes} {hours} {days} {months} ? *)"), start, 3, start=start)
    theirs = croniter(f"{minutes} {hours} {days} {months} *", datetime.fromtimestamp(start, UTC))
    assert ours == [theirs.get_next(float) for _ in range(3)]


@given(MINUTES, HOURS, WEEKDAYS, MONTHS, STARTS)
def test_days_of_the_week_agree_with_croniter(minutes: str, hours: str, days: str, months: str, start: int) -> None:
    ours = next_times(parse(f"cron({minutes} {hours} ? {months} {days} *)"), start, 3, start=start)
    from_sunday = "".join(str(int(char) - 1) if char.isdigit() else char for char in days)
    theirs = croniter(f"{minutes} {hours} * {months} {from_sunday}", datetime.fromtimestamp(start, UTC))
    assert ours == [theirs.get_next(float) for _ in range(3)]


@given(st.text(alphabet="cronrate(at)0123456789 */?,-LW#MONjul", max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for dialect in Dialect:
        for expression in (text, f"cron({text})"):
            try:
                timetable = parse(expression, dialect)
            except TimetableError:
                continue
            at = timetable.next_after(FRIDAY, start=FRIDAY)
            assert at is None or at > FRIDAY
