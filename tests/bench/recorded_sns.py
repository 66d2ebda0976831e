"""What AWS's recorded answers say of SNS's API, and of what it delivers to queues and functions.

    python -m tests.bench.recorded_sns FOLDER [NAME]

FOLDER holds `sns.jsonl`; NAME picks scenarios.
"""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from collections.abc import Callable
from typing import Any

from tests.bench.recorded import Replay, Scenario, play
from tests.bench.recorded_rooms import PLACE, client, open_rooms, until

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, Signature=0"
BINARY = {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}
TRACE = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"
TOPIC = PLACE.topic("topic")


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


def topic_life(r: Replay) -> None:
    arn = r.see("create-topic", call(r, "create_topic", Name="topic"))["TopicArn"]
    r.see("get-topic-attrs", call(r, "get_topic_attributes", TopicArn=arn))
    r.see("delete-topic", call(r, "delete_topic", TopicArn=arn))
    r.see("topic-not-exists", call(r, "get_topic_attributes", TopicArn=arn))


def more_tags(r: Replay) -> None:
    topic(r)
    tags = [{"Key": "key1", "Value": "value1"}]
    r.see("exception-duplicate", call(r, "create_topic", Name="topic", Tags=tags))


def made_again(r: Replay) -> None:
    tags = [{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}]
    r.see("response-created", call(r, "create_topic", Name="topic", Tags=tags))
    for number, some in enumerate((tags, [], [])):
        r.see(f"response-same-arn-{number}", call(r, "create_topic", Name="topic", Tags=some))


def published_by_path(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))
    fields = {"Action": "Publish", "Version": "2010-03-31", "TopicArn": arn}
    address = f"{r.scene.live.endpoint}/?{urllib.parse.urlencode(fields)}"
    data = urllib.parse.urlencode({"Message": "test message direct post request"}).encode()
    headers = {"Authorization": AUTHORIZATION, "Content-Type": "application/x-www-form-urlencoded"}

    def post() -> Any:
        with urllib.request.urlopen(urllib.request.Request(address, data, headers)) as answer:
            text = answer.read().decode()
        found = text.partition("<MessageId>")[2].partition("</MessageId>")[0]
        metadata = {"HTTPStatusCode": answer.status}
        return {"PublishResponse": {"PublishResult": {"MessageId": found}, "ResponseMetadata": metadata}}

    r.see("post-request", post)
    r.see("messages", lambda: taken(r))


def wrong_arns(r: Replay) -> None:
    for step, arn in (("invalid-topic-arn", "randomstring"), ("invalid-topic-arn-1", "r:1"), ("empty-topic", "")):
        r.see(step, call(r, "publish", Message="m", TopicArn=arn))


def before_subscribing(r: Replay) -> None:
    arn = topic(r)
    r.see("publish-before-subscribing", call(r, "publish", TopicArn=arn, Message="before", Subject="s"))
    subscribed(r, arn, queue(r))
    given = {"TopicArn": arn, "Message": "test_message_after", "Subject": "test-subject-after-sub"}
    r.see("publish-after-subscribing", call(r, "publish", **given))
    r.see("receive-messages", lambda: taken(r))


def no_endpoint(r: Replay) -> None:
    arn = f"arn:aws:sns:us-east-1:{PLACE.account}:endpoint/APNS/abcdef/0f7d5971-aa8b-4bd5-b585-0826e9f93a66"
    r.see("non-existent-endpoint", call(r, "publish", Message="m", TargetArn=arn))


def empty(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))
    r.see("empty-msg-error", call(r, "publish", TopicArn=arn, Message=""))
    given = {"QueueUrl": PLACE.queue_url("queue"), "AttributeNames": ["ApproximateNumberOfMessages"]}
    r.see("queue-attrs", lambda: sqs(r).get_queue_attributes(**given))


