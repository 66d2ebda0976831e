"""One HTTP request, and the means to answer it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Protocol

LARGE = 64 * 1024  # a body from here on is sent without being copied behind its head

STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}\r\n".encode() for status in HTTPStatus}

Headers = Sequence[tuple[str, str]]
Sink = Callable[[bytes], None]


class Transport(Protocol):
    def get_write_buffer_size(self) -> int: ...


class Line(Protocol):
    """The connection that a request came by."""

    retiring: bool

    @property
    def transport(self) -> Transport | None: ...

    def send(self, data: bytes) -> None: ...

    def done(self, exchange: Exchange) -> None:
        """The answer is complete."""

    def abort(self) -> None: ...

    async def drained(self) -> None: ...


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
        "_old",
        "body",
        "date",
        "half_open",
        "headers",
        "keep_alive",
        "method",
        "on_lost",
        "sink",
        "target",
        "trailers",
    )

    def __init__(self, connection: Line) -> None:
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
        self.keep_alive = True
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
    def transport(self) -> Transport | None:
        """None once the client is gone: what is written goes nowhere."""
        return self._connection.transport

    @property
    def lost(self) -> bool:
        """True once the client is gone."""
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
            self.keep_alive = False
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
        if not self.keep_alive or self._connection.retiring:
            lines.append(b"connection: close\r\n")
        return lines
