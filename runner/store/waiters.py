"""Callers that wait for a message: woken by what happens to the queue or by the moment one is due."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Protocol

SLICE_S = 3600.0  # longest uninterrupted wait; longer ones look again


class Time(Protocol):
    """Domain time, as `host.clock.Clock` gives it."""

    def now(self) -> float: ...

    async def sleep_until(self, at: float) -> None: ...


@dataclass(slots=True)
class Watch:
    """One queue that somebody waits for. `count` moves with every signal, so that none is missed between looks."""

    callers: int = 0
    count: int = 0
    waiting: set[asyncio.Future[None]] = field(default_factory=set)


class Waiters:
    """Watches of the queues that are being waited for; signals to other queues cost a look-up."""

    def __init__(self, time: Time) -> None:
        self._time = time
        self._watches: dict[str, Watch] = {}

    def signal(self, queue: str) -> None:
        """Something in `queue` may be visible now, or sooner than was thought."""
        watch = self._watches.get(queue)
        if watch is None:
            return
        watch.count += 1
        for waiter in watch.waiting:
            _set(waiter)

    @contextmanager
    def watch(self, queue: str) -> Iterator[Watch]:
        """Signals count from here on."""
        watch = self._watches.setdefault(queue, Watch())
        watch.callers += 1
        try:
            yield watch
        finally:
            watch.callers -= 1
            if watch.callers == 0:
                del self._watches[queue]

    async def wait(self, watch: Watch, timeout_s: float, after_s: float | None) -> None:
        """Until a signal, for `timeout_s` real seconds, or until `after_s` seconds of domain time have passed."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        watch.waiting.add(waiter)
        timeout = loop.call_later(min(timeout_s, SLICE_S), _set, waiter)
        sleeper = None
        if after_s is not None:
            sleeper = loop.create_task(self._time.sleep_until(self._time.now() + after_s))
            sleeper.add_done_callback(lambda _: _set(waiter))
        try:
            await waiter
        finally:
            timeout.cancel()
            if sleeper is not None:
                sleeper.cancel()
            watch.waiting.discard(waiter)


def _set(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
