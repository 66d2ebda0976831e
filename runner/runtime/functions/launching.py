"""How the process of a version is started: by which launcher, as what, in which folder, with which variables."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any, Protocol

from runner.host.process import Launcher
from runner.model.function import FunctionVersion
from runner.model.names import Place
from runner.runtime.functions.interpreters import Interpreter, Interpreters
from runner.runtime.functions.sdk import IMPORTED_AHEAD, link_debugger, link_sdk, sdk_minimum
from runner.runtime.functions.variables import Folders, of_version, python_path, shown

log = logging.getLogger(__name__)

BOOTSTRAPS = Path(__file__).parent / "bootstraps"
LIMITS = {"RLIMIT_NOFILE": 1024, "RLIMIT_CORE": 0}
WRAPPER = "AWS_LAMBDA_EXEC_WRAPPER"
FORKABLE = ("PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONIOENCODING")  # what a fork can still honour
COMMANDS: dict[str, tuple[str, ...]] = {
    "java": (
        "java",
        "-cp",
        "{task}:{task}/lib/*:{task}/*:{opt}/java/lib/*",
        "com.amazonaws.services.lambda.runtime.api.client.AWSLambda",
        "{handler}",
    ),
    "ruby": ("aws_lambda_ric", "{handler}"),
    "dotnet": ("dotnet", "exec", "{task}/Amazon.Lambda.RuntimeSupport.dll", "{handler}"),
}
"""Languages without a bootstrap here: their public runtime clients. A `bootstrap` in the code folder comes first."""


class Artifacts(Protocol):
    """Where code is kept."""

    def path(self, artifact: str) -> Path: ...


@dataclass(frozen=True, slots=True)
class Launch:
    """All that starting a process of a version takes, but for what differs from environment to environment.

    `programs` starts other programs beside it. `connected`: the process gets its connection to the Runtime API.
    `tried`: where an entry point was looked for in vain; then there is nothing to start.
    """

    launcher: Launcher
    job: Mapping[str, Any]
    variables: Mapping[str, str]
    folders: Folders
    programs: Launcher
    connected: bool = False
    tried: tuple[str, ...] = ()


@dataclass(slots=True)
class Launching:
    """Prepares launches and owns the launchers.

    `debug`: function -> port. `leftovers`: folders that the launchers remove if the runner is killed.
    """

    folder: Path
    code: Artifacts
    place: Place
    debug: Mapping[str, int] = field(default_factory=dict)
    interpreters: Interpreters = field(default_factory=Interpreters)
    launchers: dict[str, Launcher] = field(default_factory=dict)
    leftovers: list[str] = field(default_factory=list)

    async def prepare(self, version: FunctionVersion) -> Launch:
        """Find the interpreter, lay out the layers. Raises OSError."""
        opt = await asyncio.to_thread(self._merge_layers, version.layers) if version.layers else None
        folders = Folders(self.code.path(version.artifact), opt, BOOTSTRAPS)
        runtime = version.config.runtime or ""
        if runtime.startswith("python"):
            return self._python(version, folders, await self.interpreters.find(runtime))
        if runtime.startswith("nodejs"):
            return self._node(version, folders, await self.interpreters.find(runtime))
        return self._program(version, folders)

    async def warm(self, runtimes: set[str]) -> None:
        """Start the launchers before anyone asks for an environment."""
        for runtime in sorted(runtimes):
            managed = runtime.startswith(("python", "nodejs"))
            interpreter = await self.interpreters.find(runtime) if managed else None
            if not runtime.startswith("python"):
                self._plain().open()
            elif interpreter is not None:
                self._template(interpreter).open()

    def kill(self) -> None:
        """End every process at once."""
        for launcher in self.launchers.values():
            launcher.kill()

    def _python(self, version: FunctionVersion, folders: Folders, found: Interpreter | None) -> Launch:
        variables = of_version(version, self.place, folders, found.path if found else None)
        if found is None:
            return self._nothing(variables, folders, version.config.runtime or "")
        path = python_path(folders, found.version)
        port = self.debug.get(version.name)
        if port is None and (WRAPPER in variables or not _forkable(version.config.environment.variables)):
            variables["RUNNER_PYTHON_PATH"] = ":".join(path)
            variables["RUNNER_SDK_PATH"] = ":".join(self._sdk(found))
            variables["RUNNER_SHOWN"] = json.dumps(self._shown(folders, found))
            argv = [str(found.path), "-S", str(BOOTSTRAPS / "bootstrap.py")]
            return self._launch(_wrapped(argv, variables, folders), version, variables, folders)
        python: dict[str, Any] = {
            "handler": version.config.handler or "",
            "path": path,
            "bytecode": str(self.folder / "bytecode"),
        }
        if port is None:
            python["shown"] = self._shown(folders, found)
        else:  # an editor opens the files that it is told of: they keep their names
            python["debug"] = {"port": port, "path": str(link_debugger(self.folder / "debugger"))}
        job = {"python": python, "cwd": str(folders.task), "limits": _limits(version)}
        return Launch(self._template(found), job, variables, folders, self._plain(), connected=True)

    def _node(self, version: FunctionVersion, folders: Folders, found: Interpreter | None) -> Launch:
        variables = of_version(version, self.place, folders, found.path if found else None)
        if found is None:
            return self._nothing(variables, folders, version.config.runtime or "")
        argv = [str(found.path)]
        port = self.debug.get(version.name)
        if port is not None:
            argv.append(f"--inspect-brk=127.0.0.1:{port}")
            variables["RUNNER_DEBUG"] = "1"
        else:
            variables["RUNNER_SHOWN"] = json.dumps(shown(folders))
        argv.append(str(BOOTSTRAPS / "node.cjs"))
        command = _wrapped(argv, variables, folders)
        return self._launch(command, version, variables, folders, connected=True)

    def _program(self, version: FunctionVersion, folders: Folders) -> Launch:
        variables = of_version(version, self.place, folders, None)
        places = [folders.task / "bootstrap", *([folders.opt / "bootstrap"] if folders.opt else [])]
        for path in places:
            if path.is_file() and os.access(path, os.X_OK):
                return self._launch([str(path)], version, variables, folders)
        runtime = version.config.runtime or ""
        command = next((words for family, words in COMMANDS.items() if runtime.startswith(family)), None)
        program = shutil.which(command[0]) if command else None
        if command is None or program is None:
            return self._nothing(variables, folders, "/var/task/bootstrap", "/opt/bootstrap")
        words = {"task": folders.task, "opt": folders.opt or "/opt", "handler": version.config.handler or ""}
        argv = [program, *(word.format(**words) for word in command[1:])]
        return self._launch(_wrapped(argv, variables, folders), version, variables, folders)

    def _launch(
        self,
        argv: list[str],
        version: FunctionVersion,
        variables: Mapping[str, str],
        folders: Folders,
        *,
        connected: bool = False,
    ) -> Launch:
        job = {"argv": argv, "cwd": str(folders.task), "limits": _limits(version)}
        return Launch(self._plain(), job, variables, folders, self._plain(), connected)

    def _nothing(self, variables: Mapping[str, str], folders: Folders, *tried: str) -> Launch:
        return Launch(self._plain(), {}, variables, folders, self._plain(), tried=tried)

    def _plain(self) -> Launcher:
        """The launcher of programs: nothing imported."""
        if "" not in self.launchers:
            own = getattr(sys, "_base_executable", sys.executable)
            options = {"leftovers": self.leftovers}
            self.launchers[""] = Launcher([own, "-I", "-S", str(BOOTSTRAPS / "launcher.py")], options)
        return self.launchers[""]

    def _template(self, found: Interpreter) -> Launcher:
        """The launcher that Python environments of one interpreter are forked from."""
        key = str(found.path)
        if key not in self.launchers:
            path = self._sdk(found)
            options = {
                "runtime": str(BOOTSTRAPS / "bootstrap.py"),
                "path": path,
                "preload": list(IMPORTED_AHEAD) if path else [],
                "leftovers": self.leftovers,
            }
            self.launchers[key] = Launcher([key, "-I", "-S", str(BOOTSTRAPS / "launcher.py")], options)
        return self.launchers[key]

    def _shown(self, folders: Folders, found: Interpreter) -> dict[str, str]:
        """Folders by their names on Lambda, where the SDK has moved to the interpreter's library with Python 3.12."""
        version = ".".join(map(str, found.version))
        library = f"/var/lang/lib/python{version}/site-packages" if found.version >= (3, 12) else "/var/runtime"
        return {**shown(folders), str(self.folder / "sdk"): library}

    def _sdk(self, found: Interpreter) -> list[str]:
        if found.version < sdk_minimum():
            log.warning(
                "The SDK does not run on Python %d.%d: functions on it have to bring their own.",
                *found.version,
                extra={"action": "sdk_missing"},
            )
            return []
        return [str(link_sdk(self.folder / "sdk"))]

    def _merge_layers(self, layers: tuple[str, ...]) -> Path:
        """One folder with the content of all layers, later ones over earlier ones; made once for each combination."""
        if len(layers) == 1:
            return self.code.path(layers[0])
        target = self.folder / "opt" / sha256("\n".join(layers).encode()).hexdigest()[:32]
        if not target.exists():
            partial = target.with_name(f"{target.name}.partial")
            shutil.rmtree(partial, ignore_errors=True)
            for layer in layers:
                shutil.copytree(self.code.path(layer), partial, symlinks=True, dirs_exist_ok=True, copy_function=_link)
            partial.rename(target)
        return target


def _link(source: str, target: str) -> str:
    """The same content under another name; a copy where the file system cannot link."""
    if os.path.lexists(target):
        os.unlink(target)
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _wrapped(argv: list[str], variables: Mapping[str, str], folders: Folders) -> list[str]:
    """The command behind the function's wrapper, if it has one; Lambda's folders in its path are this machine's."""
    wrapper = variables.get(WRAPPER)
    if not wrapper:
        return argv
    for place, folder in (("/opt/", folders.opt), ("/var/task/", folders.task)):
        if folder is not None and wrapper.startswith(place):
            wrapper = str(folder / wrapper.removeprefix(place))
    return [wrapper, *argv]


def _limits(version: FunctionVersion) -> dict[str, int]:
    """What the machine itself holds a process to; no file may be larger than the function's `/tmp`."""
    return {**LIMITS, "RLIMIT_FSIZE": version.config.ephemeral_storage.size_mb << 20}


def _forkable(variables: Mapping[str, str]) -> bool:
    """Whether a fork of a running interpreter can honour the variables: Python's own are read when it starts."""
    return not any(name.startswith("PYTHON") and name not in FORKABLE for name in variables)
