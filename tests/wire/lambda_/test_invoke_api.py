"""Invoke as an SDK sees it."""

from __future__ import annotations

import base64
import http.client
import json
import re
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.model.errors import ApiError
from runner.runtime.invoking import Answer, Call
from tests.wire.lambda_.scene import PLACE, Scene, archive

ARN = PLACE.function("f")


def error(call: Any, **given: Any) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call(**given)
    response = caught.value.response
    return response["Error"]["Code"], response["Error"]["Message"], response["ResponseMetadata"]["HTTPStatusCode"]


def test_an_answer_comes_with_its_headers(scene: Scene, client: Any) -> None:
    scene.function()
    scene.functions.script = lambda call: Answer(b'{"a": 1}', "$LATEST", log_tail=b"START\nREPORT\n")
    answer = client.invoke(FunctionName="f", Payload=b'{"b":2}', LogType="Tail")
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    (call,) = scene.functions.calls
    assert answer["Payload"].read() == b'{"a": 1}'
    assert (answer["StatusCode"], answer["ExecutedVersion"], "FunctionError" in answer) == (200, "$LATEST", False)
    assert base64.b64decode(answer["LogResult"]) == b"START\nREPORT\n"
    assert headers["x-amzn-requestid"] == call.request_id
    assert headers["x-amzn-trace-id"].startswith("Root=1-")
    assert headers["content-type"] == "application/json"
    assert (call.function, call.qualifier, call.payload, call.tail) == ("f", None, b'{"b":2}', True)


def test_no_payload_is_an_empty_object(scene: Scene, client: Any) -> None:
    scene.function()
    client.invoke(FunctionName="f")
    assert scene.functions.calls[0].payload == b"{}"


def test_a_function_error_is_a_success_of_the_api(scene: Scene, client: Any) -> None:
    scene.function()
    scene.functions.script = lambda call: Answer(b'{"errorMessage": "x"}', "$LATEST", "Unhandled", "Exception")
    answer = client.invoke(FunctionName="f")
    assert (answer["StatusCode"], answer["FunctionError"]) == (200, "Unhandled")
    assert "LogResult" not in answer


def test_event_is_accepted_and_dry_run_only_checked(scene: Scene, client: Any) -> None:
    scene.function()
    later = client.invoke(FunctionName="f", InvocationType="Event", Payload=b"[1]")
    assert (later["StatusCode"], later["Payload"].read(), "ExecutedVersion" in later) == (202, b"", False)
    request_id = later["ResponseMetadata"]["RequestId"]
    assert scene.functions.accepted == [("f", None, b"[1]", request_id)]
    assert client.invoke(FunctionName="f", InvocationType="DryRun")["StatusCode"] == 204
    assert client.invoke_async(FunctionName="f", InvokeArgs=b"{}")["Status"] == 202
    assert scene.functions.calls == []


@pytest.mark.parametrize(
    ("name", "qualifier"),
    [
        ("f:live", None),
        ("f", "live"),
        (f"{ARN}:live", None),
        (f"{ARN}:live", "live"),
        (f"{PLACE.account}:function:f:live", None),
        ("function:f:live", None),
    ],
    ids=["name:alias", "a parameter", "an ARN", "both", "a partial ARN", "function:name"],
)
def test_a_qualifier_comes_in_many_forms(scene: Scene, client: Any, name: str, qualifier: str | None) -> None:
    scene.function()
    client.publish_version(FunctionName="f")
    client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    client.invoke(FunctionName=name, **({"Qualifier": qualifier} if qualifier else {}))
    assert [(call.function, call.qualifier) for call in scene.functions.calls] == [("f", "live")]


