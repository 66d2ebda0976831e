"""What Python functions get of our packages: the SDK that Lambda comes with, the debugger where it is asked for.

Each in a folder of links of its own, so that nothing else of ours can be imported by a function.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

BUNDLED = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
DEBUGGER = "debugpy"
IMPORTED_AHEAD = ("botocore.session", "botocore.client", "botocore.httpsession", "boto3.session", "boto3")


def link_sdk(folder: Path) -> Path:
    """A folder of links to the SDK, made if it is not there."""
    return _link(folder, BUNDLED)


def link_debugger(folder: Path) -> Path:
    """A folder with a link to debugpy. Raises OSError if it is not installed."""
    if importlib.util.find_spec(DEBUGGER) is None:
        raise OSError(f"{DEBUGGER} is not installed beside the runner: pip install {DEBUGGER}")
    return _link(folder, (DEBUGGER,))


def _link(folder: Path, names: tuple[str, ...]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin)
        source = source.parent if spec.submodule_search_locations else source
        link = folder / source.name
        if not link.is_symlink() or link.readlink() != source:
            link.unlink(missing_ok=True)
            link.symlink_to(source)
    return folder


def sdk_minimum() -> tuple[int, int]:
    """The oldest Python that the SDK runs on."""
    asked = str(importlib.metadata.metadata("botocore").json.get("requires_python", ""))
    found = re.search(r">=\s*(\d+)\.(\d+)", asked)
    return (int(found[1]), int(found[2])) if found else (3, 9)
