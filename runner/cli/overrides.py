"""`--parameter-overrides` in every form that people know from the AWS and SAM CLIs, and the region."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from runner.model.names import DEFAULT_REGION

F = TypeVar("F", bound=Callable[..., Any])
OPTION = "--parameter-overrides"
PAIR = re.compile(r"[A-Za-z0-9]+=")
NEXT_PAIR = re.compile(r"\s+(?=[A-Za-z0-9]+=)")  # a value may hold spaces
SAM_PAIR = re.compile(r"ParameterKey=([^,\s]+),ParameterValue=(.*)", re.DOTALL)


def overrides_option(command: F) -> F:
    """The option; the command it belongs to is a StackCommand."""
    text = "Values of template parameters, K=V; several may follow one another."
    return click.option(OPTION, "overrides", multiple=True, metavar="K=V ...", help=text)(command)


class StackCommand(click.Command):
    """A command whose `--parameter-overrides` takes all pairs that follow it."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, spread(args))


def spread(arguments: Sequence[str]) -> list[str]:
    """`--parameter-overrides A=1 B=2` with the option before each pair."""
    result: list[str] = []
    taking = False
    for text in arguments:
        named = text == OPTION or text.startswith(f"{OPTION}=")
        follows = bool(result) and result[-1] == OPTION
        taking = named or follows or (taking and PAIR.match(text) is not None)
        if taking and not named and not follows:
            result.append(OPTION)
        result.append(text)
    return result


def parse_overrides(overrides: Sequence[str]) -> dict[str, str]:
    """The value of each parameter that is given one. Raises UsageError for what is no `K=V`."""
    parameters: dict[str, str] = {}
    for text in (pair for several in overrides for pair in NEXT_PAIR.split(several.strip())):
        if sam := SAM_PAIR.fullmatch(text):
            parameters[sam[1]] = sam[2]
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise click.UsageError(f"{OPTION} {text!r} is not K=V.")
        parameters[name.strip()] = value
    return parameters


def region() -> str:
    """The region of the environment, as the AWS CLI takes it."""
    return os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or DEFAULT_REGION
