"""Whether depth costs anything: queues of 100,000 messages. `python -m tests.bench.store_deep`."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Awaitable
from pathlib import Path
from typing import TypeVar

import uvloop

from runner.host.clock import Clock
from runner.store.ports import Message
from runner.store.sqlite import SqliteStore

T = TypeVar("T")
COUNT = 100_000
FAR = 10.0**12


async def timed(name: str, work: Awaitable[T]) -> T:
    start = time.perf_counter()
    result = await work
    print(f"{name:48} {(time.perf_counter() - start) * 1e3:10.2f} ms")
    return result


async def fill(store: SqliteStore, queue: str, group: str) -> None:
    for first in range(0, COUNT, 500):
        await store.send(queue, [Message(str(n), b"x" * 200, 0.0, group) for n in range(first, first + 500)], now=1.0)


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = SqliteStore.open(Path(folder) / "state.db", clock=Clock())
        for queue, group in (("plain", ""), ("fifo", "g")):
            await timed(f"{queue}: {COUNT:,} messages sent", fill(store, queue, group))
            leases = await timed(f"{queue}: ten leased", store.lease(queue, limit=10, now=2.0, until=FAR))
            await timed(f"{queue}: ten leased again, behind those", store.lease(queue, limit=10, now=2.0, until=FAR))
            await timed(f"{queue}: ten acknowledged", store.ack(queue, [lease.receipt for lease in leases]))
            await timed(f"{queue}: depth", store.depth(queue, now=2.0))
            await timed(f"{queue}: all purged", store.purge(queue))
        await timed("queues listed", store.queues(""))
        await store.aclose()


if __name__ == "__main__":
    uvloop.run(main())
