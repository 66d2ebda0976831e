"""The front door: every request of an SDK comes in here, is understood, handed to its room, and answered.

Per operation and protocol everything is compiled at the first call; from then on a request costs one parse, one check,
one call of the room and one serialisation. Hot operations are handed over before any of that.
"""

from __future__ import annotations

import asyncio
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from runner.host.clock import Clock
from runner.host.exchange import Exchange
from runner.host.http import MAX_BODY
from runner.model.errors import ApiError, RunnerError
from runner.model.names import Place
from runner.wire.constraints import checker
from runner.wire.guard import Guard
from runner.wire.hot import HOT_ROUTES, HotRoute
from runner.wire.models import Models, ServiceModel
from runner.wire.operation import Context, Members, Operation, RawOperation, Service
from runner.wire.protocols.documents import encode
from runner.wire.protocols.forms import fields
from runner.wire.protocols.message import Answer, Codec, Request
from runner.wire.protocols.table import PROTOCOLS, WireProtocol
from runner.wire.protocols.xml import text
from runner.wire.routing import Router, Scope, Target, credential_scope, scope_of
from runner.wire.stamps import Date, new_request_id

log = logging.getLogger(__name__)

INTERNAL_PREFIX = "/_runner/"
JSON_TYPE = ("content-type", "application/json")
INTERNAL_CODES = {"lambda": "ServiceException"}
INTERNAL_TEXT = "The request processing has failed because of an unknown error, exception or failure."
POLLS = frozenset((("sqs", "ReceiveMessage"),))  # only wait: ended once their client is gone, or the runner ends

InternalOperation = Callable[[Mapping[str, str], bytes], Awaitable[Any]]
"""Of our own command line: takes the query's fields and the body, returns what is sent as JSON."""

RawInternal = Callable[[Exchange], None]

HostOperation = Callable[[Exchange, str], None]
"""Answers an exchange, now or later; the second argument is the request's id."""


@dataclass(frozen=True, slots=True)
class Bound:
    """One operation of one room in one protocol, ready to be called."""

    operation: Operation | None
    raw: RawOperation | None
    codec: Codec
    check: Callable[[Mapping[str, Any]], None]


