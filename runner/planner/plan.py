"""The diff between a stack and State, with reasons, and the State it leads to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from runner.model.errors import InputError
from runner.model.function import (
    Alias,
    EventInvokeConfig,
    Function,
    FunctionVersion,
    LayerCode,
    LayerVersion,
    Permission,
    Url,
    Version,
)
from runner.model.names import LATEST, derived_uuid
from runner.model.noun import Noun
from runner.model.stack import Stack
from runner.model.state import Deployed, Key, StackRecord, State
from runner.planner.changes import Action, Change, Difference, Reason, differences
from runner.planner.desired import CodeDigest, Wanted, numbered, wanted, with_version_numbers
from runner.planner.versions import change_reasons, function_of, publication, published_by_function


@dataclass(frozen=True, slots=True)
class Plan:
    """What applying a stack does. Everything that apply needs is `after`; `changes` is for people.

    `after is before` where nothing changes.
    """

    stack: str
    changes: tuple[Change, ...]
    before: State
    after: State
    outputs: Mapping[str, str]

    @property
    def empty(self) -> bool:
        return not self.changes


def plan(stack: Stack, state: State, code: Mapping[str, CodeDigest], *, now: float) -> Plan:
    """Plan the deployment of `stack` over `state`.

    `code` gives the snapshot of every function and layer with local code, by logical id; `now` is epoch seconds.
    Raises InputError where a resource of that name belongs to someone else.
    """
    draft = _Draft(stack, state, code, now)
    everything = list(wanted(stack))
    for item in everything:
        if isinstance(item.noun, Function):
            draft.function(item, item.noun)
    draft.publish_versions()
    for item in everything:
        if not isinstance(item.noun, Function):
            draft.resource(item)
    draft.removals()
    return draft.plan()


def plan_removal(name: str, state: State) -> Plan:
    """Plan the removal of everything that stack `name` deployed, its functions' versions included."""
    keys: list[Key] = []
    changes: list[Change] = []
    kept: list[Deployed[Any]] = []
    record = state.get(StackRecord, name)
    functions = {d.noun.name for d in _owned(state, name) if isinstance(d.noun, FunctionVersion)}
    for noun, table in state.tables.items():
        for key, deployed in table.items():
            part_of_function = noun in FUNCTION_PARTS and key.split(":")[0].split("/")[0] in functions
            if not (deployed.owner.startswith(f"{name}/") or part_of_function):
                continue
            if _retained(deployed, record):
                kept.append(replace(deployed, owner=""))
                change = _end(Action.RETAIN, deployed, record, Reason.DELETION_POLICY)
            else:
                keys.append((noun, key))
                change = _end(Action.DELETE, deployed, record, Reason.STACK_REMOVED)
            if noun is not LayerCode:  # told with its layer
                changes.append(change)
    if record is not None:
        keys.append((StackRecord, name))
    after = state.with_changes(kept, keys) if keys else state
    return Plan(name, tuple(changes), state, after, {})


FUNCTION_PARTS: tuple[type[Noun], ...] = (FunctionVersion, Alias, EventInvokeConfig, Permission, Url)
"""Nouns that live under a function and go with it."""


