"""How a version of a function looks in answers: `FunctionConfiguration`, defaults filled in as AWS fills them in."""

from __future__ import annotations

import hashlib
from typing import Any

from runner.model.function import Function, FunctionVersion, LayerCode
from runner.model.names import LATEST, Place
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import date_text
from runner.wire.lambda_.names import Reference
from runner.wire.lambda_.status import revision_id, state_members

DOCUMENTS = ("DurableConfig", "TenancyConfig", "CapacityProviderConfig", "KmsKeyArn")
NAMES = {"KmsKeyArn": "KMSKeyArn"}


def configuration(
    deployed: Deployed[FunctionVersion],
    wanted: Reference,
    state: State,
    place: Place,
    now: float,
) -> dict[str, Any]:
    """`FunctionConfiguration` under the ARN that was asked for; `now` decides on the state shown."""
    return listed(deployed, wanted, state, place, now) | state_members(deployed, now)


def listed(
    deployed: Deployed[FunctionVersion], wanted: Reference, state: State, place: Place, now: float
) -> dict[str, Any]:
    """`FunctionConfiguration` as lists show it: without states."""
    noun, config = deployed.noun, deployed.noun.config
    shape: dict[str, Any] = {
        "FunctionName": noun.name,
        "FunctionArn": wanted.arn(place),
        "Role": config.role,
        "CodeSize": noun.code_size,
        "Description": noun.description if noun.version != LATEST else config.description,
        "Timeout": config.timeout_s,
        "LastModified": date_text(noun.updated_at or deployed.modified_at),
        "CodeSha256": noun.code_sha256,
        "Version": noun.version,
        "TracingConfig": {"Mode": (config.tracing_config and config.tracing_config.mode) or "PassThrough"},
        "RevisionId": revision_id(deployed, now),
        "MemorySize": config.memory_mb,
        "PackageType": config.package_type,
        "Architectures": list(config.architectures),
        "EphemeralStorage": {"Size": config.ephemeral_storage.size_mb},
        "SnapStart": _snap_start(noun),
        "LoggingConfig": logging_config(config, noun.name),
    }
    if config.runtime is not None:
        shape |= {"Runtime": config.runtime, "RuntimeVersionConfig": {"RuntimeVersionArn": runtime_arn(config, place)}}
    if config.handler is not None:
        shape["Handler"] = config.handler
    return shape | _optional(config, state)


def _optional(config: Function, state: State) -> dict[str, Any]:
    """What is shown only where it was declared."""
    document = config.document()
    shape: dict[str, Any] = {NAMES.get(key, key): document[key] for key in DOCUMENTS if key in document}
    if "environment" in config.model_fields_set:
        shape["Environment"] = {"Variables": dict(config.environment.variables)}
    if config.layers:
        shape["Layers"] = [_layer(arn, state) for arn in config.layers]
    if config.dead_letter_config is not None and config.dead_letter_config.target_arn:
        shape["DeadLetterConfig"] = {"TargetArn": config.dead_letter_config.target_arn}
    if config.vpc_config is not None:
        vpc = config.vpc_config
        shape["VpcConfig"] = {
            "SubnetIds": list(vpc.subnet_ids),
            "SecurityGroupIds": list(vpc.security_group_ids),
            "VpcId": "",
            "Ipv6AllowedForDualStack": bool(vpc.ipv6_allowed_for_dual_stack),
        }
    if config.file_system_configs:
        shape["FileSystemConfigs"] = [dict(item) for item in config.file_system_configs]
    if config.image_config is not None:
        shape["ImageConfigResponse"] = {"ImageConfig": config.image_config.document()}
    return shape


def _layer(arn: str, state: State) -> dict[str, Any]:
    code = state.get(LayerCode, arn.split(":layer:")[-1])
    return {"Arn": arn, "CodeSize": code.noun.code_size if code is not None else 0}


def _snap_start(noun: FunctionVersion) -> dict[str, str]:
    wanted = noun.config.snap_start.apply_on if noun.config.snap_start is not None else "None"
    on = wanted == "PublishedVersions" and noun.version != LATEST
    return {"ApplyOn": wanted, "OptimizationStatus": "On" if on else "Off"}


def logging_config(config: Function, name: str) -> dict[str, Any]:
    """Levels exist only in the JSON format, where they default to INFO."""
    given = config.logging_config
    shape = {"LogFormat": given.log_format, "LogGroup": given.log_group or f"/aws/lambda/{name}"}
    if given.log_format == "JSON":
        shape["ApplicationLogLevel"] = given.application_log_level or "INFO"
        shape["SystemLogLevel"] = given.system_log_level or "INFO"
    return shape


def runtime_arn(config: Function, place: Place) -> str:
    digest = hashlib.sha256((config.runtime or "").encode()).hexdigest()
    return f"arn:{place.partition}:lambda:{place.region}::runtime:{digest}"
