"""CloudWatch Logs: groups, streams and events over the store's logs. Writing costs a list append; a loop commits.

What is buffered is committed in the next turn of the loop; whoever reads, reads it too. Events are kept for the
group's retention time, 30 days where it has none, and in bounded number. How they are kept says `log_events`.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from runner.core.log_filter import BadFilter, compile_filter
from runner.host.clock import Clock
from runner.model.access import LogGroup
from runner.model.errors import ApiError, Conflict
from runner.runtime.deployment import Deployment
from runner.runtime.log_events import (
    PREFIX,
    LogEvent,
    Page,
    Row,
    Search,
    Stream,
    Texts,
    events_of,
    first_of,
    log_name,
    milliseconds,
    parse_name,
    place_of,
    place_token,
    read_place,
    read_token,
    row_of,
    rows_of,
    span_of,
    stored,
    token_of,
)
from runner.store.ports import Logs, Records

__all__ = ["LogEvent", "LogService", "Page", "Search", "Stream", "milliseconds", "stored"]

log = logging.getLogger(__name__)

RECORDS = "log-streams/"
SWEEP_S = 3600.0  # domain seconds between two looks at what has grown too old or too much
RETENTION_DAYS = 30
STREAM_EVENTS = 50_000  # kept per stream
GROUP_EVENTS = 200_000  # kept per group
BUFFER_BYTES = 64 * 1024 * 1024
PAGE = 1000  # events that are read at a time, more or less
FIRST_ROWS = 8  # entries that are read before it is known how many events they hold
STEP = 4  # how much further back to look, each time that too little was found
DISORDER_S = 60.0  # how far events of one stream may be out of order
DAY_S = 86_400.0


class Store(Logs, Records, Protocol):
    """The two ports that are needed."""


Listener = Callable[[LogEvent], None]
Shower = Callable[[str, Sequence[str]], None]
"""Takes a function's name, and lines without their ends."""


@dataclass(slots=True)
class _Known:
    """What is remembered of a stream: when the API made it, up to where it was deleted, its log's name once needed."""

    created_at: float = 0.0
    hidden: int = 0
    gone: bool = False
    revision: int = 0
    name: str = ""


