"""Functions made and changed through the API: CreateFunction, UpdateFunctionCode, UpdateFunctionConfiguration."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from runner.core.function_variables import MAX_BYTES, REFUSAL, reserved_among
from runner.model.function import Function, FunctionVersion
from runner.model.names import LATEST
from runner.model.state import Deployed, State
from runner.planner import CodeDigest
from runner.wire.lambda_.desk import Desk, given
from runner.wire.lambda_.errors import conflict, invalid, too_large, validation
from runner.wire.lambda_.layers import ARCHITECTURES, ARCHITECTURES_RULE, check_layers, layer_artifacts
from runner.wire.lambda_.names import Reference, reference
from runner.wire.lambda_.runtimes import check_runtime
from runner.wire.lambda_.shapes import configuration
from runner.wire.lambda_.status import check_updatable
from runner.wire.lambda_.versions import published_state
from runner.wire.operation import Context, Members, Operation

REQUEST_LIMIT = 70_167_211  # bytes of a request with code in it
NAME_LIMIT = 64
TIMEOUT_LIMIT_S = 900
TAGS_LIMIT = 50

SAME = (
    "CapacityProviderConfig",
    "Architectures",
    "Description",
    "DurableConfig",
    "Environment",
    "EphemeralStorage",
    "FileSystemConfigs",
    "Handler",
    "ImageConfig",
    "Layers",
    "MemorySize",
    "PackageType",
    "Role",
    "Runtime",
    "SnapStart",
    "TenancyConfig",
    "Timeout",
    "TracingConfig",
)
"""Members that the API and CloudFormation call and shape alike."""

NO_HANDLER = "Runtime and Handler are mandatory parameters for functions created with deployment packages."
NO_S3 = (
    "Error occurred while GetObject. S3 Error Code: NoSuchBucket. S3 Error Message: The specified bucket does not exist"
)


Change = Callable[[FunctionVersion, State], FunctionVersion]


class Create:
    """Creates functions and changes them, each as one change of State."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "CreateFunction": self.create,
            "UpdateFunctionCode": self.update_code,
            "UpdateFunctionConfiguration": self.update_configuration,
        }

    async def create(self, members: Members, context: Context) -> Members:
        desk = self._desk
        check_size(context, "CreateFunction")
        name = reference(members["FunctionName"], None, desk.place).name
        check_new_name(name)
        check_members(members, desk.state, desk)
        config = new_config(name, members)
        if config.package_type == "Zip" and (config.runtime is None or config.handler is None):
            raise invalid(NO_HANDLER)
        digest = await self._code(members["Code"], config.package_type)
        number = LATEST

        def decide(state: State) -> State:
            nonlocal number
            if state.version(name) is not None:
                raise conflict(f"Function already exist: {name}")
            now = desk.now()
            noun = FunctionVersion(
                name=name,
                config=config,
                artifact=digest.artifact,
                layers=layer_artifacts(config.layers, state),
                code_sha256=digest.sha256,
                code_size=digest.size,
                description=config.description,
                updated_at=now,
            )
            latest = desk.new(name, noun, state, now)
            if not members.get("Publish"):
                return state.with_changes([latest])
            after, number = published_state(desk, state, latest, None, pending=True)
            return after

        state = await desk.deployment.change(decide)
        deployed = desk.found(state, Reference(name, number))
        return configuration(deployed, Reference(name), state, desk.place, desk.now())

    async def update_code(self, members: Members, context: Context) -> Members:
        desk = self._desk
        check_size(context, "UpdateFunctionCode")
        check_architectures(members)
        name = desk.reference(members).name
        package = desk.latest(desk.state, name).noun.config.package_type
        digest = await self._code(members, package)

        def change(latest: FunctionVersion, state: State) -> FunctionVersion:
            update: dict[str, Any] = {
                "artifact": digest.artifact,
                "code_sha256": digest.sha256,
                "code_size": digest.size,
            }
            if members.get("Architectures"):
                changed = {"architectures": tuple(members["Architectures"])}
                update["config"] = latest.config.model_copy(update=changed)
            return latest.model_copy(update=update)

        return await self._update(name, members, change)

    async def update_configuration(self, members: Members, context: Context) -> Members:
        desk = self._desk
        name = desk.reference(members).name
        desk.latest(desk.state, name)

        def change(latest: FunctionVersion, state: State) -> FunctionVersion:
            check_members(members, state, desk)
            config = changed_config(latest.config, members)
            layers = layer_artifacts(config.layers, state) if "Layers" in members else latest.layers
            return latest.model_copy(
                update={"config": config, "layers": layers, "description": config.description},
            )

        return await self._update(name, members, change)

    async def _update(self, name: str, members: Members, change: Change) -> Members:
        """Change `$LATEST`, publish it if that was asked for, and show the one or the other."""
        desk = self._desk
        wanted = Reference(name)

        def decide(state: State) -> State:
            nonlocal wanted
            before = desk.latest(state, name)
            check_updatable(before, desk.place.function(name), desk.now())
            desk.check_revision(members.get("RevisionId"), before)
            if members.get("DryRun"):
                return state
            now = desk.now()
            noun = change(before.noun, state).model_copy(update={"updated_at": now})
            latest: Deployed[FunctionVersion] = desk.changed(before, noun, state, now)
            if not members.get("Publish"):
                return state.with_changes([latest])
            after, number = published_state(desk, state, latest, None, pending=True)
            wanted = Reference(name, number)
            return after

        state = await desk.deployment.change(decide)
        return configuration(desk.found(state, wanted), wanted, state, desk.place, desk.now())

    async def _code(self, members: Members, package: str) -> CodeDigest:
        if package == "Image" or members.get("ImageUri"):
            raise invalid("Container images are not run here; give the function's code as a zip archive.")
        if members.get("S3Bucket") or members.get("S3Key"):
            raise invalid(NO_S3)
        if not members.get("ZipFile"):
            raise invalid("Please provide a source for function code.")
        return await self._desk.code.upload(members["ZipFile"])


