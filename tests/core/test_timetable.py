"""Schedule expressions: what each API takes.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.timetable import Dialect, TimetableError, parse
from runner.core.timetable_times import times_of

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


@given(st.text(alphabet="cronrate(at)0123456789 */?,-LW#MONjul", max_size=40))
def test_any_text_parses_or_is_refused(text: str) -> None:
    for dialect in Dialect:
        for expression in (text, f"cron({text})"):
            try:
                timetable = parse(expression, dialect)
            except TimetableError:
                continue
            at = times_of(timetable, start=FRIDAY).next_after(FRIDAY)
            assert at is None or at > FRIDAY


@pytest.mark.slow
def test_checking_an_expression_does_not_load_the_calendar() -> None:
    program = "import sys, runner.loader.checks.schedules; print('croniter' in sys.modules, 'dateutil' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout.split() == ["False", "False"]
