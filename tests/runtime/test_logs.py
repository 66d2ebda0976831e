"""Log groups, streams and events over a real store."""

from __future__ import annotations

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

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
