"""Layers: published through the API, listed, deleted, shared by policy; and what functions may say of them."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from runner.model.errors import ApiError
from runner.model.function import LayerCode, LayerContent, LayerVersion
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import Desk, date_text, page
from runner.wire.lambda_.errors import invalid, not_found, validation
from runner.wire.lambda_.functions import location
from runner.wire.lambda_.runtimes import CURRENT, LISTED, NEWER, RETIRED
from runner.wire.operation import Context, Members, Operation

LAYERS_LIMIT = 5
ARN = re.compile(r"arn:[a-zA-Z0-9-]+:lambda:([a-zA-Z0-9-]*):(\d{12}):layer:([a-zA-Z0-9-_]+)(?::(\d+))?")
VERSION_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:layer:"
    r"[a-zA-Z0-9-_]+:[0-9]+)|(arn:[a-zA-Z0-9-]+:lambda:::awslayer:[a-zA-Z0-9-_]+)"
)
VERSION = re.compile(VERSION_PATTERN)
ARCHITECTURES = ("x86_64", "arm64")
ARCHITECTURES_RULE = (
    "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
)


class Layers:
    """PublishLayerVersion, GetLayerVersion(ByArn), ListLayers, ListLayerVersions, DeleteLayerVersion."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "PublishLayerVersion": self.publish,
            "GetLayerVersion": self.get,
            "GetLayerVersionByArn": self.get_by_arn,
            "ListLayers": self.list,
            "ListLayerVersions": self.list_versions,
            "DeleteLayerVersion": self.delete,
        }

    async def publish(self, members: Members, context: Context) -> Members:
        desk = self._desk
        name = layer_name(members["LayerName"])
        check_compatibility(members)
        content = members["Content"]
        if not content.get("ZipFile"):
            raise invalid(
                "Error occurred while GetObject. S3 Error Code: NoSuchBucket. "
                "S3 Error Message: The specified bucket does not exist"
            )
        digest = await desk.code.upload(content["ZipFile"])
        number = 0

        def decide(state: State) -> State:
            nonlocal number
            # Also deleted versions have left their code: numbers are never used twice.
            numbers = [int(key.partition(":")[2]) for key in state.of(LayerCode) if key.partition(":")[0] == name]
            number, now = max(numbers, default=0) + 1, desk.now()
            noun = LayerVersion(
                content=LayerContent(),
                layer_name=name,
                compatible_architectures=tuple(members.get("CompatibleArchitectures") or ()),
                compatible_runtimes=tuple(members.get("CompatibleRuntimes") or ()),
                description=members.get("Description") or "",
                license_info=members.get("LicenseInfo"),
            )
            code = LayerCode(artifact=digest.artifact, code_sha256=digest.sha256, code_size=digest.size)
            key = f"{name}:{number}"
            return state.with_changes([desk.new(key, noun, state, now), desk.new(key, code, state, now)])

        state = await desk.deployment.change(decide)
        return self._whole(state.of(LayerVersion)[f"{name}:{number}"], state)

    async def get(self, members: Members, context: Context) -> Members:
        name, number = layer_name(members["LayerName"]), members["VersionNumber"]
        check_number(number)
        deployed = self._desk.state.get(LayerVersion, f"{name}:{number}")
        if deployed is None:
            raise not_found()
        return self._whole(deployed, self._desk.state)

    async def get_by_arn(self, members: Members, context: Context) -> Members:
        arn = members["Arn"]
        if not VERSION.fullmatch(arn):
            rule = f"Member must satisfy regular expression pattern: {VERSION_PATTERN}"
            raise validation([(arn, "arn", rule)])
        deployed = self._desk.state.get(LayerVersion, arn.split(":layer:")[-1])
        if deployed is None:
            raise not_found()
        return self._whole(deployed, self._desk.state)

    async def list(self, members: Members, context: Context) -> Members:
        check_one_compatibility(members)
        newest: dict[str, Deployed[LayerVersion]] = {}
        for deployed in _ordered(self._desk.state.of(LayerVersion).values()):
            if _fits(deployed.noun, members):
                newest[_name(deployed)] = deployed
        shapes = [
            (
                name,
                {
                    "LayerName": name,
                    "LayerArn": self._arn(name),
                    "LatestMatchingVersion": self._short(deployed),
                },
            )
            for name, deployed in sorted(newest.items())
        ]
        shown, more = page(shapes, members)
        return {"Layers": shown, **more}

    async def list_versions(self, members: Members, context: Context) -> Members:
        check_one_compatibility(members)
        name = layer_name(members["LayerName"])
        versions = [
            deployed
            for deployed in _ordered(self._desk.state.of(LayerVersion).values())
            if _name(deployed) == name and _fits(deployed.noun, members)
        ]
        shapes = [(f"{99999999 - _number(deployed):08d}", self._short(deployed)) for deployed in reversed(versions)]
        shown, more = page(shapes, members)
        return {"LayerVersions": shown, **more}

    async def delete(self, members: Members, context: Context) -> Members:
        name, number = layer_name(members["LayerName"]), members["VersionNumber"]
        check_number(number)
        key = f"{name}:{number}"

        def decide(state: State) -> State:
            # Functions that have the layer keep it, so its code stays.
            return state.with_changes((), [(LayerVersion, key)]) if state.get(LayerVersion, key) else state

        await self._desk.deployment.change(decide)
        return {}

    def _arn(self, name: str) -> str:
        return self._desk.place.arn("lambda", f"layer:{name}")

    def _short(self, deployed: Deployed[LayerVersion]) -> dict[str, Any]:
        noun = deployed.noun
        shape: dict[str, Any] = {
            "LayerVersionArn": f"{self._arn(_name(deployed))}:{_number(deployed)}",
            "Version": _number(deployed),
            "Description": noun.description,
            "CreatedDate": date_text(deployed.created_at),
            "CompatibleRuntimes": list(noun.compatible_runtimes),
            "CompatibleArchitectures": list(noun.compatible_architectures),
        }
        if noun.license_info is not None:
            shape["LicenseInfo"] = noun.license_info
        return shape

    def _whole(self, deployed: Deployed[LayerVersion], state: State) -> dict[str, Any]:
        code = state.get(LayerCode, deployed.key)
        noun = code.noun if code is not None else LayerCode(artifact="")
        content = {
            "Location": location(self._desk, noun.artifact),
            "CodeSha256": noun.code_sha256,
            "CodeSize": noun.code_size,
        }
        return {"Content": content, "LayerArn": self._arn(_name(deployed)), **self._short(deployed)}


