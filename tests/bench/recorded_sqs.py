"""What AWS's recorded answers say of SQS's API, over JSON and over the query protocol.

    python -m tests.bench.recorded_sqs FOLDER [NAME]

FOLDER holds `sqs.jsonl`; NAME picks scenarios.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.bench.recorded import Replay, Scenario, play
from tests.bench.recorded_rooms import PLACE, client, open_rooms, until
from tests.bench.recorded_sqs_calls import attributes, call, make, receive
from tests.bench.recorded_sqs_fifo import FIFO_SCENARIOS

ALL = {"AttributeNames": ["All"], "MessageAttributeNames": ["All"]}


TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def all_properties(r: Replay) -> None:
    dead = make(r, "dead", RedriveAllowPolicy=json.dumps({"redrivePermission": "allowAll"}))
    given = {
        "DelaySeconds": "17",
        "KmsDataKeyReusePeriodSeconds": "297",
        "KmsMasterKeyId": "alias/aws/sqs",
        "MaximumMessageSize": "1234",
        "MessageRetentionPeriod": "13579",
        "ReceiveMessageWaitTimeSeconds": "18",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 7}),
        "VisibilityTimeout": "45",
    }
    tags = {"Department": "Finance", "Environment": "Production"}
    url = r.client.create_queue(QueueName="one", Attributes=given, tags=tags)["QueueUrl"]
    attributes(r, "attributes", url)
    r.see("tags", call(r, "list_queue_tags", url))
    attributes(r, "dlq_attributes", dead, "RedriveAllowPolicy")


def properties_in_place(r: Replay) -> None:
    make(r, "dead")
    url = make(r, "one", DelaySeconds="15", ReceiveMessageWaitTimeSeconds="14", VisibilityTimeout="35")
    given = {
        "DelaySeconds": "16",
        "MaximumMessageSize": "4321",
        "MessageRetentionPeriod": "17539",
        "ReceiveMessageWaitTimeSeconds": "17",
        "VisibilityTimeout": "40",
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 3}),
    }
    r.client.set_queue_attributes(QueueUrl=url, Attributes=given)
    r.client.tag_queue(QueueUrl=url, Tags={"Department": "Sales", "Environment": "Staging"})
    attributes(r, "updated_attributes", url)
    r.see("updated_tags", call(r, "list_queue_tags", url))


def removed(r: Replay) -> None:
    url = make(r)
    r.client.delete_queue(QueueUrl=url)
    attributes(r, "error", url)


def policy(r: Replay) -> None:
    url = make(r)
    actions = ["sqs:SendMessage", "sqs:GetQueueAttributes", "sqs:GetQueueUrl"]
    statement = {"Effect": "Allow", "Principal": "*", "Action": actions, "Resource": PLACE.queue("one")}
    document = {"Version": "2012-10-17", "Statement": [statement]}
    r.client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(document)})
    attributes(r, "policy_before", url, "Policy")
    r.client.set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    attributes(r, "policy_after", url, "Policy")


def smaller_maximum(r: Replay) -> None:
    url = make(r)
    r.client.set_queue_attributes(QueueUrl=url, Attributes={"MaximumMessageSize": "1024"})
    r.see("send_oversized_message", call(r, "send_message", url, MessageBody="a" * 1025))


def oversized_batch(r: Replay) -> None:
    attribute = {"k": {"DataType": "String", "StringValue": "x"}}
    entries = [
        {"Id": "1", "MessageBody": "a" * (1_048_576 - 8), "MessageAttributes": attribute},
        {"Id": "2", "MessageBody": "a"},
    ]
    r.see("send_oversized_message_batch", call(r, "send_message_batch", make(r), Entries=entries))


def batch_over_the_queues_maximum(r: Replay) -> None:
    url = make(r, MaximumMessageSize="2048")
    attribute = {"k": {"DataType": "String", "StringValue": "x"}}
    entries = [
        {"Id": "1", "MessageBody": "a" * (2048 - 8), "MessageAttributes": attribute},
        {"Id": "2", "MessageBody": "a"},
    ]
    r.see("send_oversized_message_batch", call(r, "send_message_batch", url, Entries=entries))


def updated_attributes(r: Replay) -> None:
    given = {"MessageRetentionPeriod": "604800", "ReceiveMessageWaitTimeSeconds": "10", "VisibilityTimeout": "20"}
    url = make(r, **given)
    attributes(r, "get_queue_attributes", url)
    changed = {"MaximumMessageSize": "2048", "VisibilityTimeout": "69", "DelaySeconds": "420"}
    r.client.set_queue_attributes(QueueUrl=url, Attributes=changed)
    attributes(r, "get_updated_queue_attributes", url)


def many_entries(r: Replay) -> None:
    entries = [{"Id": f"{n}", "MessageBody": "m"} for n in range(20)]
    r.see("test_too_many_entries_in_batch_request", call(r, "send_message_batch", make(r), Entries=entries))


def bad_batch_id(r: Replay) -> None:
    entries = [{"Id": "message!", "MessageBody": "m"}]
    r.see("test_invalid_batch_id", call(r, "send_message_batch", make(r), Entries=entries))


def bad_batch_id_of_delete(r: Replay) -> None:
    url = make(r)
    r.client.send_message(QueueUrl=url, MessageBody="m")
    (message,) = r.client.receive_message(QueueUrl=url)["Messages"]
    entries = [{"Id": r.variant.partition("-")[2], "ReceiptHandle": message["ReceiptHandle"]}]
    r.see("error_response", call(r, "delete_message_batch", url, Entries=entries))


def empty_attribute(r: Replay) -> None:
    given = {"ErrorDetails": {"StringValue": "", "DataType": "String"}}
    r.see("empty-string-attr", call(r, "send_message", make(r), MessageBody="test", MessageAttributes=given))


def dead_letters(r: Replay) -> None:
    dead = make(r, "dead")
    given = json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 1})
    url = make(r, RedrivePolicy=given, VisibilityTimeout="0")
    for step, name in (("dlq-arn", "dead"), ("sourcen-arn", "one")):
        r.see(step, lambda name=name: PLACE.queue(name))  # type: ignore[misc]
    r.client.send_message(
        QueueUrl=url,
        MessageBody="message-1",
        MessageAttributes={"MyAttribute": {"StringValue": "foobar", "DataType": "String"}},
        MessageSystemAttributes={"AWSTraceHeader": {"StringValue": TRACE, "DataType": "String"}},
    )
    r.client.send_message(QueueUrl=url, MessageBody="message-2")
    names = ["ApproximateFirstReceiveTimestamp", "ApproximateReceiveCount", "SentTimestamp", "AWSTraceHeader"]
    wanted = {"AttributeNames": [*names, "DeadLetterQueueSourceArn"], "MessageAttributeNames": ["All"]}

    def two(queue: str) -> Any:
        return r.client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, **wanted).get("Messages", [])

    r.see("rec-pre-dlq", lambda: two(url))
    r.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    r.see("dlq-messages", lambda: two(dead))


def purged_twice(r: Replay) -> None:
    url = make(r)
    r.client.purge_queue(QueueUrl=url)
    r.see("purge_queue_error", call(r, "purge_queue", url))


def two_encryptions(r: Replay) -> None:
    given = {"KmsMasterKeyId": "testKeyId", "SqsManagedSseEnabled": "true"}
    url = make(r)

    def told() -> str:
        try:
            return str(r.client.set_queue_attributes(QueueUrl=url, Attributes=given))
        except ClientError as error:
            return str(error).replace(" (reached max retries: 0)", "")

    r.see("error", told)


def wanted_attributes(r: Replay) -> None:
    url = make(r)
    given = {"Foo": {"DataType": "String", "StringValue": "Bar"}, "Hello": {"DataType": "String", "StringValue": "W"}}
    r.client.send_message(QueueUrl=url, MessageBody="msg", MessageAttributes={"Foo": given["Foo"]})
    for step, names in (
        ("all_attributes", {"AttributeNames": ["All"]}),
        ("all_system_and_message_attributes", ALL),
        ("single_attribute", {"AttributeNames": ["SenderId"]}),
        ("multiple_attributes", {"AttributeNames": ["SenderId", "SequenceNumber"]}),
    ):
        receive(r, step, url, VisibilityTimeout=0, **names)


def permissions(r: Replay) -> None:
    url, label, second = make(r), "crossaccountpermission", "crossaccountpermission2"
    stem = "get-queue-policy-attribute"

    def add(label: str, *accounts: str) -> Any:
        given = {"Label": label, "AWSAccountIds": list(accounts), "Actions": ["ReceiveMessage"]}
        return r.client.add_permission(QueueUrl=url, **given)

    def remove(label: str) -> Any:
        return r.client.remove_permission(QueueUrl=url, Label=label)

    r.see("add-permission-response", lambda: add(label, "668614515564", PLACE.account))
    attributes(r, stem, url, "Policy")
    r.see("remove-permission-response", lambda: remove(label))
    attributes(r, f"{stem}-after-removal", url, "Policy")
    add(label, PLACE.account)
    attributes(r, f"{stem}-first-account-same-label", url, "Policy")
    r.see(f"{stem}-second-account-same-label", lambda: add(label, "668614515564"))
    add(second, PLACE.account)
    attributes(r, f"{stem}-second-account-different-label", url, "Policy")
    remove(label)
    attributes(r, f"{stem}-delete-first-permission", url, "Policy")
    remove(second)
    attributes(r, f"{stem}-delete-second-permission", url, "Policy")
    r.see(f"{stem}-delete-non-existent-label", lambda: remove(second))


def unsupported_attribute(r: Replay) -> None:
    given = {"QueueName": "one", "Attributes": {"FifoQueue": "false"}}
    r.see("invalid-attr-name-1", lambda: r.client.create_queue(**given))
    url = make(r)
    r.see("invalid-attr-name-2", call(r, "set_queue_attributes", url, Attributes={"FifoQueue": "true"}))


def both_kinds_of_names(r: Replay) -> None:
    url = make(r)
    r.client.send_message(QueueUrl=url, MessageBody="msg")
    given = {"AttributeNames": ["All"], "MessageSystemAttributeNames": ["All"]}
    receive(r, "same_values", url, VisibilityTimeout=0, **given)
    given = {"AttributeNames": ["All"], "MessageSystemAttributeNames": ["SenderId"]}
    receive(r, "different_values", url, VisibilityTimeout=0, **given)


def empty_message(r: Replay) -> None:
    r.see("send_empty_message", call(r, "send_message", make(r), MessageBody=""))


def fair(r: Replay) -> None:
    url = make(r)
    r.see("send_message", call(r, "send_message", url, MessageBody="message", MessageGroupId="test"))
    receive(r, "get-message-with-deduplication-id", url, AttributeNames=["All"])


def bad_group(r: Replay) -> None:
    group = {"empty": "", "too_long": "a" * 129, "spaces": "group 123"}[r.variant]
    r.see("error-response", call(r, "send_message", make(r), MessageBody="m", MessageGroupId=group))


def no_dead_letter_queue(r: Replay) -> None:
    make(r)
    r.see("error", lambda: r.client.start_message_move_task(SourceArn=PLACE.queue("one")))


def redriven(r: Replay, count: int) -> tuple[str, str]:
    """A dead-letter queue with `count` dead letters, and where they came from."""
    dead = make(r, "dead")
    given = json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 1})
    url = make(r, "from", RedrivePolicy=given, VisibilityTimeout="0")
    for number in range(count):
        r.client.send_message(QueueUrl=url, MessageBody=f"m{number}")
    for _ in range(2):
        r.client.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return dead, url


def unknown_task(r: Replay) -> None:
    redriven(r, 0)
    named = {"taskId": "00000000-0000-0000-0000-000000000000", "sourceArn": PLACE.queue("dead")}
    handle = base64.b64encode(json.dumps(named).encode()).decode()
    r.see("error", lambda: r.client.cancel_message_move_task(TaskHandle=handle))


def _counted(moved: int) -> Callable[[Any], Any]:
    """How far a task has come is a matter of the moment."""

    def pick(answer: Any) -> Any:
        for task in answer.get("Results", [answer]):
            if "ApproximateNumberOfMessagesMoved" in task:
                task["ApproximateNumberOfMessagesMoved"] = moved
        return answer

    return pick


def tasks(r: Replay) -> Any:
    return r.client.list_message_move_tasks(SourceArn=PLACE.queue("dead"))


def _status(answer: Any) -> Any:
    return answer["Results"][0]["Status"]


def cancelled(r: Replay) -> None:
    redriven(r, 10)
    make(r, "to")
    given = {"SourceArn": PLACE.queue("dead"), "DestinationArn": PLACE.queue("to"), "MaxNumberOfMessagesPerSecond": 1}
    handle = r.client.start_message_move_task(**given)["TaskHandle"]
    r.bound |= {"resource:1": "to", "resource:2": "dead"}
    r.see("list-while", lambda: tasks(r), _counted(2))
    r.see("cancel", lambda: r.client.cancel_message_move_task(TaskHandle=handle), _counted(2))
    r.see("list-after", lambda: tasks(r), _counted(8))


def destination_deleted(r: Replay) -> None:
    redriven(r, 10)
    url = make(r, "to")
    given = {"SourceArn": PLACE.queue("dead"), "DestinationArn": PLACE.queue("to"), "MaxNumberOfMessagesPerSecond": 5}
    r.client.start_message_move_task(**given)
    r.client.delete_queue(QueueUrl=url)
    until(lambda: tasks(r), lambda seen: _status(seen) == "FAILED")

    def pick(answer: Any) -> Any:
        answer["Results"][0]["MaxNumberOfMessagesPerSecond"] = 1
        return _counted(3)(answer)

    r.see("list", lambda: tasks(r), pick)


def back_to_the_source(r: Replay) -> None:
    redriven(r, 2)
    r.see("source-arn", lambda: PLACE.queue("dead"))
    r.see("original-source", lambda: PLACE.queue("from"))
    r.see("start-message-move-task-response", lambda: r.client.start_message_move_task(SourceArn=PLACE.queue("dead")))
    until(lambda: tasks(r), lambda seen: _status(seen) == "COMPLETED")
    r.see("list-message-move-task-response", lambda: tasks(r))


SCENARIOS: dict[str, Scenario] = {
    "test_create_standard_queue_with_all_properties": all_properties,
    "test_update_standard_queue_modify_properties_in_place": properties_in_place,
    "test_update_completely_remove_resource": removed,
    "test_update_sqs_remove_inlinepolicy": policy,
    "test_update_to_remove_queuepolicy_from_template": policy,
    "test_send_message_with_updated_maximum_message_size": smaller_maximum,
    "test_send_message_batch_with_oversized_contents": oversized_batch,
    "test_send_message_batch_with_oversized_contents_with_updated_maximum_message_size": batch_over_the_queues_maximum,
    "test_create_and_update_queue_attributes": updated_attributes,
    "test_too_many_entries_in_batch_request": many_entries,
    "test_invalid_batch_id": bad_batch_id,
    "test_delete_message_batch_invalid_msg_id": bad_batch_id_of_delete,
    "test_send_message_with_empty_string_attribute": empty_attribute,
    "test_dead_letter_queue_message_attributes": dead_letters,
    "test_successive_purge_calls_fail": purged_twice,
    "test_sse_kms_and_sqs_are_mutually_exclusive": two_encryptions,
    "test_receive_message_attribute_names_filters": wanted_attributes,
    "test_sqs_permission_lifecycle": permissions,
    "test_set_unsupported_attribute_standard": unsupported_attribute,
    "test_message_system_attribute_names_with_attribute_names": both_kinds_of_names,
    "test_send_empty_message": empty_message,
    "test_fair_queue_with_message_group_id": fair,
    "test_send_message_to_standard_queue_with_invalid_message_group_id": bad_group,
    "test_source_needs_redrive_policy": no_dead_letter_queue,
    "test_cancel_with_invalid_task_id_in_task_handle": unknown_task,
    "test_move_task_cancel": cancelled,
    "test_move_task_delete_destination_queue_while_running": destination_deleted,
    "test_move_task_workflow_with_default_destination": back_to_the_source,
}

if __name__ == "__main__":
    play(
        "sqs",
        SCENARIOS | FIFO_SCENARIOS,
        open_rooms,
        lambda rooms, variant: client(rooms, "sqs", query=variant.startswith("sqs_query")),
    )
