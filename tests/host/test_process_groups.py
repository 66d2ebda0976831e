"""What the kernel keeps to, where it lets us; and a plain no where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.host.process_groups import Group, Groups, enter

GROW = "import sys; sys.stdin.readline(); data = bytearray(200 * 1024 * 1024); print('kept', len(data))"
MB = 1 << 20


@pytest.fixture
def groups() -> Iterator[Groups]:
    found = Groups.here()
    if found is None:
        pytest.skip("no control groups to be had on this machine")
    yield found
    found.remove()


def grown(group: Group) -> tuple[str, int]:
    """What a process says that takes 200 MB in the group, and its status."""
    process = subprocess.Popen([sys.executable, "-c", GROW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert enter(group.door, process.pid)
    assert group.processes() == [process.pid]
    assert not group.remove()
    told, _ = process.communicate("go\n", timeout=30)
    return told, process.returncode


def test_a_process_over_its_limit_is_ended(groups: Groups) -> None:
    group = groups.make("small", 64 * MB)
    assert grown(group) == ("", -9)
    assert group.out_of_memory() >= 1


def test_a_process_within_its_limit_is_not(groups: Groups) -> None:
    group = groups.make("large", 512 * MB)
    told, _ = grown(group)
    assert told.startswith("kept")
    assert group.out_of_memory() == 0


def test_a_process_that_is_gone_enters_nothing(groups: Groups) -> None:
    group = groups.make("late", 64 * MB)
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait(timeout=30)
    assert not enter(group.door, process.pid)
    assert not any(folder.exists() for folder in group.folders)


def test_what_a_process_started_before_enters_with_it(groups: Groups) -> None:
    group = groups.make("family", 64 * MB)
    code = "import subprocess, sys; subprocess.Popen(['sleep', '60']); print('go', flush=True); sys.stdin.readline()"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"go\n"
        assert enter(group.door, process.pid)
        assert len(group.processes()) == 2
        group.kill()


def test_nothing_is_made_before_it_is_entered_and_nothing_is_left(groups: Groups) -> None:
    group = groups.make("unused", 64 * MB)
    assert not any(folder.exists() for folder in group.folders)
    assert group.remove()
    groups.remove()
    assert not groups.folder.exists()
    assert groups.cpu is None or not groups.cpu.exists()


def test_groups_of_the_dead_are_removed(groups: Groups) -> None:
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait(timeout=30)
    left = groups.folder.with_name(f"runner-{process.pid}") / "one"
    left.mkdir(parents=True)
    assert Groups.here() is not None
    assert not left.parent.exists()


def test_what_the_dead_left_running_is_ended(groups: Groups) -> None:
    """A process that left its session outlives a runner that was killed; not the next one's start."""
    dead = subprocess.Popen([sys.executable, "-c", "pass"])
    dead.wait(timeout=30)
    left = groups.folder.with_name(f"runner-{dead.pid}-0") / "one"
    left.parent.mkdir()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        assert enter(Group((left,), 64 * MB).door, process.pid)
        assert Groups.here() is not None
        assert process.wait(timeout=30) == -9
    until = time.monotonic() + 30
    while left.parent.exists():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_process_of_elsewhere_is_not_ended(tmp_path: Path) -> None:
    """0 stands for a process that cannot be seen from here; as a number to end it would mean all of ours."""
    (tmp_path / "cgroup.procs").write_text("0\n")
    group = Group((tmp_path,), 64 * MB)
    group.kill()
    assert group.processes() == [0]


def entered(folder: Path, size: int, *files: str) -> Path:
    """A group of plain files, after something entered it."""
    folder.mkdir()
    for name in files:
        (folder / name).touch()
    assert enter(Group((folder,), size).door, os.getpid())
    assert (folder / "cgroup.procs").read_text() == str(os.getpid())
    return folder


@pytest.mark.parametrize(
    ("size", "shares", "weight"),
    [(1769, "1024", "100"), (128, "74", "7"), (10240, "5928", "579"), (1, "2", "1")],
    ids=["one CPU", "the smallest function", "the largest", "no less than the kernel takes"],
)
def test_cpu_time_is_by_memory(tmp_path: Path, size: int, shares: str, weight: str) -> None:
    older = entered(tmp_path / "older", size * MB, "memory.limit_in_bytes", "cpu.shares")
    assert (older / "memory.limit_in_bytes").read_text() == str(size * MB)
    assert (older / "cpu.shares").read_text() == shares
    newer = entered(tmp_path / "newer", size * MB, "memory.max", "cpu.weight")
    assert (newer / "memory.max").read_text() == str(size * MB)
    assert (newer / "cpu.weight").read_text() == weight


@pytest.mark.parametrize("text", ["", "0::/nowhere\n", "nonsense", "4:memory:/not/there\n", "0::/\n"])
def test_where_there_are_none_it_says_so(tmp_path: Path, text: str) -> None:
    (tmp_path / "membership").write_text(text)
    assert Groups.here(tmp_path, tmp_path / "membership") is None
    assert [path.name for path in tmp_path.iterdir()] == ["membership"]
