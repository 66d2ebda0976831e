"""Targets of rules.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutTargets.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from runner.core.transformer import input_problem
from runner.model.events import Target
from runner.model.names import Arn
from runner.model.state import State
from runner.wire.events.desk import Desk, page
from runner.wire.events.errors import broken_model, limit, validation
from runner.wire.operation import Context, Members, Operation

TARGETS_MAX = 5
NEED_ROLE = ("kinesis", "firehose", "states", "ecs", "batch", "codepipeline")
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "EcsParameters": ("ecs",),
    "KinesisParameters": ("kinesis",),
    "BatchParameters": ("batch",),
    "HttpParameters": ("events", "execute-api"),
    "RedshiftDataParameters": ("redshift", "redshift-serverless"),
    "RunCommandParameters": ("ssm",),
    "SageMakerPipelineParameters": ("sagemaker",),
    "AppSyncParameters": ("appsync",),
}
"""The services whose targets take a block of parameters."""


class Targets:
    """PutTargets, RemoveTargets, ListTargetsByRule."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "PutTargets": self.put,
            "RemoveTargets": self.remove,
            "ListTargetsByRule": self.list,
        }

    async def put(self, members: Members, _: Context) -> Members:
        given: Sequence[Members] = members["Targets"]
        targets = [_target(number, one) for number, one in enumerate(given, 1)]
        ids = [target.id for target in targets]
        for target_id in ids:
            if ids.count(target_id) > 1:
                raise validation(
                    f"Parameter targets is not valid. Reason: More than one target with Id '{target_id}' is provided."
                )

        def decide(state: State) -> State:
            rule = self._desk.rule(state, members["Rule"], members.get("EventBusName"))
            for target, one in zip(targets, given, strict=True):
                _check(target, one)
            merged = {target.id: target for target in (*rule.noun.targets, *targets)}
            if len(merged) > TARGETS_MAX:
                raise limit()
            return state.with_changes([self._desk.changed(rule, state, {"targets": tuple(merged.values())})])

        await self._desk.deployment.change(decide)
        return {"FailedEntryCount": 0, "FailedEntries": []}

    async def remove(self, members: Members, _: Context) -> Members:
        ids: Sequence[str] = members["Ids"]
        failed: list[dict[str, str]] = []

        def decide(state: State) -> State:
            rule = self._desk.rule(state, members["Rule"], members.get("EventBusName"))
            known = {target.id for target in rule.noun.targets}
            failed[:] = [_no_target(members["Rule"], target_id) for target_id in ids if target_id not in known]
            kept = tuple(target for target in rule.noun.targets if target.id not in ids)
            if len(kept) == len(rule.noun.targets):
                return state
            return state.with_changes([self._desk.changed(rule, state, {"targets": kept})])

        await self._desk.deployment.change(decide)
        return {"FailedEntryCount": len(failed), "FailedEntries": failed}

    async def list(self, members: Members, _: Context) -> Members:
        rule = self._desk.rule(self._desk.state, members["Rule"], members.get("EventBusName"))
        shown, more = page([(target.id, _shape(target)) for target in rule.noun.targets], members)
        return {"Targets": shown, **more}


def _shape(target: Target) -> dict[str, Any]:
    return target.model_dump(mode="json", by_alias=True, exclude_unset=True, exclude_none=True)


def _target(number: int, members: Members) -> Target:
    """Raises ApiError where a member breaks the request's model."""
    try:
        return Target.model_validate({key: value for key, value in members.items() if value is not None})
    except ValidationError as error:
        raise broken_model(error, f"targets.{number}.member") from error


def _no_target(rule: str, target_id: str) -> dict[str, str]:
    return {
        "TargetId": target_id,
        "ErrorCode": "ResourceNotFoundException",
        "ErrorMessage": f"Rule '{rule}' does not have a target with the Id '{target_id}'.",
    }


def _check(target: Target, members: Members) -> None:
    """What PutTargets refuses of a target. Raises ApiError."""
    arn = Arn.parse(target.arn)
    if arn is None:
        raise validation("Parameter ARN is not valid. Reason: Provided Arn is not in correct format.")
    problem = input_problem(target)
    if problem is not None:
        raise validation(problem)
    if arn.service == "sqs" and arn.name.endswith(".fifo") and target.sqs_parameters is None:
        raise validation(f"Parameter(s) SqsParameters must be specified for target: {target.id}.")
    for name, services in PARAMETERS.items():
        if members.get(name) is not None and arn.service not in services:
            raise validation(f"Parameter(s) {name} not supported for target: {target.id}.")
    if arn.service in NEED_ROLE and target.role_arn is None:
        raise validation(f"RoleArn is required for target {target.arn}.")
    if target.dead_letter_config is not None and target.dead_letter_config.arn:
        _check_dead_letters(target.dead_letter_config.arn, arn)


def _check_dead_letters(text: str, target: Arn) -> None:
    arn = Arn.parse(text)
    if arn is None or arn.service != "sqs":
        service = arn.service if arn else re.split(r"[:/]", text)[0]
        raise validation(f"{service} is not supported as a dead letter resource")
    if arn.name.endswith(".fifo"):
        raise validation("SQS FIFO is not supported by Dead Letter Queues")
