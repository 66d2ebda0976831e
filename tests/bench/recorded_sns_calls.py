"""Calls that scenarios of topics are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bench.recorded import Replay
from tests.bench.recorded_rooms import PLACE, client, until


def call(r: Replay, operation: str, **given: Any) -> Callable[[], Any]:
    return lambda: getattr(r.client, operation)(**given)


def topic(r: Replay, name: str = "topic", **attributes: str) -> str:
    arn: str = r.client.create_topic(Name=name, Attributes=attributes)["TopicArn"]
    return arn


def fifo_topic(r: Replay, **attributes: str) -> str:
    return topic(r, "topic.fifo", FifoTopic="true", **attributes)


def sqs(r: Replay) -> Any:
    return client(r.scene, "sqs")


def queue(r: Replay, name: str = "queue", **attributes: str) -> str:
    """Make a queue; its ARN."""
    sqs(r).create_queue(QueueName=name, Attributes=attributes)
    return PLACE.queue(name)


def subscribed(r: Replay, arn: str, endpoint: str, **attributes: str) -> str:
    given = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes}
    found: str = r.client.subscribe(**given, ReturnSubscriptionArn=True)["SubscriptionArn"]
    return found


def taken(r: Replay, name: str = "queue", *, count: int = 1, **given: Any) -> Any:
    """What `count` receives find in a queue, finished at once."""
    held, url = sqs(r), PLACE.queue_url(name)
    messages: list[Any] = []

    def look() -> Any:
        answer = held.receive_message(QueueUrl=url, MaxNumberOfMessages=10, **given)
        for message in answer.get("Messages", []):
            held.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            messages.append(message)
        return len(messages) >= count

    until(look)
    messages.sort(key=lambda message: int(message.get("Attributes", {}).get("SequenceNumber", 0)))
    found = {"Messages": messages} if messages else {}
    return {**found, "ResponseMetadata": {"HTTPStatusCode": 200}}


def nothing(r: Replay, name: str = "queue") -> Any:
    """A receive after whatever was under way has arrived."""
    return sqs(r).receive_message(QueueUrl=PLACE.queue_url(name), WaitTimeSeconds=1)


ALL: dict[str, Any] = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}


def shown(r: Replay, step: str, subscription: str) -> None:
    def pick(answer: Any) -> Any:
        # Recordings were made as a user; here everything belongs to the account itself.
        root = f"arn:aws:iam::{PLACE.account}:root"
        if answer["Attributes"].get("SubscriptionPrincipal") == root:
            answer["Attributes"]["SubscriptionPrincipal"] = root.replace(":root", ":user/someone")
        return answer

    r.see(step, call(r, "get_subscription_attributes", SubscriptionArn=subscription), pick)
