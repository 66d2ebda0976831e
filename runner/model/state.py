"""Everything deployed, as one frozen value: State. Whatever runs is derived from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, compress, islice
from operator import is_not
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from runner.model.access import LogGroup, ManagedPolicy, Policy, PolicyHistory, Role
from runner.model.events import EventBus, Rule, Schedule, ScheduleGroup
from runner.model.function import (
    Alias,
    CodeSigningConfig,
    EventInvokeConfig,
    FunctionVersion,
    LayerCode,
    LayerVersion,
    Permission,
    Url,
)
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue, QueuePolicy, Subscription, Topic, TopicPolicy
from runner.model.names import LATEST
from runner.model.noun import Noun

N = TypeVar("N", bound=Noun)
Key = tuple[type[Noun], str]


class StackRecord(Noun):
    """What one stack file declared when it was last applied; State key is the stack's name."""

    name: str
    path: str
    parameters: dict[str, str] = {}
    outputs: dict[str, str] = {}
    resources: dict[str, tuple[str, str]] = {}  # logical id -> (type, physical id)
    retained: tuple[str, ...] = ()  # logical ids whose DeletionPolicy is Retain


TABLES: dict[str, type[Noun]] = {
    "functions": FunctionVersion,  # `$LATEST` under its name, version n under `<name>:<n>`
    "aliases": Alias,
    "invoke_configs": EventInvokeConfig,
    "permissions": Permission,
    "urls": Url,
    "layers": LayerVersion,
    "layer_codes": LayerCode,
    "code_signing_configs": CodeSigningConfig,
    "mappings": EventSourceMapping,
    "buses": EventBus,
    "rules": Rule,
    "schedules": Schedule,
    "schedule_groups": ScheduleGroup,
    "queues": Queue,
    "queue_policies": QueuePolicy,
    "topics": Topic,
    "topic_policies": TopicPolicy,
    "subscriptions": Subscription,
    "roles": Role,
    "policies": Policy,
    "managed_policies": ManagedPolicy,
    "policy_histories": PolicyHistory,
    "log_groups": LogGroup,
    "stacks": StackRecord,
}


@dataclass(frozen=True, slots=True)
class Deployed(Generic[N]):
    """One resource in State. `owner` is `<stack>/<logical id>`; empty for what the API made.

    `created_at` and `modified_at` are epoch seconds; `revision_id` changes with every modification.
    """

    key: str
    noun: N
    owner: str = ""
    created_at: float = 0.0
    modified_at: float = 0.0
    revision_id: str = ""


EMPTY: Mapping[str, Deployed[Any]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class State:
    """Tables of deployed nouns by their class. `revision` counts the swaps."""

    revision: int = 0
    tables: Mapping[type[Noun], Mapping[str, Deployed[Any]]] = field(default_factory=dict)

    def of(self, noun: type[N]) -> Mapping[str, Deployed[N]]:
        """All deployed resources of one class, by their key."""
        return self.tables.get(noun, EMPTY)

    def get(self, noun: type[N], key: str) -> Deployed[N] | None:
        return self.of(noun).get(key)

    def differences(self, noun: type[N], before: State) -> dict[str, Deployed[N] | None]:
        """What of one class was put since `before`, and with None what is gone, by key."""
        old, new = before.of(noun), self.of(noun)
        if old is new:
            return {}
        # A put keeps places, so most pairs are the same value; where one is gone, what follows it is looked up.
        moved = chain(compress(new, map(is_not, new.values(), old.values())), islice(new, len(old), None))
        found: dict[str, Deployed[N] | None] = {key: new[key] for key in moved if old.get(key) is not new[key]}
        if len(old) + sum(key not in old for key in found) > len(new):
            found.update((key, None) for key in old if key not in new)
        return found

    def version(self, name: str, version: str = LATEST) -> Deployed[FunctionVersion] | None:
        """A function's `$LATEST` or published version."""
        return self.get(FunctionVersion, name if version == LATEST else f"{name}:{version}")

    def with_changes(self, put: Iterable[Deployed[Any]], delete: Iterable[Key] = ()) -> State:
        """The next State: one revision later, with `put` written and `delete` gone."""
        tables: dict[type[Noun], Mapping[str, Deployed[Any]]] = dict(self.tables)
        touched: dict[type[Noun], dict[str, Deployed[Any]]] = {}

        def table(noun: type[Noun]) -> dict[str, Deployed[Any]]:
            if noun not in touched:
                touched[noun] = dict(tables.get(noun, EMPTY))
            return touched[noun]

        for noun, key in delete:
            table(noun).pop(key, None)
        for deployed in put:
            table(type(deployed.noun))[deployed.key] = deployed
        return replace(self, revision=self.revision + 1, tables=tables | touched)
