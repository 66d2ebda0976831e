"""Moving dead letters back: tasks that take a dead-letter queue's messages to where they came from, or elsewhere.

A task is a record, so that it goes on after a restart; each message is sent to its new queue first and then finished.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from uuid import uuid4

from runner.host.clock import Clock
from runner.model.errors import ApiError, Conflict
from runner.model.messaging import Queue
from runner.model.names import Arn
from runner.runtime.deployment import Deployment
from runner.runtime.queues import errors
from runner.runtime.queues.attributes import redrive
from runner.runtime.queues.envelope import Envelope
from runner.store import ports

log = logging.getLogger(__name__)

PREFIX = "sqs-moves/"
BATCH = 50
LEASE_S = 30.0
RATE_MAX = 500
KEPT = 10  # tasks of a source that are remembered, as AWS lists them


class Status(StrEnum):
    RUNNING = "RUNNING"
    CANCELLED = "CANCELLED"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


@dataclass(frozen=True, slots=True)
class Move:
    """One task. `destination` is None where every message goes back to the queue it came from."""

    id: str
    source: str
    destination: str | None
    rate: int | None
    started_at: float
    to_move: int
    moved: int = 0
    status: Status = Status.RUNNING
    failure: str | None = None

    @property
    def handle(self) -> str:
        return base64.b64encode(json.dumps({"taskId": self.id, "sourceArn": self.source}).encode()).decode()


class Moves:
    """Every move task, running or over."""

    def __init__(self, records: ports.Records, queues: ports.Queues, deployment: Deployment, clock: Clock) -> None:
        self._records = records
        self._queues = queues
        self._deployment = deployment
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}
        self._starting: set[str] = set()  # sources of tasks that are not yet written down
        self._tasks: asyncio.TaskGroup | None = None

    async def start(self, source: str, destination: str | None, rate: int | None) -> Move:
        """Raises ApiError."""
        name = self._existing(source, "SourceArn")
        if not any(self._gives_up_to(queue.noun, source) for queue in self._deployment.state.of(Queue).values()):
            raise errors.invalid("Source queue must be configured as a Dead Letter Queue.")
        if destination is not None:
            self._existing(destination, "DestinationArn")
        if source in self._starting:
            raise _already()
        self._starting.add(source)
        try:
            move = await self._start(name, Move(str(uuid4()), source, destination, rate, self._clock.now(), 0))
        finally:
            self._starting.discard(source)
        self._begin(move)
        return move

    async def _start(self, name: str, move: Move) -> Move:
        """Write a task down; of those that are over, the latest are kept."""
        earlier = await self._of(move.source)
        if any(one.status is Status.RUNNING for one in earlier):
            raise _already()
        depth = await self._queues.depth(f"sqs/{name}", now=move.started_at)
        move = replace(move, to_move=depth.visible + depth.leased + depth.delayed)
        await self._records.put(_key(move), _encoded(move), expected=0)
        for old in earlier[KEPT - 1 :]:
            if (record := await self._records.get(_key(old))) is not None:
                await self._records.delete(record.key, expected=record.revision)
        return move

    def _existing(self, arn: str, parameter: str) -> str:
        parsed = Arn.parse(arn)
        if parsed is None or self._deployment.state.get(Queue, parsed.resource) is None:
            message = f"The resource that you specified for the {parameter} parameter doesn't exist."
            raise ApiError("ResourceNotFoundException", message)
        return parsed.resource

    @staticmethod
    def _gives_up_to(queue: Queue, arn: str) -> bool:
        policy = redrive(queue)
        return policy is not None and policy.arn == arn

    async def list(self, source: str) -> Sequence[Move]:
        """A source's tasks, the newest first. Raises ApiError."""
        self._existing(source, "SourceArn")
        return await self._of(source)

    async def _of(self, source: str) -> Sequence[Move]:
        moves = [_decoded(record.value) for record in await self._records.scan(f"{PREFIX}{source}/")]
        return sorted(moves, key=lambda move: move.started_at, reverse=True)

    async def cancel(self, handle: str) -> Move:
        """Raises ApiError."""
        try:
            named = json.loads(base64.b64decode(handle, validate=True))
            source, task = str(named["sourceArn"]), str(named["taskId"])
        except (ValueError, KeyError, TypeError):
            raise errors.invalid("Value for parameter TaskHandle is invalid.") from None
        self._existing(source, "SourceArn")
        found = await self._records.get(f"{PREFIX}{source}/{task}")
        if found is None:
            raise ApiError("ResourceNotFoundException", "Task does not exist.")
        move = _decoded(found.value)
        if move.status is not Status.RUNNING:
            raise errors.batch_error("UnsupportedOperation", "Only active tasks can be cancelled.")
        return await self._over(move, Status.CANCELLED)

    # -- running

    async def run(self) -> None:
        """Go on with every task that is not over, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for record in await self._records.scan(PREFIX):
                self._begin(_decoded(record.value))
            await asyncio.Event().wait()

    def _begin(self, move: Move) -> None:
        if self._tasks is not None and move.status is Status.RUNNING:
            self._running[move.id] = self._tasks.create_task(self._work(move), name=f"move {move.source}")

    async def _work(self, move: Move) -> None:
        """To the end of the task; what goes wrong ends it as failed."""
        try:
            while await self.step(move):
                pass
        except ApiError as refused:
            await self._over(move, Status.FAILED, refused.code)
        except Exception:
            log.exception("Moving messages from %s failed.", move.source)
            await self._over(move, Status.FAILED, "InternalError")
        finally:
            self._running.pop(move.id, None)

    async def step(self, move: Move) -> bool:
        """Move some messages; False once there is nothing left to do."""
        name, now = self._existing(move.source, "SourceArn"), self._clock.now()
        limit = min(BATCH, move.rate or BATCH)
        leases = await self._queues.lease(f"sqs/{name}", limit=limit, now=now, until=now + LEASE_S)
        held = list(leases)
        try:
            while held:
                if (await self._current(move)).status is not Status.RUNNING:
                    return False
                await self._move(move, held[0])
                del held[0]
                if move.rate:
                    await self._clock.sleep_until(self._clock.now() + 1 / move.rate)
        finally:
            for lease in held:
                await self._queues.release(lease.queue, lease.receipt, visible_at=self._clock.now())
        if not leases:
            await self._over(move, Status.COMPLETED)
        return bool(leases)

    async def _move(self, move: Move, lease: ports.Lease) -> None:
        envelope = Envelope.decode(lease.body)
        target = Arn.parse(move.destination or envelope.source or "")
        found = self._deployment.state.get(Queue, target.resource) if target else None
        if found is None:
            raise errors.no_queue()
        now = self._clock.now()
        fresh = replace(envelope, sent_at=now, receives=0, source=None)
        group = (envelope.group or "") if found.noun.fifo_queue else ""
        message = ports.Message(f"{envelope.message_id}/{lease.sequence}", fresh.encode(), now, group)
        await self._queues.send(f"sqs/{found.key}", [message], now=now)
        await self._queues.ack(lease.queue, [lease.receipt])
        await self._change(move, lambda current: replace(current, moved=current.moved + 1))

    async def _current(self, move: Move) -> Move:
        record = await self._records.get(_key(move))
        return _decoded(record.value) if record else replace(move, status=Status.CANCELLED)

    async def _over(self, move: Move, status: Status, failure: str | None = None) -> Move:
        """End a task, unless it is over already."""

        def ended(current: Move) -> Move:
            return replace(current, status=status, failure=failure) if current.status is Status.RUNNING else current

        return await self._change(move, ended)

    async def _change(self, move: Move, decide: Callable[[Move], Move]) -> Move:
        """Write what `decide` makes of the task as it is; decided again where somebody else was faster."""
        while True:
            record = await self._records.get(_key(move))
            changed = decide(_decoded(record.value) if record else move)
            with suppress(Conflict):
                await self._records.put(_key(move), _encoded(changed), expected=record.revision if record else 0)
                return changed


def _already() -> ApiError:
    return errors.batch_error(
        "UnsupportedOperation",
        "There is already a task running. Only one active task is allowed for a source queue arn at a given time.",
    )


def _key(move: Move) -> str:
    return f"{PREFIX}{move.source}/{move.id}"


def _encoded(move: Move) -> bytes:
    return json.dumps(asdict(move)).encode()


def _decoded(value: bytes) -> Move:
    document = json.loads(value)
    return Move(**{**document, "status": Status(document["status"])})
