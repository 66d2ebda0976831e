"""Invoke, streamed or not. The shortest way through the house: no task, no model; one callback answers the exchange.

Order of checks, as observed: the name's form, region and account, contradicting qualifiers, existence, the payload.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any

from runner.core.eventstream import frame
from runner.core.lineage import Step, step
from runner.core.payload import problem
from runner.host.clock import Clock
from runner.host.exchange import Exchange
from runner.model.errors import ApiError
from runner.model.function import Alias
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.invoking import Answer, Asynchronous, Call, DirectInvoker
from runner.wire.lambda_ import errors
from runner.wire.lambda_.names import Reference, reference, resolve
from runner.wire.lambda_.status import check_invocable
from runner.wire.operation import Context, Members

log = logging.getLogger(__name__)

SYNC_LIMIT = 6_291_456  # bytes
ASYNC_LIMIT = 1_048_576
LEGACY_LIMIT = 262_144  # of InvokeAsync
CONTEXT_LIMIT = 3583  # bytes of base64
TRACE = "x-amzn-trace-id"
STREAM_TYPE = "application/vnd.amazon.eventstream"
CHUNK_HEADERS = {
    ":event-type": "PayloadChunk",
    ":content-type": "application/octet-stream",
    ":message-type": "event",
}
COMPLETE_HEADERS = {":event-type": "InvokeComplete", ":content-type": "application/json", ":message-type": "event"}


class Invocations:
    """The operations that run functions. `invoke` and `stream` answer their exchange themselves."""

    def __init__(
        self, deployment: Deployment, invoker: DirectInvoker, asynchronous: Asynchronous, place: Place, clock: Clock
    ) -> None:
        self._deployment = deployment
        self._invoker = invoker
        self._asynchronous = asynchronous
        self._place = place
        self._clock = clock
        self._accepting: set[asyncio.Task[None]] = set()

    def invoke(self, exchange: Exchange, context: Context, members: Members) -> None:
        """Invoke: wait for the answer, accept for later, or only check."""
        try:
            kind = members.get("InvocationType") or "RequestResponse"
            wanted = self._wanted(members)
            if kind == "DryRun":
                exchange.respond(204, _headers(context.request_id, self._chain(context, wanted).header))
                return
            check_payload(exchange.body, kind)
            if kind == "Event":
                self._later(exchange, context, wanted)
                return
            call = self._call(exchange, context, members, wanted)
        except ApiError as error:
            errors.answer(exchange, error, context.request_id)
            return
        self._invoker.begin(call, partial(respond, exchange, call))

    async def invoke_async(self, members: Members, context: Context) -> Members:
        """InvokeAsync, the deprecated form of `Event`."""
        payload: bytes = members.get("InvokeArgs") or b""
        wanted = reference(members["FunctionName"], None, self._place)
        self._exists(wanted)
        check_payload(payload, "Event", LEGACY_LIMIT)
        await self._accept(wanted, payload, context)
        return {"Status": 202}

    def stream(self, exchange: Exchange, context: Context, members: Members) -> None:
        """InvokeWithResponseStream."""
        try:
            kind = members.get("InvocationType") or "RequestResponse"
            wanted = self._wanted(members)
            headers = _headers(context.request_id, self._chain(context, wanted).header)
            if kind == "DryRun":
                exchange.respond(204, headers)
                return
            check_payload(exchange.body, kind)
            answer = _StreamedAnswer(exchange, [*headers, *self._version_header(wanted)])
            call = self._call(exchange, context, members, wanted, answer)
        except ApiError as error:
            errors.answer(exchange, error, context.request_id)
            return
        self._invoker.begin(call, partial(answer.finish, call))

    def _wanted(self, members: Members) -> Reference:
        name, qualifier = members["FunctionName"], members.get("Qualifier")
        if qualifier is None and self._deployment.state.version(name) is not None:
            wanted = Reference(name)  # the common case
        else:
            wanted = reference(name, qualifier, self._place)
        self._exists(wanted)
        return wanted

    def _exists(self, wanted: Reference) -> None:
        deployed = resolve(self._deployment.state, wanted)
        if deployed is None:
            raise errors.no_function(self._place.function(wanted.name, wanted.qualifier or "$LATEST"))
        check_invocable(deployed, self._clock)

    def _call(
        self,
        exchange: Exchange,
        context: Context,
        members: Members,
        wanted: Reference,
        stream: _StreamedAnswer | None = None,
    ) -> Call:
        chain = self._chain(context, wanted)
        if chain.looping and not self._may_loop(wanted):
            raise errors.looping()
        return Call(
            function=wanted.name,
            qualifier=wanted.qualifier,
            payload=exchange.body or b"{}",
            request_id=context.request_id,
            client_context=client_context(members.get("ClientContext")),
            trace=chain.header,
            tail=members.get("LogType") == "Tail",
            stream=stream.write if stream else None,
            synchronous=True,
        )

    def _chain(self, context: Context, wanted: Reference) -> Step:
        """The invocation's place in the chain that led to it, as its trace header says."""
        arn = self._place.function(wanted.name)
        return step(context.headers.get(TRACE), arn, request_id=context.request_id, now=self._clock.now())

    def _may_loop(self, wanted: Reference) -> bool:
        latest = self._deployment.state.version(wanted.name)
        return latest is not None and latest.noun.config.recursive_loop == "Allow"

    def _version_header(self, wanted: Reference) -> list[tuple[str, str]]:
        """The executed version, where it is known before the invocation: not behind an alias that splits traffic."""
        state = self._deployment.state
        alias = state.get(Alias, f"{wanted.name}:{wanted.qualifier}")
        deployed = resolve(state, wanted)
        if deployed is None or (alias is not None and alias.noun.routing is not None):
            return []
        return [("x-amz-executed-version", deployed.noun.version)]

    def _later(self, exchange: Exchange, context: Context, wanted: Reference) -> None:
        task = asyncio.get_running_loop().create_task(self._accept_and_answer(exchange, context, wanted))
        self._accepting.add(task)
        task.add_done_callback(self._accepting.discard)

    async def _accept_and_answer(self, exchange: Exchange, context: Context, wanted: Reference) -> None:
        try:
            await self._accept(wanted, exchange.body or b"{}", context)
        except ApiError as error:
            errors.answer(exchange, error, context.request_id)
        except Exception:
            log.exception("An invocation of %s could not be accepted.", wanted.name, extra={"action": "accept_failed"})
            errors.answer(exchange, errors.internal(), context.request_id)
        else:
            exchange.respond(202, _headers(context.request_id, self._chain(context, wanted).header))

    async def _accept(self, wanted: Reference, payload: bytes, context: Context) -> None:
        await self._asynchronous.accept(
            wanted.name,
            wanted.qualifier,
            payload,
            request_id=context.request_id,
            trace=context.headers.get(TRACE),
        )


