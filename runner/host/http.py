"""A small HTTP/1.1 server on asyncio and httptools: the endpoint and every Runtime API are served by it.

It exists because the path of an invocation is measured in tens of microseconds: a request is handed over as one
`Exchange` by a plain call, and may be answered at once, later, or piece by piece, without a task of its own.

What a client may do: pipeline, send chunks and trailers, ask before it sends (`Expect`), close its sending side while
it waits, ask for an upgrade (which is not taken), send an absolute target as to a proxy. What it may not do is make
this process hold more than `max_body` and a head of `MAX_HEAD` for each request.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections import deque
from collections.abc import Callable
from io import FileIO
from typing import cast

import httptools

from runner.host.duplex import Duplex, Outgoing
from runner.host.exchange import STATUS_LINES, Exchange, Sink
from runner.model.errors import PortInUse

log = logging.getLogger(__name__)

MAX_BODY = 80 * 1024 * 1024  # a zipped function of 50 MB, base64-encoded in JSON, and some room
MAX_HEAD = 1024 * 1024  # request line and headers, as Lambda limits them
UPGRADE_HEADERS = frozenset(("connection", "upgrade", "http2-settings", "expect"))
MAX_PIPELINED = 64  # requests waiting on one connection before reading pauses
MAX_WAITING = 1024 * 1024  # bytes of their bodies, likewise
LINGER_S = 5.0  # a refused client may go on sending for so long, so that it gets to read why

CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

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
        self.shortcut: ShortcutFor | None = None  # of connections to come
        self.answered: Callable[[], None] | None = None  # told after every answer
        self.port = 0
        self.connections: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._idle = asyncio.Event()

    async def open(self, port: int = 0, host: str = "127.0.0.1") -> int:
        """Start listening; port 0 takes a free one. Returns the port. Raises PortInUse."""
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._accepted, host, port, backlog=1024)
        except OSError as error:
            raise PortInUse(f"Port {port} on {host} cannot be used: {error.strerror or error}.") from error
        self.port = int(self._server.sockets[0].getsockname()[1])
        return self.port

    async def adopt(self, incoming: FileIO, outgoing: FileIO, shortcut: ShortcutFor | None = None) -> None:
        """Serve a connection that is there already: what is read of one pipe is answered on the other."""
        connection = Connection(self)
        loop = asyncio.get_running_loop()
        connection.outgoing, _ = await loop.connect_write_pipe(lambda: Outgoing(connection), outgoing)
        await loop.connect_read_pipe(lambda: shortcut(connection) if shortcut else connection, incoming)

    def _accepted(self) -> asyncio.Protocol:
        connection = Connection(self)
        return connection if self.shortcut is None else self.shortcut(connection)

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

    def forget(self, connection: Connection) -> None:
        self.connections.discard(connection)
        if not self.connections:
            self._idle.set()


class Connection(asyncio.Protocol):
    """Parses requests off one connection and hands them over one at a time, in order."""

    def __init__(self, server: HttpServer) -> None:
        self.server = server
        self.transport: asyncio.Transport | None = None
        self.outgoing: asyncio.WriteTransport | None = None  # where it is not the same
        self.parser = httptools.HttpRequestParser(self)
        self.incoming: Exchange | None = None
        self.current: Exchange | Shortcut | None = None
        self.waiting: deque[Exchange] = deque()
        self.waiting_size = 0
        self.body: list[bytes] = []
        self.body_size = 0
        self.head_size = 0
        self.in_head = True
        self.retiring = False
        self.ended = False
        self.scheduled = False
        self.refusal = 0
        self.declined: Exchange | None = None
        self.lingering: asyncio.TimerHandle | None = None
        self.congested: asyncio.Future[None] | None = None

    @property
    def at_rest(self) -> bool:
        """True between requests: nothing was begun that is not answered. (What waits, waits behind a current one.)"""
        return self.current is None and self.incoming is None and not self.refusal

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases
        if self.outgoing is not None:
            self.transport = cast(asyncio.Transport, Duplex(self.transport, self.outgoing))
        sock = transport.get_extra_info("socket")
        if sock is not None and sock.family in (socket.AF_INET, socket.AF_INET6):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        if self.lingering is not None:
            self.lingering.cancel()
        self.resume_writing()
        self.server.forget(self)
        pending: list[Exchange | Shortcut | None] = [self.current, *self.waiting, self.incoming]
        self.waiting.clear()
        for exchange in pending:
            if exchange is not None and not exchange.answered and exchange.on_lost is not None:
                exchange.on_lost()

    def pause_writing(self) -> None:
        if self.congested is None:
            self.congested = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        if self.congested is not None and not self.congested.done():
            self.congested.set_result(None)
        self.congested = None

    async def drained(self) -> None:
        if self.congested is not None:
            await asyncio.shield(self.congested)

    def data_received(self, data: bytes) -> None:
        if self.refusal:
            return
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._go_on_without_upgrade(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._refuse(400)
        if self.in_head:
            self.head_size += len(data)
            if self.head_size > MAX_HEAD:
                self._refuse(431)

    def eof_received(self) -> bool:
        """The client sends no more; who still waits for an answer gets it if the exchange allows it."""
        if self.refusal or self.current is None:
            return False
        self.retiring = self.ended = True
        return self.scheduled or self.current.half_open

    # httptools' side

    def on_message_begin(self) -> None:
        if self.refusal:
            return
        self.incoming = Exchange(self)
        self.body = []
        self.body_size = 0
        self.head_size = 0
        self.in_head = True

    def on_url(self, url: bytes) -> None:
        if self.incoming is not None:
            self.incoming.target += url.decode("latin-1")

    def on_header(self, name: bytes, value: bytes) -> None:
        exchange = self.incoming
        if exchange is not None:
            headers = exchange.headers if self.in_head else exchange.trailers
            headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        exchange = self.incoming
        if exchange is None:
            return
        self.in_head = False
        exchange.method = self.parser.get_method().decode("latin-1")
        exchange.keep_alive = self.parser.should_keep_alive()
        exchange._old = self.parser.get_http_version() == "1.0"
        if not exchange.target.startswith("/"):
            exchange.target = _origin_form(exchange.target)
        length = exchange.headers.get("content-length", "")
        if length.isdecimal() and int(length) > self.server.max_body:
            self._refuse(413)
            return
        if self.server.sink_for is not None:
            exchange.sink = self.server.sink_for(exchange)
        expects = exchange.headers.get("expect", "").lower() == "100-continue"
        if expects and self.current is None and not exchange._old:
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
        if self.parser.should_upgrade() and exchange.method != "CONNECT":
            self.declined = exchange
            return
        if exchange.sink is not None:
            exchange.sink(b"")
        exchange.body = self.body[0] if len(self.body) == 1 else b"".join(self.body)
        self.body = []
        if self.current is None:
            self._handle(exchange)
            return
        self.waiting.append(exchange)
        self.waiting_size += len(exchange.body)
        if self.transport is not None and (len(self.waiting) >= MAX_PIPELINED or self.waiting_size > MAX_WAITING):
            self.transport.pause_reading()

    # ours

    def _handle(self, exchange: Exchange) -> None:
        self.current, self.scheduled = exchange, False
        if self.transport is None:  # the client went away while this one waited
            return
        try:
            self.server.handler(exchange)
        except Exception:
            log.exception("A request failed: %s %s", exchange.method, exchange.path)
            if exchange._chunked and not exchange.answered:
                self.abort()  # what was begun cannot become an error any more
            elif not exchange.answered:
                exchange.respond(500)
        if self.ended and not exchange.answered and not exchange.half_open:
            self._close()

    def send(self, data: bytes) -> None:
        if self.transport is not None:
            self.transport.write(data)

    def done(self, exchange: Exchange | Shortcut) -> None:
        """The answer of the current exchange is complete: go on with the next."""
        self.current = None
        if self.server.answered is not None:
            self.server.answered()
        if not exchange.keep_alive:
            self._close()
        elif self.waiting:
            following = self.waiting.popleft()
            self.waiting_size -= len(following.body)
            if self.transport is not None and not self.refusal:
                self.transport.resume_reading()
            # Not from here: a long pipeline answered at once would recurse.
            asyncio.get_running_loop().call_soon(self._handle, following)
            self.current, self.scheduled = following, True
        elif self.refusal:
            self._say_refused()
        elif self.retiring:
            self._close()

    def retire(self) -> None:
        """Close once what was begun is answered."""
        self.retiring = True
        if self.current is None and not self.waiting:
            self._close()

    def abort(self) -> None:
        if self.transport is not None:
            self.transport.abort()

    def _go_on_without_upgrade(self, rest: bytes) -> None:
        """An upgrade that is not taken is an ordinary request, but the parser has stopped behind its head.

        So it is read again, without what asked for the upgrade, and with what follows.
        """
        exchange, self.declined = self.declined, None
        if exchange is None:
            self._refuse(501)
            return
        kept = [(name, value) for name, value in exchange.headers.items() if name not in UPGRADE_HEADERS]
        lines = [f"{exchange.method} {exchange.target} HTTP/1.1", *(f"{name}: {value}" for name, value in kept), "", ""]
        self.parser = httptools.HttpRequestParser(self)
        self.data_received("\r\n".join(lines).encode("latin-1") + rest)

    def _refuse(self, status: int) -> None:
        """No more requests from this client; what came before is answered first."""
        if self.refusal:
            return
        self.refusal = status
        incoming, self.incoming = self.incoming, None
        self.body = []
        if incoming is not None and incoming.on_lost is not None:
            incoming.on_lost()
        if self.current is None:
            self._say_refused()

    def _say_refused(self) -> None:
        """Closing with unread data would reset the connection, and the answer with it: read on for a while."""
        self.send(STATUS_LINES[self.refusal] + b"connection: close\r\ncontent-length: 0\r\n\r\n")
        if self.transport is None:
            return
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.transport.resume_reading()
        self.lingering = asyncio.get_running_loop().call_later(LINGER_S, self.abort)

    def _close(self) -> None:
        if self.transport is not None:
            self.transport.close()


def _origin_form(target: str) -> str:
    """The path and query of an absolute target, as a client sends it to a proxy; `/` if it has none."""
    _, scheme, rest = target.partition("://")
    if not scheme:
        return target
    slash = rest.find("/")
    return rest[slash:] if slash >= 0 else "/"


class Shortcut(asyncio.Protocol):
    """Sees the bytes of a connection first, and passes on what it does not deal with: whole requests at a time.

    What it takes it takes while the connection is at rest, by making itself its current exchange; it writes its answer
    to `transport` (None once the client is gone), and tells the connection.
    """

    answered = False
    half_open = True
    keep_alive = True
    on_lost: Callable[[], None] | None = None

    def __init__(self, inner: Connection) -> None:
        self.inner = inner
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.inner.connection_made(transport)
        self.transport = self.inner.transport

    def connection_lost(self, exc: Exception | None) -> None:
        self.transport = None
        self.inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self.inner.data_received(data)

    def eof_received(self) -> bool:
        return self.inner.eof_received()

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()


ShortcutFor = Callable[[Connection], Shortcut]
