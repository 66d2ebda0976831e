"""What environments write: split into lines, stamped, handed on in batches off the path of the invocations."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Callable, Sequence
from itertools import groupby
from operator import itemgetter
from typing import Protocol, cast

from runner.core.call_lines import Begun, Call, CallLines, Done, Usual, Written, in_full, lines_of
from runner.core.environment_lines import End, PlatformLine, Report, Start, start_text
from runner.host.clock import Clock
from runner.runtime.functions.terms import Terms

log = logging.getLogger(__name__)

FLUSH_S = 0.01  # how long lines wait at least to be handed on together, and at most twice as long
BUSY_FLUSH_S, BUSY = 0.03, 300  # the same after so many lines at once
FEW = 100  # lines of several environments: so many are handed on in order of time, more one environment after another
MANY = 3  # invocations in a row whose lines need not be made up before somebody looks at them
LINE, CALL = 2, 4  # how long the tuples are by which a line and an invocation as usual wait
SAMPLES = 4  # environments asked for their memory in one batch, each time; of more, some are asked less often
SAMPLED_S = 0.25  # so old may a peak be then
EVENT_LIMIT = 262_144 - 26  # bytes of one log event, less what CloudWatch counts for it
TAIL = 4096  # bytes of log that an answer may carry

Line = tuple[float, str | PlatformLine]
"""A line that is not rendered yet."""


Batch = tuple["Output", Sequence[Written]]
"""Lines of an environment, in order."""


class LogSink(Protocol):
    """Where log lines go. Must not block or raise."""

    def write(self, function: str, group: str, stream: str, lines: Sequence[Written]) -> None:
        """Lines of one stream, in order: when each was written (epoch seconds), and its text without line end."""
        ...


class Journal:
    """Hands the lines of all environments to the sink a moment after they were written: each one's in one go.

    That takes its time, and is best done right after an answer, when whoever calls has something to do of its own: by
    the end of the first invocation from `due` on, by a timer where none ends.
    """

    def __init__(self, sink: LogSink, clock: Clock) -> None:
        self.clock = clock
        self.due = 0.0
        self._sink = sink
        self._waiting: list[Output] = []
        self._timer: asyncio.Handle | None = None

    def wake(self, output: Output) -> None:
        """An environment that had nothing to hand on has something now."""
        self._waiting.append(output)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(2 * FLUSH_S, self.flush)

    def flush_soon(self) -> None:
        """Hand on what is pending once what is done at the moment is done."""
        self.due = math.inf
        if self._timer is not None:
            self._timer.cancel()
        self._timer = asyncio.get_running_loop().call_soon(self.flush)

    def flush(self) -> None:
        """Hand on what is pending."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        waiting, self._waiting = self._waiting, []
        batches: list[Batch] = []
        for number, output in enumerate(waiting):
            try:
                batches += [(output, lines) for lines in output.take_lines(exact=number < SAMPLES)]
            except Exception:
                _lost(output)
        count = sum(len(lines) for _, lines in batches)
        self.due = self.clock.now() + (BUSY_FLUSH_S if count > BUSY else FLUSH_S) * self.clock.pace
        if len(batches) > 1 and count <= FEW:
            batches = _in_order(batches)
        for output, lines in batches:
            try:
                self._sink.write(output.function, output.group, output.stream, lines)
            except Exception:
                _lost(output)


def _lost(output: Output) -> None:
    log.exception("Lines of %s were lost.", output.function, extra={"action": "log_lines_lost"})


def _in_order(batches: Sequence[Batch]) -> list[Batch]:
    """The same lines in order of time, so that who reads along sees who called whom."""
    lines = sorted(((line[0], output, line) for output, lines in batches for line in lines), key=itemgetter(0))
    return [(output, [line for _, _, line in run]) for output, run in groupby(lines, itemgetter(1))]


