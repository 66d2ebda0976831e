# ruff: noqa: E501 - a refusal is one row
"""What SQS refuses, word for word, and the shapes of what it answers. Recorded on AWS where a row says nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import ApiError
from runner.model.messaging import QueuePolicy
from runner.model.state import Deployed
from tests.runtime.messaging import PLACE, World, told

NS = "AWS.SimpleQueueService."
IDS = "can only include alphanumeric and punctuation characters. 1 to 128 in length."
ENTRY_RULE = "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most 80 letters long."
DEDUPLICATION = (
    "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
)


def entries(*ids: str, body: str = "x") -> list[dict[str, str]]:
    return [{"Id": entry_id, "MessageBody": body} for entry_id in ids]


def attribute(value: str = "v", data_type: str = "String") -> dict[str, str]:
    return {"DataType": data_type, "StringValue": value}


# fmt: off
REFUSALS: list[tuple[str, str, dict[str, Any], str, str]] = [
    # sentence, operation, members (the queue is `q` unless given), code, message
    ("an unknown queue", "SendMessage", {"queue": "none", "MessageBody": "x"}, NS + "NonExistentQueue", "The specified queue does not exist."),
    ("an unknown name", "GetQueueUrl", {"queue": None, "QueueName": "none"}, NS + "NonExistentQueue", "The specified queue does not exist."),
    ("no body", "SendMessage", {"MessageBody": ""}, "MissingParameter", "The request must contain the parameter MessageBody."),
    ("a body too long", "SendMessage", {"queue": "small", "MessageBody": "x" * 1025}, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
    ("an attribute counts", "SendMessage", {"queue": "small", "MessageBody": "x" * 1012, "MessageAttributes": {"name": attribute("vvv")}}, "InvalidParameterValue", "One or more parameters are invalid. Reason: Message must be shorter than 1024 bytes."),
    ("an empty attribute", "SendMessage", {"MessageBody": "x", "MessageAttributes": {"ErrorDetails": attribute("")}}, "InvalidParameterValue", "Message (user) attribute 'ErrorDetails' must contain a non-empty value of type 'String'."),
    ("a group id with spaces", "SendMessage", {"MessageBody": "x", "MessageGroupId": "group 123"}, "InvalidParameterValue", f"Value group 123 for parameter MessageGroupId is invalid. Reason: MessageGroupId {IDS}"),
    ("an empty group id", "SendMessage", {"MessageBody": "x", "MessageGroupId": ""}, "InvalidParameterValue", f"Value  for parameter MessageGroupId is invalid. Reason: MessageGroupId {IDS}"),
    ("a long group id", "SendMessage", {"MessageBody": "x", "MessageGroupId": "a" * 129}, "InvalidParameterValue", f"Value {'a' * 129} for parameter MessageGroupId is invalid. Reason: MessageGroupId {IDS}"),
    ("a delay in a FIFO queue", "SendMessage", {"queue": "q.fifo", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d", "DelaySeconds": 2}, "InvalidParameterValue", "Value 2 for parameter DelaySeconds is invalid. Reason: The request include parameter that is not valid for this queue type."),
    ("a FIFO queue without a group", "SendMessage", {"queue": "q.fifo", "MessageBody": "x"}, "MissingParameter", "The request must contain the parameter MessageGroupId."),
    ("a FIFO queue without a deduplication id", "SendMessage", {"queue": "q.fifo", "MessageBody": "x", "MessageGroupId": "g"}, "InvalidParameterValue", DEDUPLICATION),
    ("a deduplication id with a space", "SendMessage", {"queue": "q.fifo", "MessageBody": "x", "MessageGroupId": "g", "MessageDeduplicationId": "a b"}, "InvalidParameterValue", f"Value a b for parameter MessageDeduplicationId is invalid. Reason: MessageDeduplicationId {IDS}"),
    ("an empty batch", "SendMessageBatch", {"Entries": []}, NS + "EmptyBatchRequest", "There should be at least one SendMessageBatchRequestEntry in the request."),
    ("twenty entries", "SendMessageBatch", {"Entries": entries(*map(str, range(20)))}, NS + "TooManyEntriesInBatchRequest", "Maximum number of entries per request are 10. You have sent 20."),
    ("a bad entry id", "SendMessageBatch", {"Entries": entries("invalid:id")}, NS + "InvalidBatchEntryId", ENTRY_RULE),
    ("a long entry id", "DeleteMessageBatch", {"Entries": [{"Id": "a" * 81, "ReceiptHandle": "h"}]}, NS + "InvalidBatchEntryId", ENTRY_RULE),
    ("an entry id twice", "SendMessageBatch", {"Entries": entries("a", "b", "a")}, NS + "BatchEntryIdsNotDistinct", "Id a repeated."),
    ("a batch too long", "SendMessageBatch", {"Entries": entries("1", body="a" * 1_048_576) + entries("2")}, NS + "BatchRequestTooLong", "Batch requests cannot be longer than 1048576 bytes. You have sent 1048577 bytes."),
    ("eleven messages", "ReceiveMessage", {"MaxNumberOfMessages": 11}, "InvalidParameterValue", "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."),
    ("a poll of 21 s", "ReceiveMessage", {"WaitTimeSeconds": 21}, "InvalidParameterValue", "Value 21 for parameter WaitTimeSeconds is invalid. Reason: Must be >= 0 and <= 20, if provided."),
    ("a handle that never was", "DeleteMessage", {"ReceiptHandle": "garbage"}, "ReceiptHandleIsInvalid", 'The input receipt handle "garbage" is not a valid receipt handle.'),
    ("FifoQueue on a standard queue", "SetQueueAttributes", {"Attributes": {"FifoQueue": "true"}}, "InvalidAttributeName", "Unknown Attribute FifoQueue."),
    ("ContentBasedDeduplication on a standard queue", "SetQueueAttributes", {"Attributes": {"ContentBasedDeduplication": "true"}}, "InvalidAttributeName", "Unknown Attribute ContentBasedDeduplication."),
    ("another type of queue", "SetQueueAttributes", {"queue": "q.fifo", "Attributes": {"FifoQueue": "false"}}, "InvalidAttributeValue", "Invalid value for the parameter FifoQueue. Reason: Modifying queue type is not supported."),
    ("DeduplicationScope on a standard queue", "SetQueueAttributes", {"Attributes": {"DeduplicationScope": "queue"}}, "InvalidAttributeName", "You can specify the DeduplicationScope only when FifoQueue is set to true."),
    ("two encryptions", "SetQueueAttributes", {"Attributes": {"KmsMasterKeyId": "k", "SqsManagedSseEnabled": "true"}}, "InvalidAttributeName", "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS SSE."),
    ("an unheard-of attribute", "GetQueueAttributes", {"AttributeNames": ["Foobar"]}, "InvalidAttributeName", "Unknown Attribute Foobar."),
    ("a value out of range", "SetQueueAttributes", {"Attributes": {"DelaySeconds": "901"}}, "InvalidAttributeValue", "Invalid value for the parameter DelaySeconds."),
    ("creation with another attribute", "CreateQueue", {"queue": None, "QueueName": "small", "Attributes": {"DelaySeconds": "1"}}, "QueueAlreadyExists", "A queue already exists with the same name and a different value for attribute DelaySeconds"),
    ("a second purge", "PurgeQueue", {"queue": "purged"}, NS + "PurgeQueueInProgress", "Only one PurgeQueue operation on purged is allowed every 60 seconds."),
]
# fmt: on


@pytest.mark.parametrize(
    ("operation", "members", "code", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusals(tmp_path: Path, operation: str, members: dict[str, Any], code: str, message: str) -> None:
    async def history(it: World) -> None:
        await it.queue("q")
        await it.queue("small", MaximumMessageSize="1024")
        await it.queue("q.fifo")
        await it.queue("purged")
        await it.sqs("PurgeQueue", "purged")
        with pytest.raises(ApiError) as refused:
            await it.sqs(operation, **{"queue": "q", **members})
        assert (refused.value.code, refused.value.message) == (code, message)

    told(history, tmp_path)


def test_a_batch_tells_each_entrys_fate(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("q", MaximumMessageSize="1024")
        too_long, fine = entries("long", body="a" * 2000), entries("fine", body="a")
        answer = await it.sqs("SendMessageBatch", "q", Entries=[*too_long, *fine])
        (sent,) = answer["Successful"]
        assert (sent["Id"], sent["MD5OfMessageBody"]) == ("fine", "0cc175b9c0f1b6a831c399e269772661")
        assert answer["Failed"] == [
            {
                "Id": "long",
                "Code": "InvalidParameterValue",
                "Message": (
                    "One or more parameters cannot be validated. Reason: Message must be shorter than 1024 bytes."
                ),
                "SenderFault": True,
            }
        ]
        handles = [message["ReceiptHandle"] for message in await it.receive("q")]
        wanted = [{"Id": "a", "ReceiptHandle": handles[0]}, {"Id": "b", "ReceiptHandle": "nonsense"}]
        answer = await it.sqs("DeleteMessageBatch", "q", Entries=wanted)
        assert answer["Successful"] == [{"Id": "a"}]
        assert answer["Failed"][0]["Code"] == "ReceiptHandleIsInvalid"
        assert (await it.queues.depth("q")).leased == 0

    told(history, tmp_path)


def test_the_attributes_of_a_message_are_those_asked_for(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("q", VisibilityTimeout="0")
        names = {name: attribute(name) for name in ("Foo", "shop.id", "shop.name")}
        await it.send("q", MessageAttributes=names)

        async def shown(*wanted: str) -> list[str]:
            (message,) = await it.receive("q", MessageAttributeNames=list(wanted))
            assert ("MD5OfMessageAttributes" in message) == ("MessageAttributes" in message)
            return sorted(message.get("MessageAttributes", {}))

        assert await shown() == []
        assert await shown("All") == await shown(".*") == ["Foo", "shop.id", "shop.name"]
        assert await shown("Foo", "none") == ["Foo"]
        assert await shown("shop.*") == ["shop.id", "shop.name"]
        (message,) = await it.receive("q", AttributeNames=["SenderId"], MessageSystemAttributeNames=["SentTimestamp"])
        assert sorted(message["Attributes"]) == ["SenderId", "SentTimestamp"]

    told(history, tmp_path)


def test_queue_attributes_have_awss_defaults_and_change(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("q", MessageRetentionPeriod="604800", ReceiveMessageWaitTimeSeconds="10", VisibilityTimeout="20")
        attributes = (await it.sqs("GetQueueAttributes", "q", AttributeNames=["All"]))["Attributes"]
        assert attributes == {
            "ApproximateNumberOfMessages": "0",
            "ApproximateNumberOfMessagesDelayed": "0",
            "ApproximateNumberOfMessagesNotVisible": "0",
            "CreatedTimestamp": "1700000000",
            "DelaySeconds": "0",
            "LastModifiedTimestamp": "1700000000",
            "MaximumMessageSize": "1048576",
            "MessageRetentionPeriod": "604800",
            "QueueArn": PLACE.queue("q"),
            "ReceiveMessageWaitTimeSeconds": "10",
            "SqsManagedSseEnabled": "true",
            "VisibilityTimeout": "20",
        }
        changes = {"MaximumMessageSize": "2048", "VisibilityTimeout": "69", "DelaySeconds": "420"}
        await it.clock.advance(5)
        await it.sqs("SetQueueAttributes", "q", Attributes=changes)
        after = (await it.sqs("GetQueueAttributes", "q", AttributeNames=["All"]))["Attributes"]
        assert after == {**attributes, **changes, "LastModifiedTimestamp": "1700000005"}
        assert await it.sqs("GetQueueAttributes", "q") == {}
        assert await it.sqs("GetQueueAttributes", "q", AttributeNames=["Policy"]) == {}

    told(history, tmp_path)


def test_a_fifo_queue_shows_its_kind(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("q.fifo", ContentBasedDeduplication="true")
        wanted = ["FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"]
        attributes = (await it.sqs("GetQueueAttributes", "q.fifo", AttributeNames=wanted))["Attributes"]
        assert attributes == {
            "FifoQueue": "true",
            "ContentBasedDeduplication": "true",
            "DeduplicationScope": "queue",
            "FifoThroughputLimit": "perQueue",
        }

    told(history, tmp_path)


def test_policies_are_set_shown_and_removed(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("dead")
        policy = {"Version": "2012-10-17", "Statement": []}
        redrive = {"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 3}
        await it.queue("q", Policy=json.dumps(policy), RedrivePolicy=json.dumps(redrive))
        asked = {"AttributeNames": ["Policy", "RedrivePolicy"]}
        shown = (await it.sqs("GetQueueAttributes", "q", **asked))["Attributes"]
        assert {name: json.loads(text) for name, text in shown.items()} == {"Policy": policy, "RedrivePolicy": redrive}
        sources = await it.sqs("ListDeadLetterSourceQueues", "dead")
        assert sources == {"queueUrls": [PLACE.queue_url("q")]}
        await it.sqs("SetQueueAttributes", "q", Attributes={"Policy": "", "RedrivePolicy": ""})
        assert await it.sqs("GetQueueAttributes", "q", **asked) == {}

    told(history, tmp_path)


def test_a_stacks_policy_is_shown_also_after_the_port_changed(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("q")
        document = {"Version": "2012-10-17", "Statement": []}
        url = "http://127.0.0.1:9999/000000000000/q"
        noun = QueuePolicy.model_validate({"PolicyDocument": document, "Queues": [url]})
        await it.deployment.change(lambda state: state.with_changes([Deployed("Policy", noun, "stack/Policy")]))
        shown = await it.sqs("GetQueueAttributes", "q", AttributeNames=["Policy"])
        assert json.loads(shown["Attributes"]["Policy"]) == document

    told(history, tmp_path)


def test_queues_are_listed_in_pages(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        assert await it.sqs("ListQueues") == {}
        for name in ("b", "a2", "a1", "a3"):
            await it.queue(name)
        first = await it.sqs("ListQueues", QueueNamePrefix="a", MaxResults=2)
        assert first["QueueUrls"] == [PLACE.queue_url("a1"), PLACE.queue_url("a2")]
        second = await it.sqs("ListQueues", QueueNamePrefix="a", MaxResults=2, NextToken=first["NextToken"])
        assert second == {"QueueUrls": [PLACE.queue_url("a3")]}

    told(history, tmp_path)


def test_tags_come_and_go(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.sqs("CreateQueue", QueueName="q", tags={"a": "1"})
        await it.sqs("TagQueue", "q", Tags={"b": "2", "a": "3"})
        assert await it.sqs("ListQueueTags", "q") == {"Tags": {"a": "3", "b": "2"}}
        await it.sqs("UntagQueue", "q", TagKeys=["a", "b"])
        assert await it.sqs("ListQueueTags", "q") == {}

    told(history, tmp_path)


def test_creating_a_queue_again_is_harmless(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        answers = await asyncio.gather(
            *(it.sqs("CreateQueue", QueueName="q", Attributes={"DelaySeconds": "5"}) for _ in range(3))
        )
        assert answers == [{"QueueUrl": PLACE.queue_url("q")}] * 3

    told(history, tmp_path)
