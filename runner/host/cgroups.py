"""Kernel limits for groups of processes, where this machine has control groups that we may use; else there are none.

Memory is a hard limit: the kernel ends the process that would exceed it. CPU is a weight: a function with twice the
memory gets twice the time while the machine is short of it, and all it wants while it is not. Both versions of the
kernel's interface are spoken.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html
        https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
MB = 1024 * 1024
VCPU_MB = 1769  # MB of memory that come with one virtual CPU on Lambda
SHARES = 1024  # v1: what one CPU's worth of weight is
WEIGHT = 100  # v2: the same
WEIGHT_MAX = 10_000


@dataclass(frozen=True, slots=True)
class Group:
    """One group: a folder in every hierarchy that it uses. `memory` is the one that limits memory."""

    folders: tuple[Path, ...]
    memory: Path
    unified: bool

    def add(self, pid: int) -> bool:
        """Put a process into the group. False if it, or the group, is gone. May block for milliseconds."""
        try:
            for folder in self.folders:
                (folder / "cgroup.procs").write_text(str(pid))
        except OSError:
            return False
        return True

    def killed(self) -> int:
        """How many processes the kernel ended for want of memory."""
        name = "memory.events" if self.unified else "memory.oom_control"
        return _fields(self.memory / name).get("oom_kill", 0)

    def remove(self) -> None:
        """Give the group up; its processes have to be gone. Harmless if it is gone already."""
        for folder in self.folders:
            with contextlib.suppress(OSError):
                folder.rmdir()


class ControlGroups:
    """Makes groups below one of our own. `find` says whether that is possible here."""

    def __init__(self, memory: Path, cpu: Path | None, *, unified: bool) -> None:
        self._memory, self._cpu, self._unified = memory, cpu, unified

    @classmethod
    def find(cls, name: str, root: Path = ROOT, membership: Path = MEMBERSHIP) -> ControlGroups | None:
        """Groups under `name`, a folder that is made for it; None where the kernel or our rights do not allow it."""
        with contextlib.suppress(OSError, ValueError, KeyError):
            hierarchies = _hierarchies(membership)
            if "memory" in hierarchies:
                memory = _made(root / "memory" / hierarchies["memory"], name)
                cpu = None
                with contextlib.suppress(OSError, KeyError):
                    cpu = _made(root / "cpu" / hierarchies["cpu"], name)
                return cls(memory, cpu, unified=False)
            parent = root / hierarchies[""]
            if "memory" not in (parent / "cgroup.controllers").read_text().split():
                return None
            folder = _made(parent, name)
            for controller in ("memory", "cpu"):
                _delegate(parent, controller, needed=controller == "memory")
                _delegate(folder, controller, needed=controller == "memory")
            return cls(folder, None, unified=True)
        return None

    def create(self, name: str, *, memory_mb: int) -> Group | None:
        """A group with `memory_mb` and the CPU weight that comes with it; None if the kernel refuses."""
        weight = memory_mb / VCPU_MB
        folders: list[Path] = []
        try:
            memory = _made(self._memory, name)
            folders.append(memory)
            if self._unified:
                self._limit_unified(memory, memory_mb, weight)
            else:
                (memory / "memory.limit_in_bytes").write_text(str(memory_mb * MB))
                if self._cpu is not None:
                    cpu = _made(self._cpu, name)
                    folders.append(cpu)
                    (cpu / "cpu.shares").write_text(str(max(2, round(SHARES * weight))))
        except OSError:
            Group(tuple(folders), self._memory, self._unified).remove()
            return None
        return Group(tuple(folders), memory, self._unified)

    @staticmethod
    def _limit_unified(folder: Path, memory_mb: int, weight: float) -> None:
        (folder / "memory.max").write_text(str(memory_mb * MB))
        with contextlib.suppress(OSError):  # without swap there is nothing to forbid
            (folder / "memory.swap.max").write_text("0")
        with contextlib.suppress(OSError):  # the weight is a courtesy, the limit is not
            (folder / "cpu.weight").write_text(str(min(WEIGHT_MAX, max(1, round(WEIGHT * weight)))))

    def close(self) -> None:
        """Remove what was made, as far as it is empty: groups that a killed run left behind, too."""
        for folder in filter(None, (self._memory, self._cpu)):
            with contextlib.suppress(OSError):
                for entry in os.scandir(folder):
                    if entry.is_dir():
                        with contextlib.suppress(OSError):
                            os.rmdir(entry.path)
                folder.rmdir()


def _hierarchies(membership: Path) -> Mapping[str, str]:
    """Controller -> our path in its hierarchy, without the leading slash; the unified one is under the empty name."""
    found: dict[str, str] = {}
    for line in membership.read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        for controller in controllers.split(","):
            found[controller] = path.lstrip("/")
    return found


def _made(parent: Path, name: str) -> Path:
    folder = parent / name
    folder.mkdir(exist_ok=True)
    return folder


def _delegate(folder: Path, controller: str, *, needed: bool) -> None:
    """Let the groups below `folder` use a controller. Raises OSError if that is `needed` and not possible."""
    try:
        (folder / "cgroup.subtree_control").write_text(f"+{controller}")
    except OSError:
        if needed:
            raise


def _fields(file: Path) -> Mapping[str, int]:
    """`name number` lines."""
    try:
        pairs = (line.split() for line in file.read_text().splitlines())
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdecimal()}
    except OSError:
        return {}
