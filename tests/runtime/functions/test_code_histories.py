"""Whatever is done to a folder, a snapshot is what the folder holds, and equal folders are equal artifacts."""

from __future__ import annotations

import asyncio
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.function import Code, Function
from runner.model.stack import Position, Resource
from runner.runtime.functions.code import CodeStore

NAMES = st.sampled_from(["a.py", "b.py", "d/a.py", "d/e/c.txt", "d"])
CONTENTS = st.sampled_from(["", "x", "y", "xx"])
EDITS = st.one_of(
    st.tuples(st.just("write"), NAMES, CONTENTS),
    st.tuples(st.just("in place"), NAMES, CONTENTS),
    st.tuples(st.just("delete"), NAMES, st.just("")),
    st.tuples(st.just("move"), NAMES, NAMES),
    st.tuples(st.just("run"), NAMES, st.just("")),
    st.tuples(st.just("collect"), st.just(""), st.just("")),
)


def edit(root: Path, kind: str, name: str, value: str) -> None:
    """One edit; those that make no sense at the moment change nothing."""
    path = root / name
    try:
        match kind:
            case "write":
                path.parent.mkdir(parents=True, exist_ok=True)
                draft = root / ".draft"
                draft.write_text(value)
                os.replace(draft, path)
            case "in place":
                with open(path, "r+") as file:
                    file.write(value)
                    file.truncate()
            case "delete":
                path.unlink()
            case "move":
                os.replace(path, root / value)
            case "run":
                path.chmod(path.stat().st_mode ^ 0o111)
    except OSError:
        (root / ".draft").unlink(missing_ok=True)


def held(root: Path) -> dict[str, tuple[str, int]]:
    return {
        str(path.relative_to(root)): (path.read_text(), stat.S_IMODE(path.stat().st_mode) & 0o555)
        for path in root.rglob("*")
        if path.is_file()
    }


@pytest.mark.slow
@settings(max_examples=60)
@given(st.lists(EDITS, max_size=12))
def test_a_snapshot_is_what_the_folder_holds(edits: list[tuple[str, str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "src"
        source.mkdir()
        store = CodeStore(Path(folder) / "artifacts")
        noun = Function(function_name="f", code=Code())
        resource = Resource("F", "AWS::Lambda::Function", {}, noun, "f", Position("s", 1, 1), code=source)
        seen: dict[str, dict[str, tuple[str, int]]] = {}
        for kind, name, value in edits:
            if kind == "collect":
                asyncio.run(store.collect(set(), grace_s=0))
            edit(source, kind, name, value)
            digest = asyncio.run(store.snapshot(resource, source))
            now = held(source)
            assert held(store.path(digest.artifact)) == now
            assert seen.setdefault(digest.artifact, now) == now
        assert len({str(sorted(files.items())) for files in seen.values()}) == len(seen)
        for inner, _, _ in os.walk(folder):
            os.chmod(inner, 0o755)
