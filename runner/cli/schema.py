"""`runner schema`: the JSON Schema of stack files, for editors."""

from __future__ import annotations

import json

import click

from runner.loader.schema import schema as stack_schema


@click.command()
def schema() -> int:
    """Print the JSON Schema of stack files, for editors."""
    click.echo(json.dumps(stack_schema(), indent=2))
    return 0
