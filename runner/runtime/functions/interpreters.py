"""Which interpreters this machine has, and the nearest to the one that a function asks for."""

from __future__ import annotations

import asyncio
import logging
import os
import re
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

log = logging.getLogger(__name__)

PYTHON_MINIMUM = (3, 9)
NODE_MINIMUM = (18, 0)
ASK_S = 10.0  # how long an interpreter may take to say its version
SHIMS = ("shims", "libexec")  # folders of version managers whose programs only choose another
PYTHON_HOMES = (
    "~/.pyenv/versions/*/bin",
    "~/.local/share/uv/python/*/bin",
    "~/.asdf/installs/python/*/bin",
    "~/.local/share/mise/installs/python/*/bin",
    "/opt/homebrew/opt/python@*/bin",
    "/usr/local/opt/python@*/bin",
    "/Library/Frameworks/Python.framework/Versions/*/bin",
)
NODE_HOMES = (
    "~/.nvm/versions/node/*/bin",
    "~/.fnm/node-versions/*/installation/bin",
    "~/.local/share/fnm/node-versions/*/installation/bin",
    "~/.volta/tools/image/node/*/bin",
    "~/.asdf/installs/nodejs/*/bin",
    "~/.local/share/mise/installs/node/*/bin",
    "/usr/local/n/versions/node/*/bin",
    "/opt/homebrew/opt/node@*/bin",
    "/usr/local/opt/node@*/bin",
)


@dataclass(frozen=True, slots=True)
class Interpreter:
    """One that is there. `version` is major and minor."""

    path: Path
    version: tuple[int, int]


class Interpreters:
    """Finds interpreters, asking each at most once."""

    def __init__(self) -> None:
        self._found: dict[str, Interpreter | None] = {}
        self._known: dict[Path, tuple[int, int] | None] = {}
        self._lock = asyncio.Lock()

    async def find(self, runtime: str) -> Interpreter | None:
        """The interpreter for `python3.N` or `nodejsN.x`; the nearest, with a notice, if that one is missing."""
        if runtime not in self._found:
            async with self._lock:
                if runtime not in self._found:
                    self._found[runtime] = await asyncio.to_thread(self._find, runtime)
        return self._found[runtime]

    def _find(self, runtime: str) -> Interpreter | None:
        if runtime.startswith("python"):
            wanted = _version(runtime.removeprefix("python"))
            found = self._python(wanted)
        else:
            wanted = (_version(runtime.removeprefix("nodejs"))[0], 0)
            found = self._node(wanted)
        if found is None:
            log.warning("This machine has nothing that could run %s.", runtime, extra={"action": "runtime_missing"})
        elif not _same(runtime, wanted, found.version):
            log.warning(
                "This machine has no %s; functions that ask for it run on %s (%d.%d).",
                runtime,
                found.path,
                *found.version,
                extra={"action": "runtime_substituted"},
            )
        return found

    def _python(self, wanted: tuple[int, int]) -> Interpreter | None:
        own = Path(getattr(sys, "_base_executable", sys.executable))
        if sys.version_info[:2] == wanted:
            return Interpreter(own, wanted)
        exact = f"python{wanted[0]}.{wanted[1]}"
        for path in _programs(exact, PYTHON_HOMES):
            if self._ask(path) == wanted:
                return Interpreter(path, wanted)
        others = {sys.version_info[:2]: own}
        for path in _programs(re.compile(r"python3\.\d+$"), PYTHON_HOMES):
            version = self._ask(path)
            if version is not None and version >= PYTHON_MINIMUM:
                others.setdefault(version, path)
        return _nearest(wanted, others)

    def _node(self, wanted: tuple[int, int]) -> Interpreter | None:
        others: dict[tuple[int, int], Path] = {}
        for path in _programs("node", NODE_HOMES):
            version = self._ask(path)
            if version is not None and version >= NODE_MINIMUM:
                if version[0] == wanted[0]:
                    return Interpreter(path, version)
                others.setdefault(version, path)
        return _nearest(wanted, others)

    def _ask(self, path: Path) -> tuple[int, int] | None:
        """The version that a program says it is; None if it does not run."""
        if path not in self._known:
            self._known[path] = _ask_version(path)
        return self._known[path]


def _ask_version(path: Path) -> tuple[int, int] | None:
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, timeout=ASK_S, check=True, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = re.search(r"(\d+)\.(\d+)", done.stdout.decode(errors="replace"))
    return (int(found[1]), int(found[2])) if found else None


def _programs(name: str | re.Pattern[str], homes: Sequence[str]) -> Iterator[Path]:
    """Programs of a name on the search path and where version managers keep them, each once."""
    seen: set[Path] = set()
    for folder in _folders(homes):
        for path in _named(folder, name):
            real = path.resolve()
            if real not in seen and os.access(path, os.X_OK):
                seen.add(real)
                yield path


def _folders(homes: Sequence[str]) -> Iterable[Path]:
    for entry in os.environ.get("PATH", os.defpath).split(os.pathsep):
        if entry and not any(part in SHIMS for part in Path(entry).parts):
            yield Path(entry)
    for pattern in homes:
        expanded = Path(os.path.expanduser(pattern)).absolute()
        yield from sorted(Path(expanded.anchor).glob(str(expanded.relative_to(expanded.anchor))), reverse=True)


def _named(folder: Path, name: str | re.Pattern[str]) -> Iterable[Path]:
    if isinstance(name, str):
        path = folder / name
        return [path] if path.is_file() else []
    try:
        return [folder / entry for entry in sorted(os.listdir(folder)) if name.match(entry)]
    except OSError:
        return []


def _nearest(wanted: tuple[int, int], there: dict[tuple[int, int], Path]) -> Interpreter | None:
    """The next newer version; without one the newest older."""
    newer = sorted(version for version in there if version >= wanted)
    version = newer[0] if newer else max(there, default=None)
    return Interpreter(there[version], version) if version is not None else None


def _version(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor) if minor.isdigit() else 0


def _same(runtime: str, wanted: tuple[int, int], found: tuple[int, int]) -> bool:
    return found == wanted if runtime.startswith("python") else found[0] == wanted[0]