def subscription_gone(r: Replay) -> None:
    arn = topic(r)
    given = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": queue(r)}
    found = r.see("sub", call(r, "subscribe", **given))["SubscriptionArn"]
    shown(r, "sub-attrs", found)
    r.see("subscriptions-for-topic-before-unsub", call(r, "list_subscriptions_by_topic", TopicArn=arn))
    r.client.unsubscribe(SubscriptionArn=found)
    given = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    r.see("sub-not-found", call(r, "set_subscription_attributes", SubscriptionArn=found, **given))
    r.see("subscriptions-for-topic-after-unsub", call(r, "list_subscriptions_by_topic", TopicArn=arn))


def shown(r: Replay, step: str, subscription: str) -> None:
    def pick(answer: Any) -> Any:
        # Recordings were made as a user; here everything belongs to the account itself.
        root = f"arn:aws:iam::{PLACE.account}:root"
        if answer["Attributes"].get("SubscriptionPrincipal") == root:
            answer["Attributes"]["SubscriptionPrincipal"] = root.replace(":root", ":user/someone")
        return answer

    r.see(step, call(r, "get_subscription_attributes", SubscriptionArn=subscription), pick)


def to_function(r: Replay) -> None:
    version = r.variant or "1"
    arn = topic(r, **({"SignatureVersion": version} if r.variant else {}))
    given = {"TopicArn": arn, "Protocol": "lambda", "Endpoint": PLACE.function("f")}
    r.client.subscribe(**given)
    subject = f"[Subject] Test subject Signature v{version}" if r.variant else "[Subject] Test subject"
    r.client.publish(TopicArn=arn, Message="Hello world.", Subject=subject)
    letters = until(lambda: r.scene.taken.letters)
    r.see("notification", lambda: json.loads(letters[0].body)["Records"][0]["Sns"])


def to_queue(r: Replay) -> None:
    policy = json.dumps({"attr1": [{"numeric": [">", 0, "<=", 100]}]})
    arn = topic(r)
    shown(r, "subscription-attributes", subscribed(r, arn, queue(r), FilterPolicy=policy))
    attribute = {"attr1": {"DataType": "Number", "StringValue": "99.12"}}
    r.client.publish(TopicArn=arn, Message="This is a test message", MessageAttributes=attribute)
    r.see("messages", lambda: taken(r))


def unicode(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))
    r.client.publish(TopicArn=arn, Message='ö§a1"_!?,. £$-')
    r.see("received-message", lambda: taken(r))


def raw_and_not(r: Replay) -> None:
    arn = topic(r)
    found = subscribed(r, arn, queue(r))
    for raw, value in (("true", "99.12"), ("false", "100.12")):
        given = {"AttributeName": "RawMessageDelivery", "AttributeValue": raw}
        r.client.set_subscription_attributes(SubscriptionArn=found, **given)
        shown(r, f"sub-attrs-raw-{raw}", found)
        attribute = {"attr1": {"DataType": "Number", "StringValue": value}}
        r.client.publish(TopicArn=arn, Message="Test msg", MessageAttributes=attribute)
        r.see(f"message-raw-{raw}", lambda: taken(r, MessageAttributeNames=["All"]))


def batch(r: Replay) -> None:
    arn = topic(r)
    found = subscribed(r, arn, queue(r), RawMessageDelivery="true")
    shown(r, "sub-attrs-raw-true", found)
    r.client.set_subscription_attributes(
        SubscriptionArn=found,
        AttributeName="FilterPolicy",
        AttributeValue=json.dumps({"attr1": [{"numeric": [">", 0, "<=", 100]}]}),
    )
    r.client.set_subscription_attributes(SubscriptionArn=found, AttributeName="FilterPolicy", AttributeValue="")
    one = {"attr1": {"DataType": "Number", "StringValue": "19.12"}}
    two = {"attr1": {"DataType": "Number", "StringValue": "99.12"}, "attr2": {**one["attr1"], "StringValue": "109.12"}}
    entries: list[Any] = [
        {"Id": "1", "Message": "Test Message with two attributes", "MessageAttributes": two},
        {"Id": "2", "Message": "Test Message with one attribute", "MessageAttributes": one},
        {"Id": "3", "Message": "Test Message without attribute"},
        {"Id": "4", "Message": "Test Message without attribute"},
        {"Id": "5", "Message": "Test Message without attribute"},
    ]
    r.see("publish-batch", call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))


