"""A process for `kill -9`: accepts asynchronous invocations and works on them, telling each step on its output."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from runner.host.clock import Clock
from runner.model.names import Arn
from runner.runtime.async_invocations import AsyncInvocations
from runner.runtime.doors import Doors, Letter
from runner.runtime.invoking import Answer, Call
from runner.store import SqliteStore
from tests.runtime.world import PLACE, ScriptedFunction, deployed, function, in_force, invoke_config, success

STATE = deployed(function(), invoke_config(DestinationConfig={"OnSuccess": {"Destination": PLACE.queue("done")}}))
IN_FLIGHT = 8  # callers at once


class Telling:
    """A door that tells what came, durable once it is told."""

    async def accept(self, arn: Arn, letter: Letter) -> None:
        tell("delivered", letter.id)


def tell(what: str, name: str) -> None:
    sys.stdout.write(f"{what} {name}\n")
    sys.stdout.flush()


async def work(_: Call) -> Answer:
    await asyncio.sleep(0.001)
    return success()


async def main(path: Path, count: int) -> None:
    """Accept `count` invocations, then go on until killed."""
    clock = Clock()
    store = SqliteStore.open(path, clock=clock)
    await store.reclaim("async/", now=clock.now())
    doors = Doors()
    doors.open("sqs", Telling())
    invocations = AsyncInvocations(
        store, await in_force(store, STATE), ScriptedFunction(clock, work), doors, PLACE, clock
    )
    numbers = iter(range(count))

    async def caller() -> None:
        for number in numbers:
            await invocations.accept("f", None, b"{}", request_id=f"r-{number}")
            tell("accepted", f"r-{number}")

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(invocations.run())
        async with asyncio.TaskGroup() as callers:
            for _ in range(IN_FLIGHT):
                callers.create_task(caller())
        while await store.queues("async/"):
            await asyncio.sleep(0.01)
        tell("finished", "all")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
