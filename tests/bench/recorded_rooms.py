"""The rooms of messages, logs and roles on one real store behind one real server, for replaying recordings."""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.loaders import Loader

from runner.host.clock import Clock
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors
from runner.runtime.logs import LogService
from runner.runtime.queues import Queues
from runner.runtime.topics import Topics
from runner.store import SqliteStore, StateStore
from runner.wire.iam import Iam
from runner.wire.logs import Logs
from runner.wire.operation import Service
from runner.wire.protocols.sqs import MAP_NAMES, MEMBER_NAMES
from runner.wire.sns import Sns
from runner.wire.sqs import Sqs
from tests.wire.live import Live

PLACE = Place()
PATIENCE_S = 5.0


class LeapingClock(Clock):
    """The real clock, which a scenario can push ahead instead of waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.ahead_s = 0.0

    def now(self) -> float:
        return super().now() + self.ahead_s


class Taken:
    """Stands for functions: keeps what arrives at their door."""

    def __init__(self) -> None:
        self.letters: list[Any] = []

    async def accept(self, _: Any, letter: Any) -> None:
        self.letters.append(letter)


class Rooms:
    """Everything on one database; `live` serves it."""

    def __init__(self, folder: Path) -> None:
        self.clock = LeapingClock()
        self.taken = Taken()
        self.deployment: Deployment
        self._path = folder / "runner.db"
        self.live: Live

    async def _base(self, held: AsyncExitStack) -> tuple[SqliteStore, Deployment]:
        """The database, and what it says is deployed; closed with `held`."""
        store = SqliteStore.open(self._path, clock=self.clock)
        held.push_async_callback(store.aclose)
        states = StateStore(store)
        self.deployment = Deployment(states, await states.load())
        return store, self.deployment

    async def __call__(self, held: AsyncExitStack) -> Sequence[Service]:
        clock, (store, deployment) = self.clock, await self._base(held)
        doors = Doors()
        queues = Queues(store, deployment, PLACE, clock)
        topics = Topics(store, deployment, doors, PLACE, clock)
        logs = LogService(store, deployment, clock)
        held.push_async_callback(logs.close)
        doors.open("sqs", queues)
        doors.open("sns", topics)
        doors.open("lambda", self.taken)
        loops = [asyncio.create_task(loop) for loop in (queues.run(), topics.run())]
        held.push_async_callback(_ended, loops)
        return [
            Sqs(queues, deployment, PLACE, clock),
            Sns(topics, deployment, PLACE, clock),
            Logs(logs, deployment, PLACE, clock),
            Iam(deployment, PLACE, clock),
        ]


async def _ended(loops: Sequence[asyncio.Task[None]]) -> None:
    for loop in loops:
        loop.cancel()
    await asyncio.gather(*loops, return_exceptions=True)


@contextlib.contextmanager
def open_rooms(folder: Path) -> Iterator[Rooms]:
    rooms = Rooms(folder)
    with Live(rooms) as live:
        rooms.live = live
        yield rooms


class QueryLoader(Loader):
    """Botocore's models, but SQS's speaks the query protocol, as it did until 2023."""

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:
        model = json.loads(json.dumps(super().load_service_model(service_name, type_name, api_version)))
        if service_name == "sqs" and type_name == "service-2":
            _speak_query(model)
        return model


def _speak_query(model: dict[str, Any]) -> None:
    model["metadata"] |= {"protocol": "query", "protocols": ["query"], "xmlNamespace": "http://queue.amazonaws.com/"}
    model["metadata"].pop("awsQueryCompatible", None)
    shapes = model["shapes"]
    for name, element in MEMBER_NAMES.items():
        shapes[name]["flattened"] = True
        shapes[name]["member"]["locationName"] = element
    for name, (entry, key, value) in MAP_NAMES.items():
        shapes[name] |= {"flattened": True, "locationName": entry}
        shapes[name]["key"]["locationName"] = key
        shapes[name]["value"]["locationName"] = value
    for name, operation in model["operations"].items():
        if "output" in operation:
            operation["output"]["resultWrapper"] = f"{name}Result"


def client(rooms: Rooms, service: str, *, region: str = "us-east-1", query: bool = False) -> Any:
    session = botocore.session.Session()
    if query:
        session.register_component("data_loader", QueryLoader(Loader().search_paths))
    config = Config(retries={"total_max_attempts": 1}, parameter_validation=False)
    return session.create_client(
        service,
        region_name=region,
        endpoint_url=rooms.live.endpoint,
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=config,
    )


def until(look: Callable[[], Any], found: Callable[[Any], bool] = bool) -> Any:
    """Look again until it is there; what there is after a while otherwise."""
    deadline = time.monotonic() + PATIENCE_S
    while not found(seen := look()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return seen
