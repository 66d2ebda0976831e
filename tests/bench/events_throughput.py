"""How many events a second go from PutEvents, matched by rules, to the durable queue of a function, on one core.

python tests/bench/events_throughput.py [EVENTS]
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import uvloop

from runner.core.put_events import Entry
from runner.host.clock import Clock
from runner.model.events import EventBus, Rule
from runner.model.names import Arn, Place
from runner.model.state import Deployed, State
from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors, Letter
from runner.store import SqliteStore, StateStore
from runner.store.ports import Message

PLACE = Place()
CALLERS = 8


class OneByOne:
    """A door as the function door is: one commit a letter."""

    def __init__(self, store: SqliteStore, clock: Clock) -> None:
        self.store, self.clock, self.count = store, clock, 0

    async def accept(self, arn: Arn, letter: Letter) -> None:
        now = self.clock.now()
        await self.store.send(f"async/{arn.name}", [Message(letter.id, letter.body, now)], now=now)
        self.count += 1


class Wide(OneByOne):
    async def accept_all(self, arn: Arn, letters: Sequence[Letter]) -> Sequence[None]:
        now = self.clock.now()
        await self.store.send(f"async/{arn.name}", [Message(one.id, one.body, now) for one in letters], now=now)
        self.count += len(letters)
        return [None] * len(letters)


def rule(number: int) -> Deployed[Rule]:
    noun = Rule.model_validate(
        {
            "Name": f"rule{number}",
            "EventBusName": "orders",
            "EventPattern": {"source": [f"shop{number}"], "detail": {"total": [{"numeric": [">", 10]}]}},
            "Targets": [{"Id": "place", "Arn": PLACE.function("place")}],
        }
    )
    return Deployed(f"orders/rule{number}", noun)


async def measure(events: int, door: type[OneByOne], rules: int) -> float:
    with tempfile.TemporaryDirectory() as folder:
        clock, doors = Clock(), Doors()
        store = SqliteStore.open(Path(folder) / "state.db", clock=clock)
        deployment = Deployment(StateStore(store), State())
        bus = Deployed("orders", EventBus.model_validate({"Name": "orders"}))
        await deployment.change(lambda state: state.with_changes([bus, *(rule(n) for n in range(rules))]))
        opened = door(store, clock)
        doors.open("lambda", opened)
        buses = Buses(store, deployment, Deliveries(store, doors, clock), PLACE, clock)
        entry = Entry("shop1", "OrderPlaced", json.dumps({"id": "x" * 200, "total": 20}), bus="orders")
        loop = asyncio.create_task(buses.run())
        started = time.perf_counter()

        async def caller() -> None:
            for _ in range(events // CALLERS // 10):
                await buses.put_events([entry] * 10)

        await asyncio.gather(*(caller() for _ in range(CALLERS)))
        accepted = time.perf_counter() - started
        while opened.count < events // CALLERS // 10 * 10 * CALLERS:
            await asyncio.sleep(0.002)
        took = time.perf_counter() - started
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        await store.aclose()
    name = f"{door.__name__}, {rules} rules"
    print(f"{name:24} accepted {events / accepted:8.0f} events/s, at the target's door {events / took:8.0f} events/s")
    return events / took


def main() -> None:
    events = int(sys.argv[1]) if len(sys.argv) > 1 else 20_000
    for door in (OneByOne, Wide):
        for rules in (5, 1000):
            uvloop.run(measure(events, door, rules))


if __name__ == "__main__":
    main()
