"""FIFO deduplication: what was sent under an id is not sent again within five minutes; the answer is the first one's.

What is remembered lives in memory and in records, so that a restart does not open the window. The record is written in
the same moment as the message, and the message is sent under its own id, so that a duplicate sent after a crash
between the two repeats the send harmlessly. Revisions of records are remembered too: to look one up would take a
moment in which the message, but not yet its record, is there.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/using-messagededuplicationid-property.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable
from contextlib import suppress
from dataclasses import asdict, dataclass
from hashlib import sha256

from runner.model.errors import Conflict
from runner.store.ports import Records

WINDOW_S = 300.0
PREFIX = "deduplication/"
ATTEMPTS = 4
SWEEP = 2  # forgotten per message sent: more than one, so that the memory shrinks again


@dataclass(frozen=True, slots=True)
class First:
    """The message that was first sent under an id."""

    message_id: str
    sequence: str
    at: float


class Window:
    """One queue's or topic's window. All decisions are made on what is in memory, without waiting in between."""

    def __init__(self, records: Records, name: str) -> None:
        self._records = records
        self._prefix = f"{PREFIX}{name}/"
        self._firsts: dict[str, First] = {}
        self._revisions: dict[str, int] = {}
        self._loading = asyncio.Lock()
        self._loaded = False

    async def load(self) -> None:
        """Read what an earlier run remembered; once."""
        async with self._loading:
            if not self._loaded:
                await self._load()
                self._loaded = True

    async def _load(self) -> None:
        records = await self._records.scan(self._prefix)
        firsts = {record.key: First(**json.loads(record.value)) for record in records}
        self._firsts = dict(sorted(firsts.items(), key=lambda item: item[1].at)) | self._firsts
        self._revisions = {record.key: record.revision for record in records} | self._revisions

    def key(self, *parts: str) -> str:
        return self._prefix + sha256("\0".join(parts).encode()).hexdigest()

    def find(self, key: str, now: float) -> First | None:
        """The message sent under `key` while the window is open."""
        first = self._firsts.get(key)
        return first if first is not None and now - first.at < WINDOW_S else None

    def open(self, key: str, first: First) -> Awaitable[None]:
        """Remember a message; the awaitable is done when that is durable. To be awaited beside the message's send."""
        self._firsts.pop(key, None)
        self._firsts[key] = first
        expected = self._revisions.pop(key, 0)
        stale = [old for old in list(self._firsts)[:SWEEP] if first.at - self._firsts[old].at >= WINDOW_S]
        for old in stale:
            del self._firsts[old]
            self._revisions.pop(old, None)
        return self._write(key, first, stale, expected)

    async def _write(self, key: str, first: First, stale: list[str], expected: int) -> None:
        value = json.dumps(asdict(first)).encode()
        for _ in range(ATTEMPTS):
            try:
                revision = await self._records.put(key, value, expected=expected)
            except Conflict:  # forgotten, or not yet forgotten, by a neighbour at this moment
                record = await self._records.get(key)
                expected = record.revision if record else 0
                continue
            if self._firsts.get(key) is first:
                self._revisions[key] = revision
            break
        for old in stale:
            await self._forget(old, before=first.at - WINDOW_S)

    async def _forget(self, key: str, *, before: float) -> None:
        record = await self._records.get(key)
        if record is not None and json.loads(record.value)["at"] <= before:
            with suppress(Conflict):
                await self._records.delete(key, expected=record.revision)

    async def clear(self) -> None:
        """Forget all: the queue is gone."""
        self._firsts.clear()
        self._revisions.clear()
        for record in await self._records.scan(self._prefix):
            await self._records.delete(record.key, expected=record.revision)
