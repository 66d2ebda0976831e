"""The log verbs as SQL. Sequences count from 1 in each log and never come again, also after a trim."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import accumulate, repeat

from runner.store.ports import Entry


class Entries:
    """The logs' tables. Remembers each log's number and last sequence."""

    def __init__(self) -> None:
        self._logs: dict[str, tuple[int, int]] = {}

    def forget(self) -> None:
        self._logs.clear()

    def _log(self, db: sqlite3.Connection, log: str) -> tuple[int, int] | None:
        if (known := self._logs.get(log)) is not None:
            return known
        row = db.execute("SELECT id, last FROM logs WHERE name = ?", (log,)).fetchone()
        if row is None:
            return None
        (newest,) = db.execute("SELECT max(sequence) FROM entries WHERE log = ?", (row[0],)).fetchone()
        known = self._logs[log] = row[0], max(row[1], newest or 0)
        return known

    def append(
        self,
        db: sqlite3.Connection,
        log: str,
        bodies: Sequence[tuple[float, bytes]],
        counts: Sequence[int] | None = None,
    ) -> int:
        known = self._log(db, log)
        if known is None:
            number = db.execute("INSERT INTO logs (name) VALUES (?)", (log,)).lastrowid
            assert number is not None
            known = number, 0
        number, last = known
        sequences = list(accumulate(counts or repeat(1, len(bodies)), initial=last))
        rows = [(number, sequence, at, body) for sequence, (at, body) in zip(sequences[1:], bodies, strict=True)]
        db.executemany("INSERT INTO entries VALUES (?, ?, ?, ?)", rows)
        self._logs[log] = number, sequences[-1]
        return sequences[-1]

    def read(self, db: sqlite3.Connection, log: str, after: int, limit: int, newest: bool) -> list[Entry]:
        known = self._log(db, log)
        if known is None:
            return []
        order = "DESC" if newest else "ASC"
        rows = db.execute(
            f"SELECT sequence, body, at FROM entries WHERE log = ? AND sequence > ? ORDER BY sequence {order} LIMIT ?",
            (known[0], after, limit),
        ).fetchall()
        entries = [Entry(sequence, body, at) for sequence, body, at in rows]
        return entries[::-1] if newest else entries

    def trim(self, db: sqlite3.Connection, log: str, before: float) -> None:
        known = self._log(db, log)
        if known is None:
            return
        db.execute("UPDATE logs SET last = ? WHERE id = ?", (known[1], known[0]))
        db.execute("DELETE FROM entries WHERE log = ? AND at < ?", (known[0], before))

    def last(self, db: sqlite3.Connection, log: str) -> int:
        known = self._log(db, log)
        return known[1] if known else 0

    def names(self, db: sqlite3.Connection, prefix: str) -> list[str]:
        rows = db.execute(
            "SELECT name FROM logs WHERE substr(name, 1, ?) = ? ORDER BY name", (len(prefix), prefix)
        ).fetchall()
        return [name for (name,) in rows]
