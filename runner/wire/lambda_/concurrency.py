"""Reserved and provisioned concurrency: what is set, within the account's limits.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Protocol, cast

from runner.core.pool_admission import ACCOUNT_LIMIT, UNRESERVED_MINIMUM
from runner.model.errors import ApiError
from runner.model.function import Alias, FunctionVersion, ProvisionedConcurrencyConfig
from runner.model.names import LATEST
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import Desk, date_text, page, revision
from runner.wire.lambda_.errors import USER, conflict, invalid, no_alias, untyped
from runner.wire.lambda_.functions import function_of
from runner.wire.lambda_.names import Reference, resolve
from runner.wire.lambda_.status import settling
from runner.wire.operation import Context, Members, Operation

FUNCTIONS_ONLY = (
    "This operation is permitted on Lambda functions only. Aliases and versions do not support this operation. "
    "Please specify either a function name or an unqualified function ARN."
)
NONE_FOUND = "No Provisioned Concurrency Config found for this function"
OVERLAP = "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
BELOW_MINIMUM = (
    "Specified {} for function decreases account's UnreservedConcurrentExecution below its minimum value of [{}]."
)

Holder = Deployed[FunctionVersion] | Deployed[Alias]


class Provisioning(Protocol):
    """Tells how far provisioned environments are."""

    def provisioned(self, function: str, version: str) -> tuple[int, str]:
        """How many initialised environments stand ready, and why no more will (empty: none, or not yet)."""
        ...


class Concurrency:
    """Put-, Get-, DeleteFunctionConcurrency and the same for provisioned concurrency, which is also listed."""

    def __init__(self, desk: Desk, provisioning: Provisioning | None = None) -> None:
        self._desk = desk
        self._provisioning = provisioning
        self.operations: Mapping[str, Operation] = {
            "PutFunctionConcurrency": self.reserve,
            "GetFunctionConcurrency": self.reserved,
            "DeleteFunctionConcurrency": self.unreserve,
            "PutProvisionedConcurrencyConfig": self.provision,
            "GetProvisionedConcurrencyConfig": self.provisioned,
            "DeleteProvisionedConcurrencyConfig": self.unprovision,
            "ListProvisionedConcurrencyConfigs": self.list,
        }

    # reserved

    async def reserve(self, members: Members, context: Context) -> Members:
        number: int = members["ReservedConcurrentExecutions"]
        await self._set_reserved(members, number)
        return {"ReservedConcurrentExecutions": number}

    async def reserved(self, members: Members, context: Context) -> Members:
        name = self._function(members)
        number = self._desk.latest(self._desk.state, name).noun.config.reserved_concurrency
        return {} if number is None else {"ReservedConcurrentExecutions": number}

    async def unreserve(self, members: Members, context: Context) -> Members:
        await self._set_reserved(members, None)
        return {}

    async def _set_reserved(self, members: Members, number: int | None) -> None:
        desk, name = self._desk, self._function(members)

        def decide(state: State) -> State:
            latest = desk.latest(state, name)
            if number:
                check_reserved(state, name, number)
            config = latest.noun.config.model_copy(update={"reserved_concurrency": number})
            noun = latest.noun.model_copy(update={"config": config})
            return state.with_changes([replace(latest, noun=noun)])

        await desk.deployment.change(decide)

    def _function(self, members: Members) -> str:
        wanted = self._desk.reference(members)
        if wanted.qualifier is not None:
            raise invalid(FUNCTIONS_ONLY)
        return wanted.name

    # provisioned

    async def provision(self, members: Members, context: Context) -> Members:
        desk, wanted = self._desk, self._desk.reference(members)
        number: int = members["ProvisionedConcurrentExecutions"]
        if wanted.qualifier in (None, LATEST):
            raise invalid("Provisioned Concurrency Configs cannot be applied to unpublished function versions.")

        def decide(state: State) -> State:
            holder = self._holder(state, wanted)
            check_overlap(state, holder)
            check_provisioned(state, holder, number)
            return self._with(state, holder, ProvisionedConcurrencyConfig(executions=number))

        state = await desk.deployment.change(decide)
        at = self._holder(state, wanted).modified_at
        return _shape(number, ready=0, status="IN_PROGRESS", at=at)

    async def provisioned(self, members: Members, context: Context) -> Members:
        wanted = self._qualified(members)
        holder = self._holder(self._desk.state, wanted)
        if holder.noun.provisioned is None:
            raise ApiError("ProvisionedConcurrencyConfigNotFoundException", NONE_FOUND, 404, members=USER)
        return self._progress(holder)

    async def unprovision(self, members: Members, context: Context) -> Members:
        wanted = self._qualified(members)

        def decide(state: State) -> State:
            holder = self._holder(state, wanted)
            return state if holder.noun.provisioned is None else self._with(state, holder, None)

        await self._desk.deployment.change(decide)
        return {}

    async def list(self, members: Members, context: Context) -> Members:
        desk = self._desk
        name = desk.reference(members).name
        desk.latest(desk.state, name)
        shapes = [
            (
                qualifier_of(holder),
                {"FunctionArn": desk.place.function(name, qualifier_of(holder)), **self._progress(holder)},
            )
            for holder in provisioned_holders(desk.state, name)
        ]
        shown, more = page(sorted(shapes, key=lambda item: item[0]), members)
        return {"ProvisionedConcurrencyConfigs": shown, **more}

    def _qualified(self, members: Members) -> Reference:
        wanted = self._desk.reference(members)
        if wanted.qualifier in (None, LATEST):
            raise invalid("The function resource provided must be an alias or a published version.")
        return wanted

    def _holder(self, state: State, wanted: Reference) -> Holder:
        """The version or alias itself that carries the setting."""
        qualifier = wanted.qualifier or ""
        if qualifier.isdecimal():
            return self._desk.found(state, wanted)
        alias = state.get(Alias, f"{wanted.name}:{qualifier}")
        if alias is None:
            raise no_alias(wanted.arn(self._desk.place))
        return alias

    def _with(self, state: State, holder: Holder, setting: ProvisionedConcurrencyConfig | None) -> State:
        """Set it; that is a new revision of the version, also where an alias carries the setting."""
        now = self._desk.now()
        noun = holder.noun.model_copy(update={"provisioned": setting})
        changed: Deployed[Any] = replace(cast(Deployed[Any], holder), noun=noun, modified_at=now)
        version = resolve(state, Reference(function_of(holder.key), qualifier_of(holder)))
        if version is None or version is holder:
            return state.with_changes([replace(changed, revision_id=revision(holder.key, state, now))])
        return state.with_changes([changed, replace(version, revision_id=revision(version.key, state, now))])

    def _progress(self, holder: Holder) -> dict[str, Any]:
        setting = holder.noun.provisioned
        assert setting is not None, "only holders of a setting are shown"
        wanted, at, now = setting.executions, holder.modified_at, self._desk.now()
        ready, failure = (0 if settling(at, now) else wanted), ""
        version = resolve(self._desk.state, Reference(function_of(holder.key), qualifier_of(holder)))
        if self._provisioning is not None and version is not None and not settling(at, now):
            ready, failure = self._provisioning.provisioned(version.noun.name, version.noun.version)
        ready = min(ready, wanted)
        if failure:
            return _shape(wanted, ready=0, status="FAILED", at=at) | {"StatusReason": failure}
        return _shape(wanted, ready=ready, status="READY" if ready == wanted else "IN_PROGRESS", at=at)


def _shape(wanted: int, *, ready: int, status: str, at: float) -> dict[str, Any]:
    return {
        "RequestedProvisionedConcurrentExecutions": wanted,
        "AvailableProvisionedConcurrentExecutions": ready,
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": status,
        "LastModified": date_text(at),
    }


def qualifier_of(holder: Holder) -> str:
    return holder.noun.version if isinstance(holder.noun, FunctionVersion) else holder.noun.name


def provisioned_holders(state: State, name: str) -> list[Holder]:
    """The versions and aliases of a function that have provisioned concurrency."""
    versions: list[Holder] = [d for d in state.of(FunctionVersion).values() if d.noun.name == name]
    aliases: list[Holder] = [d for d in state.of(Alias).values() if function_of(d.key) == name]
    return [holder for holder in [*versions, *aliases] if holder.noun.provisioned is not None]


def total_provisioned(state: State, name: str, besides: str = "") -> int:
    """What a function has provisioned, but for the holder with that State key."""
    others = (holder for holder in provisioned_holders(state, name) if holder.key != besides)
    return sum(holder.noun.provisioned.executions for holder in others if holder.noun.provisioned is not None)


def unreserved(state: State, besides: str = "") -> int:
    """What is left of the account's concurrency, reservations of function `besides` not counted."""
    latest = [d.noun for d in state.of(FunctionVersion).values() if d.noun.version == LATEST]
    taken = 0
    for noun in latest:
        reserved = noun.config.reserved_concurrency
        taken += (
            0 if noun.name == besides else (reserved if reserved is not None else total_provisioned(state, noun.name))
        )
    return ACCOUNT_LIMIT - taken


