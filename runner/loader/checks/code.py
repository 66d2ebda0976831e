"""The code beside a stack file: folders that are not there, handlers that no file or function answers to."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.values import Unknown


def code_path(folder: Path, properties: dict[str, Any], member: str) -> Path | None:
    """The absolute path of local code; None where the code is elsewhere."""
    source = properties.get(member)
    path = source.get("Path") if isinstance(source, dict) else None
    if not isinstance(path, str) or isinstance(path, Unknown):
        return None
    return (folder / path).absolute()


def check_code(checked: Any, report: Report, positions: Positions) -> None:
    """Report local code that does not exist."""
    for resource in checked.resources.values():
        member = "Content" if resource.type == "AWS::Lambda::LayerVersion" else "Code"
        if resource.type not in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion"):
            continue
        path = code_path(checked.path.parent, resource.properties, member)
        if path is None or resource.logical_id in checked.assumed_code:
            continue
        if not path.exists():
            source = resource.properties[member]
            message = f"The code of '{resource.logical_id}' does not exist: {source['Path']}"
            at = positions.value(source, "Path")
            report.error(at, "missing-code", message, "create the folder, or correct the path")