def check_size(context: Context, operation: str) -> None:
    """The whole request is limited, before its archive is."""
    if int(context.headers.get("content-length") or 0) > REQUEST_LIMIT:
        raise too_large(f"Request must be smaller than {REQUEST_LIMIT} bytes for the {operation} operation")


def check_new_name(name: str) -> None:
    if len(name) > NAME_LIMIT:
        raise invalid(
            f"1 validation error detected: Value '{name}' at 'functionName' failed to satisfy constraint: "
            f"Member must have length less than or equal to {NAME_LIMIT}"
        )


def new_config(name: str, members: Members) -> Function:
    document = {"FunctionName": name, "Code": {}, **given(members, SAME), **_shaped(members)}
    tags = members.get("Tags") or {}
    check_tags(tags)
    if tags:
        document["Tags"] = [{"Key": key, "Value": value} for key, value in tags.items()]
    if members.get("LoggingConfig"):
        document["LoggingConfig"] = _logging({}, members["LoggingConfig"])
    return _validated(document)


def changed_config(before: Function, members: Members) -> Function:
    """A configuration with some members replaced; what is not named stays."""
    document = before.model_dump(mode="json", by_alias=True, exclude_unset=True)
    document |= given(members, SAME) | _shaped(members)
    if members.get("LoggingConfig"):
        document["LoggingConfig"] = _logging(document.get("LoggingConfig") or {}, members["LoggingConfig"])
    for key in ("DeadLetterConfig", "VpcConfig", "KmsKeyArn"):
        if not document.get(key):
            document.pop(key, None)
    return _validated(document)


def _shaped(members: Members) -> dict[str, Any]:
    """Members whose emptiness means that they are taken away, or whose name differs."""
    shaped: dict[str, Any] = {}
    if members.get("KMSKeyArn") is not None:
        shaped["KmsKeyArn"] = members["KMSKeyArn"]
    if members.get("CodeSigningConfigArn"):
        shaped["CodeSigningConfigArn"] = members["CodeSigningConfigArn"]
    if (letters := members.get("DeadLetterConfig")) is not None:
        shaped["DeadLetterConfig"] = letters if letters.get("TargetArn") else None
    if (vpc := members.get("VpcConfig")) is not None:
        shaped["VpcConfig"] = vpc if vpc.get("SubnetIds") or vpc.get("SecurityGroupIds") else None
    return shaped


def _logging(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Levels go with the JSON format."""
    merged = {**before, **change}
    if merged.get("LogFormat", "Text") == "Text":
        merged = {key: value for key, value in merged.items() if key in ("LogFormat", "LogGroup")}
    return {"LogFormat": "Text", **merged}


def _validated(document: Mapping[str, Any]) -> Function:
    try:
        return Function.model_validate(document)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise invalid(f"The value of {where} is not valid: {first['msg']}") from error


def check_members(members: Members, state: State, desk: Desk) -> None:
    """What the service checks beyond the form of a request, of what the request sets."""
    check_architectures(members)
    if members.get("Runtime"):
        check_runtime(members["Runtime"])
    timeout = members.get("Timeout") or 0
    if timeout > TIMEOUT_LIMIT_S:
        raise invalid(
            f"1 validation error detected: Value '{timeout}' at 'timeout' failed to satisfy constraint: "
            f"Member must have value less than or equal to {TIMEOUT_LIMIT_S}"
        )
    check_environment((members.get("Environment") or {}).get("Variables") or {})
    check_layers(members.get("Layers") or (), state, desk)


def check_architectures(members: Members) -> None:
    given = members.get("Architectures")
    if given is None:
        return
    shown = f"[{', '.join(given)}]"
    if len(given) != 1:
        rule = f"Member must have length {'less' if given else 'greater'} than or equal to 1"
        raise validation([(shown, "architectures", rule)])
    if given[0] not in ARCHITECTURES:
        raise validation([(shown, "architectures", ARCHITECTURES_RULE)])


def check_environment(variables: Mapping[str, str]) -> None:
    if (refusal := reserved_among(variables)) is not None:
        raise invalid(refusal)
    text = json.dumps(dict(variables), separators=(",", ":"), ensure_ascii=False)
    if len(text.encode()) > MAX_BYTES:
        raise invalid(REFUSAL.format(f"exceeded the 4KB limit. String measured: {text}"))


def check_tags(tags: Mapping[str, str]) -> None:
    if len(tags) > TAGS_LIMIT:
        raise invalid("Number of tags exceeds resource tag limit.")
