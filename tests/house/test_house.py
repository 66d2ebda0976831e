"""The house keeps its own rules: floors, sizes, no hidden state."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "runner").rglob("*.py"))
MAX_LINES = 500
MAX_BODY = 50


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_imports_go_down_only() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports"), "--no-cache"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_file_is_no_longer_than_a_room(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MAX_LINES


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_functions_are_short_and_imports_are_at_the_top(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.body[0].lineno + 1
        assert lines <= MAX_BODY, f"{node.name} has {lines} lines"
        late = [inner for inner in ast.walk(node) if isinstance(inner, ast.Import | ast.ImportFrom)]
        assert not late or "bootstraps" in path.parts, f"{node.name} imports late"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_modules_hold_no_mutable_state(path: Path) -> None:
    if "bootstraps" in path.parts:  # runs in a function's own process
        return
    for node in ast.parse(path.read_text()).body:
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        value = getattr(node, "value", None)
        if not isinstance(node, ast.Assign | ast.AnnAssign) or not isinstance(value, ast.Dict | ast.List | ast.Set):
            continue
        for target in targets:
            assert not isinstance(target, ast.Name) or target.id.strip("_").isupper() or target.id == "__all__", (
                f"line {node.lineno}: {ast.unparse(target)} is a mutable module global"
            )


def test_nobody_uses_global() -> None:
    for path in SOURCES:
        if "bootstraps" in path.parts:
            continue
        statements = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Global)]
        assert not statements, f"{name(path)}:{statements[0].lineno}"
