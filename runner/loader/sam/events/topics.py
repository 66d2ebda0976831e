"""SNS topics as event sources: a subscription of the function, or a queue between topic and function.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-sns.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.events.event import Event, queue_policy
from runner.loader.sam.roles import managed_arn
from runner.loader.sam.values import Json, get_att, intrinsic_argument

DEFAULT_BATCH_SIZE = 10


def add_topic(event: Event) -> None:
    between = event.get("SqsSubscription")
    if not between:
        event.permit("sns.amazonaws.com", arn=event.get("Topic"))
        _subscribe(event, "lambda", event.target.arn)
        return
    if isinstance(between, dict):
        _through_given_queue(event, between)
    else:
        _through_new_queue(event)
    event.grants.attach(managed_arn(event.work, "service-role/AWSLambdaSQSQueueExecutionRole"))


def _subscribe(event: Event, protocol: str, endpoint: Any) -> None:
    properties = {
        "Endpoint": endpoint,
        "Protocol": protocol,
        "TopicArn": event.get("Topic"),
        **event.pick("Region", "FilterPolicy", "FilterPolicyScope", "RedrivePolicy"),
    }
    event.emit(event.id, "AWS::SNS::Subscription", properties)


def _through_new_queue(event: Event) -> None:
    queue = f"{event.id}Queue"
    event.emit(queue, "AWS::SQS::Queue", {"FifoQueue": True} if _is_fifo(event) else {})
    arn = get_att(queue)
    policy = queue_policy(queue, arn, event.get("Topic"), "*")
    event.emit(f"{event.id}QueuePolicy", "AWS::SQS::QueuePolicy", policy)
    _subscribe(event, "sqs", arn)
    _poll(event, arn, DEFAULT_BATCH_SIZE)


def _through_given_queue(event: Event, given: Json) -> None:
    arn, url = given.get("QueueArn"), given.get("QueueUrl")
    if not arn or not url:
        hint = "give QueueArn and QueueUrl, or true for a new queue"
        raise event.refuse("No QueueARN or QueueURL provided.", "SqsSubscription", hint=hint)
    policy = queue_policy(None, arn, event.get("Topic"), "*")
    policy["Queues"] = [url]
    logical_id = given.get("QueuePolicyLogicalId") or f"{event.id}QueuePolicy"
    event.emit(logical_id, "AWS::SQS::QueuePolicy", policy)
    _subscribe(event, "sqs", arn)
    _poll(event, arn, given.get("BatchSize") or DEFAULT_BATCH_SIZE)


def _poll(event: Event, arn: Any, batch_size: Any) -> None:
    # SAM ignores Enabled here: the mapping is always enabled.
    properties = {
        "BatchSize": batch_size,
        "Enabled": True,
        "EventSourceArn": arn,
        "FunctionName": event.target.name,
    }
    event.emit(f"{event.id}EventSourceMapping", "AWS::Lambda::EventSourceMapping", properties)


def _is_fifo(event: Event) -> bool:
    """True if the topic is a FIFO topic of this template."""
    topic = event.get("Topic")
    logical_id = intrinsic_argument(topic, "Ref") or intrinsic_argument(topic, "Fn::GetAtt")
    logical_id = logical_id[0] if isinstance(logical_id, list) and logical_id else logical_id
    resource = event.work.sources.get(logical_id) if isinstance(logical_id, str) else None
    properties = resource.get("Properties") if isinstance(resource, dict) else None
    if not isinstance(properties, dict):
        return False
    return event.work.resolve(properties.get("FifoTopic")) in (True, "true", "True")
