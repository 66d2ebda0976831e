"""The log lines of invocations that went as usual, made up only when somebody looks at them.

Most invocations differ in their ids and times alone. At thousands a second it is those that are kept, and their START,
END and REPORT are text once they are read.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import overload

from runner.core.environment_lines import end_text, report_text, start_text

Written = tuple[float, str]
"""A line as it is kept: when it was written (epoch seconds), and its text without line end."""

Begun = tuple[float, str, str]
"""An invocation that began: when, its request id, the function's version."""

Done = tuple[float, Begun | None, str, float, int, float | None, str, str]
"""One that is over: when, how it began if that was not written yet, its request id, its duration in ms, the function's
memory in MB, how long the init took in ms if there was one, the status and the type of the error."""

Call = tuple[float, float, str, float]
"""One that went as usual: when it began, when it ended, its request id, its duration in ms."""

LINES = 3  # of such an invocation


def lines_of(call: Done, peak_mb: int) -> list[Written]:
    """What the text format says of an invocation."""
    at, begun, request_id, duration_ms, memory_mb, init_ms, status, error_type = call
    report = report_text(request_id, duration_ms, memory_mb, peak_mb, init_ms, status, error_type)
    end: list[Written] = [(at, end_text(request_id)), (at, report)]
    return end if begun is None else [(begun[0], start_text(begun[1], begun[2])), *end]


@dataclass(frozen=True, slots=True)
class Usual:
    """What the invocations have in common: the version, memory and peak memory in MB."""

    version: str
    memory_mb: int
    peak_mb: int


def in_full(call: Call, usual: Usual) -> Done:
    """The same invocation with all that goes without saying."""
    began_at, at, request_id, duration_ms = call
    return at, (began_at, request_id, usual.version), request_id, duration_ms, usual.memory_mb, None, "success", ""


class CallLines(Sequence[Written]):
    """Three lines for each call."""

    def __init__(self, usual: Usual, calls: Sequence[Call]) -> None:
        self.usual = usual
        self.calls = calls

    def __len__(self) -> int:
        return LINES * len(self.calls)

    def __iter__(self) -> Iterator[Written]:
        for call in self.calls:
            yield from self._lines(call)

    @overload
    def __getitem__(self, index: int) -> Written: ...

    @overload
    def __getitem__(self, index: slice) -> list[Written]: ...

    def __getitem__(self, index: int | slice) -> Written | list[Written]:
        if isinstance(index, slice):
            return [self[number] for number in range(*index.indices(len(self)))]
        call, line = divmod(range(len(self))[index], LINES)
        return self._lines(self.calls[call])[line]

    def parts(self, calls: int) -> Iterator[CallLines]:
        """The same in pieces of at most so many calls."""
        for start in range(0, len(self.calls), calls):
            yield CallLines(self.usual, self.calls[start : start + calls])

    def _lines(self, call: Call) -> list[Written]:
        return lines_of(in_full(call, self.usual), self.usual.peak_mb)
