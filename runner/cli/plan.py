"""`runner plan`: what `up` would change, and why. Changes nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

import click

from runner.app import plan_stack
from runner.cli.findings import print_findings
from runner.cli.overrides import StackCommand, overrides_option
from runner.cli.render import console, plan_document, print_data, print_plan
from runner.cli.target import output_options, settings_for, stack_argument, state_option


@click.command(cls=StackCommand)
@stack_argument
@state_option
@overrides_option
@output_options
@click.option("--detailed-exitcode", is_flag=True, help="Exit 2 if there are changes, as Terraform does.")
def plan(
    stack: Path | None,
    state: Path | None,
    overrides: Sequence[str],
    output: str,
    query: str | None,
    detailed_exitcode: bool,
) -> int:
    """Show what `up` would change, and why."""
    planned = asyncio.run(plan_stack(settings_for(stack, state, overrides)))
    print_findings(planned.loaded)
    if planned.plan is None:
        return 1
    changes = planned.plan.changes
    if output == "json" or query:
        print_data(plan_document(changes), query)
    else:
        print_plan(changes, console())
    return 2 if changes and detailed_exitcode else 0
