"""What SQS kept of the query protocol when its model moved to JSON: field names, XML names, error codes.

The model has lost them, but old SDKs still speak the query protocol, and newer ones still raise the old codes.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/Welcome.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.errors import ApiError
from runner.wire.models import ServiceModel

NAMESPACE = "http://queue.amazonaws.com/doc/2012-11-05/"

MEMBER_NAMES = {  # of flattened lists: shape -> the name of a field or element
    "AWSAccountIdList": "AWSAccountId",
    "ActionNameList": "ActionName",
    "AttributeNameList": "AttributeName",
    "BatchResultErrorEntryList": "BatchResultErrorEntry",
    "BinaryList": "BinaryListValue",
    "ChangeMessageVisibilityBatchRequestEntryList": "ChangeMessageVisibilityBatchRequestEntry",
    "ChangeMessageVisibilityBatchResultEntryList": "ChangeMessageVisibilityBatchResultEntry",
    "DeleteMessageBatchRequestEntryList": "DeleteMessageBatchRequestEntry",
    "DeleteMessageBatchResultEntryList": "DeleteMessageBatchResultEntry",
    "ListMessageMoveTasksResultEntryList": "ListMessageMoveTasksResultEntry",
    "MessageAttributeNameList": "MessageAttributeName",
    "MessageList": "Message",
    "MessageSystemAttributeList": "AttributeName",
    "QueueUrlList": "QueueUrl",
    "SendMessageBatchRequestEntryList": "SendMessageBatchRequestEntry",
    "SendMessageBatchResultEntryList": "SendMessageBatchResultEntry",
    "StringList": "StringListValue",
    "TagKeyList": "TagKey",
}
MAP_NAMES = {  # of flattened maps: shape -> the names of an entry, its key and its value
    "MessageBodyAttributeMap": ("MessageAttribute", "Name", "Value"),
    "MessageBodySystemAttributeMap": ("MessageSystemAttribute", "Name", "Value"),
    "MessageSystemAttributeMap": ("Attribute", "Name", "Value"),
    "QueueAttributeMap": ("Attribute", "Name", "Value"),
    "TagMap": ("Tag", "Key", "Value"),
}

PREFIX = "AWS.SimpleQueueService."
LEGACY_CODES = {  # name of the error's shape -> code of the query protocol
    "BatchEntryIdsNotDistinct": PREFIX + "BatchEntryIdsNotDistinct",
    "BatchRequestTooLong": PREFIX + "BatchRequestTooLong",
    "EmptyBatchRequest": PREFIX + "EmptyBatchRequest",
    "InvalidBatchEntryId": PREFIX + "InvalidBatchEntryId",
    "MessageNotInflight": PREFIX + "MessageNotInflight",
    "PurgeQueueInProgress": PREFIX + "PurgeQueueInProgress",
    "QueueDeletedRecently": PREFIX + "QueueDeletedRecently",
    "QueueDoesNotExist": PREFIX + "NonExistentQueue",
    "TooManyEntriesInBatchRequest": PREFIX + "TooManyEntriesInBatchRequest",
    "UnsupportedOperation": PREFIX + "UnsupportedOperation",
    "QueueNameExists": "QueueAlreadyExists",
    "InvalidParameterValueException": "InvalidParameterValue",
    "MissingRequiredParameterException": "MissingParameter",
    "KmsAccessDenied": "KMS.AccessDeniedException",
    "KmsDisabled": "KMS.DisabledException",
    "KmsInvalidKeyUsage": "KMS.InvalidKeyUsageException",
    "KmsInvalidState": "KMS.InvalidStateException",
    "KmsNotFound": "KMS.NotFoundException",
    "KmsOptInRequired": "KMS.OptInRequired",
    "KmsThrottled": "KMS.ThrottlingException",
}
SHAPES = {code: shape for shape, code in LEGACY_CODES.items()}
STATUSES = {  # where the answer is not 400
    "InvalidSecurity": 403,
    "OverLimit": 403,
    "PurgeQueueInProgress": 403,
    "RequestThrottled": 403,
    "ResourceNotFoundException": 404,
}
QUERY_TEXTS = {
    "The specified queue does not exist.": "The specified queue does not exist for this wsdl version.",
}


def query_error(error: ApiError) -> tuple[ApiError, str]:
    """The error under its shape's name, whichever name it came by, and the value of `x-amzn-query-error`."""
    name = SHAPES.get(error.code, error.code)
    status = STATUSES.get(name, 400) if error.status == 400 else error.status
    known = ApiError(name, error.message, status, members=error.members)
    fault = "Sender" if status < 500 else "Receiver"
    return known, f"{LEGACY_CODES.get(name, name)};{fault}"


def legacy_error(error: ApiError) -> ApiError:
    """The error as the query protocol gives it: its old code, its old text."""
    named, legacy = query_error(error)
    message = None if named.message is None else QUERY_TEXTS.get(named.message, named.message)
    return ApiError(legacy.partition(";")[0], message, named.status, members={"Detail": "", **named.members})


def legacy_model(model: ServiceModel) -> ServiceModel:
    """SQS's model with the names of the query protocol put back."""
    shapes: dict[str, Any] = dict(model.shapes)
    for name, element in MEMBER_NAMES.items():
        if name in shapes:
            shapes[name] = {
                **shapes[name],
                "flattened": True,
                "member": {**shapes[name]["member"], "locationName": element},
            }
    for name, (entry, key, value) in MAP_NAMES.items():
        if name in shapes:
            shapes[name] = _named_map(shapes[name], entry, key, value)
    metadata = {**model.metadata, "protocol": "query", "xmlNamespace": NAMESPACE}
    return ServiceModel(model.name, {"metadata": metadata, "shapes": shapes, "operations": model.raw_operations})


def _named_map(shape: Mapping[str, Any], entry: str, key: str, value: str) -> dict[str, Any]:
    return {
        **shape,
        "flattened": True,
        "locationName": entry,
        "key": {**shape["key"], "locationName": key},
        "value": {**shape["value"], "locationName": value},
    }
