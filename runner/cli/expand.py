"""`runner expand`: the CloudFormation resources that a stack file means, each with its origin."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from ruamel.yaml import YAML

from runner.cli.checked import shown_stack
from runner.cli.overrides import StackCommand, overrides_option
from runner.loader.expansion import expansion


@click.command(cls=StackCommand)
@click.argument("stack", required=False, type=click.Path(path_type=Path))
@click.option("--output", type=click.Choice(["yaml", "json"]), default="yaml", show_default=True, help="How to print.")
@click.option("--keep-functions", is_flag=True, help="Expand SAM, but leave intrinsic functions as they are.")
@overrides_option
def expand(stack: Path | None, output: str, keep_functions: bool, overrides: Sequence[str]) -> int:
    """Print the CloudFormation resources that STACK means, after SAM and intrinsic functions.

    Where there are errors, they are shown first, and what can be read is printed all the same.
    The origin of each is under Metadata, runner:Origin: where it stands, and the resource and event it was made for.
    """
    checked, code = shown_stack(stack, overrides)
    if checked is None:
        return 1
    document = expansion(checked, keep_functions=keep_functions)
    click.echo(json.dumps(document, indent=2, ensure_ascii=False) if output == "json" else as_yaml(document), nl=False)
    if output == "json":
        click.echo()
    return code


def as_yaml(document: dict[str, Any]) -> str:
    """Block style, keys in their order, long text unbroken."""
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = False
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    yaml.width = 4096
    yaml.allow_unicode = True
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()
