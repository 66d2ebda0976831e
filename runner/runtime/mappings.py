"""Event source mappings: from a queue, in batches, to a function.

One poller a mapping receives as soon as it may run another batch, and the messages stay in their queue, invisible,
until the function has taken them: a batch that fails, or that is cut off by the end of the process, comes back by
the queue's own visibility timeout.

Source: https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from runner.core import batching, lineage, retry
from runner.core.batching import BATCH_SIZE, Processing, SqsMessage
from runner.core.patterns import MappingFilter, PatternError, compile_mapping_filter
from runner.core.retry import Outcome
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue
from runner.model.names import Arn, Place, derived_uuid, function_reference
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.invoking import Answer, Call, Invoker
from runner.runtime.queues import Queues, Received, attributes_md5
from runner.runtime.queues.envelope import body_md5

log = logging.getLogger(__name__)

POLL_S = 20.0  # real seconds: SQS's longest poll
BACK_OFF_S = 1.0  # real seconds after an error of our own, or of a batch
REPORTS = "ReportBatchItemFailures"


class MappingState(StrEnum):
    """`State` of a mapping."""

    CREATING = "Creating"
    ENABLING = "Enabling"
    ENABLED = "Enabled"
    DISABLING = "Disabling"
    DISABLED = "Disabled"
    UPDATING = "Updating"
    DELETING = "Deleting"


@dataclass(slots=True)
class Poller:
    """What is alive of one mapping: its loop and the batches in flight."""

    uuid: str
    deployed: Deployed[EventSourceMapping]
    queue: str
    filter: MappingFilter
    scale: batching.Scale
    task: asyncio.Task[None] | None = None
    batches: set[asyncio.Task[None]] = field(default_factory=set)
    result: Processing = Processing.NONE
    retired: bool = False
    gathering: bool = False  # holds messages that are in no batch yet
    woken: asyncio.Event = field(default_factory=asyncio.Event)  # State changed

    @property
    def noun(self) -> EventSourceMapping:
        return self.deployed.noun

    @property
    def maximum(self) -> int | None:
        scaling = self.noun.scaling_config
        return scaling.maximum_concurrency if scaling else None

    @property
    def reports(self) -> bool:
        return REPORTS in self.noun.function_response_types

    @property
    def fifo(self) -> bool:
        return self.queue.endswith(".fifo")


@dataclass(frozen=True, slots=True)
class Batch:
    """Messages that are handed over together."""

    messages: tuple[SqsMessage, ...]
    event: bytes

    @property
    def until(self) -> float:
        """When the first of the messages becomes visible again."""
        return min(message.until for message in self.messages)


class Mappings:
    """Keeps one poller alive for each enabled mapping of the State in force."""

    def __init__(self, deployment: Deployment, invoker: Invoker, queues: Queues, place: Place, clock: Clock) -> None:
        self._deployment = deployment
        self._invoker = invoker
        self._queues = queues
        self._place = place
        self._clock = clock
        self._pollers: dict[str, Poller] = {}
        self._retiring: dict[str, set[asyncio.Task[None]]] = {}
        self._changed = asyncio.Event()
        self._closing = False
        self._tasks: asyncio.TaskGroup | None = None
        deployment.subscribe(self._on_change)

    def state(self, uuid: str) -> MappingState:
        """How far what is declared has been carried out."""
        deployed = self._deployment.state.get(EventSourceMapping, uuid)
        poller, retiring = self._pollers.get(uuid), bool(self._retiring.get(uuid))
        if deployed is None:
            return MappingState.DELETING
        if not deployed.noun.enabled:
            return MappingState.DISABLING if poller or retiring else MappingState.DISABLED
        if poller is None:
            new = deployed.modified_at <= deployed.created_at
            return MappingState.CREATING if new else MappingState.ENABLING
        return MappingState.ENABLED if poller.deployed is deployed else MappingState.UPDATING

    def last_result(self, uuid: str) -> Processing:
        """`LastProcessingResult`; AWS shows it for streams only."""
        poller = self._pollers.get(uuid)
        return poller.result if poller else Processing.NONE

    async def run(self) -> None:
        """Poll until cancelled, following every change of State."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            while True:
                self._changed.clear()
                self._reconcile(self._deployment.state)
                await self._changed.wait()

    async def drain(self, grace_s: float) -> None:
        """Receive no more, and give the batches in flight `grace_s` real seconds to end."""
        self._closing = True
        for uuid in list(self._pollers):
            self._retire(uuid)
        batches = [batch for retiring in self._retiring.values() for batch in retiring]
        if batches:
            await asyncio.wait(batches, timeout=grace_s)

    # -- following State

    def _on_change(self, before: State, after: State) -> None:
        nouns = (EventSourceMapping, Queue)
        if any(before.of(noun) is not after.of(noun) for noun in nouns):
            self._changed.set()
            for poller in self._pollers.values():
                poller.woken.set()

    def _reconcile(self, state: State) -> None:
        """Start missing pollers, retire surplus ones. A changed mapping gets a new one; batches in flight go on."""
        wanted = {uuid: one for uuid, one in state.of(EventSourceMapping).items() if one.noun.enabled}
        for uuid, poller in list(self._pollers.items()):
            if wanted.get(uuid) is not poller.deployed:
                self._retire(uuid)
        for uuid in wanted.keys() - self._pollers.keys():
            self._start(uuid, wanted[uuid])

    def _start(self, uuid: str, deployed: Deployed[EventSourceMapping]) -> None:
        source = Arn.parse(deployed.noun.event_source_arn or "")
        if self._tasks is None or self._closing or source is None or source.service != "sqs":
            return
        try:
            filters = deployed.noun.filter_criteria.filters if deployed.noun.filter_criteria else ()
            compiled = compile_mapping_filter([one.pattern or "" for one in filters])
        except PatternError as error:
            log.error("Mapping %s has a filter that cannot be used: %s", uuid, error)
            return
        scaling = deployed.noun.scaling_config
        scale = batching.initial_scale(scaling.maximum_concurrency if scaling else None, now=self._clock.elapsed())
        poller = self._pollers[uuid] = Poller(uuid, deployed, source.name, compiled, scale)
        poller.task = self._tasks.create_task(self._poll(poller), name=f"mapping {uuid}")

    def _retire(self, uuid: str) -> None:
        """Receive no more. Messages that were received already are still handed over."""
        poller = self._pollers.pop(uuid)
        poller.retired = True
        if poller.task is None:
            return
        if not poller.gathering:
            poller.task.cancel()
        for task in (poller.task, *poller.batches):
            self._await_retired(uuid, task)

    def _await_retired(self, uuid: str, task: asyncio.Task[None]) -> None:
        self._retiring.setdefault(uuid, set()).add(task)
        task.add_done_callback(lambda done: self._retired(uuid, done))

    def _retired(self, uuid: str, task: asyncio.Task[None]) -> None:
        retiring = self._retiring.get(uuid, set())
        retiring.discard(task)
        if not retiring:
            self._retiring.pop(uuid, None)

    # -- polling

    async def _poll(self, poller: Poller) -> None:
        while not poller.retired:
            poller.woken.clear()
            try:
                await self.step(poller)
            except ApiError as error:
                # The queue is not there: nothing will change that but a change of State.
                poller.result = Processing.CONNECTION
                log.warning("Mapping %s cannot receive from %s: %s", poller.uuid, poller.queue, error)
                await poller.woken.wait()
            except Exception:
                poller.result = Processing.INTERNAL
                log.exception("Mapping %s went on after an error", poller.uuid)
                await asyncio.sleep(BACK_OFF_S)

    async def step(self, poller: Poller) -> int:
        """Receive one batch and start handing it over; returns how many messages were received."""
        await self._room(poller)
        first = await self._queues.receive(poller.queue, limit=self._size(poller), wait_s=POLL_S * self._clock.pace)
        if not first:
            return 0
        poller.gathering = True
        try:
            messages = await self._gather(poller, first)
            if messages:
                await self._hand_over(poller, messages)
        finally:
            poller.gathering = False
        return len(first)

    @staticmethod
    def _size(poller: Poller) -> int:
        return poller.noun.batch_size or BATCH_SIZE

    async def _room(self, poller: Poller) -> None:
        """Wait until one more batch may be in flight; more may with time, while all that may are."""
        poller.scale = batching.Scale(poller.scale.concurrency, self._clock.elapsed())
        while len(poller.batches) >= poller.scale.slots:
            await asyncio.wait({*poller.batches}, timeout=BACK_OFF_S, return_when=asyncio.FIRST_COMPLETED)
            poller.scale = batching.busier(poller.scale, poller.maximum, now=self._clock.elapsed())

    async def _gather(self, poller: Poller, first: Sequence[Received]) -> list[SqsMessage]:
        """What passes the filter, until the batch is full or its window is over."""
        messages = await self._filtered(poller, first)
        ends_at = self._clock.now() + poller.noun.batching_window_s
        size = sum(len(message.body) for message in messages)
        while (
            (missing := self._size(poller) - len(messages)) > 0
            and size < batching.PAYLOAD_MAX_BYTES
            and (left_s := ends_at - self._clock.now()) > 0
            and not poller.retired
        ):
            more = await self._queues.receive(poller.queue, limit=missing, wait_s=left_s)
            passed = await self._filtered(poller, more)
            messages += passed
            size += sum(len(message.body) for message in passed)
        return messages

    async def _filtered(self, poller: Poller, received: Sequence[Received]) -> list[SqsMessage]:
        """The messages that pass; the others are deleted from the queue, as AWS does.

        What goes round in a loop is neither: it stays in the queue until the queue has enough of it.
        """
        passed: list[SqsMessage] = []
        dropped: list[SqsMessage] = []
        for message in map(_message, received):
            if self._loops(poller, message):
                continue
            record = batching.sqs_record(message, self._place.queue(poller.queue), self._place.region)
            (passed if poller.filter.matches(record) else dropped).append(message)
        if dropped:
            await self._delete(poller, dropped)
        return passed

    def _loops(self, poller: Poller, message: SqsMessage) -> bool:
        if not message.trace:
            return False
        function, _ = function_reference(poller.noun.function_name)
        latest = self._deployment.state.version(function)
        if latest is not None and latest.noun.config.recursive_loop == "Allow":
            return False
        return lineage.invocations(message.trace, self._place.function(function)) >= lineage.LOOP_LIMIT

    # -- handing over

    async def _hand_over(self, poller: Poller, messages: Sequence[SqsMessage]) -> None:
        """Start a task a batch; of a FIFO queue one for all, so that no group is in two batches at once."""
        batches = list(self._batches(poller, messages))
        runs = [batches] if poller.fifo else [[batch] for batch in batches]
        for run in runs:
            await self._room(poller)
            assert self._tasks is not None, "run() owns the batches"
            task = self._tasks.create_task(self._run(poller, run), name=f"batch {poller.uuid}")
            poller.batches.add(task)
            task.add_done_callback(poller.batches.discard)
            if poller.retired:
                self._await_retired(poller.uuid, task)

    def _batches(self, poller: Poller, messages: Sequence[SqsMessage]) -> Iterator[Batch]:
        arn, window = self._place.queue(poller.queue), poller.noun.batching_window_s > 0
        encoded = [
            batching.encode_record(batching.sqs_record(message, arn, self._place.region, window=window))
            for message in messages
        ]
        for run in batching.split([len(record) for record in encoded]):
            chosen = slice(run.start, run.stop)
            yield Batch(tuple(messages[chosen]), batching.event(encoded[chosen]))

    async def _run(self, poller: Poller, batches: Sequence[Batch]) -> None:
        """Hand batches over, one after the other; the first that fails ends it, so that order is kept."""
        for batch in batches:
            try:
                poller.result = await self._process(poller, batch)
            except asyncio.CancelledError:
                await asyncio.shield(self._give_back(poller, batch))
                raise
            except Exception:
                poller.result = Processing.INTERNAL
                log.exception("A batch of mapping %s stays in its queue after an error", poller.uuid)
            if poller.result is not Processing.OK:
                return

    async def _process(self, poller: Poller, batch: Batch) -> Processing:
        """Invoke, and delete what was taken. What was not becomes visible again by itself."""
        answer = await self._invoke(poller, batch)
        sent = {message.id for message in batch.messages}
        failed = frozenset(sent)
        if answer is not None and answer.function_error is None:
            failed = batching.failed_items(answer.payload, sent) if poller.reports else frozenset()
        await self._delete(poller, [message for message in batch.messages if message.id not in failed])
        if not failed:
            return Processing.OK
        log.info(
            "%d of %d messages of %s come back: %s",
            len(failed),
            len(sent),
            poller.queue,
            answer.error_type or "reported by the function" if answer else "not invoked",
            extra={"action": "batch_failed", "mapping": poller.uuid, "queue": poller.queue},
        )
        if not poller.reports:
            poller.scale = batching.backed_off(poller.scale, now=self._clock.elapsed())
        return Processing.FUNCTION_FAILED

    async def _delete(self, poller: Poller, messages: Sequence[SqsMessage]) -> None:
        deletions = (self._queues.delete(poller.queue, message.receipt) for message in messages)
        for failure in await asyncio.gather(*deletions, return_exceptions=True):
            if isinstance(failure, ApiError):  # the queue is gone, or a FIFO message was held for too long
                log.warning("A message of %s could not be deleted: %s", poller.queue, failure)
            elif failure is not None:
                raise failure

    async def _give_back(self, poller: Poller, batch: Batch) -> None:
        """The process ends: the messages are not to wait for their visibility timeout."""
        shown = (self._queues.change_visibility(poller.queue, one.receipt, 0) for one in batch.messages)
        await asyncio.gather(*shown, return_exceptions=True)

    async def _invoke(self, poller: Poller, batch: Batch) -> Answer | None:
        """The answer; None if the function cannot be invoked before the messages are visible again.

        A throttled batch is tried again for as long as its messages are ours.
        """
        call, deferrals = self._call(poller, batch), 0
        while True:
            try:
                return await self._invoker.invoke(call)
            except ApiError as error:
                deferrals += 1
                again_at = self._clock.now() + retry.capacity_delay_s(deferrals)
                if retry.outcome_of(error) is Outcome.REJECTED or again_at >= batch.until:
                    log.warning("Mapping %s gives a batch back to %s: %s", poller.uuid, poller.queue, error)
                    return None
            await self._clock.sleep_until(again_at)

    def _call(self, poller: Poller, batch: Batch) -> Call:
        function, qualifier = function_reference(poller.noun.function_name)
        request_id = derived_uuid("batch", poller.uuid, *(message.receipt for message in batch.messages))
        arn = self._place.function(function)
        trace = lineage.longest((message.trace for message in batch.messages), arn)
        header = lineage.step(trace, arn, request_id=request_id, now=self._clock.now()).header
        return Call(function, qualifier, batch.event, request_id, trace=header)


def _message(received: Received) -> SqsMessage:
    envelope = received.envelope
    attributes = {
        name: (attribute.type, batching.binary_text(attribute.data) if attribute.kind == "Binary" else attribute.value)
        for name, attribute in envelope.attributes.items()
    }
    return SqsMessage(
        envelope.message_id,
        received.handle,
        envelope.body,
        body_md5(envelope.body),
        received.attributes,
        {name: (data_type, str(value)) for name, (data_type, value) in attributes.items()},
        attributes_md5(envelope.attributes),
        until=received.receipt.until,
    )
