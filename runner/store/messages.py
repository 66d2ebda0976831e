"""The queue verbs as SQL. Each function is one atomic piece of work inside the writer's transaction.

A message without a group is leased in the order in which messages become visible. A group is a line: its messages are
leased in the order of sending, none while an earlier one is held or not yet due. The table `groups` has one row for
each line, saying when its first message is due, so that many messages behind a held one cost nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from runner.store.memory import Memory
from runner.store.ports import Depth, Lease, Message

INLINE_BYTES = 3_000  # longer bodies are kept beside the message
BLOCK = 1_000  # sequences reserved by one write

INSERT = "INSERT INTO messages (sequence, queue, grp, visible_at, sent_at, id, body) VALUES (?, ?, ?, ?, ?, ?, ?)"
RESERVE = "UPDATE sequences SET given = given + ? RETURNING given"
TAKE = """UPDATE messages SET leased = 1, visible_at = ?1, deliveries = deliveries + 1,
    first_leased_at = coalesce(first_leased_at, ?2) WHERE sequence = ?3
    RETURNING id, coalesce(body, (SELECT body FROM bodies WHERE bodies.sequence = ?3)), deliveries, sent_at,
    first_leased_at, grp"""
DUE = """SELECT sequence FROM messages WHERE queue = ? AND grp = '' AND visible_at <= ?
    ORDER BY visible_at, sequence LIMIT ?"""
DUE_GROUPS = "SELECT grp FROM groups WHERE queue = ? AND visible_at <= ? ORDER BY visible_at, grp LIMIT ?"
IN_GROUP = (
    "SELECT sequence, visible_at FROM messages WHERE queue = ? AND grp = ? AND grp <> '' ORDER BY sequence LIMIT ?"
)
NEXT = """SELECT min(at) FROM (SELECT min(visible_at) AS at FROM messages WHERE queue = ?1 AND grp = ''
    UNION ALL SELECT min(visible_at) FROM groups WHERE queue = ?1)"""


@dataclass(frozen=True, slots=True)
class Taken:
    """What a lease found; `next_at` is when the next message becomes visible, where it found none."""

    leases: tuple[Lease, ...]
    next_at: float | None = None


class Messages:
    """The queues' tables. Remembers the numbers of queue names."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._next = self._block_end = 0
        self._memory = Memory()

    def forget(self) -> None:
        """After a rollback: numbers may have been given out that do not exist."""
        self._numbers.clear()
        self._next = self._block_end = 0
        self._memory.forget()

    def _sequence(self, db: sqlite3.Connection) -> int:
        """The next sequence. None comes twice, also after a restart: a receipt must never fit another message."""
        if self._next == self._block_end:
            (end,) = db.execute(RESERVE, (BLOCK,)).fetchone()
            self._next, self._block_end = end - BLOCK, end
        self._next += 1
        return self._next

    def _number(self, db: sqlite3.Connection, queue: str) -> int | None:
        number = self._numbers.get(queue)
        if number is None:
            row = db.execute("SELECT id FROM queues WHERE name = ?", (queue,)).fetchone()
            if row is None:
                return None
            number = self._numbers[queue] = row[0]
        return number

    def _new_number(self, db: sqlite3.Connection, queue: str) -> int:
        number = self._number(db, queue)
        if number is None:
            number = db.execute("INSERT INTO queues (name) VALUES (?)", (queue,)).lastrowid
            assert number is not None
            self._numbers[queue] = number
        return number

    def send(self, db: sqlite3.Connection, queue: str, messages: Sequence[Message], now: float) -> list[bool]:
        number = self._new_number(db, queue)
        self._memory.turn(db, now)
        return [self._send(db, number, message, now) for message in messages]

    def _send(self, db: sqlite3.Connection, number: int, message: Message, now: float) -> bool:
        if not self._memory.accept(db, number, message.id, now):
            return False
        beside = len(message.body) > INLINE_BYTES
        sequence = self._sequence(db)
        row = (sequence, number, message.group, message.visible_at, now, message.id, None if beside else message.body)
        db.execute(INSERT, row)
        if beside:
            db.execute("INSERT INTO bodies VALUES (?, ?)", (sequence, message.body))
        if message.group:  # the group's row stands if it has messages already: this one is behind them
            db.execute("INSERT OR IGNORE INTO groups VALUES (?, ?, ?)", (number, message.group, message.visible_at))
        return True

    def lease(self, db: sqlite3.Connection, queue: str, limit: int, now: float, until: float) -> Taken:
        number = self._number(db, queue)
        if number is None:
            return Taken(())
        sequences = [row[0] for row in db.execute(DUE, (number, now, limit)).fetchall()]
        leases = [_take(db, queue, sequence, now, until) for sequence in sequences]
        if len(leases) < limit:
            leases += _take_groups(db, queue, number, limit - len(leases), (now, until))
        if leases:
            return Taken(tuple(leases))
        return Taken((), db.execute(NEXT, (number,)).fetchone()[0])

    def ack(self, db: sqlite3.Connection, queue: str, receipts: Sequence[str]) -> tuple[list[bool], bool]:
        """Which were ours to finish; and whether one of them was in a group, whose next message may be due now."""
        number = self._number(db, queue)
        if number is None:
            return [False] * len(receipts), False
        groups = [_finish(db, number, receipt) for receipt in receipts]
        return [group is not None for group in groups], any(groups)

    def reschedule(self, db: sqlite3.Connection, queue: str, receipt: str, at: float, *, keep: bool) -> bool:
        """Move a lease's end (`keep`), or give it up and let the message be seen at `at`."""
        number, key = self._number(db, queue), _receipt(receipt)
        if number is None or key is None:
            return False
        row = db.execute(
            "UPDATE messages SET visible_at = ?, leased = ? WHERE sequence = ? AND queue = ? AND deliveries = ?"
            " AND leased = 1 RETURNING grp",
            (at, int(keep), key[0], number, key[1]),
        ).fetchone()
        if row is not None and row[0]:
            _settle_group(db, number, row[0])
        return row is not None

    def purge(self, db: sqlite3.Connection, queue: str, before: float | None) -> int:
        number = self._number(db, queue)
        if number is None:
            return 0
        where = "queue = ? AND sent_at < ?"
        values = (number, float("inf") if before is None else before)
        dropped = 0
        for kind in ("grp = ''", "grp <> ''"):
            db.execute(
                f"DELETE FROM bodies WHERE sequence IN (SELECT sequence FROM messages WHERE {where} AND {kind})", values
            )
            dropped += db.execute(f"DELETE FROM messages WHERE {where} AND {kind}", values).rowcount
        for (group,) in db.execute("SELECT grp FROM groups WHERE queue = ?", (number,)).fetchall():
            _settle_group(db, number, group)
        return dropped

    def names(self, db: sqlite3.Connection, prefix: str) -> list[str]:
        rows = db.execute(
            "SELECT name FROM queues WHERE substr(name, 1, ?) = ? AND ("
            "EXISTS (SELECT 1 FROM messages WHERE queue = queues.id AND grp = '')"
            " OR EXISTS (SELECT 1 FROM groups WHERE queue = queues.id)) ORDER BY name",
            (len(prefix), prefix),
        )
        return [name for (name,) in rows.fetchall()]

    def latest(self, db: sqlite3.Connection) -> float:
        (at,) = db.execute(
            "SELECT max(at) FROM (SELECT max(at) AS at FROM accepted_0 UNION ALL SELECT max(at) FROM accepted_1)"
        ).fetchone()
        return float(at or 0.0)

    def reclaim(self, db: sqlite3.Connection, prefix: str, now: float) -> list[str]:
        """Give every lease under `prefix` back; returns the queues that had any."""
        touched = []
        for queue in self.names(db, prefix):
            number = self._number(db, queue)
            rows = db.execute("SELECT sequence, grp FROM messages WHERE queue = ? AND leased = 1", (number,)).fetchall()
            for sequence, group in rows:
                db.execute("UPDATE messages SET leased = 0, visible_at = ? WHERE sequence = ?", (now, sequence))
                if group:
                    _settle_group(db, number or 0, group)
            if rows:
                touched.append(queue)
        return touched


