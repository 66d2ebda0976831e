"""`stacks/orders`, driven from outside as a user would: boto3 and the AWS CLI against one running process."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.asking import eventually, invoke, log_lines, messages, put_order, queue_url, records
from tests.running import Running, copy_of

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("orders")]

QUEUES = {"orders-audit", "orders-audit-dead-letters", "orders-charge-dead-letters", "orders-charged"}


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """One process for every test of this file: none of them changes what is deployed."""
    with Running(copy_of("orders", tmp_path_factory.mktemp("orders")), "--no-watch") as running:
        yield running


def test_what_is_deployed_is_listed(up: Running) -> None:
    functions = up.client("lambda").list_functions()["Functions"]
    assert {one["FunctionName"] for one in functions} == {"orders-place", "orders-charge", "orders-audit"}
    urls = up.client("sqs").list_queues()["QueueUrls"]
    assert {url.rsplit("/", 1)[1] for url in urls} == QUEUES
    buses = up.client("events").list_event_buses()["EventBuses"]
    assert {bus["Name"] for bus in buses} == {"default", "orders"}
    assert up.client("sts").get_caller_identity()["Account"] == "000000000000"
    versions = up.client("lambda").list_versions_by_function(FunctionName="orders-place")["Versions"]
    assert [one["Version"] for one in versions] == ["$LATEST", "1"]
    assert up.client("lambda").get_alias(FunctionName="orders-place", Name="live")["FunctionVersion"] == "1"


def test_a_synchronous_invocation_answers(up: Running) -> None:
    answer = up.client("lambda").invoke(FunctionName="orders-charge", Payload=json.dumps({"detail": {"amount": 7}}))
    assert (answer["StatusCode"], answer["ExecutedVersion"]) == (200, "$LATEST")
    assert json.loads(answer["Payload"].read()) == {"charged": 7, "order": None}


def test_a_function_that_raises_answers_with_its_error(up: Running) -> None:
    answer = up.client("lambda").invoke(FunctionName="orders-charge", Payload=json.dumps({"detail": {"amount": -1}}))
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    error = json.loads(answer["Payload"].read())
    assert (error["errorType"], error["errorMessage"]) == ("ValueError", "cannot charge -1")


def test_an_order_goes_all_the_way_through(up: Running) -> None:
    """Invoke -> SDK of the handler -> bus -> rule -> asynchronous invocation -> destination."""
    placed = invoke(up, "orders-place:live", {"amount": 12})
    [record] = [
        one for one in records(up, "orders-charged") if one["responsePayload"]["order"] == placed["order"]["id"]
    ]
    assert list(record) == [
        "version", "timestamp", "requestContext", "requestPayload", "responseContext", "responsePayload",
    ]  # fmt: skip
    assert record["requestPayload"]["id"] == placed["event"]
    assert record["requestPayload"]["detail"] == {"id": placed["order"]["id"], "amount": 12, "currency": "EUR"}
    assert record["requestContext"].pop("requestId")
    assert record["requestContext"] == {
        "functionArn": "arn:aws:lambda:us-east-1:000000000000:function:orders-charge:$LATEST",
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "$LATEST"}
    assert record["responsePayload"] == {"charged": 12, "order": placed["order"]["id"]}


def test_an_event_reaches_the_right_function_and_no_other(up: Running) -> None:
    put_order(up, {"amount": 1, "id": "no-such-source"}, source="other.web")
    put_order(up, {"amount": 1, "id": "no-such-type"}, kind="OrderCancelled")
    events = up.client("events")
    entry = {"Source": "shop.web", "DetailType": "OrderPlaced", "Detail": '{"amount": 1, "id": "other-bus"}'}
    assert events.put_events(Entries=[entry])["FailedEntryCount"] == 0
    put_order(up, {"amount": 1, "id": "the-one"})
    # The bus is worked off in order: once the last is charged, the others would have been.
    assert [one["responsePayload"]["order"] for one in records(up, "orders-charged")] == ["the-one"]
    for function in ("orders-place", "orders-audit"):
        assert not log_lines(up, function, "the-one")


def test_an_asynchronous_invocation_is_answered_at_once_and_recorded(up: Running) -> None:
    event = {"detail": {"amount": 3, "id": "later"}}
    answer = up.client("lambda").invoke(FunctionName="orders-charge", InvocationType="Event", Payload=json.dumps(event))
    assert answer["StatusCode"] == 202
    assert answer["Payload"].read() == b""
    [record] = records(up, "orders-charged")
    assert record["requestContext"]["requestId"] == answer["ResponseMetadata"]["RequestId"]
    assert record["requestPayload"] == event


def test_a_queue_feeds_its_function(up: Running) -> None:
    sent = up.client("sqs").send_message(QueueUrl=queue_url(up, "orders-audit"), MessageBody="look at this")
    eventually(lambda: log_lines(up, "orders-audit", f"audited {sent['MessageId']}"))

    def taken() -> bool:
        shown = up.client("sqs").get_queue_attributes(QueueUrl=queue_url(up, "orders-audit"), AttributeNames=["All"])
        counts = shown["Attributes"]
        return {counts["ApproximateNumberOfMessages"], counts["ApproximateNumberOfMessagesNotVisible"]} == {"0"}

    eventually(taken)


def test_a_topic_publishes_to_its_queue(up: Running) -> None:
    topic = up.client("sns").list_topics()["Topics"][0]["TopicArn"]
    up.client("sns").publish(TopicArn=topic, Message="from a topic")
    eventually(lambda: len(log_lines(up, "orders-audit", "audited")) >= 1)


def test_an_operation_that_is_not_there_says_so(up: Running) -> None:
    client = up.client("sns")
    with pytest.raises(client.exceptions.ClientError, match="ListSMSSandboxPhoneNumbers"):
        client.list_sms_sandbox_phone_numbers()


def test_the_cli_invokes(up: Running, tmp_path: Path) -> None:
    answer = tmp_path / "answer.json"
    done = up.aws(
        "lambda", "invoke", "--function-name", "orders-charge", "--cli-binary-format", "raw-in-base64-out",
        "--payload", '{"detail": {"amount": 4}}', str(answer),
    )  # fmt: skip
    if "cli-binary-format" in done.stderr:  # version 1 of the CLI takes raw payloads as they are
        done = up.aws(
            "lambda",
            "invoke",
            "--function-name",
            "orders-charge",
            "--payload",
            '{"detail": {"amount": 4}}',
            str(answer),
        )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["StatusCode"] == 200
    assert json.loads(answer.read_text()) == {"charged": 4, "order": None}


def test_the_cli_puts_events_and_sends_and_receives_messages(up: Running) -> None:
    entry = {
        "EventBusName": "orders",
        "Source": "shop.cli",
        "DetailType": "OrderPlaced",
        "Detail": json.dumps({"amount": 5, "id": "by-cli"}),
    }
    put = up.aws("events", "put-events", "--entries", json.dumps([entry]))
    assert put.returncode == 0, put.stderr
    assert json.loads(put.stdout)["FailedEntryCount"] == 0
    [record] = records(up, "orders-charged")
    assert record["responsePayload"] == {"charged": 5, "order": "by-cli"}
    url = queue_url(up, "orders-charged")
    sent = up.aws("sqs", "send-message", "--queue-url", url, "--message-body", "by hand")
    assert sent.returncode == 0, sent.stderr
    [message] = messages(up, "orders-charged")
    assert message["MessageId"] == json.loads(sent.stdout)["MessageId"]


def test_the_function_in_the_middle_reached_us_without_any_set_up(up: Running) -> None:
    """A bare client in a handler finds this endpoint by its environment."""
    placed = invoke(up, "orders-place", {"amount": 1})
    assert len(placed["event"]) == 36
    assert records(up, "orders-charged")
