"""`runner validate`: every problem of stack files at once, each with its line, a caret and a hint."""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import click

from runner.cli.checked import check_file, default_file, options_for
from runner.cli.findings import as_github, as_json, as_sarif, colours, render
from runner.cli.overrides import StackCommand, overrides_option
from runner.loader.checked import Checked
from runner.model.diagnostic import Diagnostic, Severity

FEW = 20  # files that are checked without collecting garbage


@click.command(cls=StackCommand)
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
@overrides_option
def validate(files: Sequence[Path], output: str, strict: bool, template_only: bool, overrides: Sequence[str]) -> int:
    """Check stack files; print every problem with its place and a hint.

    Files that are no stack files are passed over. Without FILES: the stack file of the current folder.
    Exits with 0 if all is well, 1 if something is wrong, 2 if the command itself is.
    """
    if len(files) <= FEW:
        gc.disable()  # the process ends before there is anything worth collecting
    options = options_for(overrides, template_only=template_only)
    named = bool(files)
    results = [check_file(path, options) for path in (files or [default_file()])]
    stacks = [checked for checked in results if checked.is_stack or not named]
    found = [diagnostic for checked in stacks for diagnostic in checked.diagnostics]
    _print(found, stacks, output)
    if named and not stacks and output == "text" and sys.stderr.isatty():
        click.echo("No stack file among the files (none has a Resources section).", err=True)
    failing = (Severity.ERROR, Severity.WARNING) if strict else (Severity.ERROR,)
    return int(any(diagnostic.severity in failing for diagnostic in found))


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