def batch_without_topic(r: Replay) -> None:
    arn, entries = PLACE.topic("nothing"), [{"Id": "1", "Message": "m"}]
    r.see("publish-batch-no-topic", call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))


def queue_url(r: Replay) -> None:
    queue(r)
    given = {"TopicArn": topic(r), "Protocol": "sqs", "Endpoint": PLACE.queue_url("queue")}
    for step in ("sub-queue-url", "subscribe-sqs-via-url-error"):
        r.see(step, call(r, "subscribe", **given))


def traced(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))

    def trace(request: Any, **_: Any) -> None:
        request.headers["X-Amzn-Trace-Id"] = TRACE

    r.client.meta.events.register("before-send.sns.Publish", trace)
    r.client.publish(TopicArn=arn, Message="X-Ray propagation test msg")
    r.see("xray-msg", lambda: taken(r, AttributeNames=["SentTimestamp", "AWSTraceHeader"])["Messages"][0])


def redriven(r: Replay) -> None:
    arn, dead = topic(r), queue(r, "dead")
    found = subscribed(r, arn, queue(r), RawMessageDelivery=r.variant.lower())
    given = {"AttributeName": "RedrivePolicy", "AttributeValue": json.dumps({"deadLetterTargetArn": dead})}
    r.client.set_subscription_attributes(SubscriptionArn=found, **given)
    sqs(r).delete_queue(QueueUrl=PLACE.queue_url("queue"))
    attributes = {"attr1": {"DataType": "Number", "StringValue": "111"}, "attr2": BINARY}
    r.client.publish(TopicArn=arn, Message="test_dlq_after_sqs_endpoint_deleted", MessageAttributes=attributes)
    r.see("messages", lambda: taken(r, "dead", **ALL))


def attributes_kept(r: Replay) -> None:
    arn = topic(r)
    found = subscribed(r, arn, queue(r), RawMessageDelivery="true")
    attributes = {
        "an-attribute-key": {"DataType": "String", "StringValue": "an-attribute-value"},
        "binary-attribute": BINARY,
    }
    given = {"TopicArn": arn, "Message": "text", "MessageAttributes": attributes}
    r.see("publish-msg-raw", call(r, "publish", **given))
    r.see("raw-delivery-msg-attrs", lambda: taken(r, **ALL))
    raw = {"AttributeName": "RawMessageDelivery", "AttributeValue": "false"}
    r.client.set_subscription_attributes(SubscriptionArn=found, **raw)
    r.see("publish-msg-json", call(r, "publish", **given))
    r.see("json-delivery-msg-attrs", lambda: taken(r, **ALL))


def failed_deliveries(r: Replay) -> None:
    arn, endpoint = topic(r), queue(r)
    found = subscribed(r, arn, endpoint)
    shown(r, "subscriptions-attrs", found)
    r.client.publish(TopicArn=arn, Message="test_dlq_before_sqs_endpoint_deleted")
    r.see("messages-before-delete", lambda: taken(r))
    sqs(r).delete_queue(QueueUrl=PLACE.queue_url("queue"))
    r.see("subscriptions", call(r, "list_subscriptions_by_topic", TopicArn=arn))
    given = json.dumps({"deadLetterTargetArn": queue(r, "dead")})
    r.client.set_subscription_attributes(SubscriptionArn=found, AttributeName="RedrivePolicy", AttributeValue=given)
    shown(r, "subscriptions-attrs-with-redrive", found)
    for number in (0, 1):
        r.client.publish(TopicArn=arn, Message=f"test_dlq_after_sqs_endpoint_deleted_{number}")
        r.see(f"message-{number}-after-delete", lambda: taken(r, "dead"))


