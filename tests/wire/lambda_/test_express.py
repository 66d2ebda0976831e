"""The short way of a plain Invoke against the long one: the same answers, whatever is sent and however it is cut."""

from __future__ import annotations

import asyncio
import queue
import re
import socket
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from runner.host.http import HttpServer
from runner.model.errors import ApiError
from runner.runtime.invoking import Answer, Call, Done
from runner.wire.lambda_.express import Express
from tests.wire.lambda_.scene import PLACE, Scene

WAIT_S = 10.0
INVOKE = "/2015-03-31/functions/{}/invocations"
CHANGING = re.compile(
    rb"(x-amzn-requestid|x-amzn-trace-id|date): [^\r]*|Root=[^;]*;Parent=[0-9a-f]*"
    rb"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
)
PLAIN = {"Host": "127.0.0.1", "Content-Type": "application/json"}


def request(
    path: str = INVOKE.format("f"),
    body: bytes = b'{"key": "value"}',
    *,
    method: str = "POST",
    version: str = "1.1",
    **changed: str | None,
) -> bytes:
    """A request as bytes; headers are added, changed or (None) left out by name, `_` for `-`."""
    headers = PLAIN | {"Content-Length": str(len(body))}
    headers |= {name.replace("_", "-"): value for name, value in changed.items()}  # type: ignore[dict-item]
    lines = [
        f"{method} {path} HTTP/{version}",
        *(f"{name}: {value}" for name, value in headers.items() if value is not None),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def posted(lines: list[str]) -> bytes:
    """The same by the lines of its head."""
    head = [f"POST {INVOKE.format('f')} HTTP/1.1", *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + b'{"key": "value"}'


WELL = {
    "plain": request(),
    "no body": request(body=b""),
    "white space around the body": request(body=b' {"a": 1}\n'),
    "text beyond ASCII": request(body='"Grüße 你好"'.encode()),
    "a version": request(INVOKE.format("f") + "?Qualifier=1"),
    "an alias": request(INVOKE.format("f") + "?Qualifier=live"),
    "$LATEST": request(INVOKE.format("f") + "?Qualifier=$LATEST"),
    "$LATEST, encoded": request(INVOKE.format("f") + "?Qualifier=%24LATEST"),
    "said to be synchronous": request(X_Amz_Invocation_Type="RequestResponse"),
    "lower-case names": request(host="localhost:4566", Host=None, connection="keep-alive"),
    "a large body": request(body=b'"' + b"x" * 300_000 + b'"'),
    "two behind each other": request() + request(body=b"[1]"),
    "a function error": request(body=b'"fail"'),
    "a throttle": request(body=b'"throttle"'),
}
ODD = {
    "an event": request(X_Amz_Invocation_Type="Event"),
    "a dry run": request(X_Amz_Invocation_Type="DryRun"),
    "no log": request(X_Amz_Log_Type="None"),
    "a type in other letters": request(X_Amz_Invocation_Type="requestresponse"),
    "an unknown type": request(X_Amz_Invocation_Type="Sometimes"),
    "its log": request(X_Amz_Log_Type="Tail"),
    "a client context": request(X_Amz_Client_Context="e30="),
    "a broken client context": request(X_Amz_Client_Context="%%%"),
    "a trace": request(X_Amzn_Trace_Id="Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"),
    "no such function": request(INVOKE.format("nobody")),
    "no such version": request(INVOKE.format("f") + "?Qualifier=7"),
    "a name with a qualifier": request(INVOKE.format("f:live")),
    "an encoded name": request(INVOKE.format("%66")),
    "an ARN": request(INVOKE.format("arn:aws:lambda:us-east-1:000000000000:function:f")),
    "another query": request(INVOKE.format("f") + "?Other=1"),
    "not JSON": request(body=b'{"a": '),
    "not UTF-8": request(body=b'"\xff"'),
    "two values": request(body=b"1 2"),
    "too large": request(body=b'"' + b"x" * 6_291_456 + b'"'),
    "a foreign host": request(Host="example.com"),
    "no host": request(Host=None),
    "the host of a function URL": request(Host="abc.lambda-url.us-east-1.localhost"),
    "a web page": request(Origin="http://example.com"),
    "a local page": request(Origin="http://localhost:3000"),
    "another method": request(method="GET", body=b""),
    "an older protocol": request(version="1.0"),
    "the connection ends": request(Connection="close"),
    "an upgrade": request(
        Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMAAABkAARAAAAAAAIAAAAA"
    ),
    "in chunks": request(body=b"", Content_Length=None, Transfer_Encoding="chunked") + b"3\r\n[1]\r\n0\r\n\r\n",
    "no length": request(body=b"", Content_Length=None),
    "a signed length": request(Content_Length="+16"),
    "no number for a length": request(Content_Length="16x"),
    "an endless length": request(Content_Length="9" * 6000),
    "a length with zeros": request(Content_Length="0" * 20 + "16"),
    "a defect": request(body=b'"defect"'),
    "a header twice": request().replace(b"\r\n\r\n", b"\r\nX-A: 1\r\nX-A: 2\r\n\r\n", 1),
    "two lengths": request().replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\n", 1),
    "a folded header": request().replace(b"\r\n\r\n", b"\r\nX-A: 1\r\n  2\r\n\r\n", 1),
    "no colon": request().replace(b"\r\n\r\n", b"\r\nnonsense\r\n\r\n", 1),
    "a space before the colon": request().replace(b"\r\n\r\n", b"\r\nX-A : 1\r\n\r\n", 1),
    "a bare line feed": request().replace(b"\r\n\r\n", b"\r\nX-A: 1\nX-B: 2\r\n\r\n", 1),
    "a NUL": request().replace(b"\r\n\r\n", b"\r\nX-A: \0\r\n\r\n", 1),
    "an underscore in a name": request(X_Amz_Invocation_Type="Event").replace(b"X-Amz-I", b"X_Amz-I", 1),
    "a plain one and then an odd one": request() + request(X_Amz_Log_Type="Tail"),
    "a plain one with rubbish behind": request() + b"rubbish\r\n\r\n",
}


def script(call: Call) -> Answer:
    if call.payload == b'"fail"':
        return Answer(b'{"errorType": "E"}', "1", "Unhandled", "E")
    if call.payload == b'"defect"':
        raise RuntimeError("a defect of ours")
    if call.payload == b'"throttle"':
        raise ApiError("TooManyRequestsException", "Rate Exceeded.", 429, members={"Type": "User", "Reason": "R"})
    return Answer(call.payload + repr((call.function, call.qualifier, call.tail)).encode(), call.qualifier or "$LATEST")


class Ways:
    """One room behind two servers, of which one has the shortcut."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene
        live = scene.live
        express = Express(
            scene.deployment,
            scene.functions,
            PLACE,
            scene.clock,
            date=live.front.date,
            plain_host=live.front.plain_host,
        )
        self.short = HttpServer(live.front.handle)
        self.short.shortcut = express.around
        live.run(self.short.open())

    def both(self, data: bytes, *cuts: int) -> tuple[list[bytes], list[bytes]]:
        return ask(self.short.port, data, *cuts), ask(self.scene.live.port, data, *cuts)


def ask(port: int, data: bytes, *cuts: int) -> list[bytes]:
    """Everything that is answered until the server ends, without what changes from call to call; headers in order."""
    edges = [0, *sorted(cut for cut in cuts if 0 < cut < len(data)), len(data)]
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        received = b""
        try:
            for start, end in pairwise(edges):
                sock.sendall(data[start:end])
            sock.shutdown(socket.SHUT_WR)
            while piece := sock.recv(1 << 20):
                received += piece
        except ConnectionError:
            pass  # refused before all of it was sent
    return lines_of(received)


def lines_of(received: bytes) -> list[bytes]:
    lines = CHANGING.sub(b"", received).split(b"\r\n")
    return sorted(line for line in lines if line and line != b"connection: close")


def converse(port: int, first: bytes, second: bytes) -> list[bytes]:
    """What is answered to a request that is sent once an earlier one on the same connection was answered."""
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(first)
        with sock.makefile("rb") as answers:
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            head = dict(line.rstrip().split(b": ", 1) for line in iter(answers.readline, b"\r\n"))
            answers.read(int(head[b"content-length"]))
            try:
                sock.sendall(second)
                sock.shutdown(socket.SHUT_WR)
                return lines_of(answers.read())
            except ConnectionError:
                return []


@pytest.fixture(scope="module")
def ways(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ways]:
    folder: Path = tmp_path_factory.mktemp("ways")
    with Scene(folder) as scene:
        scene.functions.script = script
        scene.function("f")
        client = scene.client()
        client.publish_version(FunctionName="f")
        scene.settle()
        client.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
        made = Ways(scene)
        yield made
        scene.live.run(made.short.close())


@pytest.fixture
def long_way(ways: Ways, monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The bodies of all requests that go the long way though they need not."""
    taken: list[bytes] = []
    handle = ways.short.handler
    monkeypatch.setattr(ways.short, "handler", lambda exchange: (taken.append(exchange.body), handle(exchange)))
    return taken


@pytest.mark.parametrize("sent", [*WELL.values(), *ODD.values()], ids=[*WELL, *ODD])
def test_both_ways_answer_the_same(ways: Ways, sent: bytes) -> None:
    short, long = ways.both(sent)
    assert short == long
    assert any(line.startswith(b"HTTP/1.1 ") for line in short)


@pytest.mark.parametrize("sent", WELL.values(), ids=WELL)
def test_what_is_plain_goes_the_short_way(ways: Ways, sent: bytes, long_way: list[bytes]) -> None:
    ask(ways.short.port, sent)
    assert not long_way or sent.count(b"POST") > 1  # what comes while one is under way waits on the long way


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from([name for name in [*WELL, *ODD] if name not in ("too large", "a large body")]),
    cuts=st.lists(st.integers(1, 400), max_size=4),
)
def test_it_does_not_matter_how_a_request_is_cut(ways: Ways, name: str, cuts: list[int]) -> None:
    short, long = ways.both((WELL | ODD)[name], *cuts)
    assert short == long


LINES = [
    *(
        f"{name}:{space}{value}"
        for name in ("Host", "X-A", "content-length")
        for space in ("", "\t", "  ")
        for value in ("", "16")
    ),
    *(
        f"X-Amz-Invocation-Type: {value}"
        for value in ("RequestResponse", "requestresponse", "Event", "", "RequestResponse ")
    ),
    *(
        f"{name}: {value}"
        for name in ("Connection", "CONNECTION")
        for value in ("keep-alive", "Keep-Alive", "close", "x")
    ),
    *(f"X-Amz-Log-Type: {value}" for value in ("None", "Tail", "tail")),
    *("Host: localhost", "Host: example.com", "host: 127.0.0.1:1", "Content-Length: 0x10", "Content-Length : 16"),
    *("X-Amz-Tenant-Id: t", "Origin: null", "Expect: 100-continue", "X-A\x00: 1", "X A: 1", ": 1", " folded", "X-A: ä"),
]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lines=st.lists(st.sampled_from(LINES), max_size=3), length=st.booleans(), host=st.booleans())
def test_it_does_not_matter_which_headers_are_there(ways: Ways, lines: list[str], length: bool, host: bool) -> None:
    given = [*(["Host: 127.0.0.1"] if host else []), *lines, *(["Content-Length: 16"] if length else [])]
    short, long = ways.both(posted(given))
    assert short == long


