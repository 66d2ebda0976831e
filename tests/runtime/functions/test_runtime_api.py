# ruff: noqa: E501 (tables of sentences)
"""The Runtime API itself, spoken by the test in the place of a runtime: every status, header and state error."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from runner.runtime.invoking import Answer
from tests.runtime.functions.conftest import Theatre
from tests.runtime.functions.stage import DEADLINE_S, Stage

API = "/2018-06-01/runtime"
SILENT = """#!/bin/sh
echo "api $AWS_LAMBDA_RUNTIME_API"
exec sleep 600
"""
OK = (202, {"status": "OK"})


@dataclass
class Reply:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def short(self) -> tuple[int, Any]:
        return self.status, json.loads(self.body) if self.body else None


class Client:
    """One kept connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        lines = [f"{method} {path} HTTP/1.1", "Host: x"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        if "Transfer-Encoding" not in (headers or {}):
            lines.append(f"Content-Length: {len(body)}")
        self.writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)

    async def receive(self) -> Reply:
        head = (await asyncio.wait_for(self.reader.readuntil(b"\r\n\r\n"), DEADLINE_S)).decode()
        lines = head.split("\r\n")
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines[1:] if line)}
        body = await self.reader.readexactly(int(headers.get("content-length", 0)))
        return Reply(int(lines[0].split()[1]), headers, body)

    async def ask(self, method: str, path: str, body: bytes = b"", **headers: str) -> Reply:
        self.send(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
        return await self.receive()


async def connect(stage: Stage, name: str) -> Client:
    """A client in the place of a function's process; its connection is closed with the environment."""
    line = await stage.lines.until(name, "^api ")
    host, port = line.split(" ")[1].split(":")
    client = Client(*await asyncio.open_connection(host, int(port)))
    CLOSING.append(client.writer)
    return client


CLOSING: list[asyncio.StreamWriter] = []


@pytest.fixture(autouse=True)
def _closed(theatre: Theatre) -> Iterator[None]:
    yield

    async def close() -> None:
        for writer in CLOSING:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
        CLOSING.clear()

    theatre.run(close())


async def deploy(theatre: Theatre) -> str:
    name = theatre.name()
    await theatre.stage.deploy(name, {"bootstrap": SILENT}, Runtime="provided.al2023", Timeout=20)
    return name


async def running(theatre: Theatre) -> tuple[str, Client, asyncio.Future[Any], Reply]:
    """A function whose runtime the test is, with its first invocation taken."""
    name = await deploy(theatre)
    future = theatre.stage.begin(name, {"a": 1}, request_id="id-1", trace="Root=1-2-3")
    client = await connect(theatre.stage, name)
    event = await client.ask("GET", f"{API}/invocation/next")
    return name, client, future, event


def refusal(kind: str, message: str) -> dict[str, str]:
    return {"errorMessage": message, "errorType": kind}


def not_allowed(before: str, then: str) -> dict[str, str]:
    message = f"State transition from {before} to {then} failed for runtime. Error: State transition is not allowed"
    return refusal("InvalidStateTransition", message)


def test_next_and_response(theatre: Theatre) -> None:
    async def scene() -> None:
        name, client, future, event = await running(theatre)
        assert (event.status, event.body) == (200, b'{"a": 1}')
        assert event.headers["content-type"] == "application/json"
        assert event.headers["lambda-runtime-aws-request-id"] == "id-1"
        assert event.headers["lambda-runtime-trace-id"] == "Root=1-2-3"
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        assert event.headers["lambda-runtime-invoked-function-arn"] == arn
        assert re.fullmatch(r"\d{13}", event.headers["lambda-runtime-deadline-ms"])
        assert (await client.ask("POST", f"{API}/invocation/id-1/response", b"[1]")).short == OK
        assert (await future).payload == b"[1]"

    theatre.run(scene())


def test_error(theatre: Theatre) -> None:
    async def scene() -> None:
        _, client, future, _ = await running(theatre)
        body = b'{"errorMessage":"m","errorType":"T","stackTrace":[]}'
        reply = await client.ask("POST", f"{API}/invocation/id-1/error", body)
        assert reply.short == OK
        answer = await future
        assert (answer.payload, answer.function_error, answer.error_type) == (body, "Unhandled", "T")

    theatre.run(scene())


def test_ping_and_what_is_not_there(theatre: Theatre) -> None:
    async def scene() -> None:
        _, client, _, _ = await running(theatre)
        ping = await client.ask("GET", "/2018-06-01/ping")
        assert (ping.status, ping.body) == (200, b"pong")
        assert (await client.ask("GET", "/nowhere")).status == 404
        assert (await client.ask("GET", "/2018-06-01/runtime/init/error")).status == 405

    theatre.run(scene())


# fmt: off
WRONG = [
    # sentence                                   path                        body              headers                                             status  error
    ("an id that is not the invocation's",       "/invocation/other/response", b"1",           {},                                                 400,    refusal("InvalidRequestID", "Invalid request ID")),
    ("the same for errors",                      "/invocation/other/error",  b"{}",            {},                                                 400,    refusal("InvalidRequestID", "Invalid request ID")),
    ("an invocation id that is not the one",     "/invocation/id-1/response", b"1",            {"Lambda-Runtime-Invocation-Id": "x"},              400,    refusal("InvalidInvocationId", "Invalid invocation ID")),
    ("an init error after init",                 "/init/error",              b"{}",            {},                                                 403,    not_allowed("Running", "InitError")),
    ("a mode that there is not",                 "/invocation/id-1/response", b"1",            {"Lambda-Runtime-Function-Response-Mode": "burst"}, 400,    refusal("InvalidFunctionResponseMode", "Invalid function response mode")),
    ("a response that is too large",             "/invocation/id-1/response", b"x" * 6_291_557, {},                                               413,    refusal("RequestEntityTooLarge", "Exceeded maximum allowed payload size (6291556 bytes).")),
]
# fmt: on


@pytest.mark.parametrize(
    ("path", "body", "headers", "status", "error"), [row[1:] for row in WRONG], ids=[row[0] for row in WRONG]
)
def test_refusals(
    theatre: Theatre, path: str, body: bytes, headers: dict[str, str], status: int, error: dict[str, str]
) -> None:
    async def scene() -> None:
        _, client, _, _ = await running(theatre)
        client.send("POST", API + path, body, headers)
        assert (await client.receive()).short == (status, error)

    theatre.run(scene())


def test_what_a_refused_response_comes_to(theatre: Theatre) -> None:
    async def scene() -> None:
        _, client, future, _ = await running(theatre)
        await client.ask("POST", f"{API}/invocation/id-1/response", b"x" * 6_291_557)
        answer = await future
        assert answer.error_type == "Function.ResponseSizeTooLarge"
        _, client, future, _ = await running(theatre)
        mode = {"Lambda_Runtime_Function_Response_Mode": "burst"}
        await client.ask("POST", f"{API}/invocation/id-1/response", b"1", **mode)
        assert (await future).error_type == "Runtime.InvalidResponseModeHeader"

    theatre.run(scene())


def test_the_order_of_calls(theatre: Theatre) -> None:
    async def scene() -> None:
        name, client, future, _ = await running(theatre)
        again = await client.ask("GET", f"{API}/invocation/next")
        assert again.short == (403, not_allowed("Running", "Ready"))
        assert (await client.ask("POST", f"{API}/invocation/id-1/response", b"1")).short == OK
        await future
        for verb in ("response", "error"):
            twice = await client.ask("POST", f"{API}/invocation/id-1/{verb}", b"1")
            assert twice.short == (400, refusal("InvalidRequestID", "Invalid request ID"))
        client.send("GET", f"{API}/invocation/next")
        second = theatre.stage.begin(name, request_id="id-2")
        assert (await client.receive()).headers["lambda-runtime-aws-request-id"] == "id-2"
        await client.ask("POST", f"{API}/invocation/id-2/response", b"2")
        assert (await second).payload == b"2"

    theatre.run(scene())


def test_before_the_first_next(theatre: Theatre) -> None:
    async def scene() -> None:
        name = await deploy(theatre)
        future = theatre.stage.begin(name, request_id="id-1")
        client = await connect(theatre.stage, name)
        early = await client.ask("POST", f"{API}/invocation/id-1/response", b"1")
        assert early.short == (400, refusal("InvalidRequestID", "Invalid request ID"))
        client.send("GET", f"{API}/invocation/next")
        await client.receive()
        await client.ask("POST", f"{API}/invocation/id-1/response", b"1")
        await future

    theatre.run(scene())


def test_an_init_error_is_what_callers_are_told(theatre: Theatre) -> None:
    script = """#!/bin/sh
    curl -sS -o /dev/null -H 'Lambda-Runtime-Function-Error-Type: Runtime.Broken' -d '{"my":"words"}' \\
      "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/init/error"
    curl -sS -w '%{http_code}\\n' "http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation/next"
    exit 1
    """

    async def scene() -> None:
        name = theatre.name()
        await theatre.stage.deploy(name, {"bootstrap": script}, Runtime="provided.al2023", Timeout=20)
        answer = await theatre.stage.invoke(name)
        assert answer.payload == b'{"my":"words"}'
        assert (answer.function_error, answer.error_type) == ("Unhandled", "Runtime.Broken")
        lines = theatre.stage.lines
        told = json.loads((await lines.until(name, "^{")).removesuffix("403"))
        assert told == not_allowed("InitError", "Ready")

    theatre.run(scene())


async def streaming(theatre: Theatre, **headers: str) -> tuple[asyncio.Future[Answer], Client, asyncio.Queue[bytes]]:
    """An invocation whose response has begun to stream: its answer to come, the runtime, and further pieces."""
    name = await deploy(theatre)
    pieces: asyncio.Queue[bytes] = asyncio.Queue()
    future = theatre.stage.begin(name, request_id="id-1", stream=pieces.put_nowait)
    client = await connect(theatre.stage, name)
    await client.ask("GET", f"{API}/invocation/next")
    headers |= {"Transfer-Encoding": "chunked", "Lambda-Runtime-Function-Response-Mode": "streaming"}
    client.send("POST", f"{API}/invocation/id-1/response", b"3\r\none\r\n", headers)
    assert await asyncio.wait_for(pieces.get(), DEADLINE_S) == b"one"
    return future, client, pieces


def test_a_streamed_response_is_passed_on_as_it_comes(theatre: Theatre) -> None:
    async def scene() -> None:
        trailers = "Lambda-Runtime-Function-Error-Type, Lambda-Runtime-Function-Error-Body"
        future, client, pieces = await streaming(theatre, Trailer=trailers)
        client.writer.write(b"3\r\ntwo\r\n")
        assert await asyncio.wait_for(pieces.get(), DEADLINE_S) == b"two"
        client.writer.write(
            b"0\r\nLambda-Runtime-Function-Error-Type: Runtime.Late\r\n"
            b"Lambda-Runtime-Function-Error-Body: eyJhIjoxfQ==\r\n\r\n"
        )
        assert (await client.receive()).short == OK
        answer = await future
        assert (answer.error_type, answer.payload) == ("Runtime.Late", b'{"a":1}')

    theatre.run(scene())


def test_a_streamed_response_that_breaks_off_fails(theatre: Theatre) -> None:
    async def scene() -> None:
        future, client, _ = await streaming(theatre)
        client.writer.close()
        answer = await asyncio.wait_for(future, DEADLINE_S)
        assert (answer.function_error, answer.error_type) == ("Unhandled", "Runtime.TruncatedResponse")

    theatre.run(scene())


def test_a_runtime_that_asks_again_on_a_new_connection_is_served(theatre: Theatre) -> None:
    async def scene() -> None:
        name, client, future, _ = await running(theatre)
        await client.ask("POST", f"{API}/invocation/id-1/response", b"1")
        await future
        client.send("GET", f"{API}/invocation/next")
        await client.writer.drain()
        client.writer.close()
        other = await connect(theatre.stage, name)
        other.send("GET", f"{API}/invocation/next")
        second = theatre.stage.begin(name, request_id="id-2")
        reply = await other.receive()
        assert reply.headers["lambda-runtime-aws-request-id"] == "id-2"
        await other.ask("POST", f"{API}/invocation/id-2/response", b"2")
        assert (await second).payload == b"2"

    theatre.run(scene())
