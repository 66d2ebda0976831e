"""Events of state machines: each starts an execution, by a role of its own.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-statemachine-statemachineeventsource.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.events.event import Event
from runner.loader.sam.events.rules import (
    EVENTS,
    add_dead_letter_policy,
    add_scheduler,
    rule_state,
    rule_target,
)
from runner.loader.sam.roles import statement, trust
from runner.loader.sam.values import get_att

TARGET = "StepFunctionsTarget"


def add_schedule_execution(event: Event) -> None:
    target = rule_target(event, TARGET, "Input")
    target["RoleArn"] = event.get("RoleArn") or execution_role(event, EVENTS)
    _choose_id(event, target)
    properties = {
        "Description": event.get("Description"),
        "Name": event.get("Name"),
        "ScheduleExpression": event.get("Schedule"),
        "State": rule_state(event),
        "Targets": [target],
    }
    event.emit(event.id, "AWS::Events::Rule", properties)
    add_dead_letter_policy(event)


def add_rule_execution(event: Event) -> None:
    target = rule_target(event, TARGET, "Input", "InputPath", "InputTransformer")
    target["RoleArn"] = execution_role(event, EVENTS)
    _choose_id(event, target)
    properties = {
        "EventBusName": event.get("EventBusName"),
        "EventPattern": event.get("Pattern"),
        "Name": event.get("RuleName"),
        "State": event.get("State"),
        "Targets": [target],
    }
    event.emit(event.id, "AWS::Events::Rule", properties)
    add_dead_letter_policy(event)


def add_scheduler_execution(event: Event) -> None:
    add_scheduler(event, event.target.name, f"{event.id}StartExecutionPolicy", "states:StartExecution")


def execution_role(event: Event, service: str) -> Any:
    """Emit the role by which a service starts executions, and give its ARN."""
    role_id = f"{event.id}Role"
    document = {"Statement": [statement("states:StartExecution", event.target.name)]}
    properties = {
        "AssumeRolePolicyDocument": trust(service),
        "Policies": [{"PolicyName": f"{role_id}StartExecutionPolicy", "PolicyDocument": document}],
        "PermissionsBoundary": event.source.get("PermissionsBoundary"),
    }
    event.emit(role_id, "AWS::IAM::Role", properties)
    return get_att(role_id)


def _choose_id(event: Event, target: dict[str, Any]) -> None:
    chosen = event.get("Target")
    if isinstance(chosen, dict) and "Id" in chosen:
        target["Id"] = chosen["Id"]
