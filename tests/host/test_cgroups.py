"""Limits that the kernel keeps, where it lets us; and a plain no where it does not."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runner.host.cgroups import ControlGroups

GROW = "import sys; sys.stdin.readline(); data = bytearray(200 * 1024 * 1024); print('kept', len(data))"


@pytest.fixture
def groups() -> Iterator[ControlGroups | None]:
    found = ControlGroups.find(f"runner-test-{os.getpid()}")
    yield found
    if found is not None:
        found.close()


def test_a_process_over_its_limit_is_ended(groups: ControlGroups | None) -> None:
    if groups is None:  # this machine has none that we may use: then limits are watched for instead
        return
    group = groups.create("small", memory_mb=64)
    assert group is not None
    process = subprocess.Popen([sys.executable, "-c", GROW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert group.add(process.pid)
    told, _ = process.communicate("go\n")
    assert (told, process.returncode) == ("", -9)
    assert group.killed() >= 1
    group.remove()
    assert not any(folder.exists() for folder in group.folders)


def test_a_process_within_its_limit_is_not(groups: ControlGroups | None) -> None:
    if groups is None:
        return
    group = groups.create("large", memory_mb=512)
    assert group is not None
    process = subprocess.Popen([sys.executable, "-c", GROW], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert group.add(process.pid)
    told, _ = process.communicate("go\n")
    assert told.startswith("kept")
    assert group.killed() == 0


def test_a_process_that_is_gone_is_not_added(groups: ControlGroups | None) -> None:
    if groups is None:
        return
    group = groups.create("late", memory_mb=64)
    assert group is not None
    process = subprocess.Popen([sys.executable, "-c", "pass"])
    process.wait()
    assert not group.add(process.pid)


def membership(folder: Path, text: str) -> Path:
    (folder / "membership").write_text(text)
    return folder / "membership"


def test_the_older_interface_has_a_hierarchy_a_controller(tmp_path: Path) -> None:
    (tmp_path / "memory" / "user").mkdir(parents=True)
    (tmp_path / "cpu").mkdir()
    found = ControlGroups.find("ours", tmp_path, membership(tmp_path, "4:memory:/user\n1:cpu:/\n0::/\n"))
    assert found is not None
    group = found.create("one", memory_mb=1769)
    assert group is not None
    assert (tmp_path / "memory/user/ours/one/memory.limit_in_bytes").read_text() == str(1769 * 2**20)
    assert (tmp_path / "cpu/ours/one/cpu.shares").read_text() == "1024"


def test_the_newer_interface_has_one_for_all(tmp_path: Path) -> None:
    (tmp_path / "user").mkdir()
    (tmp_path / "user" / "cgroup.controllers").write_text("cpu memory pids\n")
    found = ControlGroups.find("ours", tmp_path, membership(tmp_path, "0::/user\n"))
    assert found is not None
    group = found.create("one", memory_mb=3538)
    assert group is not None
    folder = tmp_path / "user" / "ours" / "one"
    assert (folder / "memory.max").read_text() == str(3538 * 2**20)
    assert (folder / "cpu.weight").read_text() == "200"


@pytest.mark.parametrize("text", ["", "0::/nowhere\n", "nonsense", "4:memory:/not/there\n"])
def test_where_there_are_none_it_says_so(tmp_path: Path, text: str) -> None:
    assert ControlGroups.find("ours", tmp_path, membership(tmp_path, text)) is None


def test_where_memory_is_not_controlled_there_are_none(tmp_path: Path) -> None:
    (tmp_path / "cgroup.controllers").write_text("cpu pids\n")
    assert ControlGroups.find("ours", tmp_path, membership(tmp_path, "0::/\n")) is None
