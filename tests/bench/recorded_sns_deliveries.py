"""What AWS's recordings say of what topics deliver to queues and functions."""

from __future__ import annotations

import json
import urllib.parse
import urllib.request
from typing import Any

from tests.bench.recorded import Replay, Scenario
from tests.bench.recorded_rooms import PLACE, until
from tests.bench.recorded_sns_calls import ALL, call, fifo_topic, nothing, queue, shown, sqs, subscribed, taken, topic

AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sns/aws4_request, Signature=0"


BINARY = {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}


TRACE = "Root=1-3152b799-8954dae64eda91bc9a23a7e8;Parent=7fa8c0f79203be72;Sampled=1"


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


def before_subscribing(r: Replay) -> None:
    arn = topic(r)
    r.see("publish-before-subscribing", call(r, "publish", TopicArn=arn, Message="before", Subject="s"))
    subscribed(r, arn, queue(r))
    given = {"TopicArn": arn, "Message": "test_message_after", "Subject": "test-subject-after-sub"}
    r.see("publish-after-subscribing", call(r, "publish", **given))
    r.see("receive-messages", lambda: taken(r))


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


def grouped(r: Replay) -> None:
    arn = topic(r)
    subscribed(r, arn, queue(r))
    attribute = {"attr1": {"DataType": "Number", "StringValue": "1"}}
    given = {"Message": "test signature value with attributes", "MessageAttributes": attribute}
    r.client.publish(TopicArn=arn, MessageGroupId="my-group-id-1", **given)
    r.see("messages", lambda: taken(r, **ALL))


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


DELIVERIES: dict[str, Scenario] = {
    "test_publish_by_path_parameters": published_by_path,
    "test_publish_message_before_subscribe_topic": before_subscribing,
    "test_python_lambda_subscribe_sns_topic": to_function,
    "test_publish_lambda_verify_signature": to_function,
    "test_subscribe_sqs_queue": to_queue,
    "test_publish_unicode_chars": unicode,
    "test_publish_sqs_from_sns": raw_and_not,
    "test_publish_batch_messages_from_sns_to_sqs": batch,
    "test_publish_sqs_from_sns_with_xray_propagation": traced,
    "test_redrive_policy_sqs_queue_subscription": redriven,
    "test_message_attributes_not_missing": attributes_kept,
    "test_subscription_after_failure_to_deliver": failed_deliveries,
    "test_message_structure_json_to_sqs": structured,
    "test_message_to_fifo_sqs": fifo,
    "test_publish_message_group_id": grouped,
    "test_exists_filter_policy_attributes_array": exact_policy_of_array,
    "test_filter_policy_on_message_body_array_attributes": arrays_in_bodies,
    "test_filter_policy_ip_address_condition": addresses,
}
