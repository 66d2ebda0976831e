"""One `runner up` per state folder: a lock that dies with its holder, and a note of who holds it."""

from __future__ import annotations

import fcntl
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType

from runner.model.errors import StateError


@dataclass(frozen=True, slots=True)
class Holder:
    """The process that runs on a state folder. `endpoint` is empty until it listens; `stack` is its stack file."""

    pid: int
    stack: str
    endpoint: str = ""


class StateLock:
    """Holds `<folder>/lock` while the process lives. Use as a context manager."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "lock"
        self._descriptor = -1

    def acquire(self, stack: Path) -> None:
        """Raises StateError, naming the holder, if another process has it, or if there can be no such folder."""
        make_folder(self._path.parent)
        try:
            descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise _unusable(self._path.parent, error) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            raise _held(self._path.parent, _read(self._path)) from None
        self._descriptor = descriptor
        self.note(Holder(os.getpid(), str(stack)))

    def note(self, holder: Holder) -> None:
        """Tell others where we are."""
        text = json.dumps(asdict(holder)).encode()
        os.ftruncate(self._descriptor, 0)
        os.pwrite(self._descriptor, text, 0)

    def release(self) -> None:
        if self._descriptor >= 0:
            os.ftruncate(self._descriptor, 0)
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> StateLock:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


def make_folder(folder: Path) -> None:
    """Make a state folder where there is none. Raises StateError if there can be no such folder."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        ignored = folder / ".gitignore"
        if not ignored.exists():
            ignored.write_text("*\n")  # state is nobody's source
    except OSError as error:
        raise _unusable(folder, error) from None


def _unusable(folder: Path, error: OSError) -> StateError:
    return StateError(
        f"The state folder {folder} cannot be used: {(error.strerror or str(error)).lower()}.",
        hint="Make it a folder that can be written to, or name another one with --state.",
    )


def holder(folder: Path) -> Holder | None:
    """Who runs on `folder` right now; None if nobody does, whatever a dead process may have left there."""
    path = folder / "lock"
    try:
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return _read(path) or Holder(0, "")
    finally:
        os.close(descriptor)
    return None


def _read(path: Path) -> Holder | None:
    try:
        return Holder(**json.loads(path.read_text()))
    except (OSError, ValueError, TypeError):
        return None


def _held(folder: Path, found: Holder | None) -> StateError:
    who = f"process {found.pid}, which runs {found.stack}" if found else "another process"
    where = f" at {found.endpoint}" if found and found.endpoint else ""
    return StateError(
        f"The state folder {folder} is in use by {who}{where}.",
        hint="Stop that process first, or give this one a state folder of its own with --state.",
    )
