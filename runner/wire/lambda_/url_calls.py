"""Function URLs as they are called: HTTP in, an invocation, HTTP out. Known by the host that is asked for.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import partial

from runner.core import function_url
from runner.core.function_url import FAILED, Endpoint, Prelude, Reply, Request
from runner.core.lineage import step
from runner.host.clock import Clock
from runner.host.exchange import Exchange
from runner.model.errors import ApiError
from runner.model.function import Permission, Url
from runner.model.names import Place
from runner.model.state import Deployed
from runner.runtime.deployment import Deployment
from runner.runtime.invoking import Answer, Call, DirectInvoker
from runner.wire.guard import is_local
from runner.wire.lambda_.functions import function_of
from runner.wire.lambda_.invoke import SYNC_LIMIT, told
from runner.wire.lambda_.urls import qualifier_of, url_id
from runner.wire.routing import scope_of

HOST_MARK = ".lambda-url."
ACTION = "lambda:InvokeFunctionUrl"
FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class UrlCalls:
    """Answers what comes to `<id>.lambda-url.<region>.localhost`."""

    def __init__(self, deployment: Deployment, invoker: DirectInvoker, place: Place, clock: Clock) -> None:
        self._deployment = deployment
        self._invoker = invoker
        self._place = place
        self._clock = clock
        self._table: Mapping[str, Deployed[Url]] = {}
        self._by_id: dict[str, Deployed[Url]] = {}

    def answer(self, exchange: Exchange, request_id: str) -> None:
        """Answer now or later. Never raises ApiError."""
        host = exchange.headers.get("host", "")
        deployed = self._found(host.partition(".")[0].lower())
        origin = exchange.headers.get("origin")
        if deployed is None:
            _deny(exchange, None)
            return
        cors = deployed.noun.cors
        if origin is not None and not is_local(origin.partition("://")[2]) and not function_url.allows(cors, origin):
            _deny(exchange, FORBIDDEN)
            return
        if exchange.method == "OPTIONS" and cors is not None and "access-control-request-method" in exchange.headers:
            exchange.respond(200, list(function_url.cors_headers(cors, origin, preflight=True)))
            return
        signed = scope_of(exchange.headers.get("authorization", "")).access_key
        if not (signed if deployed.noun.auth_type == "AWS_IAM" else self._open_to_all(deployed)):
            _deny(exchange, FORBIDDEN)
            return
        if len(exchange.body) > SYNC_LIMIT:
            _respond(exchange, 413, {"message": "Request Too Long"})
            return
        self._call(exchange, deployed, host, request_id, signed)

    def _found(self, wanted: str) -> Deployed[Url] | None:
        table = self._deployment.state.of(Url)
        if table is not self._table:
            self._table, self._by_id = table, {url_id(deployed): deployed for deployed in table.values()}
        return self._by_id.get(wanted)

    def _open_to_all(self, deployed: Deployed[Url]) -> bool:
        """A URL without authentication still needs a statement that lets everyone in."""
        prefix = f"{deployed.key}/"
        return any(
            key.startswith(prefix) and one.noun.action in (ACTION, "lambda:*", "*") and one.noun.principal == "*"
            for key, one in self._deployment.state.of(Permission).items()
        )

    def _call(self, exchange: Exchange, deployed: Deployed[Url], host: str, request_id: str, signed: str) -> None:
        noun, name = deployed.noun, function_of(deployed.key)
        request = Request(exchange.method, exchange.path, exchange.query, exchange.headers, exchange.body)
        domain, _, port = host.partition(":")
        account = self._place.account if noun.auth_type == "AWS_IAM" else None
        endpoint = Endpoint(host.partition(".")[0], domain, port=port or "80", account=account, access_key=signed)
        now = self._clock.now()
        chain = step(
            exchange.headers.get("x-amzn-trace-id"), self._place.function(name), request_id=request_id, now=now
        )
        root = chain.header.partition(";")[0]
        payload = function_url.event(request, endpoint, request_id=request_id, trace=root, now=now)
        extra = [
            ("x-amzn-requestid", request_id),
            ("x-amzn-trace-id", root),
            *function_url.cors_headers(noun.cors, exchange.headers.get("origin"), preflight=False),
        ]
        stream = _Stream(exchange, extra) if noun.invoke_mode == "RESPONSE_STREAM" else None
        write = stream.write if stream is not None else None
        call = Call(
            name, qualifier_of(deployed), payload, request_id, trace=chain.header, stream=write, synchronous=True
        )
        self._invoker.begin(call, partial(_finish, exchange, extra, stream))


class _Stream:
    """A streamed answer: the head is sent once the prelude is complete, or known to be absent."""

    def __init__(self, exchange: Exchange, extra: list[tuple[str, str]]) -> None:
        self._exchange = exchange
        self._extra = extra
        self._prelude = Prelude()
        self.started = False

    def write(self, piece: bytes) -> None:
        if self.started:
            self._exchange.write(piece)
        elif (head := self._prelude.feed(piece)) is not None:
            self._start(head)

    def finish(self) -> None:
        if not self.started:
            self._start(self._prelude.end())
        self._exchange.finish()

    @property
    def used(self) -> bool:
        return self.started or bool(self._prelude.seen)

    def _start(self, head: Reply) -> None:
        self.started = True
        self._exchange.start(head.status, [*head.headers, *self._extra])
        self._exchange.write(head.body)


def _finish(
    exchange: Exchange, extra: list[tuple[str, str]], stream: _Stream | None, outcome: Answer | Exception
) -> None:
    answer = told(outcome)
    if stream is not None and stream.used:
        stream.finish()
    elif isinstance(answer, ApiError):
        _failed(exchange, answer)
    else:
        reply = FAILED if answer.function_error is not None else function_url.reply(answer.payload)
        exchange.respond(reply.status, [*reply.headers, *extra], reply.body)


def _failed(exchange: Exchange, error: ApiError) -> None:
    if error.status == 429:
        _respond(exchange, 429, {"Reason": error.members.get("Reason"), "Type": "User", "message": error.message})
    elif error.status in (403, 404):
        _deny(exchange, FORBIDDEN)
    else:
        exchange.respond(FAILED.status, FAILED.headers, FAILED.body)


def _deny(exchange: Exchange, message: str | None) -> None:
    _respond(exchange, 403, {"Message": message}, [("x-amzn-errortype", "AccessDeniedException")])


def _respond(
    exchange: Exchange, status: int, document: Mapping[str, object], headers: list[tuple[str, str]] | None = None
) -> None:
    body = json.dumps(document, separators=(",", ":")).encode()
    exchange.respond(status, [("content-type", "application/json"), *(headers or ())], body)
