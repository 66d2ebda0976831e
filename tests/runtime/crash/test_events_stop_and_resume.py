"""Events and schedules, stopped at each call of the store in turn, then resumed: the same letters arrive."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path

import pytest

from runner.core.put_events import Entry
from runner.model.errors import ApiError
from runner.model.names import Arn
from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.doors import Doors, Letter
from runner.runtime.schedules import Schedules
from runner.store import SqliteStore
from tests.runtime.crash.stopping import JumpingClock, StoppingStore, expected
from tests.runtime.eventing import FailingDoor, bus, rule, schedule, state
from tests.runtime.world import LIMIT_S, PLACE, in_force

BROKEN = ApiError("ServiceException", "Out of order.", 500)
NOON = 1_700_000_000.0 - 1_700_000_000.0 % 3600
AFTER_S = 310.0  # a little more than the schedules of this history need
HOPELESS = {
    "Id": "f",
    "Arn": PLACE.function("g"),
    "RetryPolicy": {"MaximumRetryAttempts": 2},
    "DeadLetterConfig": {"Arn": PLACE.queue("dead")},
}
DEPLOYED = (
    bus("second"),
    rule("onward", "first", {"Id": "bus", "Arn": PLACE.bus("second")}, EventPattern={"source": ["shop"]}),
    rule("arrived", "inbox", {"Id": "f", "Arn": PLACE.function("f")}, on="second"),
    rule("hopeless", HOPELESS, EventPattern={"source": ["shop"]}),
    rule("ticking", "ticks", ScheduleExpression="rate(1 minute)"),
    schedule("daily", "rate(2 minutes)"),
)
STATE = state(*(replace(one, created_at=NOON) for one in DEPLOYED))


class Outside(FailingDoor):
    """Targets that do not stop with the process: `f` fails at first, `g` never works, the others take all.

    `accepted`: the client of PutEvents has its answer, and asks no more.
    """

    accepted = False

    async def accept(self, arn: Arn, letter: Letter) -> None:
        if arn.name == "g":
            raise BROKEN
        await super().accept(arn, letter)

    def end(self) -> set[tuple[str, str]]:
        """What arrived where. A client that got no answer puts its event again, as another event."""
        return {(target, _told(letter)) for target, letter in self.letters.values()}

    def ticks(self) -> list[str]:
        """Every tick that arrived, as often as it did."""
        return sorted(f"{target} {told}" for target, letter in self.letters.values() if "Z" in (told := _told(letter)))


def _told(letter: Letter) -> str:
    event = json.loads(letter.body)
    return f"{event['source']} {event['time']}" if event["source"] != "shop" else f"order {event['detail']['id']}"


async def live(path: Path, outside: Outside, at: int | None, *, answered: bool, clock: JumpingClock) -> StoppingStore:
    """One life of the process; events are put until one call was answered, schedules run until `AFTER_S`."""
    real = SqliteStore.open(path, clock=clock)
    try:
        deployment = await in_force(real, STATE)
        for prefix in ("events/", "deliveries/"):
            await real.reclaim(prefix, now=clock.now())
        store, doors = StoppingStore(real, at, answered=answered), Doors()
        deliveries = Deliveries(store, doors, clock, chance=lambda: 1.0)
        buses = Buses(store, deployment, deliveries, PLACE, clock)
        schedules = Schedules(store, deployment, deliveries, PLACE, clock)
        for service in ("sqs", "lambda"):
            doors.open(service, outside)
        doors.open("events", buses)

        async def finish() -> None:
            if not outside.accepted:
                await buses.put_events([Entry("shop", "Order", '{"id": 1}', time=NOON)])
                outside.accepted = True
            await clock.sleep_until(NOON + AFTER_S)
            while not (timers := schedules._timers) or any(
                (one.due or 0.0) <= NOON + AFTER_S for one in timers.values()
            ):
                await asyncio.sleep(0)
            while await real.queues("events/") or await real.queues("deliveries/"):
                await asyncio.sleep(0)

        works = (buses.run(), deliveries.run(), schedules.run(), clock.drive(store), finish())
        await _work(store, [asyncio.create_task(work) for work in works])
    finally:
        await real.aclose()
    return store


async def _work(store: StoppingStore, tasks: list[asyncio.Task[None]]) -> None:
    stopped = asyncio.create_task(store.stopped.wait())
    try:
        async with asyncio.timeout(LIMIT_S):
            await asyncio.wait({stopped, *tasks}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (stopped, *tasks):
            task.cancel()
        ends = await asyncio.gather(stopped, *tasks, return_exceptions=True)
    assert all(map(expected, ends)), ends


def undisturbed(path: Path) -> tuple[Outside, int]:
    outside = Outside(errors={"f": [BROKEN]})
    store = asyncio.run(live(path, outside, None, answered=False, clock=JumpingClock(NOON)))
    return outside, store.calls


def test_the_history_undisturbed(tmp_path: Path) -> None:
    outside, _ = undisturbed(tmp_path / "state.db")
    assert sorted(target for target, told in outside.end() if told == "order 1") == ["dead", "f", "first", "inbox"]
    assert len(outside.at("ticks")) == 5
    assert len(outside.ticks()) == 5 + 3


@pytest.mark.slow
@pytest.mark.parametrize("answered", [False, True], ids=["before", "after"])
def test_stopped_anywhere_and_resumed_the_same_arrives(tmp_path: Path, answered: bool) -> None:
    whole, calls = undisturbed(tmp_path / "undisturbed.db")
    for at in range(1, calls + 1):
        path, outside, clock = tmp_path / f"{at}.db", Outside(errors={"f": [BROKEN]}), JumpingClock(NOON)
        asyncio.run(live(path, outside, at, answered=answered, clock=clock))
        resumed = asyncio.run(live(path, outside, None, answered=False, clock=JumpingClock(clock.at + 1)))
        assert not resumed.stopped.is_set()
        assert outside.end() == whole.end(), f"stopped at call {at} of {calls}"
        assert outside.ticks() == whole.ticks(), f"stopped at call {at} of {calls}"
