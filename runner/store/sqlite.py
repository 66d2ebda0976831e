"""Records, queues and logs in one SQLite file."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeVar

from runner.store import documents
from runner.store.database import connect
from runner.store.entries import Entries
from runner.store.messages import Messages, Taken, depth, holds_older
from runner.store.ports import Depth, Entry, Lease, Message, Record
from runner.store.reader import Reader
from runner.store.waiters import Time, Waiters, Watch
from runner.store.writer import Writer

T = TypeVar("T")


class SqliteStore:
    """The embedded store. One process writes; others may read the same file.

    What a verb has answered is committed: it survives the end of the process, `kill -9` included. Only with
    `sync_every_commit` does it also survive a power cut, at the price of a disk sync per commit.
    """

    def __init__(self, connection: sqlite3.Connection, path: Path, time: Time, *, threaded: bool) -> None:
        self._time = time
        self._messages = Messages()
        self._entries = Entries()
        self._waiters = Waiters(time)
        self._writer = Writer(connection, path, threaded=threaded, forget=self._forget)
        self._reader = Reader(path)

    @classmethod
    def open(cls, path: Path, *, clock: Time, sync_every_commit: bool = False) -> SqliteStore:
        """Open or create. Raises StateError for a newer, broken or foreign file, which is left as it is."""
        return cls(connect(path, sync_every_commit=sync_every_commit), path, clock, threaded=sync_every_commit)

    def _forget(self) -> None:
        self._messages.forget()
        self._entries.forget()

    def submit(self, work: Callable[[sqlite3.Connection], T]) -> asyncio.Future[T]:
        """For the store's other rooms: work that is one commit by nature. It raises before it writes, or not at all."""
        return self._writer.submit(work)

    async def aclose(self) -> None:
        """Finish what was asked for, then close."""
        self._reader.close()
        await self._writer.aclose()

    # records

    async def get(self, key: str) -> Record | None:
        return await self._writer.submit(partial(documents.get, key=key))

    async def scan(self, prefix: str) -> Sequence[Record]:
        return await self._writer.submit(partial(documents.scan, prefix=prefix))

    async def put(self, key: str, value: bytes, *, expected: int) -> int:
        return await self._writer.submit(partial(documents.put, key=key, value=value, expected=expected))

    async def delete(self, key: str, *, expected: int) -> None:
        await self._writer.submit(partial(documents.delete, key=key, expected=expected))

    # queues

    async def send(self, queue: str, messages: Sequence[Message], *, now: float) -> Sequence[bool]:
        accepted = await self._writer.submit(lambda db: self._messages.send(db, queue, messages, now))
        self._waiters.signal(queue)
        return accepted

    async def lease(self, queue: str, *, limit: int, now: float, until: float, wait_s: float = 0.0) -> Sequence[Lease]:
        if wait_s <= 0:
            return (await self._take(queue, limit, now, until)).leases
        with self._waiters.watch(queue) as watch:
            return await self._lease_waiting(queue, limit, (now, until), wait_s, watch)

    async def _lease_waiting(
        self, queue: str, limit: int, times: tuple[float, float], wait_s: float, watch: Watch
    ) -> Sequence[Lease]:
        """`times` are as the caller saw them when it asked; both move on while it waits."""
        remaining, asked_at = self._countdown(wait_s), self._time.now()
        now, until = times
        while True:
            seen = watch.count
            passed = self._time.now() - asked_at
            taken = await self._take(queue, limit, now + passed, until + passed)
            left_s = remaining()
            if taken.leases or left_s <= 0:
                return taken.leases
            if watch.count == seen:
                due_in = None if taken.next_at is None else taken.next_at - (now + passed)
                await self._waiters.wait(watch, left_s, due_in)

    @staticmethod
    def _countdown(wait_s: float) -> Callable[[], float]:
        loop = asyncio.get_running_loop()
        end = loop.time() + wait_s
        return lambda: end - loop.time()

    async def _take(self, queue: str, limit: int, now: float, until: float) -> Taken:
        """A lease whose caller is cancelled while it is made is given back: nobody would work on it."""

        def give_back(taken: Taken) -> None:
            for lease in taken.leases:
                work = partial(self._messages.reschedule, queue=queue, receipt=lease.receipt, at=now, keep=False)
                self._writer.submit(work).add_done_callback(lambda _: self._waiters.signal(queue))

        future = self._writer.submit(lambda db: self._messages.lease(db, queue, limit, now, until), abandoned=give_back)
        try:
            return await future
        except asyncio.CancelledError:
            # Done with a result: it was made, and the cancellation came before the caller saw it.
            if not future.cancelled() and future.exception() is None:
                give_back(future.result())
            raise

    async def ack(self, queue: str, receipts: Sequence[str]) -> Sequence[bool]:
        finished, grouped = await self._writer.submit(lambda db: self._messages.ack(db, queue, receipts))
        if grouped:
            self._waiters.signal(queue)
        return finished

    async def release(self, queue: str, receipt: str, *, visible_at: float) -> bool:
        return await self._reschedule(queue, receipt, visible_at, keep=False)

    async def extend(self, queue: str, receipt: str, *, until: float) -> bool:
        return await self._reschedule(queue, receipt, until, keep=True)

    async def _reschedule(self, queue: str, receipt: str, at: float, *, keep: bool) -> bool:
        ours = await self._writer.submit(lambda db: self._messages.reschedule(db, queue, receipt, at, keep=keep))
        self._waiters.signal(queue)
        return ours

    async def depth(self, queue: str, *, now: float) -> Depth:
        return await self._reader.read(partial(depth, queue=queue, now=now))

    async def purge(self, queue: str, *, before: float | None = None) -> int:
        if before is not None and not await self._reader.read(partial(holds_older, queue=queue, before=before)):
            return 0  # found out without holding up who writes
        return await self._writer.submit(lambda db: self._messages.purge(db, queue, before), heavy=True)

    async def queues(self, prefix: str) -> Sequence[str]:
        return await self._writer.submit(lambda db: self._messages.names(db, prefix))

    async def reclaim(self, prefix: str, *, now: float) -> None:
        """Give back every lease in queues under `prefix`: for a start, when whoever held them is gone."""
        for queue in await self._writer.submit(lambda db: self._messages.reclaim(db, prefix, now)):
            self._waiters.signal(queue)

    async def latest(self) -> float:
        """The moment of the newest message accepted, 0 without one: a clock that ran fast must not fall behind it."""
        return await self._writer.submit(self._messages.latest)

    # logs

    async def append(
        self, log: str, bodies: Sequence[tuple[float, bytes]], *, counts: Sequence[int] | None = None
    ) -> int:
        return await self._writer.submit(lambda db: self._entries.append(db, log, bodies, counts))

    async def read(self, log: str, *, after: int, limit: int, newest: bool = False) -> Sequence[Entry]:
        return await self._writer.submit(lambda db: self._entries.read(db, log, after, limit, newest))

    async def trim(self, log: str, *, before: float) -> None:
        await self._writer.submit(lambda db: self._entries.trim(db, log, before), heavy=True)

    async def last(self, log: str) -> int:
        return await self._writer.submit(lambda db: self._entries.last(db, log))

    async def logs(self, prefix: str) -> Sequence[str]:
        return await self._writer.submit(lambda db: self._entries.names(db, prefix))
