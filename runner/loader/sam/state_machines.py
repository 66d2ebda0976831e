"""`AWS::Serverless::StateMachine`: the state machine, its role, version and alias, and its events.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-statemachine.html
"""

from __future__ import annotations

import json
from typing import Any

from runner.loader.sam.aliases import Target
from runner.loader.sam.code import body_location
from runner.loader.sam.events.sources import Handlers, Sources
from runner.loader.sam.policies import add_policies
from runner.loader.sam.roles import Grants, RoleChoice, emit_role, managed_arn
from runner.loader.sam.tags import propagate, sam_tags
from runner.loader.sam.values import Json, get_att, is_intrinsic, ref
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work

CREATED_BY = "stateMachine:createdBy"
INDENT = 4


def transform_state_machine(work: Work, source: Source, handlers: Handlers) -> None:
    """Emit everything that one state machine means."""
    grants = Grants()
    tags: list[Json] = []
    with work.collecting():
        tags = sam_tags(work, source, CREATED_BY)
    role = RoleChoice(source.get("Role"), False)
    if source.get("Role") is None:
        role = RoleChoice(get_att(f"{source.id}Role"), True, source.condition)
    elif source.get("Policies"):
        message = "Specify either 'Role' or 'Policies' (but not both at the same time) or neither of them"
        work.refused(work.refuse(source, message, "Policies"))
    _emit(work, source, role.value, tags)
    target = Target(source.id, True)
    with work.collecting():
        target = _publish(work, source) or target
    tracing = source.get("Tracing")
    if isinstance(tracing, dict) and tracing.get("Enabled") is True:
        name = "AWSXrayWriteOnlyAccess" if work.partition == "aws" else "AWSXRayDaemonWriteAccess"
        grants.attach(managed_arn(work, name))
    with work.collecting():
        add_policies(work, source, grants)
    emit_role(work, source, grants, role, "states.amazonaws.com", tags)
    Sources(work, source, target, grants, handlers).add()
    propagate(work, source)


def _emit(work: Work, source: Source, role: Any, tags: list[Json]) -> None:
    properties: Json = {
        "StateMachineName": source.get("Name"),
        "StateMachineType": source.get("Type"),
        "RoleArn": role,
        "LoggingConfiguration": source.get("Logging"),
        "TracingConfiguration": source.get("Tracing"),
        "DefinitionSubstitutions": source.get("DefinitionSubstitutions"),
        "Tags": tags,
    }
    with work.collecting():
        properties.update(_definition(work, source))
    type_ = "AWS::StepFunctions::StateMachine"
    work.emit(source, source.id, type_, properties, attributes=MAIN_ATTRIBUTES)


def _definition(work: Work, source: Source) -> Json:
    inline, uri = source.get("Definition"), source.get("DefinitionUri")
    if inline is not None and uri is not None:
        message = "Specify either 'Definition' or 'DefinitionUri' property and not both."
        raise work.refuse(source, message, "DefinitionUri")
    if uri is not None:
        return {"DefinitionS3Location": body_location(work, source, "DefinitionUri")}
    if inline is None:
        message = "Either 'Definition' or 'DefinitionUri' property must be specified."
        raise work.refuse(source, message, code="missing-property")
    if is_intrinsic(inline):
        return {"DefinitionString": inline}
    found: Json = {}
    plain = _without_intrinsics(inline, found)
    text = json.dumps(plain, sort_keys=True, indent=INDENT, separators=(",", ": "), default=str)
    made: Json = {"DefinitionString": {"Fn::Join": ["\n", text.split("\n")]}}
    if found:
        made["DefinitionSubstitutions"] = {**(source.get("DefinitionSubstitutions") or {}), **found}
    return made


def _without_intrinsics(value: Any, found: Json) -> Any:
    """The definition with every intrinsic as a variable, to be substituted when it is known."""
    if is_intrinsic(value):
        name = f"definition_substitution_{len(found) + 1}"
        found[name] = value
        return f"${{{name}}}"
    if isinstance(value, dict):
        return {key: _without_intrinsics(value[key], found) for key in sorted(value, key=str)}
    if isinstance(value, list):
        return [_without_intrinsics(item, found) for item in value]
    return value


def _publish(work: Work, source: Source) -> Target | None:
    """Emit version and alias; the alias as a target, where events are to start it."""
    name = source.get("AutoPublishAlias")
    if not name:
        for needy in ("DeploymentPreference", "UseAliasAsEventTarget"):
            if source.get(needy):
                message = f"'{needy}' requires 'AutoPublishAlias' property to be specified."
                raise work.refuse(source, message, needy, hint="add AutoPublishAlias")
        return None
    at = work.locate(source.properties, "AutoPublishAlias")
    version_id, alias_id = f"{source.id}Version", f"{source.id}Alias{name}"
    version: Json = {
        "StateMachineArn": ref(source.id),
        "StateMachineRevisionId": get_att(source.id, "StateMachineRevisionId"),
    }
    kept = {name: source.resource.get(name, "Retain") for name in ("DeletionPolicy", "UpdateReplacePolicy")}
    type_ = "AWS::StepFunctions::StateMachineVersion"
    work.emit(source, version_id, type_, version, at=at, attributes=("Condition",), extra=kept)
    preference = source.get("DeploymentPreference")
    preference = {"Type": "ALL_AT_ONCE", **(preference if isinstance(preference, dict) else {})}
    alias = {"Name": name, "DeploymentPreference": {**preference, "StateMachineVersionArn": ref(version_id)}}
    work.emit(source, alias_id, "AWS::StepFunctions::StateMachineAlias", alias, at=at)
    work.references[source.id, "Version"] = version_id
    work.references[source.id, "Alias"] = alias_id
    return Target(alias_id, True) if source.get("UseAliasAsEventTarget") else None
