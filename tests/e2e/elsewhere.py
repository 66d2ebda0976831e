"""The runner as on a machine without Linux's own means: `elsewhere.py up STACK ...`, as `runner`.

Hidden are control groups, `/proc` and the clock that counts from boot; nobody tells who listens on a port; sockets
hold little. What it starts processes with is hidden from as well.
"""

from __future__ import annotations

import importlib
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import uvloop

assert uvloop  # imported before anything is hidden: it is this machine's

HIDDEN = ("/proc", "/sys/fs/cgroup")
LAUNCHER = Path(__file__).with_name("elsewhere_launcher.py")
BUFFER = 4096  # bytes; macOS has 8192


class Popen(subprocess.Popen[Any]):
    """Launchers are started through our own."""

    def __init__(self, args: Any, *others: Any, **options: Any) -> None:
        command = list(args) if isinstance(args, list) else args
        if isinstance(command, list):
            where = [n for n, one in enumerate(command) if str(one).endswith("bootstraps/launcher.py")]
            command = [*command[: where[0]], str(LAUNCHER), *command[where[0] :]] if where else command
        super().__init__(command, *others, **options)


def not_there(method: Callable[..., Any]) -> Callable[..., Any]:
    def looked(path: Path, *arguments: Any, **options: Any) -> Any:
        if str(path).startswith(HIDDEN):
            raise FileNotFoundError(2, "No such file or directory", str(path))
        return method(path, *arguments, **options)

    return looked


def exists(path: Path, **options: Any) -> bool:
    try:
        path.stat(**options)
    except (OSError, ValueError):
        return False
    return True


def narrow_socketpair(*arguments: Any) -> tuple[socket.socket, socket.socket]:
    ends = whole_socketpair(*arguments)
    for end in ends:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER)
    return ends


def refused(kind: str = "inet") -> list[Any]:
    raise psutil.AccessDenied(msg=kind)


whole_socketpair = socket.socketpair


def hide() -> None:
    for name in ("stat", "open", "read_text", "iterdir", "is_dir", "is_file"):
        setattr(Path, name, not_there(getattr(Path, name)))
    names: dict[Any, dict[str, Any]] = {
        Path: {"exists": exists},
        socket: {"socketpair": narrow_socketpair},
        psutil: {"net_connections": refused},
        subprocess: {"Popen": Popen},
    }
    for owner, hidden in names.items():
        for name, value in hidden.items():
            setattr(owner, name, value)
    del time.CLOCK_BOOTTIME


def main() -> None:
    hide()
    process = importlib.import_module("runner.runtime.functions.process")
    groups = importlib.import_module("runner.host.process_groups")
    assert (process.HAS_PROC, groups.Groups.here()) == (False, None)
    sys.exit(importlib.import_module("runner.cli.main").main())


if __name__ == "__main__":
    main()
