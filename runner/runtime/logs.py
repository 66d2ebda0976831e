"""CloudWatch Logs: groups, streams and events over the store's logs. Writing costs a list append; a loop commits.

A stream is the store's log `logs/<group>/<stream>`, the group percent-encoded. What is buffered is at most a few
milliseconds old; whoever reads, reads it too. Events are kept for the group's retention time, 30 days where it has
none, and in bounded number.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol
from urllib.parse import quote, unquote

from runner.core.log_filter import BadFilter, compile_filter
from runner.host.clock import Clock
from runner.model.access import LogGroup
from runner.model.errors import ApiError, Conflict
from runner.runtime.deployment import Deployment
from runner.store.ports import Entry, Logs, Records

log = logging.getLogger(__name__)

PREFIX = "logs/"
RECORDS = "log-streams/"
FLUSH_S = 0.004  # real seconds that events may wait in memory
SWEEP_S = 3600.0  # domain seconds between two looks at what has grown too old or too much
RETENTION_DAYS = 30
STREAM_EVENTS = 50_000  # kept per stream
GROUP_EVENTS = 200_000  # kept per group
BUFFER_BYTES = 64 * 1024 * 1024
PAGE = 1000
DISORDER_S = 60.0  # how far events of one stream may be out of order
DAY_S = 86_400.0


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


class Store(Logs, Records, Protocol):
    """The two ports that are needed."""


Listener = Callable[[LogEvent], None]
Shower = Callable[[str, Sequence[str]], None]
"""Takes a function's name, and lines without their ends."""


@dataclass(slots=True)
class _Known:
    """What is remembered of a stream: when the API made it, and up to where it was deleted."""

    created_at: float = 0.0
    hidden: int = 0
    gone: bool = False
    revision: int = 0