EARLIER = ["Host: 127.0.0.1", "X-Date: monday", "x-signature: abc", "Content-Length: 16"]


@pytest.mark.parametrize("sent", [*WELL.values(), *ODD.values()], ids=[*WELL, *ODD])
def test_an_earlier_request_does_not_matter(ways: Ways, sent: bytes) -> None:
    short, long = (converse(port, request(), sent) for port in (ways.short.port, ways.scene.live.port))
    assert short == long


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_an_earlier_head_that_is_nearly_the_same_does_not_matter(ways: Ways, data: st.DataObject) -> None:
    more = [
        "X-Date: tuesday",
        "x-date: tuesday",
        "X-Date : x",
        "X-Date: a\rX: b",
        "X-Date: a\nHost: b",
        "X-Date: \0",
        "X-Date",
    ]
    later = list(EARLIER)
    for _ in range(data.draw(st.integers(0, 2))):
        place = data.draw(st.integers(0, len(EARLIER) - 1))
        later[place : place + data.draw(st.integers(0, 1))] = [data.draw(st.sampled_from(LINES + more + EARLIER))]
    short, long = (converse(port, posted(EARLIER), posted(later)) for port in (ways.short.port, ways.scene.live.port))
    assert short == long


@pytest.mark.parametrize("changed", ["X-Date: tuesday", "X-Date:", "X-Date: ä; b=c"])
def test_what_differs_in_a_date_goes_the_short_way_too(ways: Ways, changed: str, long_way: list[bytes]) -> None:
    later = [changed if line.startswith("X-Date") else line for line in EARLIER]
    assert b"HTTP/1.1 200 OK" in converse(ways.short.port, posted(EARLIER), posted(later))
    assert not long_way


