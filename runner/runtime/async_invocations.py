"""Asynchronous invocations: accepted by a durable append, run by a loop a function, retried, recorded, dead-lettered.

A message of the queue `async/<function>` is one attempt to come. Its body never changes: the next attempt after a
function error is a new message, `<request id>/<attempt>`, written before the one it follows is acknowledged. After
a throttle the same message is released to a later time; how often that happened is told by its deliveries. Stopping
anywhere in between repeats a step under the same id, and repeating is harmless.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field

from runner.core import lineage, records, retry
from runner.core.attempts import Attempt, decode, encode
from runner.core.records import Ended, Response
from runner.core.retry import Again, Outcome, Over, Tries
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.function import Alias, DestinationConfig, EventInvokeConfig, Function
from runner.model.names import LATEST, Arn, Place, derived_uuid
from runner.model.state import State
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors, Letter, Undeliverable
from runner.runtime.invoking import Answer, Call, Invoker
from runner.store.ports import Lease, Message, Queues

log = logging.getLogger(__name__)

PREFIX = "async/"
LEASE_S = 15.0  # real seconds: how long after a crash an attempt is made again
WAIT_S = 60.0  # real seconds that an idle loop stays
BATCH = 64  # leases taken at once
SLOTS = 8  # invocations of one function in flight at first
SLOTS_MAX = 1000  # AWS's concurrency of an account
GROW_AFTER_S = 0.25  # real seconds after which slots that stayed full become half as many again
CALM_S = 5.0  # real seconds without growth after a throttle
BACK_OFF_S = 1.0  # real seconds after an error of our own


@dataclass(slots=True)
class _Line:
    """What is alive of one function: its loop, and the attempts in flight under their leases, by message id."""

    function: str
    loop: asyncio.Task[None] | None = None
    held: dict[str, Lease] = field(default_factory=dict)
    slots: int = SLOTS
    calm_until: float = 0.0
    accepted: int = 0
    freed: asyncio.Event = field(default_factory=asyncio.Event)


class AsyncInvocations:
    """Accepts asynchronous invocations and sees each to its end. `door` is where letters to functions go."""

    def __init__(
        self,
        store: Queues,
        deployment: Deployment,
        invoker: Invoker,
        doors: Doors,
        place: Place,
        clock: Clock,
        *,
        lease_s: float = LEASE_S,
    ) -> None:
        self._store = store
        self._deployment = deployment
        self._invoker = invoker
        self._doors = doors
        self._place = place
        self._clock = clock
        self._lease_s = lease_s
        self._lines: dict[str, _Line] = {}
        self._tasks: asyncio.TaskGroup | None = None
        self._closing = False
        self._defaults = EventInvokeConfig(function_name="", qualifier=LATEST)
        self.door = FunctionDoor(self, clock)

    def __repr__(self) -> str:
        lines = ", ".join(f"{line.function}: {len(line.held)}/{line.slots}" for line in self._lines.values())
        return f"<AsyncInvocations {lines or 'idle'}>"

    async def accept(
        self, function: str, qualifier: str | None, payload: bytes, *, request_id: str, trace: str | None = None
    ) -> None:
        """Returns once the invocation is durable. Raises ApiError if there is no such function or qualifier."""
        await self.accept_attempts(function, [Attempt(request_id, qualifier, payload, self._clock.now(), trace)])

    async def accept_attempts(self, function: str, attempts: Sequence[Attempt]) -> None:
        """Accept invocations of one function under one qualifier in one commit. Raises ApiError as `accept`."""
        qualifier = attempts[0].qualifier
        if not _exists(self._deployment.state, function, qualifier):
            arn = self._place.function(function, qualifier or LATEST)
            raise ApiError("ResourceNotFoundException", f"Function not found: {arn}", 404, members={"Type": "User"})
        now = self._clock.now()
        messages = [Message(attempt.message_id, encode(attempt), now) for attempt in attempts]
        await self._store.send(PREFIX + function, messages, now=now)
        self._line(function).accepted += 1

    async def run(self) -> None:
        """Work off what is and will be accepted, until cancelled. Leases are given back at the end."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for queue in await self._store.queues(PREFIX):
                self._line(queue.removeprefix(PREFIX))
            for line in list(self._lines.values()):
                self._start(line)
            try:
                await asyncio.Event().wait()
            finally:
                self._tasks = None

    async def drain(self, grace_s: float) -> None:
        """Take no more, and give what is in flight `grace_s` real seconds to end."""
        self._closing = True
        for line in self._lines.values():
            if line.loop is not None:
                line.loop.cancel()
        deadline = self._clock.elapsed() + grace_s
        while (busy := [line for line in self._lines.values() if line.held]) and self._clock.elapsed() < deadline:
            busy[0].freed.clear()
            await _wait(busy[0].freed, deadline - self._clock.elapsed())

    # -- loops

    def _line(self, function: str) -> _Line:
        line = self._lines.get(function)
        if line is None:
            line = self._lines[function] = _Line(function)
            self._start(line)
        return line

    def _start(self, line: _Line) -> None:
        if self._tasks is not None and line.loop is None and not self._closing:
            loop = self._loop(line)
            try:
                line.loop = self._tasks.create_task(loop, name=f"async {line.function}")
            except RuntimeError:  # the group is ending: what was accepted is done after the next start
                loop.close()

    async def _loop(self, line: _Line) -> None:
        """Ends by itself once the queue holds nothing: an idle function costs nothing."""
        while True:
            try:
                accepted = line.accepted
                if await self.step(line.function):
                    continue
                depth = await self._store.depth(PREFIX + line.function, now=self._clock.now())
            except Exception:
                log.exception("Loop of asynchronous invocations of %s went on after an error", line.function)
                await asyncio.sleep(BACK_OFF_S)
                continue
            if not (depth.visible or depth.leased or depth.delayed or line.held) and line.accepted == accepted:
                del self._lines[line.function]
                return

    async def step(self, function: str, *, wait_s: float = WAIT_S) -> int:
        """Lease what there is room for and start an attempt at each; returns how many were started."""
        line, tasks = self._line(function), self._tasks
        assert tasks is not None, "run() owns the attempts"
        await self._room(line)
        now = self._clock.now()
        free = self._slots(line) - len(line.held)
        until = now + self._lease_s * self._clock.pace
        leases = await self._store.lease(PREFIX + function, limit=min(free, BATCH), now=now, until=until, wait_s=wait_s)
        if len(leases) < free:
            line.slots = SLOTS if not line.held else line.slots
        for lease in leases:
            running = lease.id in line.held  # its lease had run out: only the receipt is new
            line.held[lease.id] = lease
            if not running:
                tasks.create_task(self._attempt(line, lease.id), name=f"async {function} {lease.id}")
        return len(leases)

    def _slots(self, line: _Line) -> int:
        reserved = self._reserved(line.function)
        return line.slots if reserved is None else max(1, min(line.slots, reserved))

    async def _room(self, line: _Line) -> None:
        """Wait until a slot is free. Slots that stay full grow in number: their invocations are slow, not many."""
        while len(line.held) >= self._slots(line):
            line.freed.clear()
            if not await _wait(line.freed, GROW_AFTER_S) and self._clock.elapsed() >= line.calm_until:
                line.slots = min(SLOTS_MAX, line.slots + max(1, line.slots // 2))
            await asyncio.sleep(0)  # others end in the same turn: one lease for all of their slots

    # -- attempts

    async def _attempt(self, line: _Line, message_id: str) -> None:
        try:
            await self._make(line, message_id)
        except asyncio.CancelledError:
            await asyncio.shield(self._release(line, message_id, self._clock.now()))
            raise
        except Exception:
            log.exception("Asynchronous invocation %s of %s is tried again after an error", message_id, line.function)
            await self._release(line, message_id, self._clock.now() + BACK_OFF_S)
        finally:
            line.held.pop(message_id, None)
            line.freed.set()

    async def _release(self, line: _Line, message_id: str, visible_at: float) -> None:
        try:
            await self._store.release(PREFIX + line.function, line.held[message_id].receipt, visible_at=visible_at)
        except Exception:
            log.exception("Lease of %s runs out by itself: it could not be given back", message_id)

    async def _make(self, line: _Line, message_id: str) -> None:
        """One attempt, and what follows from it."""
        attempt = decode(line.held[message_id].body)
        state, function, now = self._deployment.state, line.function, self._clock.now()
        arn = self._place.function(function)
        step = lineage.step(attempt.trace, arn, request_id=attempt.request_id, now=now)
        over = retry.before(
            self._config(function, attempt.qualifier),
            reserved_concurrency=self._reserved(function),
            looping=step.looping and _terminates(state, function),
            accepted_at=attempt.accepted_at,
            now=now,
        )
        if over is None:
            outcome, answer = await self._invoke(line, message_id, attempt, step.header)
            if answer is not None:
                attempt = attempt.following(Response(answer.version, answer.payload, answer.function_error))
            decision = self._decide(function, attempt, outcome, line.held[message_id].deliveries)
            if isinstance(decision, Again):
                await self._again(line, message_id, attempt, outcome, decision)
                return
            over = decision
        await self._over(function, attempt, over, step.header)
        await self._ack(line, message_id)

    def _decide(self, function: str, attempt: Attempt, outcome: Outcome, deliveries: int) -> Again | Over:
        return retry.decide(
            outcome,
            Tries(attempt.attempts, deliveries),
            self._config(function, attempt.qualifier),
            accepted_at=attempt.accepted_at,
            now=self._clock.now(),
        )

    async def _invoke(
        self, line: _Line, message_id: str, attempt: Attempt, trace: str
    ) -> tuple[Outcome, Answer | None]:
        """Invoke, keeping the lease for as long as it takes."""
        call = Call(line.function, attempt.qualifier, attempt.payload, attempt.request_id, trace=trace)
        try:
            answering = self._invoker.invoke(call)
            while not answering.done():
                await asyncio.wait((answering,), timeout=self._lease_s / 3)
                if not answering.done():
                    until = self._clock.now() + self._lease_s * self._clock.pace
                    receipt = line.held[message_id].receipt
                    await self._store.extend(PREFIX + line.function, receipt, until=until)
            answer = answering.result()
        except ApiError as error:
            outcome = retry.outcome_of(error)
            if outcome is Outcome.THROTTLED:
                line.slots = max(1, len(line.held) - 1)
                line.calm_until = self._clock.elapsed() + CALM_S
            log.debug("Asynchronous invocation %s of %s: %s", attempt.request_id, line.function, error)
            return outcome, None
        return (Outcome.FUNCTION_ERROR if answer.function_error else Outcome.SUCCESS), answer

    async def _again(self, line: _Line, message_id: str, attempt: Attempt, outcome: Outcome, decision: Again) -> None:
        """Hold the next attempt for its time: as a message of its own after the function ran, else as the same."""
        queue, now = PREFIX + line.function, self._clock.now()
        if outcome is Outcome.FUNCTION_ERROR:
            await self._store.send(queue, [Message(attempt.message_id, encode(attempt), decision.at)], now=now)
            await self._ack(line, message_id)
        else:
            await self._store.release(queue, line.held[message_id].receipt, visible_at=decision.at)
        log.info(
            "Asynchronous invocation %s of %s is tried again in %.0f s (%s)",
            attempt.request_id,
            line.function,
            decision.at - now,
            outcome.replace("-", " "),
            extra={"action": "invocation_retried", "function": line.function, "request_id": attempt.request_id},
        )

    async def _ack(self, line: _Line, message_id: str) -> None:
        [held] = await self._store.ack(PREFIX + line.function, [line.held[message_id].receipt])
        if not held:
            log.debug("Lease of %s was lost before its end; it may run twice", message_id)

    # -- ends

    async def _over(self, function: str, attempt: Attempt, decision: Over, trace: str) -> None:
        """Tell the destination, and the dead-letter queue of a failure."""
        arn = self._place.function(function, attempt.qualifier or LATEST)
        ended = Ended(attempt.request_id, arn, decision.condition, attempt.attempts, attempt.payload, attempt.response)
        if not ended.succeeded:
            log.warning(
                "Asynchronous invocation %s of %s was given up: %s",
                attempt.request_id,
                function,
                decision.condition,
                extra={"action": "invocation_given_up", "function": function, "request_id": attempt.request_id},
            )
        if decision.condition is retry.Condition.REJECTED:
            return
        destinations = self._config(function, attempt.qualifier).destinations
        await self._tell_destination(ended, destinations, trace)
        dead_letters = _dead_letters(self._deployment.state, function, attempt)
        if dead_letters and not ended.succeeded:
            attributes = records.dead_letter_attributes(ended)
            letter = Letter(
                f"{ended.request_id}/dead-letter", ended.payload, self._clock.now(), attributes, trace=trace
            )
            await self._deliver(dead_letters, letter)

    async def _tell_destination(self, ended: Ended, destinations: DestinationConfig, trace: str) -> None:
        destination = destinations.on_success if ended.succeeded else destinations.on_failure
        if destination is None:
            return
        now = self._clock.now()
        letter = Letter(
            f"{ended.request_id}/destination",
            records.destination_record(ended, at=now),
            now,
            trace=trace,
            source="lambda",
            detail_type=records.detail_type(ended),
            resources=(destination.arn, ended.function_arn),
        )
        await self._deliver(destination.arn, letter)

    async def _deliver(self, arn: str, letter: Letter) -> None:
        """AWS counts a delivery that fails here (`DestinationDeliveryFailures`, `DeadLetterErrors`) and drops it."""
        try:
            if arn.endswith(".fifo"):
                raise Undeliverable("INVALID_PARAMETER", "FIFO queues and topics cannot be destinations.")
            await self._doors.deliver(arn, letter)
        except (Undeliverable, ApiError) as error:
            log.warning("Delivery of %s to %s failed and was dropped: %s", letter.id, arn, error)

    # -- what is deployed

    def _config(self, function: str, qualifier: str | None) -> EventInvokeConfig:
        """Of exactly the qualifier that was invoked: an alias does not inherit the function's."""
        key = f"{function}:{qualifier or LATEST}"
        found = self._deployment.state.get(EventInvokeConfig, key)
        return found.noun if found else self._defaults

    def _reserved(self, function: str) -> int | None:
        latest = self._deployment.state.version(function)
        return latest.noun.config.reserved_concurrency if latest else None


class FunctionDoor:
    """The door of functions: letters become asynchronous invocations."""

    def __init__(self, invocations: AsyncInvocations, clock: Clock) -> None:
        self._invocations = invocations
        self._clock = clock

    async def accept(self, arn: Arn, letter: Letter) -> None:
        """Raises Undeliverable if there is no such function."""
        [refused] = await self.accept_all(arn, [letter])
        if refused is not None:
            raise refused

    async def accept_all(self, arn: Arn, letters: Sequence[Letter]) -> Sequence[Undeliverable | None]:
        """Many letters to one function in one commit."""
        now = self._clock.now()
        attempts = [
            Attempt(derived_uuid("invocation", letter.id), arn.qualifier, letter.body, now, letter.trace)
            for letter in letters
        ]
        try:
            await self._invocations.accept_attempts(arn.name, attempts)
        except ApiError as error:
            return [Undeliverable("NO_RESOURCE", error.message or error.code)] * len(letters)
        return [None] * len(letters)


def _exists(state: State, function: str, qualifier: str | None) -> bool:
    return _running(state, function, qualifier) is not None


def _running(state: State, function: str, qualifier: str | None) -> Function | None:
    """The configuration that a qualifier means; of an alias, that of its version."""
    if state.version(function) is None:
        return None
    alias = state.get(Alias, f"{function}:{qualifier}")
    deployed = state.version(function, alias.noun.function_version if alias else qualifier or LATEST)
    return deployed.noun.config if deployed else None


def _dead_letters(state: State, function: str, attempt: Attempt) -> str | None:
    """The dead-letter ARN of the version that ran last, or that would have run."""
    version = attempt.response.version if attempt.response else attempt.qualifier
    config = _running(state, function, version) or _running(state, function, attempt.qualifier)
    return config.dead_letter_config.target_arn if config and config.dead_letter_config else None


def _terminates(state: State, function: str) -> bool:
    latest = state.version(function)
    return latest is None or latest.noun.config.recursive_loop == "Terminate"


async def _wait(event: asyncio.Event, timeout_s: float) -> bool:
    """True once `event` is set, False after `timeout_s`."""
    try:
        async with asyncio.timeout(max(0.0, timeout_s)):
            await event.wait()
    except TimeoutError:
        return False
    return True