NO_SUCH = f"Function not found: {PLACE.function('nope')}:$LATEST"
MISMATCH = "The derived qualifier from the function name does not match the specified qualifier."
ERRORS: dict[str, tuple[dict[str, Any], tuple[str, str, int]]] = {
    "nobody": ({"FunctionName": "nope"}, ("ResourceNotFoundException", NO_SUCH, 404)),
    "no version": (
        {"FunctionName": "f", "Qualifier": "7"},
        ("ResourceNotFoundException", f"Function not found: {ARN}:7", 404),
    ),
    "another region": (
        {"FunctionName": ARN.replace("us-east-1", "us-west-2")},
        ("ResourceNotFoundException", "Functions from 'us-west-2' are not reachable in this region ('us-east-1')", 404),
    ),
    "contradicting qualifiers": (
        {"FunctionName": f"{ARN}:1", "Qualifier": "2"},
        ("InvalidParameterValueException", MISMATCH, 400),
    ),
    "a small latest": (
        {"FunctionName": "f", "Qualifier": "$latest"},
        ("ResourceNotFoundException", f"Function not found: {ARN}:$latest", 404),
    ),
    "a large payload": (
        {"FunctionName": "f", "Payload": b'"' + b"x" * 6_291_455 + b'"'},
        (
            "RequestEntityTooLargeException",
            "6291457 byte payload is too large for the RequestResponse invocation type (limit 6291456 bytes)",
            413,
        ),
    ),
    "a large event": (
        {"FunctionName": "f", "InvocationType": "Event", "Payload": b'"' + b"x" * 1_048_575 + b'"'},
        (
            "RequestEntityTooLargeException",
            "1048577 byte payload is too large for the Event invocation type (limit 1048576 bytes)",
            413,
        ),
    ),
}


@pytest.mark.parametrize(("given", "expected"), ERRORS.values(), ids=ERRORS)
def test_errors_are_lambdas_own(
    scene: Scene, client: Any, given: dict[str, Any], expected: tuple[str, str, int]
) -> None:
    scene.function()
    assert error(client.invoke, **given) == expected
    assert scene.functions.calls == []


def test_existence_is_checked_before_the_payload(scene: Scene, client: Any) -> None:
    scene.function()
    assert error(client.invoke, FunctionName="nope", Payload=b"{bad")[0] == "ResourceNotFoundException"
    code, message, status = error(client.invoke, FunctionName="f", Payload=b"{bad")
    assert (code, status) == ("InvalidRequestContentException", 400)
    assert message.startswith("Could not parse request body into json: Could not parse payload into json: Unexpected")


def test_another_accounts_function_is_denied_without_a_message(scene: Scene, client: Any) -> None:
    arn = ARN.replace(PLACE.account, "123456789012")
    code, message, status = error(client.invoke, FunctionName=arn)
    assert (code, message, status) == ("AccessDeniedException", None, 403)


