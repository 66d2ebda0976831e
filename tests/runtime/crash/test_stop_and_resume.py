"""Histories of asynchronous invocations, stopped at each call of the store in turn, then resumed: the same end."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from runner.model.names import LATEST
from runner.runtime.async_invocations import AsyncInvocations
from runner.runtime.doors import Doors
from runner.runtime.invoking import Answer, Call
from runner.store import SqliteStore
from tests.runtime.crash.stopping import JumpingClock, StoppingStore, expected
from tests.runtime.world import (
    LIMIT_S,
    PLACE,
    THROTTLE,
    Letterbox,
    ScriptedFunction,
    deployed,
    failure,
    function,
    in_force,
    invoke_config,
    success,
)

CALLS_MAX = 500  # more than any history makes
STATE = deployed(
    function("charge", DeadLetterConfig={"TargetArn": PLACE.queue("dead")}),
    invoke_config("charge", DestinationConfig={"OnFailure": {"Destination": PLACE.topic("failed")}}),
    function("place"),
    invoke_config("place", DestinationConfig={"OnSuccess": {"Destination": PLACE.function("audit")}}),
    function("audit"),
    invoke_config("audit", DestinationConfig={"OnSuccess": {"Destination": PLACE.queue("audited")}}),
)
ACCEPTED = (("charge", "r-charge"), ("place", "r-place"))


@dataclass
class Outside:
    """What is not in the process and does not stop with it: the handlers' world, and where letters arrive."""

    box: Letterbox = field(default_factory=Letterbox)
    calls: Counter[str] = field(default_factory=Counter)

    def answer(self, call: Call) -> Answer:
        """`charge` always fails; `place` is throttled at first; `audit` succeeds."""
        self.calls[call.function] += 1
        if call.function == "place" and self.calls["place"] == 1:
            raise THROTTLE
        return failure() if call.function == "charge" else success(version=LATEST)

    def end(self) -> list[tuple[str, str]]:
        return sorted((target, letter.id) for target, letter in self.box.letters.values())


async def live(path: Path, outside: Outside, at: int | None, *, answered: bool, clock: JumpingClock) -> StoppingStore:
    """One life of the process: accept, work until nothing is left, or until it is stopped."""
    real = SqliteStore.open(path, clock=clock)
    try:
        deployment = await in_force(real, STATE)
        await real.reclaim("async/", now=clock.now())
        store, doors = StoppingStore(real, at, answered=answered), Doors()
        scripted = ScriptedFunction(clock, outside.answer)
        invocations = AsyncInvocations(store, deployment, scripted, doors, PLACE, clock)
        for service in ("sqs", "sns"):
            doors.open(service, outside.box)
        doors.open("lambda", invocations.door)
        await _work(store, real, invocations, clock)
    finally:
        await real.aclose()
    return store


async def _work(store: StoppingStore, real: SqliteStore, invocations: AsyncInvocations, clock: JumpingClock) -> None:
    async def accept_and_finish() -> None:
        for name, request_id in ACCEPTED:
            # A client that got no answer asks again: in the next life, under the same id.
            await invocations.accept(name, None, b"{}", request_id=request_id)
        while await real.queues("async/"):
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(work) for work in (invocations.run(), clock.drive(store), accept_and_finish())]
    stopped = asyncio.create_task(store.stopped.wait())
    try:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait({stopped, tasks[2]}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        ends = await asyncio.gather(stopped, *tasks, return_exceptions=True)
    assert all(map(expected, ends)), ends


def undisturbed(path: Path) -> tuple[Outside, int]:
    outside = Outside()
    store = asyncio.run(live(path, outside, None, answered=False, clock=JumpingClock()))
    return outside, store.calls


def test_the_history_undisturbed(tmp_path: Path) -> None:
    outside, calls = undisturbed(tmp_path / "state.db")
    assert outside.calls == {"charge": 3, "place": 2, "audit": 1}
    assert [target for target, _ in outside.end()] == ["audited", "dead", "failed"]
    assert 10 < calls < CALLS_MAX


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_stopped_anywhere_and_resumed_it_ends_the_same(tmp_path: Path, answered: bool) -> None:
    whole, calls = undisturbed(tmp_path / "undisturbed.db")
    for at in range(1, calls + 1):
        path, outside, clock = tmp_path / f"{at}.db", Outside(), JumpingClock()
        asyncio.run(live(path, outside, at, answered=answered, clock=clock))
        resumed = asyncio.run(live(path, outside, None, answered=False, clock=JumpingClock(clock.at + 1)))
        assert not resumed.stopped.is_set()
        assert outside.end() == whole.end(), f"stopped at call {at}"
        # What ran and was not acknowledged may run once more; nothing runs more often than that.
        assert (outside.calls - whole.calls).total() <= len(ACCEPTED), f"stopped at call {at}"
        assert not whole.calls - outside.calls, f"stopped at call {at}"


@pytest.mark.slow
def test_stopped_over_and_over_it_ends_the_same(tmp_path: Path) -> None:
    whole, _ = undisturbed(tmp_path / "undisturbed.db")
    outside, clock, lives = Outside(), JumpingClock(), 0
    while lives < CALLS_MAX:
        lives += 1
        at = 3 + lives % 9  # always enough calls to get on, never enough to finish at once
        store = asyncio.run(live(tmp_path / "state.db", outside, at, answered=lives % 2 == 0, clock=clock))
        if not store.stopped.is_set():
            break
        clock = JumpingClock(clock.at + 1)
    assert outside.end() == whole.end()
    assert lives < CALLS_MAX
