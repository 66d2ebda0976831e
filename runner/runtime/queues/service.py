"""SQS's data plane: send, receive, delete, change visibility, purge, and the door at which deliveries arrive.

A queue's messages are in the engine queue `sqs/<name>`. Standard queues lease in the order of becoming visible; FIFO
queues hand their message groups to the engine as its groups.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-basic-architecture.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import uuid4

from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.messaging import Queue
from runner.model.names import Arn, Place, derived_uuid
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.queues import errors
from runner.runtime.queues.attempts import Attempt, Attempts, InFlight
from runner.runtime.queues.attributes import redrive
from runner.runtime.queues.deduplication import First, Window
from runner.runtime.queues.envelope import Envelope
from runner.runtime.queues.moves import Moves
from runner.runtime.queues.outgoing import Outgoing, as_message, check, deduplication_id, of_letter
from runner.runtime.queues.receipts import Receipt, parse_handle
from runner.store import ports

log = logging.getLogger(__name__)

PREFIX = "sqs/"
VISIBILITY_MAX_S = 43_200
PURGE_EVERY_S = 60.0
EXPIRY_EVERY_S = 60.0  # how often a queue that is asked about drops what its retention no longer covers
SEQUENCE_BASE = 18_800_000_000_000_000_000  # twenty digits, as AWS's are
BACK_OFF_S = 1.0  # real seconds after an error of our own
KEPT_DEADLINES = 10_000


class Store(ports.Records, ports.Queues, Protocol):
    """What queues need of the store."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """What a send answers. `sequence` is of FIFO queues."""

    message_id: str
    sequence: str | None = None


@dataclass(frozen=True, slots=True)
class Received:
    """One message, hidden from others until its visibility ends. `receives` counts this one too."""

    envelope: Envelope
    receipt: Receipt
    receives: int
    first_received_at: float

    @property
    def handle(self) -> str:
        return self.receipt.handle

    @property
    def lease(self) -> str:
        return self.receipt.lease

    @property
    def attributes(self) -> dict[str, str]:
        """The system attributes, in AWS's spelling; times in milliseconds."""
        envelope = self.envelope
        values = {
            "SenderId": envelope.sender,
            "ApproximateFirstReceiveTimestamp": str(int(self.first_received_at * 1000)),
            "ApproximateReceiveCount": str(self.receives),
            "SentTimestamp": str(int(envelope.sent_at * 1000)),
            "SequenceNumber": envelope.sequence,
            "MessageDeduplicationId": envelope.deduplication,
            "MessageGroupId": envelope.group,
            "AWSTraceHeader": envelope.trace,
            "DeadLetterQueueSourceArn": envelope.source,
        }
        return {name: value for name, value in values.items() if value is not None}


