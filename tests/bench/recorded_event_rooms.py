"""The rooms of events and schedules, with queues to look into, for replaying recordings."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.doors import Doors
from runner.runtime.queues import Queues
from runner.runtime.schedules import Schedules
from runner.wire.events import Events
from runner.wire.operation import Service
from runner.wire.scheduler import Scheduler
from runner.wire.sqs import Sqs
from tests.bench.recorded import Replay
from tests.bench.recorded_rooms import PLACE, Rooms, _ended, client, until
from tests.wire.live import Live


class EventRooms(Rooms):
    async def __call__(self, held: AsyncExitStack) -> Sequence[Service]:
        clock, (store, deployment) = self.clock, await self._base(held)
        doors = Doors()
        queues = Queues(store, deployment, PLACE, clock)
        deliveries = Deliveries(store, doors, clock)
        buses = Buses(store, deployment, deliveries, PLACE, clock)
        schedules = Schedules(store, deployment, deliveries, PLACE, clock)
        for service, door in (("sqs", queues), ("events", buses), ("lambda", self.taken)):
            doors.open(service, door)
        loops = [asyncio.create_task(one.run()) for one in (queues, deliveries, buses, schedules)]
        held.push_async_callback(_ended, loops)
        return [
            Sqs(queues, deployment, PLACE, clock),
            Events(buses, deployment, PLACE, clock),
            Scheduler(deployment, PLACE, clock),
        ]


@contextlib.contextmanager
def open_rooms(folder: Path) -> Iterator[EventRooms]:
    rooms = EventRooms(folder)
    with Live(rooms) as live:
        rooms.live = live
        yield rooms


class Sqses:
    """Queues of a scenario."""

    def __init__(self, r: Replay) -> None:
        self.client = client(r.scene, "sqs")

    def make(self, name: str = "queue") -> str:
        self.client.create_queue(QueueName=name)
        return PLACE.queue(name)

    def take(self, count: int = 1, name: str = "queue") -> list[Any]:
        """What arrived, as the recordings have it: bodies parsed where they are objects, masks where they were put."""
        url = self.client.get_queue_url(QueueName=name)["QueueUrl"]
        found: list[Any] = []

        def look() -> list[Any]:
            found.extend(self.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []))
            return found

        until(look, lambda messages: len(messages) >= count)
        return [_message(one) for one in found]


def _message(message: dict[str, Any]) -> dict[str, Any]:
    shown = {**message, "ReceiptHandle": "receipt-handle", "MD5OfBody": "m-d5-of-body"}
    with contextlib.suppress(ValueError):
        body = json.loads(message["Body"])
        shown["Body"] = body if isinstance(body, dict) else message["Body"]
    return shown


def patterns(folder: Path) -> dict[str, dict[str, Any]]:
    """The patterns of the scenarios, by their names."""
    rows = (folder / "event_patterns.jsonl").read_text().splitlines()
    found = (json.loads(row) for row in rows)
    return {row["name"]: row for row in found if row.get("name")}


def refused(tried: Callable[[], Any]) -> Any:
    """The answer as the recordings keep it: with the message up to the location, and whole."""
    try:
        return tried()
    except ClientError as error:
        full = error.response["Error"]["Message"]
        shown = {"Code": error.response["Error"]["Code"], "Message": full.partition("\n")[0], "MessageRaw": full}
        answer = {"Error": shown, "ResponseMetadata": error.response["ResponseMetadata"]}
        return {"exception_message": answer, "exception_type": str(type(error))}
