"""Control groups: the kernel holds what runs in one to its memory, weighs its CPU time, and knows its processes.

Only where this process may make groups below its own; elsewhere `Groups.here` gives None and memory is watched instead.
Both generations of control groups are understood; of the second only where the memory controller is handed down.

CPU is a weight by memory, as Lambda's share is, and no quota: a small function may use all of an idle machine. Entering
a group may block for 15 ms, and so may whatever changes one meanwhile: `enter` is for a thread, all else does not wait.

Source: https://docs.kernel.org/admin-guide/cgroup-v2.html, https://docs.kernel.org/admin-guide/cgroup-v1/memory.html
"""

from __future__ import annotations

import contextlib
import os
import re
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
MEMBERSHIP = Path("/proc/self/cgroup")
PREFIX = "runner-"
LIMIT_FILES = ("memory.max", "memory.limit_in_bytes")
EVENT_FILES = ("memory.events", "memory.oom_control")
WEIGHTS = {"cpu.weight": (100, 1, 10_000), "cpu.shares": (1024, 2, 262_144)}  # of one CPU, least, most
VCPU = 1769 << 20  # bytes of memory that come with one CPU on Lambda
ALL = 4.0  # what all groups together weigh, in busy processes a CPU: the runner itself is to have its turns
REMOVALS, REMOVAL_S = 20, 0.01  # a group is busy for a moment after its last process was reaped


@dataclass(frozen=True, slots=True)
class Group:
    """A control group for up to `size` bytes, which is there once something entered it; `remove` afterwards.

    `folders`: one, or in the older generation one for memory and one for CPU time.
    """

    folders: tuple[Path, ...]
    size: int

    @property
    def door(self) -> str:
        """What `enter` has to know."""
        return os.pathsep.join([str(self.size), *map(str, self.folders)])

    def out_of_memory(self) -> int:
        """How many of its processes were killed for their memory."""
        for name in EVENT_FILES:
            with contextlib.suppress(OSError):
                found = re.search(r"^oom_kill (\d+)$", (self.folders[0] / name).read_text(), re.MULTILINE)
                if found is not None:
                    return int(found[1])
        return 0

    def processes(self) -> list[int]:
        with contextlib.suppress(OSError):
            return [int(line) for line in (self.folders[0] / "cgroup.procs").read_text().split()]
        return []

    def kill(self) -> None:
        """End every process in it, also those that left their process group."""
        for pid in filter(None, self.processes()):  # one that cannot be seen from here is told as 0: not for us to end
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)

    def remove(self) -> bool:
        """Have it removed by a thread; False if something runs in it still."""
        if self.processes():
            return False
        if any(folder.exists() for folder in self.folders):
            threading.Thread(target=_remove, args=self.folders, daemon=True).start()
        return True


@dataclass(frozen=True, slots=True)
class Groups:
    """The groups of this process, all in one folder of its own; in the older generation CPU time is in another."""

    folder: Path
    cpu: Path | None = None

    @classmethod
    def here(cls, root: Path = ROOT, membership: Path = MEMBERSHIP) -> Groups | None:
        """None where this process may not make groups. What dead processes left is removed."""
        own = _own_groups(root, membership)
        name = f"{PREFIX}{os.getpid()}-{os.urandom(3).hex()}"  # one process may have several, each with its own end
        for base in own["memory"]:
            _forget_the_dead(base)
            folder = _made(base / name, "memory", "memory.limit_in_bytes", "memory.max")
            if folder is None:
                continue
            if (folder / "cgroup.controllers").exists():
                return cls(folder)
            for other in own["cpu"]:
                _forget_the_dead(other)
                return cls(folder, _made(other / name, "cpu", "cpu.shares"))
            return cls(folder)
        return None

    def make(self, name: str, size: int) -> Group:
        """A group for up to `size` bytes, and the CPU time that comes with them."""
        folders = (self.folder, self.cpu) if self.cpu is not None else (self.folder,)
        return Group(tuple(folder / name for folder in folders), size)

    def remove(self) -> None:
        """Remove all that is empty."""
        for folder in filter(None, (self.folder, self.cpu)):
            _clear(folder)


