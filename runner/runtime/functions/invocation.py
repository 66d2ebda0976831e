"""One invocation on its way through an environment."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from runner.core.pool_admission import Share
from runner.runtime.invoking import Answer, Call


@dataclass(slots=True, eq=False)
class Invocation:
    """`arn` is the function's as it was invoked. `share` says what its admission counts against.

    `began` and `deadline` are readings of the monotonic clock, set when an environment takes it.
    """

    call: Call
    arn: str
    future: asyncio.Future[Answer]
    share: Share = Share.ACCOUNT
    began: float = 0.0
    deadline: float = 0.0
    init_ms: float | None = None
    streamed: bool = False

    @property
    def request_id(self) -> str:
        return self.call.request_id

    def finish(self, answer: Answer) -> None:
        """Give the caller the answer; a caller that is gone does not matter."""
        if not self.future.done():
            self.future.set_result(answer)

    def fail(self, error: Exception) -> None:
        if not self.future.done():
            self.future.set_exception(error)
