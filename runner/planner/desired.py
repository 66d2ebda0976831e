"""What State must hold for a stack: each resource as the noun and the key under which it is deployed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.model.access import LogGroup, ManagedPolicy, Policy, Role
from runner.model.events import EventBus, Rule, Schedule, ScheduleGroup
from runner.model.function import (
    Alias,
    EventInvokeConfig,
    Function,
    LayerVersion,
    Permission,
    Url,
)
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue, QueuePolicy, Subscription, Topic, TopicPolicy
from runner.model.names import function_reference
from runner.model.noun import Noun
from runner.model.stack import Resource, Stack

TOKEN = re.compile(r"(?:\ue000|\\+ue000)version:(\w+)(?:\ue001|\\+ue001)")
"""A VERSION_TOKEN, as it is or escaped by JSON within JSON."""


@dataclass(frozen=True, slots=True)
class CodeDigest:
    """A code snapshot in the artifact store, by the logical id of the function or layer it belongs to."""

    artifact: str
    sha256: str = ""  # base64
    size: int = 0


@dataclass(frozen=True, slots=True)
class Wanted:
    """One resource to deploy, functions and their versions apart (they have a history)."""

    logical_id: str
    type: str
    key: str
    noun: Noun
    retain: bool = False


def _function_key(text: str, *more: str) -> str:
    name, qualifier = function_reference(text)
    return ":".join(part for part in (name, *more, qualifier) if part)


def _permission_key(noun: Permission, resource: Resource) -> str:
    return f"{_function_key(noun.function_name)}/{noun.statement_id or resource.logical_id}"


def _url_key(noun: Url, _: Resource) -> str:
    name, qualifier = function_reference(noun.target_function_arn)
    return ":".join(part for part in (name, noun.qualifier or qualifier) if part)


KEYS: dict[type[Noun], Callable[[Any, Resource], str]] = {
    Function: lambda noun, _: noun.function_name,
    Alias: lambda noun, _: f"{function_reference(noun.function_name)[0]}:{noun.name}",
    EventInvokeConfig: lambda noun, _: f"{function_reference(noun.function_name)[0]}:{noun.qualifier}",
    Permission: _permission_key,
    Url: _url_key,
    LayerVersion: lambda _, resource: resource.physical_id.split(":layer:")[-1],
    EventSourceMapping: lambda _, resource: resource.physical_id,
    EventBus: lambda noun, _: noun.name,
    Rule: lambda noun, _: f"{noun.bus}/{noun.name}",
    Schedule: lambda noun, _: f"{noun.group_name}/{noun.name}",
    ScheduleGroup: lambda noun, _: noun.name,
    Queue: lambda noun, _: noun.queue_name,
    QueuePolicy: lambda _, resource: resource.logical_id,
    Topic: lambda noun, _: noun.topic_name,
    TopicPolicy: lambda _, resource: resource.logical_id,
    Subscription: lambda _, resource: resource.physical_id,
    Role: lambda noun, _: noun.role_name,
    Policy: lambda noun, _: noun.policy_name,
    ManagedPolicy: lambda _, resource: resource.physical_id,
    LogGroup: lambda noun, _: noun.log_group_name,
}


def wanted(stack: Stack) -> Iterator[Wanted]:
    """Everything the stack deploys but published versions; inert resources have no noun and are left out."""
    for resource in stack.resources.values():
        noun = resource.noun
        if noun is None or type(noun) not in KEYS:
            continue
        if isinstance(noun, Topic):
            yield from _inline_subscriptions(resource, noun)
        yield Wanted(resource.logical_id, resource.type, KEYS[type(noun)](noun, resource), noun, resource.retain)


def _inline_subscriptions(resource: Resource, topic: Topic) -> Iterator[Wanted]:
    """A topic's own `Subscription` list, as subscriptions of their own."""
    for index, inline in enumerate(topic.subscription):
        noun = Subscription.model_validate(
            {"TopicArn": resource.physical_id, "Protocol": inline.protocol, "Endpoint": inline.endpoint}
        )
        logical_id = f"{resource.logical_id}Subscription{index}"
        yield Wanted(logical_id, "AWS::SNS::Subscription", f"{resource.physical_id}:{logical_id}", noun)


def numbered(text: str, numbers: Mapping[str, str]) -> str:
    """`text` with every version token replaced by its number. `numbers`: logical id of the version -> number."""
    if "version:" not in text:
        return text
    return TOKEN.sub(lambda found: numbers.get(found[1], found[0]), text)


def with_version_numbers(noun: Noun, numbers: Mapping[str, str]) -> Noun:
    """The noun with every version token replaced by the number that the plan gives it."""
    if not numbers:
        return noun
    text = noun.model_dump_json(by_alias=True, exclude_unset=True)
    replaced = numbered(text, numbers)
    return noun if replaced == text else type(noun).model_validate_json(replaced)
