"""How fast the store is: `python -m tests.bench.store_verbs [--sync]`. Prints one line a figure."""

from __future__ import annotations

import asyncio
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import uvloop

from runner.host.clock import Clock
from runner.model.events import Rule
from runner.model.state import Deployed, State
from runner.store.ports import Message
from runner.store.sqlite import SqliteStore
from runner.store.states import StateStore

BODY = b"x" * 1024
FAR = 10.0**12


def message(n: int) -> Message:
    return Message(f"m-{n}", BODY, 0.0)


async def latencies(name: str, count: int, one: Callable[[int], Awaitable[object]]) -> None:
    times = []
    for n in range(count):
        start = time.perf_counter()
        await one(n)
        times.append(time.perf_counter() - start)
    times.sort()
    p50, p99 = times[count // 2] * 1e6, times[int(count * 0.99)] * 1e6
    print(f"{name:44} p50 {p50:8.0f} µs   p99 {p99:8.0f} µs   {count / sum(times):10.0f} /s")


async def rate(name: str, rows: int, work: Awaitable[object]) -> None:
    start = time.perf_counter()
    await work
    print(f"{name:44} {rows / (time.perf_counter() - start):48.0f} rows/s")


async def queues(store: SqliteStore) -> None:
    await latencies("one send after another", 5_000, lambda n: store.send("one", [message(n)], now=1.0))

    async def sender(first: int) -> None:
        for n in range(first, first + 200):
            await store.send("many", [message(n)], now=1.0)

    await rate("64 senders at once", 64 * 200, asyncio.gather(*(sender(k * 200) for k in range(64))))

    async def batches() -> None:
        for first in range(0, 64 * 400, 64):
            await store.send("batch", [message(n) for n in range(first, first + 64)], now=1.0)

    await rate("batches of 64", 64 * 400, batches())

    async def lease_and_ack(queue: str, limit: int) -> None:
        while leases := await store.lease(queue, limit=limit, now=2.0, until=FAR):
            await store.ack(queue, [lease.receipt for lease in leases])

    await rate("lease and acknowledge, one by one", 5_000, lease_and_ack("one", 1))
    await rate("lease and acknowledge, ten by ten", 64 * 200, lease_and_ack("many", 10))
    await rate("lease and acknowledge, 64 by 64", 64 * 400, lease_and_ack("batch", 64))

    async def through(n: int) -> None:
        waiting = asyncio.ensure_future(store.lease("hop", limit=1, now=2.0, until=FAR, wait_s=5.0))
        await asyncio.sleep(0)
        await store.send("hop", [message(n)], now=1.0)
        (lease,) = await waiting
        await store.ack("hop", [lease.receipt])

    await latencies("send, wake a waiter, lease, acknowledge", 3_000, through)
    await latencies("log append", 5_000, lambda _: store.append("log", [(1.0, BODY)]))


async def states(store: SqliteStore) -> None:
    def rule(n: int) -> Deployed[Rule]:
        return Deployed(f"default/r{n}", Rule.model_validate({"Name": f"r{n}", "EventPattern": {"source": [str(n)]}}))

    state_store = StateStore(store)
    state = State().with_changes([rule(n) for n in range(10_000)])
    start = time.perf_counter()
    await state_store.swap(State(), state)
    print(f"{'10,000 rules in one swap':44} {(time.perf_counter() - start) * 1e3:8.1f} ms")

    async def put(n: int) -> None:
        nonlocal state
        after = state.with_changes([rule(n)])
        await state_store.swap(state, after)
        state = after

    await latencies("one rule among 10,000", 200, put)
    start = time.perf_counter()
    await state_store.load()
    print(f"{'loading 10,000 rules':44} {(time.perf_counter() - start) * 1e3:8.1f} ms")


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "state.db"
        store = SqliteStore.open(path, clock=Clock(), sync_every_commit="--sync" in sys.argv)
        await queues(store)
        await states(store)
        await store.aclose()
        start = time.perf_counter()
        store = SqliteStore.open(path, clock=Clock())
        megabytes = path.stat().st_size / 1e6
        print(f"{f'opening a file of {megabytes:.0f} MB':44} {(time.perf_counter() - start) * 1e3:8.1f} ms")
        await store.aclose()


if __name__ == "__main__":
    uvloop.run(main())
