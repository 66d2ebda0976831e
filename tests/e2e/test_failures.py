"""A function that always fails, on a clock that runs sixty times faster: AWS's own minutes, in seconds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from tests.e2e.asking import eventually, log_lines, messages, put_order, queue_url
from tests.running import Running, copy_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("failures")]


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    stack = copy_of("orders", tmp_path_factory.mktemp("failures"))
    # The auditor would take what is to be seen here.
    text = stack.read_text()
    stack.write_text(
        text.replace("            BatchSize: 5\n", "            BatchSize: 5\n            Enabled: false\n")
    )
    with Running(stack, "--no-watch", "--pace", "60") as running:
        yield running


def test_a_failing_function_is_tried_three_times_and_ends_in_both_places(up: Running) -> None:
    event_id = put_order(up, {"amount": -5, "id": "bad"})
    [dead] = messages(up, "orders-charge-dead-letters")
    assert json.loads(dead["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes.keys() == {"RequestID", "ErrorCode", "ErrorMessage"}
    assert (attributes["ErrorCode"], attributes["ErrorMessage"]) == ("200", "cannot charge -5")
    assert dead["MessageAttributes"]["ErrorCode"]["DataType"] == "Number"

    [failed] = messages(up, "orders-audit")  # by the topic, raw
    record = json.loads(failed["Body"])
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["requestContext"]["requestId"] == attributes["RequestID"]
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "cannot charge -5"
    eventually(lambda: len(log_lines(up, "orders-charge", f"START RequestId: {attributes['RequestID']}")) == 3)


def test_the_attempts_were_one_and_two_minutes_apart(up: Running) -> None:
    put_order(up, {"amount": -6, "id": "timed"})
    [dead] = messages(up, "orders-charge-dead-letters")
    request_id = dead["MessageAttributes"]["RequestID"]["StringValue"]
    eventually(lambda: len(log_lines(up, "orders-charge", f"START RequestId: {request_id}")) == 3)
    events = up.client("logs").filter_log_events(
        logGroupName="/aws/lambda/orders-charge", filterPattern=f'"START RequestId: {request_id}"'
    )["events"]
    first, second, third = (event["timestamp"] / 1000 for event in events)
    assert second - first >= 60
    assert third - second >= 120


def test_a_batch_that_fails_too_often_goes_to_the_dead_letters(tmp_path_factory: pytest.TempPathFactory) -> None:
    with Running(copy_of("orders", tmp_path_factory.mktemp("redrive")), "--no-watch", "--pace", "60") as up:
        up.client("sqs").send_message(QueueUrl=queue_url(up, "orders-audit"), MessageBody="reject")
        [dead] = messages(up, "orders-audit-dead-letters")
        assert dead["Body"] == "reject"
        eventually(lambda: len(log_lines(up, "orders-audit", "rejected by the auditor")) >= 3)
