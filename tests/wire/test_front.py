"""The front door over real HTTP: routing, errors, refusals, what is not there, and the runner's own endpoints."""

from __future__ import annotations

import asyncio
import gzip
import http.client
import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from runner.host.clock import Clock
from runner.host.exchange import Exchange
from runner.model.errors import ApiError, InputError
from runner.model.names import Place
from runner.wire.operation import Context, Members
from runner.wire.sts import Sts
from tests.wire.live import WAIT_S, Live, Room

pytestmark = pytest.mark.slow

CREDENTIAL = "AWS4-HMAC-SHA256 Credential=AK/20260101/eu-west-1/{}/aws4_request, SignedHeaders=host, Signature=0"


class Calls:
    """Rooms that remember what they were asked."""

    def __init__(self) -> None:
        self.members: dict[str, Any] = {}
        self.context: Context | None = None
        self.waiting = threading.Event()
        self.abandoned = threading.Event()

    def answer(self, name: str, answered: Members) -> Callable[[Members, Context], Members]:
        def call(members: Members, context: Context) -> Members:
            self.members[name], self.context = dict(members), context
            return answered

        return call

    def invoke(self, exchange: Exchange, context: Context, members: Members) -> None:
        self.members["Invoke"], self.context = dict(members), context
        exchange.respond(200, [("x-amzn-requestid", context.request_id)], exchange.body)

    async def receive(self, members: Members, context: Context) -> Members:
        self.waiting.set()
        try:
            await asyncio.Event().wait()
        finally:
            self.abandoned.set()
        return {}

    def rooms(self) -> list[Any]:
        return [
            Sts(Place(), Clock()),
            Room(
                "sqs",
                {
                    "SendMessage": self.answer("SendMessage", {"MessageId": "m"}),
                    "ListQueues": self.answer("ListQueues", {"QueueUrls": ["http://x/1/a", "http://x/1/b"]}),
                    "GetQueueUrl": raising(ApiError("QueueDoesNotExist", "The specified queue does not exist.")),
                    "PurgeQueue": raising(ValueError("the secret of the house")),
                    "ReceiveMessage": self.receive,
                },
            ),
            Room(
                "lambda",
                {
                    "GetFunction": raising(ApiError("ResourceNotFoundException", "Function not found: f", 404)),
                    "ListFunctions": raising(
                        ApiError("TooManyRequestsException", "Rate Exceeded.", members={"Reason": "R"})
                    ),
                    "DeleteFunction": raising(ZeroDivisionError()),
                    "ListTags": self.answer("ListTags", {"Tags": {"a": "b"}}),
                },
                {"Invoke": self.invoke},
            ),
            Room("events", {"PutEvents": self.answer("PutEvents", {"FailedEntryCount": 0, "Entries": []})}),
            Room("sns", {"Publish": raising(ApiError("NotFound", "Topic does not exist", 404))}),
        ]


def raising(error: Exception) -> Callable[[Members, Context], Members]:
    def call(members: Members, context: Context) -> Members:
        raise error

    return call


@pytest.fixture(scope="module")
def calls() -> Calls:
    return Calls()


@pytest.fixture(scope="module")
def live(calls: Calls) -> Iterator[Live]:
    with Live(calls.rooms()) as live:
        yield live


def failure(call: Callable[[], Any]) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as raised:
        call()
    response = raised.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def http_call(
    live: Live, method: str, target: str, body: bytes | str = b"", **headers: str
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=WAIT_S)
    try:
        connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
        response = connection.getresponse()
        return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
    finally:
        connection.close()


# errors


def test_an_error_of_sqs_has_both_of_its_codes(live: Live) -> None:
    with pytest.raises(ClientError) as raised:
        live.client("sqs").get_queue_url(QueueName="none")
    assert raised.value.response["Error"] == {
        "Code": "AWS.SimpleQueueService.NonExistentQueue",
        "Message": "The specified queue does not exist.",
        "QueryErrorCode": "QueueDoesNotExist",
        "Type": "Sender",
    }


