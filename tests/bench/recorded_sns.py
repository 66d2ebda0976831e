"""What AWS's recorded answers say of SNS's API, and of what it delivers to queues and functions.

    python -m tests.bench.recorded_sns FOLDER [NAME]

FOLDER holds `sns.jsonl`; NAME picks scenarios.
"""

from __future__ import annotations

import json
from typing import Any

from tests.bench.recorded import Replay, Scenario, play
from tests.bench.recorded_rooms import PLACE, client, open_rooms
from tests.bench.recorded_sns_calls import call, fifo_topic, queue, shown, sqs, subscribed, topic
from tests.bench.recorded_sns_deliveries import DELIVERIES
from tests.bench.recorded_sns_http import HTTP

TOPIC = PLACE.topic("topic")


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


def wrong_arns(r: Replay) -> None:
    for step, arn in (("invalid-topic-arn", "randomstring"), ("invalid-topic-arn-1", "r:1"), ("empty-topic", "")):
        r.see(step, call(r, "publish", Message="m", TopicArn=arn))


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


def batch_without_topic(r: Replay) -> None:
    arn, entries = PLACE.topic("nothing"), [{"Id": "1", "Message": "m"}]
    r.see("publish-batch-no-topic", call(r, "publish_batch", TopicArn=arn, PublishBatchRequestEntries=entries))


def queue_url(r: Replay) -> None:
    queue(r)
    given = {"TopicArn": topic(r), "Protocol": "sqs", "Endpoint": PLACE.queue_url("queue")}
    for step in ("sub-queue-url", "subscribe-sqs-via-url-error"):
        r.see(step, call(r, "subscribe", **given))


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


SCENARIOS: dict[str, Scenario] = {
    "test_create_topic_test_arn": topic_life,
    "test_create_duplicate_topic_with_more_tags": more_tags,
    "test_create_duplicate_topic_check_idempotency": made_again,
    "test_publish_wrong_arn_format": wrong_arns,
    "test_publish_non_existent_target": no_endpoint,
    "test_empty_sns_message": empty,
    "test_not_found_error_on_set_subscription_attributes": subscription_gone,
    "test_publish_batch_messages_without_topic": batch_without_topic,
    "test_subscribe_to_sqs_with_queue_url": queue_url,
    "test_subscribe_sqs_queue_url": queue_url,
    "test_empty_or_wrong_message_attributes": bad_attributes,
    "test_publish_wrong_phone_format": phone_numbers,
    "test_subscribe_invalid_sms": bad_phone_numbers,
    "test_unsubscribe_idempotency": unsubscribed_twice,
    "test_topic_publish_another_region": another_region,
    "test_cross_region_access": across_regions,
    "test_publish_batch_too_long_message": long_batch,
    "test_publish_batch_invalid_entry_id": batch_ids,
    "test_topic_delivery_policy_crud": delivery_policies,
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
}

if __name__ == "__main__":
    play("sns", SCENARIOS | DELIVERIES | HTTP, open_rooms, lambda rooms, _: client(rooms, "sns"))
