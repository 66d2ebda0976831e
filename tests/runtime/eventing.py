"""What histories of buses, deliveries and schedules share: rules and schedules by a few words, doors that fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec

from runner.host.clock import Clock
from runner.model.events import EventBus, Rule, Schedule
from runner.model.names import Arn
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors, Letter
from runner.runtime.schedules import Schedules
from runner.store import SqliteStore
from tests.runtime.world import PLACE, Letterbox, in_force

EVERYTHING: dict[str, Any] = {"source": [{"prefix": ""}]}


P = ParamSpec("P")


def history(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """A test that is a coroutine, run to its end on a loop of its own."""

    @wraps(test)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        asyncio.run(test(*args, **kwargs))

    return run


def bus(name: str) -> Deployed[EventBus]:
    return Deployed(name, EventBus.model_validate({"Name": name}))


def rule(name: str, *targets: dict[str, Any] | str, on: str = "default", **members: Any) -> Deployed[Rule]:
    """A rule; a target given as a text is the queue of that name. Without a schedule it matches everything."""
    if "ScheduleExpression" not in members:
        members.setdefault("EventPattern", EVERYTHING)
    given = [{"Id": one, "Arn": PLACE.queue(one)} if isinstance(one, str) else one for one in targets]
    noun = Rule.model_validate({"Name": name, "EventBusName": on, "Targets": given, **members})
    return Deployed(f"{on}/{name}", noun)


def schedule(name: str, expression: str, target: dict[str, Any] | None = None, **members: Any) -> Deployed[Schedule]:
    document = {
        "Name": name,
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": PLACE.queue("inbox"), "RoleArn": PLACE.role("r"), **(target or {})},
        **members,
    }
    noun = Schedule.model_validate(document)
    return Deployed(f"{noun.group_name}/{name}", noun)


def state(*nouns: Deployed[Any]) -> State:
    return State().with_changes(nouns)


@dataclass
class FailingDoor(Letterbox):
    """Refuses the letters to each target with these errors, one after the other; takes them once none is left."""

    errors: dict[str, list[Exception]] = field(default_factory=dict)
    attempts: int = 0

    async def accept(self, arn: Arn, letter: Letter) -> None:
        self.attempts += 1
        if self.errors.get(arn.name):
            raise self.errors[arn.name].pop(0)
        await super().accept(arn, letter)


@dataclass
class World:
    """Everything between PutEvents or a schedule and the doors."""

    clock: Clock
    store: SqliteStore
    deployment: Deployment
    box: FailingDoor
    deliveries: Deliveries
    buses: Buses
    schedules: Schedules

    async def deploy(self, put: Sequence[Deployed[Any]] = (), delete: Sequence[tuple[type[Noun], str]] = ()) -> None:
        await self.deployment.change(lambda state: state.with_changes(put, delete))

    async def settle(self) -> None:
        """Take every event that is there through its bus, and on through the buses it goes to."""
        while queues := await self.store.queues("events/"):
            for queue in queues:
                await self.buses.step(queue.removeprefix("events/"), wait_s=0.0)


@asynccontextmanager
async def world(folder: Path, clock: Clock, deployed: State, box: FailingDoor | None = None) -> AsyncIterator[World]:
    """A world over the store in `folder`; open another one there for a restart."""
    store = SqliteStore.open(folder / "state.db", clock=clock)
    box, doors = box or FailingDoor(), Doors()
    try:
        deployment = await in_force(store, deployed)
        deliveries = Deliveries(store, doors, clock, chance=lambda: 1.0)
        buses = Buses(store, deployment, deliveries, PLACE, clock)
        schedules = Schedules(store, deployment, deliveries, PLACE, clock)
        for service in ("sqs", "sns", "lambda"):
            doors.open(service, box)
        doors.open("events", buses)
        yield World(clock, store, deployment, box, deliveries, buses, schedules)
    finally:
        await store.aclose()
