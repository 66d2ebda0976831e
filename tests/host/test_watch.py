"""What counts as a change: real files, real notifications. Each test ends at the first sign of what it waits for."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.host.watch import Watch, concerns

DEADLINE_S = 20.0  # a bound, never a measurement

pytestmark = pytest.mark.slow


def write(folder: Path) -> Path:
    (folder / "app.py").write_text("changed")
    return folder / "app.py"


def replace(folder: Path) -> Path:
    """As editors save: a new file moved over the old one."""
    (folder / "app.py.new").write_text("changed")
    os.replace(folder / "app.py.new", folder / "app.py")
    return folder / "app.py"


def create(folder: Path) -> Path:
    (folder / "new.py").write_text("")
    return folder / "new.py"


def create_folder_with_file(folder: Path) -> Path:
    (folder / "package").mkdir()
    (folder / "package" / "module.py").write_text("")
    return folder / "package"


def delete(folder: Path) -> Path:
    (folder / "app.py").unlink()
    return folder / "app.py"


def delete_folder(folder: Path) -> Path:
    shutil.rmtree(folder / "old")
    return folder / "old"


def write_in_subfolder(folder: Path) -> Path:
    (folder / "old" / "deep.py").write_text("changed")
    return folder / "old" / "deep.py"


def move(folder: Path) -> Path:
    os.rename(folder / "app.py", folder / "moved.py")
    return folder / "moved.py"


def switch_many(folder: Path) -> Path:
    """A branch switch: many files at once."""
    for index in range(50):
        (folder / f"file{index}.py").write_text(str(index))
    return folder / "file49.py"


CHANGES = [
    write,
    replace,
    create,
    create_folder_with_file,
    delete,
    delete_folder,
    write_in_subfolder,
    move,
    switch_many,
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "deep.py").write_text("")
    (tmp_path / "app.py").write_text("")
    return tmp_path


async def seen(watch: Watch, change: Callable[[], Path], *, settle: bool = True) -> set[Path]:
    """Every path told of until the changed one is among them."""
    told: set[Path] = set()
    async with asyncio.timeout(DEADLINE_S):
        changes = watch.changes()
        first = asyncio.ensure_future(anext(changes))
        if settle:  # the sweep says that watching has begun
            await asyncio.wait_for(asyncio.shield(first), DEADLINE_S)
            first = asyncio.ensure_future(anext(changes))
        wanted = await asyncio.to_thread(change)
        while not any(path == wanted or wanted in path.parents for path in told):
            told |= await first
            first = asyncio.ensure_future(anext(changes))
        first.cancel()
    return told


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
def test_is_noticed(folder: Path, change: Callable[[Path], Path]) -> None:
    watch = Watch(sweep_ms=200)
    watch.follow([folder])
    assert asyncio.run(seen(watch, lambda: change(folder)))


def test_a_file_is_watched_through_its_folder(folder: Path) -> None:
    watch = Watch(sweep_ms=200)
    watch.follow([folder / "app.py"])
    assert asyncio.run(seen(watch, lambda: replace(folder)))


def test_what_is_watched_may_change(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    other = tmp_path_factory.mktemp("other")

    async def scenario() -> set[Path]:
        watch = Watch(sweep_ms=200)
        watch.follow([folder])
        changes = watch.changes()
        await anext(changes)
        watch.follow([other])
        return await seen(watch, lambda: create(other))

    assert other / "new.py" in asyncio.run(scenario())


def test_everything_is_looked_at_once_however_busy_the_folder_is(folder: Path) -> None:
    async def scenario() -> frozenset[Path]:
        watch = Watch(sweep_ms=200)
        watch.follow([folder])
        (folder / ".runner").mkdir(exist_ok=True)
        looked = asyncio.ensure_future(anext(watch.changes()))
        async with asyncio.timeout(DEADLINE_S):
            while not looked.done():
                (folder / ".runner" / "runner.db-wal").write_text("of no concern")
                await asyncio.sleep(0.01)
        return looked.result()

    assert asyncio.run(scenario()) == frozenset()


# fmt: off
PATHS = [
    ("a handler",               "/p/app.py",                   True),
    ("the stack file",          "/p/stack.yaml",               True),
    ("a dependency",            "/p/node_modules/x/index.js",  True),
    ("our own state",           "/p/.runner/runner.db-wal",    False),
    ("bytecode",                "/p/__pycache__/a.pyc",        False),
    ("a repository's inside",   "/p/.git/index.lock",          False),
    ("vim's swap file",         "/p/.app.py.swp",              False),
    ("vim's probe",             "/p/4913",                     False),
    ("emacs's backup",          "/p/app.py~",                  False),
]
# fmt: on


@pytest.mark.parametrize(("path", "matters"), [row[1:] for row in PATHS], ids=[row[0] for row in PATHS])
def test_what_concerns_us(path: str, matters: bool) -> None:
    assert concerns(path) is matters