BAD_ATTRIBUTES: dict[str, dict[str, Any]] = {
    "missing_string_attr": {"attr1": {"DataType": "String", "StringValue": ""}},
    "fully_missing_string_attr": {"attr1": {"DataType": "String"}},
    "fully_missing_data_type": {"attr1": {"StringValue": "value"}},
    "missing_binary_attr": {"attr1": {"DataType": "Binary", "BinaryValue": b""}},
    "str_attr_binary_value": {"attr1": {"DataType": "String", "BinaryValue": b"123"}},
    "int_attr_binary_value": {"attr1": {"DataType": "Number", "BinaryValue": b"123"}},
    "binary_attr_string_value": {"attr1": {"DataType": "Binary", "StringValue": "123"}},
    "invalid_attr_string_value": {"attr1": {"DataType": "InvalidType", "StringValue": "123"}},
    "too_long_name": {"a" * 257: {"DataType": "String", "StringValue": "123"}},
    "invalid_name": {"a^*?": {"DataType": "String", "StringValue": "123"}},
    "invalid_name_2": {".abc": {"DataType": "String", "StringValue": "123"}},
    "invalid_name_3": {"abc.": {"DataType": "String", "StringValue": "123"}},
    "invalid_name_4": {"a..bc": {"DataType": "String", "StringValue": "123"}},
}


def bad_attributes(r: Replay) -> None:
    arn = topic(r)
    for step, attributes in BAD_ATTRIBUTES.items():
        given = {"Message": "test message", "MessageAttributes": attributes}
        r.see(step, call(r, "publish", TopicArn=arn, **given))
        entries = [{"Id": "1", **given}, {"Id": "2", "Message": "m"}]
        r.see(f"batch-{step}", call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))


def structured(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))
    for step, message in (
        ("get-msg-json-sqs", {"default": "default field", "sqs": json.dumps({"field": "value"})}),
        ("get-msg-json-default", {"default": "default field"}),
    ):
        r.client.publish(TopicArn=arn, Message=json.dumps(message), MessageStructure="json")
        r.see(step, lambda: taken(r))


def fifo(r: Replay) -> None:
    content = r.variant == "True"
    arn = fifo_topic(r, ContentBasedDeduplication=str(content).lower())
    subscribed(r, arn, queue(r, "queue.fifo", FifoQueue="true", ContentBasedDeduplication=str(content).lower()))
    given = {} if content else {"MessageDeduplicationId": "message-deduplication-id-1"}
    given |= {"TopicArn": arn, "Message": "Test", "MessageGroupId": "message-group-id-1"}
    r.client.publish(**given)
    r.see("messages", lambda: taken(r, "queue.fifo", AttributeNames=["All"]))
    r.client.publish(**given)
    r.see("dedup-messages", lambda: nothing(r, "queue.fifo"))


def phone_numbers(r: Replay) -> None:
    for step, number in (("invalid-number", "+1a234"), ("wrong-format", "NAA+15551234567")):
        r.see(step, call(r, "publish", Message="m", PhoneNumber=number))
    given = {"TopicArn": topic(r), "Protocol": "sms", "Endpoint": "NAA+15551234567"}
    r.see("wrong-endpoint", call(r, "subscribe", **given))


def bad_phone_numbers(r: Replay) -> None:
    arn = topic(r)
    for step in r.recorded:
        given = {"TopicArn": arn, "Protocol": "sms", "Endpoint": step.removeprefix("subscribe-bad-sms-")}
        r.see(step, call(r, "subscribe", **given))


def unsubscribed_twice(r: Replay) -> None:
    found = subscribed(r, topic(r), queue(r))
    for number in (1, 2):
        r.see(f"unsubscribe-{number}", call(r, "unsubscribe", SubscriptionArn=found))


def another_region(r: Replay) -> None:
    other = client(r.scene, "sns", region="us-west-2")
    arn = topic(r)
    r.see("success", call(r, "publish", TopicArn=arn, Message="m"))
    foreign = arn.replace("us-east-1", "us-west-2")
    del other  # one region is served; an ARN of another stands for the call from there
    r.see("error", call(r, "publish", TopicArn=foreign, Message="m"))
    entries = [{"Id": "1", "Message": "m"}]
    r.see("error-batch", call(r, "publish_batch", TopicArn=foreign, PublishBatchRequestEntries=entries))


