"""What environments write: split into lines, stamped, handed on in batches off the path of the invocations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Protocol

from runner.core.environment_lines import End, Format, PlatformLine, Report, Start
from runner.host.clock import Clock

log = logging.getLogger(__name__)

FLUSH_S = 0.01  # how long lines may wait to be handed on together
EVENT_LIMIT = 262_144 - 26  # bytes of one log event, less what CloudWatch counts for it
TAIL = 4096  # bytes of log that an answer may carry


class LogSink(Protocol):
    """Where log lines go. Must not block or raise."""

    def write(self, function: str, group: str, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """Lines of one stream, in order: when each was written (epoch seconds), and its text without line end."""
        ...


Entry = tuple["Output", float, str | PlatformLine]
"""A line of an environment, and when it was written."""


class Journal:
    """Collects the lines of all environments and hands them to the sink a moment later, in order."""

    def __init__(self, sink: LogSink, clock: Clock) -> None:
        self.clock = clock
        self._sink = sink
        self._pending: list[Entry] = []
        self._timer: asyncio.TimerHandle | None = None

    def add(self, *entries: Entry) -> None:
        self._pending += entries
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_S, self.flush)

    def flush(self) -> None:
        """Hand on what is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        pending, self._pending = self._pending, []
        for output, entries in groupby(pending, _OUTPUT):
            try:
                lines = output.rendered(entries)
                if lines:
                    self._sink.write(output.function, output.group, output.stream, lines)
            except Exception:
                log.exception("Lines of %s were lost.", output.function, extra={"action": "log_lines_lost"})


_OUTPUT = itemgetter(0)


class Output:
    """The log of one environment: its stream, and the lines of the invocation at hand.

    `memory` tells the environment's peak memory in MB; it is asked when a report is written, not before.
    """

    def __init__(
        self, journal: Journal, function: str, group: str, stream: str, form: Format, memory: Callable[[], int]
    ) -> None:
        self.function, self.group, self.stream, self.form = function, group, stream, form
        self._journal = journal
        self.memory = memory
        self._rest = b""
        self._tail: list[str] | None = []
        self._start: Entry | None = None

    def begin(self, start: Start, *, tail: bool) -> None:
        """An invocation begins. `tail`: its log is wanted; lines of an init phase just before are part of it.

        The line itself waits for what follows it, so that a short invocation costs the journal one visit.
        """
        self._start = (self, self._journal.clock.now(), start)
        if not tail:
            self._tail = None
            return
        if self._tail is None:
            self._tail = []
        self.show_start()

    def show_start(self) -> None:
        """Hand on the start of an invocation that takes its time."""
        if self._start is not None:
            self._add(self._start)
            self._start = None

    def done(self, end: End, report: Report) -> None:
        """The invocation is over."""
        now = self._journal.clock.now()
        if self._start is not None:
            self._journal.add(self._start, (self, now, end), (self, now, report))
            self._start = None
        else:
            self._add((self, now, end))
            self._add((self, now, report))

    def feed(self, data: bytes) -> None:
        """What the processes of the environment wrote; a line is an event once it is complete."""
        self.show_start()
        lines = (self._rest + data if self._rest else data).split(b"\n")
        self._rest = lines.pop()
        for line in lines:
            self._line(line)
        if len(self._rest) >= EVENT_LIMIT:
            self.end_line()

    def end_line(self) -> None:
        """An unfinished line ends here: its process is gone."""
        if self._rest:
            rest, self._rest = self._rest, b""
            self._line(rest)

    def _line(self, raw: bytes) -> None:
        for start in range(0, len(raw), EVENT_LIMIT) if len(raw) > EVENT_LIMIT else (0,):
            line = raw[start : start + EVENT_LIMIT].decode("utf-8", "replace")
            self._add((self, self._journal.clock.now(), line))

    def platform(self, line: PlatformLine) -> None:
        """A line of Lambda's own."""
        self.show_start()
        self._add((self, self._journal.clock.now(), line))

    def _add(self, entry: Entry) -> None:
        if self._tail is not None:
            text = self.render(entry[2], entry[1])
            if text is not None:
                self._tail.append(text)
        self._journal.add(entry)

    def rendered(self, entries: Iterable[Entry]) -> list[tuple[float, str]]:
        """Lines as they are kept, without those that the function does not want. Memory is asked for once."""
        lines, peak = [], 0
        for _, at, line in entries:
            if isinstance(line, Report) and line.max_memory_mb == 0:
                peak = line.max_memory_mb = peak or self.memory()
            text = self.render(line, at)
            if text is not None:
                lines.append((at, text))
        return lines

    def render(self, line: str | PlatformLine, at: float) -> str | None:
        if isinstance(line, str):
            return line if self.form.keeps(line) else None
        return self.form.platform(line, at)

    def take_tail(self) -> bytes:
        """The last 4 KB of the invocation's log."""
        lines, self._tail = self._tail or [], None
        return b"".join(f"{line}\n".encode() for line in lines)[-TAIL:]
