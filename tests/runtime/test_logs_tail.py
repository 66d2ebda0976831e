"""Reading and following logs over a real store."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from runner.host.clock import Clock
from runner.model.errors import InputError
from runner.model.function import Function, FunctionVersion
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.log_tail import LogTail
from runner.runtime.logs import LogService, Search
from runner.store import SqliteStore, StateStore


def function(name: str, **config: object) -> Deployed[FunctionVersion]:
    noun = FunctionVersion(name=name, config=Function.model_validate({"Code": {}, **config}), artifact="a")
    return Deployed(name, noun, f"stack/{name.title()}Function")


class World:
    def __init__(self, path: Path, *functions: Deployed[FunctionVersion]) -> None:
        self.clock = Clock()
        self.store = SqliteStore.open(path / "state.db", clock=self.clock)
        deployment = Deployment(StateStore(self.store), State().with_changes(functions))
        self.logs = LogService(self.store, deployment, self.clock)
        self.tail = LogTail(self.logs, deployment)

    def write(self, name: str, line: str) -> None:
        self.logs.write(name, f"/aws/lambda/{name}", "s", [(self.clock.now(), line)])

    async def past(self, name: str | None, search: Search = Search()) -> list[str]:  # noqa: B008
        return [f"{e.function}:{e.message}".rstrip() async for e in self.tail.events(name, search, follow=False)]


def test_the_past_of_all_functions_is_told_in_order_of_time(tmp_path: Path) -> None:
    async def history() -> None:
        world = World(tmp_path, function("a"), function("b"))
        for name, line in (("a", "1"), ("b", "2"), ("a", "3"), ("b", "ERROR 4")):
            world.write(name, line)
        assert await world.past(None) == ["a:1", "b:2", "a:3", "b:ERROR 4"]
        assert await world.past("a") == ["a:1", "a:3"]
        assert await world.past("BFunction") == ["b:2", "b:ERROR 4"]  # by its logical id
        assert await world.past("/aws/lambda/a") == ["a:1", "a:3"]
        assert await world.past(None, Search(pattern="ERROR")) == ["b:ERROR 4"]
        await world.store.aclose()

    asyncio.run(history())


def test_a_function_that_never_ran_has_no_past(tmp_path: Path) -> None:
    async def history() -> None:
        world = World(tmp_path, function("a"))
        assert await world.past("a") == []
        with pytest.raises(InputError, match="no function and no log group 'x'"):
            await world.past("x")
        await world.store.aclose()

    asyncio.run(history())


def test_following_goes_on_without_gaps_or_repeats(tmp_path: Path) -> None:
    async def history() -> None:
        world = World(tmp_path, function("a"), function("b"))
        for number in range(50):
            world.write("a", f"past {number}")
        seen: list[str] = []

        async def follow() -> None:
            async for event in world.tail.events("a", Search(pattern="-skip"), follow=True):
                seen.append(event.message.strip())  # noqa: PERF401

        task = asyncio.create_task(follow())
        for number in range(50):  # while the past is being read, and after
            world.write("a", f"live {number}")
            world.write("a", "skip this")
            world.write("b", "another")
            await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while len(seen) < 100:
                await asyncio.sleep(0.001)
        task.cancel()
        assert seen == [f"past {n}" for n in range(50)] + [f"live {n}" for n in range(50)]
        await asyncio.gather(task, return_exceptions=True)
        assert world.logs._listeners == []
        await world.logs.close()
        await world.store.aclose()

    asyncio.run(history())