class Queues:
    """Every SQS queue of the State in force."""

    def __init__(self, store: Store, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._store = store
        self._deployment = deployment
        self._place = place
        self._clock = clock
        self._windows: dict[str, Window] = {}
        self._last_sequence = 0
        self._purged_at: dict[str, float] = {}
        self._expired_at: dict[str, float] = {}
        self._deadlines: dict[str, float] = {}  # of FIFO leases whose visibility was changed
        self._look_through_at = KEPT_DEADLINES  # how many deadlines there are when the past ones are dropped
        self._attempts: dict[str, Attempts[Received]] = {}
        self._in_flight: dict[str, InFlight] = {}
        self.moves = Moves(store, store, deployment, clock)
        self._gone: set[str] = set()
        self._gone_event = asyncio.Event()
        deployment.subscribe(self._changed)

    # -- what there is

    def find(self, name: str) -> Deployed[Queue]:
        """Raises ApiError where there is no such queue."""
        found = self._deployment.state.get(Queue, name)
        if found is None:
            raise errors.no_queue()
        return found

    async def depth(self, name: str) -> ports.Depth:
        """How many messages a queue holds; what its retention no longer covers is dropped first."""
        queue, now = self.find(name).noun, self._clock.now()
        if now - self._expired_at.get(name, 0.0) >= EXPIRY_EVERY_S:
            self._expired_at[name] = now
            await self._store.purge(PREFIX + name, before=now - queue.retention_s)
        return await self._store.depth(PREFIX + name, now=now)

    # -- sending

    async def send(self, name: str, outgoing: Outgoing) -> Accepted:
        """Returns once the message is durable. Raises ApiError."""
        (outcome,) = await self.send_batch(name, [outgoing], batch=False)
        if isinstance(outcome, ApiError):
            raise outcome
        return outcome

    async def send_batch(
        self, name: str, outgoing: Sequence[Outgoing], *, batch: bool = True
    ) -> list[Accepted | ApiError]:
        """Each message's outcome; the accepted ones are durable, in order, in one commit."""
        queue = self.find(name).noun
        window = await self._window(name) if queue.fifo_queue else None
        # No await from here to the end of the loop: order and deduplication are decided at once.
        now = self._clock.now()
        outcomes: list[Accepted | ApiError] = []
        messages: list[ports.Message] = []
        remembered = []
        for one in outgoing:
            try:
                check(one, queue, batch=batch)
            except ApiError as refused:
                outcomes.append(refused)
                continue
            first, is_new, key = self._first(one, queue, window, now)
            if is_new and window is not None:
                remembered.append(window.open(key, first))
            outcomes.append(Accepted(first.message_id, first.sequence or None))
            messages.append(as_message(one, queue, first, now))
        if messages and not remembered:
            await self._store.send(PREFIX + name, messages, now=now)
        elif messages:
            await asyncio.gather(self._store.send(PREFIX + name, messages, now=now), *remembered)
        return outcomes

    def _first(self, one: Outgoing, queue: Queue, window: Window | None, now: float) -> tuple[First, bool, str]:
        """The message this send comes to: a new one, or the one that an earlier send under the same id came to."""
        message_id = derived_uuid("sqs", one.id) if one.id else str(uuid4())
        if window is None:
            return First(message_id, "", now), True, ""
        scope = [one.group or ""] if queue.deduplication_scope == "messageGroup" else []
        key = window.key(*scope, deduplication_id(one))
        known = window.find(key, now)
        if known is not None:
            return known, False, key
        self._last_sequence = max(self._last_sequence + 1, int(now * 1_000_000))
        return First(message_id, str(SEQUENCE_BASE + self._last_sequence * 256), now), True, key

    async def _window(self, name: str) -> Window:
        window = self._windows.setdefault(name, Window(self._store, PREFIX + name))
        await window.load()
        return window

    # -- receiving

    async def receive(
        self,
        name: str,
        *,
        limit: int = 1,
        visibility_s: float | None = None,
        wait_s: float | None = None,
        attempt: str | None = None,
    ) -> list[Received]:
        """Up to `limit` messages. Waits for the first up to `wait_s` seconds of domain time; None: as the queue says.

        Messages that were received too often go to the dead-letter queue instead; expired ones are dropped. The same
        `attempt` again within five minutes gives the same messages, if nothing was done with them; of FIFO queues.
        Raises ApiError.
        """
        queue = self.find(name).noun
        hidden_s = queue.visibility_timeout_s if visibility_s is None else visibility_s
        in_flight = self._flying(name)
        if await in_flight.is_full():
            if not queue.fifo_queue:
                raise errors.error("OverLimit", "Too many messages in flight: 120,000 are the limit of a queue.")
            return []
        if attempt is None or not queue.fifo_queue:
            received = await self._receive(name, queue, limit, hidden_s, wait_s)
        else:
            attempts = self._attempts.setdefault(name, Attempts())
            if (again := await self._repeated(name, attempts, attempt, hidden_s)) is not None:
                return again
            received = await self._receive(name, queue, limit, hidden_s, wait_s)
            if received:
                now = self._clock.now()
                attempts.keep(attempt, Attempt(now, now + hidden_s, received))
        in_flight.more(len(received))
        return received

    def _flying(self, name: str) -> InFlight:
        async def count() -> int:
            return (await self._store.depth(PREFIX + name, now=self._clock.now())).leased

        found = self._in_flight.get(name)
        if found is None:
            found = self._in_flight[name] = InFlight(count)
        return found

    async def _repeated(
        self, name: str, attempts: Attempts[Received], attempt: str, hidden_s: float
    ) -> list[Received] | None:
        """What an earlier receive under this id gave, hidden anew; None where it cannot be repeated."""
        now = self._clock.now()
        made = attempts.find(attempt, now)
        if made is None:
            return None
        attempts.keep(attempt, Attempt(made.at, now + hidden_s, made.messages))
        for message in made.messages:
            if not await self._store.extend(PREFIX + name, message.lease, until=now + hidden_s):
                attempts.forget(attempt)
                return None
            self._keep_deadline(message.lease, now + hidden_s)
        return list(made.messages)

    async def _receive(
        self, name: str, queue: Queue, limit: int, hidden_s: float, wait_s: float | None
    ) -> list[Received]:
        deadline = self._clock.elapsed() + self._clock.real(queue.receive_wait_s if wait_s is None else wait_s)
        while True:
            now, left_s = self._clock.now(), deadline - self._clock.elapsed()
            leases = await self._store.lease(
                PREFIX + name, limit=limit, now=now, until=now + hidden_s, wait_s=max(0.0, left_s)
            )
            received = await self._sift(name, leases)
            if received or not leases:
                return received

    async def _sift(self, name: str, leases: Sequence[ports.Lease]) -> list[Received]:
        """Of what was leased, what a caller is to see; the rest is moved or dropped."""
        found = self._deployment.state.get(Queue, name)
        if found is None:
            return []
        received = []
        for lease in leases:
            envelope = Envelope.decode(lease.body)
            since = lease.sent_at if found.noun.fifo_queue else envelope.sent_at
            if since + found.noun.retention_s <= self._clock.now():
                await self._store.ack(lease.queue, [lease.receipt])
            elif not await self._gave_up(found, lease, envelope):
                at = self._clock.now()
                receipt = Receipt(name, envelope.message_id, lease.receipt, at, lease.until)
                count = envelope.receives + lease.deliveries
                received.append(Received(envelope, receipt, count, lease.first_leased_at))
        return received

    async def _gave_up(self, found: Deployed[Queue], lease: ports.Lease, envelope: Envelope) -> bool:
        """Move a message that was received too often to the dead-letter queue, if there is one."""
        policy = redrive(found.noun)
        if policy is None or lease.deliveries <= policy.max_receives:
            return False
        dead_letters = self._deployment.state.get(Queue, policy.queue)
        if dead_letters is None:
            return False
        await self._move(lease, envelope, self._place.queue(found.key), dead_letters)
        return True

    async def _move(self, lease: ports.Lease, envelope: Envelope, source: str, target: Deployed[Queue]) -> None:
        """Into the dead-letter queue first, then out of this one: stopping in between repeats the first harmlessly."""
        now = self._clock.now()
        moved = Envelope(
            envelope.message_id,
            envelope.body,
            envelope.sent_at,
            envelope.sender,
            envelope.attributes,
            envelope.trace,
            envelope.group,
            envelope.deduplication,
            envelope.sequence,
            envelope.receives + lease.deliveries - 1,
            source,
        )
        group = lease.group if target.noun.fifo_queue else ""
        message = ports.Message(f"{envelope.message_id}/{lease.sequence}", moved.encode(), now, group)
        await self._store.send(PREFIX + target.key, [message], now=now)
        await self._store.ack(lease.queue, [lease.receipt])
        log.info(
            "A message of queue %s went to %s after %d receives.",
            lease.queue.removeprefix(PREFIX),
            target.key,
            lease.deliveries - 1,
            extra={"action": "message_dead_lettered", "message_id": envelope.message_id},
        )

    # -- what a receiver does with a message

    async def delete(self, name: str, handle: str) -> None:
        """Finish a message. An old handle is accepted in a standard queue, as AWS does. Raises ApiError."""
        queue = self.find(name).noun
        receipt = parse_handle(handle, name)
        if queue.fifo_queue and self._deadlines.get(receipt.lease, receipt.until) <= self._clock.now():
            raise errors.invalid_value(handle, "ReceiptHandle", "The receipt handle has expired.")
        self._touched(name, receipt.lease)
        (finished,) = await self._store.ack(PREFIX + name, [receipt.lease])
        self._deadlines.pop(receipt.lease, None)
        if finished:
            self._flying(name).less()

    def _touched(self, name: str, lease: str) -> None:
        if (attempts := self._attempts.get(name)) is not None:
            attempts.touched(lease)

    async def change_visibility(self, name: str, handle: str, visibility_s: int) -> None:
        """Hide a received message until `visibility_s` from now; 0 shows it at once. Raises ApiError."""
        queue = self.find(name).noun
        receipt, now = parse_handle(handle, name), self._clock.now()
        if not 0 <= visibility_s <= VISIBILITY_MAX_S:
            raise errors.invalid_value(
                visibility_s, "VisibilityTimeout", "VisibilityTimeout must be >= 0 and <= 43200."
            )
        if now + visibility_s - receipt.at > VISIBILITY_MAX_S:
            reason = f"Total VisibilityTimeout for the message is beyond the limit [{VISIBILITY_MAX_S} seconds]"
            raise errors.invalid_value(visibility_s, "VisibilityTimeout", reason)
        self._touched(name, receipt.lease)
        if not await self._store.extend(PREFIX + name, receipt.lease, until=now + visibility_s):
            reason = "Message does not exist or is not available for visibility timeout change."
            raise errors.invalid_value(handle, "ReceiptHandle", reason)
        if queue.fifo_queue:
            self._keep_deadline(receipt.lease, now + visibility_s)

    def _keep_deadline(self, lease: str, until: float) -> None:
        self._deadlines[lease] = until
        if len(self._deadlines) > self._look_through_at:
            now = self._clock.now()
            self._deadlines = {kept: at for kept, at in self._deadlines.items() if at > now}
            self._look_through_at = max(KEPT_DEADLINES, 2 * len(self._deadlines))

    async def purge(self, name: str) -> None:
        """Drop every message. Raises ApiError where it was done less than a minute ago."""
        self.find(name)
        now = self._clock.now()
        if now - self._purged_at.get(name, float("-inf")) < PURGE_EVERY_S:
            raise errors.batch_error(
                "PurgeQueueInProgress", f"Only one PurgeQueue operation on {name} is allowed every 60 seconds."
            )
        self._purged_at[name] = now
        await self._store.purge(PREFIX + name)

    # -- the door

    async def accept(self, arn: Arn, letter: Letter) -> None:
        """Send a letter's body as a message; the letter's id makes it the same message every time."""
        found = self._deployment.state.get(Queue, arn.resource)
        if found is None:
            raise Undeliverable("NO_RESOURCE", "The specified queue does not exist.")
        try:
            await self.send(found.key, of_letter(arn, letter, found.noun))
        except (ApiError, UnicodeDecodeError) as refused:
            raise Undeliverable("INVALID_PARAMETER", str(getattr(refused, "message", refused))) from refused

    # -- what goes on beside

    def _changed(self, before: State, after: State) -> None:
        old, new = before.of(Queue), after.of(Queue)
        if old is not new and (gone := set(old) - set(new)):
            self._gone |= gone
            self._gone_event.set()
        self._gone -= set(new)

    async def run(self) -> None:
        """Go on with moves, and drop what queues held that are no longer in the State, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.moves.run(), name="moves")
            tasks.create_task(self._drop_gone(), name="dropped queues")

    async def _drop_gone(self) -> None:
        held: Sequence[str] | None = None
        while True:
            try:
                if held is None:
                    held = await self._store.queues(PREFIX)
                    self._left_behind(held)
                await self._gone_event.wait()
                await self.step()
            except Exception:
                log.exception("Dropping the messages of removed queues failed and is tried again.")
                await asyncio.sleep(BACK_OFF_S)

    def _left_behind(self, held: Sequence[str]) -> None:
        """What an earlier run did not come to drop."""
        self._gone |= {queue.removeprefix(PREFIX) for queue in held} - set(self._deployment.state.of(Queue))
        if self._gone:
            self._gone_event.set()

    async def step(self) -> int:
        """One round of the above; returns how many queues were emptied."""
        self._gone_event.clear()
        names = sorted(self._gone)
        for name in names:
            await self._store.purge(PREFIX + name)
            await (await self._window(name)).clear()
            for memory in (self._windows, self._purged_at, self._expired_at, self._attempts, self._in_flight):
                memory.pop(name, None)
            self._gone.discard(name)
        return len(names)
