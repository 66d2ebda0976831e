"""What commands that show a stack file share: check it, show what is wrong, give the region."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from runner.cli.findings import print_findings
from runner.cli.overrides import parse_overrides, region
from runner.loader.checked import Checked, Options
from runner.loader.checking import check
from runner.model.diagnostic import Severity
from runner.model.errors import InputError
from runner.model.names import Place

DEFAULT_FILES = ("stack.yaml", "stack.yml", "template.yaml", "template.yml", "template.json")


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


def shown_stack(path: Path | None, overrides: Sequence[str]) -> tuple[Checked | None, int]:
    """A checked stack, as far as it can be read, and the exit code; errors are shown first.

    Code beside the file does not matter. None where nothing can be shown.
    """
    checked = check_file(path or default_file(), options_for(overrides))
    errors = tuple(found for found in checked.diagnostics if found.severity is Severity.ERROR)
    errors = tuple(found for found in errors if found.code != "missing-code")
    if errors:
        print_findings(_Shown(errors, checked.texts))
    return (checked if checked.template else None), int(bool(errors))


class _Shown:
    def __init__(self, diagnostics: Any, texts: Mapping[str, str]) -> None:
        self.diagnostics = diagnostics
        self.texts = texts