def across_regions(r: Replay) -> None:
    arn = topic(r).replace("us-east-1", "us-west-2")
    given = {"TopicArn": arn, "AttributeName": "DisplayName", "AttributeValue": "a"}
    r.see("set-topic-attrs", call(r, "set_topic_attributes", **given))
    r.see("get-topic-attrs", call(r, "get_topic_attributes", TopicArn=arn))
    r.see("cross-region-publish-forbidden", call(r, "publish", TopicArn=arn, Message="m"))
    given = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": queue(r)}
    r.see("cross-region-subscribe", call(r, "subscribe", **given))
    r.see("list-subs", call(r, "list_subscriptions_by_topic", TopicArn=arn))
    r.see("delete-topic", call(r, "delete_topic", TopicArn=arn))


def long_batch(r: Replay) -> None:
    arn = topic(r)
    entries: list[Any] = [{"Id": f"{n}", "Message": "a" * 131_073} for n in range(2)]
    r.see("error-no-attrs", call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))
    attribute = {"k": {"DataType": "String", "StringValue": "v"}}
    entries = [{"Id": f"{n}", "Message": "a" * 131_068, "MessageAttributes": attribute} for n in range(2)]
    r.see("error-with-attrs", call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))


def batch_ids(r: Replay) -> None:
    arn = topic(r)
    for step, key in (
        ("invalid-char-dot", "message.id"),
        ("invalid-char-special", "msg@123#test"),
        ("id-too-long-81", "a" * 81),
        ("id-too-long-91", "my" + "really" * 13 + "longid"),
        ("valid-id-80-chars", "a" * 80),
        ("valid-id-with-hyphen-underscore", "valid-message_123"),
    ):
        entries = [{"Id": key, "Message": "m"}]
        r.see(step, call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))


def delivery_policies(r: Replay) -> None:
    policy = {"http": {"defaultRequestPolicy": {"headerContentType": "application/json"}}}
    arn = fifo_topic(r, DisplayName="TestTopic", SignatureVersion="2", DeliveryPolicy=json.dumps(policy))
    r.see("get-topic-attrs", call(r, "get_topic_attributes", TopicArn=arn))
    healthy = {"minDelayTarget": 5, "maxDelayTarget": 6, "numRetries": 1}
    for step, after, text in (
        ("set-topic-attrs", "update", json.dumps({"http": {"defaultHealthyRetryPolicy": healthy}})),
        ("set-topic-attrs-none", "none", json.dumps({"http": {"defaultHealthyRetryPolicy": None}})),
        ("set-topic-attrs-full-none", "delete", ""),
    ):
        given = {"AttributeName": "DeliveryPolicy", "AttributeValue": text}
        r.see(step, call(r, "set_topic_attributes", TopicArn=arn, **given))
        r.see(f"get-topic-attrs-after-{after}", call(r, "get_topic_attributes", TopicArn=arn))


def grouped(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))
    attribute = {"attr1": {"DataType": "Number", "StringValue": "1"}}
    given = {"Message": "test signature value with attributes", "MessageAttributes": attribute}
    r.client.publish(TopicArn=arn, MessageGroupId="my-group-id-1", **given)
    r.see("messages", lambda: taken(r, **ALL))


def unknown_topic(r: Replay) -> None:
    r.see("delete-non-existent-topic", call(r, "delete_topic", TopicArn=PLACE.topic("nothing")))
    given = {"TopicArn": PLACE.topic("nothing"), "Protocol": "sqs", "Endpoint": queue(r)}
    r.see("subscribe-unknown-topic", call(r, "subscribe", **given))
    r.see("topic-not-found", call(r, "remove_permission", TopicArn=PLACE.topic("nothing"), Label="l"))


def unknown_queue(r: Replay) -> None:
    arn = topic(r)
    for step, endpoint in (
        ("subscribe-unknown-sqs", PLACE.queue("nothing")),
        ("subscribe-unknown-sqs-invalid_arn", "invalid-arn"),
    ):
        r.see(step, call(r, "subscribe", TopicArn=arn, Protocol="sqs", Endpoint=endpoint))