def depth(db: sqlite3.Connection, queue: str, now: float) -> Depth:
    """Goes through every message of the queue; needs nothing that is remembered, so that a reader can do it."""
    visible = leased = delayed = 0
    for kind in ("grp = ''", "grp <> ''"):
        row = db.execute(
            "SELECT total(visible_at <= ?1), total(visible_at > ?1 AND leased), total(visible_at > ?1 AND NOT leased)"
            f" FROM messages WHERE queue = (SELECT id FROM queues WHERE name = ?2) AND {kind}",
            (now, queue),
        ).fetchone()
        visible, leased, delayed = visible + int(row[0]), leased + int(row[1]), delayed + int(row[2])
    return Depth(visible, leased, delayed)


def holds_older(db: sqlite3.Connection, queue: str, before: float) -> bool:
    """Whether anything was sent before a moment; for a reader, like `depth`."""
    where = "queue = (SELECT id FROM queues WHERE name = ?) AND sent_at < ?"
    return any(
        db.execute(f"SELECT 1 FROM messages WHERE {where} AND {kind} LIMIT 1", (queue, before)).fetchone()
        for kind in ("grp = ''", "grp <> ''")
    )


def _take(db: sqlite3.Connection, queue: str, sequence: int, now: float, until: float) -> Lease:
    message_id, body, deliveries, sent_at, first, group = db.execute(TAKE, (until, now, sequence)).fetchone()
    receipt = f"{sequence}.{deliveries}"
    return Lease(queue, message_id, body, deliveries, sent_at, first, until, receipt, sequence, group)


