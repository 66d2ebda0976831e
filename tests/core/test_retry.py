"""Each row is one sentence of AWS's rules for asynchronous invocations; the id is the sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.retry import Again, Condition, Outcome, Over, Tries, before, capacity_delay_s, decide, outcome_of
from runner.model.errors import ApiError
from runner.model.function import EventInvokeConfig


def config(max_retries: int = 2, max_age_s: int = 21_600) -> EventInvokeConfig:
    return EventInvokeConfig(function_name="f", qualifier="$LATEST", max_retries=max_retries, max_age_s=max_age_s)


DEFAULT = config()
ONE_MINUTE = config(max_age_s=60)
NINETY = config(max_age_s=90)
NO_RETRY = config(max_retries=0)
ONE_RETRY = config(max_retries=1)
OLD_AND_NO_RETRY = config(0, 60)
OK, ERROR, THROTTLED, SYSTEM, REJECTED = Outcome

DONE, EXHAUSTED, TOO_OLD = map(Over, (Condition.SUCCESS, Condition.RETRIES_EXHAUSTED, Condition.EVENT_AGE_EXCEEDED))
NONE_LEFT, LOOP, REFUSED = map(
    Over, (Condition.ZERO_RESERVED_CONCURRENCY, Condition.RECURSIVE_INVOCATION, Condition.REJECTED)
)

# fmt: off
TABLE = [
    # sentence                                          outcome    tries          config            now     then
    ("success is the end",                              OK,        Tries(1),      DEFAULT,          0,      DONE),
    ("a late success is a success",                     OK,        Tries(1),      ONE_MINUTE,       900,    DONE),
    ("first function error waits a minute",             ERROR,     Tries(1),      DEFAULT,          0,      Again(60)),
    ("second function error waits two",                 ERROR,     Tries(2),      DEFAULT,          61,     Again(181)),
    ("third function error is the last",                ERROR,     Tries(3),      DEFAULT,          190,    EXHAUSTED),
    ("zero retries means one attempt",                  ERROR,     Tries(1),      NO_RETRY,         0,      EXHAUSTED),
    ("one retry means two attempts",                    ERROR,     Tries(2),      ONE_RETRY,        61,     EXHAUSTED),
    ("exhausted goes before too old",                   ERROR,     Tries(1),      OLD_AND_NO_RETRY, 900,    EXHAUSTED),
    ("an age of 60 s allows one attempt",               ERROR,     Tries(1),      ONE_MINUTE,       1,      TOO_OLD),
    ("an age of 90 s allows a second",                  ERROR,     Tries(1),      NINETY,           1,      Again(61)),
    ("but not a third",                                 ERROR,     Tries(2),      NINETY,           62,     TOO_OLD),
    ("exactly at its age is not too old",               ERROR,     Tries(1),      ONE_MINUTE,       0,      Again(60)),
    ("a throttle waits a second",                       THROTTLED, Tries(0, 1),   DEFAULT,          0,      Again(1)),
    ("then doubles",                                    THROTTLED, Tries(0, 4),   DEFAULT,          7,      Again(15)),
    ("up to five minutes",                             SYSTEM,    Tries(0, 40),  DEFAULT,          9_000,  Again(9300)),
    ("throttles do not use up retries",                 THROTTLED, Tries(2, 1),   DEFAULT,          200,    Again(201)),
    ("nor do system errors",                            SYSTEM,    Tries(2, 1),   NO_RETRY,         200,    Again(201)),
    ("throttled until too old",                         THROTTLED, Tries(0, 20),  DEFAULT,          21_400, TOO_OLD),
    ("what is refused for good is not tried again",     REJECTED,  Tries(0, 1),   DEFAULT,          0,      REFUSED),
]
# fmt: on


@pytest.mark.parametrize(
    ("outcome", "tries", "rules", "now", "then"), [row[1:] for row in TABLE], ids=[r[0] for r in TABLE]
)
def test_after_an_attempt(outcome: Outcome, tries: Tries, rules: EventInvokeConfig, now: float, then: object) -> None:
    assert decide(outcome, tries, rules, accepted_at=0, now=now) == then


# fmt: off
BEFORE = [
    # sentence                                          reserved  loops  age     then
    ("an event is attempted",                           None,     False, 0,      None),
    ("with some concurrency reserved too",              1,        False, 0,      None),
    ("without any it is over",                          0,        False, 0,      NONE_LEFT),
    ("a loop is stopped",                               None,     True,  0,      LOOP),
    ("an event that grew too old waiting is over",      None,     False, 21_601, TOO_OLD),
    ("at its age it is not too old",                    None,     False, 21_600, None),
]
# fmt: on


@pytest.mark.parametrize(("reserved", "loops", "age", "then"), [row[1:] for row in BEFORE], ids=[r[0] for r in BEFORE])
def test_before_an_attempt(reserved: int | None, loops: bool, age: float, then: object) -> None:
    decision = before(DEFAULT, reserved_concurrency=reserved, looping=loops, accepted_at=5, now=5 + age)
    assert decision == then


@pytest.mark.parametrize(
    ("status", "outcome"), [(429, THROTTLED), (500, SYSTEM), (502, SYSTEM), (404, REJECTED), (400, REJECTED)]
)
def test_error_answers(status: int, outcome: Outcome) -> None:
    assert outcome_of(ApiError("SomeException", "", status)) is outcome


def test_delays_of_throttles_in_a_row() -> None:
    assert [capacity_delay_s(n) for n in range(1, 12)] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]


@given(
    outcome=st.sampled_from(list(Outcome)),
    attempts=st.integers(1, 4),
    deferrals=st.integers(0, 10_000),
    retries=st.integers(0, 2),
    age=st.integers(60, 21_600),
    now=st.floats(0, 1e6),
)
def test_whatever_is_tried_again_is_tried_later_and_in_time(
    outcome: Outcome, attempts: int, deferrals: int, retries: int, age: int, now: float
) -> None:
    decision = decide(outcome, Tries(attempts, deferrals), config(retries, age), accepted_at=0, now=now)
    if isinstance(decision, Again):
        assert now < decision.at <= age
        assert outcome is not ERROR or attempts <= retries
