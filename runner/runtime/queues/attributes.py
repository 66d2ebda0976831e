"""A queue's attributes as the API spells them: text in, text out, and what is refused.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from runner.model.errors import ApiError
from runner.model.messaging import Queue
from runner.model.names import Arn, Place
from runner.model.state import Deployed
from runner.runtime.queues import errors
from runner.store.ports import Depth

NUMBERS = frozenset(
    {
        "DelaySeconds",
        "KmsDataKeyReusePeriodSeconds",
        "MaximumMessageSize",
        "MessageRetentionPeriod",
        "ReceiveMessageWaitTimeSeconds",
        "VisibilityTimeout",
    }
)
FLAGS = frozenset({"ContentBasedDeduplication", "FifoQueue", "SqsManagedSseEnabled"})
TEXTS = frozenset({"KmsMasterKeyId", "DeduplicationScope", "FifoThroughputLimit"})
DOCUMENTS = frozenset({"RedrivePolicy", "RedriveAllowPolicy"})
FIFO_ONLY = frozenset({"ContentBasedDeduplication", "FifoQueue"})
FIFO_CHOICES = frozenset({"DeduplicationScope", "FifoThroughputLimit"})
DEPTHS = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesDelayed", "ApproximateNumberOfMessagesNotVisible")
READ_ONLY = frozenset({"QueueArn", "CreatedTimestamp", "LastModifiedTimestamp", *DEPTHS})
SETTABLE = NUMBERS | FLAGS | TEXTS | DOCUMENTS | {"Policy"}
QUEUE_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}|[A-Za-z0-9_-]{1,75}\.fifo")
RECEIVES_MAX = 1000


@dataclass(frozen=True, slots=True)
class Redrive:
    """Where a message goes after `max_receives` receives."""

    arn: str
    max_receives: int

    @property
    def queue(self) -> str:
        return self.arn.rsplit(":", 1)[-1]


def redrive(queue: Queue) -> Redrive | None:
    """The queue's redrive policy, a document or its text; None without one, or with one that says nothing."""
    document = _document(queue.redrive_policy)
    try:
        return Redrive(str(document["deadLetterTargetArn"]), int(document["maxReceiveCount"]))
    except (KeyError, TypeError, ValueError):
        return None


def _document(value: Mapping[str, Any] | str | None) -> Mapping[str, Any]:
    if isinstance(value, str):
        try:
            value = json.loads(value) if value else {}
        except ValueError:
            return {}
    return value if isinstance(value, Mapping) else {}


def changed(queue: Queue, attributes: Mapping[str, str], *, new: bool) -> Queue:
    """The queue with attributes set. Raises ApiError. `Policy` is not part of the queue and left out here."""
    unknown = sorted(set(attributes) - SETTABLE)
    if unknown:
        raise errors.error("InvalidAttributeName", f"Unknown Attribute {unknown[0]}.")
    document = queue.model_dump(by_alias=True, exclude_unset=True)
    fifo = (queue.queue_name or "").endswith(".fifo")
    for name, text in attributes.items():
        if name != "Policy":
            _check_kind(name, text, fifo=fifo, new=new)
            document[name] = _parsed(name, text)
    if document.get("KmsMasterKeyId") and "KmsMasterKeyId" in attributes:
        if attributes.get("SqsManagedSseEnabled") == "true":
            raise _two_encryptions()
        document["SqsManagedSseEnabled"] = False
    elif attributes.get("SqsManagedSseEnabled") == "true" and document.get("KmsMasterKeyId"):
        raise _two_encryptions()
    document = {name: value for name, value in document.items() if value is not None}
    try:
        return Queue.model_validate(document)
    except ValidationError as error:
        raise _bad_value(str(error.errors()[0]["loc"][0])) from None


def _two_encryptions() -> ApiError:
    return errors.error(
        "InvalidAttributeName",
        "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE.",
    )


def _bad_value(name: str) -> ApiError:
    return errors.error("InvalidAttributeValue", f"Invalid value for the parameter {name}.")


def _check_kind(name: str, text: str, *, fifo: bool, new: bool) -> None:
    if fifo and name == "FifoQueue" and text != "true":
        reason = "Modifying queue type is not supported."
        raise errors.error("InvalidAttributeValue", f"Invalid value for the parameter FifoQueue. Reason: {reason}")
    if fifo:
        return
    if name in FIFO_ONLY:
        raise errors.error("InvalidAttributeName", f"Unknown Attribute {name}.")
    if name in FIFO_CHOICES:
        raise errors.error("InvalidAttributeName", f"You can specify the {name} only when FifoQueue is set to true.")