def pending(r: Replay) -> None:
    given = {"TopicArn": topic(r), "Protocol": "http", "Endpoint": "http://127.0.0.1:9/nothing"}
    r.see("create-subscription", call(r, "subscribe", **given))


def topic_deleted(r: Replay) -> None:
    arn = topic(r)
    given = {"TopicArn": arn, "Protocol": "http", "Endpoint": "http://127.0.0.1:9/nothing"}
    found = r.client.subscribe(**given)["SubscriptionArn"]
    r.client.delete_topic(TopicArn=arn)
    r.see("unsubscribe-deleted-topic", call(r, "unsubscribe", SubscriptionArn=found))


def obscure_phone_number(r: Replay) -> None:
    given = {"TopicArn": topic(r), "Protocol": "sms", "Endpoint": "+15/55-123.4567"}
    r.see("subscribe-sms-2", call(r, "subscribe", **given))


def many_subscriptions(r: Replay) -> None:
    arn = topic(r)
    for number in range(101):
        r.client.subscribe(TopicArn=arn, Protocol="sms", Endpoint=f"+1555123{number:04d}")
    token = r.client.list_subscriptions_by_topic(TopicArn=arn)["NextToken"]
    r.see("list-sub-per-topic-page-2", call(r, "list_subscriptions_by_topic", TopicArn=arn, NextToken=token))


def subscription_attributes(r: Replay) -> None:
    found = subscribed(r, topic(r), queue(r))
    shown(r, "get-subscription-attributes", found)
    given = {"AttributeName": "RawMessageDelivery", "AttributeValue": "true"}
    r.client.set_subscription_attributes(SubscriptionArn=found, **given)
    shown(r, "set-subscription-attributes", found)


def bad_filter(r: Replay) -> None:
    given = {"TopicArn": topic(r), "Protocol": "sqs", "Endpoint": queue(r), "Attributes": {"FilterPolicy": "invalid"}}
    r.see("subscribe-invalid-filter-policy", call(r, "subscribe", **given))


def permission_removed(r: Replay) -> None:
    arn = topic(r)
    given = {"Label": "l", "AWSAccountId": [PLACE.account], "ActionName": ["Publish"]}
    r.client.add_permission(TopicArn=arn, **given)
    r.client.remove_permission(TopicArn=arn, Label="l")
    r.see(
        "topic-policy", call(r, "get_topic_attributes", TopicArn=arn), lambda a: json.loads(a["Attributes"]["Policy"])
    )


def different_attributes(r: Replay) -> None:
    given: Any = {"Name": "topic", "Attributes": {"DisplayName": "Value1"}}
    arn = r.see("create-topic", call(r, "create_topic", **given))["TopicArn"]
    r.see("create-topic-no-attrs", call(r, "create_topic", Name="topic"))
    r.see("topic-attrs", call(r, "get_topic_attributes", TopicArn=arn))
    for step, attributes in (
        ("create-topic-diff-attrs", {"DisplayName": "Value2"}),
        ("create-topic-new-attrs-fifo", {"FifoTopic": "true"}),
        ("create-topic-new-attrs", {"SignatureVersion": "2"}),
        ("create-topic-new-and-same-attrs", {"DisplayName": "Value1", "SignatureVersion": "2"}),
    ):
        r.see(step, call(r, "create_topic", Name="topic", Attributes=attributes))


POLICIES: dict[str, Any] = {
    "error-condition-list": {"key": [["value"]]},
    "error-condition-operator": {"key": [{"wrong-operator": True}]},
    "error-condition-two-operators": {"key": [{"suffix": "value", "prefix": "value2"}]},
    "error-condition-empty-array": {"key": []},
    "error-condition-is-numeric": {"key": [{"suffix": 100}]},
    "error-condition-is-none": {"key": [{"suffix": None}]},
    "error-condition-is-not-list-and-operator": {"key": {"suffix": "value"}},
    "error-condition-empty-list": {"key": [{"suffix": []}]},
    "error-condition-list-wrong-type": {"key": [{"suffix": ["test", "test2"]}]},
    "error-condition-is-not-list-two-ops": {"key": {"suffix": "value", "prefix": "value"}},
    "error-condition-is-not-list-and-no-operator": {"key": {"not-an-operator": "value"}},
    "error-condition-bad-type": {"key": [{"cidr": ["bad-filter"]}]},
    "error-condition-bad-cidr-str": {"key": [{"cidr": "bad-filter"}]},
    "error-condition-bad-cidr-str-slash": {"key": [{"cidr": "bad-filter/64"}]},
    "error-condition-bad-cidr-str-slash-2": {"key": [{"cidr": "bad-filter/integer"}]},
    "error-condition-bad-cidr-v4": {"key": [{"cidr": "xx.11.xx/8"}]},
    "error-condition-bad-cidr-v6": {"key": [{"cidr": "xxxx:db8:1234:1a00::/64"}]},
}


