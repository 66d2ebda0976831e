"""What the API tells of mappings while messages are handed over: real queues on a real store, a function that waits."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from runner.host.clock import Clock
from runner.model.function import Function, FunctionVersion
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue
from runner.model.names import Place
from runner.model.state import Deployed
from runner.runtime.async_invocations import AsyncInvocations
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors
from runner.runtime.functions.code import CodeStore
from runner.runtime.invoking import Answer, Call
from runner.runtime.mappings import Mappings
from runner.runtime.queues import Queues
from runner.store import SqliteStore, StateStore
from runner.wire.lambda_ import Lambda
from runner.wire.operation import Service
from runner.wire.sqs import Sqs
from tests.wire.live import WAIT_S, Live

PLACE = Place()
KEY = "7e0ae6b5-2b8e-4bd0-9a6c-0d2b1f7d5c11"


class Waiting:
    """A function that answers when it is told to."""

    def __init__(self) -> None:
        self.held: list[asyncio.Future[Answer]] = []

    def invoke(self, call: Call) -> asyncio.Future[Answer]:
        self.held.append(asyncio.get_running_loop().create_future())
        return self.held[-1]

    def begin(self, call: Call, done: Callable[[Answer | Exception], None]) -> None:
        done(Answer(call.payload, "$LATEST"))

    async def answer(self) -> None:
        self.held.pop(0).set_result(Answer(b"{}", "$LATEST"))


class World:
    """Makes the rooms on their loop, and polls there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.function = Waiting()

    async def __call__(self, held: AsyncExitStack) -> Sequence[Service]:
        clock = Clock()
        store = SqliteStore.open(self._folder / "state.db", clock=clock)
        held.push_async_callback(store.aclose)
        states = StateStore(store)
        deployment = Deployment(states, await states.load())
        queues = Queues(store, deployment, PLACE, clock)
        mappings = Mappings(deployment, self.function, queues, PLACE, clock)
        polling = asyncio.create_task(mappings.run())
        held.push_async_callback(asyncio.wait, [polling])
        held.callback(polling.cancel)
        stream = EventSourceMapping.model_validate(
            {"FunctionName": "f", "EventSourceArn": PLACE.arn("kinesis", "stream/s"), "StartingPosition": "LATEST"}
        )
        function = FunctionVersion(name="f", config=Function.model_validate({"Code": {}}), artifact="a")
        queue = Queue.model_validate({"QueueName": "q", "VisibilityTimeout": 600})
        nouns: list[Deployed[Any]] = [Deployed("f", function), Deployed("q", queue), Deployed(KEY, stream)]
        await deployment.change(lambda state: state.with_changes(nouns))
        code = CodeStore(self._folder / "artifacts")
        later = AsyncInvocations(store, deployment, self.function, Doors(), PLACE, clock)
        return [
            Lambda(deployment, code, self.function, later, PLACE, clock, polling=mappings),
            Sqs(queues, deployment, PLACE, clock),
        ]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def live(world: World) -> Iterator[Live]:
    with Live(world) as live:
        yield live


def until(told: Callable[[], Any], expected: Any) -> None:
    """Ask again until the answer is the one expected."""
    ends_at = time.monotonic() + WAIT_S
    while (found := told()) != expected:
        assert time.monotonic() < ends_at, found


def read(client: Any, key: str) -> list[dict[str, Any]]:
    """One mapping, in both answers that only read it."""
    listed = [one for one in client.list_event_source_mappings()["EventSourceMappings"] if one["UUID"] == key]
    return [client.get_event_source_mapping(UUID=key), *listed]


def test_a_result_of_processing_is_told_of_streams(live: Live) -> None:
    client = live.client("lambda")
    shapes = [*read(client, KEY), client.delete_event_source_mapping(UUID=KEY)]
    assert [shape["LastProcessingResult"] for shape in shapes] == ["No records processed"] * 3


@pytest.mark.slow
def test_a_result_of_processing_is_never_told_of_queues(live: Live, world: World) -> None:
    client = live.client("lambda")
    shapes = [client.create_event_source_mapping(FunctionName="f", EventSourceArn=PLACE.queue("q"))]
    key = shapes[0]["UUID"]
    live.client("sqs").send_message(QueueUrl=f"{live.endpoint}/{PLACE.account}/q", MessageBody="m")
    until(lambda: len(world.function.held), 1)
    live.run(world.function.answer())
    for change in (client.update_event_source_mapping, client.delete_event_source_mapping):
        until(lambda: client.get_event_source_mapping(UUID=key)["State"], "Enabled")
        shapes += [*read(client, key), change(UUID=key)]
    assert len(shapes) == 7
    assert all("LastProcessingResult" not in shape for shape in shapes)


@pytest.mark.slow
def test_a_mapping_is_being_disabled_until_its_last_batch_has_ended(live: Live, world: World) -> None:
    client = live.client("lambda")
    key = client.create_event_source_mapping(FunctionName="f", EventSourceArn=PLACE.queue("q"))["UUID"]
    until(lambda: client.get_event_source_mapping(UUID=key)["State"], "Enabled")
    live.client("sqs").send_message(QueueUrl=f"{live.endpoint}/{PLACE.account}/q", MessageBody="m")
    until(lambda: len(world.function.held), 1)
    assert client.update_event_source_mapping(UUID=key, Enabled=False)["State"] == "Disabling"
    until(lambda: client.get_event_source_mapping(UUID=key)["State"], "Disabling")
    live.run(world.function.answer())
    until(lambda: client.get_event_source_mapping(UUID=key)["State"], "Disabled")
