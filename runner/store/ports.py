"""What the runtime asks of durable state: records, queues, logs. Three narrow ports, nothing else.

Rules that keep a second implementation possible (a distributed engine such as NATS JetStream): every verb is atomic
on its own and touches one key, one queue or one log (or one batch within it); there is no transaction across verbs;
a body is bytes and never changes; `now` comes from the caller. A caller that needs two writes orders them so that
stopping in between is harmless, and repeats them under the same id.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

REMEMBER_S = 3600.0  # how long an accepted message id is refused again; longer than any lease of our own loops


@dataclass(frozen=True, slots=True)
class Record:
    key: str
    value: bytes
    revision: int


@dataclass(frozen=True, slots=True)
class Message:
    """One message to send. A `group` (empty: none) is a line: none of it is leased while an earlier one is held.

    An earlier one that is given back is leased again even while later ones are still held, as on SQS.
    """

    id: str
    body: bytes
    visible_at: float
    group: str = ""


@dataclass(frozen=True, slots=True)
class Lease:
    """One message, ours until `until`. `deliveries` counts this one too; times are epoch seconds.

    `receipt` names this very lease; it stops working when the message is leased again.
    """

    queue: str
    id: str
    body: bytes
    deliveries: int
    sent_at: float
    first_leased_at: float
    until: float
    receipt: str
    sequence: int
    group: str = ""


@dataclass(frozen=True, slots=True)
class Depth:
    """How many messages a queue holds at a moment."""

    visible: int
    leased: int
    delayed: int


@dataclass(frozen=True, slots=True)
class Entry:
    sequence: int
    body: bytes
    at: float


class Records(Protocol):
    """Named documents with a revision."""

    async def get(self, key: str) -> Record | None: ...

    async def scan(self, prefix: str) -> Sequence[Record]: ...

    async def put(self, key: str, value: bytes, *, expected: int) -> int:
        """Write if the stored revision is `expected` (0: must not exist); return the new one. Raises Conflict."""
        ...

    async def delete(self, key: str, *, expected: int) -> None:
        """Raises Conflict."""
        ...


class Queues(Protocol):
    """Messages, each handed to one holder at a time, at least once. A queue exists by being used."""

    async def send(self, queue: str, messages: Sequence[Message], *, now: float) -> Sequence[bool]:
        """Accept messages, all in one commit. False for each id already accepted within REMEMBER_S: it is not sent."""
        ...

    async def lease(self, queue: str, *, limit: int, now: float, until: float, wait_s: float = 0.0) -> Sequence[Lease]:
        """Take up to `limit` visible messages, oldest first; wait up to `wait_s` real seconds for the first.

        Woken by a send, by a release and by the moment a message becomes visible; never polls.
        """
        ...

    async def ack(self, queue: str, receipts: Sequence[str]) -> Sequence[bool]:
        """Finish messages. False for each lease that was lost (finished, or leased again meanwhile)."""
        ...

    async def release(self, queue: str, receipt: str, *, visible_at: float) -> bool:
        """Give the message back, to be seen again at `visible_at`. False: the lease was lost."""
        ...

    async def extend(self, queue: str, receipt: str, *, until: float) -> bool:
        """Keep the message until `until`. False: the lease was lost."""
        ...

    async def depth(self, queue: str, *, now: float) -> Depth: ...

    async def purge(self, queue: str, *, before: float | None = None) -> int:
        """Drop every message, or those sent before `before`; returns how many."""
        ...

    async def queues(self, prefix: str) -> Sequence[str]:
        """Names of the queues that hold messages."""
        ...


class Logs(Protocol):
    """Append-only, replayable sequences. Readers keep their own place."""

    async def append(
        self, log: str, bodies: Sequence[tuple[float, bytes]], *, counts: Sequence[int] | None = None
    ) -> int:
        """Append entries `(at, body)` in one commit; returns the last sequence. Sequences count from 1.

        An entry that holds many things takes as many sequences, which `counts` says; the last of them is its own.
        """
        ...

    async def read(self, log: str, *, after: int, limit: int, newest: bool = False) -> Sequence[Entry]:
        """Entries after a sequence, oldest first; `newest`: the last `limit` entries instead."""
        ...

    async def trim(self, log: str, *, before: float) -> None: ...

    async def last(self, log: str) -> int: ...

    async def logs(self, prefix: str) -> Sequence[str]: ...