def bad_policies(r: Replay) -> None:
    arn, endpoint = topic(r), queue(r)
    for step, policy in POLICIES.items():
        attributes = {"FilterPolicy": json.dumps(policy, separators=(",", ":"))}
        given = {"TopicArn": arn, "Protocol": "sqs", "Endpoint": endpoint, "Attributes": attributes}
        if step in r.recorded:
            r.see(step, call(r, "subscribe", **given))


def scope(r: Replay) -> None:
    found = subscribed(r, topic(r), queue(r))
    shown(r, "sub-attrs-default", found)
    for step, name, value in (
        ("", "FilterPolicyScope", "MessageBody"),
        ("sub-attrs-filter-scope-error", "FilterPolicyScope", "RandomValue"),
        ("", "FilterPolicy", json.dumps({"attr": ["match-this"]})),
    ):
        given = {"SubscriptionArn": found, "AttributeName": name, "AttributeValue": value}
        r.see(step, call(r, "set_subscription_attributes", **given))
        if value == "MessageBody":
            shown(r, "sub-attrs-filter-scope-body", found)
    shown(r, "sub-attrs-after-setting-policy", found)


def exact_policy_of_array(r: Replay) -> None:
    arn = topic(r)
    policy = json.dumps({"store": ["value1"]})
    shown(
        r,
        "subscription-attributes-policy",
        subscribed(r, arn, queue(r), RawMessageDelivery="true", FilterPolicy=policy),
    )
    r.see("messages-init", lambda: sqs(r).receive_message(QueueUrl=PLACE.queue_url("queue")))
    for number, stores in ((1, ["value1", "value2"]), (2, ["value1"]), (3, ["value3", "value4"])):
        attribute = {"store": {"DataType": "String.Array", "StringValue": json.dumps(stores)}}
        r.client.publish(TopicArn=arn, Message=f"message-{number}", MessageAttributes=attribute)
        r.see(f"messages-{number}", lambda: taken(r) if number < 3 else nothing(r))  # noqa: B023


def body_policy(r: Replay, policy: Any, bodies: list[Any], step: str = "messages-queue", name: str = "queue") -> None:
    arn = topic(r, name)
    given = {"FilterPolicy": json.dumps(policy), "FilterPolicyScope": "MessageBody", "RawMessageDelivery": "true"}
    subscribed(r, arn, queue(r, name), **given)
    for body in bodies:
        r.client.publish(TopicArn=arn, Message=json.dumps(body))
    count = len(r.recorded[step]["Messages"])
    r.see(step, lambda: taken(r, name, count=count, **ALL))


def arrays_in_bodies(r: Replay) -> None:
    routes: tuple[list[str], ...] = (["queue1", "queue2"], ["queue1"], ["queue2"], ["queue3"], [])
    bodies = [{"headers": {"route-to": route}} for route in routes]
    for number in (0, 1):
        policy = {"headers": {"route-to": [f"queue{number + 1}"]}}
        body_policy(r, policy, bodies, f"messages-queue-{number}", f"queue{number}")


