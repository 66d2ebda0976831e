"""Functions as they are: GetFunction, GetFunctionConfiguration, ListFunctions, ListVersionsByFunction, and deleting."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.function import Alias, EventInvokeConfig, FunctionVersion, Permission, Url
from runner.model.names import LATEST
from runner.model.state import Deployed, Key, State
from runner.wire.lambda_.desk import Desk, page
from runner.wire.lambda_.errors import conflict, invalid, no_function
from runner.wire.lambda_.names import Reference, published
from runner.wire.lambda_.shapes import configuration, listed
from runner.wire.operation import Context, Members, Operation

PARTS = (Alias, EventInvokeConfig, Permission, Url)
"""What lives under a function and goes with it."""


class Functions:
    """Reads functions, and deletes them."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "GetFunction": self.get,
            "GetFunctionConfiguration": self.get_configuration,
            "ListFunctions": self.list,
            "ListVersionsByFunction": self.list_versions,
            "DeleteFunction": self.delete,
        }

    async def get(self, members: Members, context: Context) -> Members:
        desk = self._desk
        deployed = desk.found(desk.state, desk.reference(members))
        noun = deployed.noun
        shape: dict[str, Any] = {"Configuration": await self.get_configuration(members, context)}
        if noun.config.package_type == "Image":
            uri = noun.config.code.image_uri or ""
            shape["Code"] = {"RepositoryType": "ECR", "ImageUri": uri, "ResolvedImageUri": uri}
        else:
            shape["Code"] = {"RepositoryType": "S3", "Location": location(desk, noun.artifact)}
        latest = desk.latest(desk.state, noun.name).noun.config
        if latest.tags:
            shape["Tags"] = {tag.key: tag.value for tag in latest.tags}
        if latest.reserved_concurrency is not None:
            shape["Concurrency"] = {"ReservedConcurrentExecutions": latest.reserved_concurrency}
        return shape

    async def get_configuration(self, members: Members, context: Context) -> Members:
        desk = self._desk
        wanted = desk.reference(members)
        deployed = desk.found(desk.state, wanted)
        return configuration(deployed, wanted, desk.state, desk.place, desk.now())

    async def list(self, members: Members, context: Context) -> Members:
        desk = self._desk
        everything = members.get("FunctionVersion") == "ALL"
        chosen = [
            (_order(deployed), self._listed(deployed, qualified=everything))
            for deployed in desk.state.of(FunctionVersion).values()
            if everything or deployed.noun.version == LATEST
        ]
        shown, more = page(sorted(chosen, key=lambda item: item[0]), members)
        return {"Functions": shown, **more}

    async def list_versions(self, members: Members, context: Context) -> Members:
        desk = self._desk
        wanted = Reference(desk.reference(members).name)
        latest = desk.found(desk.state, wanted)
        versions = [latest, *published(desk.state, wanted.name)]
        shown, more = page(
            [(_order(deployed), self._listed(deployed, qualified=True)) for deployed in versions], members
        )
        return {"Versions": shown, **more}

    def _listed(self, deployed: Deployed[FunctionVersion], *, qualified: bool) -> dict[str, Any]:
        desk = self._desk
        wanted = Reference(deployed.noun.name, deployed.noun.version if qualified else None)
        return listed(deployed, wanted, desk.state, desk.place, desk.now())

    async def delete(self, members: Members, context: Context) -> Members:
        wanted = self._desk.reference(members)
        qualifier = wanted.qualifier
        if qualifier == LATEST:
            raise invalid("$LATEST version cannot be deleted without deleting the function.")
        if qualifier is None:
            await self._desk.deployment.change(lambda state: self._without_function(state, wanted.name))
        elif qualifier.isdecimal() or qualifier.startswith("$"):
            await self._desk.deployment.change(lambda state: self._without_version(state, wanted))
        else:
            raise invalid("Deletion of aliases is not currently supported.")
        return {"StatusCode": 204}

    def _without_function(self, state: State, name: str) -> State:
        self._desk.latest(state, name)
        gone: list[Key] = [
            (FunctionVersion, key) for key, version in state.of(FunctionVersion).items() if version.noun.name == name
        ]
        for part in PARTS:
            gone.extend((part, key) for key in state.of(part) if function_of(key) == name)
        return state.with_changes((), gone)

    def _without_version(self, state: State, wanted: Reference) -> State:
        if state.version(wanted.name) is None:
            raise no_function(self._desk.place.function(wanted.name))
        qualifier = wanted.qualifier or ""
        if state.version(wanted.name, qualifier) is None:
            return state  # deleting a version again is no error
        for alias in state.of(Alias).values():
            if function_of(alias.key) == wanted.name and _leads_to(alias.noun, qualifier):
                raise conflict(f"Version {qualifier} is referenced by alias {alias.noun.name}")
        gone: list[Key] = [(FunctionVersion, f"{wanted.name}:{qualifier}")]
        gone.extend(
            (part, key)
            for part in (EventInvokeConfig, Permission)
            for key in state.of(part)
            if key.split("/")[0] == f"{wanted.name}:{qualifier}"
        )
        return state.with_changes((), gone)


def _leads_to(alias: Alias, version: str) -> bool:
    weights = alias.routing.weights if alias.routing is not None else ()
    return version in (alias.function_version, *(weight.function_version for weight in weights))


def function_of(key: str) -> str:
    """The function's name in the State key of one of its parts."""
    return key.split("/")[0].split(":")[0]


def _order(deployed: Deployed[FunctionVersion]) -> str:
    """Sorts by name, `$LATEST` first, then by number."""
    version = deployed.noun.version
    return f"{deployed.noun.name}:{'' if version == LATEST else version.zfill(12)}"


def location(desk: Desk, artifact: str) -> str:
    """Where an artifact can be downloaded."""
    return f"{desk.place.endpoint}/_runner/code?artifact={artifact}"
