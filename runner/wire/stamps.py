"""What every answer of the endpoint carries: a request id and the date."""

from __future__ import annotations

import random
from email.utils import formatdate

from runner.host.clock import Clock


def new_request_id() -> str:
    """A random UUID, as AWS gives every request."""
    return request_id(random.randbytes(16).hex())


def request_id(digits: str) -> str:
    """The same of 32 hexadecimal digits."""
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


class Date:
    """The header `Date`, by which SDKs notice that their clock is wrong; made once a second."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._second = 0
        self._line = b""

    def line(self) -> bytes:
        second = int(self._clock.wall())
        if second != self._second:
            self._second, self._line = second, b"date: %b\r\n" % formatdate(second, usegmt=True).encode()
        return self._line
