"""`AWS::Serverless::LayerVersion`: a layer whose logical id changes with its content, so that old versions stay.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-layerversion.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.code import lambda_location
from runner.loader.sam.values import Json, is_intrinsic, short_hash
from runner.loader.sam.work import Source, Work

ARCHITECTURES = ("x86_64", "arm64")
RETENTION = ("Retain", "Delete")


def transform_layer(work: Work, source: Source) -> None:
    known = {name: work.resolve(value) if name in RESOLVED else value for name, value in source.properties.items()}
    hashed: Json = {
        "Type": source.type,
        "Properties": {name: value for name, value in known.items() if value is not None},
    }
    hashed.update({name: source.resource[name] for name in HASHED if name in source.resource})
    logical_id = source.id + short_hash({source.id: hashed})
    work.renamed[source.id] = logical_id
    with work.collecting():
        _check_architectures(work, source)
    properties: Json = {
        "Description": known.get("Description"),
        "LayerName": known.get("LayerName") or source.id,
        "CompatibleArchitectures": source.get("CompatibleArchitectures"),
        "CompatibleRuntimes": source.get("CompatibleRuntimes"),
        "LicenseInfo": known.get("LicenseInfo"),
    }
    if source.get("ContentUri") is not None:
        with work.collecting():
            content = lambda_location(work, source, "ContentUri")
            properties["Content"] = work.adopt(content, work.locate(source.properties, "ContentUri"))
    extra: Json = {"DeletionPolicy": "Retain"}
    with work.collecting():
        extra["DeletionPolicy"] = _deletion_policy(work, source)
    attributes = ("Condition", "UpdateReplacePolicy", "UpdatePolicy", "DependsOn")
    work.emit(source, logical_id, "AWS::Lambda::LayerVersion", properties, attributes=attributes, extra=extra)


RESOLVED = ("LayerName", "Description", "LicenseInfo", "RetentionPolicy")
"""Properties into which parameters are put before the hash is taken."""

HASHED = ("DependsOn", "Condition", "UpdatePolicy")
"""Attributes that are part of the hash in a layer's logical id."""


def _deletion_policy(work: Work, source: Source) -> Any:
    given = work.resolve(source.get("RetentionPolicy"))
    if given is None:
        return source.resource.get("DeletionPolicy", "Retain")
    if is_intrinsic(given):
        message = (
            "'RetentionPolicy' does not accept intrinsic functions, please use one of the following options: "
            "['Retain', 'Delete']"
        )
        raise work.refuse(source, message, "RetentionPolicy")
    for policy in RETENTION:
        if str(given).lower() == policy.lower():
            return policy
    message = "'RetentionPolicy' must be one of the following options: ['Retain', 'Delete']."
    raise work.refuse(source, message, "RetentionPolicy")


def _check_architectures(work: Work, source: Source) -> None:
    given = source.get("CompatibleArchitectures")
    for index, item in enumerate(given if isinstance(given, list) else []):
        if item not in ARCHITECTURES and not is_intrinsic(item):
            message = "CompatibleArchitectures needs to be a list of 'x86_64' or 'arm64'"
            raise work.refuse(source, message, "CompatibleArchitectures", index)
