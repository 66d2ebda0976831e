"""The HTTP server against raw sockets: what clients may do, what they may not, and who gets what."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
import uvloop

from runner.host.exchange import Exchange, Sink
from runner.host.http import MAX_HEAD, Handler, HttpServer
from runner.model.errors import PortInUse

WAIT_S = 20.0  # a bound on waiting, never a measurement


Work = Callable[[], Awaitable[None]]
Run = Callable[[Work], None]


@pytest.fixture(params=[asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def run(request: pytest.FixtureRequest) -> Run:
    """Runs a coroutine function on either loop, for a bounded time."""

    def on_the_loop(work: Work) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(WAIT_S):
                await work()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(bounded())

    return on_the_loop


class Client:
    """A socket that sends what it is told and reads to an end."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def response(self) -> tuple[int, dict[str, str], bytes]:
        """One response with a length or in chunks."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        first, *lines = head.rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding") == "chunked":
            return int(first.split()[1]), headers, await self._chunks()
        return int(first.split()[1]), headers, await self.reader.readexactly(int(headers.get("content-length", 0)))

    async def _chunks(self) -> bytes:
        whole = b""
        while size := int(await self.reader.readline(), 16):
            whole += await self.reader.readexactly(size)
            await self.reader.readline()
        await self.reader.readline()
        return whole

    async def everything(self) -> bytes:
        """Up to the end of the connection."""
        return await self.reader.read()


@asynccontextmanager
async def serving(
    handler: Handler, *, max_body: int = 1024, sink_for: Callable[[Exchange], Sink | None] | None = None
) -> AsyncIterator[tuple[HttpServer, Callable[[], Awaitable[Client]]]]:
    server = HttpServer(handler, max_body=max_body, sink_for=sink_for)
    port = await server.open()
    writers: list[asyncio.StreamWriter] = []

    async def connect() -> Client:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writers.append(writer)
        return Client(reader, writer)

    try:
        yield server, connect
    finally:
        for writer in writers:
            writer.close()
        await server.close()


def echo(exchange: Exchange) -> None:
    exchange.respond(200, [("x-method", exchange.method), ("x-target", exchange.target)], exchange.body)


GET = b"GET /a?b=c HTTP/1.1\r\nhost: x\r\n\r\n"


def post(body: bytes, *headers: bytes) -> bytes:
    lines = b"".join(line + b"\r\n" for line in headers)
    return b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n%b\r\n%b" % (len(body), lines, body)


def test_requests_are_answered_over_one_kept_connection(run: Run) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            for number in range(3):
                client.send(post(b"body %d" % number))
                status, headers, body = await client.response()
                assert (status, headers["x-method"], headers["x-target"]) == (200, "POST", "/p")
                assert body == b"body %d" % number

    run(work)


def test_a_long_pipeline_is_answered_in_order(run: Run) -> None:
    waiting: list[Exchange] = []

    async def work() -> None:
        async with serving(waiting.append) as (_, connect):
            client = await connect()
            client.send(b"".join(post(b"%d" % number) for number in range(500)))
            for number in range(500):
                while not waiting:
                    await asyncio.sleep(0)
                exchange = waiting.pop()
                assert not waiting, "a request was handed over before the one before it was answered"
                exchange.respond(200, (), exchange.body)
                assert (await client.response())[2] == b"%d" % number

    run(work)


def test_a_pipeline_answered_at_once_does_not_pile_up_calls(run: Run) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            client.send(GET * 3000)
            for _ in range(3000):
                assert (await client.response())[0] == 200

    run(work)


def test_chunks_and_trailers_are_read(run: Run) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.respond(200, [("x-trailer", exchange.trailers["x-sum"])], exchange.body)

    async def work() -> None:
        async with serving(answer) as (_, connect):
            client = await connect()
            head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\ntrailer: x-sum\r\n\r\n"
            client.send(head + b"3\r\nabc\r\n5;ext=1\r\ndefgh\r\n0\r\nX-Sum: 8\r\n\r\n")
            _, headers, body = await client.response()
            assert (body, headers["x-trailer"]) == (b"abcdefgh", "8")

    run(work)


def test_a_slow_client_is_waited_for(run: Run) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            for byte in post(b"slow"):
                client.send(bytes([byte]))
                await client.writer.drain()
                await asyncio.sleep(0)
            assert (await client.response())[2] == b"slow"

    run(work)


def test_expect_gets_a_go_ahead_before_the_body(run: Run) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            request = post(b"body", b"Expect: 100-Continue")
            client.send(request[:-4])
            assert await client.reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
            client.send(b"body")
            assert (await client.response())[2] == b"body"

    run(work)


@pytest.mark.parametrize(
    "request_bytes",
    [
        post(b"x" * 1025),
        post(b"x" * 1025, b"expect: 100-continue"),
        b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n600\r\n" + b"x" * 0x600,
        post(b"x" * 2_000_000),
    ],
    ids=["one byte too long", "asked for first", "in chunks", "very long"],
)
def test_a_body_that_is_too_large_is_refused_and_the_client_gets_to_read_it(run: Run, request_bytes: bytes) -> None:
    calls: list[Exchange] = []

    async def work() -> None:
        async with serving(calls.append) as (_, connect):
            client = await connect()
            client.send(request_bytes)
            await client.writer.drain()
            status, headers, _ = await client.response()
            assert (status, headers["connection"]) == (413, "close")
            assert await client.everything() == b""
        assert not calls

    run(work)


def test_a_body_of_just_the_limit_is_taken(run: Run) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            client.send(post(b"x" * 1024))
            assert len((await client.response())[2]) == 1024

    run(work)


@pytest.mark.parametrize("piece", [b"x-long: " + b"y" * 4000 + b"\r\n", b"y" * 4000], ids=["many headers", "one"])
def test_an_endless_head_is_refused(run: Run, piece: bytes) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            client.send(b"GET / HTTP/1.1\r\nhost: x\r\nx-first: ")
            for _ in range(MAX_HEAD // 4000 + 10):
                client.send(piece)
            assert (await client.response())[0] == 431

    run(work)


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x16\x03\x01\x02\x00\x01\x00",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nbad header\r\n\r\n",
    ],
    ids=["TLS", "no target", "another version", "a header without a colon"],
)
def test_what_is_no_http_is_refused(run: Run, garbage: bytes) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            client.send(garbage)
            assert (await client.response())[0] == 400

    run(work)


def test_garbage_behind_a_request_does_not_cost_that_request_its_answer(run: Run) -> None:
    held: list[Exchange] = []

    async def work() -> None:
        async with serving(held.append) as (_, connect):
            client = await connect()
            client.send(GET + b"garbage\r\n\r\n")
            while not held:
                await asyncio.sleep(0)
            await asyncio.sleep(0)
            held[0].respond(200, (), b"mine")
            assert (await client.response())[2] == b"mine"
            assert (await client.response())[0] == 400

    run(work)


def test_a_client_that_closed_its_sending_side_is_answered_if_the_exchange_allows_it(run: Run) -> None:
    held: list[Exchange] = []

    def hold(exchange: Exchange) -> None:
        exchange.half_open = True
        held.append(exchange)

    async def work() -> None:
        async with serving(hold) as (server, connect):
            client = await connect()
            client.send(GET)
            client.writer.write_eof()
            while not held:
                await asyncio.sleep(0)
            while not next(iter(server.connections)).retiring:
                await asyncio.sleep(0)
            held[0].respond(200, (), b"still")
            assert (await client.response())[2] == b"still"
            assert await client.everything() == b""

    run(work)


def test_who_wants_to_know_is_told_that_the_client_went_away(run: Run) -> None:
    lost = asyncio.Event()

    def hold(exchange: Exchange) -> None:
        exchange.on_lost = lost.set

    async def work() -> None:
        async with serving(hold) as (_, connect):
            client = await connect()
            client.send(GET)
            await client.writer.drain()
            client.writer.close()
            await lost.wait()

    run(work)


def test_an_answer_to_a_client_that_is_gone_goes_nowhere(run: Run) -> None:
    held: list[Exchange] = []

    async def work() -> None:
        async with serving(held.append) as (server, connect):
            client = await connect()
            client.send(GET * 2)
            while not held:
                await asyncio.sleep(0)
            client.writer.transport.abort()
            while server.connections:
                await asyncio.sleep(0)
            assert held[0].lost
            held[0].respond(200, (), b"nobody")
            await asyncio.sleep(0)
            assert len(held) == 1

    run(work)


def test_a_streamed_answer_comes_in_chunks_and_the_connection_is_kept(run: Run) -> None:
    def stream(exchange: Exchange) -> None:
        exchange.start(200, [("content-type", "text/plain")])
        for piece in (b"one", b"", b"two"):
            exchange.write(piece)
        exchange.finish()

    async def work() -> None:
        async with serving(stream) as (_, connect):
            client = await connect()
            for _ in range(2):
                client.send(GET)
                assert (await client.response())[2] == b"onetwo"

    run(work)


def test_an_old_client_gets_no_chunks(run: Run) -> None:
    def stream(exchange: Exchange) -> None:
        exchange.start(200)
        exchange.write(b"one")
        exchange.finish()

    async def work() -> None:
        async with serving(stream) as (_, connect):
            client = await connect()
            client.send(b"GET / HTTP/1.0\r\n\r\n")
            whole = await client.everything()
            assert whole.endswith(b"\r\n\r\none")
            assert b"chunked" not in whole

    run(work)


@pytest.mark.slow
def test_a_reader_that_does_not_read_is_waited_for(run: Run) -> None:
    written: list[int] = []

    async def work() -> None:
        async def stream(exchange: Exchange) -> None:
            exchange.start(200)
            for _ in range(200):
                exchange.write(b"x" * 65536)
                await exchange.drained()
                written.append(exchange.backlog)
            exchange.finish()

        tasks: list[asyncio.Task[None]] = []
        async with serving(lambda exchange: tasks.append(asyncio.create_task(stream(exchange)))) as (_, connect):
            client = await connect()
            client.send(GET)
            assert len((await client.response())[2]) == 200 * 65536
            assert max(written) < 10 * 65536

    run(work)


def test_a_handler_that_raises_is_answered_for(run: Run) -> None:
    def fail(exchange: Exchange) -> None:
        if exchange.target == "/begun":
            exchange.start(200)
        raise ValueError("a bug")

    async def work() -> None:
        async with serving(fail) as (_, connect):
            client = await connect()
            client.send(GET)
            assert (await client.response())[0] == 500
            client.send(b"GET /begun HTTP/1.1\r\nhost: x\r\n\r\n")
            assert not (await client.everything()).endswith(b"0\r\n\r\n"), "a broken answer looks whole"

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("runner.host.http.log.disabled", True)
        run(work)


def test_an_exchange_is_answered_once(run: Run) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.respond(200)
        for again in (lambda: exchange.respond(200), lambda: exchange.write(b"x"), exchange.finish):
            with pytest.raises(RuntimeError):
                again()

    async def work() -> None:
        async with serving(answer) as (_, connect):
            client = await connect()
            client.send(GET)
            assert (await client.response())[0] == 200

    run(work)


def test_a_value_makes_no_headers_of_its_own(run: Run) -> None:
    async def work() -> None:
        async with serving(lambda exchange: exchange.respond(200, [("x-a", "v\r\nset-cookie: evil")])) as (_, connect):
            client = await connect()
            client.send(GET)
            _, headers, _ = await client.response()
            assert headers["x-a"] == "v set-cookie: evil"
            assert "set-cookie" not in headers

    run(work)


@pytest.mark.parametrize(
    ("line", "target"),
    [
        (b"GET http://127.0.0.1:4566/a?b HTTP/1.1", "/a?b"),
        (b"GET http://127.0.0.1:4566 HTTP/1.1", "/"),
        (b"OPTIONS * HTTP/1.1", "*"),
        (b"GET /a%20b?c=%2F HTTP/1.1", "/a%20b?c=%2F"),
    ],
    ids=["as to a proxy", "without a path", "asterisk", "percent-encoded"],
)
def test_targets(run: Run, line: bytes, target: str) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            client.send(line + b"\r\nhost: x\r\n\r\n")
            assert (await client.response())[1]["x-target"] == target

    run(work)


def test_an_upgrade_is_not_taken_and_the_request_answered(run: Run) -> None:
    async def work() -> None:
        async with serving(echo) as (_, connect):
            client = await connect()
            upgrade = (b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c", b"HTTP2-Settings: AAEAAEAA")
            client.send(post(b"first", *upgrade) + post(b"second"))
            assert (await client.response())[2] == b"first"
            assert (await client.response())[2] == b"second"
            client.send(b"GET /a HTTP/1.1\r\nhost: x\r\n" + b"\r\n".join(upgrade) + b"\r\n\r\n")
            assert (await client.response())[0] == 200
            client.send(b"CONNECT x:1 HTTP/1.1\r\nhost: x\r\n\r\n")
            assert (await client.response())[0] in (200, 501)

    run(work)


def test_head_and_no_content_have_no_body(run: Run) -> None:
    def answer(exchange: Exchange) -> None:
        exchange.respond(204 if exchange.method == "DELETE" else 200, (), b"body")

    async def work() -> None:
        async with serving(answer) as (_, connect):
            client = await connect()
            client.send(b"HEAD / HTTP/1.1\r\nhost: x\r\n\r\n")
            head = await client.reader.readuntil(b"\r\n\r\n")
            assert b"content-length: 4" in head
            client.send(b"DELETE / HTTP/1.1\r\nhost: x\r\n\r\n" + GET)
            assert (await client.response())[0] == 204
            assert (await client.response())[2] == b"body"

    run(work)


def test_a_sink_takes_the_body_as_it_comes(run: Run) -> None:
    pieces: list[bytes] = []

    def answer(exchange: Exchange) -> None:
        exchange.respond(200, (), b"%d" % len(exchange.body))

    async def work() -> None:
        async with serving(answer, sink_for=lambda exchange: pieces.append) as (_, connect):
            client = await connect()
            client.send(post(b"hello"))
            assert (await client.response())[2] == b"0"
            assert b"".join(pieces) == b"hello"
            assert pieces[-1] == b""

    run(work)


def test_closing_lets_what_was_begun_finish(run: Run) -> None:
    held: list[Exchange] = []

    async def work() -> None:
        async with serving(held.append) as (server, connect):
            idle, busy = await connect(), await connect()
            busy.send(GET)
            while not held:
                await asyncio.sleep(0)
            closing = asyncio.create_task(server.close(WAIT_S))
            assert await idle.everything() == b""
            held[0].respond(200, (), b"done")
            status, headers, body = await busy.response()
            assert (status, headers["connection"], body) == (200, "close", b"done")
            await closing

    run(work)


def test_closing_cuts_what_does_not_finish_in_time(run: Run) -> None:
    lost = asyncio.Event()

    def hold(exchange: Exchange) -> None:
        exchange.on_lost = lost.set

    async def work() -> None:
        async with serving(hold) as (server, connect):
            client = await connect()
            client.send(GET)
            while not server.connections or next(iter(server.connections)).current is None:
                await asyncio.sleep(0)
            await server.close(0.01)
            await lost.wait()

    run(work)


def test_a_port_in_use_is_told(run: Run) -> None:
    async def work() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(PortInUse):
            await HttpServer(echo).open(taken.getsockname()[1])

    run(work)
