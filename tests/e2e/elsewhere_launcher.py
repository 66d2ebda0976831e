"""The launcher as on a machine without Linux's own means: `elsewhere_launcher.py LAUNCHER ...`, with its arguments.

No signal when the parent dies, no `waitid`; memory is told in bytes. Runs by itself, without site-packages.
"""

from __future__ import annotations

import importlib.util
import os
import sys
from types import ModuleType, SimpleNamespace
from typing import Any


def copied(module: ModuleType) -> ModuleType:
    """A module of its own with the same content."""
    copy = ModuleType(module.__name__)
    copy.__dict__.update(module.__dict__)
    return copy


def wait4(pid: int, options: int) -> tuple[int, int, Any]:
    """Memory in bytes, as macOS tells it."""
    found, status, usage = os.wait4(pid, options)
    return found, status, SimpleNamespace(ru_maxrss=usage.ru_maxrss * 1024)


def main() -> None:
    del sys.argv[0]
    spec = importlib.util.spec_from_file_location("launcher", sys.argv[0])
    assert spec is not None
    assert spec.loader is not None
    launcher: Any = importlib.util.module_from_spec(spec)
    there = sys.platform
    sys.platform = "darwin"
    spec.loader.exec_module(launcher)
    sys.platform = there  # what is imported later is this machine's
    assert launcher.LIBC is None
    launcher.os, launcher.sys = copied(os), copied(sys)
    launcher.os.wait4 = wait4
    del launcher.os.waitid
    launcher.sys.platform = "darwin"
    launcher.main()


if __name__ == "__main__":
    main()