def _parsed(name: str, text: str) -> Any:
    """The value as the noun holds it; None removes it."""
    if text == "" and name in DOCUMENTS | TEXTS:
        return None
    if name in NUMBERS:
        if not text.isdecimal():
            raise _bad_value(name)
        return int(text)
    if name in FLAGS:
        if text.lower() not in ("true", "false"):
            raise _bad_value(name)
        return text.lower() == "true"
    if name == "RedrivePolicy":
        _check_redrive(text)
    return text


def _check_redrive(text: str) -> None:
    def refuse(reason: str) -> ApiError:
        return errors.invalid_value(text, "RedrivePolicy", reason)

    try:
        policy = json.loads(text)
    except ValueError:
        raise refuse("Redrive policy is not a valid JSON map.") from None
    if not isinstance(policy, dict):
        raise refuse("Redrive policy is not a valid JSON map.")
    for name in ("deadLetterTargetArn", "maxReceiveCount"):
        if name not in policy:
            raise refuse(f"Redrive policy does not contain mandatory attribute: {name}.")
    if len(policy) > 2:
        raise refuse("Only following attributes are supported: [deadLetterTargetArn, maxReceiveCount].")
    arn = Arn.parse(str(policy["deadLetterTargetArn"]))
    if arn is None or arn.service != "sqs":
        raise refuse("Invalid value for deadLetterTargetArn.")
    count = str(policy["maxReceiveCount"])
    if not count.isdecimal() or not 1 <= int(count) <= RECEIVES_MAX:
        raise refuse(
            f"Invalid value for maxReceiveCount: {count}, valid values are from 1 to {RECEIVES_MAX} both inclusive."
        )


def described(deployed: Deployed[Queue], place: Place, depth: Depth, policy: str | None) -> dict[str, str]:
    """Every attribute of a queue, in the order of names."""
    queue, name = deployed.noun, deployed.key
    values = {
        "QueueArn": place.queue(name),
        "ApproximateNumberOfMessages": str(depth.visible),
        "ApproximateNumberOfMessagesNotVisible": str(depth.leased),
        "ApproximateNumberOfMessagesDelayed": str(depth.delayed),
        "CreatedTimestamp": str(int(deployed.created_at)),
        "LastModifiedTimestamp": str(int(deployed.modified_at)),
        "VisibilityTimeout": str(queue.visibility_timeout_s),
        "MaximumMessageSize": str(queue.maximum_message_size),
        "MessageRetentionPeriod": str(queue.retention_s),
        "DelaySeconds": str(queue.delay_s),
        "ReceiveMessageWaitTimeSeconds": str(queue.receive_wait_s),
        "SqsManagedSseEnabled": _flag(queue.sqs_managed_sse_enabled, default=queue.kms_master_key_id is None),
        "Policy": policy,
        "RedrivePolicy": _text(queue.redrive_policy),
        "RedriveAllowPolicy": _text(queue.redrive_allow_policy),
    }
    if queue.kms_master_key_id:
        values["KmsMasterKeyId"] = queue.kms_master_key_id
        values["KmsDataKeyReusePeriodSeconds"] = str(queue.kms_data_key_reuse_period_s)
    if queue.fifo_queue:
        values["FifoQueue"] = "true"
        values["ContentBasedDeduplication"] = _flag(queue.content_based_deduplication, default=False)
        values["DeduplicationScope"] = queue.deduplication_scope or "queue"
        values["FifoThroughputLimit"] = queue.fifo_throughput_limit or "perQueue"
    return {name: value for name, value in sorted(values.items()) if value is not None}


def _flag(value: bool | None, *, default: bool) -> str:
    return "true" if (default if value is None else value) else "false"


def _text(document: Mapping[str, Any] | str | None) -> str | None:
    if document is None or isinstance(document, str):
        return document or None
    return json.dumps(document, separators=(",", ":"))


def difference(queue: Queue, attributes: Mapping[str, str]) -> str | None:
    """The first attribute whose value is not the queue's, for a creation of what exists already."""
    wanted = changed(queue, attributes, new=True)
    for name in sorted(attributes):
        field = next((key for key, info in Queue.model_fields.items() if info.alias == name), None)
        if field is not None and getattr(wanted, field) != getattr(queue, field):
            return name
    return None
