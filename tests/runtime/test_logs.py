"""Log groups, streams and events over a real store."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from runner.core.call_lines import CallLines, Usual
from runner.host.clock import Clock
from runner.model.access import LogGroup
from runner.model.errors import ApiError
from runner.model.state import Deployed, State
from runner.runtime import logs as logs_module
from runner.runtime.deployment import Deployment
from runner.runtime.logs import LogEvent, LogService, Search
from runner.store.sqlite import SqliteStore
from runner.store.states import StateStore

GROUP = "/aws/lambda/f"
STREAM = "2026/11/24/[$LATEST]0123"


def awaited(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run an asynchronous test."""

    @functools.wraps(test)
    def run(**arguments: object) -> None:
        asyncio.run(test(**arguments))  # type: ignore[arg-type]

    return run


@asynccontextmanager
async def opened(path: Path, *declared: Deployed[LogGroup], running: bool = False) -> AsyncIterator[LogService]:
    clock = Clock()
    store = SqliteStore.open(path / "state.db", clock=clock)
    state = State().with_changes(declared) if declared else State()
    service = LogService(store, Deployment(StateStore(store), state), clock)
    loop = asyncio.create_task(service.run()) if running else None
    try:
        yield service
    finally:
        if loop is not None:
            loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await loop
        await service.close()
        await store.aclose()


def declared(days: int | None = None) -> Deployed[LogGroup]:
    return Deployed(GROUP, LogGroup(log_group_name=GROUP, retention_days=days), created_at=1.0)


def blocks(count: int, size: int, *, start: float = 1000.0) -> list[list[tuple[float, str]]]:
    """Lines that are numbered on, one a second, in pieces."""
    return [[(start + n, str(n)) for n in range(b * size, (b + 1) * size)] for b in range(count)]


async def forward(service: LogService, search: Search, stream: str = STREAM) -> list[LogEvent]:
    """Everything, page by page from the head."""
    found: list[LogEvent] = []
    page = await service.get(GROUP, stream, search, from_head=True)
    while page.events:
        found += page.events
        page = await service.get(GROUP, stream, search, token=page.forward)
    return found


async def backward(service: LogService, search: Search, stream: str = STREAM) -> list[LogEvent]:
    """Everything, page by page from the end."""
    found: list[LogEvent] = []
    page = await service.get(GROUP, stream, search)
    while page.events:
        found = [*page.events, *found]
        page = await service.get(GROUP, stream, search, token=page.backward)
    return found


def messages(page: logs_module.Page) -> list[str]:
    return [event.message.removesuffix("\n") for event in page.events]


