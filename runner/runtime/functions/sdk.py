"""The SDK that Lambda's Python runtimes come with: boto3 and what it needs, and nothing else of ours."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from pathlib import Path

BUNDLED = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")
IMPORTED_AHEAD = ("botocore.session", "botocore.client", "botocore.httpsession", "boto3.session", "boto3")


def link_sdk(folder: Path) -> Path:
    """A folder of links to the SDK, made if it is not there."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in BUNDLED:
        spec = importlib.util.find_spec(name)
        if spec is None or spec.origin is None:
            continue
        source = Path(spec.origin)
        source = source.parent if spec.submodule_search_locations else source
        link = folder / source.name
        if not link.is_symlink():
            link.symlink_to(source)
    return folder


def sdk_minimum() -> tuple[int, int]:
    """The oldest Python that the SDK runs on."""
    asked = str(importlib.metadata.metadata("botocore").json.get("requires_python", ""))
    found = re.search(r">=\s*(\d+)\.(\d+)", asked)
    return (int(found[1]), int(found[2])) if found else (3, 9)
