"""SNS's data plane: publish, and the loops that hand each message to its subscribers' doors.

Who gets a message is decided when it is published: its recipients are kept with it in the engine queue `sns/<topic>`.
A loop a topic delivers at each recipient's door under `<message>/<subscription>` and only then acknowledges, so that
stopping anywhere in between repeats deliveries under the same ids.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Protocol
from uuid import uuid4

from runner.core.patterns import FilterPolicy, PatternError, compile_filter_policy
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.messaging import Subscription, Topic
from runner.model.names import Arn, Place, derived_uuid
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors, Letter, Undeliverable
from runner.runtime.queues import Attribute
from runner.runtime.queues.deduplication import First, Window
from runner.runtime.topics import checks, delivery_policy, errors
from runner.runtime.topics.loops import QueueLoops
from runner.runtime.topics.notice import NOTIFICATION, Notice, written
from runner.runtime.topics.pending import PendingSubscriptions
from runner.runtime.topics.webhooks import WEB, Post, Webhooks
from runner.store import ports

log = logging.getLogger(__name__)

PREFIX = "sns/"
SEQUENCE_BASE = 10_000_000_000_000_000_000  # twenty digits, as AWS's are
BATCH = 64  # messages handed out at once
LEASE_S = 15.0  # real seconds: how long after a crash a message is handed out again
WAIT_S = 60.0  # real seconds that an idle loop stays
RAW_ATTRIBUTES_MAX = 10
DELIVERED = frozenset({"sqs", "lambda", *WEB})


class Store(ports.Records, ports.Queues, Protocol):
    """What topics need of the store."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish. `structure` is `json` where the message has a text for each protocol.

    `id` makes it deterministic: published again under the same one, it is the same message.
    """

    message: str
    subject: str | None = None
    structure: str | None = None
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    group: str | None = None
    deduplication: str | None = None
    trace: str | None = None
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Published:
    """What a publication answers. `sequence` is of FIFO topics."""

    message_id: str
    sequence: str | None = None


class Topics:
    """Every SNS topic of the State in force."""

    def __init__(self, store: Store, deployment: Deployment, doors: Doors, place: Place, clock: Clock) -> None:
        self._store = store
        self._deployment = deployment
        self._doors = doors
        self._place = place
        self._clock = clock
        self._windows: dict[str, Window] = {}
        self._filters: dict[str, tuple[Subscription, FilterPolicy | None]] = {}
        self._subscribers: dict[str, list[Deployed[Subscription]]] | None = None
        self._last_sequence = 0
        self.webhooks = Webhooks(store, doors, clock)
        self.pending = PendingSubscriptions(store, self.webhooks, place, clock)
        self._loops = QueueLoops(store, PREFIX, self._step)
        deployment.subscribe(self._changed)

    # -- what there is

    def find(self, name: str) -> Deployed[Topic]:
        """Raises ApiError where there is no such topic."""
        found = self._deployment.state.get(Topic, name)
        if found is None:
            raise errors.no_topic()
        return found

    def subscriptions(self, topic_arn: str) -> list[Deployed[Subscription]]:
        """A topic's subscriptions, in the order of their ARNs."""
        if self._subscribers is None:
            self._subscribers = {}
            for _, found in sorted(self._deployment.state.of(Subscription).items()):
                self._subscribers.setdefault(found.noun.topic_arn, []).append(found)
        return self._subscribers.get(topic_arn, [])

    def _changed(self, before: State, after: State) -> None:
        if before.of(Subscription) is not after.of(Subscription):
            self._subscribers = None
            kept = after.of(Subscription)
            self._filters = {arn: found for arn, found in self._filters.items() if arn in kept}

    # -- publishing

    async def publish(self, name: str, outgoing: Outgoing) -> Published:
        """Returns once the message is durable. Raises ApiError."""
        (outcome,) = await self.publish_batch(name, [outgoing])
        if isinstance(outcome, ApiError):
            raise outcome
        return outcome

    async def publish_batch(self, name: str, outgoing: Sequence[Outgoing]) -> list[Published | ApiError]:
        """Each message's outcome; the accepted ones are durable, in order, in one commit."""
        found = self.find(name)
        window = await self._window(name) if found.noun.fifo_topic else None
        # No await from here to the end of the loop: order and deduplication are decided at once.
        now = self._clock.now()
        outcomes: list[Published | ApiError] = []
        messages: list[ports.Message] = []
        remembered = []
        for one in outgoing:
            try:
                texts = _texts(one)
                checks.check_order(found.noun, one.group, one.deduplication)
            except ApiError as refused:
                outcomes.append(refused)
                continue
            first, is_new, key = self._first(name, one, window, now)
            if is_new and window is not None:
                remembered.append(window.open(key, first))
            outcomes.append(Published(first.message_id, first.sequence or None))
            notice = self._notice(found, one, texts, first, now)
            if notice.recipients:
                group = (one.group or "") if found.noun.fifo_topic else ""
                messages.append(ports.Message(first.message_id, notice.encode(), now, group))
        if messages:
            await asyncio.gather(self._store.send(PREFIX + name, messages, now=now), *remembered)
            self._loops.start(PREFIX + name)
        elif remembered:
            await asyncio.gather(*remembered)
        return outcomes

    def _first(self, name: str, one: Outgoing, window: Window | None, now: float) -> tuple[First, bool, str]:
        message_id = derived_uuid("sns", name, one.id) if one.id else str(uuid4())
        if window is None:
            return First(message_id, "", now), True, ""
        key = window.key(_deduplication_id(one))
        known = window.find(key, now)
        if known is not None:
            return known, False, key
        self._last_sequence = max(self._last_sequence + 1, int(now * 1_000_000))
        return First(message_id, str(SEQUENCE_BASE + self._last_sequence * 1000), now), True, key

    async def forget(self, name: str) -> None:
        """What a topic that is gone has seen: a new one of that name has seen nothing."""
        await (await self._window(name)).clear()
        self._windows.pop(name, None)

    async def _window(self, name: str) -> Window:
        window = self._windows.setdefault(name, Window(self._store, PREFIX + name))
        await window.load()
        return window

    def _notice(
        self, found: Deployed[Topic], one: Outgoing, texts: Mapping[str, str], first: First, now: float
    ) -> Notice:
        arn = self._place.topic(found.key)
        attributes = written(one.attributes)
        deduplication = _deduplication_id(one) if found.noun.fifo_topic else None
        return Notice(
            first.message_id,
            arn,
            texts,
            now,
            tuple(self._recipients(arn, texts["default"], attributes)),
            one.subject,
            attributes,
            one.group,
            deduplication,
            first.sequence or None,
            one.trace,
        )

    def _recipients(self, arn: str, message: str, attributes: Mapping[str, tuple[str, str]]) -> Iterable[str]:
        for found in self.subscriptions(arn):
            policy = self._filter(found)
            if policy is None or not policy.matches(message, attributes):
                continue
            if found.noun.protocol in DELIVERED:
                yield found.key
            else:
                log.warning(
                    "A message of topic %s was not sent to %s %s: no %s leaves this machine.",
                    arn,
                    found.noun.protocol,
                    found.noun.endpoint,
                    found.noun.protocol,
                    extra={"action": "subscription_unsupported", "subscription": found.key},
                )

    def _filter(self, found: Deployed[Subscription]) -> FilterPolicy | None:
        """The subscription's compiled filter policy; None where it cannot be read, and nothing passes."""
        known = self._filters.get(found.key)
        if known is None or known[0] is not found.noun:
            try:
                policy = compile_filter_policy(found.noun.filter_policy or {}, found.noun.filter_policy_scope)
            except PatternError as error:
                log.warning("Subscription %s receives nothing: its filter policy is wrong: %s", found.key, error)
                policy = None
            known = self._filters[found.key] = found.noun, policy
        return known[1]

    async def accept(self, arn: Arn, letter: Letter) -> None:
        """Publish a letter's body; the letter's id makes it the same message every time."""
        found = self._deployment.state.get(Topic, arn.resource)
        if found is None:
            raise Undeliverable("NO_RESOURCE", "Topic does not exist")
        try:
            outgoing = Outgoing(
                letter.body.decode(),
                letter.subject,
                attributes={name: Attribute(*one) for name, one in letter.attributes.items()},
                group=letter.group,
                deduplication=letter.deduplication if found.noun.fifo_topic else None,
                trace=letter.trace,
                id=letter.id,
            )
            await self.publish(found.key, outgoing)
        except (ApiError, UnicodeDecodeError) as refused:
            raise Undeliverable("INVALID_PARAMETER", str(getattr(refused, "message", refused))) from refused

    # -- handing out

    async def run(self) -> None:
        """Hand out what is and will be published, until cancelled."""
        await self._loops.run(self.webhooks.run)

    async def _step(self, queue: str) -> int:
        return await self.step(queue.removeprefix(PREFIX))

    async def step(self, name: str, *, wait_s: float = WAIT_S) -> int:
        """Hand out what is there; returns how many messages were."""
        now = self._clock.now()
        until = now + LEASE_S * self._clock.pace
        leases = await self._store.lease(PREFIX + name, limit=BATCH, now=now, until=until, wait_s=wait_s)
        lines: dict[str, list[ports.Lease]] = {}
        for lease in leases:
            lines.setdefault(lease.group or lease.id, []).append(lease)
        await asyncio.gather(*(self._hand_out_line(name, line) for line in lines.values()))
        return len(leases)

    async def _hand_out_line(self, name: str, line: Sequence[ports.Lease]) -> None:
        """Messages of one group in order: one that fails holds those behind it back."""
        for index, lease in enumerate(line):
            try:
                await self._hand_out(Notice.decode(lease.body))
                await self._store.ack(lease.queue, [lease.receipt])
            except Exception:
                log.exception("Handing out a message of topic %s failed and is tried again.", name)
                for failed in line[index:]:
                    at = self._clock.now() + retry_delay_s(failed.deliveries)
                    await self._store.release(failed.queue, failed.receipt, visible_at=at)
                return

    async def _hand_out(self, notice: Notice) -> None:
        for arn in notice.recipients:
            found = self._deployment.state.get(Subscription, arn)
            if found is not None:
                await self._deliver(notice, found)

    async def _deliver(self, notice: Notice, found: Deployed[Subscription]) -> None:
        if found.noun.protocol in WEB:
            await self.webhooks.accept(found.key, self._post(notice, found))
            return
        letter = self._letter(notice, found)
        try:
            if len(letter.attributes) > RAW_ATTRIBUTES_MAX:
                raise Undeliverable("INVALID_PARAMETER", "A raw message cannot have more than 10 attributes.")
            await self._doors.deliver(found.noun.endpoint or "", letter)
        except Undeliverable as refused:
            await self._give_up(notice, found, refused)

    def _post(self, notice: Notice, found: Deployed[Subscription]) -> Post:
        noun, raw = found.noun, found.noun.raw_message_delivery
        body = notice.text(noun.protocol) if raw else notice.notification(found.key, noun.protocol, self._place)
        topic = self._deployment.state.get(Topic, noun.topic_arn.rsplit(":", 1)[-1])
        default = topic.noun.delivery_policy if topic else None
        try:
            policy = delivery_policy.effective_policy(delivery_policy.parsed(noun.delivery_policy), default)
            retries = delivery_policy.retry_policy(policy)
        except delivery_policy.PolicyError as error:
            log.warning("Subscription %s is tried again as by default: its policy is wrong: %s", found.key, error)
            policy, retries = {}, delivery_policy.RetryPolicy()
        kind = delivery_policy.content_type(policy)
        headers = notice.headers(NOTIFICATION, found.key, raw=raw, content_type=kind)
        dead_letters = dead_letter_arn(noun)
        return Post(f"{notice.message_id}/{found.key}", noun.endpoint or "", headers, body, dead_letters, retries)

    def _letter(self, notice: Notice, found: Deployed[Subscription], *, dead: bool = False) -> Letter:
        """What the subscriber gets; a dead letter of a function's is the envelope that a queue would get."""
        noun = found.noun
        raw = noun.raw_message_delivery and noun.protocol == "sqs"
        if raw:
            body = notice.text("sqs")
        elif noun.protocol == "lambda" and not dead:
            body = notice.lambda_event(found.key, self._place)
        else:
            body = notice.notification(found.key, noun.protocol, self._place)
        return Letter(
            f"{notice.message_id}/{found.key}{'/dead' if dead else ''}",
            body.encode(),
            notice.at,
            notice.attributes if raw else {},
            notice.subject,
            notice.group,
            notice.deduplication,
            notice.trace,
        )

    async def _give_up(self, notice: Notice, found: Deployed[Subscription], refused: Undeliverable) -> None:
        target = dead_letter_arn(found.noun)
        where = {"action": "notification_gave_up", "subscription": found.key, "message_id": notice.message_id}
        if target is None:
            log.warning(
                "A message of topic %s was lost for %s (%s), which has no dead-letter queue.",
                notice.topic,
                found.noun.endpoint,
                refused.message,
                extra=where,
            )
            return
        letter = self._letter(notice, found, dead=True)
        try:
            await self._doors.deliver(target, letter)
        except Undeliverable as lost:
            log.warning(
                "A message of topic %s was lost for %s (%s): so was its dead letter (%s).",
                notice.topic,
                found.noun.endpoint,
                refused.message,
                lost.message,
                extra=where,
            )


def _texts(one: Outgoing) -> dict[str, str]:
    """The message for each protocol. Raises ApiError."""
    checks.check_message(one.message, one.subject, one.attributes)
    if one.structure is None:
        return {"default": one.message}
    if one.structure != "json":
        raise errors.invalid("MessageStructure")
    return checks.structured(one.message)


def _deduplication_id(one: Outgoing) -> str:
    return one.deduplication or sha256(one.message.encode()).hexdigest()


def dead_letter_arn(subscription: Subscription) -> str | None:
    """Where the subscription's redrive policy sends what cannot be delivered."""
    policy = subscription.redrive_policy
    if isinstance(policy, str):
        try:
            policy = json.loads(policy)
        except ValueError:
            return None
    arn = policy.get("deadLetterTargetArn") if isinstance(policy, Mapping) else None
    return str(arn) if arn else None


def retry_delay_s(failures: int) -> float:
    """Seconds until the next try at a queue or function: at once, then 1 s, then growing to 20 s."""
    if failures <= 3:
        return 0.0
    if failures <= 5:
        return 1.0
    return float(min(20, 2 ** (failures - 6)))
