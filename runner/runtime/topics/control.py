"""SNS's control plane: topics and subscriptions as changes of the State.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import uuid4

from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.messaging import Subscription, Topic, TopicPolicy
from runner.model.names import Arn, Place, derived_uuid
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.resources import again, retagged, tag_documents, tags_of
from runner.runtime.topics import errors
from runner.runtime.topics.attributes import (
    OWNER_ACTIONS,
    changed_subscription,
    changed_topic,
    default_policy,
    described_subscription,
    described_topic,
)
from runner.runtime.topics.service import DELIVERED, Topics
from runner.runtime.topics.webhooks import WEB

TOPIC_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}|[A-Za-z0-9_-]{1,251}\.fifo")
SMS_ENDPOINT = re.compile(r"\+?[0-9]+([./-][0-9]+)*")
EMAIL = frozenset({"email", "email-json"})
PROTOCOLS = frozenset({"http", "https", "email", "email-json", "sms", "sqs", "application", "lambda", "firehose"})
ON_SUBSCRIBE = "Attributes Reason: "


class TopicControl:
    """What changes topics and subscriptions themselves, and what is told about them."""

    def __init__(self, topics: Topics, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._topics = topics
        self._deployment = deployment
        self._place = place
        self._clock = clock

    def name(self, arn: str, parameter: str = "TopicArn") -> str:
        """The name in a topic's ARN. Raises ApiError where it is none, or another region's."""
        if len(arn.split(":")) < 6:
            raise errors.short_arn(parameter, arn)
        parsed = Arn.parse(arn)
        if parsed is None or parsed.service != "sns" or parsed.region != self._place.region:
            raise errors.invalid(parameter)
        if parsed.account != self._place.account:
            raise errors.no_topic()
        return parsed.resource

    # -- topics

    async def create(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> str:
        """Returns the ARN. Nothing happens where the topic exists and does not differ. Raises ApiError."""
        if not TOPIC_NAME.fullmatch(name) or name.endswith(".fifo") != (attributes.get("FifoTopic") == "true"):
            raise errors.invalid("Topic Name")
        now = self._clock.now()

        def decide(state: State) -> State:
            existing = state.get(Topic, name)
            if existing is not None:
                _check_same(existing.noun, attributes, tags)
                return state
            empty = Topic.model_validate({"TopicName": name, **({"Tags": tag_documents(tags)} if tags else {})})
            created = self._made(name, changed_topic(empty, attributes), now, state)
            return state.with_changes([created, *self._policy(name, attributes, now, state)])

        await self._deployment.change(decide)
        return self._place.topic(name)

    async def delete(self, name: str) -> None:
        """The topic with its subscriptions; nothing happens where there is none."""
        arn = self._place.topic(name)

        def decide(state: State) -> State:
            if state.get(Topic, name) is None:
                return state
            gone: list[tuple[type[Noun], str]] = [(Topic, name)]
            gone += [
                (Subscription, key) for key, found in state.of(Subscription).items() if found.noun.topic_arn == arn
            ]
            if state.get(TopicPolicy, _policy_key(name)):
                gone.append((TopicPolicy, _policy_key(name)))
            return state.with_changes([], gone)

        await self._deployment.change(decide)
        if name.endswith(".fifo"):
            await self._topics.forget(name)

    async def set_attribute(self, name: str, attribute: str, value: str) -> None:
        """Raises ApiError."""
        now = self._clock.now()

        def decide(state: State) -> State:
            found = _topic(state, name)
            topic = changed_topic(found.noun, {attribute: value})
            put = [_again(found, topic, now, state), *self._policy(name, {attribute: value}, now, state)]
            return state.with_changes(put)

        await self._deployment.change(decide)

    async def add_permission(self, name: str, label: str, accounts: Sequence[str], actions: Sequence[str]) -> None:
        """One more statement in the topic's policy. Raises ApiError."""
        now, arn = self._clock.now(), self._place.topic(name)

        def decide(state: State) -> State:
            _topic(state, name)
            policy = self._document(name)
            if any(statement.get("Sid") == label for statement in policy["Statement"]):
                raise errors.invalid("Statement already exists")
            if any(action not in OWNER_ACTIONS for action in actions):
                raise errors.invalid("Policy statement action out of service scope!")
            roots = [f"arn:{self._place.partition}:iam::{account}:root" for account in accounts]
            added = {
                "Sid": label,
                "Effect": "Allow",
                "Principal": {"AWS": roots[0] if len(roots) == 1 else roots},
                "Action": f"SNS:{actions[0]}" if len(actions) == 1 else [f"SNS:{action}" for action in actions],
                "Resource": arn,
            }
            policy["Statement"].append(added)
            return state.with_changes(self._policy(name, {"Policy": json.dumps(policy)}, now, state))

        await self._deployment.change(decide)

    async def remove_permission(self, name: str, label: str) -> None:
        """The policy without the statement; nothing happens where there is none. Raises ApiError for no topic."""
        now = self._clock.now()

        def decide(state: State) -> State:
            _topic(state, name)
            policy = self._document(name)
            kept = [statement for statement in policy["Statement"] if statement.get("Sid") != label]
            if len(kept) == len(policy["Statement"]):
                return state
            text = json.dumps({**policy, "Statement": kept})
            return state.with_changes(self._policy(name, {"Policy": text}, now, state))

        await self._deployment.change(decide)

    def _document(self, name: str) -> dict[str, Any]:
        text = self._policy_text(name) or default_policy(self._place.topic(name), self._place.account)
        policy: dict[str, Any] = json.loads(text)
        statements = policy.get("Statement") or []
        return {**policy, "Statement": [statements] if isinstance(statements, Mapping) else statements}

    async def tag(self, name: str, tags: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Raises ApiError."""
        now = self._clock.now()

        def decide(state: State) -> State:
            found = state.get(Topic, name)
            if found is None:
                raise ApiError("ResourceNotFound", "Resource does not exist", 404)
            return state.with_changes([_again(found, retagged(found.noun, tags, remove), now, state)])

        await self._deployment.change(decide)

    async def topic_attributes(self, name: str) -> dict[str, str]:
        """Raises ApiError."""
        found, arn = self._topics.find(name), self._place.topic(name)
        pending = len(await self._topics.pending.of(arn))
        confirmed = len(self._topics.subscriptions(arn))
        return described_topic(found, self._place, self._policy_text(name), confirmed=confirmed, pending=pending)

    def topic_arns(self) -> list[str]:
        return sorted(self._place.topic(name) for name in self._deployment.state.of(Topic))

    def _policy_text(self, name: str) -> str | None:
        state, arn = self._deployment.state, self._place.topic(name)
        own = state.get(TopicPolicy, _policy_key(name))
        stacks = (held for held in state.of(TopicPolicy).values() if arn in held.noun.topics)
        found = own or next(stacks, None)
        return json.dumps(found.noun.policy_document, separators=(",", ":")) if found else None

    def _policy(self, name: str, attributes: Mapping[str, str], now: float, state: State) -> list[Deployed[Any]]:
        text = attributes.get("Policy")
        if not text:
            return []
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise errors.invalid("Policy Error: null")
        noun = TopicPolicy.model_validate({"PolicyDocument": document, "Topics": (self._place.topic(name),)})
        return [self._made(_policy_key(name), noun, now, state)]

    # -- subscriptions

    async def subscribe(
        self, name: str, protocol: str, endpoint: str, attributes: Mapping[str, str]
    ) -> tuple[str, bool]:
        """The ARN, the existing one where protocol and endpoint are the same; and whether it is in force already.

        An HTTP endpoint is asked to confirm first; no email or SMS leaves this machine, so an email address never
        confirms, and what a phone number would get is only logged. Raises ApiError.
        """
        topic_arn, now, state = self._place.topic(name), self._clock.now(), self._deployment.state
        wanted = self._wanted(_topic(state, name).noun, topic_arn, (protocol, endpoint), attributes)
        key = f"{topic_arn}:{uuid4()}"
        if protocol in WEB | EMAIL and self._same(state, wanted) is None:
            await self._topics.pending.ask(key, wanted)
            return key, False

        def decide(state: State) -> State:
            _topic(state, name)
            existing = self._same(state, wanted)
            if existing is None:
                return state.with_changes([self._made(key, wanted, now, state)])
            if attributes and not self._alike(wanted, existing.noun):
                raise errors.invalid("Attributes Reason: Subscription already exists with different attributes")
            return state

        existing = self._same(await self._deployment.change(decide), wanted)
        return existing.key if existing else key, True

    def _wanted(self, topic: Topic, arn: str, target: tuple[str, str], attributes: Mapping[str, str]) -> Subscription:
        protocol, endpoint = target
        self._check_endpoint(topic, protocol, endpoint)
        empty = Subscription.model_validate({"TopicArn": arn, "Protocol": protocol, "Endpoint": endpoint})
        return changed_subscription(empty, attributes, topic, prefix=ON_SUBSCRIBE)

    def _alike(self, one: Subscription, other: Subscription) -> bool:
        shown = (described_subscription(Deployed("", noun), self._place) for noun in (one, other))
        return next(shown) == next(shown)

    async def confirm(self, name: str, token: str) -> str:
        """Put a pending subscription in force; returns its ARN, also the second time. Raises ApiError."""
        self._topics.find(name)
        pending, now = await self._topics.pending.find(token), self._clock.now()
        if pending is None or pending.noun.topic_arn != self._place.topic(name):
            raise errors.invalid("Token")
        if not pending.confirmed:
            noun, arn = pending.noun, pending.arn
            await self._deployment.change(lambda state: state.with_changes([self._made(arn, noun, now, state)]))
            await self._topics.pending.confirmed(pending)
        return pending.arn

    @staticmethod
    def _same(state: State, wanted: Subscription) -> Deployed[Subscription] | None:
        identity = (wanted.topic_arn, wanted.protocol, wanted.endpoint)
        for found in state.of(Subscription).values():
            if (found.noun.topic_arn, found.noun.protocol, found.noun.endpoint) == identity:
                return found
        return None

    def _check_endpoint(self, topic: Topic, protocol: str, endpoint: str) -> None:
        if protocol not in PROTOCOLS:
            raise errors.invalid(f"Amazon SNS does not support this protocol string: {protocol}")
        arn = Arn.parse(endpoint)
        if protocol == "sqs" and (arn is None or arn.service != "sqs"):
            raise errors.invalid("SQS endpoint ARN")
        if protocol == "lambda" and (arn is None or arn.service != "lambda"):
            raise errors.invalid("Lambda endpoint ARN")
        if protocol == "sqs" and endpoint.endswith(".fifo") and not topic.fifo_topic:
            raise errors.invalid(
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
            )
        if protocol in WEB and not endpoint.startswith(f"{protocol}://"):
            raise errors.invalid("Endpoint must match the specified protocol")
        if protocol == "sms" and not SMS_ENDPOINT.fullmatch(endpoint):
            raise ApiError("InvalidParameter", f"Invalid SMS endpoint: {endpoint}")
        if protocol in EMAIL and "@" not in endpoint:
            raise errors.invalid("Email address")
        if protocol not in DELIVERED | EMAIL | {"sms"}:
            raise errors.unsupported(f"The protocol {protocol}")

    async def unsubscribe(self, arn: str) -> None:
        """Nothing happens where there is no such subscription. Raises ApiError for what is no ARN."""
        if len(arn.split(":")) < 6:
            raise errors.short_arn("SubscriptionArn", arn)

        def decide(state: State) -> State:
            return state.with_changes([], [(Subscription, arn)]) if state.get(Subscription, arn) else state

        found = self._deployment.state.get(Subscription, arn)
        if found is not None and found.noun.protocol in WEB:
            await self._topics.pending.part(arn, found.noun)  # first: told twice is better than not at all
        await self._deployment.change(decide)

    async def set_subscription_attribute(self, arn: str, attribute: str, value: str) -> None:
        """Raises ApiError."""
        now = self._clock.now()

        def decide(state: State) -> State:
            found = _subscription(state, arn)
            topic = state.get(Topic, found.noun.topic_arn.rsplit(":", 1)[-1])
            noun = topic.noun if topic else Topic.model_validate({})
            subscription = changed_subscription(found.noun, {attribute: value}, noun, prefix="")
            return state.with_changes([_again(found, subscription, now, state)])

        await self._deployment.change(decide)

    async def subscription_attributes(self, arn: str) -> dict[str, str]:
        """Raises ApiError."""
        pending = next((one for one in await self._topics.pending.of() if one.arn == arn), None)
        state = self._deployment.state
        found = Deployed(arn, pending.noun) if pending is not None else _subscription(state, arn)
        topic = state.get(Topic, found.noun.topic_arn.rsplit(":", 1)[-1])
        return described_subscription(found, self._place, topic.noun if topic else None, pending=pending is not None)

    async def subscriptions(self, topic: str | None = None) -> list[dict[str, str]]:
        """All subscriptions, or a topic's, as the lists show them. Raises ApiError for an unknown topic."""
        if topic is not None:
            self._topics.find(topic)
            found: Sequence[Deployed[Subscription]] = self._topics.subscriptions(self._place.topic(topic))
        else:
            found = [one for _, one in sorted(self._deployment.state.of(Subscription).items())]
        waiting = await self._topics.pending.of(self._place.topic(topic) if topic is not None else None)
        rows = [(one.key, one.noun) for one in found] + [("PendingConfirmation", one.noun) for one in waiting]
        return [
            {
                "SubscriptionArn": arn,
                "Owner": self._place.account,
                "Protocol": noun.protocol,
                "Endpoint": noun.endpoint or "",
                "TopicArn": noun.topic_arn,
            }
            for arn, noun in rows
        ]

    @staticmethod
    def _made(key: str, noun: Noun, now: float, state: State) -> Deployed[Any]:
        return Deployed(key, noun, "", now, now, _revision(key, state))


def _topic(state: State, name: str) -> Deployed[Topic]:
    found = state.get(Topic, name)
    if found is None:
        raise errors.no_topic()
    return found


def _subscription(state: State, arn: str) -> Deployed[Subscription]:
    if len(arn.split(":")) < 6:
        raise errors.short_arn("SubscriptionArn", arn)
    found = state.get(Subscription, arn)
    if found is None:
        raise errors.no_subscription()
    return found


def _check_same(topic: Topic, attributes: Mapping[str, str], tags: Mapping[str, str]) -> None:
    wanted = changed_topic(topic, attributes)
    if wanted != topic:
        raise errors.invalid("Attributes Reason: Topic already exists with different attributes")
    if tags and tags_of(topic) != dict(tags):
        raise errors.invalid("Tags Reason: Topic already exists with different tags")


def _policy_key(name: str) -> str:
    return f"topic/{name}"


def _revision(key: str, state: State) -> str:
    return derived_uuid("sns", key, str(state.revision + 1))


def _again(found: Deployed[Any], noun: Noun, now: float, state: State) -> Deployed[Any]:
    return again(found, noun, now, _revision(found.key, state))
