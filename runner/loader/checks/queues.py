"""Rules of queues and topics that no single property shows.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
        https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.checks.context import Context, Item, plain
from runner.model.diagnostic import Note
from runner.model.names import Arn

QUEUE = "AWS::SQS::Queue"
TOPIC = "AWS::SNS::Topic"
SUBSCRIPTION = "AWS::SNS::Subscription"
FIFO_ONLY = {
    QUEUE: ("ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"),
    TOPIC: ("ContentBasedDeduplication", "FifoThroughputScope"),
}
RECEIVES_MAX = 1000


def check_queues(context: Context) -> None:
    """Check every queue, topic and subscription."""
    for type_, fifo, name in ((QUEUE, "FifoQueue", "QueueName"), (TOPIC, "FifoTopic", "TopicName")):
        for item in context.of(type_):
            _fifo(context, item, fifo, name)
    for item in (*context.of(QUEUE), *context.of(SUBSCRIPTION)):
        _redrive(context, item)
    for item in context.of(SUBSCRIPTION):
        _subscription(context, item)


def _fifo(context: Context, item: Item, fifo: str, named: str) -> None:
    properties = item.properties
    ordered = properties.get(fifo) is True
    name = plain(properties.get(named))
    if name is not None and named in properties:
        if ordered and not name.endswith(".fifo"):
            message = f"The name of a FIFO {_word(item)} must end with .fifo: '{name}'"
            context.report.error(context.at(item, named), "invalid-name", message, f"write {name}.fifo")
        elif not ordered and name.endswith(".fifo"):
            message = f"Only the name of a FIFO {_word(item)} may end with .fifo: '{name}'"
            context.report.error(context.at(item, named), "invalid-name", message, f"add {fifo}: true")
    if ordered:
        return
    for other in FIFO_ONLY[item.type]:
        if other in properties and properties[other] is not False:
            message = f"{other} is for FIFO {_word(item)}s only."
            at = context.positions.key(properties, other)
            context.report.error(at, "invalid-combination", message, f"add {fifo}: true, or remove it")


def _word(item: Item) -> str:
    return "queue" if item.type == QUEUE else "topic"


def _redrive(context: Context, item: Item) -> None:
    policy = item.properties.get("RedrivePolicy")
    if not isinstance(policy, dict):
        return
    at = context.at(item, "RedrivePolicy")
    allowed = ("deadLetterTargetArn", "maxReceiveCount") if item.type == QUEUE else ("deadLetterTargetArn",)
    for key in policy:
        if key not in allowed:
            message = (
                f"Value {key} for parameter RedrivePolicy is invalid. Reason: Only following attributes are "
                f"supported: [{', '.join(allowed)}]"
            )
            context.report.error(context.positions.key(policy, key), "unknown-property", message, f"use {allowed[0]}")
    for key in allowed:
        if key not in policy:
            message = (
                "Value for parameter RedrivePolicy is invalid. Reason: Redrive policy does not contain mandatory "
                f"attribute: {key}."
            )
            context.report.error(at, "missing-property", message, f"add {key}")
    if item.type == QUEUE and "maxReceiveCount" in policy:
        _receives(context, policy)
    _dead_letters(context, item, policy)


def _receives(context: Context, policy: dict[str, Any]) -> None:
    value = policy["maxReceiveCount"]
    try:
        good = not isinstance(value, bool) and 1 <= int(value) <= RECEIVES_MAX
    except (TypeError, ValueError):
        good = not plain(value)
    if not good:
        message = (
            f"Value {value} for parameter maxReceiveCount is invalid. Reason: Invalid value for maxReceiveCount: "
            f"{value}, valid values are from 1 to {RECEIVES_MAX} both inclusive."
        )
        at = context.positions.value(policy, "maxReceiveCount")
        context.report.error(at, "out-of-range", message, f"allowed: from 1 to {RECEIVES_MAX}")


def _dead_letters(context: Context, item: Item, policy: dict[str, Any]) -> None:
    target = plain(policy.get("deadLetterTargetArn"))
    if target is None:
        return
    at = context.positions.value(policy, "deadLetterTargetArn")
    parsed = Arn.parse(target)
    if parsed is None or parsed.service != "sqs":
        message = (
            f"Value {target} for parameter deadLetterTargetArn is invalid. Reason: Invalid value for "
            "deadLetterTargetArn."
        )
        context.report.error(at, "invalid-value", message, "use !GetAtt Queue.Arn")
        return
    queue = context.known(target)
    if item.type != QUEUE or queue is None:
        return
    if queue.logical_id == item.logical_id:
        message = f"'{item.logical_id}' is its own dead-letter queue: messages never leave it."
        context.report.warning(at, "own-dead-letters", message, "name another queue")
    if (queue.properties.get("FifoQueue") is True) != (item.properties.get("FifoQueue") is True):
        message = "Dead-letter queue must be same type of queue as the source: FIFO for FIFO, standard for standard."
        note = Note(queue.at, f"'{queue.logical_id}' stands here")
        context.report.error(at, "invalid-combination", message, "make both FIFO, or neither", note)


def _subscription(context: Context, item: Item) -> None:
    properties = item.properties
    protocol, endpoint = plain(properties.get("Protocol")), plain(properties.get("Endpoint"))
    if "Endpoint" not in properties:
        message = "Properties validation failed: required key [Endpoint] of AWS::SNS::Subscription not found"
        context.report.error(item.at, "missing-property", message, "add Endpoint: where messages are delivered")
    elif endpoint is not None and protocol in ("sqs", "lambda", "firehose"):
        parsed = Arn.parse(endpoint)
        if parsed is None or parsed.service != protocol:
            message = f"Invalid parameter: {protocol.upper()} endpoint ARN: '{endpoint}'"
            hint = "use !GetAtt Queue.Arn; Ref gives the URL" if protocol == "sqs" else "use the ARN"
            context.report.error(context.at(item, "Endpoint"), "invalid-value", message, hint)
    elif endpoint is not None and protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        message = f"Invalid parameter: Endpoint must match the specified protocol: '{endpoint}'"
        context.report.error(context.at(item, "Endpoint"), "invalid-value", message, f"write {protocol}://...")
    if properties.get("RawMessageDelivery") is True and protocol in ("lambda", "email", "email-json", "sms"):
        message = (
            f"Invalid parameter: Attributes Reason: RawMessageDelivery: Delivery protocol [{protocol}] does not "
            "support raw message delivery."
        )
        context.report.error(
            context.at(item, "RawMessageDelivery"), "invalid-combination", message, "remove RawMessageDelivery"
        )
