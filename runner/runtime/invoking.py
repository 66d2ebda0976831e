"""What it takes to invoke a function, and what comes of it: the seam between those who call and those who execute."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import NamedTuple, Protocol


class Call(NamedTuple):
    """One attempt at an invocation.

    `qualifier` as the caller gave it (None: unqualified), for the ARN in the context. `client_context` is JSON text,
    already decoded. `trace` is the X-Ray header with its lineage. `tail`: the answer carries the end of the log.
    `stream` receives pieces of a streamed response as they come; the answer's payload is then empty. `synchronous`:
    the caller waits, which is what limits of calls a second hold for.
    """

    function: str
    qualifier: str | None
    payload: bytes
    request_id: str
    client_context: str | None = None
    trace: str | None = None
    tail: bool = False
    stream: Callable[[bytes], None] | None = None
    synchronous: bool = False


NO_CALL = Call("", None, b"", "")


class Answer(NamedTuple):
    """What an invocation came to. `function_error` is the header's value (`Unhandled`), None on success.

    `error_type` is the payload's (`Sandbox.Timedout`, `ValueError`, ...), empty on success. `log_tail` is the last
    4 KB of this invocation's log, where it was asked for.
    """

    payload: bytes
    version: str
    function_error: str | None = None
    error_type: str = ""
    log_tail: bytes = b""
    content_type: str = "application/json"


class Invoker(Protocol):
    """Runs functions. The future raises ApiError: ResourceNotFoundException, TooManyRequestsException with its
    `Reason` among the members (a throttle), ServiceException, ... exactly as the Invoke API answers."""

    def invoke(self, call: Call) -> asyncio.Future[Answer]: ...


Done = Callable[[Answer | Exception], None]
"""Told once what an invocation came to; an exception is what the Invoker's future would raise."""


class DirectInvoker(Protocol):
    """The same without a future between: `done` is called as soon as the answer is there, perhaps at once."""

    def begin(self, call: Call, done: Done) -> None: ...


class Asynchronous(Protocol):
    """Accepts invocations to be made later."""

    async def accept(
        self, function: str, qualifier: str | None, payload: bytes, *, request_id: str, trace: str | None = None
    ) -> None:
        """Returns once the invocation is durable; handing in the same `request_id` twice is harmless.

        Raises ApiError if there is no such function or qualifier.
        """
        ...