def test_nothing_is_taken_behind_a_request_that_was_refused(ways: Ways) -> None:
    ways.scene.functions.calls.clear()
    with socket.create_connection(("127.0.0.1", ways.short.port), timeout=WAIT_S) as sock:
        sock.sendall(b"nonsense\r\n\r\n")
        assert b" 400 " in sock.recv(1 << 16)
        sock.sendall(request())
        sock.shutdown(socket.SHUT_WR)
        assert sock.recv(1 << 16) == b""
    assert any(b"200 OK" in line for line in ask(ways.short.port, request(body=b"[2]")))
    assert [call.payload for call in ways.scene.functions.calls] == [b"[2]"]


def test_a_request_behind_one_in_flight_is_refused_once_that_is_answered(
    ways: Ways, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: queue.Queue[Done] = queue.Queue()
    monkeypatch.setattr(ways.scene.functions, "begin", lambda call, done: begun.put(done))

    async def answer(done: Done) -> None:
        done(Answer(b"1", "$LATEST"))

    def said(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), timeout=WAIT_S) as sock:
            sock.sendall(request())
            done = begun.get(timeout=WAIT_S)
            sock.sendall(b"nonsense\r\n\r\n")
            received = b""
            ways.scene.live.run(asyncio.sleep(0.05))  # what comes later than that is refused at once
            ways.scene.live.run(answer(done))
            while b" 400 " not in received:
                received += (piece := sock.recv(1 << 16))
                assert piece, received
            return received

    short, long = (lines_of(said(port)) for port in (ways.short.port, ways.scene.live.port))
    assert short == long


def test_a_function_that_is_gone_is_not_invoked_the_short_way(ways: Ways) -> None:
    ways.scene.function("passing")
    asked = request(INVOKE.format("passing"))
    assert any(b"200 OK" in line for line in ask(ways.short.port, asked))
    ways.scene.client().delete_function(FunctionName="passing")
    short, long = ways.both(asked)
    assert short == long
    assert any(b"404 Not Found" in line for line in short)


def test_a_function_that_is_still_pending_is_not_invoked(ways: Ways) -> None:
    ways.scene.client().create_function(
        FunctionName="new",
        Runtime="python3.12",
        Handler="h.h",
        Role="arn:aws:iam::000000000000:role/r",
        Code={"ZipFile": b"PK\5\6" + bytes(18)},
    )
    short, long = ways.both(request(INVOKE.format("new")))
    assert short == long
    assert any(b"409 Conflict" in line for line in short)
    ways.scene.settle()
    assert any(b"200 OK" in line for line in ask(ways.short.port, request(INVOKE.format("new"))))
