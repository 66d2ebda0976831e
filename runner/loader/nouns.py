"""Checked resources as the typed nouns that plans are made of."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from runner.loader.checked import Checked, Resolved
from runner.loader.checks.code import code_path
from runner.loader.scalars import text_of
from runner.loader.values import contains_unknown
from runner.model.access import LogGroup, ManagedPolicy, Policy, Role
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.events import EventBus, Rule, Schedule, ScheduleGroup
from runner.model.function import Alias, EventInvokeConfig, Function, LayerVersion, Permission, Url, Version
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue, QueuePolicy, Subscription, Topic, TopicPolicy
from runner.model.names import function_reference
from runner.model.noun import Noun
from runner.model.stack import Output, Resource, Stack

NOUNS: Mapping[str, type[Noun]] = {
    "AWS::Lambda::Function": Function,
    "AWS::Lambda::Version": Version,
    "AWS::Lambda::Alias": Alias,
    "AWS::Lambda::EventInvokeConfig": EventInvokeConfig,
    "AWS::Lambda::Permission": Permission,
    "AWS::Lambda::LayerVersion": LayerVersion,
    "AWS::Lambda::Url": Url,
    "AWS::Lambda::EventSourceMapping": EventSourceMapping,
    "AWS::Events::EventBus": EventBus,
    "AWS::Events::Rule": Rule,
    "AWS::Scheduler::Schedule": Schedule,
    "AWS::Scheduler::ScheduleGroup": ScheduleGroup,
    "AWS::SQS::Queue": Queue,
    "AWS::SQS::QueuePolicy": QueuePolicy,
    "AWS::SNS::Topic": Topic,
    "AWS::SNS::Subscription": Subscription,
    "AWS::SNS::TopicPolicy": TopicPolicy,
    "AWS::IAM::Role": Role,
    "AWS::IAM::Policy": Policy,
    "AWS::IAM::ManagedPolicy": ManagedPolicy,
    "AWS::Logs::LogGroup": LogGroup,
}
OF_FUNCTION = ("FunctionName", "TargetFunctionArn")


def build(checked: Checked) -> tuple[Stack, list[Diagnostic]]:
    """The stack, and what the models refuse beyond the checks."""
    found: list[Diagnostic] = []
    missing = {
        str(resource.properties.get("FunctionName"))
        for resource in checked.resources.values()
        if resource.type == "AWS::Lambda::Function" and not resource.runnable
    }
    resources = {name: _resource(resource, missing, found) for name, resource in checked.resources.items()}
    description = checked.template.get("Description")
    stack = Stack(
        name=checked.name,
        path=checked.path,
        resources=resources,
        outputs={name: _output(output) for name, output in checked.outputs.items()},
        parameters={name: _parameter(value) for name, value in checked.parameters.items()},
        description=description if isinstance(description, str) else "",
        files=tuple(checked.files),
    )
    return stack, found


def _resource(resolved: Resolved, missing: set[str], found: list[Diagnostic]) -> Resource:
    member = "Content" if resolved.type == "AWS::Lambda::LayerVersion" else "Code"
    coded = resolved.type in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
    return Resource(
        logical_id=resolved.logical_id,
        type=resolved.type,
        properties=resolved.properties,
        noun=_noun(resolved, missing, found),
        physical_id=text_of(resolved.physical_id),
        at=resolved.at,
        code=code_path(resolved.folder, resolved.properties, member) if coded else None,
        retain=resolved.retain,
        metadata=resolved.metadata if isinstance(resolved.metadata, dict) else {},
    )


def _noun(resolved: Resolved, missing: set[str], found: list[Diagnostic]) -> Noun | None:
    """The typed resource; None for an inert one, and for one that cannot run or belongs to one that cannot."""
    model = NOUNS.get(resolved.type)
    if model is None or not resolved.runnable:
        return None
    for member in OF_FUNCTION:
        name = resolved.properties.get(member)
        if isinstance(name, str) and model is not Function and function_reference(name)[0] in missing:
            return None
    properties = _plain(resolved.properties)
    if resolved.type == "AWS::Lambda::Permission":
        properties.setdefault("StatementId", resolved.physical_id)
    try:
        return model.model_validate(properties)
    except ValidationError as error:
        found.extend(_refusals(error, resolved))
        return None


def _refusals(error: ValidationError, resolved: Resolved) -> list[Diagnostic]:
    unknown = contains_unknown(resolved.properties)
    severity = Severity.WARNING if unknown else Severity.ERROR
    refusals = []
    for problem in error.errors(include_url=False, include_context=False):
        path = ".".join(str(part) for part in problem["loc"])
        code = "not-runnable" if unknown else "invalid-value"
        message = f"{path} of '{resolved.logical_id}': {problem['msg']}"
        hint = "its value is only known on AWS" if unknown else "see the documentation of the property"
        refusals.append(Diagnostic(resolved.at, severity, code, message, hint))
    return refusals


def _plain(value: Any) -> Any:
    """A copy of plain strings and numbers: what else they tell is of no use from here on."""
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, str):
        return str(value)
    return float(value) if isinstance(value, float) else value


def _output(output: dict[str, Any]) -> Output:
    export = output.get("Export")
    name = export.get("Name") if isinstance(export, dict) else None
    return Output(
        value=text_of(output.get("Value")),
        description=text_of(output.get("Description") or ""),
        export=None if name is None else text_of(name),
    )


def _parameter(value: Any) -> str:
    return ",".join(text_of(item) for item in value) if isinstance(value, list) else text_of(value)
