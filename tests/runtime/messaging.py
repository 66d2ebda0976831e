"""A world of queues and topics: a real store, a clock moved by hand, the rooms called as the wire calls them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runner.host.clock import Clock
from runner.model.names import Arn, Place
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors, Letter, Undeliverable
from runner.runtime.queues import Queues
from runner.runtime.topics import Topics
from runner.store import SqliteStore, StateStore
from runner.wire.operation import Context, Service
from runner.wire.sns import Sns
from runner.wire.sqs import Sqs

PLACE = Place()
LIMIT_S = 20.0


class HandClock(Clock):
    """Domain time that stands still until it is moved."""

    def __init__(self, at: float = 1_700_000_000.0) -> None:
        super().__init__()
        self._at = at
        self._moved = asyncio.Condition()

    def now(self) -> float:
        return self._at

    async def sleep_until(self, at: float) -> None:
        async with self._moved:
            await self._moved.wait_for(lambda: self._at >= at)

    async def advance(self, by_s: float) -> None:
        self._at += by_s
        async with self._moved:
            self._moved.notify_all()


class FunctionDoor:
    """Stands for the functions' door: keeps letters, once each; `gone` are functions that do not exist."""

    def __init__(self) -> None:
        self.letters: dict[str, Letter] = {}
        self.gone: set[str] = set()

    async def accept(self, arn: Arn, letter: Letter) -> None:
        if arn.name in self.gone:
            raise Undeliverable("NO_RESOURCE", f"Function not found: {arn.name}")
        self.letters.setdefault(letter.id, letter)


class World:
    """Queues and topics over one database file; `sqs` and `sns` call an operation as a parsed request would."""

    def __init__(self, store: SqliteStore, deployment: Deployment, clock: HandClock) -> None:
        self.store = store
        self.deployment = deployment
        self.clock = clock
        self.queues = Queues(store, deployment, PLACE, clock)
        self.doors = Doors()
        self.topics = Topics(store, deployment, self.doors, PLACE, clock)
        self.functions = FunctionDoor()
        for service, door in (("sqs", self.queues), ("sns", self.topics), ("lambda", self.functions)):
            self.doors.open(service, door)
        self._sqs = Sqs(self.queues, deployment, PLACE, clock)
        self._sns = Sns(self.topics, deployment, PLACE, clock)

    async def sqs(self, operation: str, queue: str | None = None, **members: Any) -> Any:
        if queue is not None:
            members["QueueUrl"] = PLACE.queue_url(queue)
        return await called(self._sqs, operation, members)

    async def sns(self, operation: str, topic: str | None = None, **members: Any) -> Any:
        if topic is not None:
            members["TopicArn"] = PLACE.topic(topic)
        return await called(self._sns, operation, members)

    async def topic(self, name: str, **attributes: str) -> str:
        """Create a topic; a FIFO one by its name."""
        fifo = {"FifoTopic": "true"} if name.endswith(".fifo") else {}
        await self.sns("CreateTopic", Name=name, Attributes={**fifo, **attributes})
        return name

    async def subscribe(self, topic: str, queue: str, **attributes: str) -> str:
        """Subscribe a queue; returns the subscription's ARN."""
        endpoint = PLACE.queue(queue)
        answer = await self.sns("Subscribe", topic, Protocol="sqs", Endpoint=endpoint, Attributes=attributes)
        return str(answer["SubscriptionArn"])

    async def publish(self, topic: str, message: str = "hello", **members: Any) -> Any:
        """Publish, and let the topic hand it out."""
        answer = await self.sns("Publish", topic, Message=message, **members)
        await self.topics.step(topic, wait_s=0)
        return answer

    async def queue(self, name: str, **attributes: str) -> str:
        """Create a queue; a FIFO one by its name."""
        fifo = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
        await self.sqs("CreateQueue", QueueName=name, Attributes={**fifo, **attributes})
        return name

    async def send(self, queue: str, body: str = "hello", **members: Any) -> Any:
        return await self.sqs("SendMessage", queue, MessageBody=body, **members)

    async def receive(self, queue: str, limit: int = 10, **members: Any) -> list[Any]:
        answer = await self.sqs("ReceiveMessage", queue, MaxNumberOfMessages=limit, **members)
        return list(answer.get("Messages", []))

    async def bodies(self, queue: str, **members: Any) -> list[str]:
        return [message["Body"] for message in await self.receive(queue, **members)]


async def called(service: Service, operation: str, members: dict[str, Any]) -> Any:
    context = Context(service.name, operation, "request-1", PLACE.region)
    return await service.operations[operation](members, context)


@asynccontextmanager
async def world(folder: Path, clock: HandClock | None = None) -> AsyncIterator[World]:
    clock = clock or HandClock()
    folder.mkdir(exist_ok=True)
    store = SqliteStore.open(folder / "runner.db", clock=clock)
    states = StateStore(store)
    try:
        yield World(store, Deployment(states, await states.load()), clock)
    finally:
        await store.aclose()


def told(history: Callable[[World], Awaitable[None]], folder: Path) -> None:
    """Run one history in a fresh world; it may not hang."""

    async def tell() -> None:
        async with world(folder) as around, asyncio.timeout(LIMIT_S):
            await history(around)

    asyncio.run(tell())
