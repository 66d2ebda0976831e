"""A connection whose two directions are pipes.

Between processes that hand each other small messages a pipe costs half of what a UNIX socket does. And over a single
pair of sockets, who waits to read is woken in vain whenever the other side has read what it wrote: the kernel tells it
that there is room again.
"""

from __future__ import annotations

import asyncio
import os
from io import FileIO
from typing import Protocol


def pipe() -> tuple[FileIO, FileIO]:
    """The end to read from and the end to write to."""
    reading, writing = os.pipe()
    return FileIO(reading, "rb"), FileIO(writing, "wb")


class Congestible(Protocol):
    """Who is told how fast the other side reads."""

    def pause_writing(self) -> None: ...

    def resume_writing(self) -> None: ...


class Outgoing(asyncio.Protocol):
    """The direction in which nothing is read. That it is lost shows in the other direction."""

    def __init__(self, connection: Congestible) -> None:
        self._connection = connection

    def pause_writing(self) -> None:
        self._connection.pause_writing()

    def resume_writing(self) -> None:
        self._connection.resume_writing()


class Duplex:
    """Both directions as one transport."""

    def __init__(self, incoming: asyncio.ReadTransport, outgoing: asyncio.WriteTransport) -> None:
        self._incoming, self._outgoing = incoming, outgoing
        self.get_extra_info = incoming.get_extra_info
        self.pause_reading = incoming.pause_reading
        self.resume_reading = incoming.resume_reading
        self.write = outgoing.write
        self.can_write_eof = outgoing.can_write_eof
        self.write_eof = outgoing.write_eof
        self.get_write_buffer_size = outgoing.get_write_buffer_size

    def close(self) -> None:
        self._outgoing.close()
        self._incoming.close()

    def abort(self) -> None:
        self._outgoing.abort()
        self._incoming.close()
