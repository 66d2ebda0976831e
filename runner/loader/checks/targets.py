"""Rules and schedules against their buses and targets.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
        https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

import json
from typing import Any

from runner.loader.checks.context import Context, Item, plain
from runner.model.diagnostic import Note, Position
from runner.model.names import Arn

RULE = "AWS::Events::Rule"
SCHEDULE = "AWS::Scheduler::Schedule"
BUS = "AWS::Events::EventBus"
INPUTS = ("Input", "InputPath", "InputTransformer")


def check_targets(context: Context) -> None:
    """Check every rule, schedule and bus."""
    for item in context.of(RULE):
        _rule(context, item)
    for item in context.of(SCHEDULE):
        _schedule(context, item)
    for item in context.of(BUS):
        if item.properties.get("Name") == "default":
            message = "Event bus default already exists: every account has one."
            context.report.error(context.at(item, "Name"), "invalid-name", message, "give the bus another name")


def _rule(context: Context, item: Item) -> None:
    properties = item.properties
    if "EventPattern" not in properties and "ScheduleExpression" not in properties:
        message = "Parameter(s) EventPattern or ScheduleExpression must be specified."
        context.report.error(item.at, "missing-property", message, "add one of them")
    bus = plain(properties.get("EventBusName"))
    if "ScheduleExpression" in properties and bus is not None and bus.rsplit("/", 1)[-1] != "default":
        message = "ScheduleExpression is supported only on the default event bus."
        note = Note(context.at(item, "EventBusName"), "the bus stands here")
        at = context.positions.key(properties, "ScheduleExpression")
        context.report.error(at, "schedule-on-custom-bus", message, "drop EventBusName, or the schedule", note)
    targets = properties.get("Targets")
    ids: dict[Any, Position] = {}
    for target in targets if isinstance(targets, list) else ():
        if isinstance(target, dict):
            _target(context, target)
            _unique(context, target, ids)


def _unique(context: Context, target: dict[str, Any], ids: dict[Any, Position]) -> None:
    identity = plain(target.get("Id"))
    if identity is None:
        return
    at = context.positions.value(target, "Id")
    if identity in ids:
        note = Note(ids[identity], "the first one stands here")
        message = f"Two targets of the rule have the id '{identity}'; the last one wins."
        context.report.error(at, "duplicate-target-id", message, "give each target an id of its own", note)
    ids.setdefault(identity, at)


def _target(context: Context, target: dict[str, Any]) -> None:
    given = [name for name in INPUTS if name in target]
    if len(given) > 1:
        message = f"Only one of Input, InputPath, or InputTransformer must be provided; found {' and '.join(given)}."
        at = context.positions.key(target, given[1])
        note = Note(context.positions.key(target, given[0]), f"{given[0]} stands here")
        context.report.error(at, "invalid-combination", message, f"keep one of {', '.join(given)}", note)
    _input(context, target)
    _arn(context, target)


def _input(context: Context, target: dict[str, Any]) -> None:
    text = plain(target.get("Input"))
    if text is None:
        return
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"JSON syntax error in input for target: {error}"
        hint = "write valid JSON; a plain text needs quotes of its own, as in '\"text\"'"
        context.report.error(context.positions.value(target, "Input"), "invalid-json", message, hint)


def _arn(context: Context, target: dict[str, Any]) -> None:
    arn = plain(target.get("Arn"))
    if arn is None:
        return
    at = context.positions.value(target, "Arn")
    parsed = Arn.parse(arn)
    if parsed is None:
        message = f"Parameter {arn} is not valid. Reason: Provided Arn is not in correct format."
        hint = "use !GetAtt Name.Arn"
        known = context.known(arn)
        if known is not None:
            hint = f"use !GetAtt {known.logical_id}.Arn; Ref gives something else"
        context.report.error(at, "invalid-value", message, hint)
    elif parsed.service == "sqs" and arn.endswith(".fifo") and "SqsParameters" not in target:
        message = "Parameter(s) SqsParameters must be specified for a FIFO queue."
        context.report.error(at, "missing-property", message, "add SqsParameters: {MessageGroupId: ...}")


def _schedule(context: Context, item: Item) -> None:
    window = item.properties.get("FlexibleTimeWindow")
    if isinstance(window, dict):
        mode, length = window.get("Mode"), window.get("MaximumWindowInMinutes")
        if mode == "FLEXIBLE" and length is None:
            at = context.at(item, "FlexibleTimeWindow", "Mode")
            message = "MaximumWindowInMinutes is required with Mode FLEXIBLE."
            context.report.error(at, "missing-property", message, "add MaximumWindowInMinutes, or set Mode: OFF")
        elif mode == "OFF" and length is not None:
            at = context.positions.key(window, "MaximumWindowInMinutes")
            message = "MaximumWindowInMinutes is not allowed with Mode OFF."
            context.report.error(at, "invalid-combination", message, "remove it, or set Mode: FLEXIBLE")
    target = item.properties.get("Target")
    if isinstance(target, dict):
        _arn(context, target)
