"""What all environments of one version have in common, and how large a folder is."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

from runner.core.environment_lines import Format

INIT_LIMIT_S = 10.0


@dataclass(frozen=True, slots=True)
class Terms:
    """What all environments of one version have in common. `timeout_s` is None under a debugger."""

    name: str
    version: str
    runtime: str
    region: str
    timeout_s: float
    memory_mb: int
    storage_mb: int
    group: str
    form: Format
    handler: str = ""
    account: str = ""
    limited: bool = True
    init_limit_s: float = INIT_LIMIT_S


def folder_size(folder: Path) -> int:
    """Bytes of all files below a folder, as far as they can be seen."""
    size = 0
    for path, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(path, name)).st_blocks * 512
    return size
