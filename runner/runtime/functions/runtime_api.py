"""The Runtime API of one process: parses its requests, keeps its order, tells the environment what happened.

Beside the public API there is one addition for our own runtimes: a response or error with the header `Runner-Next` is
at the same time the request for the next invocation, so that one exchange per invocation is enough.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html; texts and types of errors are those of the
program that serves this API on Lambda.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from runner.core.environment_faults import RESPONSE_LIMIT
from runner.host.exchange import Exchange, Sink
from runner.runtime.functions.invocation import Invocation
from runner.runtime.invoking import NO_CALL

PREFIX = "/2018-06-01/runtime/"
INVOCATION = PREFIX + "invocation/"
NEXT = INVOCATION + "next"
JSON_TYPE, JSON_BYTES = "application/json", b"application/json"
JSON = (("content-type", JSON_TYPE),)
TEXT = (("content-type", "text/plain"),)
ACCEPTED = b'{"status":"OK"}\n'
STREAMING = "streaming"
ERROR_TYPE = "lambda-runtime-function-error-type"
ERROR_BODY = "lambda-runtime-function-error-body"
MODE = "lambda-runtime-function-response-mode"
KNOWN_TYPE = re.compile(r"(Runtime|Function)\.[A-Z][a-zA-Z]+")


class Phase(StrEnum):
    """What the runtime may do next; the words are those of its error messages."""

    STARTED = "Started"  # has not asked for work yet
    INIT_FAILED = "InitError"
    READY = "Ready"  # waits for an invocation
    RUNNING = "Running"  # has one
    ANSWERED = "InvocationResponse"  # has answered it
    ERRED = "InvocationErrorResponse"


RUNNING, READY = Phase.RUNNING, Phase.READY


class Writer(Protocol):
    def write(self, data: bytes) -> None: ...


class Direct(Protocol):
    """A connection of one of our own runtimes that waits for work."""

    @property
    def transport(self) -> Writer | None:
        """None once it is lost."""


class Events(Protocol):
    """What the environment is told."""

    def on_next(self) -> None:
        """The runtime waits for work."""

    def on_response(self, body: bytes, content_type: str) -> None: ...

    def on_served(self, body: bytes, content_type: str) -> None:
        """A response with which the runtime waits for work again: `on_response` and `on_next` in one."""

    def on_piece(self, data: bytes) -> None:
        """A piece of a streamed response that the caller does not receive as it comes."""

    def on_streamed(self, error_type: str, error_body: bytes) -> None:
        """A streamed response is complete; with an error if its trailers say so."""

    def on_oversized(self) -> None: ...

    def on_error(self, error_type: str, body: bytes) -> None: ...

    def on_init_error(self, error_type: str, body: bytes) -> None: ...

    def on_truncated(self) -> None: ...


class RuntimeApi:
    """State of one runtime process. `deliver` hands it an invocation once it waits for one."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self.phase = Phase.STARTED
        self._call = NO_CALL  # the last one that was handed over
        self._poll: Exchange | Direct | None = None
        self._undelivered: Invocation | None = None
        self._routes: dict[str, tuple[str, Callable[[Exchange], None]]] = {
            NEXT: ("GET", self._next),
            PREFIX + "init/error": ("POST", self._init_error),
            PREFIX + "restore/next": ("GET", lambda exchange: exchange.respond(200)),
            PREFIX + "restore/error": ("POST", self._init_error),
            "/2018-06-01/ping": ("GET", lambda exchange: exchange.respond(200, TEXT, b"pong")),
        }

    # to the runtime

    def deliver(self, invocation: Invocation) -> None:
        """Answer the runtime's `next`; if its connection was lost, its next `next`."""
        poll = self._poll
        assert poll is not None, "the runtime does not wait"
        if poll.transport is None:
            self._undelivered = invocation
            return
        self._poll = None
        self.phase = RUNNING
        self._call = invocation.call
        if isinstance(poll, Exchange):
            poll.respond(200, event_headers(invocation), invocation.call.payload)
        else:
            poll.transport.write(event_message(invocation))

    @property
    def waits(self) -> bool:
        """True while the runtime waits for an invocation."""
        return self.phase is Phase.READY

    @property
    def undelivered(self) -> bool:
        """True while an invocation was handed over that the runtime has not seen."""
        return self._undelivered is not None

    # from the runtime

    def answer_and_ask(self, request_id: bytes, content_type: bytes, body: bytes, poll: Direct) -> bool:
        """A response that is also the next poll, from one of our own runtimes. False if it is not for now."""
        if self.phase is not RUNNING or len(body) > RESPONSE_LIMIT:
            return False
        if request_id.decode("latin-1") != self._call.request_id:
            return False
        self.phase = READY
        self._poll = poll
        self._events.on_served(body, JSON_TYPE if content_type == JSON_BYTES else content_type.decode("latin-1"))
        return True

    def handle(self, exchange: Exchange) -> None:
        target = exchange.target
        if exchange.method == "POST" and target.startswith(INVOCATION):
            request_id, _, verb = target[len(INVOCATION) :].partition("/")
            if verb == "response":
                self._response(exchange, request_id)
                return
            if verb == "error":
                self._error(exchange, request_id)
                return
        method, route = self._routes.get(target, ("", None))
        if route is None:
            exchange.respond(404, TEXT, b"404 page not found\n")
        elif exchange.method != method:
            exchange.respond(405)
        else:
            route(exchange)

    def sink(self, exchange: Exchange) -> Sink | None:
        """Streamed responses are passed on as they come."""
        if exchange.headers.get(MODE, "") != STREAMING or not exchange.target.startswith(INVOCATION):
            return None
        request_id, _, verb = exchange.target[len(INVOCATION) :].partition("/")
        if verb != "response" or request_id != self._call.request_id or self.phase is not Phase.RUNNING:
            return None
        exchange.on_lost = self._events.on_truncated
        return self._call.stream or self._events.on_piece

    def _next(self, exchange: Exchange) -> None:
        if self.phase is Phase.RUNNING or self.phase is Phase.INIT_FAILED:
            self._not_allowed(exchange, "Ready")
            return
        before, self._poll = self._poll, exchange
        if self.phase is not Phase.READY:
            self.phase = Phase.READY
            self._events.on_next()
            return
        if isinstance(before, Exchange) and not before.lost:  # one poll at a time: the newer connection counts
            refuse(before, 403, *self._transition("Ready"))
        if self._undelivered is not None:
            waiting, self._undelivered = self._undelivered, None
            self.deliver(waiting)

    def _response(self, exchange: Exchange, request_id: str) -> None:
        if not self._may_answer(exchange, request_id, "InvocationResponse"):
            return
        mode = exchange.headers.get(MODE) or None
        if mode is not None and mode != STREAMING:
            self.phase = Phase.ANSWERED
            refuse(exchange, 400, "InvalidFunctionResponseMode", "Invalid function response mode")
            self._events.on_error("Runtime.InvalidResponseModeHeader", b"")
            return
        if mode is None and len(exchange.body) > RESPONSE_LIMIT:
            self.phase = Phase.ANSWERED
            message = f"Exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
            refuse(exchange, 413, "RequestEntityTooLarge", message)
            self._events.on_oversized()
            return
        self.phase = Phase.ANSWERED
        self._accept(exchange)
        if mode is None:
            self._events.on_response(exchange.body, exchange.headers.get("content-type", ""))
        else:
            exchange.on_lost = None
            body = exchange.trailers.get(ERROR_BODY, "")
            self._events.on_streamed(exchange.trailers.get(ERROR_TYPE, ""), _decoded(body))
        self._ask(exchange)

    def _error(self, exchange: Exchange, request_id: str) -> None:
        if not self._may_answer(exchange, request_id, "InvocationErrorResponse"):
            return
        self.phase = Phase.ERRED
        self._accept(exchange)
        self._events.on_error(error_type(exchange), exchange.body)
        self._ask(exchange)

    def _init_error(self, exchange: Exchange) -> None:
        if self.phase is not Phase.STARTED:
            self._not_allowed(exchange, "InitError")
            return
        self.phase = Phase.INIT_FAILED
        exchange.respond(202, JSON, ACCEPTED)
        self._events.on_init_error(error_type(exchange), exchange.body)

    def _accept(self, exchange: Exchange) -> None:
        if "runner-next" not in exchange.headers:
            exchange.respond(202, JSON, ACCEPTED)

    def _ask(self, exchange: Exchange) -> None:
        """One of our own runtimes: what it sent is its next poll."""
        if "runner-next" in exchange.headers:
            self._next(exchange)

    def _may_answer(self, exchange: Exchange, request_id: str, to: str) -> bool:
        current = self._call.request_id
        if self.phase is Phase.RUNNING and request_id == current:
            echoed = exchange.headers.get("lambda-runtime-invocation-id")
            if echoed is None or echoed == current:
                return True
            refuse(exchange, 400, "InvalidInvocationId", "Invalid invocation ID")
        elif request_id != current or self.phase in (Phase.ANSWERED, Phase.ERRED):
            refuse(exchange, 400, "InvalidRequestID", "Invalid request ID")
        else:
            self._not_allowed(exchange, to)
        return False

    def _not_allowed(self, exchange: Exchange, to: str) -> None:
        refuse(exchange, 403, *self._transition(to))

    def _transition(self, to: str) -> tuple[str, str]:
        why = "State transition is not allowed"
        return "InvalidStateTransition", f"State transition from {self.phase} to {to} failed for runtime. Error: {why}"