class LogService:
    """Writes, reads and searches. `run` commits what was written and sweeps; `close` commits the rest."""

    def __init__(self, store: Store, deployment: Deployment, clock: Clock) -> None:
        self._store = store
        self._deployment = deployment
        self._clock = clock
        self._buffer: dict[tuple[str, str], list[tuple[float, bytes]]] = {}  # by group and stream
        self._buffered = 0
        self._written = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._showers: list[Shower] = []
        self._streams: dict[str, dict[str, _Known]] | None = None

    # writing

    def write(self, function: str, group: str, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """Append lines of a function: `(epoch seconds, text without line end)`; never waits."""
        self._append(group, stream, [(at, stored(line).encode("utf-8", "replace")) for at, line in lines])
        for shower in self._showers:
            shower(function, [line for _, line in lines])
        for listener in self._listeners:
            for at, line in lines:
                listener(LogEvent(group, stream, at, line, at, function=function))

    async def put(self, group: str, stream: str, events: Sequence[tuple[float, str]]) -> None:
        """PutLogEvents: `(at, message)`; committed when this returns. Raises ApiError if there is no such stream."""
        await self._known(group, stream)
        now = self._clock.now()
        self._append(group, stream, [(at, _body(message, at, now)) for at, message in events])
        await self.flush()
        for at, message in events:
            for listener in self._listeners:
                listener(LogEvent(group, stream, at, message, now))

    def _append(self, group: str, stream: str, bodies: Sequence[tuple[float, bytes]]) -> None:
        if self._buffered > BUFFER_BYTES:
            return  # the store cannot keep up: losing log lines is better than losing the process
        waiting = self._buffer.get((group, stream))
        if waiting is None:
            waiting = self._buffer[group, stream] = []
            self._written.set()
        waiting.extend(bodies)
        self._buffered += sum(len(body) for _, body in bodies)

    async def flush(self) -> None:
        """Commit everything written so far."""
        async with self._flushing:
            buffer, self._buffer, self._buffered = self._buffer, {}, 0
            self._written.clear()
            for group, stream in buffer:
                await self._note(group, stream)
            appends = [self._store.append(log_name(*place), bodies) for place, bodies in buffer.items()]
            if appends:
                await asyncio.gather(*appends)

    async def _note(self, group: str, stream: str) -> None:
        """A stream that is written to exists, also if it had been deleted."""
        streams = await self._index()
        known = streams.setdefault(group, {}).setdefault(stream, _Known(self._clock.now()))
        if known.gone:
            known.gone, known.created_at = False, self._clock.now()
            await self._remember(group, stream, known)

    def show(self, shower: Shower) -> None:
        """Call `shower` with the lines of a function as they are written, many at a time; it must not block."""
        self._showers.append(shower)

    def subscribe(self, listener: Listener) -> Callable[[], None]:
        """Call `listener` with every event as it is written; it must not block. Returns how to stop."""
        self._listeners.append(listener)

        def stop() -> None:
            with contextlib.suppress(ValueError):
                self._listeners.remove(listener)

        return stop

    # streams and groups

    async def groups(self) -> list[str]:
        """Names of all groups: declared ones and those written to."""
        await self.flush()
        streams = await self._index()
        written = {group for group, known in streams.items() if any(not stream.gone for stream in known.values())}
        return sorted(written | set(self._deployment.state.of(LogGroup)))

    async def group_created_at(self, group: str) -> float:
        """Epoch seconds. Raises ApiError if there is no such group."""
        declared = self._deployment.state.get(LogGroup, group)
        if declared is not None:
            return declared.created_at
        known = await self._group(group)
        unread = [name for name, stream in known.items() if not stream.gone and not stream.created_at]
        for stream in await self.streams(group, unread):
            known[stream.name].created_at = stream.created_at
        return min((stream.created_at for stream in known.values() if not stream.gone), default=0.0)

    async def stream_names(self, group: str) -> list[str]:
        """All streams of a group, in order. Raises ApiError if there is no such group."""
        if self._buffer:
            await self.flush()
        known = await self._group(group)
        return sorted(name for name, stream in known.items() if not stream.gone)

    async def streams(self, group: str, names: Sequence[str] | None = None) -> list[Stream]:
        """What there is to say of these streams of a group, or of all. Raises ApiError if there is no such group."""
        known = await self._group(group)
        wanted = await self.stream_names(group) if names is None else names
        found = (self._describe(group, name, known[name]) for name in wanted if name in known)
        return list(await asyncio.gather(*found))  # in one commit

    async def create_stream(self, group: str, stream: str) -> None:
        """Raises ApiError: no such group, or the stream exists."""
        known = (await self._group(group)).setdefault(stream, _Known(gone=True))
        if not known.gone:
            raise ApiError("ResourceAlreadyExistsException", "The specified log stream already exists")
        known.gone, known.created_at = False, self._clock.now()
        await self._remember(group, stream, known)

    async def delete_stream(self, group: str, stream: str) -> None:
        """Raises ApiError if there is no such stream."""
        known = await self._known(group, stream)
        known.hidden = await self._store.last(log_name(group, stream))
        known.gone = True
        await self._remember(group, stream, known)
        await self._store.trim(log_name(group, stream), before=float("inf"))

    async def delete_group(self, group: str) -> None:
        """Delete every stream of a group (what State says of it is the caller's). Raises ApiError."""
        for name, known in list((await self._group(group)).items()):
            if not known.gone:
                await self.delete_stream(group, name)

    async def _describe(self, group: str, stream: str, known: _Known) -> Stream:
        name = log_name(group, stream)
        first, last = await asyncio.gather(
            self._store.read(name, after=known.hidden, limit=1),
            self._store.read(name, after=known.hidden, limit=1, newest=True),
        )
        created = known.created_at or (first[0].at if first else 0.0)
        return Stream(stream, created, first[0].at if first else None, last[0].at if last else None)

    async def _group(self, group: str) -> dict[str, _Known]:
        streams = await self._index()
        if group not in streams or all(known.gone for known in streams[group].values()):
            if self._deployment.state.get(LogGroup, group) is None:
                raise _missing("group")
            streams.setdefault(group, {})
        return streams[group]

    async def _known(self, group: str, stream: str) -> _Known:
        if self._buffer:
            await self.flush()
        known = (await self._group(group)).get(stream)
        if known is None or known.gone:
            raise _missing("stream")
        return known

    async def _index(self) -> dict[str, dict[str, _Known]]:
        """What exists, read from the store once."""
        if self._streams is None:
            streams: dict[str, dict[str, _Known]] = {}
            for name in await self._store.logs(PREFIX):
                group, stream = parse_name(name)
                streams.setdefault(group, {})[stream] = _Known()
            for record in await self._store.scan(RECORDS):
                group, stream = parse_name(PREFIX + record.key.removeprefix(RECORDS))
                created_at, hidden, gone = json.loads(record.value)
                streams.setdefault(group, {})[stream] = _Known(created_at, hidden, gone, record.revision)
            self._streams = streams if self._streams is None else self._streams
        return self._streams

    async def _remember(self, group: str, stream: str, known: _Known) -> None:
        key = RECORDS + log_name(group, stream).removeprefix(PREFIX)
        value = json.dumps([known.created_at, known.hidden, known.gone]).encode()
        known.revision = await self._store.put(key, value, expected=known.revision)

    # reading

    async def get(
        self,
        group: str,
        stream: str,
        search: Search,
        *,
        token: str | None = None,
        from_head: bool = False,
    ) -> Page:
        """GetLogEvents: one page of a stream, with tokens in both directions. Raises ApiError."""
        known = await self._known(group, stream)
        await self.flush()
        direction, place = _read_token(token) if token else ("f" if from_head else "b", None)
        if direction == "f":
            events = await self._forward(group, stream, search, max(place or 0, known.hidden))
        else:
            everything = [event async for event in self._events(group, stream, search, known.hidden)]
            events = [event for event in everything if place is None or event.sequence < place][-search.limit :]
        last = events[-1].sequence if events else (place or known.hidden) - (direction == "b" and place is not None)
        first = events[0].sequence if events else (place or known.hidden) + (direction == "f")
        return Page(events, _token("f", last), _token("b", first))

    async def _forward(self, group: str, stream: str, search: Search, after: int) -> list[LogEvent]:
        events: list[LogEvent] = []
        async for event in self._events(group, stream, search, after):
            events.append(event)
            if len(events) >= search.limit:
                break
        return events

    async def filter(self, group: str, search: Search, *, token: str | None = None) -> Page:
        """FilterLogEvents: matching events of several streams in order of time. Raises ApiError."""
        try:
            matches = compile_filter(search.pattern)
        except BadFilter as error:
            raise ApiError("InvalidParameterException", f"Invalid filter pattern: {error}") from error
        await self.flush()
        known = await self._group(group)
        place = _read_place(token) if token else None
        found: list[LogEvent] = []
        for stream in search.streams or list(known):
            if stream not in known or known[stream].gone:
                raise _missing("stream")
            if not stream.startswith(search.prefix):
                continue
            events = self._events(group, stream, search, known[stream].hidden)
            found.extend([e async for e in events if (place is None or _place(e) > place) and matches(e.message)])
        found.sort(key=_place)
        shown = found[: search.limit]
        return Page(shown, _place_token(shown[-1]) if len(found) > len(shown) else None)

    async def _events(self, group: str, stream: str, search: Search, after: int) -> AsyncIterator[LogEvent]:
        """A stream's events in the wanted time, in order of writing."""
        name = log_name(group, stream)
        if search.from_ms is not None:
            after = max(after, await self._seek(name, search.from_ms / 1000 - DISORDER_S))
        late = None if search.until_ms is None else search.until_ms / 1000 + DISORDER_S
        while entries := await self._store.read(name, after=after, limit=PAGE):
            for entry in entries:
                at_ms = milliseconds(entry.at)
                early = search.from_ms is not None and at_ms < search.from_ms
                if not early and (search.until_ms is None or at_ms < search.until_ms):
                    yield _event(group, stream, entry)
            if late is not None and entries[-1].at > late:
                return
            after = entries[-1].sequence

    async def _seek(self, name: str, at: float) -> int:
        """The sequence before the first entry at or after `at`, by halving: entries are nearly in order of time."""
        first = await self._store.read(name, after=0, limit=1)
        low = first[0].sequence - 1 if first else 0
        high = await self._store.last(name)
        while high - low > PAGE:
            middle = (low + high) // 2
            entry = await self._store.read(name, after=middle, limit=1)
            if entry and entry[0].at < at:
                low = middle
            else:
                high = middle
        return low

    # life

    async def run(self) -> None:
        """Commit what is written, a few milliseconds later; sweep now and then."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flush_loop())
            tasks.create_task(self._sweep_loop())

    async def _flush_loop(self) -> None:
        while True:
            await self._written.wait()
            await asyncio.sleep(FLUSH_S)
            try:
                await self.flush()
            except Exception:
                log.exception("Log lines could not be kept.", extra={"action": "log_flush_failed"})

    async def _sweep_loop(self) -> None:
        while True:
            try:
                await self.sweep()
            except Exception:
                log.exception("Old log events could not be removed.", extra={"action": "log_sweep_failed"})
            await self._clock.sleep_until(self._clock.now() + SWEEP_S)

    async def sweep(self) -> None:
        """Remove what is older than its group's retention, and the oldest of what is too much."""
        for group, streams in list((await self._index()).items()):
            declared = self._deployment.state.get(LogGroup, group)
            days = (declared.noun.retention_days if declared else None) or RETENTION_DAYS
            held: list[tuple[float, str, int]] = []
            for stream in list(streams):  # new ones come while old ones are looked at
                name = log_name(group, stream)
                await self._store.trim(name, before=self._clock.now() - days * DAY_S)
                held.append(await self._bounded(name))
            await self._bound_group(held)

    async def _bounded(self, name: str) -> tuple[float, str, int]:
        """Keep the newest events of a stream; returns when it was last written to, its name, and how many it holds."""
        first = await self._store.read(name, after=0, limit=1)
        last = await self._store.read(name, after=0, limit=1, newest=True)
        if not first or not last:
            return (0.0, name, 0)
        count = last[0].sequence - first[0].sequence + 1
        if count > STREAM_EVENTS:
            oldest = await self._store.read(name, after=last[0].sequence - STREAM_EVENTS, limit=1)
            await self._store.trim(name, before=oldest[0].at)
            count = STREAM_EVENTS
        return (last[0].at, name, count)

    async def _bound_group(self, held: list[tuple[float, str, int]]) -> None:
        room = GROUP_EVENTS
        for _, name, count in sorted(held, reverse=True):
            room -= count
            if room < 0 and count:
                await self._store.trim(name, before=float("inf"))

    async def close(self) -> None:
        """Commit the rest."""
        with contextlib.suppress(Conflict):
            await self.flush()


def stored(line: str) -> str:
    """A function's line as the API shows it: with its line end; an error report is several lines in one event."""
    return line.replace("\r", "\n") if line.startswith("[ERROR]") and "\r" in line else line + "\n"


def log_name(group: str, stream: str) -> str:
    return f"{PREFIX}{quote(group, safe='')}/{stream}"


def parse_name(name: str) -> tuple[str, str]:
    group, _, stream = name.removeprefix(PREFIX).partition("/")
    return unquote(group), stream


def milliseconds(at: float) -> int:
    return round(at * 1000)


def _body(message: str, at: float, ingested_at: float) -> bytes:
    """The stored form; the time of ingestion goes first where it is another one."""
    body = message.encode("utf-8", "replace")
    return body if at == ingested_at else b"\0%d\0%b" % (milliseconds(ingested_at), body)


def _event(group: str, stream: str, entry: Entry) -> LogEvent:
    event = LogEvent(group, stream, entry.at, "", entry.at, entry.sequence)
    body = entry.body
    if body[:1] == b"\0" and (end := body.find(b"\0", 1)) > 0 and body[1:end].isdigit():
        event = replace(event, ingested_at=int(body[1:end]) / 1000)
        body = body[end + 1 :]
    return replace(event, message=body.decode("utf-8", "replace"))


def _missing(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The specified log {what} does not exist.")


def _token(direction: str, sequence: int) -> str:
    return f"{direction}/{sequence:056d}/s"


def _read_token(token: str) -> tuple[str, int]:
    direction, _, rest = token.partition("/")
    number = rest.partition("/")[0]
    if direction not in ("f", "b") or not number.isdecimal():
        raise ApiError("InvalidParameterException", "The specified nextToken is invalid.")
    return direction, int(number)


def _place(event: LogEvent) -> tuple[int, str, int]:
    return milliseconds(event.at), event.stream, event.sequence


def _place_token(event: LogEvent) -> str:
    return json.dumps(_place(event)).encode().hex()


def _read_place(token: str) -> tuple[int, str, int]:
    try:
        at_ms, stream, sequence = json.loads(bytes.fromhex(token))
        return int(at_ms), str(stream), int(sequence)
    except (ValueError, TypeError) as error:
        raise ApiError("InvalidParameterException", "The specified nextToken is invalid.") from error
