"""Whether an invocation may run now: account, reserved and provisioned concurrency.

Concurrency counts invocations in flight. A function with reserved concurrency has that much and no more; all others
share what is left of the account's. Provisioned concurrency is taken out of what its function may use: invocations
of its version run on it first, and beyond it as any other.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

ACCOUNT_LIMIT = 1000
UNRESERVED_MINIMUM = 100


class Throttle(StrEnum):
    """`Reason` of a TooManyRequestsException."""

    ACCOUNT = "ConcurrentInvocationLimitExceeded"
    RESERVED = "ReservedFunctionConcurrentInvocationLimitExceeded"


class Share(StrEnum):
    """What an admitted invocation counts against."""

    PROVISIONED = "provisioned"
    RESERVED = "reserved"
    ACCOUNT = "account"


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


class Admission:
    """Counts what is in flight on demand. `admit`, then `release` with what it returned."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.change(limits or Limits())
        self.shared = 0
        self.by_function: dict[str, int] = {}

    def change(self, limits: Limits) -> None:
        """New limits; what is in flight stays."""
        self.limits = limits
        self._unreserved = limits.unreserved

    def admit(self, function: str, *, provisioned_free: bool = False) -> Share | Throttle:
        """`provisioned_free`: the version has an initialised environment of provisioned concurrency to spare."""
        if provisioned_free:
            return Share.PROVISIONED
        reserved = self.limits.reserved.get(function)
        if reserved is None:
            if self.shared >= self._unreserved:
                return Throttle.ACCOUNT
            self.shared += 1
            return Share.ACCOUNT
        in_flight = self.by_function.get(function, 0)
        if in_flight >= reserved - self.limits.provisioned.get(function, 0):
            return Throttle.RESERVED
        self.by_function[function] = in_flight + 1
        return Share.RESERVED

    def release(self, function: str, share: Share) -> None:
        match share:
            case Share.ACCOUNT:
                self.shared -= 1
            case Share.RESERVED:
                left = self.by_function[function] - 1
                if left:
                    self.by_function[function] = left
                else:
                    del self.by_function[function]
            case Share.PROVISIONED:
                pass
