"""`runner graph`: draws what a stack file says."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import click

from runner.cli.checked import shown_stack
from runner.cli.drawing import as_dot, as_mermaid, as_svg
from runner.cli.overrides import StackCommand, overrides_option
from runner.loader.graph import Graph
from runner.loader.graph import graph as draw

FORMATS: Mapping[str, Callable[[Graph], str]] = {"mermaid": as_mermaid, "dot": as_dot, "svg": as_svg}


@click.command(cls=StackCommand)
@click.argument("stack", required=False, type=click.Path(path_type=Path))
@click.option(
    "--output", type=click.Choice(list(FORMATS)), default="mermaid", show_default=True, help="What to draw as."
)
@overrides_option
def graph(stack: Path | None, output: str, overrides: Sequence[str]) -> int:
    """Draw what STACK says: sources, buses, rules, functions, destinations."""
    checked, code = shown_stack(stack, overrides)
    if checked is None:
        return 1
    click.echo(FORMATS[output](draw(checked)), nl=False)
    return code