class _Draft:
    """A plan in the making: collects what to put and delete, and the changes that say why."""

    def __init__(self, stack: Stack, state: State, code: Mapping[str, CodeDigest], now: float) -> None:
        self.stack, self.state, self.code, self.now = stack, state, code, now
        self.put: dict[Key, Deployed[Any]] = {}
        self.changes: list[Change] = []
        self.kept: set[Key] = set()
        self.latest: dict[str, FunctionVersion] = {}
        self.numbers: dict[str, str] = {}
        self.known = state.get(StackRecord, stack.name)
        self.by_owner = {d.owner: d for d in _owned(state, stack.name) if not isinstance(d.noun, LayerCode)}

    def function(self, item: Wanted, config: Function) -> None:
        """Deploy `$LATEST` of a function: replaced in place, numbers of versions kept."""
        code = self.code.get(item.logical_id, CodeDigest(""))
        before = self.state.version(item.key)
        after = FunctionVersion(
            name=item.key,
            config=config,
            artifact=code.artifact,
            layers=tuple(self._layer(arn) for arn in config.layers),
            code_sha256=code.sha256,
            code_size=code.size,
            description=config.description,
            next_version=before.noun.next_version if before else 1,
        )
        self.latest[item.key] = after
        reasons = change_reasons(before.noun, after) if before else ()
        self._put(item, after, reasons)

    def _layer(self, arn: str) -> str:
        """The artifact of a layer version that this stack declares, or that an earlier one deployed; else empty."""
        for resource in self.stack.resources.values():
            if resource.type == "AWS::Lambda::LayerVersion" and resource.physical_id == arn:
                return self.code.get(resource.logical_id, CodeDigest("")).artifact
        earlier = self.state.get(LayerCode, arn.split(":layer:")[-1])
        return earlier.noun.artifact if earlier else ""

    def publish_versions(self) -> None:
        """Publish what is to be published, and note the number behind every version token."""
        standing = published_by_function(self.state)
        for resource in self.stack.resources.values():
            if not isinstance(resource.noun, Version):
                continue
            latest = self.latest.get(function_of(resource.noun))
            if latest is None:
                continue
            owner = f"{self.stack.name}/{resource.logical_id}"
            published = publication(resource, resource.noun, latest, standing.get(latest.name, ()), owner)
            self.numbers[resource.logical_id] = published.version.version
            key: Key = (FunctionVersion, f"{latest.name}:{published.version.version}")
            self.kept.add(key)
            if not published.reasons:
                continue
            self.put[key] = self._deployed(key[1], published.version, owner, None)
            latest = latest.model_copy(update={"next_version": latest.next_version + 1})
            self.latest[latest.name] = latest
            self._renumber(latest)
            self.changes.append(Change(Action.PUBLISH, resource.type, resource.logical_id, key[1], published.reasons))

    def _renumber(self, latest: FunctionVersion) -> None:
        """`$LATEST` remembers the next number; that alone is no change worth a line of its own."""
        key: Key = (FunctionVersion, latest.name)
        deployed = self.put.get(key) or self.state.version(latest.name)
        assert deployed is not None, "a version is published of a function that this plan deploys"
        self.put[key] = replace(deployed, noun=latest)

    def resource(self, item: Wanted) -> None:
        """Deploy any resource that has no history."""
        if isinstance(item.noun, Version):
            return
        noun = with_version_numbers(item.noun, self.numbers)
        moved = isinstance(noun, Alias) and noun != item.noun and self._alias_moves(item, noun)
        self._put(item, noun, (Reason.NEW_VERSION,) if moved else ())
        if isinstance(noun, LayerVersion):
            self._put_layer_code(item)

    def _put_layer_code(self, item: Wanted) -> None:
        """A layer's snapshot goes with it; the layer's own change is the one that is told."""
        digest = self.code.get(item.logical_id, CodeDigest(""))
        code = LayerCode(artifact=digest.artifact, code_sha256=digest.sha256, code_size=digest.size)
        key: Key = (LayerCode, item.key)
        before = self.state.get(LayerCode, item.key)
        self.kept.add(key)
        if before is None or before.noun != code:
            self.put[key] = self._deployed(item.key, code, f"{self.stack.name}/{item.logical_id}", before)

    def _alias_moves(self, item: Wanted, noun: Alias) -> bool:
        before = self.state.get(Alias, item.key)
        return before is not None and before.noun.function_version != noun.function_version

    def _put(self, item: Wanted, noun: Noun, reasons: tuple[Reason, ...]) -> None:
        key: Key = (type(noun), item.key)
        owner = f"{self.stack.name}/{item.logical_id}"
        before = self.state.get(type(noun), item.key)
        self.kept.add(key)
        if before is not None and before.owner != owner and not self._may_take_over(before):
            raise InputError(
                f"{item.type} {item.key!r} ({item.logical_id}) already exists"
                + (f" in stack {before.owner.split('/')[0]!r}." if before.owner else "; it was made through the API."),
                hint="Give the resource another name, or remove the other one first.",
            )
        if before is None:
            renamed = self._predecessor(owner, type(noun))
            action, reasons = (
                (Action.REPLACE, (Reason.NEW_NAME,)) if renamed else (Action.CREATE, (Reason.NOT_DEPLOYED,))
            )
            self.put[key] = self._deployed(item.key, noun, owner, None)
            self.changes.append(Change(action, item.type, item.logical_id, item.key, reasons))
        elif before.noun != noun or before.owner != owner:
            self.put[key] = self._deployed(item.key, noun, owner, before)
            found = _differences(before.noun, noun)
            if found or reasons:
                reasons = reasons or (Reason.PROPERTIES,)
                self.changes.append(Change(Action.UPDATE, item.type, item.logical_id, item.key, reasons, found))

    def _may_take_over(self, before: Deployed[Any]) -> bool:
        """A resource of this very stack may change its logical id."""
        return before.owner.startswith(f"{self.stack.name}/")

    def _predecessor(self, owner: str, noun: type[Noun]) -> Deployed[Any] | None:
        deployed = self.by_owner.get(owner)
        return deployed if deployed is not None and type(deployed.noun) is noun else None

    def _deployed(self, key: str, noun: Noun, owner: str, before: Deployed[Any] | None) -> Deployed[Any]:
        return Deployed(
            key=key,
            noun=noun,
            owner=owner,
            created_at=before.created_at if before else self.now,
            modified_at=self.now,
            revision_id=derived_uuid(owner, key, str(self.state.revision), str(self.now)),
        )

    def removals(self) -> None:
        """Let go of what the stack no longer declares; published versions stay with their function."""
        replaced = {change.logical_id for change in self.changes if change.action is Action.REPLACE}
        for deployed in _owned(self.state, self.stack.name):
            key: Key = (type(deployed.noun), deployed.key)
            version = deployed.noun if isinstance(deployed.noun, FunctionVersion) else None
            if key in self.kept or (version is not None and version.version != LATEST and version.name in self.latest):
                continue
            if _retained(deployed, self.known):
                self.put[key] = replace(deployed, owner="")
                self.kept.add(key)
                if key[0] is not LayerCode:
                    self.changes.append(_end(Action.RETAIN, deployed, self.known, Reason.DELETION_POLICY))
            elif _logical_id(deployed) not in replaced and key[0] is not LayerCode:
                self.changes.append(_end(Action.DELETE, deployed, self.known, Reason.NOT_DECLARED))

    def plan(self) -> Plan:
        outputs = {name: numbered(output.value, self.numbers) for name, output in self.stack.outputs.items()}
        delete = [(type(d.noun), d.key) for d in _owned(self.state, self.stack.name) if not self._stays(d)]
        record = StackRecord(
            name=self.stack.name,
            path=str(self.stack.path),
            parameters=dict(self.stack.parameters),
            outputs=outputs,
            resources={
                r.logical_id: (r.type, numbered(r.physical_id, self.numbers)) for r in self.stack.resources.values()
            },
            retained=tuple(r.logical_id for r in self.stack.resources.values() if r.retain),
        )
        if self.known is None or self.known.noun != record:
            self.put[StackRecord, self.stack.name] = self._deployed(self.stack.name, record, "", self.known)
        after = self.state.with_changes(self.put.values(), delete) if self.put or delete else self.state
        return Plan(self.stack.name, tuple(self.changes), self.state, after, outputs)

    def _stays(self, deployed: Deployed[Any]) -> bool:
        noun = deployed.noun
        of_function = isinstance(noun, FunctionVersion) and noun.version != LATEST and noun.name in self.latest
        return of_function or (type(noun), deployed.key) in self.kept


