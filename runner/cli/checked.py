"""What commands that show a stack file share: check it, show what is wrong, give the region."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from runner.cli.findings import print_findings
from runner.loader.checking import Checked, Options, check
from runner.model.diagnostic import Severity
from runner.model.errors import InputError
from runner.model.names import DEFAULT_REGION, Place

F = TypeVar("F", bound=Callable[..., Any])
DEFAULT_FILES = ("stack.yaml", "stack.yml", "template.yaml", "template.yml", "template.json")


def overrides_option(command: F) -> F:
    text = "Value of a template parameter, K=V; may be given several times."
    return click.option("--parameter-overrides", "overrides", multiple=True, metavar="K=V", help=text)(command)


def parse_overrides(texts: Sequence[str]) -> Mapping[str, str]:
    """`K=V` pairs. Raises UsageError for anything else."""
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"--parameter-overrides {text!r} is not K=V.")
        values[name.strip()] = value
    return values


def region() -> str:
    """The region of the environment, as the AWS CLI takes it."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def default_file() -> Path:
    """The stack file of the current folder. Raises InputError if there is none."""
    for name in DEFAULT_FILES:
        if Path(name).is_file():
            return Path(name)
    raise InputError("There is no stack file in this folder.", hint=f"Name one, or call it {DEFAULT_FILES[0]}.")


def options_for(overrides: Sequence[str], *, template_only: bool = False) -> Options:
    return Options(parse_overrides(overrides), Place(region=region()), template_only=template_only)


def check_file(path: Path, options: Options) -> Checked:
    """Check one file. Raises UsageError if it cannot be read."""
    try:
        return check(path, options)
    except OSError as error:
        raise click.UsageError(f"Cannot read {path}: {error.strerror or error}.") from None


def sound_stack(path: Path | None, overrides: Sequence[str]) -> Checked | None:
    """A checked stack that has no errors; None after they are shown. Code beside the file does not matter."""
    checked = check_file(path or default_file(), options_for(overrides, template_only=False))
    errors = tuple(found for found in checked.diagnostics if found.severity is Severity.ERROR)
    errors = tuple(found for found in errors if found.code != "missing-code")
    if errors:
        print_findings(_Shown(errors, checked.texts))
        return None
    return checked


class _Shown:
    def __init__(self, diagnostics: Any, texts: Mapping[str, str]) -> None:
        self.diagnostics = diagnostics
        self.texts = texts
