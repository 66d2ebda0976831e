"""A queue's process stops at each call of its store in turn; another takes over, and nothing is lost or doubled."""

from __future__ import annotations

import asyncio
import contextlib
import json
from pathlib import Path

import pytest

from runner.runtime.queues import Outgoing, Queues
from tests.runtime.crash.stopping import Stopped, StoppingStore
from tests.runtime.messaging import PLACE, HandClock, World, world

COUNT = 4


async def prepare(it: World, fifo: str) -> None:
    await it.queue("dead" + fifo)
    policy = json.dumps({"deadLetterTargetArn": PLACE.queue("dead" + fifo), "maxReceiveCount": 1})
    await it.queue("q" + fifo, VisibilityTimeout="5", RedrivePolicy=policy)


async def send_and_give_up(queues: Queues, clock: HandClock, fifo: str, sent: list[str]) -> None:
    """Messages are sent, received once, and then too often."""
    for n in range(COUNT):
        group = {"group": "g", "deduplication": f"d{n}"} if fifo else {}
        await queues.send("q" + fifo, Outgoing(str(n), **group))
        sent.append(str(n))
    for _ in range(2):
        await queues.receive("q" + fifo, limit=10)
        await clock.advance(6)


async def dead_letters(it: World, fifo: str) -> list[str]:
    """Everything, once the source is empty."""
    depth = await it.queues.depth("q" + fifo)
    while depth.visible or depth.leased or depth.delayed:
        await it.clock.advance(6)
        await it.queues.receive("q" + fifo, limit=10)
        depth = await it.queues.depth("q" + fifo)
    return [message.envelope.body for message in await it.queues.receive("dead" + fifo, limit=10)]


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["the call is lost", "its answer is lost"])
@pytest.mark.parametrize("fifo", ["", ".fifo"], ids=["standard", "FIFO"])
def test_stopping_at_each_call_of_the_store(tmp_path: Path, fifo: str, answered: bool) -> None:
    async def tell(folder: Path, at: int) -> bool:
        sent: list[str] = []
        async with world(folder) as it, asyncio.timeout(20):
            await prepare(it, fifo)
            store = StoppingStore(it.store, at, answered=answered)
            queues = Queues(store, it.deployment, PLACE, it.clock)
            with contextlib.suppress(Stopped):
                await send_and_give_up(queues, it.clock, fifo, sent)
            clock = it.clock
        await clock.advance(6)
        async with world(folder, clock) as it, asyncio.timeout(20):
            found = await dead_letters(it, fifo)
            assert found[: len(sent)] == sent
            assert found == [str(n) for n in range(len(found))]  # at most one more: its answer was lost
            assert len(found) - len(sent) <= 1
        return store.stopped.is_set()

    at = 1
    while asyncio.run(tell(tmp_path / str(at), at)):
        at += 1
    assert at > 10
