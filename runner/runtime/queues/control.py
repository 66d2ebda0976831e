"""SQS's control plane: queues, their attributes, tags and policies, as changes of the State.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from runner.host.clock import Clock
from runner.model.messaging import Queue, QueuePolicy
from runner.model.names import Place, derived_uuid
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.queues import errors
from runner.runtime.queues.attributes import QUEUE_NAME, changed, described, difference, redrive
from runner.runtime.queues.permissions import with_permission, without_permission
from runner.runtime.queues.service import Queues
from runner.runtime.resources import again, retagged, tag_documents

RECREATE_AFTER_S = 60.0
TAGS_MAX = 50


class QueueControl:
    """What changes queues themselves, and what is told about them."""

    def __init__(self, queues: Queues, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._queues = queues
        self._deployment = deployment
        self._place = place
        self._clock = clock
        self._deleted_at: dict[str, float] = {}

    async def create(self, name: str, attributes: Mapping[str, str], tags: Mapping[str, str]) -> None:
        """Nothing happens where the queue exists with the same attributes. Raises ApiError."""
        fifo = attributes.get("FifoQueue") == "true"
        if not QUEUE_NAME.fullmatch(name) or name.endswith(".fifo") != fifo:
            raise errors.invalid(_name_rule(fifo=fifo))
        now = self._clock.now()
        if now - self._deleted_at.get(name, float("-inf")) < RECREATE_AFTER_S:
            raise errors.batch_error(
                "QueueDeletedRecently",
                "You must wait 60 seconds after deleting a queue before you can create another with the same name.",
            )

        def decide(state: State) -> State:
            existing = state.get(Queue, name)
            if existing is not None:
                if (differs := difference(existing.noun, attributes)) is not None:
                    raise errors.error(
                        "QueueAlreadyExists",
                        "A queue already exists with the same name and a different value for attribute " + differs,
                    )
                return state
            empty = Queue.model_validate({"QueueName": name, **({"Tags": tag_documents(tags)} if tags else {})})
            queue = changed(empty, attributes, new=True)
            put: list[Deployed[Any]] = [Deployed(name, queue, "", now, now, _revision(name, state))]
            return state.with_changes([*put, *self._policy(name, attributes, state)])

        await self._deployment.change(decide)

    async def set_attributes(self, name: str, attributes: Mapping[str, str]) -> None:
        """Raises ApiError."""
        now = self._clock.now()

        def decide(state: State) -> State:
            found = self._existing(state, name)
            queue = changed(found.noun, attributes, new=False)
            gone = self._own_policies(name, state) if attributes.get("Policy") == "" else []
            put = _again(found, queue, now, state)
            return state.with_changes([put, *self._policy(name, attributes, state)], gone)

        await self._deployment.change(decide)

    async def add_permission(self, name: str, label: str, accounts: Sequence[str], actions: Sequence[str]) -> None:
        """Raises ApiError."""

        def decide(state: State) -> State:
            self._existing(state, name)
            policy = with_permission(self._document(name), label, self._place.queue(name), accounts, actions)
            return state.with_changes(self._policy(name, {"Policy": json.dumps(policy)}, state))

        await self._deployment.change(decide)

    async def remove_permission(self, name: str, label: str) -> None:
        """Raises ApiError."""

        def decide(state: State) -> State:
            self._existing(state, name)
            policy = without_permission(self._document(name), label)
            if policy is None:
                return state.with_changes([], self._own_policies(name, state))
            return state.with_changes(self._policy(name, {"Policy": json.dumps(policy)}, state))

        await self._deployment.change(decide)

    def _document(self, name: str) -> dict[str, Any] | None:
        text = self.policy(name)
        return json.loads(text) if text else None

    async def delete(self, name: str) -> None:
        """The queue with everything it holds. Raises ApiError."""

        def decide(state: State) -> State:
            self._existing(state, name)
            return state.with_changes([], [(Queue, name), *self._own_policies(name, state)])

        await self._deployment.change(decide)
        self._deleted_at[name] = self._clock.now()
        await self._queues.step()

    async def tag(self, name: str, tags: Mapping[str, str], remove: Sequence[str] = ()) -> None:
        """Set some tags, take some away. Raises ApiError."""
        now = self._clock.now()

        def decide(state: State) -> State:
            found = self._existing(state, name)
            queue = retagged(found.noun, tags, remove)
            if len(queue.tags) > TAGS_MAX:
                raise errors.invalid(f"Too many tags added for queue {name}.")
            return state.with_changes([_again(found, queue, now, state)])

        await self._deployment.change(decide)

    async def attributes(self, name: str) -> dict[str, str]:
        """Every attribute, in the order of names. Raises ApiError."""
        found = self._queues.find(name)
        return described(found, self._place, await self._queues.depth(name), self.policy(name))

    def policy(self, name: str) -> str | None:
        """The queue's resource policy as JSON text: the API's own before a stack's."""
        state = self._deployment.state
        own = state.get(QueuePolicy, _policy_key(name))
        found = own or next((held for held in state.of(QueuePolicy).values() if self._covers(held.noun, name)), None)
        return json.dumps(found.noun.policy_document, separators=(",", ":")) if found else None

    def names(self, prefix: str = "") -> list[str]:
        return sorted(name for name in self._deployment.state.of(Queue) if name.startswith(prefix))

    def sources_of(self, name: str) -> list[str]:
        """The queues whose dead letters go to this one. Raises ApiError."""
        self._queues.find(name)
        arn = self._place.queue(name)
        found = ((key, redrive(queue.noun)) for key, queue in self._deployment.state.of(Queue).items())
        return sorted(key for key, policy in found if policy is not None and policy.arn == arn)

    def _existing(self, state: State, name: str) -> Deployed[Queue]:
        found = state.get(Queue, name)
        if found is None:
            raise errors.no_queue()
        return found

    @staticmethod
    def _covers(policy: QueuePolicy, name: str) -> bool:
        """Queues are named by URL, whose host and port may have changed since, or by ARN."""
        return any(queue.rsplit("/", 1)[-1].rsplit(":", 1)[-1] == name for queue in policy.queues)

    def _policy(self, name: str, attributes: Mapping[str, str], state: State) -> list[Deployed[Any]]:
        text = attributes.get("Policy")
        if not text:
            return []
        try:
            document = json.loads(text)
        except ValueError:
            document = None
        if not isinstance(document, dict):
            raise errors.error("InvalidAttributeValue", "Invalid value for the parameter Policy.")
        noun = QueuePolicy.model_validate({"PolicyDocument": document, "Queues": (self._place.queue_url(name),)})
        now = self._clock.now()
        return [Deployed(_policy_key(name), noun, "", now, now, _revision(name, state))]

    def _own_policies(self, name: str, state: State) -> list[tuple[type[Any], str]]:
        key = _policy_key(name)
        return [(QueuePolicy, key)] if state.get(QueuePolicy, key) else []


def _name_rule(*, fifo: bool) -> str:
    if fifo:
        return (
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end with"
            " .fifo suffix and be 1 to 80 in length."
        )
    return "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"


def _policy_key(name: str) -> str:
    return f"queue/{name}"


def _revision(name: str, state: State) -> str:
    return derived_uuid("queue", name, str(state.revision + 1))


def _again(found: Deployed[Queue], queue: Queue, now: float, state: State) -> Deployed[Queue]:
    return again(found, queue, now, _revision(found.key, state))
