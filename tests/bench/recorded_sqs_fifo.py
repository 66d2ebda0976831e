"""What AWS's recordings say of FIFO queues."""

from __future__ import annotations

from tests.bench.recorded import Replay, Scenario
from tests.bench.recorded_rooms import client
from tests.bench.recorded_sqs_calls import FIFO, attributes, call, fifo, make, receive

CONTENT = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}


def delay_of_one_message(r: Replay) -> None:
    given = {"MessageBody": "m", "DelaySeconds": 2, "MessageGroupId": "1"}
    r.see("send_message", call(r, "send_message", make(r, "one.fifo", **CONTENT), **given))


def attributes_of_fifo_messages(r: Replay) -> None:
    url = fifo(r, VisibilityTimeout="0")
    given = {"MessageBody": "message-body-1", "MessageGroupId": "group-1", "MessageDeduplicationId": "dedup-1"}
    r.see("send_message", call(r, "send_message", url, **given))
    receive(r, "receive_message_0", url, AttributeNames=["All"])
    receive(r, "receive_message_1", url, AttributeNames=["All"])


def deduplication_strategy(r: Replay) -> None:
    url = make(r, "one.fifo", **CONTENT)
    attributes(r, "before-update", url)
    r.client.set_queue_attributes(QueueUrl=url, Attributes={"ContentBasedDeduplication": "false"})
    attributes(r, "after-update", url)


def fifo_send(r: Replay, url: str, body: str = '{"foo": "bar"}', group: str = "g", key: str | None = None) -> None:
    given = {"MessageDeduplicationId": key} if key else {}
    r.client.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, **given)


def once_after_delete(r: Replay) -> None:
    content = r.variant.endswith("True")
    url, key = make(r, "one.fifo", **(CONTENT if content else FIFO)), None if content else "d"
    fifo_send(r, url, key=key)
    (message,) = receive(r, "get-messages", url)
    r.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    fifo_send(r, url, key=key)
    receive(r, "get-messages-duplicate", url)


def not_by_group(r: Replay) -> None:
    content = r.variant.endswith("True")
    url, key = make(r, "one.fifo", **(CONTENT if content else FIFO)), None if content else "d"
    fifo_send(r, url, group="g1", key=key)
    fifo_send(r, url, group="g2", key=key)
    (message,) = receive(r, "get-messages", url)
    r.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    receive(r, "get-dedup-messages", url)


def required_ids(r: Replay) -> None:
    url, query = fifo(r), client(r.scene, "sqs")
    r.see("invalid-parameter-value", call(r, "send_message", url, MessageBody="test", MessageGroupId="test"))
    r.see("missing-parameter", call(r, "send_message", url, MessageBody="test"))
    given = {"QueueUrl": url, "MessageBody": "test"}
    r.see("invalid-parameter-value-query", lambda: query.send_message(**given, MessageGroupId="test"))
    r.see("missing-parameter-query", lambda: query.send_message(**given))


def same_key_in_two_groups(r: Replay) -> None:
    url = fifo(r)
    fifo_send(r, url, "Test", "1", "d")
    fifo_send(r, url, "Test", "2", "d")
    (message,) = receive(r, "same-dedup-different-grp-1", url)
    r.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    receive(r, "same-dedup-different-grp-2", url)


def back_to_regular_throughput(r: Replay) -> None:
    url = fifo(r, DeduplicationScope="messageGroup", FifoThroughputLimit="perMessageGroupId")
    for number in (1, 2):
        fifo_send(r, url, f"Test{number}", str(number), "d")
        for message in receive(r, f"same-dedup-different-grp-{number}", url):
            r.client.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    given = {"DeduplicationScope": "queue", "FifoThroughputLimit": "perQueue"}
    r.client.set_queue_attributes(QueueUrl=url, Attributes=given)
    attributes(r, "set-to-regular-throughput", url)
    fifo_send(r, url, "Test3", "3", "d")
    receive(r, "same-dedup-different-grp-regular-throughput", url)


def deleted_late(r: Replay) -> None:
    url = fifo(r, VisibilityTimeout="1")
    fifo_send(r, url, "foobar", key="d")
    (message,) = receive(r, "received_sqs_message", url)
    r.scene.clock.ahead_s += 2
    given = {"ReceiptHandle": message["ReceiptHandle"]}
    r.see("delete_after_timeout_fifo", call(r, "delete_message", url, **given))


def deleted_after_an_extension(r: Replay) -> None:
    url = fifo(r, VisibilityTimeout="1")
    fifo_send(r, url, "foobar", key="d")
    (message,) = receive(r, "received_sqs_message", url)
    given = {"ReceiptHandle": message["ReceiptHandle"]}
    r.client.change_message_visibility(QueueUrl=url, VisibilityTimeout=30, **given)
    r.scene.clock.ahead_s += 2
    r.see("delete_after_timeout_fifo_extended", call(r, "delete_message", url, **given))


def zero_delay(r: Replay) -> None:
    url = fifo(r, DelaySeconds="2")
    given = {"MessageBody": "message-1", "DelaySeconds": 0, "MessageGroupId": "1", "MessageDeduplicationId": "1"}
    r.see("send_message_result", call(r, "send_message", url, **given))
    receive(r, "receive_message_initial_result", url)
    r.scene.clock.ahead_s += 3
    receive(r, "receive_message_after_delay_result", url)


def group_visibility(r: Replay) -> None:
    url = fifo(r, VisibilityTimeout="30")
    for key, body in enumerate(("foo", "bar", "baz")):
        fifo_send(r, url, body, "g", str(key))
    messages = receive(r, "receive_all_messages", url, MaxNumberOfMessages=10)
    number = r.variant.split("-")[1]
    # The number says which message is, counted from the front, the first to stay hidden (or how many are shown).
    count = {"all": 0, "no": 2, "0": 0, "1": 1, "2": 2}[number]
    entries = [
        {"Id": f"{n}", "ReceiptHandle": message["ReceiptHandle"], "VisibilityTimeout": 0}
        for n, message in enumerate(messages[:count])
    ]
    if entries:
        r.client.change_message_visibility_batch(QueueUrl=url, Entries=entries)
    receive(r, "some-messages-invisible", url, MaxNumberOfMessages=10)


FIFO_SCENARIOS: dict[str, Scenario] = {
    "test_fifo_queue_send_message_with_delay_seconds_fails": delay_of_one_message,
    "test_fifo_message_attributes": attributes_of_fifo_messages,
    "test_fifo_set_content_based_deduplication_strategy": deduplication_strategy,
    "test_fifo_deduplication_arrives_once_after_delete": once_after_delete,
    "test_fifo_deduplication_not_on_message_group_id": not_by_group,
    "test_posting_to_fifo_requires_deduplicationid_group_id": required_ids,
    "test_sqs_fifo_same_dedup_id_different_message_groups": same_key_in_two_groups,
    "test_fifo_change_to_regular_throughput_after_creation": back_to_regular_throughput,
    "test_fifo_delete_after_visibility_timeout": deleted_late,
    "test_fifo_delete_after_visibility_timeout_extended": deleted_after_an_extension,
    "test_fifo_queue_send_message_with_zero_delay_defaults_to_queue_delay": zero_delay,
    "test_fifo_group_visibility_extends_with_change_message_visibility": group_visibility,
}
