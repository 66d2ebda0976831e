"""What receivers hold: attempts to receive that may be repeated, and the limit of messages in flight.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

REPEATABLE_S = 300.0
IN_FLIGHT_MAX = 120_000


class Held(Protocol):
    """One received message, as far as it matters here."""

    @property
    def lease(self) -> str: ...


H = TypeVar("H", bound=Held)


@dataclass(frozen=True, slots=True)
class Attempt(Generic[H]):
    """What a receive under an id gave, and until when that stays hidden."""

    at: float
    until: float
    messages: Sequence[H]


class Attempts(Generic[H]):
    """A FIFO queue's receives by `ReceiveRequestAttemptId`: repeated, one gives the same messages and handles.

    In memory: after a restart a repeated receive is a new one, and its messages come once their visibility ends.
    """

    def __init__(self) -> None:
        self._attempts: dict[str, Attempt[H]] = {}
        self._of: dict[str, str] = {}  # lease -> the attempt it is of

    def find(self, attempt: str, now: float) -> Attempt[H] | None:
        found = self._attempts.get(attempt)
        return found if found is not None and now < min(found.until, found.at + REPEATABLE_S) else None

    def keep(self, attempt: str, made: Attempt[H]) -> None:
        """Remember an attempt, and forget those that cannot be repeated any more."""
        for old in [key for key, kept in self._attempts.items() if made.at >= kept.at + REPEATABLE_S]:
            self.forget(old)
        self.forget(attempt)
        self._attempts[attempt] = made
        self._of.update({message.lease: attempt for message in made.messages})

    def touched(self, lease: str) -> None:
        """A message was deleted, or its visibility changed: the receive that gave it cannot be repeated."""
        attempt = self._of.get(lease)
        if attempt is not None:
            self.forget(attempt)

    def forget(self, attempt: str) -> None:
        gone = self._attempts.pop(attempt, None)
        for message in gone.messages if gone is not None else ():
            self._of.pop(message.lease, None)


class InFlight:
    """How many messages of a queue are in flight at most; counted exactly only where that comes to the limit.

    Leases that end by themselves are not noticed, so the number is never too small, but for what an earlier run leased.
    """

    def __init__(self, count: Callable[[], Awaitable[int]]) -> None:
        self._count = count
        self._at_most = 0

    def more(self, received: int) -> None:
        self._at_most += received

    def less(self) -> None:
        self._at_most = max(0, self._at_most - 1)

    async def is_full(self) -> bool:
        if self._at_most < IN_FLIGHT_MAX:
            return False
        self._at_most = await self._count()
        return self._at_most >= IN_FLIGHT_MAX
