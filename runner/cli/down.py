"""`runner down`: ends what runs, removes the stack and, unless told otherwise, what it holds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from runner.app import remove_stack
from runner.cli.render import console, print_plan
from runner.cli.target import settings_for, stack_argument, state_option


@click.command()
@stack_argument
@state_option
@click.option("--keep-data", is_flag=True, help="Keep what queues, buses and logs hold.")
def down(stack: Path | None, state: Path | None, keep_data: bool) -> int:
    """Remove the stack and what it holds. A running `up` is ended first."""
    plan = asyncio.run(remove_stack(settings_for(stack, state), keep_data=keep_data))
    print_plan(plan.changes, console(), details=False)
    return 0
