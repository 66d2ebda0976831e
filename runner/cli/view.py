"""What `runner up` shows: findings, plans, the ready tables, functions' output and the runner's own log."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

from runner.app import Ready, Reloaded
from runner.cli.findings import print_findings
from runner.cli.overview import overview
from runner.cli.render import Prefixes, console, print_plan, print_sections
from runner.cli.terminal import as_stream, standard_output
from runner.loader.loading import LoadResult
from runner.model.function import FunctionVersion
from runner.planner import Plan

LINES_MAX = 2_000  # of functions, shown within LINES_S; nobody reads more
LINES_S = 1.0
LEVEL_STYLES = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "bold red"}


class TerminalView:
    """Human text on standard output; findings and the runner's own log on standard error."""

    def __init__(self, *, verbose: bool = False) -> None:
        self._terminal = standard_output()
        self._out = console(as_stream(self._terminal))
        self._prefixes = Prefixes(self._out)
        self._flush_due = False
        self._second = 0.0  # when the one at hand began
        self._shown = 0  # lines within it
        self._left_out = 0
        self._telling: asyncio.TimerHandle | None = None
        handler = _LogHandler()
        logging.basicConfig(level=logging.DEBUG if verbose else logging.WARNING, handlers=[handler], force=True)
        logging.getLogger("runner").setLevel(logging.DEBUG if verbose else logging.INFO)
        logging.getLogger("watchfiles").setLevel(logging.WARNING)  # it tells of each write to our own database

    def findings(self, loaded: LoadResult) -> None:
        print_findings(loaded)

    def planned(self, plan: Plan) -> None:
        if plan.changes:
            print_plan(plan.changes, self._out)
            self._out.print()

    def ready(self, ready: Ready) -> None:
        self._prefixes.know(sorted({deployed.noun.name for deployed in ready.state.of(FunctionVersion).values()}))
        print_sections(overview(ready.state, ready.upcoming), self._out)
        if ready.outputs:
            self._out.print(Text("Outputs", style="bold"))
            for name, value in ready.outputs.items():
                self._out.print(Text(f"  {name} = {value}"))
            self._out.print()
        pace = f", clock x{ready.pace:g}" if ready.pace != 1 else ""
        self._out.print(Text.assemble(("ready", "bold green"), f" in {ready.took_s:.2f} s at "), end="")
        self._out.print(
            Text.assemble(
                (ready.place.endpoint, "bold"), f"  (account {ready.place.account}, {ready.place.region}{pace})"
            )
        )
        hint = f"aws --endpoint-url {ready.place.endpoint} lambda list-functions"
        self._out.print(Text(f"try:  {hint}\nstop: Ctrl-C", style="dim"))

    def reloaded(self, outcome: Reloaded) -> None:
        if outcome.loaded is not None:
            print_findings(outcome.loaded)
        if outcome.error is not None:
            self._out.print(Text(f"error: {outcome.error.message}", style="red"))
        if outcome.plan is None:
            self._out.print(Text("The last good stack keeps running.", style="yellow"))
        elif outcome.plan.changes:
            print_plan(outcome.plan.changes, self._out)

    def lines(self, function: str, lines: Sequence[str]) -> None:
        """Lines come in bursts; each burst is handed to the terminal as one piece. Those beyond measure are counted."""
        loop = asyncio.get_running_loop()
        if loop.time() - self._second >= LINES_S:
            self._tell_left_out()
            self._second, self._shown = loop.time(), 0
        room = LINES_MAX - self._shown
        if len(lines) > room:
            if not self._left_out:
                self._telling = loop.call_at(self._second + LINES_S, self._tell_left_out)
            self._left_out += len(lines) - room
            lines = lines[:room]
        if not lines:
            return
        self._shown += len(lines)
        self._prefixes.print(function, *lines)
        if not self._flush_due:
            self._flush_due = True
            loop.call_soon(self._flush)

    def _tell_left_out(self) -> None:
        count, self._left_out = self._left_out, 0
        if self._telling is not None:
            self._telling.cancel()
            self._telling = None
        if count:
            more = "1 more line" if count == 1 else f"{count:,} more lines"
            self._out.print(Text(f"… {more} of functions within a second: runner logs shows all of them", style="dim"))

    def _flush(self) -> None:
        self._flush_due = False
        self._terminal.flush()

    def close(self) -> None:
        """Everything shown is written."""
        self._tell_left_out()
        self._terminal.close()

    def notice(self, text: str) -> None:
        self._out.print(Text(text, style="yellow"))

    def stopping(self) -> None:
        self._out.print(Text("stopping; Ctrl-C again ends at once", style="dim"))


class _LogHandler(logging.Handler):
    """The runner's own log: one sentence a line, with its level, on standard error."""

    def __init__(self) -> None:
        super().__init__()
        self._out = Console(stderr=True, highlight=False, soft_wrap=True)
        self.setFormatter(logging.Formatter("%(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        try:
            prefix = "" if record.levelno <= logging.INFO else f"{record.levelname.lower()}: "
            self._out.print(Text(prefix + self.format(record), style=LEVEL_STYLES.get(record.levelno, "dim")))
        except Exception:
            self.handleError(record)
