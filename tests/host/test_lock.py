"""One process per state folder, and whoever comes second is told who is there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from runner.host.lock import Holder, StateLock, holder
from runner.model.errors import StateError

HOLD = """
import sys
from pathlib import Path
from runner.host.lock import StateLock
lock = StateLock(Path(sys.argv[1]))
lock.acquire(Path("stack.yaml"))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def other(tmp_path: Path):
    """Another process that holds the lock of `tmp_path`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.communicate()


def test_the_second_is_told_who_holds_the_folder(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    with pytest.raises(StateError, match=f"process {other.pid}, which runs stack.yaml") as caught:
        StateLock(tmp_path).acquire(Path("other.yaml"))
    assert "--state" in caught.value.hint


def test_anyone_may_ask_who_holds_it(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    assert holder(tmp_path) == Holder(other.pid, "stack.yaml")


def test_a_killed_holder_holds_nothing(tmp_path: Path, other: subprocess.Popen[str]) -> None:
    other.kill()
    other.wait()
    assert holder(tmp_path) is None
    with StateLock(tmp_path) as lock:
        lock.acquire(Path("stack.yaml"))


def test_nobody_holds_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert holder(tmp_path / "nowhere") is None


def test_a_released_lock_is_free(tmp_path: Path) -> None:
    with StateLock(tmp_path) as lock:
        lock.acquire(Path("stack.yaml"))
    assert holder(tmp_path) is None


def test_the_note_tells_the_endpoint(tmp_path: Path) -> None:
    with StateLock(tmp_path) as lock:
        lock.acquire(Path("stack.yaml"))
        lock.note(Holder(1, "stack.yaml", "http://127.0.0.1:4566"))
        found = holder(tmp_path)
    assert found is not None
    assert found.endpoint == "http://127.0.0.1:4566"