def test_an_error_of_lambda_has_its_type_and_its_headers(live: Live) -> None:
    status, headers, body = http_call(live, "GET", "/2015-03-31/functions/f")
    assert (status, headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert json.loads(body) == {"Type": "User", "Message": "Function not found: f"}
    status, _, body = http_call(live, "GET", "/2015-03-31/functions/")
    assert status == 429
    assert json.loads(body) == {"Type": "User", "message": "Rate Exceeded.", "Reason": "R"}


def test_an_error_of_sns_is_xml(live: Live) -> None:
    with pytest.raises(ClientError) as raised:
        live.client("sns").publish(TopicArn="arn:aws:sns:us-east-1:000000000000:t", Message="m")
    assert raised.value.response["Error"] == {"Code": "NotFound", "Message": "Topic does not exist", "Type": "Sender"}


def test_a_bug_is_logged_and_not_shown(live: Live, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        code, message, status = failure(lambda: live.client("sqs").purge_queue(QueueUrl="http://x/1/q"))
        assert (code, status) == ("InternalFailure", 500)
        assert "secret" not in message
        code, _, status = failure(lambda: live.client("lambda").delete_function(FunctionName="f"))
        assert (code, status) == ("ServiceException", 500)
    told = [record.getMessage() for record in caplog.records if record.name == "runner.wire.front"]
    assert any(text.startswith("sqs PurgeQueue failed (request ") for text in told)
    assert any(record.exc_info for record in caplog.records)


def test_what_is_not_there_says_so_by_name_in_the_services_own_format(live: Live) -> None:
    for service, call, name in (
        ("sqs", lambda client: client.list_queue_tags(QueueUrl="q"), "sqs ListQueueTags"),
        ("lambda", lambda client: client.get_alias(FunctionName="f", Name="n"), "lambda GetAlias"),
        ("sns", lambda client: client.list_topics(), "sns ListTopics"),
        ("iam", lambda client: client.list_users(), "iam ListUsers"),
        ("dynamodb", lambda client: client.list_tables(), "dynamodb ListTables"),
        ("cloudwatch", lambda client: client.list_metrics(), "cloudwatch ListMetrics"),
        ("stepfunctions", lambda client: client.list_state_machines(), "stepfunctions ListStateMachines"),
        ("s3", lambda client: client.list_buckets(), "s3"),
        ("cloudformation", lambda client: client.list_stacks(), "cloudformation ListStacks"),
    ):
        client = live.client(service)
        code, message, status = failure(lambda client=client, call=call: call(client))  # type: ignore[misc]
        assert (code, status) == ("NotImplemented", 501), service
        assert name in message


def test_an_operation_that_no_model_has_is_unknown(live: Live) -> None:
    target = {"x_amz_target": "AmazonSQS.Nonsense"}
    status, _, body = http_call(live, "POST", "/", "{}", **target)
    assert (status, json.loads(body)["__type"]) == (404, "UnknownOperationException")
    status, _, body = http_call(live, "GET", "/?Action=Nonsense&Version=2011-06-15")
    assert status == 400
    assert b"<Code>InvalidAction</Code>" in body
    status, _, body = http_call(live, "PATCH", "/2015-03-31/functions/f")
    assert (status, json.loads(body)["message"]) == (404, "There is no such operation: lambda unknown operation.")
    assert http_call(live, "GET", "/favicon.ico")[0] == 501


@pytest.mark.parametrize(
    "body",
    [b"{", b"[]", b"\xff\xfe", b'{"QueueUrl": 1}', b"[" * 100_000, b'"text"'],
    ids=["half", "a list", "no UTF-8", "a wrong type", "very deep", "a string"],
)
def test_a_body_that_cannot_be_read_is_refused(live: Live, body: bytes) -> None:
    target = {"x_amz_target": "AmazonSQS.SendMessage", "authorization": CREDENTIAL.format("sqs")}
    status, _, answer = http_call(live, "POST", "/", body, **target)
    assert (status, json.loads(answer)["__type"]) == (400, "SerializationException")


# routing


def test_the_signature_says_who_and_where(live: Live, calls: Calls) -> None:
    headers = {"authorization": CREDENTIAL.format("lambda"), "x_extra": "1"}
    status, answered, body = http_call(
        live, "POST", "/2015-03-31/functions/f/invocations?Qualifier=live", b"1", **headers
    )
    assert (status, body) == (200, b"1")
    assert calls.context is not None
    assert (calls.context.access_key, calls.context.region) == ("AK", "eu-west-1")
    assert (calls.context.service, calls.context.operation) == ("lambda", "Invoke")
    assert calls.context.headers["x-extra"] == "1"
    assert answered["x-amzn-requestid"] == calls.context.request_id
    assert len(calls.context.request_id) == 36


@pytest.mark.parametrize(
    ("arguments", "members"),
    [
        ({"FunctionName": "f"}, {"FunctionName": "f"}),
        (
            {"FunctionName": "f", "Qualifier": "$LATEST", "InvocationType": "Event", "LogType": "Tail"},
            {"FunctionName": "f", "Qualifier": "$LATEST", "InvocationType": "Event", "LogType": "Tail"},
        ),
        ({"FunctionName": "f:live"}, {"FunctionName": "f:live"}),
        (
            {"FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f", "TenantId": "t"},
            {"FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f", "TenantId": "t"},
        ),
    ],
    ids=["plain", "everything usual", "a qualified name", "an ARN and a tenant"],
)
def test_invoke_has_the_same_members_on_the_short_way_and_the_long(
    live: Live, calls: Calls, arguments: dict[str, str], members: dict[str, str]
) -> None:
    answer = live.client("lambda").invoke(Payload=b'{"a":1}', **arguments)
    assert answer["Payload"].read() == b'{"a":1}'
    calls.members["Invoke"].pop("Payload", None)
    assert calls.members["Invoke"] == members


def test_invoke_is_judged_by_the_model_where_it_is_unusual(live: Live) -> None:
    code, message, status = failure(lambda: live.client("lambda").invoke(FunctionName="f", InvocationType="Nonsense"))
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith("1 validation error detected: Value 'Nonsense' at 'invocationType' failed to satisfy")
    assert failure(lambda: live.client("lambda").invoke(FunctionName="f", Qualifier="a b"))[0] == "ValidationException"


def test_sqs_is_reached_in_every_way(live: Live, calls: Calls) -> None:
    queue = f"{live.endpoint}/000000000000/q"
    expected = {"QueueUrl": queue, "MessageBody": "hi"}
    live.client("sqs").send_message(QueueUrl=queue, MessageBody="hi")
    assert calls.members.pop("SendMessage") == expected
    form = "Action=SendMessage&Version=2012-11-05&MessageBody=hi"
    _, _, body = http_call(live, "POST", "/000000000000/q", form, content_type="application/x-www-form-urlencoded")
    assert calls.members.pop("SendMessage") == expected
    assert body.startswith(
        b'<SendMessageResponse xmlns="http://queue.amazonaws.com/doc/2012-11-05/"><SendMessageResult>'
    )
    http_call(live, "GET", "/000000000000/q?" + form)
    assert calls.members.pop("SendMessage") == expected
    hosted = {"host": "sqs.us-east-1.localhost", "content_type": "application/x-www-form-urlencoded"}
    http_call(live, "POST", "/", "Action=SendMessage&QueueUrl=q&MessageBody=hi", **hosted)
    assert calls.members.pop("SendMessage") == {"QueueUrl": "q", "MessageBody": "hi"}
    status, _, body = http_call(live, "GET", "/?" + form)
    assert (status, b"The request must contain the parameter QueueUrl." in body) == (400, True)


def test_the_old_form_of_sqs_has_its_old_names_and_texts(live: Live, calls: Calls) -> None:
    _, _, body = http_call(live, "GET", "/?Action=ListQueues&Version=2012-11-05")
    assert b"<QueueUrl>http://x/1/a</QueueUrl><QueueUrl>http://x/1/b</QueueUrl>" in body
    status, _, body = http_call(live, "GET", "/?Action=GetQueueUrl&QueueName=q&Version=2012-11-05")
    assert status == 400
    assert b"<Code>AWS.SimpleQueueService.NonExistentQueue</Code>" in body
    assert b"<Message>The specified queue does not exist for this wsdl version.</Message>" in body
    form = "Action=SendMessage&Version=2012-11-05&QueueUrl=q&MessageBody=b&MessageAttribute.1.Name=n"
    value = "MessageAttribute.1.Value.DataType=String&MessageAttribute.1.Value.StringValue=a%20+b"
    http_call(live, "GET", f"/?{form}&{value}")
    assert calls.members["SendMessage"] == {
        "QueueUrl": "q",
        "MessageBody": "b",
        "MessageAttributes": {"n": {"DataType": "String", "StringValue": "a  b"}},
    }


def test_a_presigned_request_is_understood(live: Live) -> None:
    session = botocore.session.get_session()
    session.set_credentials("AK", "SK")
    client = session.create_client("sts", region_name="us-east-1", endpoint_url=live.endpoint)
    url = client.generate_presigned_url("get_caller_identity")
    status, _, body = http_call(live, "GET", url.removeprefix(live.endpoint))
    assert status == 200
    assert b"<Account>000000000000</Account>" in body


def test_a_path_with_an_encoded_arn_is_routed(live: Live, calls: Calls) -> None:
    arn = "arn:aws:lambda:us-east-1:000000000000:function:f"
    assert live.client("lambda").list_tags(Resource=arn)["Tags"] == {"a": "b"}
    assert calls.members["ListTags"] == {"Resource": arn}


def test_a_gzipped_body_is_unpacked(live: Live, calls: Calls) -> None:
    entries = {"Entries": [{"Source": "s", "DetailType": "d", "Detail": "{}"}]}
    headers = {"x_amz_target": "AWSEvents.PutEvents", "content_encoding": "gzip"}
    status, _, _ = http_call(live, "POST", "/", gzip.compress(json.dumps(entries).encode()), **headers)
    assert status == 200
    assert calls.members["PutEvents"] == entries
    assert http_call(live, "POST", "/", b"no gzip", **headers)[0] == 400
    bomb = gzip.compress(b" " * 90_000_000, compresslevel=1)
    status, _, _ = http_call(live, "POST", "/", bomb, **headers)
    assert status == 413


# refusals, and who goes away


@pytest.mark.parametrize(
    "headers",
    [{"host": "evil.example"}, {"origin": "https://evil.example"}, {"sec_fetch_site": "cross-site"}],
    ids=["a foreign host", "a foreign page", "an image in a foreign page"],
)
def test_foreign_pages_are_refused(live: Live, calls: Calls, headers: dict[str, str]) -> None:
    calls.members.clear()
    for target in ("/2015-03-31/functions/f/invocations", "/?Action=ListQueues&Version=2012-11-05", "/_runner/health"):
        status, _, body = http_call(live, "POST", target, **headers)
        assert (status, json.loads(body)["__type"]) == (403, "AccessDeniedException")
    assert calls.members == {}


def test_a_receive_whose_client_went_away_is_ended(live: Live, calls: Calls) -> None:
    body = b'{"QueueUrl": "q", "WaitTimeSeconds": 20}'
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        head = b"POST / HTTP/1.1\r\nhost: localhost\r\nx-amz-target: AmazonSQS.ReceiveMessage\r\n"
        sock.sendall(head + b"content-length: %d\r\n\r\n%b" % (len(body), body))
        assert calls.waiting.wait(WAIT_S)
    assert calls.abandoned.wait(WAIT_S)


def test_a_client_that_closed_its_sending_side_is_answered(live: Live) -> None:
    with socket.create_connection(("127.0.0.1", live.port)) as sock:
        sock.sendall(b"GET /?Action=ListQueues&Version=2012-11-05 HTTP/1.1\r\nhost: localhost\r\n\r\n")
        sock.shutdown(socket.SHUT_WR)
        sock.settimeout(WAIT_S)
        whole = b""
        while piece := sock.recv(65536):
            whole += piece
    assert whole.startswith(b"HTTP/1.1 200 OK")


# the runner's own endpoints


def test_health_and_mounted_operations(live: Live) -> None:
    async def double(query: Any, body: bytes) -> Any:
        if body == b"bad":
            raise InputError("That is bad.", hint="Send good.")
        if body == b"worse":
            raise ValueError("a bug")
        return {"query": query, "body": body.decode() * 2}

    def raw(exchange: Exchange) -> None:
        exchange.start(200)
        exchange.write(b"line\n")
        exchange.finish()

    live.front.mount("POST", "/_runner/double", double)
    live.front.mount_raw("GET", "/_runner/raw", raw)
    with pytest.raises(ValueError, match="is not below"):
        live.front.mount("GET", "/elsewhere", double)
    health = json.loads(http_call(live, "GET", "/_runner/health")[2])
    assert health["status"] == "running"
    assert health["services"] == ["events", "lambda", "sns", "sqs", "sts"]
    _, _, body = http_call(live, "POST", "/_runner/double?a=b%20c", "x")
    assert json.loads(body) == {"query": {"a": "b c"}, "body": "xx"}
    status, _, body = http_call(live, "POST", "/_runner/double", "bad")
    assert (status, json.loads(body)) == (400, {"code": "InputError", "error": "That is bad.", "hint": "Send good."})
    status, _, body = http_call(live, "POST", "/_runner/double", "worse")
    assert (status, json.loads(body)["code"]) == (500, "InternalFailure")
    assert http_call(live, "GET", "/_runner/raw")[2] == b"line\n"
    assert http_call(live, "GET", "/_runner/none")[0] == 404


def test_the_aws_cli_gets_answers_and_errors(live: Live) -> None:
    listed = live.aws("sqs", "list-queues", "--query", "QueueUrls[0]", "--output", "text")
    assert (listed.returncode, listed.stdout.strip()) == (0, "http://x/1/a"), listed.stderr
    missing = live.aws("sqs", "get-queue-url", "--queue-name", "none")
    assert missing.returncode in (252, 254, 255)
    assert "AWS.SimpleQueueService.NonExistentQueue" in missing.stderr


def test_every_answer_says_when_it_was_made(live: Live) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", live.port, timeout=WAIT_S)
    for path in ("/_runner/health", "/nothing"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        made = parsedate_to_datetime(answer.headers["date"])
        assert abs((datetime.now(UTC) - made).total_seconds()) < 3600
    connection.close()