@awaited
async def test_what_is_written_is_read_at_once_and_after_a_restart(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        now = Clock().now()
        for number in range(3):
            service.write("f", GROUP, STREAM, [(now + number, f"line {number}")])
        assert messages(await service.get(GROUP, STREAM, Search())) == ["line 0", "line 1", "line 2"]
        service.write("f", GROUP, STREAM, [(now + 3, "line 3")])
    async with opened(tmp_path) as service:
        assert await service.groups() == [GROUP]
        assert [stream.name for stream in await service.streams(GROUP)] == [STREAM]
        page = await service.get(GROUP, STREAM, Search(), from_head=True)
        assert page.events[-1].message == "line 3\n"
        assert page.events[-1].at == pytest.approx(now + 3, abs=0.001)


@awaited
async def test_an_error_report_is_one_event_of_several_lines(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, [(1000.0, "[ERROR] Exception: x\rTraceback (most recent call last):")])
        service.write("f", GROUP, STREAM, [(1001.0, "carriage\rreturn")])
        page = await service.get(GROUP, STREAM, Search())
        assert [event.message for event in page.events] == [
            "[ERROR] Exception: x\nTraceback (most recent call last):",
            "carriage\rreturn\n",
        ]


@awaited
async def test_the_loop_commits_without_a_reader(tmp_path: Path) -> None:
    async with opened(tmp_path, running=True) as service:
        service.write("f", GROUP, STREAM, [(Clock().now(), "one")])
        async with asyncio.timeout(5):
            while service._buffer:
                await asyncio.sleep(0.002)
    async with opened(tmp_path) as service:
        assert messages(await service.get(GROUP, STREAM, Search())) == ["one"]


@awaited
async def test_listeners_see_each_line_as_it_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        seen: list[LogEvent] = []
        stop = service.subscribe(seen.append)
        service.write("f", GROUP, STREAM, [(1.5, "one")])
        stop()
        service.write("f", GROUP, STREAM, [(1.5, "two")])
        assert [(event.function, event.stream, event.at, event.message) for event in seen] == [
            ("f", STREAM, 1.5, "one")
        ]


@awaited
async def test_tokens_lead_forward_and_backward(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        for number in range(10):
            service.write("f", GROUP, STREAM, [(1000.0 + number, str(number))])
        some = Search(limit=4)
        head = await service.get(GROUP, STREAM, some, from_head=True)
        assert messages(head) == ["0", "1", "2", "3"]
        following = await service.get(GROUP, STREAM, some, token=head.forward)
        assert messages(following) == ["4", "5", "6", "7"]
        back = await service.get(GROUP, STREAM, some, token=following.backward)
        assert messages(back) == ["0", "1", "2", "3"]
        tail = await service.get(GROUP, STREAM, some)
        assert messages(tail) == ["6", "7", "8", "9"]
        end = await service.get(GROUP, STREAM, some, token=tail.forward)
        assert messages(end) == []
        assert end.forward == tail.forward  # AWS: the same token says that there is no more
        service.write("f", GROUP, STREAM, [(1010.0, "10")])
        assert messages(await service.get(GROUP, STREAM, some, token=end.forward)) == ["10"]
        start = await service.get(GROUP, STREAM, some, token=back.backward)
        assert messages(start) == []
        assert start.backward == back.backward


@awaited
async def test_times_bound_a_page(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        for number in range(5000):
            service.write("f", GROUP, STREAM, [(1000.0 + number, str(number))])
        page = await service.get(GROUP, STREAM, Search(from_ms=5_000_000, until_ms=5_003_000), from_head=True)
        assert messages(page) == ["4000", "4001", "4002"]


@awaited
async def test_a_search_merges_streams_in_order_of_time_and_goes_on_where_it_stopped(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        for number in range(6):
            service.write("f", GROUP, f"s{number % 2}", [(1000.0 + number, f"ERROR {number}")])
            service.write("f", GROUP, f"s{number % 2}", [(1000.0 + number, f"INFO {number}")])
        search = Search(pattern="ERROR", limit=4)
        first = await service.filter(GROUP, search)
        second = await service.filter(GROUP, search, token=first.forward)
        assert messages(first) + messages(second) == [f"ERROR {number}" for number in range(6)]
        assert second.forward is None
        assert len({event.id for event in [*first.events, *second.events]}) == 6
        only = await service.filter(GROUP, Search(pattern="-INFO", streams=["s1"]))
        assert messages(only) == ["ERROR 1", "ERROR 3", "ERROR 5"]
        assert messages(await service.filter(GROUP, Search(pattern="ERROR", prefix="s0"))) == [
            "ERROR 0",
            "ERROR 2",
            "ERROR 4",
        ]


@awaited
async def test_put_keeps_the_time_of_ingestion(tmp_path: Path) -> None:
    async with opened(tmp_path, declared()) as service:
        await service.create_stream(GROUP, "mine")
        await service.put(GROUP, "mine", [(1000.0, "old")])
        (event,) = (await service.get(GROUP, "mine", Search())).events
        assert (event.at, event.message) == (1000.0, "old")
        assert event.ingested_at > 1e9


@awaited
async def test_a_deleted_stream_is_gone_until_it_is_written_to_again(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, [(1000.0, "old")])
        await service.delete_stream(GROUP, STREAM)
        with pytest.raises(ApiError, match="The specified log group does not exist"):
            await service.streams(GROUP)
    async with opened(tmp_path) as service:
        assert await service.groups() == []
        service.write("f", GROUP, STREAM, [(1001.0, "new")])
        assert messages(await service.get(GROUP, STREAM, Search())) == ["new"]


@awaited
async def test_a_declared_group_may_be_empty(tmp_path: Path) -> None:
    async with opened(tmp_path, declared()) as service:
        assert await service.groups() == [GROUP]
        assert await service.streams(GROUP) == []
        await service.create_stream(GROUP, "a")
        with pytest.raises(ApiError, match="already exists"):
            await service.create_stream(GROUP, "a")
        assert (await service.streams(GROUP))[0].last_at is None


@pytest.mark.parametrize(
    ("group", "stream", "token", "code"),
    [
        ("none", STREAM, None, "ResourceNotFoundException"),
        (GROUP, "none", None, "ResourceNotFoundException"),
        (GROUP, STREAM, "nonsense", "InvalidParameterException"),
    ],
    ids=["no such group", "no such stream", "a token of nobody"],
)
@awaited
async def test_errors_are_those_of_the_api(
    tmp_path: Path, group: str, stream: str, token: str | None, code: str
) -> None:
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, [(1000.0, "x")])
        with pytest.raises(ApiError) as caught:
            await service.get(group, stream, Search(), token=token)
        assert caught.value.code == code


@awaited
async def test_a_sweep_removes_what_is_older_than_the_retention(tmp_path: Path) -> None:
    async with opened(tmp_path, declared(days=1)) as service:
        now = Clock().now()
        service.write("f", GROUP, STREAM, [(now - 2 * 86400, "old")])
        service.write("f", GROUP, STREAM, [(now, "new")])
        await service.flush()
        await service.sweep()
        assert messages(await service.get(GROUP, STREAM, Search())) == ["new"]


@pytest.mark.slow
@awaited
async def test_a_sweep_bounds_a_stream_and_a_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs_module, "STREAM_EVENTS", 100)
    monkeypatch.setattr(logs_module, "GROUP_EVENTS", 250)
    async with opened(tmp_path) as service:
        now = Clock().now()
        for stream in range(4):
            for number in range(150):
                service.write("f", GROUP, f"s{stream}", [(now - 1000 + stream * 200 + number, str(number))])
        await service.flush()
        await service.sweep()
        kept = [len((await service.get(GROUP, f"s{n}", Search())).events) for n in range(4)]
        assert kept == [0, 0, 100, 100]


@pytest.mark.parametrize("limit", [1, 3, 7, 10, 1000])
@awaited
async def test_pages_lead_through_blocks_both_ways(tmp_path: Path, limit: int) -> None:
    async with opened(tmp_path) as service:
        for block in blocks(4, 7):
            service.write("f", GROUP, STREAM, block)
            await service.flush()
        wanted = [f"{n}\n" for n in range(28)]
        some = Search(limit=limit)
        for found in (await forward(service, some), await backward(service, some)):
            assert [event.message for event in found] == wanted
            assert [event.sequence for event in found] == list(range(1, 29))
            assert [event.at for event in found] == [1000.0 + n for n in range(28)]
        part = Search(limit=limit, from_ms=1_005_000, until_ms=1_016_000)
        for found in (await forward(service, part), await backward(service, part)):
            assert [event.message for event in found] == wanted[5:16]


@awaited
async def test_tokens_and_ids_hold_across_restarts(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        for block in blocks(3, 5):
            service.write("f", GROUP, STREAM, block)
        page = await service.get(GROUP, STREAM, Search(limit=7), from_head=True)
        found = await service.filter(GROUP, Search(limit=7))
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, [(1015.0, "15"), (1016.0, "16")])
        following = await service.get(GROUP, STREAM, Search(limit=4), token=page.forward)
        assert messages(following) == ["7", "8", "9", "10"]
        assert messages(await service.get(GROUP, STREAM, Search(limit=4), token=following.backward)) == list("3456")
        rest = await service.filter(GROUP, Search(), token=found.forward)
        assert messages(rest) == [str(n) for n in range(7, 17)]
        again = await service.filter(GROUP, Search())
        assert [event.id for event in again.events] == [event.id for event in (*found.events, *rest.events)]
        assert len({event.id for event in again.events}) == 17
        assert all(len(event.id) == 56 for event in again.events)


@awaited
async def test_rows_of_one_event_stand_beside_blocks(tmp_path: Path) -> None:
    """As a database of an earlier runner has them, and as events are kept that were put."""
    clock = Clock()
    store = SqliteStore.open(tmp_path / "state.db", clock=clock)
    name = "logs/%2Faws%2Flambda%2Ff/" + STREAM
    await store.append(name, [(1000.0 + n, f"{n}\n".encode()) for n in range(5)])
    await store.append(name, [(1005.0, b"\x0012345\x005")])
    await store.aclose()
    async with opened(tmp_path) as service:
        old = await service.get(GROUP, STREAM, Search(limit=3), from_head=True)
        service.write("f", GROUP, STREAM, [(1006.0, "6"), (1007.0, "7")])
        await service.put(GROUP, STREAM, [(1008.0, "8"), (1009.0, "\0009\0")])
        wanted = [*(f"{n}\n" for n in range(5)), "5", "6\n", "7\n", "8", "\0009\0"]
        for found in (await forward(service, Search(limit=4)), await backward(service, Search(limit=4))):
            assert [event.message for event in found] == wanted
            assert [event.sequence for event in found] == list(range(1, 11))
        assert found[5].ingested_at == pytest.approx(12.345)
        assert found[8].ingested_at > 1e9
        assert messages(await service.get(GROUP, STREAM, Search(limit=4), token=old.forward)) == list("3456")
        (stream,) = await service.streams(GROUP)
        assert (stream.first_at, stream.last_at) == (1000.0, 1009.0)


@awaited
async def test_invocations_that_are_kept_as_such_read_as_lines(tmp_path: Path) -> None:
    calls = CallLines(Usual("$LATEST", 128, 44), [(1000.0 + n, 1000.5 + n, f"id-{n}", 500.0) for n in range(1000)])
    seen: list[str] = []
    shown: list[str] = []
    async with opened(tmp_path) as service:
        service.show(lambda function, lines: shown.extend(lines[:]))
        service.subscribe(lambda event: seen.append(event.message))
        service.write("f", GROUP, STREAM, [(999.0, "before")])
        service.write("f", GROUP, STREAM, calls)
        service.write("f", GROUP, STREAM, [(2000.0, "after")])
        texts = ["before", *(text for _, text in calls), "after"]
        assert seen == shown == texts
    async with opened(tmp_path) as service:
        for found in (await forward(service, Search(limit=700)), await backward(service, Search(limit=700))):
            assert [event.message for event in found] == [f"{text}\n" for text in texts]
            assert [event.sequence for event in found] == list(range(1, 3003))
        reports = await service.filter(GROUP, Search(pattern="REPORT", from_ms=1_100_000, until_ms=1_102_000))
        assert [event.message.split()[2] for event in reports.events] == ["id-100", "id-101"]
        (stream,) = await service.streams(GROUP)
        assert (stream.first_at, stream.last_at) == (999.0, 2000.0)


@awaited
async def test_a_sweep_takes_a_block_once_its_last_event_is_too_old(tmp_path: Path) -> None:
    async with opened(tmp_path, declared(days=1)) as service:
        limit = Clock().now() - 86400
        service.write("f", GROUP, STREAM, [(limit - 20, "old"), (limit - 10, "old too")])
        service.write("f", GROUP, STREAM, [(limit - 5, "nearly old"), (limit + 600, "new")])
        await service.flush()
        await service.sweep()
        assert messages(await service.get(GROUP, STREAM, Search())) == ["nearly old", "new"]
        assert (await service.get(GROUP, STREAM, Search())).events[0].sequence == 3
        service.write("f", GROUP, STREAM, [(limit + 700, "newer")])
        assert (await service.get(GROUP, STREAM, Search())).events[-1].sequence == 5


@pytest.mark.parametrize(("size", "kept"), [(1, 100), (7, 98), (30, 90), (150, 150)])
@awaited
async def test_a_bound_counts_the_events_in_blocks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: int, kept: int
) -> None:
    """Never more than the bound, but for a last block that is longer than it."""
    monkeypatch.setattr(logs_module, "STREAM_EVENTS", 100)
    async with opened(tmp_path) as service:
        for block in blocks(300 // size, size, start=Clock().now() - 1000):
            service.write("f", GROUP, STREAM, block)
        await service.flush()
        await service.sweep()
        found = await forward(service, Search())
        assert len(found) == kept
        assert found[-1].message == f"{300 // size * size - 1}\n"


@awaited
async def test_a_stream_that_grows_fast_does_not_wait_for_the_sweep(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs_module, "STREAM_EVENTS", 100)
    async with opened(tmp_path, running=True) as service:
        for block in blocks(30, 10, start=Clock().now() - 1000):
            service.write("f", GROUP, STREAM, block)
        async with asyncio.timeout(5):
            while len((await service.get(GROUP, STREAM, Search())).events) > 100:
                await asyncio.sleep(0.002)
        assert (await service.get(GROUP, STREAM, Search())).events[-1].message == "299\n"


@awaited
async def test_many_long_lines_are_several_blocks(tmp_path: Path) -> None:
    lines = [(1000.0 + n, f"{n} " + "ä" * 40_000) for n in range(20)]
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, lines)
        await service.flush()
        entries = await service._store.read("logs/%2Faws%2Flambda%2Ff/" + STREAM, after=0, limit=100)
        assert 2 < len(entries) < 20
        assert [event.message for event in await forward(service, Search())] == [f"{text}\n" for _, text in lines]


@awaited
async def test_an_error_report_keeps_its_place_in_a_block(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, [(1.0, "a"), (2.0, "[ERROR] x\ry"), (3.0, "b\rc")])
        assert [event.message for event in await forward(service, Search())] == ["a\n", "[ERROR] x\ny", "b\rc\n"]


@awaited
async def test_what_a_source_still_holds_is_read_too(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        held = [[(1000.0, "one")], [(1001.0, "two")]]
        service.collect(lambda: service.write("f", GROUP, STREAM, held.pop(0)) if held else None)
        assert await service.groups() == [GROUP]
        assert messages(await service.get(GROUP, STREAM, Search())) == ["one", "two"]


@awaited
async def test_a_deleted_stream_hides_its_blocks(tmp_path: Path) -> None:
    async with opened(tmp_path) as service:
        service.write("f", GROUP, STREAM, [(1000.0, "old"), (1001.0, "old too")])
        await service.delete_stream(GROUP, STREAM)
        service.write("f", GROUP, STREAM, [(1002.0, "new"), (1003.0, "newer")])
        assert messages(await service.get(GROUP, STREAM, Search())) == ["new", "newer"]
        assert [event.sequence for event in await forward(service, Search())] == [3, 4]
