"""What was accepted is there after `kill -9`: a real process, killed in the middle of its writing."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from runner.store.ports import Message
from runner.store.sqlite import SqliteStore
from tests.store.contract import ManualClock

WRITER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from runner.host.clock import Clock
    from runner.store.ports import Message
    from runner.store.sqlite import SqliteStore

    async def sender(store, name, say):
        n = 0
        while True:
            message = Message(f"{name}-{n}", b"x" * (100 if n % 7 else 9000), 0.0, name if n % 2 else "")
            await store.send("q", [message], now=1.0)
            sequence = await store.append(f"log-{name}", [(1.0, str(n).encode())])
            say(f"{name}-{n} {sequence}\\n")
            n += 1

    async def main():
        store = SqliteStore.open(Path(sys.argv[1]), clock=Clock(), sync_every_commit=sys.argv[2] == "sync")
        def say(line):
            sys.stdout.write(line)
            sys.stdout.flush()
        await asyncio.gather(*(sender(store, f"s{k}", say) for k in range(6)))

    asyncio.run(main())
    """
)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["nosync", "sync"])
def test_everything_acknowledged_survives_a_kill(tmp_path: Path, how: str) -> None:
    path = tmp_path / "state.db"
    acknowledged: list[tuple[str, int]] = []
    for _round in range(2):
        writer = subprocess.Popen([sys.executable, "-c", WRITER, str(path), how], stdout=subprocess.PIPE, text=True)
        assert writer.stdout is not None
        for _line in range(600):
            name, sequence = writer.stdout.readline().split()
            acknowledged.append((name, int(sequence)))
        os.kill(writer.pid, signal.SIGKILL)
        rest = writer.stdout.read()  # what it had said before it died counts too
        acknowledged += [(line.split()[0], int(line.split()[1])) for line in rest.splitlines() if line.count(" ") == 1]
        writer.wait()
        writer.stdout.close()

    async def check() -> None:
        store = SqliteStore.open(path, clock=ManualClock())
        leased: list[str] = []
        while batch := await store.lease("q", limit=5_000, now=2.0, until=10**9):
            leased += [lease.id for lease in batch]
        for name, sequence in acknowledged:
            entries = await store.read(f"log-{name.split('-')[0]}", after=sequence - 1, limit=1)
            assert entries[0].body == name.split("-")[1].encode()
        missing = {name for name, _ in acknowledged} - set(leased)
        assert not missing
        assert len(leased) == len(set(leased))
        await store.aclose()

    asyncio.run(check())


READER = textwrap.dedent(
    """
    import asyncio, sys
    from pathlib import Path
    from runner.host.clock import Clock
    from runner.store import SqliteStore, StateStore

    async def main():
        store = SqliteStore.open(Path(sys.argv[1]), clock=Clock())
        state = await StateStore(store).load()
        depth = await store.depth("q", now=1e12)
        print(state.revision, depth.visible)
        await store.aclose()

    asyncio.run(main())
    """
)


@pytest.mark.slow
def test_another_process_reads_beside_the_writer(tmp_path: Path) -> None:
    path = tmp_path / "state.db"

    async def write_and_ask() -> None:
        store = SqliteStore.open(path, clock=ManualClock())
        await store.send("q", [Message(str(n), b"x", 0.0) for n in range(7)], now=1.0)
        reader = await asyncio.create_subprocess_exec(
            sys.executable, "-c", READER, str(path), stdout=asyncio.subprocess.PIPE
        )
        answer = asyncio.ensure_future(reader.communicate())
        while not answer.done():
            await store.append("log", [(1.0, b"x")])
        assert (await answer)[0].split() == [b"0", b"7"]
        await store.send("q", [Message("after", b"x", 0.0)], now=1.0)
        assert (await store.depth("q", now=2.0)).visible == 8
        await store.aclose()

    asyncio.run(write_and_ask())
