"""What happens to an asynchronous invocation after an attempt: done, again, or given up.

The caller passes the clock reading and carries the decision out; nothing here waits or writes.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import assert_never

from runner.model.errors import ApiError
from runner.model.function import EventInvokeConfig

FUNCTION_ERROR_DELAYS_S = (60, 120)  # after the first function error, after the second
CAPACITY_DELAY_MAX_S = 300  # throttles and system errors: 1 s, doubling, up to this


class Outcome(StrEnum):
    """What an attempt came to."""

    SUCCESS = "success"
    FUNCTION_ERROR = "function-error"  # the handler raised, exited or timed out
    THROTTLED = "throttled"  # a concurrency limit was reached
    SYSTEM_ERROR = "system-error"  # the runner could not start or reach an environment
    REJECTED = "rejected"  # no such function or qualifier any more: trying again is of no use


class Condition(StrEnum):
    """Why an invocation is over; the `condition` field of a destination record."""

    SUCCESS = "Success"
    RETRIES_EXHAUSTED = "RetriesExhausted"
    EVENT_AGE_EXCEEDED = "EventAgeExceeded"
    ZERO_RESERVED_CONCURRENCY = "ZeroReservedConcurrency"
    RECURSIVE_INVOCATION = "RecursiveInvocation"
    REJECTED = "InvocationRejected"  # ours: AWS drops these without a record


@dataclass(frozen=True, slots=True)
class Tries:
    """Attempts so far, the one just made included, counted apart because AWS limits them apart."""

    attempts: int = 0  # the function ran; all before the last ended in a function error
    deferrals: int = 0  # throttles and system errors: limited by age, not by number


@dataclass(frozen=True, slots=True)
class Again:
    """Try again at `at`, epoch seconds."""

    at: float


@dataclass(frozen=True, slots=True)
class Over:
    """Nothing more is tried."""

    condition: Condition


def outcome_of(error: ApiError) -> Outcome:
    """How Lambda's own pollers read an error answer of Invoke: 429 and 5xx are tried again, other 4xx are not."""
    if error.status == 429:
        return Outcome.THROTTLED
    return Outcome.SYSTEM_ERROR if error.status >= 500 else Outcome.REJECTED


def before(
    config: EventInvokeConfig, *, reserved_concurrency: int | None, looping: bool, accepted_at: float, now: float
) -> Over | None:
    """What is decided before an attempt is made: over without it, or None to go ahead.

    `looping`: the recursion detection stopped the chain.
    """
    if reserved_concurrency == 0:
        return Over(Condition.ZERO_RESERVED_CONCURRENCY)
    if looping:
        return Over(Condition.RECURSIVE_INVOCATION)
    return Over(Condition.EVENT_AGE_EXCEEDED) if now - accepted_at > config.max_age_s else None


def decide(
    outcome: Outcome, tries: Tries, config: EventInvokeConfig, *, accepted_at: float, now: float
) -> Again | Over:
    """Decide what follows an attempt that ended at `now`. Both times are epoch seconds.

    Exhausted retries go before age: with no retries allowed the condition is RetriesExhausted, however old the event.
    """
    match outcome:
        case Outcome.SUCCESS:
            return Over(Condition.SUCCESS)
        case Outcome.REJECTED:
            return Over(Condition.REJECTED)
        case Outcome.FUNCTION_ERROR:
            if tries.attempts > config.max_retries:
                return Over(Condition.RETRIES_EXHAUSTED)
            delay_s = FUNCTION_ERROR_DELAYS_S[tries.attempts - 1]
        case Outcome.THROTTLED | Outcome.SYSTEM_ERROR:
            delay_s = capacity_delay_s(tries.deferrals)
        case _:
            assert_never(outcome)
    # Look ahead: an event that would be too old by its next attempt is given up now.
    if now + delay_s - accepted_at > config.max_age_s:
        return Over(Condition.EVENT_AGE_EXCEEDED)
    return Again(at=now + delay_s)


def capacity_delay_s(deferrals: int) -> int:
    """Seconds to wait after the `deferrals`th throttle or system error in a row."""
    return int(min(2 ** min(max(deferrals, 1) - 1, 9), CAPACITY_DELAY_MAX_S))
