"""Builds what a manifest asks for, once for each manifest: pip, npm, make and esbuild, into folders that never change.

A build is kept under a digest of what it was made from, so that saving a handler builds nothing. A function without
a manifest, or whose manifest asks for nothing but what Lambda bundles, needs no network and no tool.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/building-custom-runtimes.html
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from runner.model.errors import InputError
from runner.model.function import Function, LayerVersion
from runner.model.stack import Resource
from runner.runtime.functions.build_steps import (
    Commands,
    Step,
    esbuild_step,
    make_step,
    node_step,
    python_step,
)
from runner.runtime.functions.code_tree import walk
from runner.runtime.functions.interpreters import Interpreters

log = logging.getLogger(__name__)

TIMEOUT_S = 900.0
TOLD_LINES = 15  # of a failed tool's output
UNWANTED = frozenset(
    {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "PIP_TARGET", "PIP_USER", "PIP_PREFIX", "__PYVENV_LAUNCHER__"}
)
FOLDERS = {"python": "python/", "nodejs": "nodejs/"}
"""Where a layer keeps what it brings, by the family of its build method."""


@dataclass(frozen=True, slots=True)
class Built:
    """Trees to lay out in an artifact, first ones first, with the prefix of each; `source`: where the source goes.

    `source` is None where the build replaces the source.
    """

    trees: Sequence[tuple[str, Path]] = ()
    source: str | None = ""


class Builds:
    """Decides whether a resource needs a build, makes it, and keeps it."""

    def __init__(self, folder: Path, interpreters: Interpreters, report: Callable[[str], None] = log.info) -> None:
        self._folder = folder
        self._interpreters = interpreters
        self._report = report
        self._locks: dict[str, asyncio.Lock] = {}

    async def build(self, resource: Resource) -> Built:
        """What goes into the artifact of a function or layer. Raises InputError with the tool's last lines."""
        source = resource.code
        if source is None or not source.is_dir() or resource.metadata.get("SkipBuild") is True:
            return Built()
        method = str(resource.metadata.get("BuildMethod") or "")
        if isinstance(resource.noun, LayerVersion):
            return await self._layer(resource, source, method)
        assert isinstance(resource.noun, Function)
        runtime = method if _family(method) else resource.noun.runtime or ""
        if method == "makefile" or (not method and runtime.startswith("provided") and (source / "Makefile").is_file()):
            return Built((("", await self._run(resource, make_step(resource, source))),), None)
        if method == "esbuild":
            return await self._bundle(resource, source, resource.noun)
        step = await self._dependencies(runtime, source)
        return Built((("", await self._run(resource, step)),)) if step is not None else Built()

    async def _layer(self, resource: Resource, source: Path, method: str) -> Built:
        """A layer with a build method is built from its root; one without is laid out already, but for packages."""
        if method == "makefile":
            return Built((("", await self._run(resource, make_step(resource, source))),), None)
        family = _family(method)
        if family:
            step = await self._dependencies(method, source)
            prefix = FOLDERS[family]
            return Built(((prefix, await self._run(resource, step)),) if step is not None else (), prefix)
        trees: list[tuple[str, Path]] = []
        noun = resource.noun
        assert isinstance(noun, LayerVersion)
        for family, prefix in FOLDERS.items():
            runtime = next((name for name in noun.compatible_runtimes if name.startswith(family)), "")
            step = await self._dependencies(runtime, source / family) if runtime else None
            if step is not None:
                trees.append((prefix, await self._run(resource, step)))
        return Built(tuple(trees))

    async def _dependencies(self, runtime: str, source: Path) -> Step | None:
        """The step that fetches what a manifest names; None if nothing is to be fetched."""
        family = _family(runtime)
        if not family:
            return None
        if family == "nodejs":
            return node_step(source)
        interpreter = await self._interpreters.find(runtime)
        return python_step(source, interpreter) if interpreter is not None else None

    async def _bundle(self, resource: Resource, source: Path, noun: Function) -> Built:
        """esbuild: packages first, then one bundle for each entry point, which replaces the source."""
        packages = node_step(source, development=True)
        modules = await self._run(resource, packages) / "node_modules" if packages is not None else None
        step = esbuild_step(resource, source, noun.handler or "", modules)
        return Built((("", await self._run(resource, step)),), None)

    async def _run(self, resource: Resource, step: Step) -> Path:
        """The folder of a finished step; made now if it is not there."""
        key = _key(step)
        finished = self._folder / key
        async with self._locks.setdefault(key, asyncio.Lock()):
            if not finished.is_dir():
                self._folder.mkdir(parents=True, exist_ok=True)
                draft = Path(tempfile.mkdtemp(prefix="draft-", dir=self._folder))
                try:
                    await self._carry_out(resource, step, draft)
                    os.rename(draft, finished)
                finally:
                    shutil.rmtree(draft, ignore_errors=True)
        return finished

    async def _carry_out(self, resource: Resource, step: Step, draft: Path) -> None:
        self._report(f"{resource.logical_id}: {step.title} ...")
        for command in step.commands(draft):
            output = await self._command(command)
            if output is not None:
                raise InputError(
                    f"{resource.at}: {resource.logical_id} could not be built: {step.title} failed.\n{output}",
                    hint=step.hint,
                )
        for name in step.leave_out:
            path = draft / name
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        self._report(f"{resource.logical_id}: {step.title} done")

    async def _command(self, command: Commands) -> str | None:
        """None if it succeeded, else the last lines of what it said."""
        try:
            process = await asyncio.create_subprocess_exec(
                *command.arguments,
                cwd=command.folder,
                env=_environment(command.environment),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return f"{command.arguments[0]}: {error.strerror}"
        try:
            output, _ = await asyncio.wait_for(process.communicate(), TIMEOUT_S)
        except TimeoutError:
            return f"It took longer than {TIMEOUT_S:.0f} s and was ended."
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, 9)
                await process.wait()
        lines = output.decode(errors="replace").strip().splitlines()
        return None if process.returncode == 0 else "\n".join(lines[-TOLD_LINES:])


def _environment(more: Mapping[str, str]) -> dict[str, str]:
    """Ours, without what would make a tool write elsewhere."""
    unwanted = (
        "PYTHONPATH",
        "PYTHONHOME",
        "VIRTUAL_ENV",
        "PIP_TARGET",
        "PIP_USER",
        "PIP_PREFIX",
        "__PYVENV_LAUNCHER__",
    )
    kept = {key: value for key, value in os.environ.items() if key not in unwanted}
    return {**kept, "PIP_REQUIRE_VIRTUALENV": "0", **more}


def _family(runtime: str) -> str:
    return next((family for family in FOLDERS if runtime.startswith(family)), "")


def _key(step: Step) -> str:
    """A digest of everything that a step's result depends on."""
    digest = hashlib.sha256(f"{step.title}\n{step.variant}\n".encode())
    for path in step.inputs:
        if path.is_dir():
            for found in walk(path):
                digest.update(f"{found.path}\0{found.stamp}\0{found.link}\n".encode())
        elif path.is_file():
            digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()
