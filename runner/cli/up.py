"""`runner up`: the whole of it, in the foreground, until Ctrl-C."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from runner.app import serve
from runner.cli.overrides import StackCommand, overrides_option
from runner.cli.target import parse_debug, settings_for, stack_argument, state_option
from runner.cli.view import TerminalView

PACE_MAX = 1_000_000  # a year in half a minute


class Pace(click.FloatRange):
    """A range that `nan` is not in either."""

    name = "number"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        pace = super().convert(value, param, ctx)
        if math.isnan(pace):
            self.fail(f"{value} is not a number.", param, ctx)
        return pace


@click.command(cls=StackCommand)
@stack_argument
@state_option
@overrides_option
@click.option("--port", type=click.IntRange(0, 65535), default=4566, show_default=True, help="0 takes a free port.")
@click.option(
    "--pace",
    type=Pace(min=0, min_open=True, max=PACE_MAX),
    default=1.0,
    show_default=True,
    help="Run the clock N times faster.",
)
@click.option("--no-watch", is_flag=True, help="Do not reload when files change.")
@click.option(
    "--debug", "debugged", multiple=True, metavar="FUNCTION[:PORT]", help="Wait for a debugger in a function."
)
@click.option("--verbose", "-v", is_flag=True, help="Show what the runner itself does.")
def up(
    stack: Path | None,
    state: Path | None,
    overrides: Sequence[str],
    port: int,
    pace: float,
    no_watch: bool,
    debugged: Sequence[str],
    verbose: bool,
) -> int:
    """Run a stack: plan, apply, serve, reload on every save. Ctrl-C ends it in order, a second one at once."""
    settings = settings_for(
        stack, state, overrides, port=port, pace=pace, watch=not no_watch, debug=parse_debug(debugged)
    )
    view = TerminalView(verbose=verbose)
    try:
        return serve(settings, view)
    finally:
        view.close()
