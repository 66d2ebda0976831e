"""Event source mappings against what they read and what they invoke.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator
from typing import Any

from runner.loader.checks.context import Context, Item, number, plain
from runner.loader.values import contains_unknown
from runner.model.diagnostic import Note
from runner.model.names import Arn

MAPPING = "AWS::Lambda::EventSourceMapping"
STREAMS = ("kinesis", "dynamodb")
STREAM_ONLY = (
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "TumblingWindowInSeconds",
)
NEEDS = {
    "sqs": ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"),
    "kinesis": ("kinesis:GetRecords", "kinesis:GetShardIterator", "kinesis:DescribeStream"),
    "dynamodb": ("dynamodb:GetRecords", "dynamodb:GetShardIterator", "dynamodb:DescribeStream"),
}
GRANTING = {
    "sqs": ("AWSLambdaSQSQueueExecutionRole", "AmazonSQSFullAccess", "AWSLambdaInvocation-DynamoDB"),
    "kinesis": ("AWSLambdaKinesisExecutionRole", "AmazonKinesisFullAccess", "AmazonKinesisReadOnlyAccess"),
    "dynamodb": ("AWSLambdaDynamoDBExecutionRole", "AmazonDynamoDBFullAccess", "AWSLambdaInvocation-DynamoDB"),
}
EVERYTHING = ("AdministratorAccess", "PowerUserAccess")
NEUTRAL = (
    "AWSLambdaBasicExecutionRole",
    "AWSLambdaVPCAccessExecutionRole",
    "AWSXRayDaemonWriteAccess",
    "AWSXrayWriteOnlyAccess",
    "CloudWatchLambdaInsightsExecutionRolePolicy",
    "AmazonS3ReadOnlyAccess",
    "AmazonS3FullAccess",
    "AmazonSNSFullAccess",
    "AmazonEventBridgeFullAccess",
)
"""Managed policies that grant nothing a mapping needs. Any other may grant anything, as its document is not here."""


def check_mappings(context: Context) -> None:
    """Check every mapping."""
    for item in context.of(MAPPING):
        source = plain(item.properties.get("EventSourceArn"))
        parsed = Arn.parse(source) if source is not None else None
        if "EventSourceArn" not in item.properties and "SelfManagedEventSource" not in item.properties:
            message = "Properties validation failed: a mapping needs EventSourceArn or SelfManagedEventSource"
            context.report.error(item.at, "missing-property", message, "add EventSourceArn")
        if parsed is None:
            continue
        _source(context, item, parsed)
        if parsed.service in NEEDS:
            _permissions(context, item, parsed)
        if parsed.service == "sqs":
            _queue(context, item, source)


def _source(context: Context, item: Item, source: Arn) -> None:
    properties = item.properties
    stream = source.service in STREAMS
    if stream and "StartingPosition" not in properties:
        message = (
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy constraint: "
            "Member must not be null."
        )
        context.report.error(item.at, "missing-property", message, "add StartingPosition: LATEST or TRIM_HORIZON")
    if properties.get("StartingPosition") == "AT_TIMESTAMP" and "StartingPositionTimestamp" not in properties:
        message = "StartingPositionTimestamp is required with StartingPosition AT_TIMESTAMP."
        context.report.error(context.at(item, "StartingPosition"), "missing-property", message, "add the timestamp")
    if source.service != "sqs":
        if "ScalingConfig" in properties:
            _not_for(context, item, "ScalingConfig", f"{source.service} sources", "it is for queues")
        return
    for name in ("StartingPosition", *STREAM_ONLY):
        if name in properties:
            _not_for(context, item, name, "queues", "it is for streams")


def _not_for(context: Context, item: Item, name: str, what: str, hint: str) -> None:
    message = f"Unsupported {name} parameter for given event source mapping type: {what}"
    at = context.positions.key(item.properties, name)
    context.report.error(at, "invalid-combination", message, f"remove it; {hint}")


def _queue(context: Context, item: Item, source: str | None) -> None:
    properties = item.properties
    queue = context.known(source)
    fifo = source is not None and source.endswith(".fifo")
    size, window = number(properties.get("BatchSize"), 10), number(properties.get("MaximumBatchingWindowInSeconds"), 0)
    if fifo and "MaximumBatchingWindowInSeconds" in properties and window:
        _not_for(context, item, "MaximumBatchingWindowInSeconds", "FIFO queues", "it is for standard queues")
    if size is not None and size > 10 and fifo:
        message = f"BatchSize {size} is above 10, the most for a FIFO queue."
        context.report.error(context.at(item, "BatchSize"), "out-of-range", message, "allowed: from 1 to 10")
    elif size is not None and size > 10 and window == 0:
        message = "Maximum batch window in seconds must be greater than 0 if maximum batch size is greater than 10"
        hint = "add MaximumBatchingWindowInSeconds: 1, or lower BatchSize to 10"
        context.report.error(context.at(item, "BatchSize"), "invalid-combination", message, hint)
    function = context.function(properties.get("FunctionName"))
    if queue is not None and function is not None:
        _visibility(context, queue, function)


def _visibility(context: Context, queue: Item, function: Item) -> None:
    hidden = number(queue.properties.get("VisibilityTimeout"), 30)
    timeout = number(function.properties.get("Timeout"), 3)
    if hidden is None or timeout is None or hidden >= timeout:
        return
    message = (
        f"Queue visibility timeout: {hidden} seconds is less than Function timeout: {timeout} seconds "
        f"('{queue.logical_id}' feeds '{function.logical_id}'); Lambda refuses such a mapping."
    )
    note = Note(context.at(function, "Timeout"), f"the timeout of '{function.logical_id}' is {timeout} seconds")
    hint = f"set VisibilityTimeout to at least {timeout}; AWS advises six times as much, {6 * timeout}"
    context.report.warning(context.at(queue, "VisibilityTimeout"), "visibility-timeout", message, hint, note)


# What the function's role lacks


def _permissions(context: Context, item: Item, source: Arn) -> None:
    function = context.function(item.properties.get("FunctionName"))
    role = context.known(function.properties.get("Role")) if function is not None else None
    if role is None or role.type != "AWS::IAM::Role":
        return
    allowed = _allowed(context, role, source.service)
    if allowed is None:
        return
    missing = [action for action in NEEDS[source.service] if not any(_covers(pattern, action) for pattern in allowed)]
    if missing:
        name = function.logical_id if function is not None else ""
        message = f"The role of '{name}' lacks {', '.join(missing)}, which its mapping needs."
        note = Note(role.at, f"the role '{role.logical_id}' stands here")
        hint = f"add a policy that allows them on {item.properties.get('EventSourceArn')}"
        context.report.warning(item.at, "missing-permission", message, hint, note)


def _covers(pattern: str, action: str) -> bool:
    return fnmatch.fnmatchcase(action.lower(), pattern.lower())


def _allowed(context: Context, role: Item, service: str) -> list[str] | None:
    """The actions that a role allows; None where that cannot be told."""
    allowed: list[str] = []
    for arn in role.properties.get("ManagedPolicyArns") or ():
        name = str(arn).rsplit("/", 1)[-1]
        if contains_unknown(arn) or name in EVERYTHING or name in GRANTING[service]:
            return None
        known = context.known(arn)
        if known is not None:
            allowed += _actions(known.properties.get("PolicyDocument"))
        elif name not in NEUTRAL:
            return None
    for policy in role.properties.get("Policies") or ():
        if isinstance(policy, dict):
            allowed += _actions(policy.get("PolicyDocument"))
    for other in context.resources.values():
        if other.type not in ("AWS::IAM::Policy", "AWS::IAM::ManagedPolicy", "AWS::IAM::RolePolicy"):
            continue
        roles = other.properties.get("Roles") or [other.properties.get("RoleName")]
        if role.physical_id in roles or contains_unknown(roles):
            allowed += _actions(other.properties.get("PolicyDocument"))
    return allowed


def _actions(document: Any) -> Iterator[str]:
    """The actions that a policy document allows; `*` for everything and for what cannot be read."""
    statements = document.get("Statement") if isinstance(document, dict) else None
    for statement in statements if isinstance(statements, list) else [statements]:
        if not isinstance(statement, dict):
            continue
        if "NotAction" in statement:
            yield "*"
        if statement.get("Effect") == "Allow":
            actions = statement.get("Action") or ()
            for action in actions if isinstance(actions, list) else [actions]:
                yield "*" if contains_unknown(action) else str(action)
