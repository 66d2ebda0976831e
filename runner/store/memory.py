"""Which message ids were accepted lately and are refused: two generations of them.

New ids go into the newer generation; both are asked. Once the newer one is older than an id may become, everything in
the older one is long forgotten, so it is emptied in one stroke and takes over as the newer. Against one table that is
trimmed by age this saves an index, and with it a page of every commit.
"""

from __future__ import annotations

import sqlite3

from runner.store.ports import REMEMBER_S

INSERT = tuple(f"INSERT OR IGNORE INTO accepted_{n} VALUES (?, ?, ?)" for n in range(2))
FIND = tuple(f"SELECT at FROM accepted_{n} WHERE queue = ? AND id = ?" for n in range(2))
RENEW = tuple(f"UPDATE accepted_{n} SET at = ? WHERE queue = ? AND id = ? AND at <= ?" for n in range(2))
EMPTY = tuple(f"DELETE FROM accepted_{n}" for n in range(2))


class Memory:
    """Knows which generation is the newer one, since when, and whether the older one holds anything."""

    def __init__(self) -> None:
        self._newer = 0
        self._began_at: float | None = None
        self._older_is_empty = False

    def forget(self) -> None:
        """After a rollback: read it all again."""
        self._began_at = None

    def turn(self, db: sqlite3.Connection, now: float) -> None:
        """Begin a new generation where it is time. To be called before ids of this moment are accepted."""
        if self._began_at is None:
            self._newer, self._began_at = db.execute("SELECT newer, began_at FROM generations").fetchone()
            self._older_is_empty = db.execute(f"SELECT 1 FROM accepted_{1 - self._newer} LIMIT 1").fetchone() is None
        if self._began_at is None:
            self._begin(db, self._newer, now)
        elif now - self._began_at > REMEMBER_S:
            older = 1 - self._newer
            if not self._older_is_empty:
                db.execute(EMPTY[older])
            self._begin(db, older, now)

    def _begin(self, db: sqlite3.Connection, newer: int, now: float) -> None:
        db.execute("UPDATE generations SET newer = ?, began_at = ?", (newer, now))
        self._newer, self._began_at = newer, now
        self._older_is_empty = db.execute(f"SELECT 1 FROM accepted_{1 - newer} LIMIT 1").fetchone() is None

    def accept(self, db: sqlite3.Connection, queue: int, message_id: str, now: float) -> bool:
        """Remember an id from now on; False where it was remembered already."""
        if not self._older_is_empty:
            row = db.execute(FIND[1 - self._newer], (queue, message_id)).fetchone()
            if row is not None and row[0] > now - REMEMBER_S:
                return False
        if db.execute(INSERT[self._newer], (queue, message_id, now)).rowcount == 1:
            return True
        # An id of this generation may have become old enough to come again just before the generation ends.
        return db.execute(RENEW[self._newer], (now, queue, message_id, now - REMEMBER_S)).rowcount == 1
