"""What is produced from the code: passages of the README, and the schema. `python -m tests.generated` writes them."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import click

from runner.cli.main import COMMANDS, cli
from runner.loader.schema import schema
from runner.loader.support import support_matrix

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
SCHEMA = ROOT / "schemas" / "stack.schema.json"


def commands() -> str:
    """Every command with its usage and options."""
    context = click.Context(cli, info_name="runner")
    passages = []
    for name, (_, summary) in COMMANDS.items():
        command = cli.get_command(context, name)
        assert command is not None, name
        inner = click.Context(command, info_name=f"runner {name}")
        usage = " ".join(command.collect_usage_pieces(inner))
        lines = [f"`runner {name} {usage}`: {summary}", ""]
        for parameter in command.get_params(inner):
            record = parameter.get_help_record(inner)
            if record is not None and record[1] and "--help" not in record[0]:
                lines.append(f"- `{record[0]}` {' '.join(record[1].split())}")
        passages.append("\n".join(lines).strip())
    return "\n\n".join(passages)


PASSAGES: Mapping[str, Callable[[], str]] = {"commands": commands, "support": support_matrix}


def with_passages(text: str) -> str:
    """The README with every generated passage as the code has it now."""
    for name, produce in PASSAGES.items():
        begin, end = f"<!-- generated: {name} -->", "<!-- end generated -->"
        pattern = re.compile(re.escape(begin) + r"\n.*?" + re.escape(end), re.DOTALL)
        passage = f"{begin}\n{produce().strip()}\n{end}"
        text = pattern.sub(lambda _, passage=passage: passage, text)
    return text


def main() -> int:
    README.write_text(with_passages(README.read_text()))
    SCHEMA.write_text(json.dumps(schema(), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
