"""The SQLite store: the contract, both ways of committing, and what only a file can have wrong."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runner.model.errors import StateError
from runner.store.ports import REMEMBER_S, Message
from runner.store.sqlite import SqliteStore
from tests.store.contract import ManualClock, StoreContract, history, message


class TestSqlite(StoreContract):
    sync_every_commit = False

    @pytest.fixture
    def place(self, tmp_path: Path) -> Path:
        return tmp_path / "state.db"

    @asynccontextmanager
    async def open(self, place: Path, clock: ManualClock) -> AsyncIterator[SqliteStore]:
        store = SqliteStore.open(place, clock=clock, sync_every_commit=self.sync_every_commit)
        try:
            yield store
        finally:
            await store.aclose()

    @history
    async def test_leases_of_a_process_that_is_gone_are_reclaimed(self, store: SqliteStore, clock: ManualClock) -> None:
        await store.send("q", [message("a"), message("b", group="g")], now=1)
        await store.send("other", [message("c")], now=1)
        held = await store.lease("q", limit=2, now=1, until=10**9)
        await store.lease("other", limit=1, now=1, until=10**9)
        waiter = asyncio.ensure_future(store.lease("q", limit=2, now=1, until=10**9, wait_s=10))
        await clock.someone_sleeps()
        await store.reclaim("q", now=1)
        assert sorted(lease.id for lease in await waiter) == ["a", "b"]
        assert list(await store.ack("q", [lease.receipt for lease in held])) == [False, False]
        assert (await store.depth("other", now=2)).leased == 1

    @history
    async def test_the_latest_moment_is_known(self, store: SqliteStore, clock: ManualClock) -> None:
        assert await store.latest() == 0
        await store.send("q", [message("a")], now=5)
        await store.send("other", [message("b")], now=7)
        (lease,) = await store.lease("other", limit=1, now=8, until=9)
        await store.ack("other", [lease.receipt])
        assert await store.latest() == 7

    @history
    async def test_a_flood_is_committed_in_turns_and_in_order(self, store: SqliteStore, clock: ManualClock) -> None:
        answers = await asyncio.gather(*(store.append("log", [(float(n), b"")]) for n in range(1_000)))
        assert list(answers) == list(range(1, 1_001))

    @history
    async def test_what_is_forgotten_takes_no_room(self, store: SqliteStore, clock: ManualClock) -> None:
        for hour in range(1, 6):
            await store.send("q", [message(f"{hour} {n}") for n in range(50)], now=hour * (REMEMBER_S + 1))

        def remembered(db: sqlite3.Connection) -> int:
            (one,), (two,) = (db.execute(f"SELECT count(*) FROM accepted_{n}").fetchone() for n in range(2))
            return int(one + two)

        assert await store.submit(remembered) == 100

    @history
    async def test_one_failing_job_leaves_the_others_of_its_commit_alone(
        self, store: SqliteStore, clock: ManualClock
    ) -> None:
        def broken(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO records VALUES ('half', 1, 'done')")
            db.execute("INSERT INTO nonsense VALUES (1)")

        outcomes = await asyncio.gather(
            store.send("q", [message("a")], now=1),
            store.submit(broken),
            store.append("log", [(1.0, b"x")]),
            return_exceptions=True,
        )
        assert outcomes[0] == [True]
        assert isinstance(outcomes[1], sqlite3.OperationalError)
        assert outcomes[2] == 1
        assert await store.get("half") is None
        assert [lease.id for lease in await store.lease("q", limit=5, now=1, until=2)] == ["a"]


class TestSqliteSyncingEveryCommit(TestSqlite):
    sync_every_commit = True


def reopened(path: Path) -> SqliteStore:
    return SqliteStore.open(path, clock=ManualClock())


def with_messages(path: Path, count: int = 50) -> None:
    async def write() -> None:
        store = reopened(path)
        await store.send("q", [Message(str(n), b"x" * 5_000, 0.0) for n in range(count)], now=1)
        await store.append("log", [(1.0, b"x")])
        await store.trim("log", before=5)
        await store.aclose()

    asyncio.run(write())


def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with_messages(path)

    async def read() -> None:
        store = reopened(path)
        leases = await store.lease("q", limit=100, now=2, until=3)
        assert [lease.id for lease in leases] == [str(n) for n in range(50)]
        assert await store.append("log", [(1.0, b"x")]) == 2
        assert list(await store.send("q", [message("1")], now=2)) == [False]
        await store.aclose()

    asyncio.run(read())


def set_version(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA user_version = 99")
    db.close()


def drop_table(path: Path) -> None:
    with sqlite3.connect(path) as db:
        db.execute("DROP TABLE messages")
    db.close()


def another_program(path: Path) -> None:
    path.unlink()
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE notes (text)")
    db.close()


def scribble(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192 : len(data) // 2] = b"\xff" * (len(data) // 2 - 8192)
    path.write_bytes(data)


def lose_database(path: Path) -> None:
    path.unlink()
    path.with_name(path.name + "-wal").write_bytes(b"what was written last")


DAMAGES = [
    ("a newer version", set_version, "newer runner"),
    ("a missing table", drop_table, "incomplete (messages)"),
    ("another program's database", another_program, "another program"),
    ("not a database", lambda path: path.write_text("hello, this is a text file"), "not a database"),
    ("cut short", lambda path: path.write_bytes(path.read_bytes()[:10_000]), "cannot be used"),
    ("scribbled over", scribble, "cannot be used"),
    ("a header only", lambda path: path.write_bytes(path.read_bytes()[:100]), "cannot be used"),
    ("a log without its database", lose_database, "gone or empty"),
]


@pytest.mark.parametrize(("damage", "says"), [row[1:] for row in DAMAGES], ids=[row[0] for row in DAMAGES])
def test_an_unusable_file_is_named_and_left_alone(tmp_path: Path, damage, says: str) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "state.db"
    with_messages(path)
    damage(path)
    before = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    with pytest.raises(StateError) as refusal:
        reopened(path)
    assert str(path) in refusal.value.message
    assert says in refusal.value.message
    assert refusal.value.hint
    after = {file.name: file.read_bytes() for file in tmp_path.iterdir() if not file.name.endswith("-shm")}
    assert {name: data for name, data in after.items() if data} == before


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StateError, match="cannot be used"):
        reopened(tmp_path / "missing" / "state.db")


def test_the_write_ahead_log_is_folded_while_writing(tmp_path: Path) -> None:
    path = tmp_path / "state.db"

    async def write() -> None:
        store = reopened(path)
        for n in range(1_500):
            await store.append("log", [(1.0, b"x" * 10_000)])
            if n % 64 == 0:
                await asyncio.sleep(0.001)  # lets the folding thread have its turn; nothing waits for it
        assert path.stat().st_size > 1_000_000
        await store.aclose()

    asyncio.run(write())
    assert not path.with_name("state.db-wal").exists()


def test_the_write_ahead_log_is_cut_once_it_is_folded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise its size would ask for it to be folded again and again, ever after."""
    monkeypatch.setattr("runner.store.writer.CHECKPOINT_BYTES", 4 * 2**20)

    async def told() -> None:
        path = tmp_path / "state.db"
        log = path.with_name("state.db-wal")
        store = SqliteStore.open(path, clock=ManualClock())
        largest = 0
        async with asyncio.timeout(20):
            for number in range(10_000):
                await store.append("log", [(1.0, b"x" * 20_000)])
                size = log.stat().st_size
                if size < largest // 2:
                    break
                largest = max(largest, size)
                await asyncio.sleep(0.02 if number % 64 == 1 else 0)  # let the thread that folds come to its end
        assert largest > 2**20 > size // 2
        await store.aclose()

    asyncio.run(told())
