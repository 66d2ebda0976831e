"""A mapping's history, stopped at each call of the store in turn, then resumed: every message reaches its end."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue
from runner.runtime.invoking import Answer, Call
from runner.runtime.mappings import Mappings
from runner.runtime.queues import Outgoing, Queues
from runner.store import SqliteStore
from tests.runtime.crash.stopping import JumpingClock, StoppingStore, expected
from tests.runtime.world import LIMIT_S, PLACE, ScriptedFunction, deployed, failure, function, in_force, success

BODIES = ("good", "late", "bad")
REDRIVE = {"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 3}
STATE = deployed(
    function(),
    keys={
        "q": Queue.model_validate({"QueueName": "q", "RedrivePolicy": REDRIVE}),
        "dead": Queue.model_validate({"QueueName": "dead"}),
        "u-1": EventSourceMapping.model_validate(
            {
                "FunctionName": "f",
                "EventSourceArn": PLACE.queue("q"),
                "FunctionResponseTypes": ["ReportBatchItemFailures"],
            }
        ),
    },
)


@dataclass
class Outside:
    """What does not stop with the process."""

    sent: set[str] = field(default_factory=set)
    done: Counter[str] = field(default_factory=Counter)

    def answer(self, call: Call) -> Answer:
        """`good` succeeds, `late` at its second receive, `bad` never: alone it raises, with others it is reported."""
        failed = []
        records = json.loads(call.payload)["Records"]
        for record in records:
            late = record["body"] == "late" and record["attributes"]["ApproximateReceiveCount"] == "1"
            if late or record["body"] == "bad":
                failed.append({"itemIdentifier": record["messageId"]})
            else:
                self.done[record["body"]] += 1
        if len(failed) == len(records):
            return failure()
        return success(json.dumps({"batchItemFailures": failed}).encode())


async def live(path: Path, outside: Outside, at: int | None, *, answered: bool, clock: JumpingClock) -> StoppingStore:
    """One life: send what was not accepted yet, and work until the queue is empty or until it is stopped."""
    real = SqliteStore.open(path, clock=clock)
    try:
        deployment = await in_force(real, STATE)
        store = StoppingStore(real, at, answered=answered)
        queues = Queues(store, deployment, PLACE, clock)
        mappings = Mappings(deployment, ScriptedFunction(clock, outside.answer), queues, PLACE, clock)

        async def send_and_finish() -> None:
            for body in BODIES:
                if body not in outside.sent:
                    await queues.send("q", Outgoing(body, id=body))
                    outside.sent.add(body)
            while "sqs/q" in await real.queues("sqs/"):
                await asyncio.sleep(0)

        finishing = asyncio.create_task(send_and_finish())
        tasks = [finishing, *(asyncio.create_task(loop) for loop in (mappings.run(), clock.drive(store)))]
        stopped = asyncio.create_task(store.stopped.wait())
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait({stopped, finishing}, return_when=asyncio.FIRST_COMPLETED)
        for task in (stopped, *tasks):
            task.cancel()
        ends = await asyncio.gather(stopped, *tasks, return_exceptions=True)
        assert all(map(expected, ends)), ends
    finally:
        await real.aclose()
    return store


async def dead(path: Path, clock: JumpingClock) -> list[str]:
    store = SqliteStore.open(path, clock=clock)
    try:
        queues = Queues(store, await in_force(store, STATE), PLACE, clock)
        return [one.envelope.body for one in await queues.receive("dead", limit=10, wait_s=0)]
    finally:
        await store.aclose()


def test_the_history_undisturbed(tmp_path: Path) -> None:
    path, outside, clock = tmp_path / "state.db", Outside(), JumpingClock()
    asyncio.run(live(path, outside, None, answered=False, clock=clock))
    assert outside.done == {"good": 1, "late": 1}
    assert asyncio.run(dead(path, clock)) == ["bad"]


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_stopped_anywhere_and_resumed_nothing_is_lost(tmp_path: Path, answered: bool) -> None:
    calls = asyncio.run(live(tmp_path / "undisturbed.db", Outside(), None, answered=False, clock=JumpingClock())).calls
    for at in range(1, calls + 1):
        path, outside, clock = tmp_path / f"{at}.db", Outside(), JumpingClock()
        asyncio.run(live(path, outside, at, answered=answered, clock=clock))
        asyncio.run(live(path, outside, None, answered=False, clock=clock))
        assert outside.done.keys() | set(asyncio.run(dead(path, clock))) == set(BODIES), f"stopped at call {at}"
        assert outside.done.total() <= 2 * 2, f"stopped at call {at}"
