"""How an event source mapping makes batches of SQS messages, reads what the function answered, and scales.

Source: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
        https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

BATCH_SIZE = 10  # SQS's default
PAYLOAD_MAX_BYTES = 6 * 1024 * 1024  # of the whole event, metadata included
ENVELOPE_BYTES = len('{"Records":[]}')
INITIAL_CONCURRENCY = 5  # concurrent batches of a new mapping
CONCURRENCY_MAX = 1250
GROWTH_PER_MINUTE = 300
# SQS's own attributes in the order in which a record shows them.
ATTRIBUTES = (
    "DeadLetterQueueSourceArn",
    "ApproximateReceiveCount",
    "AWSTraceHeader",
    "SentTimestamp",
    "SequenceNumber",
    "MessageGroupId",
    "SenderId",
    "MessageDeduplicationId",
    "ApproximateFirstReceiveTimestamp",
)


class Processing(StrEnum):
    """`LastProcessingResult`."""

    NONE = "No records processed"
    OK = "OK"
    FUNCTION_FAILED = "PROBLEM: Function call failed"
    INTERNAL = "PROBLEM: Lambda internal error. Please contact Lambda customer support."
    CONNECTION = "PROBLEM: Connection error. Please check your event source connection configuration."


@dataclass(frozen=True, slots=True)
class SqsMessage:
    """A received message. `attributes` are SQS's own, as strings; `message_attributes` name -> (data type, value).

    A value of a `Binary` type is base64 text. `until` is when the message becomes visible to others again.
    """

    id: str
    receipt: str
    body: str
    md5_of_body: str
    attributes: Mapping[str, str]
    message_attributes: Mapping[str, tuple[str, str]]
    md5_of_message_attributes: str | None = None
    until: float = 0.0

    @property
    def trace(self) -> str | None:
        return self.attributes.get("AWSTraceHeader")

    @property
    def group(self) -> str | None:
        return self.attributes.get("MessageGroupId")


def sqs_record(message: SqsMessage, queue_arn: str, region: str, *, window: bool = False) -> dict[str, Any]:
    """The record that a function receives, keys in AWS's order.

    Recorded: a mapping with a batching window shows a missing `md5OfMessageAttributes` as null, one without leaves
    it out.
    """
    record: dict[str, Any] = {
        "messageId": message.id,
        "receiptHandle": message.receipt,
        "body": message.body,
        "attributes": {name: message.attributes[name] for name in ATTRIBUTES if name in message.attributes},
        "messageAttributes": {name: _attribute(*value) for name, value in message.message_attributes.items()},
    }
    if message.md5_of_message_attributes is not None or window:
        record["md5OfMessageAttributes"] = message.md5_of_message_attributes
    return record | {
        "md5OfBody": message.md5_of_body,
        "eventSource": "aws:sqs",
        "eventSourceARN": queue_arn,
        "awsRegion": region,
    }


def _attribute(data_type: str, value: str) -> dict[str, Any]:
    key = "binaryValue" if data_type.split(".")[0] == "Binary" else "stringValue"
    return {key: value, "stringListValues": [], "binaryListValues": [], "dataType": data_type}


def encode_record(record: Mapping[str, Any]) -> bytes:
    return json.dumps(record, separators=(",", ":"), ensure_ascii=False).encode()


def event(records: Sequence[bytes]) -> bytes:
    """The event of encoded records."""
    return b'{"Records":[' + b",".join(records) + b"]}"


def split(sizes: Sequence[int], *, limit: int = PAYLOAD_MAX_BYTES) -> list[range]:
    """Cut encoded records of these sizes into runs whose event stays within `limit` bytes; order is kept.

    A record that is too large alone gets a run of its own.
    """
    runs: list[range] = []
    start, held = 0, ENVELOPE_BYTES
    for index, size in enumerate(sizes):
        if index > start and held + 1 + size > limit:
            runs.append(range(start, index))
            start, held = index, ENVELOPE_BYTES
        held += size + (1 if index > start else 0)
    if start < len(sizes):
        runs.append(range(start, len(sizes)))
    return runs


def failed_items(payload: bytes, sent: AbstractSet[str]) -> frozenset[str]:
    """The ids of the messages that failed, by a ReportBatchItemFailures answer; all of `sent` where it is malformed.

    Empty answers, `null`, `{}` and an empty or null list mean that everything succeeded.
    """
    everything = frozenset(sent)
    try:
        document = json.loads(payload) if payload.strip() else None
    except ValueError:
        return everything
    if document is None or document == "":
        return frozenset()
    if not isinstance(document, dict):
        return everything
    items = document.get("batchItemFailures")
    if items is None:
        return frozenset()
    if not isinstance(items, list):
        return everything
    ids = [item.get("itemIdentifier") if isinstance(item, dict) else None for item in items]
    if any(not isinstance(one, str) or one not in sent for one in ids):
        return everything
    return frozenset(one for one in ids if isinstance(one, str))


@dataclass(frozen=True, slots=True)
class Scale:
    """How many batches a mapping may have in flight; fractional, because it grows with time. `at`: last reckoned."""

    concurrency: float
    at: float

    @property
    def slots(self) -> int:
        return max(1, int(self.concurrency))


def initial_scale(maximum: int | None, *, now: float) -> Scale:
    """`maximum` is MaximumConcurrency."""
    return Scale(float(min(INITIAL_CONCURRENCY, maximum or CONCURRENCY_MAX)), now)


def busier(scale: Scale, maximum: int | None, *, now: float) -> Scale:
    """The scale after time with every slot busy: up to 300 more a minute, to the maximum."""
    grown = scale.concurrency + GROWTH_PER_MINUTE / 60 * max(0.0, now - scale.at)
    return Scale(min(grown, float(maximum or CONCURRENCY_MAX)), now)


def backed_off(scale: Scale, *, now: float) -> Scale:
    """The scale after a failed batch: half, but never none."""
    return Scale(max(1.0, scale.concurrency / 2), now)


def binary_text(value: bytes) -> str:
    """A binary attribute's value as a record carries it."""
    return base64.b64encode(value).decode()
