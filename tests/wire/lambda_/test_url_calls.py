"""Function URLs called over HTTP."""

from __future__ import annotations

import http.client
import json
from typing import Any
from urllib.parse import urlsplit

import pytest

from runner.model.errors import ApiError
from runner.runtime.invoking import Answer, Call
from runner.wire.lambda_.url_calls import FORBIDDEN, HOST_MARK, UrlCalls
from tests.wire.lambda_.scene import PLACE, Scene


class Site:
    """A function with a URL that everyone may call."""

    def __init__(self, scene: Scene, *, permitted: bool = True, **given: Any) -> None:
        self.scene = scene
        client = scene.client()
        scene.function()
        made = client.create_function_url_config(FunctionName="f", **{"AuthType": "NONE", **given})
        self.host = urlsplit(made["FunctionUrl"]).hostname or ""
        if permitted:
            allow = {"Action": "lambda:InvokeFunctionUrl", "Principal": "*", "FunctionUrlAuthType": "NONE"}
            client.add_permission(FunctionName="f", StatementId="s", **allow)
        calls = UrlCalls(scene.deployment, scene.functions, PLACE, scene.clock)
        scene.live.front.mount_hosts(HOST_MARK, calls.answer)

    def ask(
        self, method: str = "GET", path: str = "/", body: bytes = b"", host: str | None = None, **headers: str
    ) -> tuple[int, bytes, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.scene.live.port, timeout=30)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        try:
            connection.request(method, path, body or None, {"Host": host or self.host, **named})
            response = connection.getresponse()
            return response.status, response.read(), {k.lower(): v for k, v in response.getheaders()}
        finally:
            connection.close()


def test_a_url_invokes_its_function(scene: Scene) -> None:
    site = Site(scene)
    scene.functions.script = lambda call: Answer(b'{"statusCode": 201, "body": "made", "cookies": ["a=1"]}', "$LATEST")
    status, body, headers = site.ask("POST", "/things?x=1", b'{"a": 1}', Content_Type="application/json")
    assert (status, body, headers["set-cookie"]) == (201, b"made", "a=1")
    event = json.loads(scene.functions.calls[0].payload)
    assert (event["rawPath"], event["rawQueryString"], event["body"]) == ("/things", "x=1", '{"a": 1}')
    assert event["requestContext"]["domainName"] == site.host
    assert headers["x-amzn-requestid"] == event["requestContext"]["requestId"] == scene.functions.calls[0].request_id
    assert event["headers"]["x-amzn-trace-id"] == headers["x-amzn-trace-id"]


def test_who_may_not_call_is_told_so(scene: Scene) -> None:
    site = Site(scene, permitted=False)
    status, body, headers = site.ask()
    assert (status, json.loads(body)) == (403, {"Message": FORBIDDEN})
    assert headers["x-amzn-errortype"] == "AccessDeniedException"
    other = site.host.replace(site.host.partition(".")[0], "x" * 32)
    assert site.ask(host=other)[:2] == (403, b'{"Message":null}')
    assert scene.functions.calls == []


def test_a_signed_url_wants_a_signature(scene: Scene) -> None:
    site = Site(scene, AuthType="AWS_IAM")
    assert site.ask()[0] == 403
    signature = (
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/lambda/aws4_request, SignedHeaders=host, Signature=0"
    )
    assert site.ask(Authorization=signature)[0] == 200
    caller = json.loads(scene.functions.calls[0].payload)["requestContext"]["authorizer"]["iam"]
    assert (caller["accessKey"], caller["accountId"]) == ("AKIA", PLACE.account)


def throttled(call: Call) -> Answer:
    raise ApiError("TooManyRequestsException", "Rate Exceeded.", 429, members={"Reason": "x"})


def failed(call: Call) -> Answer:
    return Answer(b'{"errorMessage": "x"}', "$LATEST", "Unhandled", "X")


@pytest.mark.parametrize(
    ("script", "status"), [(throttled, 429), (failed, 502)], ids=["a throttle", "a function error"]
)
def test_failures_have_a_status(scene: Scene, script: Any, status: int) -> None:
    site = Site(scene)
    scene.functions.script = script
    got = site.ask()
    assert got[0] == status
    assert status != 502 or got[1] == b"Internal Server Error"


def test_pages_are_let_in_by_cors_alone(scene: Scene) -> None:
    site = Site(scene, Cors={"AllowOrigins": ["https://shop.example"], "AllowMethods": ["POST"], "MaxAge": 60})
    preflight = {"Origin": "https://shop.example", "Access_Control_Request_Method": "POST"}
    status, _, headers = site.ask("OPTIONS", **preflight)
    assert (status, headers["access-control-allow-methods"], headers["access-control-max-age"]) == (200, "POST", "60")
    assert scene.functions.calls == []
    status, _, headers = site.ask("POST", Origin="https://shop.example")
    assert (status, headers["access-control-allow-origin"]) == (200, "https://shop.example")
    assert site.ask("POST", Origin="https://evil.example")[0] == 403
    assert site.ask("POST", Origin="http://localhost:3000")[0] == 200
    assert len(scene.functions.calls) == 2


def test_a_streaming_url_sends_the_head_of_the_prelude_and_then_the_body(scene: Scene) -> None:
    site = Site(scene, InvokeMode="RESPONSE_STREAM")

    def pieces(call: Call) -> Answer:
        assert call.stream is not None
        for piece in (b'{"statusCode": 418', b', "headers": {"x-a": "b"}}' + bytes(8) + b"one ", b"two"):
            call.stream(piece)
        return Answer(b"", "$LATEST")

    scene.functions.script = pieces
    status, body, headers = site.ask()
    assert (status, body, headers["x-a"]) == (418, b"one two", "b")
    scene.functions.script = lambda call: Answer(b'"buffered"', "$LATEST")
    assert site.ask()[:2] == (200, b"buffered")
