"""One invocation on its way through an environment."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from runner.core.pool_admission import Share
from runner.runtime.invoking import Answer, Call, Done

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Invocation:
    """`arn` is the function's as it was invoked. `share` says what its admission counts against.

    `began` is a reading of the monotonic clock, `deadline_ms` is epoch milliseconds; both are set when an environment
    takes it.
    """

    call: Call
    arn: str
    done: Done
    share: Share = Share.ACCOUNT
    began: float = 0.0
    deadline_ms: int = 0

    def finish(self, outcome: Answer | Exception) -> None:
        """Tell the caller, once; what goes wrong for it does not touch the environment."""
        try:
            self.done(outcome)
        except Exception:
            log.exception("An answer of %s was lost.", self.call.function, extra={"action": "answer_lost"})
