"""`runner status`: what is deployed, whether it runs, and what its queues hold."""

from __future__ import annotations

import asyncio
from pathlib import Path

import click

from runner.app import read_status
from runner.cli.overview import overview
from runner.cli.render import console, print_data, print_sections
from runner.cli.target import output_options, settings_for, stack_argument, state_option
from runner.host.lock import holder


@click.command()
@stack_argument
@state_option
@output_options
def status(stack: Path | None, state: Path | None, output: str, query: str | None) -> int:
    """Show what is deployed and what it is doing."""
    settings = settings_for(stack, state)
    found = holder(settings.folder)
    read = asyncio.run(read_status(settings))
    sections = overview(read.state, read.upcoming, read.depths)
    if output == "json" or query:
        document: dict[str, object] = {"running": found is not None, "endpoint": found.endpoint if found else None}
        print_data(document | {section.name: section.document() for section in sections}, query)
        return 0
    where = f"running at {found.endpoint} (process {found.pid})" if found else "not running"
    click.echo(f"{settings.stack}: {where}\n")
    print_sections(sections, console())
    return 0