class Output:
    """The log of one environment: its stream, and the lines of the invocation at hand.

    `memory` tells the environment's peak memory in MB; it is asked when a report is written, not before.
    """

    def __init__(self, journal: Journal, terms: Terms, stream: str, memory: Callable[[], int]) -> None:
        self.function, self.group, self.form = terms.name, terms.group, terms.form
        self.stream = stream
        self.memory = memory
        self._version, self._memory_mb = terms.version, terms.memory_mb
        self._journal = journal
        self._now = journal.clock.now
        self._pending: list[Line | Call | Done] = []
        self._rest = b""
        self._tail: list[str] | None = []
        self._begun: Begun | None = None
        self._peak_mb = 0
        self._peak_at = 0.0

    def begin(self, request_id: str, tail: bool = False) -> None:
        """An invocation begins. `tail`: its log is wanted; lines of an init phase just before are part of it.

        The line itself waits for what follows it: most invocations end before anything else is to be written.
        """
        self._begun = self._now(), request_id, self._version
        if not tail:
            self._tail = None
            return
        if self._tail is None:
            self._tail = []
        self.show_start()

    def show_start(self) -> None:
        """Hand on the start of an invocation that takes its time."""
        if self._begun is not None:
            (at, request_id, version), self._begun = self._begun, None
            self._add((at, Start(request_id, version) if self.form.json else start_text(request_id, version)))

    def done(
        self,
        request_id: str,
        duration_ms: float,
        init_ms: float | None = None,
        status: str = "success",
        error_type: str = "",
    ) -> None:
        """The invocation is over. What is written about it is made up when it is handed on."""
        now, begun = self._now(), self._begun
        if self._tail is None:
            pending = self._pending
            if not pending:
                self._journal.wake(self)
            if begun is not None and init_ms is None and status == "success":
                pending.append((begun[0], now, request_id, duration_ms))
            else:
                pending.append((now, begun, request_id, duration_ms, self._memory_mb, init_ms, status, error_type))
            self._begun = None
            if now >= self._journal.due:
                self._journal.flush_soon()
            return
        peak_mb = self.memory()
        self._add((now, End(request_id, duration_ms, status, error_type)))
        self._add((now, Report(request_id, duration_ms, self._memory_mb, peak_mb, init_ms, status, error_type)))

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
            self._add((self._now(), raw[start : start + EVENT_LIMIT].decode("utf-8", "replace")))

    def platform(self, line: PlatformLine) -> None:
        """A line of Lambda's own."""
        self.show_start()
        self._add((self._now(), line))

    def _add(self, line: Line) -> None:
        """In the text format a line is text at once; in the JSON format that can wait, unless a tail wants it."""
        if self._tail is not None or not self.form.json:
            text = self._text(*line)
            if text is None:
                return
            if self._tail is not None:
                self._tail.append(text)
            if not self.form.json:
                line = line[0], text
        if not self._pending:
            self._journal.wake(self)
        self._pending.append(line)

    def take_lines(self, *, exact: bool = True) -> list[Sequence[Written]]:
        """What is pending, as it is kept: without lines that the function does not want.

        Memory is asked for once, and if it need not be `exact`, only where it was not asked for lately.
        """
        pending, self._pending = self._pending, []
        if any(len(entry) != LINE for entry in pending):
            self._sample(self._now(), exact=exact)
        batches: list[Sequence[Written]] = []
        lines: list[Written] = []
        for kind, run in groupby(pending, len):
            entries = list(run)
            if kind == CALL and len(entries) >= MANY and not self.form.json:
                batches += [lines, CallLines(self._usual, cast("list[Call]", entries))]
                lines = []
            elif kind == LINE and not self.form.json:
                lines += cast("list[Written]", entries)
            else:
                lines += [line for entry in entries for line in self._lines(entry)]
        return [batch for batch in (*batches, lines) if batch]

    def _lines(self, entry: Line | Call | Done) -> list[Written]:
        if len(entry) == 2:
            text = self._text(*entry)
            return [] if text is None else [(entry[0], text)]
        if len(entry) == 4:
            entry = in_full(entry, self._usual)
        return self._events(entry) if self.form.json else lines_of(entry, self._peak_mb)

    @property
    def _usual(self) -> Usual:
        return Usual(self._version, self._memory_mb, self._peak_mb)

    def _sample(self, at: float, *, exact: bool) -> None:
        if exact or at - self._peak_at > SAMPLED_S:
            self._peak_mb, self._peak_at = self.memory(), at

    def _events(self, entry: Done) -> list[Written]:
        """An invocation's lines in the JSON format."""
        at, begun, request_id, duration_ms, memory_mb, init_ms, status, error_type = entry
        lines: list[tuple[float, PlatformLine]] = [(begun[0], Start(begun[1], begun[2]))] if begun is not None else []
        lines.append((at, End(request_id, duration_ms, status, error_type)))
        lines.append((at, Report(request_id, duration_ms, memory_mb, self._peak_mb, init_ms, status, error_type)))
        return [(when, text) for when, line in lines if (text := self.form.platform(line, when)) is not None]

    def _text(self, at: float, line: str | PlatformLine) -> str | None:
        if isinstance(line, str):
            return line if self.form.keeps(line) else None
        return self.form.platform(line, at)

    def take_tail(self) -> bytes:
        """The last 4 KB of the invocation's log."""
        lines, self._tail = self._tail or [], None
        return b"".join(f"{line}\n".encode() for line in lines)[-TAIL:]