class _StreamedAnswer:
    """An answer in frames: chunks as they come, then what the invocation came to."""

    def __init__(self, exchange: Exchange, headers: list[tuple[str, str]]) -> None:
        self._exchange = exchange
        self._headers = [(name, STREAM_TYPE if name == "content-type" else value) for name, value in headers]
        self._started = False

    def write(self, piece: bytes) -> None:
        if not self._started:
            self._started = True
            self._exchange.start(200, self._headers)
        if piece:
            self._exchange.write(frame(CHUNK_HEADERS, piece))

    def finish(self, call: Call, outcome: Answer | Exception) -> None:
        answer = told(outcome)
        if isinstance(answer, ApiError):
            if not self._started:
                errors.answer(self._exchange, answer, call.request_id)
                return
            complete: dict[str, Any] = {"ErrorCode": answer.code, "ErrorDetails": answer.message or ""}
        else:
            self.write(answer.payload)
            complete = {}
            if answer.function_error is not None:
                complete = {"ErrorCode": answer.function_error, "ErrorDetails": answer.payload.decode(errors="replace")}
            if call.tail:
                complete["LogResult"] = base64.b64encode(answer.log_tail).decode()
        self._exchange.write(frame(COMPLETE_HEADERS, json.dumps(complete).encode()))
        self._exchange.finish()


def respond(exchange: Exchange, call: Call, outcome: Answer | Exception) -> None:
    """Answer a synchronous Invoke with what it came to."""
    answer = told(outcome)
    if isinstance(answer, ApiError):
        errors.answer(exchange, answer, call.request_id)
        return
    headers = _headers(call.request_id, call.trace or "")
    headers.append(("x-amz-executed-version", answer.version))
    if answer.function_error is not None:
        headers.append(("x-amz-function-error", answer.function_error))
    if call.tail:
        headers.append(("x-amz-log-result", base64.b64encode(answer.log_tail).decode()))
    exchange.respond(200, headers, answer.payload)


def _headers(request_id: str, trace: str) -> list[tuple[str, str]]:
    return [
        ("content-type", "application/json"),
        ("x-amzn-requestid", request_id),
        ("x-amzn-remapped-content-length", "0"),
        (TRACE, trace),
    ]


def told(outcome: Answer | Exception) -> Answer | ApiError:
    """What the caller is told; anything but an answer and Lambda's own errors is a ServiceException."""
    if isinstance(outcome, Answer | ApiError):
        return outcome
    log.error("An invocation failed.", exc_info=outcome, extra={"action": "invocation_failed"})
    return errors.internal()


def check_payload(payload: bytes, kind: str, limit: int | None = None) -> None:
    """Size and syntax of an invocation's payload."""
    limit = limit or (ASYNC_LIMIT if kind == "Event" else SYNC_LIMIT)
    if len(payload) > limit:
        size = f"{len(payload)} byte payload is too large for the {kind} invocation type (limit {limit} bytes)"
        raise errors.too_large(size)
    found = problem(payload)
    if found is not None:
        raise errors.invalid_content(found)


def client_context(encoded: str | None) -> str | None:
    """The JSON text of the client context header."""
    if not encoded:
        return None
    if len(encoded) > CONTEXT_LIMIT:
        raise errors.invalid_content(f"Client context must be no more than {CONTEXT_LIMIT} bytes when base64-encoded.")
    try:
        text = base64.b64decode(encoded, validate=True).decode()
        if isinstance(json.loads(text), Mapping):
            return text
    except (binascii.Error, ValueError):
        pass
    raise errors.invalid_content("Client context must be a valid Base64-encoded JSON object.")
