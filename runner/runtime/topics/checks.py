"""What SNS refuses in a message, and how it says so. Texts recorded from AWS.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Publish.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runner.model.errors import ApiError
from runner.model.messaging import Topic
from runner.runtime.queues import Attribute
from runner.runtime.queues.envelope import size
from runner.runtime.topics import errors

MESSAGE_BYTES = 262_144
SUBJECT_MAX = 100
BATCH_MAX = 10
ENTRY_ID_MAX = 80
NAME_BYTES = 256
ENTRY_ID = re.compile(r"[A-Za-z0-9_-]*")
SUBJECT = re.compile(r"[!-~][ -~]*")
FIFO_ID = re.compile(r"[A-Za-z0-9!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~]{1,128}")
ALIEN = re.compile(r"[^A-Za-z0-9_.\-]")


def check_message(message: str, subject: str | None, attributes: Mapping[str, Attribute]) -> None:
    """Raises ApiError."""
    if not message:
        raise errors.invalid("Empty message")
    if size(message, attributes) > MESSAGE_BYTES:
        raise errors.invalid("Message too long")
    if subject is not None and (len(subject) > SUBJECT_MAX or not SUBJECT.fullmatch(subject)):
        raise errors.invalid("Subject")


def structured(message: str) -> dict[str, str]:
    """The message for each protocol of a `json` message structure; `default` is among them. Raises ApiError."""
    try:
        document: Any = json.loads(message)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        raise errors.invalid("Message Structure - JSON message body failed to parse")
    if not isinstance(document.get("default"), str):
        raise errors.invalid("Message Structure - No default entry in JSON message body")
    return {protocol: text for protocol, text in document.items() if isinstance(text, str)}


def check_order(topic: Topic, group: str | None, deduplication: str | None) -> None:
    """Group and deduplication id against the topic's kind. Raises ApiError."""
    if topic.fifo_topic:
        if not group:
            raise errors.invalid("The MessageGroupId parameter is required for FIFO topics")
        if not deduplication and not topic.content_based_deduplication:
            raise errors.invalid(
                "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided"
                " explicitly"
            )
    elif deduplication is not None:
        raise errors.invalid(
            "MessageDeduplicationId Reason: The request includes MessageDeduplicationId parameter that is not valid for"
            " this topic type"
        )
    for parameter, value in (("MessageGroupId", group), ("MessageDeduplicationId", deduplication)):
        if value is not None and not FIFO_ID.fullmatch(value):
            raise errors.invalid(
                f"{parameter} Reason: {parameter} can only include alphanumeric and punctuation characters"
            )


def attribute(name: str, members: Mapping[str, Any], path: str) -> Attribute:
    """One message attribute from its members; `path` is where it stands in the request. Raises ApiError."""
    data_type = members.get("DataType")
    if data_type is None:
        raise errors.null(f"{path}.{name}.member.dataType")
    _check_name(name)
    kind = data_type.split(".", 1)[0]
    if kind not in ("String", "Number", "Binary"):
        raise errors.invalid_attribute_value(
            f"The message attribute '{name}' has an invalid message attribute type, the set of supported type prefixes"
            " is Binary, Number, and String."
        )
    field, other = ("Binary", "String") if kind == "Binary" else ("String", "Binary")
    if members.get(f"{other}Value") and not members.get(f"{field}Value"):
        raise errors.invalid_attribute_value(
            f"The message attribute '{name}' with type '{data_type}' must use field '{field}'."
        )
    value = members.get(f"{field}Value")
    if not value:
        raise errors.invalid_attribute_value(
            f"The message attribute '{name}' must contain non-empty message attribute value for message attribute type"
            f" '{data_type}'."
        )
    _check_value(name, data_type, value)
    return Attribute(data_type, value)


def _check_value(name: str, data_type: str, value: str | bytes) -> None:
    if data_type.split(".", 1)[0] == "Number":
        try:
            float(value)
        except ValueError:
            raise errors.invalid_attribute_value(
                f"Could not cast message attribute '{name}' value to number."
            ) from None
    if data_type == "String.Array":
        try:
            parsed = json.loads(value)
        except ValueError:
            parsed = None
        if not isinstance(parsed, list):
            raise errors.invalid_attribute_value(
                f"Invalid value for message attribute '{name}' of type 'String.Array': it must be a JSON array."
            )


def _check_name(name: str) -> None:
    if not name or len(name.encode()) > NAME_BYTES:
        raise errors.invalid_attribute_value("Length of message attribute name must be less than 256 bytes.")
    if found := ALIEN.search(name):
        raise errors.invalid_attribute_value(
            f"Invalid non-alphanumeric character '#x{ord(found[0]):X}' was found in the message attribute name. Can"
            " only include alphanumeric characters, hyphens, underscores, or dots."
        )
    if name.startswith("."):
        raise errors.invalid_attribute_value("Invalid message attribute name starting with character '.' was found.")
    if name.endswith("."):
        raise errors.invalid_attribute_value("Invalid message attribute name ending with character '.' was found.")
    if ".." in name:
        raise errors.invalid_attribute_value("Message attribute name can not have successive '.' character.")


def check_batch_ids(ids: Sequence[str]) -> None:
    """The entries of a batch as a whole. Raises ApiError."""
    if not ids:
        raise ApiError("EmptyBatchRequest", "The batch request doesn't contain any entries.")
    if len(ids) > BATCH_MAX:
        raise ApiError("TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible.")
    for entry_id in ids:
        if len(entry_id) > ENTRY_ID_MAX:
            raise ApiError(
                "InvalidBatchEntryId", f"The Id of a batch entry in the batch request is too long: {entry_id}"
            )
        if not ENTRY_ID.fullmatch(entry_id):
            raise ApiError(
                "InvalidBatchEntryId",
                f"The Id of a batch entry in the batch request contains an impermissible character: {entry_id}",
            )
    if len(set(ids)) != len(ids):
        raise ApiError("BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id.")


def check_batch_size(total: int) -> None:
    if total > MESSAGE_BYTES:
        raise ApiError("BatchRequestTooLong", "The length of all the messages put together is more than the limit.")
