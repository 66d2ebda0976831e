"""Which stack a command is about: its file, its state folder, and who runs it right now. Shared options."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from runner.cli.overrides import parse_overrides, region
from runner.host.lock import Holder, holder
from runner.model.errors import InputError, RunnerError, StateError
from runner.model.settings import Settings

F = TypeVar("F", bound=Callable[..., Any])

FIRST_DEBUG_PORT = 5678  # what debugpy's own examples use
DEFAULT_FILES = ("stack.yaml", "stack.yml", "template.yaml", "template.yml", "template.json")


def stack_argument(command: F) -> F:
    return click.argument("stack", required=False, type=click.Path(path_type=Path))(command)


def state_option(command: F) -> F:
    text = "State folder; by default .runner beside the stack file."
    return click.option("--state", type=click.Path(path_type=Path, file_okay=False), help=text)(command)


def output_options(command: F) -> F:
    command = click.option("--query", metavar="JMESPATH", help="Narrow JSON output, as in the AWS CLI.")(command)
    return click.option(
        "--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print."
    )(command)


def find_stack(stack: Path | None) -> Path:
    """The stack file that is meant. Raises InputError if there is none."""
    if stack is not None:
        found = (
            next((stack / name for name in DEFAULT_FILES if (stack / name).is_file()), None)
            if stack.is_dir()
            else stack
        )
        if found is None or not found.is_file():
            raise InputError(f"There is no stack file at {stack}.", hint=f"Name one of: {', '.join(DEFAULT_FILES)}.")
        return found
    for name in DEFAULT_FILES:
        if Path(name).is_file():
            return Path(name)
    raise InputError(
        "There is no stack file in this folder.",
        hint=f"Name one, or call it {DEFAULT_FILES[0]} or template.yaml.",
    )


def parse_debug(functions: Sequence[str]) -> dict[str, int]:
    """`FUNCTION[:PORT]` -> port; each one without a port takes the next free one from 5678 up."""
    ports: dict[str, int] = {}
    for index, text in enumerate(functions):
        name, colon, port = text.partition(":")
        if not name or (colon and not port.isdigit()):
            raise InputError(
                f"--debug {text!r} is not FUNCTION[:PORT].", hint="Write orders-place or orders-place:5678."
            )
        ports[name] = int(port) if port else FIRST_DEBUG_PORT + index
    return ports


def settings_for(stack: Path | None, state: Path | None, overrides: Sequence[str] = (), **more: Any) -> Settings:
    """Settings of a command; region from the environment, as the AWS CLI takes it."""
    path = find_stack(stack)
    folder = (state or path.parent / ".runner").absolute()
    return Settings(stack=path, folder=folder, parameters=parse_overrides(overrides), region=region(), **more)


def running(settings: Settings) -> Holder:
    """Who runs the stack now. Raises StateError if nobody does."""
    found = holder(settings.folder)
    if found is None or not found.endpoint:
        raise StateError(
            f"No runner is up for {settings.stack}.", hint=f"Start one in another terminal: runner up {settings.stack}"
        )
    return found


def refusal(body: bytes, otherwise: str) -> RunnerError:
    """What a running stack answered a command of ours with; `otherwise` if it said nothing."""
    try:
        told = json.loads(body)
        return InputError(str(told["error"]), hint=str(told.get("hint", "")))
    except (ValueError, KeyError, TypeError):
        return RunnerError(otherwise)
