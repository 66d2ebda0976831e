"""The table of commands. A command's module is loaded when it is called, so that `validate` stays light."""

from __future__ import annotations

import errno
import gc
import sys
from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click

from runner.model.errors import RunnerError

GC_THRESHOLD = 50_000  # allocations between collections of the youngest objects

COMMANDS: Mapping[str, tuple[str, str]] = {
    "up": ("runner.cli.up:up", "Run a stack: plan, apply, serve, reload on every save."),
    "validate": ("runner.cli.validate:validate", "Check stack files; print every problem with its place and a hint."),
    "plan": ("runner.cli.plan:plan", "Show what `up` would change, and why."),
    "status": ("runner.cli.status:status", "Show what is deployed and what it is doing."),
    "down": ("runner.cli.down:down", "Remove the stack and what it holds."),
    "invoke": ("runner.cli.invoke:invoke", "Invoke a function of a running stack."),
    "logs": ("runner.cli.logs:logs", "Show what functions logged."),
    "expand": ("runner.cli.expand:expand", "Print the CloudFormation resources that a stack file means."),
    "graph": ("runner.cli.graph:graph", "Draw what a stack file says: sources, buses, rules, functions, destinations."),
    "schema": ("runner.cli.schema:schema", "Print the JSON Schema of stack files, for editors."),
}


class Commands(click.Group):
    """Loads each command from the table when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        module, _, name = COMMANDS[cmd_name][0].partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Help is printed from the table: listing commands loads none of them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="runner", prog_name="runner")
def cli() -> None:
    """Run AWS Lambda and EventBridge stacks on your own machine."""


def main(arguments: list[str] | None = None) -> Any:
    """Entry point. Exit codes: 0 done, 1 the input is wrong, 2 usage, 3 the environment failed."""
    # Starting creates many objects and little garbage: collecting now and then costs a seventh of it for nothing.
    gc.set_threshold(GC_THRESHOLD, 20, 20)
    try:
        return cli.main(args=arguments, prog_name="runner", standalone_mode=False) or 0
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.Abort:
        return 130
    except click.ClickException as error:
        error.show()
        return 2 if isinstance(error, click.UsageError) else 1
    except RunnerError as error:
        click.echo(f"error: {error.message}", err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        return error.exit_code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EIO, errno.EBADF):
            raise
        click.echo(f"error: output cannot be written: {error.strerror}.", err=True)
        return RunnerError.exit_code


if __name__ == "__main__":
    sys.exit(main())