class LogService:
    """Writes, reads and searches. `run` commits what was written and sweeps; `close` commits the rest."""

    def __init__(self, store: Store, deployment: Deployment, clock: Clock) -> None:
        self._store = store
        self._deployment = deployment
        self._clock = clock
        self._buffer: dict[tuple[str, str], list[Row]] = {}  # by group and stream
        self._buffered = 0
        self._sources: list[Callable[[], None]] = []
        self._grown: Counter[str] = Counter()  # events by stream, since it was last looked at whether it has too many
        self._overgrown = asyncio.Event()
        self._written = asyncio.Event()
        self._flushing = asyncio.Lock()
        self._listeners: list[Listener] = []
        self._showers: list[Shower] = []
        self._streams: dict[str, dict[str, _Known]] | None = None

    # writing

    def write(self, function: str, group: str, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        """Append lines of a function: `(epoch seconds, text without line end)`; never waits."""
        if not lines:
            return
        self._append(group, stream, rows_of(lines))
        for shower in self._showers:
            shower(function, Texts(lines))
        for listener in self._listeners:
            for at, line in lines:
                listener(LogEvent(group, stream, at, line, at, function=function))

    async def put(self, group: str, stream: str, events: Sequence[tuple[float, str]]) -> None:
        """PutLogEvents: `(at, message)`; committed when this returns. Raises ApiError if there is no such stream."""
        await self._known(group, stream)
        now = self._clock.now()
        self._append(group, stream, [row_of(message, at, now) for at, message in events])
        await self.flush()
        for at, message in events:
            for listener in self._listeners:
                listener(LogEvent(group, stream, at, message, now))

    def _append(self, group: str, stream: str, rows: Sequence[Row]) -> None:
        if self._buffered > BUFFER_BYTES:
            return  # the store cannot keep up: losing log lines is better than losing the process
        waiting = self._buffer.get((group, stream))
        if waiting is None:
            waiting = self._buffer[group, stream] = []
            self._written.set()
        waiting.extend(rows)
        self._buffered += sum(len(body) for _, body, _ in rows)

    async def flush(self) -> None:
        """Commit everything written so far."""
        async with self._flushing:
            buffer, self._buffer, self._buffered = self._buffer, {}, 0
            self._written.clear()
            named = [(await self._note(*place), rows) for place, rows in buffer.items()]
            if named:
                await asyncio.gather(*(self._keep(name, rows) for name, rows in named))

    def _keep(self, name: str, rows: Sequence[Row]) -> Awaitable[int]:
        counts = [count for _, _, count in rows]
        self._grown[name] += sum(counts)
        if self._grown[name] > STREAM_EVENTS:
            self._overgrown.set()
        return self._store.append(name, [(at, body) for at, body, _ in rows], counts=counts)

    async def _settle(self) -> None:
        """Before something is read: have all that was written until now committed."""
        for source in self._sources:
            source()
        if self._buffer or self._flushing.locked():
            await self.flush()

    def collect(self, source: Callable[[], None]) -> None:
        """Call `source` before anything is read: it writes what it still holds."""
        self._sources.append(source)

    async def _note(self, group: str, stream: str) -> str:
        """A stream that is written to exists, also if it had been deleted. Returns the name of its log."""
        known = (await self._index()).setdefault(group, {}).get(stream)
        if known is None:
            known = (await self._index())[group][stream] = _Known(self._clock.now())
        if known.gone:
            known.gone, known.created_at = False, self._clock.now()
            await self._remember(group, stream, known)
        known.name = known.name or log_name(group, stream)
        return known.name

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
        await self._settle()
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
        await self._settle()
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
        first_at = span_of(first[0])[0] if first else None
        last_at = span_of(last[0])[1] if last else None
        return Stream(stream, known.created_at or first_at or 0.0, first_at, last_at)

    async def _group(self, group: str) -> dict[str, _Known]:
        streams = await self._index()
        if group not in streams or all(known.gone for known in streams[group].values()):
            if self._deployment.state.get(LogGroup, group) is None:
                raise _missing("group")
            streams.setdefault(group, {})
        return streams[group]

    async def _known(self, group: str, stream: str) -> _Known:
        await self._settle()
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
        direction, place = read_token(token) if token else ("f" if from_head else "b", None)
        if direction == "f":
            events = await self._forward(group, stream, search, max(place or 0, known.hidden))
        else:
            end = await self._store.last(log_name(group, stream)) + 1 if place is None else place
            events = await self._backward(group, stream, search, known.hidden, end)
        last = events[-1].sequence if events else (place or known.hidden) - (direction == "b" and place is not None)
        first = events[0].sequence if events else (place or known.hidden) + (direction == "f")
        return Page(events, token_of("f", last), token_of("b", first))

    async def _forward(self, group: str, stream: str, search: Search, after: int) -> list[LogEvent]:
        events: list[LogEvent] = []
        async for event in self._events(group, stream, search, await self._before(group, stream, search, after)):
            events.append(event)
            if len(events) >= search.limit:
                break
        return events

    async def _backward(self, group: str, stream: str, search: Search, after: int, end: int) -> list[LogEvent]:
        """The last events between two numbers; looked for from the end, in steps that grow."""
        lowest = await self._before(group, stream, search, after)
        span = search.limit
        while True:
            low = max(lowest, end - 1 - span)
            events: list[LogEvent] = []
            async for event in self._events(group, stream, search, low):
                if event.sequence >= end:
                    break
                events.append(event)
            if len(events) >= search.limit or low == lowest:
                return events[-search.limit :]
            span *= STEP

    async def filter(self, group: str, search: Search, *, token: str | None = None) -> Page:
        """FilterLogEvents: matching events of several streams in order of time. Raises ApiError."""
        try:
            matches = compile_filter(search.pattern)
        except BadFilter as error:
            raise ApiError("InvalidParameterException", f"Invalid filter pattern: {error}") from error
        await self._settle()
        known = await self._group(group)
        place = read_place(token) if token else None
        if place is not None:  # nothing before it is wanted any more
            search = replace(search, from_ms=max(place[0], search.from_ms or place[0]))
        found: list[LogEvent] = []
        for stream in search.streams or list(known):
            if stream not in known or known[stream].gone:
                raise _missing("stream")
            if not stream.startswith(search.prefix):
                continue
            after = await self._before(group, stream, search, known[stream].hidden)
            events = self._events(group, stream, search, after)
            found.extend([e async for e in events if (place is None or place_of(e) > place) and matches(e.message)])
        found.sort(key=place_of)
        shown = found[: search.limit]
        return Page(shown, place_token(shown[-1]) if len(found) > len(shown) else None)

    async def _events(self, group: str, stream: str, search: Search, after: int) -> AsyncIterator[LogEvent]:
        """A stream's events in the wanted time, those after a number, in order of writing."""
        name, limit = log_name(group, stream), FIRST_ROWS
        late = None if search.until_ms is None else search.until_ms / 1000 + DISORDER_S
        while entries := await self._store.read(name, after=after, limit=limit):
            for entry in entries:
                for event in events_of(group, stream, entry, search, after):
                    yield event
            if late is not None and entries[-1].at > late:
                return
            limit = max(1, PAGE * len(entries) // (entries[-1].sequence - first_of(entries[0]) + 1))
            after = entries[-1].sequence

    async def _before(self, group: str, stream: str, search: Search, after: int) -> int:
        """The number, `after` or a later one, after which everything in the wanted time is.

        Found by halving: entries are nearly in order of time.
        """
        if search.from_ms is None:
            return after
        name, at = log_name(group, stream), search.from_ms / 1000 - DISORDER_S
        first = await self._store.read(name, after=0, limit=1)
        low = first_of(first[0]) - 1 if first else 0
        high = await self._store.last(name)
        while high - low > PAGE:
            middle = (low + high) // 2
            entry = await self._store.read(name, after=middle, limit=1)
            if entry and entry[0].at < at:
                low = middle
            else:
                high = middle
        return max(low, after)

    # life

    async def run(self) -> None:
        """Commit what is written, in the next turn of the loop; sweep now and then."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._flush_loop())
            tasks.create_task(self._sweep_loop())
            tasks.create_task(self._prune_loop())

    async def _flush_loop(self) -> None:
        while True:
            await self._written.wait()
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

    async def _prune_loop(self) -> None:
        """Streams that grow fast cannot wait for the next sweep."""
        while True:
            await self._overgrown.wait()
            self._overgrown.clear()
            try:
                for name in [name for name, count in self._grown.items() if count > STREAM_EVENTS]:
                    await self._bounded(name)
            except Exception:
                log.exception("Too many log events could not be removed.", extra={"action": "log_prune_failed"})

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
        self._grown.pop(name, None)
        first = await self._store.read(name, after=0, limit=1)
        last = await self._store.read(name, after=0, limit=1, newest=True)
        if not first or not last:
            return (0.0, name, 0)
        end = last[0].sequence
        count = end - first_of(first[0]) + 1
        if count > STREAM_EVENTS:
            kept = await self._store.read(name, after=end - STREAM_EVENTS, limit=2)
            oldest = kept[-1] if first_of(kept[0]) <= end - STREAM_EVENTS else kept[0]
            await self._store.trim(name, before=oldest.at)
            count = end - first_of(oldest) + 1
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


def _missing(what: str) -> ApiError:
    return ApiError("ResourceNotFoundException", f"The specified log {what} does not exist.")
