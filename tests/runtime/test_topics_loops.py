"""Loops over queues: none is missed, none stays for a queue that holds nothing."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner.runtime.topics.loops import QueueLoops
from runner.store.ports import Message
from tests.runtime.messaging import LIMIT_S, World, told


def test_a_loop_lasts_as_long_as_its_queue_holds_something(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runner.runtime.topics.loops.BACK_OFF_S", 0.0)

    async def history(it: World) -> None:
        seen: list[str] = []
        rounds = asyncio.Condition()
        failing = [True]

        async def step(queue: str) -> int:
            leases = await it.store.lease(queue, limit=1, now=it.clock.now(), until=it.clock.now() + 60, wait_s=0.001)
            if failing:
                failing.pop()
                await it.store.release(queue, leases[0].receipt, visible_at=0)
                raise RuntimeError("only once")
            for lease in leases:
                seen.append(lease.id)
                await it.store.ack(queue, [lease.receipt])
            async with rounds:
                rounds.notify_all()
            return len(leases)

        loops = QueueLoops(it.store, "x/", step)

        async def send(queue: str, name: str, later_s: float = 0.0) -> None:
            now = it.clock.now()
            await it.store.send(queue, [Message(name, b"", now + later_s)], now=now)
            loops.start(queue)

        async def comes(count: int) -> None:
            async with rounds, asyncio.timeout(LIMIT_S):
                await rounds.wait_for(lambda: len(seen) == count)

        async def ended() -> None:
            async with asyncio.timeout(LIMIT_S):
                while any(task.get_name().startswith("x/") for task in asyncio.all_tasks()):
                    await asyncio.sleep(0.001)

        await send("x/a", "before the start")
        running = asyncio.ensure_future(loops.run())
        await comes(1)
        await send("x/b", "another")
        await comes(2)
        await ended()
        await send("x/a", "again", later_s=30)
        await it.clock.advance(31)
        await comes(3)
        await ended()
        assert seen == ["before the start", "another", "again"]
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await send("x/a", "after the end")
        assert await it.store.queues("x/") == ["x/a"]

    told(history, tmp_path)
