"""The rate of synchronous invocations that a reservation allows. Times are 1/1024ths of a second: exact in floats."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.pool_admission import Admission, Limits, Share, Throttle

TICKS = 1024  # a second


def burst(admission: Admission, count: int, now: float | None, *, free: bool = False) -> list[Share | Throttle]:
    """What became of `count` invocations, each ended at once."""
    answers = []
    for _ in range(count):
        answers.append(admission.admit("f", provisioned_free=free, now=now))
        if isinstance(answers[-1], Share):
            admission.release("f", answers[-1])
    return answers


REFUSALS = [
    # (limits, how many at once, synchronous, admitted, why not more)
    pytest.param(Limits(reserved={"f": 1}), 12, True, 10, Throttle.RESERVED_RATE, id="ten for each reserved"),
    pytest.param(Limits(reserved={"f": 3}), 31, True, 30, Throttle.RESERVED_RATE, id="three reserved"),
    pytest.param(Limits(reserved={"f": 1}), 50, False, 50, None, id="asynchronous ones have no rate"),
    pytest.param(Limits(reserved={"f": 0}), 5, True, 0, Throttle.RESERVED, id="nothing reserved is no matter of rate"),
    pytest.param(Limits(reserved={"g": 1}), 50, True, 50, None, id="another function's reservation"),
    pytest.param(Limits(account=0), 5, True, 0, Throttle.ACCOUNT, id="the account's own limit"),
    pytest.param(Limits(provisioned={"f": 1}), 50, True, 50, None, id="provisioned alone sets no rate"),
]


@pytest.mark.parametrize(("limits", "count", "synchronous", "admitted", "reason"), REFUSALS)
def test_a_rate_belongs_to_a_reservation(
    limits: Limits, count: int, synchronous: bool, admitted: int, reason: Throttle | None
) -> None:
    answers = burst(Admission(limits), count, 7.0 if synchronous else None)
    assert sum(isinstance(one, Share) for one in answers) == admitted
    assert {one for one in answers if isinstance(one, Throttle)} == ({reason} if reason else set())


def test_the_reason_is_spelled_as_lambda_does() -> None:
    assert str(Throttle.RESERVED_RATE) == "ReservedFunctionInvocationRateLimitExceeded"


def test_what_was_used_comes_back_continuously() -> None:
    admission = Admission(Limits(reserved={"f": 1}))
    assert burst(admission, 10, 5.0) == [Share.RESERVED] * 10
    assert burst(admission, 1, 5.0625) == [Throttle.RESERVED_RATE]
    assert burst(admission, 2, 5.125) == [Share.RESERVED, Throttle.RESERVED_RATE]
    assert burst(admission, 11, 60.0) == [Share.RESERVED] * 10 + [Throttle.RESERVED_RATE]


def test_environments_of_provisioned_concurrency_count_against_the_rate_of_the_reservation() -> None:
    admission = Admission(Limits(reserved={"f": 1}, provisioned={"f": 1}))
    assert burst(admission, 11, 0.0, free=True) == [Share.PROVISIONED] * 10 + [Throttle.RESERVED_RATE]
    assert admission.admit("f", now=9.0) is Throttle.RESERVED


def test_what_lacks_concurrency_uses_up_no_rate() -> None:
    admission = Admission(Limits(reserved={"f": 1}))
    assert admission.admit("f", now=0.0) is Share.RESERVED
    assert [admission.admit("f", now=0.0) for _ in range(20)] == [Throttle.RESERVED] * 20
    admission.release("f", Share.RESERVED)
    assert burst(admission, 10, 0.0) == [Share.RESERVED] * 9 + [Throttle.RESERVED_RATE]


def test_asynchronous_ones_use_up_no_rate() -> None:
    admission = Admission(Limits(reserved={"f": 1}))
    burst(admission, 100, None)
    assert burst(admission, 10, 0.0) == [Share.RESERVED] * 10


def test_a_changed_reservation_changes_the_rate_at_once() -> None:
    admission = Admission(Limits(reserved={"f": 5}))
    burst(admission, 10, 0.0)
    admission.change(Limits(reserved={"f": 1}))
    assert burst(admission, 11, 0.0) == [Share.RESERVED] * 10 + [Throttle.RESERVED_RATE]
    admission.change(Limits())
    assert burst(admission, 100, 0.0) == [Share.ACCOUNT] * 100


@given(
    reserved=st.integers(1, 4),
    start=st.integers(0, 10**6),
    arrivals=st.lists(st.tuples(st.integers(0, 3 * TICKS) | st.integers(0, 64), st.integers(1, 45)), max_size=25),
)
def test_no_window_admits_more_than_a_second_of_burst_and_what_the_rate_refills(
    reserved: int, start: int, arrivals: list[tuple[int, int]]
) -> None:
    """At most 10 r + 10 r T in any T seconds; and a function that asked for nothing for a second gets 10 r."""
    admission, rate, tick = Admission(Limits(reserved={"f": reserved})), 10 * reserved, start
    history: list[tuple[int, int]] = []  # (tick, how many were admitted)
    for gap, count in arrivals:
        tick += gap
        admitted = sum(isinstance(one, Share) for one in burst(admission, count, tick / TICKS))
        if gap >= TICKS:
            assert admitted == min(count, rate)
        history.append((tick, admitted))
        total = 0
        for earlier, then in reversed(history):
            total += then
            assert total * TICKS <= rate * TICKS + rate * (tick - earlier)
    assert not admission.by_function