def enter(door: str, pid: int) -> bool:
    """Put a process into a group, made for it if need be. False if that, or the process, is not to be. May block."""
    size, *names = door.split(os.pathsep)
    folders = [Path(name) for name in names]
    try:
        for folder in folders:
            folder.mkdir(exist_ok=True)
            for name in LIMIT_FILES:
                if (folder / name).exists():
                    (folder / name).write_text(size)
            _weigh(folder, int(size) / VCPU)
            (folder / "cgroup.procs").write_text(str(pid))
            for child in _descendants(pid):  # what it started before it was here; the rest is born here
                with contextlib.suppress(OSError):
                    (folder / "cgroup.procs").write_text(str(child))
    except OSError:
        _remove(*folders)
        return False
    return True


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in map(int, (task / "children").read_text().split()):
                found += [child, *_descendants(child)]
    return found


def _weigh(folder: Path, cpus: float) -> None:
    """Weigh a group as `cpus` busy processes; a courtesy, for it may not be to be had."""
    for name, (one, least, most) in WEIGHTS.items():
        with contextlib.suppress(OSError):
            if (folder / name).exists():
                (folder / name).write_text(str(min(most, max(least, round(one * cpus)))))


def _made(folder: Path, controller: str, *files: str) -> Path | None:
    """A folder for groups, if they can have what `files` set."""
    trial = folder / "try"
    with contextlib.suppress(OSError):
        folder.mkdir(exist_ok=True)
        if (folder / "cgroup.controllers").exists():
            (folder / "cgroup.subtree_control").write_text(f"+{controller}")
            with contextlib.suppress(OSError):  # without it there is no weight
                (folder / "cgroup.subtree_control").write_text("+cpu")
        trial.mkdir(exist_ok=True)
        works = any((trial / name).exists() for name in files)
        trial.rmdir()
        if works:
            _weigh(folder, ALL * (os.cpu_count() or 1))
            return folder
    _clear(folder)
    return None


def _forget_the_dead(base: Path) -> None:
    """Remove groups of earlier processes that could not do it themselves, and end what still runs in them."""
    for folder in base.glob(f"{PREFIX}*"):
        pid = folder.name.removeprefix(PREFIX).partition("-")[0]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            inner = _inside(folder)
            busy = [one for one in inner if Group((one,), 0).processes()]
            for one in busy:
                Group((one,), 0).kill()
            if busy:
                threading.Thread(target=_remove, args=(*inner, folder), daemon=True).start()
            else:
                _clear(folder)


def _inside(folder: Path) -> list[Path]:
    with contextlib.suppress(OSError):
        return [one for one in folder.iterdir() if one.is_dir()]
    return []


def _clear(folder: Path) -> None:
    for inner in _inside(folder):
        with contextlib.suppress(OSError):
            inner.rmdir()
    with contextlib.suppress(OSError):
        folder.rmdir()


def _remove(*folders: Path) -> None:
    for folder in folders:
        for _ in range(REMOVALS):
            try:
                folder.rmdir()
            except FileNotFoundError:
                break
            except OSError:
                time.sleep(REMOVAL_S)
            else:
                break


def _own_groups(root: Path, membership: Path) -> dict[str, list[Path]]:
    """The folders of the control groups that this process is in, by what they control; the older generation first."""
    found: dict[str, list[Path]] = {"memory": [], "cpu": []}
    with contextlib.suppress(OSError, ValueError):
        for line in membership.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            for name in found.keys() & set(controllers.split(",")):
                found[name].insert(0, root / name / path.lstrip("/"))
            if not controllers:
                found["memory"].append(root / path.lstrip("/"))
    return {name: [one for one in folders if os.access(one, os.W_OK)] for name, folders in found.items()}
