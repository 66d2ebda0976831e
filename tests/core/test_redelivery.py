"""Retries of deliveries: doubling delays with jitter, two limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.redelivery import DELAY_MAX_S, Again, Exhausted, Policy, decide

DEFAULT = Policy()
ROWS = [
    ("the first retry is after a second", DEFAULT, 1, 0.0, 1.0, Again(1.0)),
    ("or as little as half of it", DEFAULT, 1, 0.0, 0.0, Again(0.5)),
    ("delays double", DEFAULT, 5, 100.0, 1.0, Again(116.0)),
    ("up to a quarter of an hour", DEFAULT, 100, 5000.0, 1.0, Again(5900.0)),
    ("no retries means one attempt", Policy(0), 1, 0.0, 1.0, Exhausted.ATTEMPTS),
    ("the last retry is the last", Policy(2), 3, 10.0, 1.0, Exhausted.ATTEMPTS),
    ("too old by its next attempt is too old", Policy(185, 60.0), 6, 40.0, 1.0, Exhausted.AGE),
]


@pytest.mark.parametrize(
    ("policy", "attempts", "now", "chance", "then"), [row[1:] for row in ROWS], ids=[row[0] for row in ROWS]
)
def test_what_follows(policy: Policy, attempts: int, now: float, chance: float, then: Again | Exhausted) -> None:
    assert decide(policy, attempts=attempts, accepted_at=0.0, now=now, chance=chance) == then


@given(st.integers(0, 185), st.floats(60, 86400), st.floats(0, 1))
def test_it_always_ends_within_its_limits(retries: int, age_s: float, chance: float) -> None:
    policy = Policy(retries, age_s)

    def then(attempts: int, now: float) -> Again | Exhausted:
        return decide(policy, attempts=attempts, accepted_at=0.0, now=now, chance=chance)

    now, attempts = 0.0, 1
    while isinstance(decision := then(attempts, now), Again):
        assert now < decision.at <= min(age_s, now + DELAY_MAX_S)
        now, attempts = decision.at, attempts + 1
    assert attempts <= retries + 1
