# ruff: noqa: E501 - a refusal is one row
"""What SNS refuses, word for word, and the shapes of what it answers. Recorded on AWS where a row says nothing else."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import ApiError
from tests.runtime.messaging import PLACE, World, told

POLICY = "Attributes Reason: FilterPolicy: "


def attribute(name: str = "attr1", **members: Any) -> dict[str, Any]:
    return {"Message": "x", "MessageAttributes": {name: members}}


def string(name: str) -> dict[str, Any]:
    return attribute(name, DataType="String", StringValue="v")


def entries(*ids: str, message: str = "x") -> dict[str, Any]:
    return {"PublishBatchRequestEntries": [{"Id": entry_id, "Message": message} for entry_id in ids]}


def subscription(protocol: str = "sqs", endpoint: str = PLACE.queue("q"), **attributes: str) -> dict[str, Any]:
    return {"Protocol": protocol, "Endpoint": endpoint, "Attributes": attributes}


SHORT = "Reason: An ARN must have at least 6 elements, not"
INVALID = "InvalidParameter"
VALUE = "ParameterValueInvalid"

# fmt: off
REFUSALS: list[tuple[str, str, dict[str, Any], str, str]] = [
    # sentence, operation, members (the topic is `t` unless given), code, message (of InvalidParameter without its prefix)
    ("no ARN", "Publish", {"TopicArn": "randomstring", "Message": "x"}, INVALID, f"TopicArn {SHORT} 1"),
    ("half an ARN", "Publish", {"TopicArn": "randomstring:1", "Message": "x"}, INVALID, f"TopicArn {SHORT} 2"),
    ("another region", "Publish", {"TopicArn": "arn:aws:sns:eu-west-1:000000000000:t", "Message": "x"}, INVALID, "TopicArn"),
    ("an unknown topic", "Publish", {"topic": "none", "Message": "x"}, "NotFound", "Topic does not exist"),
    ("a batch to an unknown topic", "PublishBatch", {"topic": "none", **entries("1")}, "NotFound", "Topic does not exist"),
    ("an endpoint that is none", "Publish", {"topic": None, "TargetArn": "arn:aws:sns:us-east-1:000000000000:endpoint/APNS/abcdef/f7d5", "Message": "x"}, INVALID, "TargetArn Reason: No endpoint found for the target arn specified"),
    ("no message", "Publish", {"Message": ""}, INVALID, "Empty message"),
    ("a message too long", "Publish", {"Message": "x" * 262_145}, INVALID, "Message too long"),
    ("a subject too long", "Publish", {"Message": "x", "Subject": "s" * 101}, INVALID, "Subject"),
    ("a subject of two lines", "Publish", {"Message": "x", "Subject": "a\nb"}, INVALID, "Subject"),
    ("a structure without default", "Publish", {"Message": '{"sqs": "x"}', "MessageStructure": "json"}, INVALID, "Message Structure - No default entry in JSON message body"),
    ("a structure that is no JSON", "Publish", {"Message": "x", "MessageStructure": "json"}, INVALID, "Message Structure - JSON message body failed to parse"),
    ("an empty attribute", "Publish", attribute(DataType="String", StringValue=""), VALUE, "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'String'."),
    ("an absent value", "Publish", attribute(DataType="Binary"), VALUE, "The message attribute 'attr1' must contain non-empty message attribute value for message attribute type 'Binary'."),
    ("no data type", "Publish", attribute(StringValue="x"), "ValidationError", "1 validation error detected: Value null at 'messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null"),
    ("no data type in a batch", "PublishBatch", {"PublishBatchRequestEntries": [{"Id": "1", **attribute(StringValue="x")}]}, "ValidationError", "1 validation error detected: Value null at 'publishBatchRequestEntries.1.member.messageAttributes.attr1.member.dataType' failed to satisfy constraint: Member must not be null"),
    ("bytes in a string", "Publish", attribute(DataType="String", BinaryValue=b"x"), VALUE, "The message attribute 'attr1' with type 'String' must use field 'String'."),
    ("a string in bytes", "Publish", attribute(DataType="Binary", StringValue="x"), VALUE, "The message attribute 'attr1' with type 'Binary' must use field 'Binary'."),
    ("an unheard-of type", "Publish", attribute(DataType="InvalidType", StringValue="x"), VALUE, "The message attribute 'attr1' has an invalid message attribute type, the set of supported type prefixes is Binary, Number, and String."),
    ("a name too long", "Publish", string("a" * 257), VALUE, "Length of message attribute name must be less than 256 bytes."),
    ("a caret in a name", "Publish", string("a^b"), VALUE, "Invalid non-alphanumeric character '#x5E' was found in the message attribute name. Can only include alphanumeric characters, hyphens, underscores, or dots."),
    ("a name that begins with a dot", "Publish", string(".a"), VALUE, "Invalid message attribute name starting with character '.' was found."),
    ("a name that ends with a dot", "Publish", string("a."), VALUE, "Invalid message attribute name ending with character '.' was found."),
    ("eleven entries", "PublishBatch", entries(*map(str, range(11))), "TooManyEntriesInBatchRequest", "The batch request contains more entries than permissible."),
    ("an entry id twice", "PublishBatch", entries("a", "a"), "BatchEntryIdsNotDistinct", "Two or more batch entries in the request have the same Id."),
    ("a dot in an entry id", "PublishBatch", entries("message.id"), "InvalidBatchEntryId", "The Id of a batch entry in the batch request contains an impermissible character: message.id"),
    ("a long entry id", "PublishBatch", entries("a" * 81), "InvalidBatchEntryId", f"The Id of a batch entry in the batch request is too long: {'a' * 81}"),
    ("a batch too long", "PublishBatch", entries("1", "2", message="x" * 140_000), "BatchRequestTooLong", "The length of all the messages put together is more than the limit."),
    ("a batch to a FIFO topic without a group", "PublishBatch", {"topic": "t.fifo", **entries("1")}, INVALID, "The MessageGroupId parameter is required for FIFO topics"),
    ("a FIFO topic without a group", "Publish", {"topic": "t.fifo", "Message": "x"}, INVALID, "The MessageGroupId parameter is required for FIFO topics"),
    ("a FIFO topic without a deduplication id", "Publish", {"topic": "t.fifo", "Message": "x", "MessageGroupId": "g"}, INVALID, "The topic should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"),
    ("a bad topic name", "CreateTopic", {"topic": None, "Name": "a.b"}, INVALID, "Topic Name"),
    ("a FIFO topic by another name", "CreateTopic", {"topic": None, "Name": "named", "Attributes": {"FifoTopic": "true"}}, INVALID, "Topic Name"),
    ("a topic with other attributes", "CreateTopic", {"topic": None, "Name": "t", "Attributes": {"DisplayName": "Value2"}}, INVALID, "Attributes Reason: Topic already exists with different attributes"),
    ("a topic with other tags", "CreateTopic", {"topic": None, "Name": "t", "Tags": [{"Key": "a", "Value": "b"}]}, INVALID, "Tags Reason: Topic already exists with different tags"),
    ("attributes of an unknown topic", "GetTopicAttributes", {"topic": "none"}, "NotFound", "Topic does not exist"),
    ("a subscription to an unknown topic", "Subscribe", {"topic": "none", **subscription()}, "NotFound", "Topic does not exist"),
    ("an unheard-of protocol", "Subscribe", subscription("test"), INVALID, "Amazon SNS does not support this protocol string: test"),
    ("a queue's URL", "Subscribe", subscription("sqs", PLACE.queue_url("q")), INVALID, "SQS endpoint ARN"),
    ("a FIFO queue at a standard topic", "Subscribe", subscription("sqs", PLACE.queue("q.fifo")), INVALID, "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"),
    ("the same subscription with other attributes", "Subscribe", subscription(RawMessageDelivery="true"), INVALID, "Attributes Reason: Subscription already exists with different attributes"),
    ("a filter that is no JSON", "Subscribe", subscription(FilterPolicy="invalid"), INVALID, POLICY + "failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 8]"),
    ("a filter with an empty array", "Subscribe", subscription(FilterPolicy='{"key":[]}'), INVALID, POLICY + 'Empty arrays are not allowed\n at [Source: (String)"{"key":[]}"; line: 1, column: 10]'),
    ("a filter with an unknown operator", "Subscribe", subscription(FilterPolicy='{"key":[{"wrong-operator":true}]}'), INVALID, POLICY + 'Unrecognized match type wrong-operator\n at [Source: (String)"{"key":[{"wrong-operator":true}]}"; line: 1, column: 31]'),
    ("attributes of an unknown subscription", "GetSubscriptionAttributes", {"topic": None, "SubscriptionArn": PLACE.topic("t") + ":1"}, "NotFound", "Subscription does not exist"),
    ("unsubscribing what is no ARN", "Unsubscribe", {"topic": None, "SubscriptionArn": "none"}, INVALID, f"SubscriptionArn {SHORT} 1"),
    ("confirming with a made-up token", "ConfirmSubscription", {"Token": "x"}, INVALID, "Token"),
    ("a phone number with a letter", "Publish", {"topic": None, "PhoneNumber": "+1a234", "Message": "x"}, INVALID, "PhoneNumber Reason: +1a234 is not valid to publish to"),
    ("an endpoint of another protocol", "Subscribe", subscription("https", "http://127.0.0.1/"), INVALID, "Endpoint must match the specified protocol"),
    ("text messages (ours)", "Publish", {"topic": None, "PhoneNumber": "+15551234567", "Message": "x"}, "NotImplemented", "Publishing to a phone number is not supported here."),
    ("subscribing a stream (ours)", "Subscribe", subscription("firehose", "arn:aws:firehose:us-east-1:000000000000:deliverystream/d"), "NotImplemented", "The protocol firehose is not supported here."),
    ("subscribing no address", "Subscribe", subscription("email", "nobody"), INVALID, "Email address"),
]
ATTRIBUTE_REFUSALS = [
    ("a scope", "FilterPolicyScope", "RandomValue", "FilterPolicyScope: Invalid value [RandomValue]. Please use either MessageBody or MessageAttributes"),
    ("a flag", "RawMessageDelivery", "wrong", "RawMessageDelivery: Invalid value [wrong]. Must be true or false."),
    ("a filter", "FilterPolicy", '{"key":[]}', 'FilterPolicy: Empty arrays are not allowed\n at [Source: (String)"{"key":[]}"; line: 1, column: 10]'),
    ("a dead-letter policy that is no JSON", "RedrivePolicy", "{invalid}", "RedrivePolicy: failed to parse JSON. Unexpected character ('i' (code 105)): was expecting double-quote to start field name\n at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: 1, column: 3]"),
    ("a dead-letter queue", "RedrivePolicy", json.dumps({"deadLetterTargetArn": PLACE.queue("q")}), "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."),
]
# fmt: on


@pytest.mark.parametrize(
    ("operation", "members", "code", "message"), [row[1:] for row in REFUSALS], ids=[row[0] for row in REFUSALS]
)
def test_refusals(tmp_path: Path, operation: str, members: dict[str, Any], code: str, message: str) -> None:
    async def history(it: World) -> None:
        await it.topic("t", DisplayName="Value1")
        await it.topic("t.fifo")
        await it.subscribe("t", "q")
        with pytest.raises(ApiError) as refused:
            await it.sns(operation, **({} if "TopicArn" in members else {"topic": "t"}) | members)
        prefix = "Invalid parameter: " if code == INVALID else ""
        assert (refused.value.code, refused.value.message) == (code, prefix + message)

    told(history, tmp_path)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [row[1:] for row in ATTRIBUTE_REFUSALS],
    ids=[row[0] for row in ATTRIBUTE_REFUSALS],
)
def test_refused_attributes(tmp_path: Path, name: str, value: str, message: str) -> None:
    async def history(it: World) -> None:
        await it.topic("t.fifo")
        arn = await it.subscribe("t.fifo", "q")
        with pytest.raises(ApiError) as refused:
            await it.sns("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName=name, AttributeValue=value)
        assert refused.value.message == f"Invalid parameter: {message}"

    told(history, tmp_path)


def test_a_topic_shows_its_attributes(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        attributes = (await it.sns("GetTopicAttributes", "t"))["Attributes"]
        policy, delivery = json.loads(attributes.pop("Policy")), json.loads(attributes.pop("EffectiveDeliveryPolicy"))
        assert attributes == {
            "DisplayName": "",
            "Owner": PLACE.account,
            "SubscriptionsConfirmed": "0",
            "SubscriptionsDeleted": "0",
            "SubscriptionsPending": "0",
            "TopicArn": PLACE.topic("t"),
        }
        assert policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": PLACE.account}}
        assert delivery["http"]["defaultRequestPolicy"] == {"headerContentType": "text/plain; charset=UTF-8"}
        await it.sns("SetTopicAttributes", "t", AttributeName="DisplayName", AttributeValue="shown")
        await it.subscribe("t", "q")
        after = (await it.sns("GetTopicAttributes", "t"))["Attributes"]
        assert (after["DisplayName"], after["SubscriptionsConfirmed"]) == ("shown", "1")

    told(history, tmp_path)


def test_a_subscription_lives_and_ends(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        arn = await it.subscribe("t", "q", FilterPolicy='{"attr1": [{"numeric": [">", 0, "<=", 100]}]}')
        asked = {"SubscriptionArn": arn}
        assert arn.startswith(PLACE.topic("t") + ":")
        assert (await it.sns("GetSubscriptionAttributes", **asked))["Attributes"] == {
            "ConfirmationWasAuthenticated": "true",
            "Endpoint": PLACE.queue("q"),
            "FilterPolicy": '{"attr1": [{"numeric": [">", 0, "<=", 100]}]}',
            "FilterPolicyScope": "MessageAttributes",
            "Owner": PLACE.account,
            "PendingConfirmation": "false",
            "Protocol": "sqs",
            "RawMessageDelivery": "false",
            "SubscriptionArn": arn,
            "SubscriptionPrincipal": f"arn:aws:iam::{PLACE.account}:root",
            "TopicArn": PLACE.topic("t"),
        }
        row = {
            "SubscriptionArn": arn,
            "Owner": PLACE.account,
            "Protocol": "sqs",
            "Endpoint": PLACE.queue("q"),
            "TopicArn": PLACE.topic("t"),
        }
        assert await it.sns("ListSubscriptions") == {"Subscriptions": [row]}
        assert await it.sns("ListSubscriptionsByTopic", "t") == {"Subscriptions": [row]}
        assert await it.subscribe("t", "q") == arn  # the same one
        await it.sns("Unsubscribe", **asked)
        await it.sns("Unsubscribe", **asked)
        assert await it.sns("ListSubscriptionsByTopic", "t") == {"Subscriptions": []}

    told(history, tmp_path)


def test_a_deleted_topic_takes_its_subscriptions_along(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        await it.subscribe("t", "q")
        for _ in range(2):
            assert await it.sns("DeleteTopic", "t") == {}
        assert await it.sns("ListSubscriptions") == {"Subscriptions": []}
        assert await it.sns("ListTopics") == {"Topics": []}

    told(history, tmp_path)


def test_lists_come_in_pages_of_a_hundred(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await asyncio.gather(*(it.topic(f"t{n:03}") for n in range(8)))
        for n in range(8, 103):
            await it.topic(f"t{n:03}")
        first = await it.sns("ListTopics")
        second = await it.sns("ListTopics", NextToken=first["NextToken"])
        assert len(first["Topics"]) == 100
        assert [row["TopicArn"] for row in second["Topics"]] == [PLACE.topic(f"t{n}") for n in (100, 101, 102)]
        assert "NextToken" not in second

    told(history, tmp_path)


def test_tags_come_and_go(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.sns("CreateTopic", Name="t", Tags=[{"Key": "a", "Value": "1"}])
        arn = PLACE.topic("t")
        await it.sns("TagResource", ResourceArn=arn, Tags=[{"Key": "b", "Value": "2"}])
        await it.sns("UntagResource", ResourceArn=arn, TagKeys=["a"])
        assert await it.sns("ListTagsForResource", ResourceArn=arn) == {"Tags": [{"Key": "b", "Value": "2"}]}

    told(history, tmp_path)


def test_permissions_come_and_go(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.topic("t")

        async def statements() -> list[dict[str, Any]]:
            policy = json.loads((await it.sns("GetTopicAttributes", "t"))["Attributes"]["Policy"])
            return list(policy["Statement"])

        (default,) = await statements()
        asked = {"Label": "cross", "AWSAccountId": ["668614515564"], "ActionName": ["Publish"]}
        await it.sns("AddPermission", "t", **asked)
        assert await statements() == [
            default,
            {
                "Sid": "cross",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::668614515564:root"},
                "Action": "SNS:Publish",
                "Resource": PLACE.topic("t"),
            },
        ]
        with pytest.raises(ApiError):
            await it.sns("AddPermission", "t", **asked)
        for _ in range(2):
            await it.sns("RemovePermission", "t", Label="cross")
        assert await statements() == [default]
        with pytest.raises(ApiError, match="Topic does not exist"):
            await it.sns("RemovePermission", "none", Label="cross")

    told(history, tmp_path)


@pytest.mark.parametrize("number", ["+15--551234567", "NAA+15551234567", "+15551234567.", "/+15551234567"])
def test_text_messages_need_a_phone_number(tmp_path: Path, number: str) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        with pytest.raises(ApiError) as refused:
            await it.sns("Subscribe", "t", **subscription("sms", number))
        assert (refused.value.code, refused.value.message) == (INVALID, f"Invalid SMS endpoint: {number}")

    told(history, tmp_path)


def test_an_address_never_confirms_and_a_phone_number_is_in_force_at_once(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        mail = await it.sns("Subscribe", "t", **subscription("email", "a@b.c"))
        phone = await it.sns("Subscribe", "t", **subscription("sms", "+15/55-123.4567"))
        assert mail["SubscriptionArn"] == "pending confirmation"
        assert phone["SubscriptionArn"].startswith(PLACE.topic("t"))
        assert (await it.sns("Publish", "t", Message="x"))["MessageId"]

    told(history, tmp_path)


def test_the_delivery_policy_of_a_topic_is_its_subscriptions_default(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        policy = {"http": {"defaultRequestPolicy": {"headerContentType": "application/json"}}}
        given = {"AttributeName": "DeliveryPolicy", "AttributeValue": json.dumps(policy)}
        await it.sns("SetTopicAttributes", "t", **given)
        shown = (await it.sns("GetTopicAttributes", "t"))["Attributes"]
        assert json.loads(shown["DeliveryPolicy"])["http"] == {"disableSubscriptionOverrides": False, **policy["http"]}
        own = json.dumps({"healthyRetryPolicy": {"numRetries": 0}})
        web = {**subscription("http", "http://127.0.0.1:9/x", DeliveryPolicy=own), "ReturnSubscriptionArn": True}
        arn = (await it.sns("Subscribe", "t", **web))["SubscriptionArn"]
        of_web = (await it.sns("GetSubscriptionAttributes", SubscriptionArn=arn))["Attributes"]
        effective = json.loads(of_web["EffectiveDeliveryPolicy"])
        assert effective["requestPolicy"] == {"headerContentType": "application/json"}
        assert effective["healthyRetryPolicy"]["numRetries"] == 0
        await it.sns("SetTopicAttributes", "t", AttributeName="DeliveryPolicy", AttributeValue="")
        assert "DeliveryPolicy" not in (await it.sns("GetTopicAttributes", "t"))["Attributes"]

    told(history, tmp_path)
