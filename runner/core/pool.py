"""Which environment serves which invocation, and when to start or end one. Decisions only: the caller does them.

One pool holds the environments of one function version. Everything it knows is in a few collections that are changed
by plain calls; no call waits, and each returns what is to be done now.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Generic, TypeVar

E = TypeVar("E", bound=Hashable)
R = TypeVar("R", bound=Hashable)


class Why(StrEnum):
    """Why an environment is started or stopped."""

    DEMAND = "an invocation waits for one"
    PROVISIONED = "provisioned concurrency keeps it initialised"
    SURPLUS = "provisioned concurrency was lowered"
    IDLE = "idle for too long"
    REPLACED = "its version was replaced or the runner ends"


@dataclass(frozen=True, slots=True)
class Use(Generic[E, R]):
    """Give the invocation to this environment. A reset one starts its process again first."""

    environment: E
    request: R


@dataclass(frozen=True, slots=True)
class Start:
    """Start one more environment, then report it with `started`."""

    why: Why


@dataclass(frozen=True, slots=True)
class Stop(Generic[E]):
    """End an environment that holds no invocation; the pool has forgotten it."""

    environment: E
    why: Why


Action = Use[E, R] | Start | Stop[E]


NOTHING: list[Any] = []


class Pool(Generic[E, R]):
    """The environments of one version.

    `provisioned` is how many are to be kept initialised; they are started ahead and do not expire.
    """

    def __init__(self, provisioned: int = 0) -> None:
        self.provisioned = provisioned
        self.starting: dict[E, Why] = {}
        self.idle: list[E] = []  # most recently used last, so that the rest may expire
        self.reset: list[E] = []
        self.busy: set[E] = set()
        self.soon: set[E] = set()  # busy ones that have answered and are about to ask for more
        self.kept: set[E] = set()  # those that provisioned concurrency asked for, whatever they do
        self.waiting: deque[R] = deque()
        self.pending: dict[Why, int] = {Why.DEMAND: 0, Why.PROVISIONED: 0}  # decided, not yet reported
        self.retired = False
        self.provision_failures = 0

    def __repr__(self) -> str:
        return (
            f"Pool(starting={len(self.starting)}, idle={len(self.idle)}, reset={len(self.reset)}, "
            f"busy={len(self.busy)}, waiting={len(self.waiting)}{', retired' if self.retired else ''})"
        )

    def __len__(self) -> int:
        return len(self.starting) + len(self.idle) + len(self.reset) + len(self.busy)

    @property
    def available(self) -> int:
        """Environments of provisioned concurrency that are initialised."""
        return sum(1 for environment in self.kept if environment not in self.starting)

    @property
    def provisioned_free(self) -> bool:
        """Whether one of those is idle."""
        return bool(self.kept) and any(environment in self.kept for environment in self.idle)

    # what happens

    def take(self) -> E | None:
        """The environment to use at once, now busy; None if there is none and the invocation has to wait."""
        if self.idle:
            environment = self.idle.pop(self._best()) if self.kept else self.idle.pop()
        elif self.reset:
            environment = self.reset.pop()
        else:
            return None
        self.busy.add(environment)
        return environment

    def _best(self) -> int:
        """Where the idle environment to use stands: provisioned ones come first."""
        indexes = range(len(self.idle) - 1, -1, -1)
        return next((index for index in indexes if self.idle[index] in self.kept), -1)

    def wait(self, request: R) -> None:
        self.waiting.append(request)

    def started(self, environment: E, why: Why) -> None:
        """A `Start` is under way."""
        self.pending[why] -= 1
        self.starting[environment] = why
        if why is Why.PROVISIONED:
            self.kept.add(environment)

    def abandoned(self, why: Why) -> list[R]:
        """A `Start` came to nothing. Returns the invocations for which nothing else is on its way."""
        self.pending[why] -= 1
        if len(self) or sum(self.pending.values()):
            return []
        waiting = list(self.waiting)
        self.waiting.clear()
        return waiting

    def answered(self, environment: E) -> None:
        """An environment is about to be ready; nothing is started meanwhile for an invocation that it can serve."""
        self.soon.add(environment)

    def late(self, environment: E) -> None:
        """An environment is not as soon ready again as it seemed."""
        self.soon.discard(environment)

    def ready(self, environment: E) -> list[Action[E, R]]:
        """An environment waits for work: it finished its init or an invocation."""
        self.soon.discard(environment)
        if self.retired:
            self._leave(environment)
            return [Stop(environment, Why.REPLACED)]
        if environment in self.starting:
            del self.starting[environment]
            self.busy.add(environment)
        if self.waiting:
            return [Use(environment, self.waiting.popleft())]
        self.busy.discard(environment)
        self.idle.append(environment)
        return NOTHING

    def was_reset(self, environment: E) -> list[Action[E, R]]:
        """An environment lost its process; it can be used, and starts it again then.

        An environment of provisioned concurrency that could not be initialised is stopped instead.
        """
        if self.starting.get(environment) is Why.PROVISIONED and not self.waiting:
            self.forget(environment)
            return [Stop(environment, Why.PROVISIONED)]
        self._leave(environment)
        if self.retired:
            return [Stop(environment, Why.REPLACED)]
        if self.waiting:
            self.busy.add(environment)
            return [Use(environment, self.waiting.popleft())]
        self.reset.append(environment)
        return []

    def forget(self, environment: E) -> None:
        """An environment is gone."""
        self._leave(environment)
        self.kept.discard(environment)

    def _leave(self, environment: E) -> None:
        self.starting.pop(environment, None)
        self.busy.discard(environment)
        self.soon.discard(environment)
        if environment in self.idle:
            self.idle.remove(environment)
        if environment in self.reset:
            self.reset.remove(environment)

    # what is to be done

    def grow(self, slots: int) -> list[Start]:
        """Starts that are wanted now, at most `slots`; each is then reported with `started`.

        Invocations come first. One start serves each waiting invocation, so a short burst of short invocations is
        served by a few environments, and the pool grows only while the burst lasts.
        """
        if self.retired:
            return []
        on_its_way = len(self.starting) + sum(self.pending.values()) + len(self.soon)
        starts = [Start(Why.DEMAND)] * min(slots, len(self.waiting) - on_its_way)
        kept = len(self.kept) + self.pending[Why.PROVISIONED]
        starts += [Start(Why.PROVISIONED)] * min(slots - len(starts), self.provisioned - kept)
        for start in starts:
            self.pending[start.why] += 1
        return starts

    def provision(self, count: int) -> list[Stop[E]]:
        """Change provisioned concurrency; surplus environments serve on until they are idle."""
        self.provisioned = count
        self.provision_failures = 0
        surplus = max(0, len(self.kept) - count)
        stops: list[Stop[E]] = []
        for environment in [one for one in (*self.idle, *self.reset) if one in self.kept][:surplus]:
            self.forget(environment)
            stops.append(Stop(environment, Why.SURPLUS))
        for environment in list(self.kept)[: max(0, len(self.kept) - count)]:
            self.kept.discard(environment)
        return stops

    def expire(self, old: set[E]) -> list[Stop[E]]:
        """End the given environments, where they are idle and not kept."""
        stops: list[Stop[E]] = []
        for environment in [one for one in (*self.idle, *self.reset) if one in old and one not in self.kept]:
            self.forget(environment)
            stops.append(Stop(environment, Why.IDLE))
        return stops

    def retire(self) -> tuple[list[Stop[E]], list[R]]:
        """No more invocations: what is idle ends now, what is busy or starting when it is done.

        Returns the stops and the invocations that still waited.
        """
        self.retired = True
        stops = [Stop(environment, Why.REPLACED) for environment in (*self.idle, *self.reset)]
        for stop in stops:
            self.forget(stop.environment)
        waiting = list(self.waiting)
        self.waiting.clear()
        return stops, waiting