def _take_groups(
    db: sqlite3.Connection, queue: str, number: int, limit: int, times: tuple[float, float]
) -> list[Lease]:
    now, until = times
    leases: list[Lease] = []
    for (group,) in db.execute(DUE_GROUPS, (number, now, limit)).fetchall():
        for sequence, visible_at in db.execute(IN_GROUP, (number, group, limit - len(leases))).fetchall():
            if visible_at > now:
                break
            leases.append(_take(db, queue, sequence, now, until))
        _settle_group(db, number, group)
        if len(leases) == limit:
            break
    return leases


def _settle_group(db: sqlite3.Connection, number: int, group: str) -> None:
    """Write down when a group can be leased from: once its first message is visible."""
    head = db.execute(IN_GROUP, (number, group, 1)).fetchone()
    if head is None:
        db.execute("DELETE FROM groups WHERE queue = ? AND grp = ?", (number, group))
        return
    db.execute("UPDATE groups SET visible_at = ? WHERE queue = ? AND grp = ?", (head[1], number, group))


def _finish(db: sqlite3.Connection, number: int, receipt: str) -> str | None:
    """Delete a leased message; returns its group, or None if the lease was lost."""
    key = _receipt(receipt)
    if key is None:
        return None
    row = db.execute(
        "DELETE FROM messages WHERE sequence = ? AND queue = ? AND deliveries = ? AND leased = 1"
        " RETURNING grp, body IS NULL",
        (key[0], number, key[1]),
    ).fetchone()
    if row is None:
        return None
    group: str = row[0]
    beside = row[1]
    if beside:
        db.execute("DELETE FROM bodies WHERE sequence = ?", (key[0],))
    if group:
        _settle_group(db, number, group)
    return group


def _receipt(text: str) -> tuple[int, int] | None:
    sequence, _, deliveries = text.partition(".")
    if not (sequence.isdecimal() and deliveries.isdecimal()):
        return None
    return int(sequence), int(deliveries)