def test_a_throttle_keeps_its_reason(scene: Scene, client: Any) -> None:
    scene.function()

    def throttled(call: Call) -> Answer:
        members = {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded", "Type": "User"}
        raise ApiError("TooManyRequestsException", "Rate Exceeded.", 429, members=members)

    scene.functions.script = throttled
    with pytest.raises(ClientError) as caught:
        client.invoke(FunctionName="f")
    response = caught.value.response
    assert response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert (response["message"], response["Type"]) == ("Rate Exceeded.", "User")
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 429


def test_a_bug_is_a_service_exception(scene: Scene, client: Any) -> None:
    scene.function()

    def broken(call: Call) -> Answer:
        raise ZeroDivisionError

    scene.functions.script = broken
    assert error(client.invoke, FunctionName="f")[0::2] == ("ServiceException", 500)


def test_a_function_that_is_being_created_cannot_be_invoked(scene: Scene, client: Any) -> None:
    scene.function()
    scene.settle(-1.0)
    code, message, status = error(client.invoke, FunctionName="f")
    assert (code, status) == ("ResourceConflictException", 409)
    assert message.endswith("The function is currently in the following state: Pending")


def test_the_client_context_is_handed_on_as_text(scene: Scene, client: Any) -> None:
    scene.function()
    client.invoke(FunctionName="f", ClientContext=base64.b64encode(b'{"custom": {"a": "b"}}').decode())
    assert scene.functions.calls[0].client_context == '{"custom": {"a": "b"}}'
    for bad in ("!!!", base64.b64encode(b"[]").decode(), base64.b64encode(b"x" * 3000).decode()):
        assert error(client.invoke, FunctionName="f", ClientContext=bad)[0] == "InvalidRequestContentException"


def traced(scene: Scene, trace: str) -> tuple[int, str]:
    """The status and the trace header of an invocation under `trace`."""
    connection = http.client.HTTPConnection("127.0.0.1", scene.live.port)
    connection.request("POST", "/2015-03-31/functions/f/invocations", b"{}", {"X-Amzn-Trace-Id": trace})
    response = connection.getresponse()
    response.read()
    connection.close()
    return response.status, response.headers["x-amzn-trace-id"]


def test_the_trace_header_is_handed_on_with_its_lineage(scene: Scene) -> None:
    scene.function()
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    status, header = traced(scene, trace)
    assert status == 200
    assert re.fullmatch(re.escape(trace) + ";Lineage=1:[0-9a-f]{8}:0", header)
    assert scene.functions.calls[0].trace == header


def test_a_function_that_comes_round_too_often_is_stopped(scene: Scene) -> None:
    scene.function()
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793"
    for _ in range(16):
        status, trace = traced(scene, trace)
        assert status == 200
    connection = http.client.HTTPConnection("127.0.0.1", scene.live.port)
    connection.request("POST", "/2015-03-31/functions/f/invocations", b"{}", {"X-Amzn-Trace-Id": trace})
    response = connection.getresponse()
    assert (response.status, response.headers["x-amzn-errortype"]) == (400, "RecursiveInvocationException")
    assert json.loads(response.read())["Type"] == "User"
    connection.close()


# streams


def streamed(answer: Any) -> tuple[bytes, dict[str, Any]]:
    events = list(answer["EventStream"])
    chunks = b"".join(event["PayloadChunk"]["Payload"] for event in events if "PayloadChunk" in event)
    return chunks, events[-1]["InvokeComplete"]


def test_a_streamed_answer_comes_in_chunks(scene: Scene, client: Any) -> None:
    scene.function()

    def pieces(call: Call) -> Answer:
        assert call.stream is not None
        for piece in (b"one ", b"", b"two"):
            call.stream(piece)
        return Answer(b"", "$LATEST", log_tail=b"REPORT\n")

    scene.functions.script = pieces
    answer = client.invoke_with_response_stream(FunctionName="f", LogType="Tail")
    assert answer["ExecutedVersion"] == "$LATEST"
    chunks, complete = streamed(answer)
    assert chunks == b"one two"
    assert base64.b64decode(complete["LogResult"]) == b"REPORT\n"


def test_a_buffered_answer_can_be_streamed_too(scene: Scene, client: Any) -> None:
    scene.function()
    chunks, complete = streamed(client.invoke_with_response_stream(FunctionName="f", Payload=b"[1]"))
    assert (chunks, complete) == (b"[1]", {})


def test_an_error_in_a_stream_comes_at_its_end(scene: Scene, client: Any) -> None:
    scene.function()
    payload = json.dumps({"errorType": "X"}).encode()
    scene.functions.script = lambda call: Answer(payload, "$LATEST", "Unhandled", "X")
    _, complete = streamed(client.invoke_with_response_stream(FunctionName="f"))
    assert (complete["ErrorCode"], json.loads(complete["ErrorDetails"])) == ("Unhandled", {"errorType": "X"})
    assert error(client.invoke_with_response_stream, FunctionName="nope")[0] == "ResourceNotFoundException"


def test_code_is_found_where_its_location_says(scene: Scene, client: Any) -> None:
    scene.function()
    location = client.get_function(FunctionName="f")["Code"]["Location"]
    assert location.startswith(f"{PLACE.endpoint}/_runner/code?artifact=")
    assert len(archive()) == client.get_function_configuration(FunctionName="f")["CodeSize"]
