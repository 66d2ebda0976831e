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
from collections.abc import AsyncIterator, Collection, Sequence
from dataclasses import dataclass
from uuid import uuid4

from runner.core.patterns import parse_event
from runner.core.put_events import TOTAL_MAX, Entry, Refusal, check, detail_of, envelope, is_event, size
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.events import EventBus, Rule
from runner.model.names import Arn, Place, derived_uuid
from runner.model.state import State
from runner.runtime.bus_rules import BusRules
from runner.runtime.deliveries import Deliveries, Delivery
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.rule_targets import Event
from runner.store.ports import Lease, Message, Queues

log = logging.getLogger(__name__)

PREFIX = "events/"
DEFAULT = "default"
LEASE_S = 10.0  # real seconds: how long after a crash events are delivered again
WAIT_S = 60.0  # real seconds that an idle loop stays
BATCH = 256  # events leased at once
POISON_AFTER = 5  # times an event may fail in here before it is left out
HOPS_MAX = 1  # an event that came from another bus is not sent on to a third
SLICE_S = 0.005  # real seconds that matching goes on before it lets others in
BACK_OFF_S = 1.0  # real seconds after an error of our own
TOO_LARGE = "Total size of the entries in the request is over the limit."


@dataclass(frozen=True, slots=True)
class Accepted:
    event_id: str


@dataclass(slots=True)
class _Line:
    """A bus that is alive: its rules, and its loop once there is one."""

    bus: str
    rules: BusRules
    loop: asyncio.Task[None] | None = None


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
        self._news = asyncio.Event()  # rules changed
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
            try:
                self._reconcile(self._deployment.state)
                await self._clear()
                await self._compile()
            finally:
                self._tasks = None  # from here on nobody owns a loop

    async def _clear(self, *buses: str) -> None:
        """Remove the events that were on their way through buses that are gone; not those of new ones by their names.

        Without names: what the run before left.
        """
        now = self._clock.now()
        try:
            gone = buses or [queue.removeprefix(PREFIX) for queue in await self._store.queues(PREFIX)]
            for bus in gone:
                if buses or not self.exists(bus):
                    await self._store.purge(PREFIX + bus, before=now)
        except Exception:
            log.exception("Events of buses that are gone stay until the next start")

    async def _compile(self) -> None:
        """Compile rules when they change, so that the next event need not wait for it."""
        while True:
            self._news.clear()
            for line in list(self._lines.values()):
                await line.rules.settle()
            await self._news.wait()

    def _changed(self, before: State, after: State) -> None:
        for key, deployed in after.differences(Rule, before).items():
            line = self._lines.get(_bus_of(key))
            if line is not None:
                line.rules.note(key, deployed)
                self._news.set()
        if self._tasks is not None and before.of(EventBus) is not after.of(EventBus):
            self._reconcile(after)

    def _reconcile(self, state: State) -> None:
        assert self._tasks is not None, "run() owns the loops"
        wanted = {DEFAULT, *state.of(EventBus)}
        self._open(wanted - self._lines.keys())
        for bus in wanted:
            line = self._lines[bus]
            if line.loop is None:
                line.loop = self._tasks.create_task(self._loop(line), name=f"bus {bus}")
        for bus in self._lines.keys() - wanted:
            line = self._lines.pop(bus)
            if line.loop is not None:
                line.loop.cancel()
            self._tasks.create_task(self._clear(bus), name=f"bus {bus} forgotten")

    def _open(self, buses: Collection[str]) -> None:
        """Have lines of these buses, with the rules in force noted."""
        opened = {bus: _Line(bus, BusRules(self._place, self._clock)) for bus in buses}
        for key, deployed in self._deployment.state.of(Rule).items() if opened else ():
            if (line := opened.get(_bus_of(key))) is not None:
                line.rules.note(key, deployed)
        self._lines.update(opened)
        self._news.set()

    async def _loop(self, line: _Line) -> None:
        while True:
            try:
                await self.step(line.bus)
            except Exception:
                log.exception("Event bus %s went on after an error", line.bus)
                await asyncio.sleep(BACK_OFF_S)

    async def step(self, bus: str, *, wait_s: float = WAIT_S) -> int:
        """Take a batch of events through the rules; returns how many events there were."""
        if bus not in self._lines:
            self._open({bus})
        rules = self._lines[bus].rules
        await rules.settle()
        now = self._clock.now()
        until = now + LEASE_S * self._clock.pace
        leases = await self._store.lease(PREFIX + bus, limit=BATCH, now=now, until=until, wait_s=wait_s)
        if not leases:
            return 0
        deliveries: list[Delivery] = []
        done = [
            lease.receipt
            async for lease in self._paced(leases, rules)
            if _match(rules, lease, deliveries) or lease.deliveries >= POISON_AFTER
        ]  # the others are seen again when their lease runs out
        if deliveries:
            await self._deliveries.deliver(deliveries)
        await self._store.ack(PREFIX + bus, done)
        return len(leases)

    async def _paced(self, leases: Sequence[Lease], rules: BusRules) -> AsyncIterator[Lease]:
        """The leases, each with the rules settled, and a breath for others where many take long."""
        begun = self._clock.elapsed()
        for lease in leases:
            if self._clock.elapsed() - begun > SLICE_S:
                await asyncio.sleep(0)
                begun = self._clock.elapsed()
            await rules.settle()
            yield lease


def _match(rules: BusRules, lease: Lease, deliveries: list[Delivery]) -> bool:
    """Add what the event becomes; whether all went well. A rule that fails does not keep the others from the event."""
    well = True
    try:
        event = _event(lease)
        matching = rules.match(event)
    except Exception:
        log.exception("Event %s could not be read", lease.id)
        return False
    for rule in matching:
        try:
            deliveries.extend(rule.deliveries(event))
        except Exception:
            log.exception("Event %s could not be handled by rule %s", event.id, rule.source.key)
            well = False
    return well


def _bus_of(rule: str) -> str:
    """The bus that the key of a rule begins with."""
    return rule.rsplit("/", 1)[0]


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
