"""`runner validate`: every problem of stack files at once, each with its line, a caret and a hint."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runner.cli.findings import as_github, as_json, as_sarif, colours, render
from runner.loader.checking import Checked, Options, check
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.errors import InputError
from runner.model.names import DEFAULT_REGION, Place

DEFAULT_FILES = ("stack.yaml", "stack.yml", "template.yaml", "template.yml", "template.json")


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--output",
    type=click.Choice(["text", "json", "github", "sarif"]),
    default="text",
    show_default=True,
    help="How to print findings.",
)
@click.option("--strict", is_flag=True, help="Warnings fail too.")
@click.option(
    "--template-only", is_flag=True, help="Look at nothing but the files: no code folders, no values beside them."
)
@click.option("--parameter-overrides", "overrides", multiple=True, metavar="K=V", help="Value of a template parameter.")
def validate(files: Sequence[Path], output: str, strict: bool, template_only: bool, overrides: Sequence[str]) -> int:
    """Check stack files; print every problem with its place and a hint.

    Files that are no stack files are passed over. Without FILES: the stack file of the current folder.
    Exits with 0 if all is well, 1 if something is wrong, 2 if the command itself is.
    """
    options = Options(_overrides(overrides), Place(region=_region()), template_only=template_only)
    named = bool(files)
    results = [_check(path, options) for path in (files or [_default()])]
    stacks = [checked for checked in results if checked.is_stack or not named]
    found = [diagnostic for checked in stacks for diagnostic in checked.diagnostics]
    _print(found, stacks, output)
    if named and not stacks and output == "text" and sys.stderr.isatty():
        click.echo("No stack file among the files (none has a Resources section).", err=True)
    failing = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return int(any(diagnostic.severity in failing for diagnostic in found))


def _check(path: Path, options: Options) -> Checked:
    try:
        return check(path, options)
    except OSError as error:
        message = f"Cannot read {path}: {error.strerror or error}"
        raise click.UsageError(f"{message}.") from None


def _default() -> Path:
    for name in DEFAULT_FILES:
        if Path(name).is_file():
            return Path(name)
    raise InputError("There is no stack file in this folder.", hint=f"Name one, or call it {DEFAULT_FILES[0]}.")


def _overrides(texts: Sequence[str]) -> dict[str, str]:
    values: dict[str, str] = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"--parameter-overrides {text!r} is not K=V.")
        values[name.strip()] = value
    return values


def _region() -> str:
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION


def _print(found: Sequence[Diagnostic], stacks: Sequence[Checked], output: str) -> None:
    match output:
        case "json":
            click.echo(as_json(found))
        case "github":
            if found:
                click.echo(as_github(found))
        case "sarif":
            click.echo(as_sarif(found))
        case _:
            texts = {name: text for checked in stacks for name, text in checked.texts.items()}
            sys.stdout.write(render(found, texts, colours(sys.stdout)))
            sys.stdout.flush()
