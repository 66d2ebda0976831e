"""An attempt at an asynchronous invocation that is still to come, and its form in the store.

The form is a line of JSON, then the payload, then the payload of the last answer: payloads stay the bytes they were.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace

from runner.core.records import Response


@dataclass(frozen=True, slots=True)
class Attempt:
    """`attempts` were made before this one, all function errors; `response` is what the last of them came to.

    `accepted_at` is epoch seconds; `qualifier` as the caller gave it; `trace` the header the invocation was caused
    under, which retries do not change.
    """

    request_id: str
    qualifier: str | None
    payload: bytes
    accepted_at: float
    trace: str | None = None
    attempts: int = 0
    response: Response | None = None

    @property
    def message_id(self) -> str:
        """Derived: making the same attempt again gives the same id."""
        return f"{self.request_id}/{self.attempts}" if self.attempts else self.request_id

    def following(self, response: Response) -> Attempt:
        """The attempt after this one ended in a function error."""
        return replace(self, attempts=self.attempts + 1, response=response)


def encode(attempt: Attempt) -> bytes:
    head: dict[str, object] = {
        "request": attempt.request_id,
        "qualifier": attempt.qualifier,
        "accepted_at": attempt.accepted_at,
        "size": len(attempt.payload),
    }
    if attempt.trace:
        head["trace"] = attempt.trace
    if attempt.response is None:
        return json.dumps(head).encode() + b"\n" + attempt.payload
    head |= {
        "attempts": attempt.attempts,
        "version": attempt.response.version,
        "function_error": attempt.response.function_error,
    }
    return json.dumps(head).encode() + b"\n" + attempt.payload + attempt.response.payload


def decode(body: bytes) -> Attempt:
    """Raises ValueError or KeyError if `body` is not what `encode` made."""
    line, _, rest = body.partition(b"\n")
    head = json.loads(line)
    size = head["size"]
    response = None
    if "version" in head:
        response = Response(head["version"], rest[size:], head["function_error"])
    return Attempt(
        head["request"],
        head["qualifier"],
        rest[:size],
        head["accepted_at"],
        head.get("trace"),
        head.get("attempts", 0),
        response,
    )
