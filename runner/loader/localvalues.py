"""`values.local.yaml` beside a stack file: what Systems Manager, Secrets Manager and other stacks would give on AWS.

ssm: {/orders/rate: "5"}
secretsmanager: {orders/db: {password: x}}
exports: {shared-bus: arn:aws:events:...}
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.loader.positions import Positions
from runner.loader.reading import parse
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Position

NAME = "values.local.yaml"
KINDS = ("ssm", "secretsmanager", "exports")


@dataclass(frozen=True, slots=True)
class LocalValues:
    """What the file holds; all empty where there is none."""

    path: Path | None = None
    ssm: Mapping[str, Any] = field(default_factory=dict)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)


def read_local_values(folder: Path, report: Report, texts: dict[str, str]) -> LocalValues:
    """Read the file, if there is one. What is wrong with it is reported at its place."""
    path = folder / NAME
    shown = str(path)
    try:
        raw = path.read_bytes()
    except OSError:
        return LocalValues()
    positions = Positions(Position(shown, 1, 1))
    document = parse(raw, shown, positions, report)
    texts[shown] = document.text
    root = document.root if isinstance(document.root, dict) else {}
    for kind, value in root.items():
        if kind not in KINDS:
            hint = did_you_mean(str(kind), KINDS) or f"the kinds are {', '.join(KINDS)}"
            report.error(positions.key(root, kind), "unknown-property", f"{NAME} has no kind '{kind}'", hint)
        elif not isinstance(value, dict):
            at = positions.value(root, kind)
            report.error(at, "wrong-type", f"{kind} in {NAME} must be an object.", "write 'name: value' lines")
    found = {kind: root[kind] if isinstance(root.get(kind), dict) else {} for kind in KINDS}
    exports = {name: text_of(value) for name, value in found["exports"].items()}
    return LocalValues(path, found["ssm"], found["secretsmanager"], exports)
