"""How long one changed rule among many takes, with the event after it, and how long the loop is held up meanwhile.

    python -m tests.bench.rule_changes [RULES]

The baseline is the same with 100 rules in the same run. Times are CPU times, so that a busy machine changes little.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tempfile
import time
from functools import partial
from pathlib import Path
from statistics import median

import uvloop

from runner.cli.main import GC_THRESHOLD
from runner.core.put_events import Entry
from runner.host.clock import Clock
from runner.model.events import Rule
from runner.model.names import Place
from runner.model.state import Deployed, State
from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors
from runner.runtime.schedules import Schedules
from runner.store import SqliteStore, StateStore
from tests.runtime.world import Letterbox

PLACE = Place()
ROUNDS = 40


def rule(number: int, source: str) -> Deployed[Rule]:
    noun = Rule.model_validate(
        {
            "Name": f"rule{number}",
            "EventPattern": {
                "source": [source],
                "detail-type": ["OrderPlaced", "OrderPaid"],
                "detail": {"total": [{"numeric": [">", 10]}], "shop": [{"prefix": "s"}]},
            },
            "Targets": [{"Id": "place", "Arn": PLACE.queue("place")}],
        }
    )
    return Deployed(f"default/rule{number}", noun)


class Lag:
    """How long at most a task that only wants to run again waited, in the CPU time of the loop's thread."""

    def __init__(self) -> None:
        self.worst = 0.0

    def restart(self, _before: State, _after: State) -> None:
        """Forget what committing State took: that is the store's affair."""
        self.worst = 0.0

    async def run(self) -> None:
        while True:
            begun = time.thread_time()
            await asyncio.sleep(0)
            self.worst = max(self.worst, time.thread_time() - begun)


async def measure(rules: int) -> tuple[float, float, float]:
    """CPU milliseconds: the loop held up by deploying all, a change with its event (median), held up by changes."""
    with tempfile.TemporaryDirectory() as folder:
        clock, doors, box = Clock(), Doors(), Letterbox()
        store = SqliteStore.open(Path(folder) / "state.db", clock=clock)
        deployment = Deployment(StateStore(store), await StateStore(store).load())
        lag = Lag()
        deployment.subscribe(lag.restart)
        deliveries = Deliveries(store, doors, clock)
        buses = Buses(store, deployment, deliveries, PLACE, clock)
        schedules = Schedules(store, deployment, deliveries, PLACE, clock)
        doors.open("sqs", box)
        made = [rule(number, f"shop{number}") for number in range(rules)]
        tasks = [asyncio.create_task(one) for one in (buses.run(), schedules.run())]
        await asyncio.sleep(0.05)
        tasks.append(asyncio.create_task(lag.run()))
        await deployment.change(lambda state: state.with_changes(made))
        await _event(buses, box, "shop0")
        deploying = lag.worst
        took, changing = [], 0.0
        for number in range(ROUNDS):
            changed = rule(number, f"new{number}")
            begun = time.process_time()
            await deployment.change(partial(State.with_changes, put=[changed]))
            await _event(buses, box, f"new{number}")
            took.append(time.process_time() - begun)
            changing = max(changing, lag.worst)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await store.aclose()
        return deploying * 1e3, median(took) * 1e3, changing * 1e3


async def _event(buses: Buses, box: Letterbox, source: str) -> None:
    arrived = len(box.letters)
    await buses.put_events([Entry(source, "OrderPaid", '{"total": 11, "shop": "s1"}')])
    while len(box.letters) == arrived:
        await asyncio.sleep(0)


def main() -> None:
    gc.set_threshold(GC_THRESHOLD, 20, 20)  # as `runner up` does
    rules = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    few, many = uvloop.run(measure(100)), uvloop.run(measure(rules))
    print(
        f"{rules} rules: one changed rule and its event {many[1]:.2f} ms of CPU ({many[1] / few[1]:.1f} x of 100 rules)"
    )
    print(f"  the loop was held up by deploying {many[0]:.1f} ms at most, by changes {many[2]:.1f} ms at most")


if __name__ == "__main__":
    main()
