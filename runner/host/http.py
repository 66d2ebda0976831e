"""A small HTTP/1.1 server on asyncio and httptools: the endpoint and every Runtime API are served by it.

It exists because the path of an invocation is measured in tens of microseconds: a request is handed over as one
`Exchange` by a plain call, and may be answered at once, later, or piece by piece, without a task of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import cast

import httptools

from runner.model.errors import PortInUse

log = logging.getLogger(__name__)

MAX_BODY = 80 * 1024 * 1024  # a zipped function of 50 MB, base64-encoded in JSON, and some room
MAX_HEAD = 1024 * 1024  # request line and headers, as Lambda limits them
MAX_PIPELINED = 64  # requests waiting on one connection before reading pauses

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Headers = Iterable[tuple[str, str]]
Sink = Callable[[bytes], None]


class Exchange:
    """One request and the means to answer it, exactly once: `respond`, or `start`, `write` ..., `finish`.

    `target` is the request target as sent; `headers` have lower-case names, the last of equal names wins. `body` is
    complete by the time the handler is called, unless a sink took it. `on_lost` is called if the client goes away
    before the answer is complete.
    """

    __slots__ = (
        "_answered",
        "_chunked",
        "_connection",
        "_keep_alive",
        "body",
        "headers",
        "method",
        "on_lost",
        "sink",
        "target",
        "trailers",
    )

    def __init__(self, connection: _Connection) -> None:
        self.method = ""
        self.target = ""
        self.headers: dict[str, str] = {}
        self.trailers: dict[str, str] = {}
        self.body = b""
        self.sink: Sink | None = None
        self.on_lost: Callable[[], None] | None = None
        self._connection = connection
        self._keep_alive = True
        self._answered = False
        self._chunked = False

    @property
    def path(self) -> str:
        """The path, still percent-encoded."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """The query string, still percent-encoded."""
        return self.target.partition("?")[2]

    @property
    def answered(self) -> bool:
        return self._answered

    @property
    def lost(self) -> bool:
        """True once the client is gone: what is written goes nowhere."""
        return self._connection.transport is None

    def respond(self, status: int, headers: Headers = (), body: bytes = b"") -> None:
        """Answer whole."""
        head = self._head(status, headers)
        if status not in (204, 304):
            head.append(b"content-length: %d\r\n" % len(body))
        head.append(b"\r\n")
        if self.method != "HEAD":
            head.append(body)
        self._answered = True
        self._connection.send(b"".join(head))
        self._connection.done(self)

    def start(self, status: int, headers: Headers = ()) -> None:
        """Begin an answer of unknown length."""
        head = self._head(status, headers)
        self._chunked = True
        head.append(b"transfer-encoding: chunked\r\n\r\n")
        self._connection.send(b"".join(head))

    def write(self, chunk: bytes) -> None:
        """Send a piece of a started answer."""
        if chunk:
            self._connection.send(b"%x\r\n%b\r\n" % (len(chunk), chunk))

    def finish(self) -> None:
        """End a started answer."""
        self._answered = True
        self._connection.send(b"0\r\n\r\n")
        self._connection.done(self)

    def _head(self, status: int, headers: Headers) -> list[bytes]:
        if self._answered or self._chunked:
            raise RuntimeError("an exchange is answered once")
        lines = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        lines.extend(f"{name}: {value}\r\n".encode("latin-1", "replace") for name, value in headers)
        if not self._keep_alive:
            lines.append(b"connection: close\r\n")
        return lines


Handler = Callable[[Exchange], None]
"""Called once per request, in order per connection; must not block. An exception is answered with 500."""

SinkFor = Callable[[Exchange], "Sink | None"]
"""Asked once the headers are in: a sink receives the body as it arrives, then `b""` at its end; None collects it."""


class HttpServer:
    """Listens on one loopback address. `open`, then `close`; both may be called once."""

    def __init__(self, handler: Handler, *, max_body: int = MAX_BODY, sink_for: SinkFor | None = None) -> None:
        self.handler = handler
        self.max_body = max_body
        self.sink_for = sink_for
        self.port = 0
        self.connections: set[_Connection] = set()
        self._server: asyncio.Server | None = None
        self._idle = asyncio.Event()

    async def open(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Start listening; port 0 takes a free one. Returns the port. Raises PortInUse."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(lambda: _Connection(self), host, port, backlog=1024)
        except OSError as error:
            raise PortInUse(f"Port {port} on {host} cannot be used: {error.strerror or error}.") from error
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def adopt(self, sock: socket.socket) -> None:
        """Serve a connection that is there already, such as one end of a pair of sockets."""
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: _Connection(self), sock)

    def drop(self) -> None:
        """Cut every connection; new ones are welcome."""
        for connection in list(self.connections):
            connection.abort()

    def stop_accepting(self) -> None:
        """Take no new connections and no new requests; what was begun may finish."""
        if self._server is not None:
            self._server.close()
        for connection in list(self.connections):
            connection.retire()

    async def close(self, grace_s: float = 0.0) -> None:
        """Stop accepting, give exchanges in flight `grace_s` seconds, then cut what is left."""
        self.stop_accepting()
        self._idle.clear()
        if self.connections and grace_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._idle.wait(), grace_s)
        for connection in list(self.connections):
            connection.abort()
        if self._server is not None:
            await self._server.wait_closed()

    def forget(self, connection: _Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._idle.set()


class _Connection(asyncio.Protocol):
    """Parses requests off one connection and hands them over one at a time, in order."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.transport: asyncio.Transport | None = None
        self.parser = httptools.HttpRequestParser(self)
        self.incoming: Exchange | None = None
        self.current: Exchange | None = None
        self.waiting: deque[Exchange] = deque()
        self.body: list[bytes] = []
        self.body_size = 0
        self.head_size = 0
        self.in_head = True
        self.retiring = False

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.server.forget(self)
        for exchange in (self.current, *self.waiting):
            if exchange is not None and not exchange.answered and exchange.on_lost is not None:
                exchange.on_lost()
        if self.incoming is not None and self.incoming.on_lost is not None:
            self.incoming.on_lost()
        self.waiting.clear()

    def data_received(self, data: bytes) -> None:
        if self.in_head:
            self.head_size += len(data)
            if self.head_size > MAX_HEAD + self.server.max_body:
                self._refuse(431)
                return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._refuse(501)
        except httptools.HttpParserError:
            self._refuse(400)

    def eof_received(self) -> bool:
        return False

    # httptools' side

    def on_message_begin(self) -> None:
        self.incoming = Exchange(self)
        self.body = []
        self.body_size = 0
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        assert self.incoming is not None
        self.incoming.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        assert self.incoming is not None
        headers = self.incoming.headers if self.in_head else self.incoming.trailers
        headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        exchange = self.incoming
        assert exchange is not None
        self.in_head = False
        self.head_size = 0
        exchange.method = self.parser.get_method().decode("latin-1")
        exchange._keep_alive = self.parser.should_keep_alive()
        if self.server.sink_for is not None:
            exchange.sink = self.server.sink_for(exchange)
        if exchange.headers.get("expect", "").lower() == "100-continue" and self.current is None:
            self.send(CONTINUE)

    def on_body(self, body: bytes) -> None:
        exchange = self.incoming
        if exchange is None:  # refused already
            return
        self.body_size += len(body)
        if self.body_size > self.server.max_body:
            self._refuse(413)
        elif exchange.sink is not None:
            exchange.sink(body)
        else:
            self.body.append(body)

    def on_message_complete(self) -> None:
        exchange = self.incoming
        self.incoming = None
        self.in_head = True
        if exchange is None or self.retiring:
            return
        if exchange.sink is not None:
            exchange.sink(b"")
        exchange.body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        if self.current is None:
            self._handle(exchange)
            return
        self.waiting.append(exchange)
        if len(self.waiting) >= MAX_PIPELINED and self.transport is not None:
            self.transport.pause_reading()

    # ours

    def _handle(self, exchange: Exchange) -> None:
        self.current = exchange
        try:
            self.server.handler(exchange)
        except Exception:
            log.exception("A request failed: %s %s", exchange.method, exchange.path)
            if not exchange.answered:
                exchange.respond(500)

    def send(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def done(self, exchange: Exchange) -> None:
        """The answer of the current exchange is complete: go on with the next."""
        self.current = None
        if not exchange._keep_alive or (self.retiring and not self.waiting):
            self._close()
        elif self.waiting:
            following = self.waiting.popleft()
            if self.transport is not None:
                self.transport.resume_reading()
            # Not from here: a long pipeline answered at once would recurse.
            asyncio.get_running_loop().call_soon(self._handle, following)
            self.current = following

    def retire(self) -> None:
        """Close once what was begun is answered."""
        self.retiring = True
        if self.current is None and not self.waiting:
            self._close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _refuse(self, status: int) -> None:
        if self.current is None:
            self.send(STATUS_LINES[status] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        self.incoming = None
        self._close()

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()
