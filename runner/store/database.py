"""The file: one SQLite database, its tables, and the refusal of every file that is not exactly ours."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from runner.model.errors import StateError

APPLICATION_ID = 0x72756E72  # "runr" in the file's header: this database is ours
SCHEMA_VERSION = 1
WHOLE_CHECK_BYTES = 16 * 2**20  # a file up to this size is checked page by page when opened (50 ms at most)
KEPT_LOG_BYTES = 2**20  # of the write-ahead log, when it begins anew
BUSY_MS = 5_000  # how long to wait for another process (`runner status`, `runner plan`) that holds the lock

SCHEMA = """
-- Sequences of messages are given out in blocks: `given` is the end of the last block, never given again.
CREATE TABLE sequences (only INTEGER PRIMARY KEY CHECK (only = 1), given INTEGER NOT NULL);
INSERT INTO sequences VALUES (1, 0);

CREATE TABLE records (key TEXT PRIMARY KEY, revision INTEGER NOT NULL, value BLOB NOT NULL) WITHOUT ROWID;

CREATE TABLE queues (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);

-- Ids that are refused again, in two generations: the older is emptied at once when the newer has lasted long enough.
CREATE TABLE accepted_0 (queue INTEGER NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (queue, id))
    WITHOUT ROWID;
CREATE TABLE accepted_1 (queue INTEGER NOT NULL, id TEXT NOT NULL, at REAL NOT NULL, PRIMARY KEY (queue, id))
    WITHOUT ROWID;
CREATE TABLE generations (only INTEGER PRIMARY KEY CHECK (only = 1), newer INTEGER NOT NULL, began_at REAL);
INSERT INTO generations VALUES (1, 0, NULL);

-- `visible_at` is when it can be leased: its due time, or the deadline of the lease where `leased` is 1.
-- A body longer than a page lives in `bodies`, so that leasing does not write it again.
CREATE TABLE messages (
    sequence INTEGER PRIMARY KEY,
    queue INTEGER NOT NULL,
    grp TEXT NOT NULL,
    visible_at REAL NOT NULL,
    leased INTEGER NOT NULL DEFAULT 0,
    deliveries INTEGER NOT NULL DEFAULT 0,
    first_leased_at REAL,
    sent_at REAL NOT NULL,
    id TEXT NOT NULL,
    body BLOB
);
CREATE INDEX due ON messages (queue, visible_at, sequence, leased) WHERE grp = '';
CREATE INDEX grouped ON messages (queue, grp, sequence) WHERE grp <> '';
CREATE TABLE bodies (sequence INTEGER PRIMARY KEY, body BLOB NOT NULL);

-- One row per group that holds messages: when its next message can be leased.
CREATE TABLE groups (queue INTEGER NOT NULL, grp TEXT NOT NULL, visible_at REAL NOT NULL, PRIMARY KEY (queue, grp))
    WITHOUT ROWID;
CREATE INDEX groups_due ON groups (queue, visible_at);

CREATE TABLE logs (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last INTEGER NOT NULL DEFAULT 0);
CREATE TABLE entries (log INTEGER NOT NULL, sequence INTEGER NOT NULL, at REAL NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (log, sequence)) WITHOUT ROWID;

CREATE TABLE state (only INTEGER PRIMARY KEY CHECK (only = 1), revision INTEGER NOT NULL);
INSERT INTO state VALUES (1, 0);
CREATE TABLE deployed (noun TEXT NOT NULL, key TEXT NOT NULL, owner TEXT NOT NULL, created_at REAL NOT NULL,
    modified_at REAL NOT NULL, revision_id TEXT NOT NULL, document TEXT NOT NULL, PRIMARY KEY (noun, key))
    WITHOUT ROWID;
"""

TABLE_NAMES = frozenset(
    (
        *("sequences", "records", "queues", "accepted_0", "accepted_1", "generations", "messages", "bodies", "groups"),
        *("logs", "entries", "state", "deployed"),
    )
)


def connect(path: Path, *, sync_every_commit: bool) -> sqlite3.Connection:
    """Open the database at `path`, creating it where there is none.

    `sync_every_commit` survives a power cut; otherwise what is committed survives the end of the process, however
    it came, but the last moments may be lost with the power. Raises StateError for a file of a newer version, a
    broken one, or one that is not ours; such a file is left as it is.
    """
    try:
        return _opened(path, sync_every_commit)
    except sqlite3.DatabaseError as error:
        raise _unusable(path, f"it cannot be read as a database ({error})") from error
    except OSError as error:
        raise _unusable(path, error.strerror or str(error)) from error


def _opened(path: Path, sync_every_commit: bool) -> sqlite3.Connection:
    wal = path.with_name(path.name + "-wal")
    new = not path.exists() or path.stat().st_size == 0
    if new and wal.exists() and wal.stat().st_size > 0:
        raise _unusable(path, f"it is gone or empty, but {wal.name} beside it holds its last changes")
    if not new:
        _refuse_foreign(path)
    connection = raw_connection(path)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {'FULL' if sync_every_commit else 'NORMAL'}")
        # Checkpoints are made beside the writer (see writer.py); SQLite's own would stop the loop for a disk sync.
        connection.execute("PRAGMA wal_autocheckpoint = 0")
        # Once folded, the write-ahead log begins anew; only if it is cut then does its size tell when to fold it again.
        connection.execute(f"PRAGMA journal_size_limit = {KEPT_LOG_BYTES}")
        connection.execute("PRAGMA temp_store = MEMORY")
        connection.execute("PRAGMA cache_size = -32768")
        if _header(connection) == (0, 0):
            _create(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def raw_connection(path: Path) -> sqlite3.Connection:
    """A connection without implicit transactions, usable from whichever thread holds the writer's turn."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, cached_statements=256)
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MS}")
    return connection


def _refuse_foreign(path: Path) -> None:
    """Look without writing: the file's mark, its version, its tables, and its pages where that is quick."""
    with path.open("rb") as file:
        if file.read(16) != b"SQLite format 3\0":
            raise _unusable(path, "it is not a database")
    with closing(raw_connection(path)) as connection:
        application, version = _header(connection)
        names = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
        if (application, version) == (0, 0) and not names:
            return
        if application != APPLICATION_ID:
            raise _unusable(path, "it is a database of another program")
        if version > SCHEMA_VERSION:
            raise _unusable(
                path,
                f"it was written by a newer runner (version {version}; this one knows {SCHEMA_VERSION})",
                hint="Use the newer runner, or point this one at another state folder.",
            )
        if missing := TABLE_NAMES - names:
            raise _unusable(path, f"its tables are incomplete ({', '.join(sorted(missing))})")
        if path.stat().st_size <= WHOLE_CHECK_BYTES:
            _check_pages(path, connection.execute("PRAGMA quick_check(1)").fetchall())


def _check_pages(path: Path, findings: Sequence[tuple[str]]) -> None:
    if findings != [("ok",)]:
        raise _unusable(path, f"it is damaged ({findings[0][0] if findings else 'unreadable'})")


def _header(connection: sqlite3.Connection) -> tuple[int, int]:
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    return application, version


def _create(connection: sqlite3.Connection) -> None:
    connection.execute("BEGIN IMMEDIATE")
    if _header(connection) == (0, 0):  # another process may have been faster
        for statement in SCHEMA.split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    connection.execute("COMMIT")


def _unusable(path: Path, why: str, *, hint: str = "") -> StateError:
    return StateError(
        f"The state in {path} cannot be used: {why}. It was left untouched.",
        hint=hint or "Move the file away to start afresh, or restore it from a copy.",
    )