def _owned(state: State, stack: str) -> list[Deployed[Any]]:
    return [d for table in state.tables.values() for d in table.values() if d.owner.startswith(f"{stack}/")]


def _end(action: Action, deployed: Deployed[Any], record: Deployed[StackRecord] | None, reason: Reason) -> Change:
    """What happens to a resource that a stack lets go of."""
    logical_id = _logical_id(deployed)
    known = record.noun.resources.get(logical_id) if record else None
    return Change(action, known[0] if known else type(deployed.noun).__name__, logical_id, deployed.key, (reason,))


def _logical_id(deployed: Deployed[Any]) -> str:
    return deployed.owner.partition("/")[2]


def _retained(deployed: Deployed[Any], record: Deployed[StackRecord] | None) -> bool:
    """Whether the stack, as last applied, asked to keep the resource when it goes.

    A published version is kept by its function, as SAM asks for, but never without it.
    """
    version = isinstance(deployed.noun, FunctionVersion) and deployed.noun.version != LATEST
    return record is not None and not version and _logical_id(deployed) in record.noun.retained


def _differences(before: Noun, after: Noun) -> tuple[Difference, ...]:
    if isinstance(before, FunctionVersion) and isinstance(after, FunctionVersion):
        code = differences({"code": before.code_sha256}, {"code": after.code_sha256})
        return code + differences(before.config.document(), after.config.document())
    return differences(before.document(), after.document())