def event_message(invocation: Invocation) -> bytes:
    """What `next` is answered with, whole, for our own runtimes: always in this form, which they look for."""
    _, _, payload, request_id, client_context, trace, _, _, _ = invocation.call
    trace_line = f"lambda-runtime-trace-id: {trace}\r\n" if trace is not None else ""
    context_line = f"lambda-runtime-client-context: {client_context}\r\n" if client_context is not None else ""
    head = (
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
        f"lambda-runtime-aws-request-id: {request_id}\r\nlambda-runtime-deadline-ms: {invocation.deadline_ms}\r\n"
        f"lambda-runtime-invoked-function-arn: {invocation.arn}\r\n{trace_line}{context_line}"
        f"content-length: {len(payload)}\r\n\r\n"
    )
    return head.encode() + payload


def event_headers(invocation: Invocation) -> list[tuple[str, str]]:
    """The same for any other client of the Runtime API."""
    call = invocation.call
    headers = [
        ("content-type", "application/json"),
        ("lambda-runtime-aws-request-id", call.request_id),
        ("lambda-runtime-invocation-id", call.request_id),
        ("lambda-runtime-deadline-ms", str(invocation.deadline_ms)),
        ("lambda-runtime-invoked-function-arn", invocation.arn),
    ]
    if call.trace is not None:
        headers.append(("lambda-runtime-trace-id", call.trace))
    if call.client_context is not None:
        headers.append(("lambda-runtime-client-context", call.client_context.encode().decode("latin-1")))
    return headers


def refuse(exchange: Exchange, status: int, kind: str, message: str) -> None:
    body = json.dumps({"errorMessage": message, "errorType": kind}, separators=(",", ":")).encode()
    exchange.respond(status, JSON, body + b"\n")


def error_type(exchange: Exchange) -> str:
    """What the error counts as: the header's type where it is one that Lambda takes, else the body's."""
    named = exchange.headers.get(ERROR_TYPE, "")
    if KNOWN_TYPE.fullmatch(named):
        return named
    try:
        body = json.loads(exchange.body)
    except ValueError:
        body = None
    inner = body.get("errorType") if isinstance(body, dict) else None
    if isinstance(inner, str) and inner:
        return inner
    return "Function.Unknown" if named.startswith("Function.") else "Runtime.Unknown"


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text)
    except (binascii.Error, ValueError):
        return b""
