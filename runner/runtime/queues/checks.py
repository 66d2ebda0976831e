"""What SQS refuses in a message, and how it says so.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from runner.model.messaging import Queue
from runner.runtime.queues import errors
from runner.runtime.queues.envelope import Attribute, size

BATCH_MAX = 10
BATCH_BYTES = 1_048_576
DELAY_MAX_S = 900
ATTRIBUTES_MAX = 10
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")
GROUP_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
# What XML 1.0 cannot hold, and lone surrogates, which are no characters at all.
ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
NAME = re.compile(r"(?!\.)(?!.*\.\.)[A-Za-z0-9_.\-]{1,256}(?<!\.)")


def check_body(body: str, attributes: Mapping[str, Attribute], queue: Queue, *, batch: bool) -> None:
    """Raises ApiError."""
    if not body:
        raise errors.missing("MessageBody")
    check_characters(body)
    if size(body, attributes) > queue.maximum_message_size:
        kind = "cannot be validated" if batch else "are invalid"
        raise errors.invalid(
            f"One or more parameters {kind}. Reason: Message must be shorter than {queue.maximum_message_size} bytes."
        )


def check_characters(text: str) -> None:
    if found := ILLEGAL.search(text):
        raise errors.error(
            "InvalidMessageContents",
            f"Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to #xD7FF | #xE000 to"
            f" #xFFFD | #x10000 to #x10FFFF (found #x{ord(found[0]):X} at {found.start()})",
        )


def check_attributes(attributes: Mapping[str, Attribute]) -> None:
    if len(attributes) > ATTRIBUTES_MAX:
        raise errors.invalid(
            f"Number of message attributes [{len(attributes)}] exceeds the allowed maximum [{ATTRIBUTES_MAX}]."
        )
    for name, attribute in attributes.items():
        _check_name(name)
        if attribute.kind not in ("String", "Number", "Binary"):
            raise errors.invalid(
                f"The message attribute '{name}' has an invalid message attribute type, the set of supported type"
                " prefixes is Binary, Number, and String."
            )
        if not attribute.value:
            raise errors.invalid(
                f"Message (user) attribute '{name}' must contain a non-empty value of type '{attribute.kind}'."
            )
        if isinstance(attribute.value, str):
            check_characters(attribute.value)
        if attribute.kind == "Number":
            _check_number(name, attribute.value)


def _check_name(name: str) -> None:
    if name.lower().startswith(("aws.", "amazon.")) or not NAME.fullmatch(name):
        raise errors.invalid(
            f"Message (user) attribute name '{name}' is invalid. Attribute name can contain A-Z, a-z, 0-9, underscore"
            " (_), hyphen (-), and period (.), must not start with 'aws.' or 'amazon.', and must not start or end with"
            " a period or hold two in a row."
        )


def _check_number(name: str, value: str | bytes) -> None:
    try:
        float(value)
    except ValueError:
        raise errors.invalid(f"Can't cast the value of message (user) attribute '{name}' to a number.") from None


def check_id(parameter: str, value: str) -> None:
    """A group or deduplication id."""
    if not GROUP_ID.fullmatch(value):
        raise errors.invalid_value(
            value,
            parameter,
            f"{parameter} can only include alphanumeric and punctuation characters. 1 to 128 in length.",
        )


def check_delay(delay_s: int | None, queue: Queue) -> None:
    if delay_s is None:
        return
    if queue.fifo_queue and delay_s:
        raise errors.invalid_value(
            delay_s, "DelaySeconds", "The request include parameter that is not valid for this queue type."
        )
    if not 0 <= delay_s <= DELAY_MAX_S:
        raise errors.invalid_value(delay_s, "DelaySeconds", f"DelaySeconds must be >= 0 and <= {DELAY_MAX_S}.")


def check_batch_ids(ids: Sequence[str], entry: str) -> None:
    """The entries of a batch as a whole; `entry` is the name of the list's members."""
    if not ids:
        raise errors.batch_error("EmptyBatchRequest", f"There should be at least one {entry} in the request.")
    if len(ids) > BATCH_MAX:
        raise errors.batch_error(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {BATCH_MAX}. You have sent {len(ids)}.",
        )
    if not all(ENTRY_ID.fullmatch(entry_id) for entry_id in ids):
        raise errors.batch_error(
            "InvalidBatchEntryId",
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80"
            " letters long.",
        )
    for index, entry_id in enumerate(ids):
        if entry_id in ids[:index]:
            raise errors.batch_error("BatchEntryIdsNotDistinct", f"Id {entry_id} repeated.")


def check_batch_size(total: int) -> None:
    if total > BATCH_BYTES:
        raise errors.batch_error(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {BATCH_BYTES} bytes. You have sent {total} bytes.",
        )
