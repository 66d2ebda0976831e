"""The record verbs as SQL: named documents with compare-and-set."""

from __future__ import annotations

import sqlite3

from runner.model.errors import Conflict
from runner.store.ports import Record


def get(db: sqlite3.Connection, key: str) -> Record | None:
    row = db.execute("SELECT key, value, revision FROM records WHERE key = ?", (key,)).fetchone()
    return Record(*row) if row else None


def scan(db: sqlite3.Connection, prefix: str) -> list[Record]:
    """In the order of keys. The range ends at the prefix's successor: every key in between starts with it."""
    rows = db.execute(
        "SELECT key, value, revision FROM records WHERE key >= ?1 AND substr(key, 1, ?2) = ?1"
        " AND (?3 = '' OR key < ?3) ORDER BY key",
        (prefix, len(prefix), _successor(prefix)),
    )
    return [Record(*row) for row in rows.fetchall()]


def _successor(prefix: str) -> str:
    last = ord(prefix[-1]) if prefix else 0x10FFFF
    return prefix[:-1] + chr(last + 1) if last < 0x7F else ""


def put(db: sqlite3.Connection, key: str, value: bytes, expected: int) -> int:
    if expected == 0:
        done = db.execute("INSERT OR IGNORE INTO records VALUES (?, 1, ?)", (key, value)).rowcount
    else:
        done = db.execute(
            "UPDATE records SET revision = revision + 1, value = ? WHERE key = ? AND revision = ?",
            (value, key, expected),
        ).rowcount
    if done != 1:
        raise Conflict(f"The record {key!r} is not at revision {expected}.")
    return expected + 1


def delete(db: sqlite3.Connection, key: str, expected: int) -> None:
    if db.execute("DELETE FROM records WHERE key = ? AND revision = ?", (key, expected)).rowcount != 1:
        raise Conflict(f"The record {key!r} is not at revision {expected}.")
