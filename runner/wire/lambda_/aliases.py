"""Aliases: names that lead to a version, or split traffic between two."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.model.function import Alias, EventInvokeConfig, Permission, RoutingConfig, Url, VersionWeight
from runner.model.names import LATEST
from runner.model.state import Deployed, Key, State
from runner.wire.lambda_.desk import Desk, page
from runner.wire.lambda_.errors import conflict, invalid, no_alias, no_function, not_found, stale, validation
from runner.wire.lambda_.functions import function_of
from runner.wire.lambda_.names import Reference
from runner.wire.operation import Context, Members, Operation

SPLIT_LATEST = "$LATEST is not supported for an alias pointing to more than 1 version"


class Aliases:
    """CreateAlias, GetAlias, ListAliases, UpdateAlias, DeleteAlias."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "CreateAlias": self.create,
            "GetAlias": self.get,
            "ListAliases": self.list,
            "UpdateAlias": self.update,
            "DeleteAlias": self.delete,
        }

    async def create(self, members: Members, context: Context) -> Members:
        desk = self._desk
        function, name = desk.reference(members).name, members["Name"]
        key, arn = f"{function}:{name}", desk.place.function(function, name)

        def decide(state: State) -> State:
            version = members["FunctionVersion"]
            self._check_version(state, function, version)
            if state.get(Alias, key) is not None:
                raise conflict(f"Alias already exists: {arn}")
            noun = Alias(
                function_name=function,
                name=name,
                function_version=version,
                description=members.get("Description") or "",
                routing=self._routing(state, function, version, members.get("RoutingConfig")),
            )
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        return self._shape(await desk.deployment.change(decide), key)

    async def get(self, members: Members, context: Context) -> Members:
        desk = self._desk
        function, name = desk.reference(members).name, members["Name"]
        if desk.state.get(Alias, f"{function}:{name}") is None:
            raise no_alias(desk.place.function(function, name))
        return self._shape(desk.state, f"{function}:{name}")

    async def list(self, members: Members, context: Context) -> Members:
        desk = self._desk
        function = desk.reference(members).name
        desk.latest(desk.state, function)
        version = members.get("FunctionVersion")
        keys = sorted(
            key
            for key, alias in desk.state.of(Alias).items()
            if function_of(key) == function and version in (None, alias.noun.function_version)
        )
        shown, more = page([(key, self._shape(desk.state, key)) for key in keys], members)
        return {"Aliases": shown, **more}

    async def update(self, members: Members, context: Context) -> Members:
        desk = self._desk
        function, name = desk.reference(members).name, members["Name"]
        key = f"{function}:{name}"

        def decide(state: State) -> State:
            before = state.get(Alias, key)
            if before is None:
                raise not_found(f"Alias not found: {desk.place.function(function, name)}")
            if members.get("RevisionId") not in (None, before.revision_id):
                raise stale()
            noun = self._updated(state, before, members)
            return state.with_changes([desk.changed(before, noun, state, desk.now())])

        return self._shape(await desk.deployment.change(decide), key)

    def _updated(self, state: State, before: Deployed[Alias], members: Members) -> Alias:
        function = function_of(before.key)
        version = members.get("FunctionVersion") or before.noun.function_version
        self._check_version(state, function, version)
        update: dict[str, Any] = {"function_version": version}
        if members.get("Description") is not None:
            update["description"] = members["Description"]
        routing = members.get("RoutingConfig")
        if routing is None:  # what stood still has to fit the new version
            weights = before.noun.routing.weights if before.noun.routing is not None else ()
            kept = {weight.function_version: weight.weight for weight in weights}
            routing = {"AdditionalVersionWeights": kept}
        update["routing"] = self._routing(state, function, version, routing)
        return before.noun.model_copy(update=update)

    async def delete(self, members: Members, context: Context) -> Members:
        desk = self._desk
        function, name = desk.reference(members).name, members["Name"]
        key = f"{function}:{name}"

        def decide(state: State) -> State:
            if state.get(Alias, key) is None:
                return state  # deleting it again is no error
            gone: list[Key] = [(Alias, key)]
            for part in (EventInvokeConfig, Permission, Url):
                gone.extend((part, other) for other in state.of(part) if other.split("/")[0] == key)
            return state.with_changes((), gone)

        await desk.deployment.change(decide)
        return {}

    def _check_version(self, state: State, function: str, version: str) -> None:
        if version != LATEST and not version.isdecimal():
            rule = r"Member must satisfy regular expression pattern: (\$LATEST(\.PUBLISHED)?|[0-9]+)"
            raise validation([(version, "functionVersion", rule)])
        if state.version(function, version) is None:
            raise no_function(self._desk.place.function(function, version))

    def _routing(
        self, state: State, function: str, version: str, given: Mapping[str, Any] | None
    ) -> RoutingConfig | None:
        weights: Mapping[str, float] = (given or {}).get("AdditionalVersionWeights") or {}
        if not weights:
            return None
        if len(weights) > 1:
            raise invalid("Number of items in AdditionalVersionWeights cannot be greater than 1")
        ((other, weight),) = weights.items()
        check_weight(other, weight)
        if other == version:
            raise invalid(
                f"Invalid function version {other}. Function version {other} is already included in "
                "routing configuration."
            )
        if version == LATEST:
            raise invalid(SPLIT_LATEST)
        if state.version(function, other) is None:
            raise no_function(self._desk.place.function(function, other))
        return RoutingConfig(weights=(VersionWeight(function_version=other, weight=weight),))

    def _shape(self, state: State, key: str) -> dict[str, Any]:
        alias = state.of(Alias)[key]
        noun = alias.noun
        shape: dict[str, Any] = {
            "AliasArn": Reference(function_of(key), noun.name).arn(self._desk.place),
            "Name": noun.name,
            "FunctionVersion": noun.function_version,
            "Description": noun.description,
            "RevisionId": alias.revision_id,
        }
        if noun.routing is not None and noun.routing.weights:
            weights = {weight.function_version: weight.weight for weight in noun.routing.weights}
            shape["RoutingConfig"] = {"AdditionalVersionWeights": weights}
        return shape


def check_weight(version: str, weight: float) -> None:
    """A routing weight is between 0 and 1, for a numbered version."""
    member = "routingConfig.additionalVersionWeights"
    shown = f"{{{version}={float(weight)}}}"
    if not re.fullmatch(r"[0-9]+", version):
        rule = (
            "Map keys must satisfy constraint: [Member must have length less than or equal to 1024, Member must have "
            "length greater than or equal to 1, Member must satisfy regular expression pattern: [0-9]+, "
            "Member must not be null]"
        )
        raise validation([(shown, member, rule)])
    if not 0.0 <= weight <= 1.0:
        rule = (
            "Map value must satisfy constraint: [Member must have value less than or equal to 1.0, Member must have "
            "value greater than or equal to 0.0, Member must not be null]"
        )
        raise validation([(shown, member, rule)])