def layer_name(text: str) -> str:
    """The name in a layer's name or ARN."""
    found = ARN.fullmatch(text)
    return found[3] if found else text


def check_number(number: int) -> None:
    if number < 1:
        raise invalid("Layer Version Cannot be less than 1")


def check_compatibility(members: Members) -> None:
    """The lists of a new layer version."""
    problems: list[tuple[str, str, str]] = []
    runtimes: list[str] = members.get("CompatibleRuntimes") or []
    if any(runtime not in CURRENT and runtime not in NEWER and runtime not in RETIRED for runtime in runtimes):
        rule = f"Member must satisfy enum value set: {LISTED}"
        problems.append((f"[{', '.join(runtimes)}]", "compatibleRuntimes", rule))
    architectures: list[str] = members.get("CompatibleArchitectures") or []
    if any(architecture not in ARCHITECTURES for architecture in architectures):
        problems.append((f"[{', '.join(architectures)}]", "compatibleArchitectures", ARCHITECTURES_RULE))
    if problems:
        raise validation(problems)


def check_one_compatibility(members: Members) -> None:
    """The filters of a list."""
    architecture = members.get("CompatibleArchitecture")
    if architecture is not None and architecture not in ARCHITECTURES:
        rule = "Member must satisfy enum value set: [x86_64, arm64]"
        raise validation([(architecture, "compatibleArchitecture", rule)])
    runtime = members.get("CompatibleRuntime")
    if runtime is not None and runtime not in CURRENT and runtime not in RETIRED and runtime not in NEWER:
        raise validation([(runtime, "compatibleRuntime", f"Member must satisfy enum value set: {LISTED}")])


def check_layers(arns: Iterable[str], state: State, desk: Desk) -> None:
    """The layers of a function exist, are where it is, and are of different layers."""
    wanted = list(arns)
    if len(wanted) > LAYERS_LIMIT:
        raise invalid(f"Cannot reference more than {LAYERS_LIMIT} layers.")
    seen: dict[str, str] = {}
    for arn in wanted:
        found = ARN.fullmatch(arn)
        if found is None or found[4] is None:
            rule = (
                "Member must satisfy regular expression pattern: "
                "arn:[a-zA-Z0-9-]+:lambda:[a-zA-Z0-9-]+:\\d{12}:layer:[a-zA-Z0-9-_]+:[0-9]+"
            )
            raise validation([(f"[{', '.join(wanted)}]", "layers", f"Member must satisfy constraint: [{rule}]")])
        if found[1] != desk.place.region:
            raise invalid(
                "Layers are not in the same region as the function. "
                f"Layers are expected to be in region {desk.place.region}."
            )
        key = f"{found[3]}:{found[4]}"
        if found[2] != desk.place.account or state.get(LayerVersion, key) is None:
            raise invalid(f"Layer version {arn} does not exist.")
        if found[3] in seen:
            raise invalid(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{arn} and {seen[found[3]]} are versions of the same layer."
            )
        seen[found[3]] = arn


def layer_artifacts(arns: Iterable[str], state: State) -> tuple[str, ...]:
    """The snapshots behind a function's layers, in order."""
    codes = (state.get(LayerCode, arn.split(":layer:")[-1]) for arn in arns)
    return tuple(code.noun.artifact for code in codes if code is not None)


def no_layer(desk: Desk, name: str, number: int) -> ApiError:
    return not_found(f"Layer version {desk.place.arn('lambda', f'layer:{name}:{number}')} does not exist.")


def _ordered(versions: Iterable[Deployed[LayerVersion]]) -> list[Deployed[LayerVersion]]:
    return sorted(versions, key=lambda deployed: (_name(deployed), _number(deployed)))


def _name(deployed: Deployed[LayerVersion]) -> str:
    return deployed.key.rpartition(":")[0]


def _number(deployed: Deployed[LayerVersion]) -> int:
    return int(deployed.key.rpartition(":")[2])


def _fits(noun: LayerVersion, members: Members) -> bool:
    runtime, architecture = members.get("CompatibleRuntime"), members.get("CompatibleArchitecture")
    return (runtime is None or runtime in noun.compatible_runtimes) and (
        architecture is None or architecture in noun.compatible_architectures
    )