def check_reserved(state: State, name: str, number: int) -> None:
    provisioned = total_provisioned(state, name)
    if number < provisioned:
        raise untyped(
            f" ReservedConcurrentExecutions  {number} should not be lower than function's total provisioned "
            f"concurrency [{provisioned}]."
        )
    if unreserved(state, besides=name) - number < UNRESERVED_MINIMUM:
        raise untyped(BELOW_MINIMUM.format("ReservedConcurrentExecutions", UNRESERVED_MINIMUM))


def check_overlap(state: State, holder: Holder) -> None:
    """A version is provisioned directly or through an alias, not both."""
    name = function_of(holder.key)
    if isinstance(holder.noun, Alias):
        version = state.version(name, holder.noun.function_version)
        if version is not None and version.noun.provisioned is not None:
            raise conflict(
                "Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version"
            )
        return
    for alias in state.of(Alias).values():
        leads_here = function_of(alias.key) == name and alias.noun.function_version == holder.noun.version
        if leads_here and alias.noun.provisioned is not None:
            raise conflict("Version is pointed by a Provisioned Concurrency alias")


def check_provisioned(state: State, holder: Holder, number: int) -> None:
    name = function_of(holder.key)
    latest = state.version(name)
    reserved = latest.noun.config.reserved_concurrency if latest is not None else None
    others = total_provisioned(state, name, besides=holder.key)
    if reserved is not None:
        if others + number > reserved:
            raise invalid(
                "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution "
                "for function"
            )
        return
    room = unreserved(state, besides=name) - others
    if number > room:
        raise untyped(
            f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{room}]."
        )
    if room - number < UNRESERVED_MINIMUM:
        raise untyped(BELOW_MINIMUM.format("ConcurrentExecutions", UNRESERVED_MINIMUM))
