"""Messages on their way in: what a sender gives, what is refused, and what the engine's queue gets.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from runner.model.messaging import Queue
from runner.model.names import Arn
from runner.runtime.doors import Letter
from runner.runtime.queues import checks, errors
from runner.runtime.queues.deduplication import First
from runner.runtime.queues.envelope import Attribute, Envelope
from runner.store import ports

SENDER = "AIDAIENQZJOLO23YVJ4VO"  # who AWS says sent a message: an IAM principal's unique id


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to send. `id` makes it deterministic: sent again under the same one, it is the same message."""

    body: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    delay_s: int | None = None
    trace: str | None = None
    group: str | None = None
    deduplication: str | None = None
    id: str | None = None


def deduplication_id(one: Outgoing) -> str:
    """The one given, or the digest of the body."""
    return one.deduplication or sha256(one.body.encode()).hexdigest()


def check(one: Outgoing, queue: Queue, *, batch: bool) -> None:
    """Raises ApiError, in the order in which SQS looks."""
    checks.check_body(one.body, one.attributes, queue, batch=batch)
    checks.check_attributes(one.attributes)
    checks.check_delay(one.delay_s, queue)
    if queue.fifo_queue:
        if one.group is None:
            refused = errors.missing("MessageGroupId")
            raise errors.invalid(refused.message or "") if batch else refused
        if one.deduplication is None and not queue.content_based_deduplication:
            raise errors.invalid(
                "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
                " explicitly"
            )
    elif one.deduplication is not None:
        raise errors.invalid_value(
            one.deduplication,
            "MessageDeduplicationId",
            "The request includes a parameter that is not valid for this queue type.",
        )
    for parameter, value in (("MessageGroupId", one.group), ("MessageDeduplicationId", one.deduplication)):
        if value is not None:
            checks.check_id(parameter, value)


def as_message(one: Outgoing, queue: Queue, first: First, now: float) -> ports.Message:
    deduplication = deduplication_id(one) if queue.fifo_queue else one.deduplication
    envelope = Envelope(
        first.message_id,
        one.body,
        now,
        SENDER,
        one.attributes,
        one.trace,
        one.group,
        deduplication,
        first.sequence or None,
    )
    # In a FIFO queue a delay of 0 means none was given: the queue's own applies.
    delay_s = (one.delay_s or queue.delay_s) if queue.fifo_queue or one.delay_s is None else one.delay_s
    group = (one.group or "") if queue.fifo_queue else ""
    return ports.Message(first.message_id, envelope.encode(), now + delay_s, group)


def of_letter(arn: Arn, letter: Letter, queue: Queue) -> Outgoing:
    attributes = {name: _attribute(*written) for name, written in letter.attributes.items()}
    deduplication = letter.deduplication
    if queue.fifo_queue and deduplication is None and not queue.content_based_deduplication:
        raise errors.invalid(
            "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
            " explicitly"
        )
    return Outgoing(
        letter.body.decode(),
        attributes,
        trace=letter.trace,
        group=letter.group,
        deduplication=deduplication if queue.fifo_queue else None,
        id=f"{arn.resource}/{letter.id}",
    )


def _attribute(data_type: str, value: str) -> Attribute:
    if data_type.split(".", 1)[0] != "Binary":
        return Attribute(data_type, value)
    try:
        return Attribute(data_type, base64.b64decode(value, validate=True))
    except binascii.Error:
        return Attribute(data_type, value.encode())
