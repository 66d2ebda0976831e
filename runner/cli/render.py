"""How things look: tables, plans, log prefixes. Coloured and boxed on a terminal, plain and aligned elsewhere."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any

import click
import jmespath
from rich.console import Console
from rich.table import Table
from rich.text import Text

from runner.model.errors import InputError
from runner.planner.changes import Action, Change, Reason

SYMBOLS: Mapping[Action, tuple[str, str]] = {
    Action.CREATE: ("+", "green"),
    Action.UPDATE: ("~", "yellow"),
    Action.REPLACE: ("±", "magenta"),
    Action.DELETE: ("-", "red"),
    Action.PUBLISH: ("^", "cyan"),
    Action.RETAIN: ("=", "blue"),
}
PREFIX_COLOURS = ("36", "35", "32", "33", "34", "96", "95", "92")  # ANSI
PLATFORM_LINES = ("START ", "END ", "REPORT ", "INIT_START ", "INIT_REPORT ")
CONTROL = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f]")
CONTROLS = bytes({*range(0x20), 0x7F} - {*b"\t\n"})
CODE = "code"  # its digests tell a person nothing that the reason does not
MAX_DIFFERENCES = 12  # of one change, before the rest is only counted
SHORTEST_NAME = 6  # where there is no more room than this for a name, it is left out
MAX_VALUE = 60  # characters of a property's value in a plan


@dataclass(frozen=True, slots=True)
class Section:
    """A titled table: what is listed once as text is listed as `name` in JSON."""

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def document(self) -> list[dict[str, str]]:
        keys = [column.lower().replace(" ", "_") for column in self.columns]
        return [dict(zip(keys, row, strict=True)) for row in self.rows]


def console(stream: IO[str] | None = None) -> Console:
    """A console that wraps nothing and colours only on a terminal."""
    return Console(file=stream or sys.stdout, highlight=False, soft_wrap=True)


def print_sections(sections: Iterable[Section], out: Console) -> None:
    """Tables of everything that has rows."""
    for section in sections:
        if not section.rows:
            continue
        if out.is_terminal:
            table = Table(title=section.title, title_justify="left", title_style="bold", box=None, pad_edge=False)
            for column in section.columns:
                table.add_column(column, style="dim" if column in ("ARN", "URL") else "", overflow="fold")
            for row in section.rows:
                table.add_row(*(Text(cell) for cell in row))
            out.print(table)
            out.print()
        else:
            out.print(Text("\n".join([section.title, *aligned(section.columns, section.rows), ""])))


def aligned(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows as plain text, columns padded to their widest cell."""
    everything = [columns, *rows]
    widths = [max(len(row[index]) for row in everything) for index in range(len(columns))]
    return [
        ("  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))).rstrip()
        for row in everything
    ]


def print_data(document: Any, query: str | None) -> None:
    """JSON, optionally narrowed by a JMESPath query as in the AWS CLI. Raises InputError for a bad query."""
    if query:
        try:
            document = jmespath.search(query, document)
        except jmespath.exceptions.JMESPathError as error:
            raise InputError(f"--query: {error}", hint="Write a JMESPath expression, as for the AWS CLI.") from None
    click.echo(json.dumps(document, indent=2, ensure_ascii=False))


def print_plan(changes: Sequence[Change], out: Console, *, details: bool = True) -> None:
    """A plan as people read it: what happens to which resource, and why; one line a change, whatever the width."""
    types = [_type(change, out) for change in changes]
    type_width = max(map(len, types), default=0)
    id_width = max((len(change.logical_id or change.name) for change in changes), default=0)
    for change, kind in zip(changes, types, strict=True):
        symbol, colour = SYMBOLS[change.action]
        line = Text(f"  {symbol} {change.action:<8}", style=colour)
        line.append(f"{kind:<{type_width}}  ", style="dim")
        line.append(f"{change.logical_id or change.name:<{id_width}}", style="bold")
        _finish(line, change, out)
        out.print(line)
        if details and change.action is not Action.CREATE:
            _print_differences(change, out)
    out.print(Text(summary(changes)))


def _type(change: Change, out: Console) -> str:
    """A resource's type; every one on a terminal is of AWS."""
    return change.type.removeprefix("AWS::") if out.is_terminal else change.type


def _finish(line: Text, change: Change, out: Console) -> None:
    """The name and the reasons. On a terminal the name is cut to fit, and what is new needs no reason."""
    obvious = out.is_terminal and change.reasons == (Reason.NOT_DEPLOYED,)
    why = "" if obvious else f"  ({'; '.join(change.reasons)})"
    room = out.width - line.cell_len - len(why) if out.is_terminal else len(change.name) + SHORTEST_NAME
    if change.name and change.name != change.logical_id and room > SHORTEST_NAME:
        name = Text(f"  {change.name}")
        name.truncate(room, overflow="ellipsis")
        line.append(name)
    line.append(why, style="dim")


def _print_differences(change: Change, out: Console) -> None:
    told = [difference for difference in change.differences if difference.path != CODE]
    for difference in told[:MAX_DIFFERENCES]:
        out.print(Text(f"        {difference.path}: {_short(difference.before)} -> {_short(difference.after)}"))
    if (more := len(told) - MAX_DIFFERENCES) > 0:
        out.print(Text(f"        and {more} more", style="dim"))


def summary(changes: Sequence[Change]) -> str:
    """`Plan: 3 to create, 1 to update.`"""
    counts = {action: sum(change.action is action for change in changes) for action in Action}
    parts = [f"{count} to {action}" for action, count in counts.items() if count]
    return f"Plan: {', '.join(parts)}." if parts else "No changes."


def _short(value: Any) -> str:
    text = "(absent)" if value is None else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_VALUE else f"{text[: MAX_VALUE - 1]}…"


def plan_document(changes: Sequence[Change]) -> list[dict[str, Any]]:
    """A plan for machines."""
    return [
        {
            "action": str(change.action),
            "type": change.type,
            "logicalId": change.logical_id,
            "name": change.name,
            "reasons": [str(reason) for reason in change.reasons],
            "differences": [{"path": d.path, "before": d.before, "after": d.after} for d in change.differences],
        }
        for change in changes
    ]


class Prefixes:
    """`orders-place | ` before every line of a function, in a colour of its own, as wide as the longest name so far.

    Written without a rich renderable per line: functions may log thousands of lines a second.
    """

    def __init__(self, out: Console) -> None:
        self._file = out.file
        self._coloured = out.is_terminal and not out.no_color
        self._colours: dict[str, str] = {}
        self._prefixes: dict[str, str] = {}
        self._width = 0

    def know(self, names: Iterable[str]) -> None:
        for name in names:
            self._colours.setdefault(name, PREFIX_COLOURS[len(self._colours) % len(PREFIX_COLOURS)])
            self._width = max(self._width, len(name))
        self._prefixes.clear()

    def print(self, name: str, *lines: str) -> None:
        """Lines of a function's log."""
        prefix = self._prefixes.get(name) or self._prefix(name)
        text = "\n".join(map(_for_terminal, lines) if self._coloured else map(str.rstrip, lines))
        if not self._coloured:
            text = safe(text)
        self._file.write(f"{prefix}{text}\n" if "\n" not in text else prefix + text.replace("\n", f"\n{prefix}") + "\n")

    def _prefix(self, name: str) -> str:
        if name not in self._colours:
            self.know((name,))
        prefix = f"{name:<{self._width}} | "
        if self._coloured:
            prefix = f"\033[{self._colours[name]}m{prefix}\033[0m"
        self._prefixes[name] = prefix
        return prefix


def _for_terminal(line: str) -> str:
    """A line in colours: what the platform says is dim."""
    return f"\033[2m{safe(_shortened(line))}\033[0m" if line.startswith(PLATFORM_LINES) else safe(line)


def _shortened(line: str) -> str:
    """A line of the platform for a terminal: no ARN of the runtime, and no tabs that tear it apart."""
    return line.partition("\tRuntime Version ARN:")[0].replace("\t", "  ")


def safe(line: str) -> str:
    """A line for a terminal: Lambda's \\r for line breaks within an event as line breaks, control characters visible.

    Colours that a function prints are left alone.
    """
    text = line.rstrip().replace("\r", "\n")
    data = text.encode("utf-8", "replace")
    if len(data.translate(None, CONTROLS)) == len(data):  # as almost always; found out at a hundredth of the price
        return text
    return CONTROL.sub(lambda found: f"\\x{ord(found[0]):02x}", text)
