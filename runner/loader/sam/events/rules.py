"""Schedules and event patterns as EventBridge rules, and schedules of EventBridge Scheduler.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventbridgerule.html
        https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-scheduledv2.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.events.event import Event, queue_policy
from runner.loader.sam.roles import statement, trust
from runner.loader.sam.values import Json, get_att

TARGET_ID_LIMIT = 64
EVENTS = "events.amazonaws.com"


def add_schedule(event: Event) -> None:
    """A rule with a schedule expression on the default bus."""
    properties = {
        "Description": event.get("Description"),
        "Name": event.get("Name"),
        "ScheduleExpression": event.get("Schedule"),
        "State": rule_state(event),
        "Targets": [rule_target(event, "LambdaTarget", "Input")],
    }
    event.emit(event.id, "AWS::Events::Rule", properties)
    add_dead_letter_policy(event)
    event.permit(EVENTS, arn=get_att(event.id))


def add_pattern_rule(event: Event) -> None:
    """A rule with an event pattern on any bus."""
    target = rule_target(event, "LambdaTarget", "Input", "InputPath", "InputTransformer")
    chosen = event.get("Target")
    if isinstance(chosen, dict) and "Id" in chosen:
        target["Id"] = chosen["Id"]
    properties = {
        "EventBusName": event.get("EventBusName"),
        "EventPattern": event.get("Pattern"),
        "Name": event.get("RuleName"),
        "State": rule_state(event),
        "Targets": [target],
    }
    event.emit(event.id, "AWS::Events::Rule", properties)
    add_dead_letter_policy(event)
    event.permit(EVENTS, arn=get_att(event.id))


def rule_state(event: Event) -> Any:
    """`State`, or what `Enabled` says of it; SAM takes any intrinsic under `Enabled` for true."""
    state, enabled = event.get("State"), event.get("Enabled")
    if state is not None and enabled is not None:
        raise event.refuse("State and Enabled Properties cannot both be specified.", "Enabled", hint="keep State")
    if enabled is not None:
        return "ENABLED" if enabled else "DISABLED"
    return state or None


def rule_target(event: Event, ending: str, *passed: str, arn: Any = None) -> Json:
    """The rule's target, with its dead-letter queue created where SAM makes one."""
    target: Json = {"Arn": event.target.arn if arn is None else arn, "Id": target_id(event.id, ending)}
    target.update(event.pick(*passed))
    queue = event.dead_letter_queue()
    if queue is not None:
        target["DeadLetterConfig"] = {"Arn": queue}
    target.update(event.pick("RetryPolicy"))
    return target


def target_id(logical_id: str, ending: str) -> str:
    """An id for a rule's target within EventBridge's limit."""
    whole = logical_id + ending
    return whole if len(whole) <= TARGET_ID_LIMIT else logical_id[: TARGET_ID_LIMIT - len(ending)] + ending


def add_dead_letter_policy(event: Event) -> None:
    """Let the rule send to the dead-letter queue that SAM created for it."""
    queue = event.created_queue()
    if queue is not None:
        policy = queue_policy(queue, get_att(queue), get_att(event.id), {"Service": EVENTS})
        event.emit(f"{event.id}QueuePolicy", "AWS::SQS::QueuePolicy", policy)


SCHEDULE_PROPERTIES = (
    "State",
    "Description",
    "StartDate",
    "EndDate",
    "ScheduleExpressionTimezone",
    "GroupName",
    "KmsKeyArn",
)


def add_scheduler_schedule(event: Event) -> None:
    """A schedule of EventBridge Scheduler that invokes the function."""
    add_scheduler(event, event.target.arn, f"{event.id}LambdaPolicy", "lambda:InvokeFunction")


def add_scheduler(event: Event, arn: Any, policy_name: str, action: str, policy_arn: Any = None) -> None:
    """The schedule, its role unless one is given, and its dead-letter queue if SAM makes one."""
    queue = event.dead_letter_queue()
    role = event.get("RoleArn") or _scheduler_role(event, policy_name, statement(action, policy_arn or arn), queue)
    target: Json = {"Arn": arn, "RoleArn": role, **event.pick("Input")}
    if queue is not None:
        target["DeadLetterConfig"] = {"Arn": queue}
    target.update(event.pick("RetryPolicy"))
    properties: Json = {
        "ScheduleExpression": event.get("ScheduleExpression"),
        "FlexibleTimeWindow": event.get("FlexibleTimeWindow") or {"Mode": "OFF"},
        "Name": _schedule_name(event),
        "Target": target,
        **{name: event.get(name) or None for name in SCHEDULE_PROPERTIES},
    }
    event.emit(event.id, "AWS::Scheduler::Schedule", properties)


def _schedule_name(event: Event) -> Any:
    if not event.get("OmitName"):
        return event.get("Name") or event.id
    if event.get("Name"):
        raise event.refuse("Name cannot be set when OmitName is True", "Name", hint="remove one of the two")
    return None


def _scheduler_role(event: Event, policy_name: str, invoke: Json, queue: Any) -> Json:
    policies = [_policy(policy_name, invoke)]
    if queue is not None:
        policies.append(_policy(f"{event.id}SQSPolicy", statement("sqs:SendMessage", queue)))
    properties = {
        "AssumeRolePolicyDocument": trust("scheduler.amazonaws.com"),
        "Policies": policies,
        "PermissionsBoundary": event.get("PermissionsBoundary"),
    }
    event.emit(f"{event.id}Role", "AWS::IAM::Role", properties)
    return get_att(f"{event.id}Role")


def _policy(name: str, allowed: Json) -> Json:
    return {"PolicyName": name, "PolicyDocument": {"Statement": [allowed]}}
