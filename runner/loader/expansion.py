"""What a stack file means, as a plain CloudFormation template: each resource with where it comes from."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from runner.loader.checked import Checked, Resolved

ORIGIN = "runner:Origin"
"""Key in a resource's Metadata; CloudFormation leaves unknown metadata alone."""

_TOKEN = re.compile("\ue000version:([A-Za-z0-9]+)\ue001")


def expansion(checked: Checked, *, keep_functions: bool = False) -> dict[str, Any]:
    """The template after SAM and, unless they are kept, after intrinsic functions.

    What only a deployment knows shows as `${Name}`; a version's number as `${LogicalId.Version}`.
    """
    if keep_functions:
        return _written(checked)
    resources = {name: _resource(resolved) for name, resolved in checked.resources.items()}
    document: dict[str, Any] = {"AWSTemplateFormatVersion": "2010-09-09"}
    description = checked.template.get("Description")
    if isinstance(description, str):
        document["Description"] = description
    document["Resources"] = resources
    if checked.outputs:
        document["Outputs"] = {
            name: {key: value for key, value in output.items() if key != "Condition"}
            for name, output in checked.outputs.items()
        }
    return _plain(document)


def _resource(resolved: Resolved) -> dict[str, Any]:
    document: dict[str, Any] = {"Type": resolved.type}
    for key in ("DependsOn", "DeletionPolicy", "UpdateReplacePolicy"):
        if key in resolved.resource:
            document[key] = resolved.resource[key]
    metadata = resolved.metadata if isinstance(resolved.metadata, dict) else {}
    document["Metadata"] = {**metadata, ORIGIN: origin(resolved)}
    document["Properties"] = resolved.properties
    return document


def origin(resolved: Resolved) -> dict[str, str]:
    """`{At, Resource, Event?}`: the place, and the resource and event of the stack file that it was made for."""
    found = {"At": str(resolved.at), "Resource": resolved.logical_id}
    if resolved.origin is not None:
        found["Resource"] = resolved.origin.resource
        if resolved.origin.event is not None:
            found["Event"] = resolved.origin.event
    return found


def _written(checked: Checked) -> dict[str, Any]:
    """The template as the transforms leave it, functions and all."""
    document = dict(checked.template)
    resources = {}
    for name, resource in (document.get("Resources") or {}).items():
        resolved = checked.resources.get(name)
        if isinstance(resource, dict) and resolved is not None:
            metadata = resource.get("Metadata")
            metadata = metadata if isinstance(metadata, dict) else {}
            resource = {**resource, "Metadata": {**metadata, ORIGIN: origin(resolved)}}
        resources[name] = resource
    document["Resources"] = resources
    return _plain(document)


def _plain(document: Mapping[str, Any]) -> dict[str, Any]:
    """Only what JSON knows, with the tokens of version numbers spelled out."""
    plain: dict[str, Any] = json.loads(
        _TOKEN.sub(r"${\1.Version}", json.dumps(document, ensure_ascii=False, default=str))
    )
    return plain
