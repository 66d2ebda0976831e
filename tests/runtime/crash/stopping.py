"""A process that stops at the n-th call of its store, and time that jumps to the next moment something is due."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from runner.host.clock import Clock
from runner.store import SqliteStore
from runner.store.ports import Depth, Lease, Message, Record

QUIET_TURNS = 12  # turns of the loop without a call of the store: nothing is in flight


class Stopped(BaseException):
    """The process is gone. Not an Exception: no loop of it may go on."""


class StoppingStore:
    """The verbs of a real store; from the `at`-th call on, everything is over.

    `answered`: the call itself still reaches the store, and only its answer is lost.
    """

    def __init__(self, store: SqliteStore, at: int | None = None, *, answered: bool = False) -> None:
        self._store = store
        self._at = at
        self._answered = answered
        self.calls = 0
        self.stopped = asyncio.Event()

    async def _call(self, verb: str, *arguments: Any, **named: Any) -> Any:
        self.calls += 1
        if self._at is None or self.calls < self._at:
            return await getattr(self._store, verb)(*arguments, **named)
        self.stopped.set()
        if self.calls == self._at and self._answered:
            await getattr(self._store, verb)(*arguments, **named)
        raise Stopped

    async def send(self, queue: str, messages: Sequence[Message], *, now: float) -> Sequence[bool]:
        return await self._call("send", queue, messages, now=now)  # type: ignore[no-any-return]

    async def lease(self, queue: str, *, limit: int, now: float, until: float, wait_s: float = 0.0) -> Sequence[Lease]:
        return await self._call("lease", queue, limit=limit, now=now, until=until, wait_s=wait_s)  # type: ignore[no-any-return]

    async def ack(self, queue: str, receipts: Sequence[str]) -> Sequence[bool]:
        return await self._call("ack", queue, receipts)  # type: ignore[no-any-return]

    async def release(self, queue: str, receipt: str, *, visible_at: float) -> bool:
        return await self._call("release", queue, receipt, visible_at=visible_at)  # type: ignore[no-any-return]

    async def extend(self, queue: str, receipt: str, *, until: float) -> bool:
        return await self._call("extend", queue, receipt, until=until)  # type: ignore[no-any-return]

    async def depth(self, queue: str, *, now: float) -> Depth:
        return await self._call("depth", queue, now=now)  # type: ignore[no-any-return]

    async def purge(self, queue: str, *, before: float | None = None) -> int:
        return await self._call("purge", queue, before=before)  # type: ignore[no-any-return]

    async def queues(self, prefix: str) -> Sequence[str]:
        return await self._call("queues", prefix)  # type: ignore[no-any-return]

    async def get(self, key: str) -> Record | None:
        return await self._call("get", key)  # type: ignore[no-any-return]

    async def scan(self, prefix: str) -> Sequence[Record]:
        return await self._call("scan", prefix)  # type: ignore[no-any-return]

    async def put(self, key: str, value: bytes, *, expected: int) -> int:
        return await self._call("put", key, value, expected=expected)  # type: ignore[no-any-return]

    async def delete(self, key: str, *, expected: int) -> None:
        await self._call("delete", key, expected=expected)


def expected(end: object) -> bool:
    """Whether a task ended as it must in a process that stops: nothing else may have gone wrong."""
    if isinstance(end, BaseExceptionGroup):
        return all(expected(one) for one in end.exceptions)
    return not isinstance(end, BaseException) or isinstance(end, Stopped | asyncio.CancelledError)


class JumpingClock(Clock):
    """Domain time that stands still while something happens, then jumps to the next moment somebody waits for."""

    def __init__(self, at: float = 1_700_000_000.0) -> None:
        super().__init__()
        self.at = at
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.at

    async def sleep_until(self, at: float) -> None:
        if at > self.at:
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append((at, sleeper))
            await sleeper

    def jump(self) -> None:
        self._sleepers = [(at, sleeper) for at, sleeper in self._sleepers if not sleeper.done()]
        self.at = max(self.at, min((at for at, _ in self._sleepers), default=self.at))
        for at, sleeper in self._sleepers:
            if at <= self.at:
                sleeper.set_result(None)

    async def drive(self, store: StoppingStore) -> None:
        """Jump whenever the loops have come to rest, until cancelled."""
        while True:
            calls = store.calls
            for _ in range(QUIET_TURNS):
                await asyncio.sleep(0)
            if store.calls == calls:
                self.jump()