def addresses(r: Replay) -> None:
    policy = {"detail": {"$or": [{"sourceIPAddress": [{"cidr": "10.0.0.0/24"}]}]}}
    policy["detail"]["$or"].append({"sourceIPAddressV6": [{"cidr": "2001:0db8:1234:1a00::/64"}]})
    common = {"source": "test-source", "detail-type": "test-detail-type", "account": "123456789012"}
    common |= {"region": "my-region", "time": "2022-07-13T13:48:01Z"}
    details = [
        {"sourceIPAddress": "10.0.0.255"},
        {"sourceIPAddress": "10.0.0.256"},
        {"sourceIPAddressV6": "2001:0db8:1234:1a00:0000:0000:0000:0000"},
        {"sourceIPAddressV6": "2001:0db8:123f:1a01:0000:0000:0000:0000"},
    ]
    body_policy(r, policy, [{"id": f"{n}", **common, "detail": d} for n, d in enumerate(details, 1)])


SCENARIOS: dict[str, Scenario] = {
    "test_create_topic_test_arn": topic_life,
    "test_create_duplicate_topic_with_more_tags": more_tags,
    "test_create_duplicate_topic_check_idempotency": made_again,
    "test_publish_by_path_parameters": published_by_path,
    "test_publish_wrong_arn_format": wrong_arns,
    "test_publish_message_before_subscribe_topic": before_subscribing,
    "test_publish_non_existent_target": no_endpoint,
    "test_empty_sns_message": empty,
    "test_not_found_error_on_set_subscription_attributes": subscription_gone,
    "test_python_lambda_subscribe_sns_topic": to_function,
    "test_publish_lambda_verify_signature": to_function,
    "test_subscribe_sqs_queue": to_queue,
    "test_publish_unicode_chars": unicode,
    "test_publish_sqs_from_sns": raw_and_not,
    "test_publish_batch_messages_from_sns_to_sqs": batch,
    "test_publish_batch_messages_without_topic": batch_without_topic,
    "test_subscribe_to_sqs_with_queue_url": queue_url,
    "test_subscribe_sqs_queue_url": queue_url,
    "test_publish_sqs_from_sns_with_xray_propagation": traced,
    "test_redrive_policy_sqs_queue_subscription": redriven,
    "test_message_attributes_not_missing": attributes_kept,
    "test_subscription_after_failure_to_deliver": failed_deliveries,
    "test_empty_or_wrong_message_attributes": bad_attributes,
    "test_message_structure_json_to_sqs": structured,
    "test_message_to_fifo_sqs": fifo,
    "test_publish_wrong_phone_format": phone_numbers,
    "test_subscribe_invalid_sms": bad_phone_numbers,
    "test_unsubscribe_idempotency": unsubscribed_twice,
    "test_topic_publish_another_region": another_region,
    "test_cross_region_access": across_regions,
    "test_publish_batch_too_long_message": long_batch,
    "test_publish_batch_invalid_entry_id": batch_ids,
    "test_topic_delivery_policy_crud": delivery_policies,
    "test_publish_message_group_id": grouped,
    "test_delete_non_existent_topic": unknown_topic,
    "test_subscribe_unknown_topic": unknown_topic,
    "test_remove_permission_errors": unknown_topic,
    "test_subscribe_unknown_sqs_queue": unknown_queue,
    "test_creating_subscription": pending,
    "test_unsubscribe_from_deleted_topic": topic_deleted,
    "test_subscribe_sms_obscure_phone_number": obscure_phone_number,
    "test_list_subscriptions_by_topic_pagination": many_subscriptions,
    "test_subscribe_attributes": subscription_attributes,
    "test_set_subscription_attributes": subscription_attributes,
    "test_subscribe_invalid_filter_policy": bad_filter,
    "test_topic_remove_permission": permission_removed,
    "test_create_topic_different_attrs": different_attributes,
    "test_validate_policy": bad_policies,
    "test_validate_policy_string_operators": bad_policies,
    "test_set_subscription_filter_policy_scope": scope,
    "test_exists_filter_policy_attributes_array": exact_policy_of_array,
    "test_filter_policy_on_message_body_array_attributes": arrays_in_bodies,
    "test_filter_policy_ip_address_condition": addresses,
}

if __name__ == "__main__":
    play("sns", SCENARIOS, open_rooms, lambda rooms, _: client(rooms, "sns"))
