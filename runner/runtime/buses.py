"""Event buses: events are accepted by a durable append, matched by a loop a bus, and handed to the targets' doors.

A message of the queue `events/<bus>` is one event: a line of facts (empty mostly), then the envelope as targets get it.
The loop leases a batch, parses each event once, matches it against the index of the rules in force, delivers to all
targets of all matching rules at once, and acknowledges. Stopping in between repeats deliveries under the same ids.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from runner.core.patterns import Index, parse_event
from runner.core.put_events import TOTAL_MAX, Entry, Refusal, check, detail_of, envelope, is_event, size
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.events import EventBus, Rule
from runner.model.names import Arn, Place, derived_uuid
from runner.model.state import State
from runner.runtime.deliveries import Deliveries, Delivery
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.rule_targets import CompiledRule, Event, compile_rule
from runner.store.ports import Lease, Message, Queues

log = logging.getLogger(__name__)

PREFIX = "events/"
DEFAULT = "default"
LEASE_S = 10.0  # real seconds: how long after a crash events are delivered again
WAIT_S = 60.0  # real seconds that an idle loop stays
BATCH = 256  # events leased at once
POISON_AFTER = 5  # times an event may fail in here before it is left out
HOPS_MAX = 1  # an event that came from another bus is not sent on to a third
BACK_OFF_S = 1.0  # real seconds after an error of our own
TOO_LARGE = "Total size of the entries in the request is over the limit."


@dataclass(frozen=True, slots=True)
class Accepted:
    event_id: str


@dataclass(slots=True)
class _Line:
    """A bus that is alive: its loop, its rules compiled from the State in force."""

    bus: str
    loop: asyncio.Task[None] | None = None
    rules: dict[str, CompiledRule] = field(default_factory=dict)
    index: Index[str] | None = None  # None: to be built from the State in force
    dropped: set[str] = field(default_factory=set)


class Buses:
    """Accepts events and sees each to the doors of its targets. It is the door of event buses itself."""

    def __init__(
        self, store: Queues, deployment: Deployment, deliveries: Deliveries, place: Place, clock: Clock
    ) -> None:
        self._store = store
        self._deployment = deployment
        self._deliveries = deliveries
        self._place = place
        self._clock = clock
        self._lines: dict[str, _Line] = {}
        self._tasks: asyncio.TaskGroup | None = None
        deployment.subscribe(self._changed)

    def __repr__(self) -> str:
        return f"<Buses {', '.join(self._lines) or 'idle'}>"

    # -- accepting

    async def put_events(self, entries: Sequence[Entry]) -> list[Accepted | Refusal]:
        """Accept events; the answers are in the order of the entries. Raises ApiError if together they are too large.

        Entries for buses that do not exist are accepted and dropped, as on AWS.
        """
        if sum(size(entry) for entry in entries) >= TOTAL_MAX:
            raise ApiError("ValidationException", TOO_LARGE)
        now = self._clock.now()
        results: list[Accepted | Refusal] = []
        queues: dict[str, list[Message]] = {}
        for entry in entries:
            detail = check(entry)
            if isinstance(detail, Refusal):
                results.append(detail)
                continue
            event_id = str(uuid4())
            results.append(Accepted(event_id))
            bus = bus_name(entry.bus)
            if self.exists(bus):
                body = envelope(entry, detail, event_id=event_id, now=now, place=self._place)
                queues.setdefault(bus, []).append(_message(event_id, body, now, trace=entry.trace))
        await asyncio.gather(*(self._append(bus, messages, now) for bus, messages in queues.items()))
        return results

    async def accept(self, arn: Arn, letter: Letter) -> None:
        """A letter becomes an event: from a bus the same one, else a new one of its source and detail type."""
        [refused] = await self.accept_all(arn, [letter])
        if refused is not None:
            raise refused

    async def accept_all(self, arn: Arn, letters: Sequence[Letter]) -> Sequence[Undeliverable | None]:
        """Many letters to one bus in one commit."""
        if not self.exists(arn.name):
            gone = Undeliverable("NO_RESOURCE", f"Event bus {arn.name} does not exist.")
            return [gone] * len(letters)
        now = self._clock.now()
        made = [self._event_of(letter, now) for letter in letters]
        await self._append(arn.name, [one for one in made if isinstance(one, Message)], now)
        return [one if isinstance(one, Undeliverable) else None for one in made]

    def exists(self, bus: str) -> bool:
        return bus == DEFAULT or self._deployment.state.get(EventBus, bus) is not None

    async def _append(self, bus: str, messages: Sequence[Message], now: float) -> None:
        if messages:
            await self._store.send(PREFIX + bus, messages, now=now)

    def _event_of(self, letter: Letter, now: float) -> Message | Undeliverable:
        if letter.source is not None:
            event_id = derived_uuid("event", letter.id)
            entry = Entry(letter.source, letter.detail_type, None, letter.resources)
            detail = detail_of(letter.body)
            if detail is None:
                return Undeliverable("INVALID_JSON", "The detail of an event is a JSON object.")
            body = envelope(entry, detail, event_id=event_id, now=now, place=self._place)
            return _message(event_id, body, now, trace=letter.trace)
        if letter.hops > HOPS_MAX:
            return Undeliverable(
                "INVALID_PARAMETER", "An event that came from another event bus is not sent on to a third one."
            )
        if not is_event(letter.body):
            return Undeliverable("INVALID_JSON", "What was sent to the event bus is no event.")
        return _message(letter.id, letter.body, now, trace=letter.trace, hops=letter.hops)

    # -- loops

    async def run(self) -> None:
        """Match and deliver what is and will be accepted, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            self._reconcile(self._deployment.state)
            await asyncio.Event().wait()

    def _changed(self, before: State, after: State) -> None:
        if before.of(Rule) is not after.of(Rule):
            for line in self._lines.values():
                line.index = None
        if self._tasks is not None and before.of(EventBus) is not after.of(EventBus):
            self._reconcile(after)

    def _reconcile(self, state: State) -> None:
        assert self._tasks is not None, "run() owns the loops"
        wanted = {DEFAULT, *state.of(EventBus)}
        for bus in wanted:
            line = self._line(bus)
            if line.loop is None:
                line.loop = self._tasks.create_task(self._loop(line), name=f"bus {bus}")
        for bus in self._lines.keys() - wanted:
            line = self._lines.pop(bus)
            if line.loop is not None:
                line.loop.cancel()
            self._tasks.create_task(self._forget(bus), name=f"bus {bus} forgotten")

    async def _forget(self, bus: str) -> None:
        """Events that were on their way through a bus that is gone are gone with it."""
        await self._store.purge(PREFIX + bus)

    def _line(self, bus: str) -> _Line:
        return self._lines.setdefault(bus, _Line(bus))

    async def _loop(self, line: _Line) -> None:
        while True:
            try:
                await self.step(line.bus)
            except Exception:
                log.exception("Event bus %s went on after an error", line.bus)
                await asyncio.sleep(BACK_OFF_S)

    async def step(self, bus: str, *, wait_s: float = WAIT_S) -> int:
        """Take a batch of events through the rules; returns how many events there were."""
        now = self._clock.now()
        until = now + LEASE_S * self._clock.pace
        leases = await self._store.lease(PREFIX + bus, limit=BATCH, now=now, until=until, wait_s=wait_s)
        if not leases:
            return 0
        line = self._line(bus)
        index = self._index(line)
        deliveries: list[Delivery] = []
        done: list[str] = []
        for lease in leases:
            try:
                event = _event(lease)
                for key in index.match(event.parsed):
                    deliveries.extend(line.rules[key].deliveries(event))
            except Exception:
                log.exception("Event %s on bus %s could not be handled", lease.id, bus)
                if lease.deliveries < POISON_AFTER:
                    continue  # seen again when its lease runs out
            done.append(lease.receipt)
        if deliveries:
            await self._deliveries.deliver(deliveries)
        await self._store.ack(PREFIX + bus, done)
        return len(leases)

    def _index(self, line: _Line) -> Index[str]:
        """The index of the bus's rules in force; only rules that changed are compiled again."""
        if line.index is None:
            line.rules = rules_of(self._deployment.state, line.bus, line.rules, self._place)
            patterns = {
                key: rule.pattern
                for key, rule in line.rules.items()
                if rule.pattern is not None and rule.enabled and rule.targets
            }
            line.index = Index(patterns)
        return line.index


def rules_of(state: State, bus: str, known: dict[str, CompiledRule], place: Place) -> dict[str, CompiledRule]:
    """The compiled rules of a bus by their keys; those `known` that did not change are kept."""
    rules = {}
    for key, deployed in state.of(Rule).items():
        if key.rsplit("/", 1)[0] == bus:
            old = known.get(key)
            rules[key] = old if old is not None and old.source is deployed else compile_rule(deployed, place)
    return rules


def bus_name(text: str) -> str:
    """The name of a bus in either form that the API takes."""
    return text.rsplit("/", 1)[-1] if text.startswith("arn:") else text


def _message(message_id: str, body: bytes, now: float, *, trace: str | None = None, hops: int = 0) -> Message:
    facts = json.dumps({"hops": hops, "trace": trace}).encode() if hops or trace else b""
    return Message(message_id, facts + b"\n" + body, now)


def _event(lease: Lease) -> Event:
    head, _, body = lease.body.partition(b"\n")
    facts = json.loads(head) if head else {}
    parsed = parse_event(body)
    return Event(parsed["id"], body, parsed, lease.sent_at, facts.get("hops", 0), facts.get("trace"))
