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
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import cast

import httptools

from runner.model.errors import PortInUse

log = logging.getLogger(__name__)

MAX_BODY = 80 * 1024 * 1024  # a zipped function of 50 MB, base64-encoded in JSON, and some room
MAX_HEAD = 1024 * 1024  # request line and headers, as Lambda limits them
UPGRADE_HEADERS = frozenset(("connection", "upgrade", "http2-settings", "expect"))
MAX_PIPELINED = 64  # requests waiting on one connection before reading pauses
MAX_WAITING = 1024 * 1024  # bytes of their bodies, likewise
LARGE = 64 * 1024  # a body from here on is sent without being copied behind its head
LINGER_S = 5.0  # a refused client may go on sending for so long, so that it gets to read why

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"

Headers = Sequence[tuple[str, str]]
Sink = Callable[[bytes], None]


class Exchange:
    """One request and the means to answer it, exactly once: `respond`, or `start`, `write` ..., `finish`.

    `target` is the request target as sent; `headers` have lower-case names, the last of equal names wins. `body` is
    complete by the time the handler is called, unless a sink took it. `on_lost` is called if the client goes away
    before the answer is complete. With `half_open` set, a client that only closed its sending side is still answered.
    `date` is the header of that name, as a whole line; who wants one sets it.
    """

    __slots__ = (
        "_answered",
        "_chunked",
        "_connection",
        "_keep_alive",
        "_old",
        "body",
        "date",
        "half_open",
        "headers",
        "method",
        "on_lost",
        "sink",
        "target",
        "trailers",
    )

    def __init__(self, connection: _Connection) -> None:
        self.method = ""
        self.date = b""
        self.target = ""
        self.headers: dict[str, str] = {}
        self.trailers: dict[str, str] = {}
        self.body = b""
        self.sink: Sink | None = None
        self.on_lost: Callable[[], None] | None = None
        self._connection = connection
        self.half_open = False
        self._keep_alive = True
        self._old = False
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

    @property
    def backlog(self) -> int:
        """Bytes written that the client has not taken yet; what streams much looks at it and awaits `drained`."""
        transport = self._connection.transport
        return 0 if transport is None else transport.get_write_buffer_size()

    async def drained(self) -> None:
        """Until the client has taken most of what was written, or is gone."""
        await self._connection.drained()

    def drop(self) -> None:
        """Cut the connection instead of answering."""
        self._connection.abort()

    def respond(self, status: int, headers: Headers = (), body: bytes = b"") -> None:
        """Answer whole."""
        head = self._head(status, headers)
        if status not in (204, 304):
            head.append(b"content-length: %d\r\n" % len(body))
        else:
            body = b""
        head.append(b"\r\n")
        self._answered = True
        if self.method == "HEAD":
            body = b""
        if len(body) < LARGE:
            head.append(body)
        self._connection.send(b"".join(head))
        if len(body) >= LARGE:
            self._connection.send(body)
        self._connection.done(self)

    def start(self, status: int, headers: Headers = ()) -> None:
        """Begin an answer of unknown length: in chunks, or for HTTP/1.0 up to the connection's end."""
        if self._old:
            self._keep_alive = False
        head = self._head(status, headers)
        self._chunked = True
        head.append(b"\r\n" if self._old else b"transfer-encoding: chunked\r\n\r\n")
        self._connection.send(b"".join(head))

    def write(self, chunk: bytes) -> None:
        """Send a piece of a started answer."""
        if not self._chunked or self._answered:
            raise RuntimeError("only a started answer has pieces")
        if chunk:
            self._connection.send(chunk if self._old else b"%x\r\n%b\r\n" % (len(chunk), chunk))

    def finish(self) -> None:
        """End a started answer."""
        if not self._chunked or self._answered:
            raise RuntimeError("only a started answer ends, and once")
        self._answered = True
        if not self._old:
            self._connection.send(b"0\r\n\r\n")
        self._connection.done(self)

    def _head(self, status: int, headers: Headers) -> list[bytes]:
        if self._answered or self._chunked:
            raise RuntimeError("an exchange is answered once")
        lines = [STATUS_LINES.get(status) or b"HTTP/1.1 %d \r\n" % status]
        text = "".join([f"{name}: {value}\r\n" for name, value in headers])
        if text.count("\n") != len(headers) or text.count("\r") != len(headers):
            # A value is data: it must not make headers of its own.
            text = "".join([f"{name}: {' '.join(value.split())}\r\n" for name, value in headers])
        lines.append(text.encode("latin-1", "replace"))
        if self.date:
            lines.append(self.date)
        if not self._keep_alive or self._connection.retiring:
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

    async def adopt(self, sock: socket.socket, around: Callable[[_Connection], asyncio.Protocol] | None = None) -> None:
        """Serve a connection that is there already, such as one end of a pair of sockets.

        `around` makes a protocol that gets all of the connection's events first, and passes on what it does not deal
        with itself: to the connection it is given, whole requests at a time (`at_rest`).
        """
        connection = _Connection(self)
        loop = asyncio.get_running_loop()
        await loop.connect_accepted_socket(lambda: around(connection) if around else connection, sock)

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
        """True between requests: nothing was begun that is not answered."""
        return self.current is None and self.incoming is None and not self.waiting

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases
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
        pending = [self.current, *self.waiting, self.incoming]
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
        exchange._keep_alive = self.parser.should_keep_alive()
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

    def done(self, exchange: Exchange) -> None:
        """The answer of the current exchange is complete: go on with the next."""
        self.current = None
        if not exchange._keep_alive:
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
