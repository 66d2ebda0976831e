"""What happens to a delivery that failed: again later, or given up.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

FIRST_DELAY_S = 1.0
DELAY_MAX_S = 900.0  # AWS does not say; a day then holds about a hundred attempts, as it does there
DOUBLINGS_MAX = 12


class Exhausted(StrEnum):
    """The limit that ended it; the attribute EXHAUSTED_RETRY_CONDITION of a dead letter."""

    ATTEMPTS = "MaximumRetryAttempts"
    AGE = "MaximumEventAgeInSeconds"


@dataclass(frozen=True, slots=True)
class Policy:
    """A retry policy: retries after the first attempt, and how old an event may get."""

    max_retries: int = 185
    max_age_s: float = 86400.0


@dataclass(frozen=True, slots=True)
class Again:
    at: float


def decide(policy: Policy, *, attempts: int, accepted_at: float, now: float, chance: float) -> Again | Exhausted:
    """After the `attempts`-th attempt failed at `now`: when next, or which limit is reached.

    Delays double, each taken between half and all of it by `chance` (0 to 1). An event that would be too old by its
    next attempt is given up now.
    """
    if attempts > policy.max_retries:
        return Exhausted.ATTEMPTS
    delay_s = min(DELAY_MAX_S, FIRST_DELAY_S * 2 ** min(attempts - 1, DOUBLINGS_MAX))
    at = now + delay_s * (0.5 + chance / 2)
    return Exhausted.AGE if at - accepted_at > policy.max_age_s else Again(at)
