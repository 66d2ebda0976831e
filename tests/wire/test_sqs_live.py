"""SQS and SNS as unmodified boto3 sees them: a real server, a real store, both protocols of SQS."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.host.clock import Clock
from runner.model.names import Place
from runner.model.state import State
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors
from runner.runtime.queues import Queues
from runner.runtime.topics import Topics
from runner.store import SqliteStore, StateStore
from runner.wire.sns import Sns
from runner.wire.sqs import Sqs
from tests.wire.live import Live

pytestmark = pytest.mark.slow
AUTHORIZATION = "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, Signature=0"
SIGNED = f"Authorization: {AUTHORIZATION}\r\n"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    folder: Path = tmp_path_factory.mktemp("messaging")
    clock, place = Clock(), Place()
    store = SqliteStore.open(folder / "runner.db", clock=clock)
    deployment = Deployment(StateStore(store), State())
    doors = Doors()
    queues = Queues(store, deployment, place, clock)
    topics = Topics(store, deployment, doors, place, clock)
    doors.open("sqs", queues)
    doors.open("sns", topics)
    with Live([Sqs(queues, deployment, place, clock), Sns(topics, deployment, place, clock)]) as running:
        loops = [running.submit(queues.run()), running.submit(topics.run())]
        yield running
        for loop in loops:
            loop.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                loop.result(10)
        running.run(store.aclose())


@pytest.fixture(scope="module")
def sqs(live: Live) -> Any:
    return live.client("sqs")


@pytest.fixture(scope="module")
def sns(live: Live) -> Any:
    return live.client("sns")


def test_a_message_goes_through_with_everything_it_has(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="all", Attributes={"VisibilityTimeout": "30"})["QueueUrl"]
    assert sqs.get_queue_url(QueueName="all")["QueueUrl"] == url
    attributes = {
        "text": {"DataType": "String", "StringValue": "ünï"},
        "number": {"DataType": "Number.int", "StringValue": "7"},
        "bytes": {"DataType": "Binary", "BinaryValue": b"\x00\xff"},
    }
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": "Root=1-5759e988-bd862e3fe1be46a994272793"}}
    sent = sqs.send_message(
        QueueUrl=url, MessageBody='{"a": "ö"}\n', MessageAttributes=attributes, MessageSystemAttributes=trace
    )
    (message,) = sqs.receive_message(QueueUrl=url, AttributeNames=["All"], MessageAttributeNames=["All"])["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["Body"] == '{"a": "ö"}\n'
    assert message["MessageAttributes"] == attributes
    assert message["Attributes"]["AWSTraceHeader"] == "Root=1-5759e988-bd862e3fe1be46a994272793"
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (again,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=1)["Messages"]
    sqs.delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    assert "Messages" not in sqs.receive_message(QueueUrl=url)
    counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["ApproximateNumberOfMessages"])["Attributes"]
    assert counts == {"ApproximateNumberOfMessages": "0"}


def test_batches_and_their_failures(sqs: Any) -> None:
    url = sqs.create_queue(QueueName="batches", Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    entries = [{"Id": str(n), "MessageBody": "x" * (2000 if n == 3 else n + 1)} for n in range(5)]
    answer = sqs.send_message_batch(QueueUrl=url, Entries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["0", "1", "2", "4"]
    assert [(one["Id"], one["Code"]) for one in answer["Failed"]] == [("3", "InvalidParameterValue")]
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    assert len(messages) == 4
    shown = [
        {"Id": str(n), "ReceiptHandle": one["ReceiptHandle"], "VisibilityTimeout": 0} for n, one in enumerate(messages)
    ]
    assert len(sqs.change_message_visibility_batch(QueueUrl=url, Entries=shown)["Successful"]) == 4
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]
    gone = [{"Id": str(n), "ReceiptHandle": one["ReceiptHandle"]} for n, one in enumerate(messages)]
    assert len(sqs.delete_message_batch(QueueUrl=url, Entries=gone)["Successful"]) == 4


def test_errors_have_the_codes_that_sdks_know(sqs: Any, sns: Any) -> None:
    with pytest.raises(sqs.exceptions.QueueDoesNotExist) as refused:
        sqs.get_queue_url(QueueName="nope")
    assert refused.value.response["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"
    assert refused.value.response["Error"]["QueryErrorCode"] == "QueueDoesNotExist"
    url = sqs.create_queue(QueueName="errors")["QueueUrl"]
    with pytest.raises(ClientError) as refused:
        sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=11)
    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    with pytest.raises(sns.exceptions.NotFoundException) as refused:
        sns.publish(TopicArn="arn:aws:sns:us-east-1:000000000000:nope", Message="x")
    assert refused.value.response["Error"]["Message"] == "Topic does not exist"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def query(live: Live, **fields: str) -> tuple[int, str]:
    data = urllib.parse.urlencode({"Version": "2012-11-05", **fields}).encode()
    request = urllib.request.Request(live.endpoint + "/", data, {"Authorization": AUTHORIZATION})
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode()


def test_the_query_protocol_speaks_too(live: Live, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="old")["QueueUrl"]
    status, body = query(
        live,
        **{
            "Action": "SendMessage",
            "QueueUrl": url,
            "MessageBody": "from an old SDK",
            "MessageAttribute.1.Name": "a",
            "MessageAttribute.1.Value.DataType": "String",
            "MessageAttribute.1.Value.StringValue": "v",
        },
    )
    assert status == 200
    assert "<MD5OfMessageAttributes>" in body
    (message,) = sqs.receive_message(QueueUrl=url, MessageAttributeNames=["a"])["Messages"]
    assert (message["Body"], message["MessageAttributes"]["a"]["StringValue"]) == ("from an old SDK", "v")
    status, body = query(live, Action="GetQueueUrl", QueueName="nope")
    assert status == 400
    assert "<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in body
    assert "The specified queue does not exist for this wsdl version." in body


def test_a_topic_hands_out_to_a_queue(sqs: Any, sns: Any) -> None:
    topic = sns.create_topic(Name="news")["TopicArn"]
    url = sqs.create_queue(QueueName="readers")["QueueUrl"]
    queue = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"kind": ["local"]})
    subscription = sns.subscribe(
        TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes={"FilterPolicy": policy}, ReturnSubscriptionArn=True
    )["SubscriptionArn"]
    for kind in ("foreign", "local"):
        attributes = {"kind": {"DataType": "String", "StringValue": kind}}
        sns.publish(TopicArn=topic, Message=f"{kind} news", Subject="News", MessageAttributes=attributes)
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert json.loads(message["Body"])["Message"] == "local news"
    assert sns.get_subscription_attributes(SubscriptionArn=subscription)["Attributes"]["FilterPolicy"] == policy
    assert sns.list_subscriptions()["Subscriptions"][0]["TopicArn"] == topic
    assert sns.list_topics()["Topics"] == [{"TopicArn": topic}]
    sns.unsubscribe(SubscriptionArn=subscription)
    sns.delete_topic(TopicArn=topic)


def test_a_long_poll_that_is_hung_up_takes_no_message(live: Live, sqs: Any) -> None:
    url = sqs.create_queue(QueueName="hung-up")["QueueUrl"]
    form = urllib.parse.urlencode({"Action": "ReceiveMessage", "QueueUrl": url, "WaitTimeSeconds": "20"})
    head = (
        f"POST / HTTP/1.1\r\nHost: 127.0.0.1:{live.port}\r\nContent-Length: {len(form)}\r\n{SIGNED}"
        "Content-Type: application/x-www-form-urlencoded\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", live.port), timeout=10) as impatient:
        impatient.sendall((head + form).encode())
        sqs.list_queues()  # by now the poll before it has been taken up
    sqs.send_message(QueueUrl=url, MessageBody="for whoever listens")
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == "for whoever listens"


def test_the_links_in_messages_work_in_a_browser(live: Live, sns: Any) -> None:
    topic = sns.create_topic(Name="linked")["TopicArn"]
    endpoint = "arn:aws:sqs:us-east-1:000000000000:nobody"
    subscription = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=endpoint)["SubscriptionArn"]
    link = f"{live.endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription}"
    with urllib.request.urlopen(link, timeout=10) as answer:
        assert "<UnsubscribeResponse" in answer.read().decode()
    assert sns.list_subscriptions_by_topic(TopicArn=topic)["Subscriptions"] == []
