"""The environment variables of an execution environment: Lambda's, then the function's own over them.

There is no container, so `/var/task`, `/opt` and `/tmp` are real folders of the machine: `LAMBDA_TASK_ROOT`, the search
paths and `TMPDIR` say which.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from runner.model.function import FunctionVersion
from runner.model.names import Place

ACCESS_KEY, SECRET_KEY, SESSION_TOKEN = "test", "test", "test"
NOT_FOR_EXTENSIONS = (
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "RUNNER_DEBUG",
    "RUNNER_PYTHON_PATH",
    "RUNNER_SDK_PATH",
    "RUNNER_SHOWN",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "_HANDLER",
)


FORKED_ON_MACOS = {"NO_PROXY": "127.0.0.1,localhost"}
"""Without any such variable urllib asks the system for proxies, which a forked process does not survive on macOS."""


@dataclass(frozen=True, slots=True)
class Folders:
    """Where the code of a version is, its layers (merged; None without any) and the runtime's own program."""

    task: Path
    opt: Path | None
    runtime: Path


def of_version(version: FunctionVersion, place: Place, folders: Folders, program: Path | None) -> dict[str, str]:
    """What all environments of a version have in common. `program` is the language's interpreter, if it has one."""
    config = version.config
    runtime = config.runtime or ""
    variables = {
        "AWS_ENDPOINT_URL": place.endpoint,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1:2000",
        "_AWS_XRAY_DAEMON_ADDRESS": "127.0.0.1",
        "_AWS_XRAY_DAEMON_PORT": "2000",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "PWD": str(folders.task),
        "SHLVL": "0",
        **(FORKED_ON_MACOS if sys.platform == "darwin" else {}),
        **search_paths(runtime, folders, program),
    }
    variables.update(config.environment.variables)
    variables.update(
        {
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
            "AWS_SESSION_TOKEN": SESSION_TOKEN,
            "AWS_REGION": place.region,
            "AWS_DEFAULT_REGION": place.region,
            "AWS_LAMBDA_FUNCTION_NAME": version.name,
            "AWS_LAMBDA_FUNCTION_VERSION": version.version,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(config.memory_mb),
            "AWS_LAMBDA_LOG_GROUP_NAME": log_group(version),
            "LAMBDA_TASK_ROOT": str(folders.task),
            "LAMBDA_RUNTIME_DIR": str(folders.runtime),
        }
    )
    if not runtime.startswith("provided"):
        variables["AWS_EXECUTION_ENV"] = f"AWS_Lambda_{runtime}"
    if config.handler is not None:
        variables["_HANDLER"] = config.handler
    if config.logging_config.log_format == "JSON":
        variables["AWS_LAMBDA_LOG_FORMAT"] = "JSON"
        variables["AWS_LAMBDA_LOG_LEVEL"] = config.logging_config.application_log_level or "INFO"
    return variables


def of_environment(*, api: str, stream: str, kind: str, temporary: Path) -> dict[str, str]:
    """What one environment has of its own. `kind`: `on-demand` or `provisioned-concurrency`."""
    return {
        "AWS_LAMBDA_RUNTIME_API": api,
        "AWS_LAMBDA_LOG_STREAM_NAME": stream,
        "AWS_LAMBDA_INITIALIZATION_TYPE": kind,
        "TMPDIR": str(temporary),
    }


def of_extension(variables: Mapping[str, str]) -> dict[str, str]:
    """An extension's variables: the runtime's without what is the runtime's own."""
    return {name: value for name, value in variables.items() if name not in NOT_FOR_EXTENSIONS}


def search_paths(runtime: str, folders: Folders, program: Path | None) -> dict[str, str]:
    """Where programs, libraries and modules are looked for: Lambda's order, on this machine's folders."""
    opt = folders.opt
    programs = [str(program.parent)] if program is not None else []
    paths = {
        "PATH": [*programs, "/usr/local/bin", "/usr/bin/", "/bin", *([str(opt / "bin")] if opt else [])],
        "LD_LIBRARY_PATH": [str(folders.task), str(folders.task / "lib"), *([str(opt / "lib")] if opt else [])],
    }
    if runtime.startswith("nodejs"):
        major = runtime.removeprefix("nodejs").partition(".")[0]
        layers = [str(opt / f"nodejs/node{major}/node_modules"), str(opt / "nodejs/node_modules")] if opt else []
        paths["NODE_PATH"] = [*layers, str(folders.task)]
    return {name: ":".join(entries) for name, entries in paths.items()}


def python_path(folders: Folders, version: tuple[int, int]) -> list[str]:
    """What comes first on `sys.path`: the function, then its layers."""
    task = [str(folders.task)]
    if folders.opt is None:
        return task
    packages = folders.opt / f"python/lib/python{version[0]}.{version[1]}/site-packages"
    return [*task, str(packages), str(folders.opt / "python")]


def shown(folders: Folders) -> dict[str, str]:
    """Real folder -> its name on Lambda, for what is told of errors. Runtimes may name what a link leads to, too."""
    names = {"/var/task": folders.task, "/opt": folders.opt, "/var/runtime": folders.runtime}
    there = {name: folder for name, folder in names.items() if folder is not None}
    return {real: name for name, folder in there.items() for real in (str(folder), os.path.realpath(folder))}


def log_group(version: FunctionVersion) -> str:
    return version.config.logging_config.log_group or f"/aws/lambda/{version.name}"


def log_stream(version: FunctionVersion, day: str, number: str) -> str:
    """The stream of one environment: `day` as `2024/03/13`, `number` 32 hexadecimal digits.

    Where a group is shared, the function's name is part of it.
    """
    name = version.name if version.config.logging_config.log_group else ""
    return f"{day}/{name}[{version.version}]{number}"
