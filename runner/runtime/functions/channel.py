"""The short way for our own runtimes: one request and one answer per invocation, in a form that is known beforehand.

What comes in that form is understood without a parser; everything else on the connection is left to the HTTP server
behind it, in the same order.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Protocol, cast

from runner.runtime.functions.runtime_api import Event, RuntimeApi

FORM = re.compile(
    rb"POST /2018-06-01/runtime/invocation/([^/ ]+)/response HTTP/1\.1\r\nHost: runtime\r\nRunner-Next: 1\r\n"
    rb"Content-Type: ([^\r]*)\r\nContent-Length: (\d+)\r\n\r\n"
)
JSON = b"application/json"


class Inner(Protocol):
    """The HTTP server's side of the connection."""

    @property
    def at_rest(self) -> bool: ...

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def connection_lost(self, exc: Exception | None) -> None: ...

    def data_received(self, data: bytes) -> None: ...

    def eof_received(self) -> bool: ...

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Channel(asyncio.Protocol):
    """One connection of one of our own runtimes; `api` gives the Runtime API as it is now."""

    def __init__(self, inner: Inner, api: Callable[[], RuntimeApi]) -> None:
        self._inner = inner
        self._api = api
        self._transport: asyncio.Transport | None = None

    # asyncio's side

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one in all but its bases
        self._inner.connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._inner.connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        found = FORM.match(data)
        if found is not None and self._inner.at_rest:
            request_id, content_type, size = found.groups()
            start = found.end()
            if len(data) - start == int(size):
                kind = "application/json" if content_type == JSON else content_type.decode("latin-1")
                if self._api().answer_and_ask(request_id.decode("latin-1"), kind, data[start:], self):
                    return
        self._inner.data_received(data)

    def eof_received(self) -> bool:
        return self._inner.eof_received()

    def pause_writing(self) -> None:
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        self._inner.resume_writing()

    # the Runtime API's side

    @property
    def lost(self) -> bool:
        return self._transport is None

    def deliver(self, event: Event) -> None:
        if self._transport is not None:
            self._transport.write(event.head() + event.body)
