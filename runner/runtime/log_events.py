"""What a log holds, how it is kept in the store, and the tokens that name a place in it.

A stream is the store's log `logs/<group>/<stream>`, the group percent-encoded. An entry is one event, or a block of
many that a function wrote within some milliseconds. Events are counted, not entries: an entry has the number of its
last event, and the time of its latest.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import overload
from urllib.parse import quote, unquote

from runner.core.call_lines import LINES, CallLines
from runner.core.log_blocks import MARK, events_in, pack_calls, pack_lines, unpack
from runner.model.errors import ApiError
from runner.store.ports import Entry

PREFIX = "logs/"
BLOCK_EVENTS = 1000
BLOCK_CHARACTERS = 256 * 1024  # of several events; a single one may be longer

Row = tuple[float, bytes, int]
"""An entry to be kept: its time, its body, how many events it holds."""


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One event. `at` and `ingested_at` are epoch seconds; `sequence` counts within the stream."""

    group: str
    stream: str
    at: float
    message: str
    ingested_at: float = 0.0
    sequence: int = 0
    function: str = ""  # of what a function wrote and is told to listeners

    @property
    def id(self) -> str:
        """Unique within the group, in AWS's form: 56 digits."""
        name = int.from_bytes(self.stream.encode()[-8:].rjust(8, b"\0"), "big")
        return f"{milliseconds(self.at):015d}{self.sequence:021d}{name:020d}"


@dataclass(frozen=True, slots=True)
class Stream:
    """A stream as it is described. Times are epoch seconds; the last two are None while it holds nothing."""

    name: str
    created_at: float
    first_at: float | None = None
    last_at: float | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some events in order of time. A token leads on; `backward` is empty for a search."""

    events: Sequence[LogEvent]
    forward: str | None
    backward: str | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """What to look for. Times are milliseconds since the epoch, `until_ms` exclusive; no streams: all of them."""

    pattern: str = ""
    streams: Collection[str] = ()
    prefix: str = ""
    from_ms: int | None = None
    until_ms: int | None = None
    limit: int = 10_000

    def covers(self, at: float) -> bool:
        """Whether the moment (epoch seconds) is of the wanted time."""
        at_ms = milliseconds(at)
        return (self.from_ms is None or at_ms >= self.from_ms) and (self.until_ms is None or at_ms < self.until_ms)


class Texts(Sequence[str]):
    """Lines without their times. Those that are made up only when they are looked at stay so."""

    def __init__(self, lines: Sequence[tuple[float, str]]) -> None:
        self._lines = lines

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, index: int) -> str: ...

    @overload
    def __getitem__(self, index: slice) -> list[str]: ...

    def __getitem__(self, index: int | slice) -> str | list[str]:
        if isinstance(index, slice):
            return [text for _, text in self._lines[index]]
        return self._lines[index][1]


def stored(line: str) -> str:
    """A function's line as the API shows it: with its line end; an error report is several lines in one event."""
    return line.replace("\r", "\n") if line.startswith("[ERROR]") and "\r" in line else line + "\n"


def rows_of(lines: Sequence[tuple[float, str]]) -> list[Row]:
    """A function's lines as they are kept: as a rule all in one entry."""
    if isinstance(lines, CallLines):
        parts = lines.parts(BLOCK_EVENTS // LINES)
        return [(part.calls[-1][1], pack_calls(part), len(part)) for part in parts]
    times, texts = zip(*lines, strict=True)
    text = "\n".join(texts) + "\n"
    if "\r" in text:
        messages = [stored(line) for line in texts]
        text, lengths = "".join(messages), [len(message) for message in messages]
    else:
        lengths = [len(line) + 1 for line in texts]
    if (len(text) > BLOCK_CHARACTERS or len(lines) > BLOCK_EVENTS) and len(lines) > 1:
        half = len(lines) // 2
        return rows_of(lines[:half]) + rows_of(lines[half:])
    return [(max(times), pack_lines(times, lengths, text), len(lines))]


def row_of(message: str, at: float, ingested_at: float) -> Row:
    """One event that was put; the time of ingestion goes first where it is another one."""
    body = message.encode("utf-8", "replace")
    if at != ingested_at or body.startswith(b"\0"):
        body = b"\0%d\0%b" % (milliseconds(ingested_at), body)
    return at, body, 1


def first_of(entry: Entry) -> int:
    """The number of an entry's first event."""
    return entry.sequence - events_in(entry.body) + 1


def span_of(entry: Entry) -> tuple[float, float]:
    """When the first and the last event of an entry were."""
    if not entry.body.startswith(MARK):
        return entry.at, entry.at
    events = unpack(entry.body)
    return events[0][0], events[-1][0]


def events_of(group: str, stream: str, entry: Entry, search: Search, after: int) -> Iterator[LogEvent]:
    """The events of an entry in the wanted time, those after a number."""
    if entry.body.startswith(MARK):
        for number, (at, message) in enumerate(unpack(entry.body), first_of(entry)):
            if number > after and search.covers(at):
                yield LogEvent(group, stream, at, message, at, number)
    elif search.covers(entry.at):
        ingested_at, body = entry.at, entry.body
        if body[:1] == b"\0" and (end := body.find(b"\0", 1)) > 0 and body[1:end].isdigit():
            ingested_at, body = int(body[1:end]) / 1000, body[end + 1 :]
        yield LogEvent(group, stream, entry.at, body.decode("utf-8", "replace"), ingested_at, entry.sequence)


def log_name(group: str, stream: str) -> str:
    return f"{PREFIX}{quote(group, safe='')}/{stream}"


def parse_name(name: str) -> tuple[str, str]:
    group, _, stream = name.removeprefix(PREFIX).partition("/")
    return unquote(group), stream


def milliseconds(at: float) -> int:
    return round(at * 1000)


def token_of(direction: str, sequence: int) -> str:
    """Where GetLogEvents goes on: `f` after an event, `b` before one."""
    return f"{direction}/{sequence:056d}/s"


def read_token(token: str) -> tuple[str, int]:
    """Raises ApiError."""
    direction, _, rest = token.partition("/")
    number = rest.partition("/")[0]
    if direction not in ("f", "b") or not number.isdecimal():
        raise ApiError("InvalidParameterException", "The specified nextToken is invalid.")
    return direction, int(number)


Place = tuple[int, str, int]
"""Of an event among those of a group: its milliseconds, its stream, its number."""


def place_of(event: LogEvent) -> Place:
    return milliseconds(event.at), event.stream, event.sequence


def place_token(event: LogEvent) -> str:
    """Where FilterLogEvents goes on: after an event."""
    return json.dumps(place_of(event)).encode().hex()


def read_place(token: str) -> Place:
    """Raises ApiError."""
    try:
        at_ms, stream, sequence = json.loads(bytes.fromhex(token))
        return int(at_ms), str(stream), int(sequence)
    except (ValueError, TypeError) as error:
        raise ApiError("InvalidParameterException", "The specified nextToken is invalid.") from error
