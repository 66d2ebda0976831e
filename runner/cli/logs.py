"""`runner logs`: what functions logged, and with -f what they log; while a stack runs and after it was stopped."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator
from datetime import datetime
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import click

from runner.app import read_logs
from runner.cli.render import Prefixes, console
from runner.cli.target import refusal, settings_for, state_option
from runner.host.clock import Clock
from runner.host.lock import holder
from runner.model.errors import InputError, RunnerError

PATH = "/_runner/logs"
UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
DURATION = re.compile(r"(\d+)\s*([smhdw])")


@click.command()
@click.argument("function", required=False)
@click.option("-f", "--follow", is_flag=True, help="Go on with what is logged from now on, until Ctrl-C.")
@click.option("--since", default=None, metavar="WHEN", help="From then on: 10m, 2h, 1d, or 2026-01-31T12:00:00.")
@click.option("--filter", "pattern", default="", metavar="PATTERN", help="A filter pattern of CloudWatch Logs.")
@click.option("--timestamps/--no-timestamps", default=False, help="Show when each line was written.")
@click.option("--output", type=click.Choice(["text", "json"]), default="text", show_default=True, help="How to print.")
@click.option("--stack", type=click.Path(path_type=Path), help="The stack file, if not in this folder.")
@state_option
def logs(
    function: str | None,
    follow: bool,
    since: str | None,
    pattern: str,
    timestamps: bool,
    output: str,
    stack: Path | None,
    state: Path | None,
) -> int:
    """Show what FUNCTION logged (its name, its logical id, or a log group); without it, what all functions did."""
    settings = settings_for(stack, state)
    query = {"filter": pattern, "since_ms": _since_ms(since), "follow": "1" if follow else "", "name": function or ""}
    query = {key: value for key, value in query.items() if value}
    found = holder(settings.folder)
    if found is not None and found.endpoint:
        lines = _running(found.endpoint, query)
    elif follow:
        raise RunnerError(
            f"No runner is up for {settings.stack}: there is nothing to follow.",
            hint=f"Start one: runner up {settings.stack}",
        )
    else:
        lines = iter(asyncio.run(read_logs(settings, query)))
    show = _json if output == "json" else _Text(timestamps).show
    try:
        for line in lines:
            show(json.loads(line))
    except KeyboardInterrupt:
        return 0
    return 0


def _running(endpoint: str, query: dict[str, str]) -> Iterator[bytes]:
    address = urlsplit(endpoint)
    connection = HTTPConnection(address.hostname or "127.0.0.1", address.port)
    try:
        connection.request("GET", f"{PATH}?{urlencode(query)}")
        response = connection.getresponse()
        if response.status != 200:
            raise refusal(response.read(), f"The logs cannot be read: status {response.status}.")
        while line := response.readline():
            yield line
    except (OSError, HTTPException) as error:
        raise RunnerError(f"{endpoint} does not answer: {error}.") from None
    finally:
        connection.close()


def _since_ms(since: str | None) -> str:
    """Milliseconds since the epoch of a duration before now, or of a moment. Raises InputError."""
    if since is None:
        return ""
    if (found := DURATION.fullmatch(since.strip())) is not None:
        return str(round((Clock().now() - int(found[1]) * UNITS_S[found[2]]) * 1000))
    try:
        return str(round(datetime.fromisoformat(since).timestamp() * 1000))
    except ValueError:
        raise InputError(
            f"--since {since!r} is neither a duration nor a time.", hint="Write 10m, 2h, or 2026-01-31T12:00:00."
        ) from None


def _json(line: dict[str, Any]) -> None:
    click.echo(json.dumps(line, ensure_ascii=False))


class _Text:
    """Prints lines behind the name of their function."""

    def __init__(self, timestamps: bool) -> None:
        self._out = console()
        self._prefixes = Prefixes(self._out)
        self._timestamps = timestamps

    def show(self, line: dict[str, Any]) -> None:
        message = line["message"].rstrip("\n")
        if self._timestamps:
            at = datetime.fromtimestamp(line["at"]).isoformat(" ", "milliseconds")
            message = f"{at} {message}"
        self._prefixes.print(line["function"] or line["group"], message)
        self._out.file.flush()  # whoever reads through a pipe follows too
