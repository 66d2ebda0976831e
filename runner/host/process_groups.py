"""Control groups: the kernel holds what runs in one to its memory, and knows every process in it.

Only where this process may make groups below its own; elsewhere `Groups.here` gives None and memory is watched instead.
Both generations of control groups are understood; of the second only where the memory controller is handed down.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
PREFIX = "runner-"
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")
EVENT_FILES = ("memory.events", "memory.oom_control")


@dataclass(frozen=True, slots=True)
class Group:
    """One control group; `remove` once nothing runs in it."""

    folder: Path

    @property
    def door(self) -> str:
        """The file through which a process goes in: it writes `0`."""
        return str(self.folder / "cgroup.procs")

    def limit(self, size: int) -> None:
        """Hold what runs in it to `size` bytes. Raises OSError."""
        for name in LIMIT_FILES:
            path = self.folder / name
            if path.exists():
                path.write_text(str(size))

    def out_of_memory(self) -> int:
        """How many of its processes were killed for their memory."""
        for name in EVENT_FILES:
            with contextlib.suppress(OSError):
                found = re.search(r"^oom_kill (\d+)$", (self.folder / name).read_text(), re.MULTILINE)
                if found is not None:
                    return int(found[1])
        return 0

    def kill(self) -> None:
        """End every process in it, also those that left their process group."""
        with contextlib.suppress(OSError):
            for line in Path(self.door).read_text().split():
                with contextlib.suppress(OSError):
                    os.kill(int(line), signal.SIGKILL)

    def remove(self) -> bool:
        """False if something runs in it still."""
        try:
            self.folder.rmdir()
        except FileNotFoundError:
            return True
        except OSError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of this process, all in one folder of its own."""

    folder: Path

    @classmethod
    def here(cls) -> Groups | None:
        """None where this process may not make groups."""
        for base in _own_groups():
            groups = cls(base / f"{PREFIX}{os.getpid()}")
            try:
                groups.folder.mkdir(exist_ok=True)
            except OSError:
                continue
            if groups._works():
                groups._forget_the_dead(base)
                return groups
            with contextlib.suppress(OSError):
                groups.folder.rmdir()
        return None

    def make(self, name: str, size: int) -> Group:
        """A group for up to `size` bytes. Raises OSError."""
        group = Group(self.folder / name)
        group.folder.mkdir(parents=True, exist_ok=True)
        group.limit(size)
        return group

    def remove(self) -> None:
        """Remove all that is empty."""
        with contextlib.suppress(OSError):
            for folder in self.folder.iterdir():
                if folder.is_dir():
                    Group(folder).remove()
        with contextlib.suppress(OSError):
            self.folder.rmdir()

    def _works(self) -> bool:
        """Whether groups in here are held to their memory."""
        if (self.folder / "cgroup.controllers").exists():
            try:
                if "memory" not in (self.folder / "cgroup.controllers").read_text().split():
                    return False
                (self.folder / "cgroup.subtree_control").write_text("+memory")
            except OSError:
                return False
        try:
            group = self.make("try", 1 << 30)
        except OSError:
            return False
        works = any((group.folder / name).exists() for name in LIMIT_FILES)
        group.remove()
        return works

    def _forget_the_dead(self, base: Path) -> None:
        """Remove groups of earlier processes that could not do it themselves."""
        for folder in base.glob(f"{PREFIX}*"):
            pid = folder.name.removeprefix(PREFIX)
            if pid.isdigit() and not Path(f"/proc/{pid}").exists():
                Groups(folder).remove()


def _own_groups() -> list[Path]:
    """The folders of the control groups that this process is in, that could hold memory."""
    try:
        lines = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    found: list[Path] = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            found.insert(0, ROOT / "memory" / path.lstrip("/"))
        elif not controllers:
            found.append(ROOT / path.lstrip("/"))
    return [folder for folder in found if os.access(folder, os.W_OK)]
