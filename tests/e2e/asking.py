"""How end-to-end tests ask a running stack: with deadlines, never with sleeps of a fixed length."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any, TypeVar

from tests.running import DEADLINE_S, Running

T = TypeVar("T")
POLL_S = 0.05


def eventually(ask: Callable[[], T], *, pause_s: float = POLL_S) -> T:
    """The first truthy answer of `ask`; fails with the last one if none comes."""
    until = time.monotonic() + DEADLINE_S
    while not (answer := ask()):
        assert time.monotonic() < until, f"it did not come to be: {answer!r}"
        time.sleep(pause_s)
    return answer


def invoke(up: Running, function: str, event: object, **options: Any) -> Any:
    """The answer of a synchronous invocation."""
    answer = up.client("lambda").invoke(FunctionName=function, Payload=json.dumps(event), **options)
    return json.loads(answer["Payload"].read())


def queue_url(up: Running, queue: str) -> str:
    return str(up.client("sqs").get_queue_url(QueueName=queue)["QueueUrl"])


def taken(up: Running, queue: str, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """Messages of a queue, taken out of it until there are `enough`."""
    sqs, url = up.client("sqs"), queue_url(up, queue)
    taken: list[dict[str, Any]] = []

    def take() -> bool:
        answer = sqs.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=10,
            WaitTimeSeconds=1,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        received = answer.get("Messages", [])
        if received:
            entries = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(received)]
            sqs.delete_message_batch(QueueUrl=url, Entries=entries)
        taken.extend(received)
        return enough(taken)

    eventually(take, pause_s=0)
    return taken


def messages(up: Running, queue: str, count: int = 1) -> list[dict[str, Any]]:
    """At least `count` messages of a queue, taken out of it."""
    return taken(up, queue, lambda found: len(found) >= count)


def records(up: Running, queue: str, count: int = 1) -> list[dict[str, Any]]:
    """The JSON bodies of messages."""
    return [json.loads(one["Body"]) for one in messages(up, queue, count)]


def log_lines(up: Running, function: str, containing: str = "") -> list[str]:
    """What a function has logged so far."""
    logs = up.client("logs")
    try:
        pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
        lines = [str(event["message"]) for page in pages for event in page["events"]]
    except logs.exceptions.ResourceNotFoundException:
        return []
    return [line for line in lines if containing in line]


def put_order(up: Running, detail: object, *, source: str = "shop.web", kind: str = "OrderPlaced") -> str:
    """Put an event on the orders bus; returns its id."""
    entry = {"EventBusName": "orders", "Source": source, "DetailType": kind, "Detail": json.dumps(detail)}
    answer = up.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0, answer
    return str(answer["Entries"][0]["EventId"])
