"""Whether an invocation may run now: account, reserved and provisioned concurrency, and the rate of requests.

Concurrency counts invocations in flight. A function with reserved concurrency has that much and no more; all others
share what is left of the account's. Provisioned concurrency is taken out of what its function may use: invocations
of its version run on it first, and beyond it as any other.

A function with reserved concurrency also takes no more than ten times as many synchronous invocations a second, on
provisioned concurrency or not. Two more rates are known and deliberately not kept: the account's 10,000 a second,
since all calls to a local machine come from one developer; and ten times a version's provisioned concurrency, since
nothing tells whether what is beyond it is refused or runs on demand.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ACCOUNT_LIMIT = 1000
UNRESERVED_MINIMUM = 100
RATE_PER_CONCURRENCY = 10  # synchronous invocations a second for each one that may be in flight


class Throttle(StrEnum):
    """`Reason` of a TooManyRequestsException."""

    ACCOUNT = "ConcurrentInvocationLimitExceeded"
    RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"
    RESERVED_RATE = "ReservedFunctionInvocationRateLimitExceeded"


class Share(StrEnum):
    """What an admitted invocation counts against."""

    PROVISIONED = "provisioned"
    RESERVED = "reserved"
    ACCOUNT = "account"


ACCOUNT = Share.ACCOUNT


@dataclass(frozen=True, slots=True)
class Limits:
    """Concurrency as it is configured. `reserved`: function -> limit; `provisioned`: function -> sum over versions."""

    account: int = ACCOUNT_LIMIT
    reserved: Mapping[str, int] = field(default_factory=dict)
    provisioned: Mapping[str, int] = field(default_factory=dict)

    @property
    def unreserved(self) -> int:
        """What functions without a reservation may run on demand, together."""
        apart = sum(count for name, count in self.provisioned.items() if name not in self.reserved)
        return max(0, self.account - sum(self.reserved.values()) - apart)


@dataclass(slots=True)
class Bucket:
    """How many invocations may come at once, refilled continuously; full, it holds one second's worth."""

    tokens: float
    at: float  # when `tokens` were counted

    def take(self, rate: int, now: float) -> bool:
        """One token, if there is one. `rate`: tokens a second, as it is configured now."""
        self.tokens = min(float(rate), self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Admission:
    """Counts what is in flight on demand. `admit`, then `release` with what it returned."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._buckets: dict[str, Bucket] = {}
        self.change(limits or Limits())
        self.shared = 0
        self.by_function: dict[str, int] = {}

    def change(self, limits: Limits) -> None:
        """New limits; what is in flight stays, and so does what was used of a rate."""
        self.limits = limits
        self._unreserved = limits.unreserved
        self._buckets = {name: bucket for name, bucket in self._buckets.items() if name in limits.reserved}

    def admit(self, function: str, now: float | None = None, provisioned_free: bool = False) -> Share | Throttle:
        """`now`: seconds of a monotonic clock, for a synchronous invocation; None: its rate is not limited.

        `provisioned_free`: the version has an initialised environment of provisioned concurrency to spare. What is
        refused uses up nothing.
        """
        reserved = self.limits.reserved.get(function)
        if reserved is not None:
            return self._admit_reserved(function, reserved, provisioned_free, now)
        if provisioned_free:
            return Share.PROVISIONED
        if self.shared >= self._unreserved:
            return Throttle.ACCOUNT
        self.shared += 1
        return ACCOUNT

    def _admit_reserved(
        self, function: str, reserved: int, provisioned_free: bool, now: float | None
    ) -> Share | Throttle:
        in_flight = self.by_function.get(function, 0)
        if not provisioned_free and in_flight >= reserved - self.limits.provisioned.get(function, 0):
            return Throttle.RESERVED
        if now is not None and not self._in_time(function, reserved * RATE_PER_CONCURRENCY, now):
            return Throttle.RESERVED_RATE
        if provisioned_free:
            return Share.PROVISIONED
        self.by_function[function] = in_flight + 1
        return Share.RESERVED

    def _in_time(self, function: str, rate: int, now: float) -> bool:
        bucket = self._buckets.get(function)
        if bucket is None:
            bucket = self._buckets[function] = Bucket(rate, now)
        return bucket.take(rate, now)

    def release(self, function: str, share: Share) -> None:
        if share is ACCOUNT:
            self.shared -= 1
        elif share is Share.RESERVED:
            left = self.by_function[function] - 1
            if left:
                self.by_function[function] = left
            else:
                del self.by_function[function]
