# ruff: noqa: E501 (tables of sentences)
"""The Python runtime on its connection: what it makes of events, byte by byte, and what it answers."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from runner.runtime.functions.channel import FORM
from runner.runtime.functions.invocation import Invocation
from runner.runtime.functions.launching import BOOTSTRAPS
from runner.runtime.functions.runtime_api import event_message
from runner.runtime.invoking import Call
from tests.runtime.functions.stage import DEADLINE_S

ARN = "arn:aws:lambda:us-east-1:000000000000:function:echo"
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
ERROR = re.compile(
    rb"POST /2018-06-01/runtime/invocation/([^/ ]+)/error HTTP/1\.1\r\n.*?Content-Length: (\d+)\r\n.*?\r\n\r\n",
    re.DOTALL,
)
NEXT = b"GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: runtime\r\nContent-Length: 0\r\n\r\n"
CODE = """
import collections, copy, decimal, os, pickle, subprocess, sys
Pair = collections.namedtuple("Pair", "x y")
kept = []
def handler(event, context):
    kept.append(context)
    if isinstance(event, dict) and "code" in event:
        return eval(event["code"], globals(), {"event": event, "context": context})
    return event if not isinstance(event, bytes) else ["bytes", event]
"""


class Conversation:
    """One runtime and the other end of its connection."""

    def __init__(self, process: subprocess.Popen[bytes], peer: socket.socket) -> None:
        self.process = process
        self.peer = peer
        self.count = 0

    def read(self, form: re.Pattern[bytes]) -> tuple[str, bytes]:
        """A request of this form, alone and complete: (request id, body)."""
        data = b""
        while (found := form.match(data)) is None or len(data) < found.end() + int(found.groups()[-1]):
            piece = self.peer.recv(1 << 20)
            assert piece, f"the runtime is gone after {data!r}"
            data += piece
        assert len(data) == found.end() + int(found.groups()[-1])
        return found[1].decode(), data[found.end() :]

    def answer(self, event: bytes, request_id: str = "the-id") -> bytes:
        self.peer.sendall(event)
        answered, body = self.read(FORM)
        assert answered == request_id
        return body

    def error(self, event: bytes) -> dict[str, Any]:
        self.peer.sendall(event)
        found: dict[str, Any] = json.loads(self.read(ERROR)[1])
        return found

    def result(self, code: str, **members: Any) -> Any:
        return json.loads(self.answer(event(json.dumps({"code": code}).encode(), **members)))


def event(
    body: bytes, trace: str | None = TRACE, client_context: str | None = None, request_id: str = "the-id"
) -> bytes:
    """An event as the runner delivers it."""
    call = Call("echo", None, body, request_id, client_context=client_context, trace=trace)
    return event_message(Invocation(call, ARN, lambda outcome: None, deadline_ms=2_000_000_000_000))


def other_form(body: bytes, *lines: str) -> bytes:
    """An event as any HTTP server may send it."""
    named = ["HTTP/1.1 200 Fine", f"Content-Length: {len(body)}", "Lambda-Runtime-Aws-Request-Id:the-id", *lines]
    return ("\r\n".join(named) + "\r\n\r\n").encode() + body


@pytest.fixture(scope="module")
def talk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    folder = tmp_path_factory.mktemp("code")
    Path(folder, "app.py").write_text(CODE)
    with socket.create_server(("127.0.0.1", 0)) as server:
        variables = {
            "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{server.getsockname()[1]}",
            "AWS_LAMBDA_FUNCTION_NAME": "echo",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
            "AWS_EXECUTION_ENV": "AWS_Lambda_python3.11",
            "RUNNER_PYTHON_PATH": str(folder),
            "PATH": os.environ["PATH"],
            "_HANDLER": "app.handler",
        }
        process = subprocess.Popen(
            [sys.executable, "-S", str(BOOTSTRAPS / "bootstrap.py")], env=variables, stdout=subprocess.DEVNULL
        )
        try:
            server.settimeout(DEADLINE_S)
            peer = server.accept()[0]
            with peer:
                peer.settimeout(DEADLINE_S)
                peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                assert peer.recv(len(NEXT), socket.MSG_WAITALL) == NEXT
                yield Conversation(process, peer)
        finally:
            process.kill()
            process.wait()


# fmt: off
FORMS: list[tuple[str, bytes, bytes]] = [
    # sentence                                  event                                                                                answer
    ("as the runner sends it",                  event(b'{"a": 1}'),                                                                  b'{"a": 1}'),
    ("without a trace",                         event(b'{"a": 1}', trace=None),                                                      b'{"a": 1}'),
    ("with a client context",                   event(b'{"a": 1}', client_context='{"custom": {"k": "\u00e4"}}'),                   b'{"a": 1}'),
    ("headers in another order",                other_form(b"[1]", "Content-Type: application/json", "Lambda-Runtime-Deadline-Ms:  7 "), b"[1]"),
    ("no JSON by its type",                     other_form(b"[1]", "Content-Type: text/plain"),                                      b'["bytes", "[1]"]'),
    ("no type at all",                          other_form(b"[1]"),                                                                  b'["bytes", "[1]"]'),
    ("text outside ASCII",                      event('["\u00e4\U0001f600"]'.encode()),                                             b'["\\u00e4\\ud83d\\ude00"]'),
    ("half a surrogate pair",                   event(b'["\\ud83d"]'),                                                               b'["\\ud83d"]'),
    ("half a surrogate pair as bytes",          event(b'["\xed\xa0\xbd"]'),                                                          b'["\\ud83d"]'),
    ("a line break at the end",                 event(b'{"a": 1}\r\n \t'),                                                           b'{"a": 1}'),
    ("blanks around it",                        event(b'\n {"a": 1} '),                                                              b'{"a": 1}'),
    ("line breaks like those of a head",        event(b'[1,\r\n\r\n2]'),                                                             b"[1, 2]"),
    ("UTF-8 with its mark",                     event(b'\xef\xbb\xbf"a"'),                                                           b'"a"'),
    ("UTF-16",                                  event('{"a": "\u00e4"}'.encode("utf-16")),                                           b'{"a": "\\u00e4"}'),
    ("UTF-16 without a mark",                   event("[1]".encode("utf-16-le")),                                                    b"[1]"),
    ("UTF-32",                                  event("[1]".encode("utf-32")),                                                       b"[1]"),
    ("numbers that are none",                   event(b"[NaN, -Infinity, 1e5]"),                                                     b"[NaN, -Infinity, 100000.0]"),
]

WRONG: list[tuple[str, bytes]] = [
    ("nothing",                     b""),
    ("blanks",                      b"  "),
    ("more than one value",         b'{"a": 1} {"b": 2}'),
    ("something after the value",   b"[1]\n]"),
    ("an end that is missing",      b'{"a": '),
    ("a no-break space after it",   b"1\xc2\xa0"),
    ("a byte that is no UTF-8",     b'"\xff"'),
    ("a line break in a text",      b'"a\nb"'),
    ("a null byte",                 b"1\x002"),
    ("far too deep",                b"[" * 100_000),
]

RESULTS: list[tuple[str, str, bytes]] = [
    # sentence                                  handler's expression                                        answer
    ("a named tuple by itself is an array",     "Pair(1, 2)",                                               b"[1, 2]"),
    ("in a dict",                               "{'p': Pair(1, 2)}",                                        b'{"p": {"x": 1, "y": 2}}'),
    ("in a tuple",                              "(Pair(1, (2,)),)",                                         b'[{"x": 1, "y": [2]}]'),
    ("deep inside",                             "{'a': [1, {'b': ('c', [Pair([], Pair(None, True))])}]}",   b'{"a": [1, {"b": ["c", [{"x": [], "y": {"x": null, "y": true}}]]}]}'),
    ("in a kind of dict",                       "collections.OrderedDict(a=[collections.OrderedDict(b=Pair(1, 2))])", b'{"a": [{"b": [1, 2]}]}'),
    ("in a kind of dict in a dict",             "{'a': collections.OrderedDict(b=Pair(1, 2))}",             b'{"a": {"b": {"x": 1, "y": 2}}}'),
    ("beside a decimal",                        "[Pair(decimal.Decimal('1.50'), b'x'), decimal.Decimal('NaN')]", b'[{"x": 1.50, "y": "x"}, NaN]'),
    ("keys of all kinds",                       "{1: 1, None: 2, True: 3, 1.5: 4}",                         b'{"1": 3, "null": 2, "1.5": 4}'),
    ("a text",                                  "'\u00e4\"'",                                               b'"\\u00e4\\""'),
    ("a number",                                "1.0",                                                      b"1.0"),
    ("twice the same list",                     "[[l := [1]], l]",                                          b"[[[1]], [1]]"),
]
# fmt: on


def ids(rows: list[Any]) -> list[str]:
    return [row[0] for row in rows]


@pytest.mark.parametrize(("sent", "answer"), [row[1:] for row in FORMS], ids=ids(FORMS))
def test_events_in_any_form(talk: Conversation, sent: bytes, answer: bytes) -> None:
    assert talk.answer(sent) == answer


@pytest.mark.parametrize("at", [1, 16, 60, 300, -11, -7, -1])
def test_events_in_pieces(at: int) -> None:
    whole, pieces = event(b'{"a": 1}\n'), [event(b'{"a": 1}\n')[:at], event(b'{"a": 1}\n')[at:]]
    assert told(whole) == told(*pieces)
    assert told(whole)[0] == (
        "the-id",
        2_000_000_000_000,
        ARN,
        TRACE.encode(),
        None,
        None,
        None,
        "application/json",
        b'{"a": 1}\n',
    )


def test_what_comes_early_is_kept_for_later() -> None:
    one, other = event(b"[1]", request_id="one"), event(b"[2]", request_id="other")
    found = told(one + other, times=2)
    assert [(invocation[0], invocation[-1]) for invocation in found] == [("one", b"[1]"), ("other", b"[2]")]


def test_events_between_large_ones() -> None:
    assert [one[-1] for one in told(event(b"1" * 60_000), event(b"2"), times=2)] == [b"1" * 60_000, b"2"]


def test_a_refused_answer_is_followed_by_a_poll(talk: Conversation) -> None:
    talk.peer.sendall(event(b"[1]"))
    talk.read(FORM)
    talk.peer.sendall(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 2\r\n\r\n{}")
    assert talk.peer.recv(len(NEXT), socket.MSG_WAITALL) == NEXT
    assert talk.answer(event(b"[2]")) == b"[2]"


@pytest.mark.parametrize("body", [row[1] for row in WRONG], ids=ids(WRONG))
def test_events_that_are_no_json(talk: Conversation, body: bytes) -> None:
    with pytest.raises((ValueError, RecursionError)) as failed:
        json.loads(body)
    error = talk.error(event(body))
    message = f"Unable to unmarshal input: {failed.value}"
    assert error == {
        "errorMessage": message,
        "errorType": "Runtime.UnmarshalError",
        "requestId": "the-id",
        "stackTrace": [],
    }


@pytest.mark.parametrize(("code", "answer"), [row[1:] for row in RESULTS], ids=ids(RESULTS))
def test_results(talk: Conversation, code: str, answer: bytes) -> None:
    assert talk.answer(event(json.dumps({"code": code}).encode())) == answer


def test_a_failed_result_leaves_nothing_behind(talk: Conversation) -> None:
    """The containers that an error was in may be answered with afterwards."""
    for code in (
        "kept.append(event) or event.update(bad={1}) or event",
        "event.update(own=[event]) or kept.append(event) or event",
    ):
        error = talk.error(event(json.dumps({"code": code}).encode()))
        assert error["errorType"] == "Runtime.MarshalError"
        assert (
            talk.result("[kept[-2].pop('bad', None) and None, kept[-2].pop('own', None) and None, kept[-2]][2]['code']")
            == code
        )
        assert talk.result("kept[-3] if kept[-3].pop('code') else None") == {}


def test_the_context_is_a_plain_object(talk: Conversation) -> None:
    names = ["log_group_name", "log_stream_name", "function_name", "memory_limit_in_mb", "function_version"]
    names += ["aws_request_id", "invoked_function_arn", "tenant_id", "_w3c", "client_context", "identity"]
    assert talk.result("list(vars(context))") == [*names, "_epoch_deadline_time_in_ms"]
    assert talk.result("[context._epoch_deadline_time_in_ms, context.w3c(), context.client_context]") == [
        2_000_000_000_000,
        {},
        None,
    ]
    shown = (
        "LambdaContext([aws_request_id=the-id,log_group_name=None,log_stream_name=None,function_name=echo,"
        f"memory_limit_in_mb=128,function_version=None,invoked_function_arn={ARN},client_context=None,"
        "identity=CognitoIdentity([cognito_identity_id=None,cognito_identity_pool_id=None]),tenant_id=None])"
    )
    assert (
        talk.result("[repr(one) for one in (context, copy.deepcopy(context), pickle.loads(pickle.dumps(context)))]")
        == [shown] * 3
    )
    assert (
        talk.result("[kept[-2] is kept[-1], kept[-2].identity is kept[-1].identity, kept[-2]._w3c is kept[-1]._w3c]")
        == [False] * 3
    )


def test_what_only_some_events_tell(talk: Conversation) -> None:
    code = "[context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id, context.tenant_id, context.w3c(), context._epoch_deadline_time_in_ms]"
    body = json.dumps({"code": code}).encode()
    kind, identity = (
        "content-type: application/json",
        'lambda-runtime-cognito-identity: {"cognitoIdentityId": "i", "cognitoIdentityPoolId": "p"}',
    )
    tenant, client = (
        "lambda-runtime-aws-tenant-id: t",
        'lambda-runtime-client-context: {"w3c": {"traceparent": "a", "other": "b"}}',
    )
    assert json.loads(talk.answer(other_form(body, kind, identity, tenant, client))) == [
        "i",
        "p",
        "t",
        {"traceparent": "a"},
        0,
    ]
    assert json.loads(talk.answer(event(body))) == [None, None, None, {}, 2_000_000_000_000]
    error = talk.error(other_form(body, kind, "lambda-runtime-cognito-identity: {"))
    assert error["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert error["errorMessage"].startswith("Unable to parse Cognito Identity JSON: ")


def test_the_trace_is_in_the_environment_of_python_and_of_children(talk: Conversation) -> None:
    code = "[os.environ.get('_X_AMZN_TRACE_ID'), subprocess.getoutput('printenv _X_AMZN_TRACE_ID')]"
    assert talk.result(code) == [TRACE, TRACE]
    assert talk.result(code, trace="Root=2") == ["Root=2", "Root=2"]
    assert talk.result(code, trace=None) == [None, ""]
    assert talk.result(code, trace="Root=\u00e4") == ["Root=\u00c3\u00a4"] * 2  # as HTTP headers are read
    assert talk.result(code, trace="Root=3") == ["Root=3", "Root=3"]
    long = "Root=" + "4" * 5000
    assert talk.result(code, trace=long) == [long, long]
    assert talk.result(code, trace="Root=5") == ["Root=5", "Root=5"]
    own = "[os.environ.__setitem__('_X_AMZN_TRACE_ID', 'own'), subprocess.getoutput('printenv _X_AMZN_TRACE_ID')][1]"
    assert talk.result(own) == "own"
    assert talk.result(code, trace="Root=6") == ["Root=6", "Root=6"]
    assert talk.result("os.environ.pop('_X_AMZN_TRACE_ID')", trace="Root=7") == "Root=7"
    assert talk.result(code, trace="Root=7") == ["Root=7", "Root=7"]


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="memory is read as Linux tells it")
def test_traces_take_no_more_memory_however_many_there_were(talk: Conversation) -> None:
    def serve(numbers: range) -> int:
        """KB of resident memory after so many traces, each another one."""
        for number in numbers:
            talk.answer(event(b'{"code": "kept.clear()"}', trace=f"Root=1-{number:08x};{'x' * 3000}"))
        return int(talk.result("int(open('/proc/self/statm').read().split()[1]) * 4"))

    before = serve(range(1000))
    assert serve(range(1000, 3000)) - before < 3000  # kept, they would be 6,000


def told(*pieces: bytes, times: int = 1) -> list[tuple[Any, ...]]:
    """What is made of events that arrive in just these pieces."""
    theirs, ours = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)  # which keeps pieces apart
    with theirs, ours:
        theirs.settimeout(DEADLINE_S)
        api = RUNTIME_API.Api(RUNTIME_API.Connection(theirs.recv, theirs.sendall))
        for piece in pieces:
            ours.send(piece)
        found = []
        for _ in range(times):
            found.append(api.answer("before", "application/json", b"null"))
            assert FORM.fullmatch(ours.recv(65536).removesuffix(b"null"))
        return found


def ours_by_name(name: str) -> ModuleType:
    """A module of the runtime, which finds its modules by itself only in its own process."""
    spec = importlib.util.spec_from_file_location(name, BOOTSTRAPS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


RUNTIME_API: Any = ours_by_name("_runtime_api")