class Front:
    """The handler of the endpoint's HttpServer."""

    def __init__(
        self, services: Sequence[Service], place: Place, clock: Clock, *, models: Models | None = None
    ) -> None:
        self._services = {service.name: service for service in services}
        self._place = place
        self._clock = clock
        self._models = models or Models()
        self._guard = Guard()
        self._router = Router(self._models)
        self._protocols: dict[tuple[str, str], WireProtocol] = {}
        self._bound: dict[Target, Bound] = {}
        self._hot = tuple(self._hot_calls())
        self._internal: dict[tuple[str, str], RawInternal] = {}
        self._hosts: list[tuple[str, HostOperation]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._polls: set[asyncio.Task[None]] = set()
        self._ending = False
        self._started_at = clock.elapsed()
        self.date = Date(clock)
        self.mount("GET", "/_runner/health", self._health)

    def mount(self, method: str, path: str, operation: InternalOperation) -> None:
        """Serve one of the runner's own endpoints, below `/_runner/`; errors are answered as `{"error", "hint"}`."""

        def answer(exchange: Exchange) -> None:
            self._spawn(self._serve_internal(exchange, operation))

        self.mount_raw(method, path, answer)

    def mount_raw(self, method: str, path: str, operation: RawInternal) -> None:
        """Like `mount`, for what streams: the operation answers the exchange itself."""
        if not path.startswith(INTERNAL_PREFIX):
            raise ValueError(f"{path} is not below {INTERNAL_PREFIX}")
        self._internal[method, path] = operation

    def mount_hosts(self, mark: str, operation: HostOperation) -> None:
        """Serve every request to hosts with `mark` in their name; who may call them is the operation's affair."""
        self._hosts.append((mark, operation))

    def plain_host(self, host: str) -> bool:
        """Whether requests to a host are welcome, and nobody's in particular."""
        return self._guard.refusal({"host": host}) is None and not any(mark in host for mark, _ in self._hosts)

    def handle(self, exchange: Exchange) -> None:
        """Answer one request, now or later. Never raises."""
        exchange.half_open = True
        host = exchange.headers.get("host", "")
        for mark, answer in self._hosts:
            if mark in host:
                answer(exchange, new_request_id())
                return
        exchange.date = self.date.line()
        refusal = self._guard.refusal(exchange.headers)
        if refusal is not None:
            self._refuse(exchange, 403, "AccessDeniedException", refusal)
            return
        if exchange.target.startswith(INTERNAL_PREFIX):
            self._handle_internal(exchange)
            return
        for route, target, operation in self._hot:
            members = route.members(exchange)
            if members is not None:
                scope = scope_of(exchange.headers.get("authorization", ""))
                self._call_raw(exchange, operation, self._context(target, new_request_id(), scope, exchange), members)
                return
        try:
            self._handle_modelled(exchange)
        except Exception:
            log.exception("A request could not be understood: %s %s", exchange.method, exchange.path)
            if not exchange.answered:
                self._refuse(exchange, 500, "InternalFailure", INTERNAL_TEXT)

    def end_polls(self) -> None:
        """Answer those who only wait: with nothing, as if their time were up."""
        self._ending = True
        for task in list(self._polls):
            task.cancel()

    async def close(self) -> None:
        """End what is still being worked on; to be called once the server is closed."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _handle_modelled(self, exchange: Exchange) -> None:
        request = Request(exchange.method, exchange.path, exchange.query, exchange.headers, exchange.body)
        scope = credential_scope(request)
        target = self._router.find(request, scope)
        request_id = new_request_id()
        try:
            bound = self._bound.get(target) or self._bind(target)
            if "content-encoding" in request.headers:
                request = _decompressed(request)
            members = bound.codec.parse(request)
            bound.check(members)
        except ApiError as error:
            self._answer(exchange, self._error(target, error, request_id))
            return
        context = self._context(target, request_id, scope, exchange)
        if bound.raw is not None:
            self._call_raw(exchange, bound.raw, context, members)
        elif bound.operation is not None:
            task = self._spawn(self._serve(exchange, target, bound, members, context))
            if (target.service, target.operation) in POLLS:
                exchange.half_open = False
                exchange.on_lost = partial(_abandon, task)
                self._polls.add(task)
                task.add_done_callback(self._polls.discard)

    def _context(self, target: Target, request_id: str, scope: Scope, exchange: Exchange) -> Context:
        return Context(
            target.service,
            target.operation,
            request_id,
            scope.region or self._place.region,
            scope.access_key,
            exchange.headers,
        )

    async def _serve(
        self, exchange: Exchange, target: Target, bound: Bound, members: Members, context: Context
    ) -> None:
        assert bound.operation is not None
        try:
            answered = await bound.operation(members, context)
            answer = bound.codec.serialise(answered or {}, context.request_id)
        except ApiError as error:
            answer = self._error(target, error, context.request_id)
        except asyncio.CancelledError:
            if not self._ending:
                raise
            answer = bound.codec.serialise({}, context.request_id)
        except Exception:
            answer = self._failed(target, context.request_id)
        self._answer(exchange, answer)

    def _call_raw(self, exchange: Exchange, operation: RawOperation, context: Context, members: Members) -> None:
        try:
            operation(exchange, context, members)
        except ApiError as error:
            self._answer(exchange, self.error(context.service, error, context.request_id))
        except Exception:
            target = Target(context.service, context.operation, self._models.get(context.service).protocol)
            self._answer(exchange, self._failed(target, context.request_id))

    def _hot_calls(self) -> Iterator[tuple[HotRoute, Target, RawOperation]]:
        for route in HOT_ROUTES:
            operation = self._raw_operation(route.service, route.operation)
            if operation is not None:
                yield route, Target(route.service, route.operation, "rest-json"), operation

    def error(self, service: str, error: ApiError, request_id: str) -> Answer:
        """An error as `service` words it, for rooms that answer exchanges themselves."""
        return self._error(Target(service, "", self._models.get(service).protocol), error, request_id)

    def _failed(self, target: Target, request_id: str) -> Answer:
        log.exception("%s %s failed (request %s)", target.service, target.operation, request_id)
        code = INTERNAL_CODES.get(target.service, "InternalFailure")
        return self._error(target, ApiError(code, INTERNAL_TEXT, 500), request_id)

    def _bind(self, target: Target) -> Bound:
        """Compile an operation. Raises ApiError for one that is not there."""
        model = self._model(target.service)
        room = self._services.get(target.service)
        modelled = model is not None and target.operation in model.raw_operations
        operation = room.operations.get(target.operation) if room is not None else None
        raw = self._raw_operation(target.service, target.operation)
        if model is None or not modelled or (operation is None and raw is None):
            raise _not_there(target, known=modelled or model is None or room is None)
        protocol = self._protocol(model, target.protocol)
        codec = protocol.codec(protocol.model.operation(target.operation))
        bound = Bound(operation, raw, codec, checker(model.operation(target.operation)))
        self._bound[target] = bound
        return bound

    def _raw_operation(self, service: str, operation: str) -> RawOperation | None:
        room = self._services.get(service)
        return None if room is None else room.raw_operations.get(operation)

    def _model(self, service: str) -> ServiceModel | None:
        return self._models.get(service) if service and self._models.has(service) else None

    def _protocol(self, model: ServiceModel, protocol: str) -> WireProtocol:
        known = self._protocols.get((model.name, protocol))
        if known is None:
            build = PROTOCOLS.get(protocol)
            if build is None:
                raise ApiError("NotImplemented", f"The protocol {protocol} is not spoken here.", 501)
            known = self._protocols[model.name, protocol] = build(model)
        return known

    def _error(self, target: Target, error: ApiError, request_id: str) -> Answer:
        model = self._model(target.service)
        if model is None or target.protocol not in PROTOCOLS:
            return _plain_error(target, error, request_id)
        return self._protocol(model, target.protocol).error(error, request_id)

    def _answer(self, exchange: Exchange, answer: Answer) -> None:
        if not exchange.answered:
            exchange.respond(*answer)

    def _refuse(self, exchange: Exchange, status: int, code: str, message: str) -> None:
        body = encode({"__type": code, "message": message})
        exchange.respond(status, [("x-amzn-errortype", code), JSON_TYPE], body)

    def _spawn(self, work: Any) -> asyncio.Task[None]:
        task: asyncio.Task[None] = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # the runner's own endpoints

    def _handle_internal(self, exchange: Exchange) -> None:
        exchange.half_open = False
        operation = self._internal.get((exchange.method, exchange.path))
        if operation is None:
            self._refuse(exchange, 404, "NotFound", f"There is no {exchange.method} {exchange.path}.")
            return
        try:
            operation(exchange)
        except Exception:
            log.exception("%s %s failed", exchange.method, exchange.path)
            if not exchange.answered:
                self._refuse(exchange, 500, "InternalFailure", INTERNAL_TEXT)

    async def _serve_internal(self, exchange: Exchange, operation: InternalOperation) -> None:
        status, document = 200, None
        try:
            document = await operation(fields(exchange.query), exchange.body)
        except ApiError as error:
            status, document = error.status, {"code": error.code, "error": error.message, "hint": ""}
        except RunnerError as error:
            status, document = 400, {"code": type(error).__name__, "error": error.message, "hint": error.hint}
        except Exception:
            log.exception("%s %s failed", exchange.method, exchange.path)
            status, document = 500, {"code": "InternalFailure", "error": INTERNAL_TEXT, "hint": ""}
        exchange.respond(status, [JSON_TYPE], encode(document))

    async def _health(self, query: Mapping[str, str], body: bytes) -> Any:
        return {
            "status": "running",
            "region": self._place.region,
            "account": self._place.account,
            "services": sorted(self._services),
            "uptime_s": round(self._clock.elapsed() - self._started_at, 3),
        }


def _abandon(task: asyncio.Task[None]) -> None:
    task.cancel()


def _not_there(target: Target, *, known: bool) -> ApiError:
    name = f"{target.service or 'unknown service'} {target.operation or 'unknown operation'}"
    if known:
        return ApiError("NotImplemented", f"The operation is not implemented by runner: {name}.", 501)
    if target.protocol == "query":
        return ApiError("InvalidAction", f"The action {target.operation} is not valid for this endpoint.", 400)
    return ApiError("UnknownOperationException", f"There is no such operation: {name}.", 404)


def _plain_error(target: Target, error: ApiError, request_id: str) -> Answer:
    """Where no protocol is known: as XML to who spoke XML, else as JSON that every SDK of AWS reads."""
    headers = [("x-amzn-requestid", request_id), ("x-amzn-errortype", error.code)]
    if target.protocol in ("query", "rest-xml", "ec2"):
        told = f"<Code>{error.code}</Code><Message>{text(error.message or '')}</Message>"
        body = f"<ErrorResponse><Error>{told}</Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        return Answer(error.status, [*headers, ("content-type", "text/xml")], body.encode())
    return Answer(error.status, [*headers, JSON_TYPE], encode({"__type": error.code, "message": error.message}))


def _decompressed(request: Request) -> Request:
    """The request with its gzipped body unpacked; other encodings are left as they are. Raises ApiError."""
    if request.headers["content-encoding"].strip().lower() != "gzip" or not request.body:
        return request
    unpack = zlib.decompressobj(wbits=31)
    try:
        body = unpack.decompress(request.body, MAX_BODY + 1)
    except zlib.error:
        raise ApiError("SerializationException", "The body is not gzip, as its header says.", 400) from None
    if len(body) > MAX_BODY:
        raise ApiError("RequestEntityTooLargeException", "The unpacked body is too large.", 413)
    return Request(request.method, request.path, request.query, request.headers, body)
