"""However a stream of requests is cut into pieces, each is read whole; whatever else is sent, the server lives on."""

from __future__ import annotations

import asyncio
import logging
from itertools import pairwise

import pytest
import uvloop
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.host.exchange import Exchange
from runner.host.http import HttpServer

WAIT_S = 20.0  # a bound on waiting, never a measurement
BODIES = st.lists(st.binary(max_size=60), min_size=1, max_size=8)


def plain(body: bytes) -> bytes:
    return b"POST /p HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)


def in_chunks(body: bytes) -> bytes:
    pieces = [body[at : at + 7] for at in range(0, len(body), 7)]
    coded = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces)
    return b"POST /p HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n%b0\r\n\r\n" % coded


def upgrading(body: bytes) -> bytes:
    head = b"POST /p HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: h2c\r\ncontent-length: %d\r\n\r\n"
    return head % len(body) + body


async def converse(pieces: list[bytes], seen: list[bytes], *, later: bool) -> bytes:
    """Send the pieces, then close the sending side; everything that comes back."""

    def answer(exchange: Exchange) -> None:
        exchange.half_open = True
        seen.append(exchange.body)
        if later:
            asyncio.get_running_loop().call_soon(exchange.respond, 200)
        else:
            exchange.respond(200)

    server = HttpServer(answer, max_body=1000)
    try:
        async with asyncio.timeout(WAIT_S):
            reader, writer = await asyncio.open_connection("127.0.0.1", await server.open())
            reading = asyncio.create_task(reader.read())
            for piece in pieces:
                writer.write(piece)
                await asyncio.sleep(0)
            await writer.drain()
            writer.write_eof()
            back = await reading
            writer.close()
            return back
    finally:
        await server.close()


def cut(whole: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted({place % (len(whole) + 1) for place in places}), len(whole)]
    return [whole[start:end] for start, end in pairwise(edges)]


@pytest.mark.slow
@pytest.mark.parametrize("form", [plain, in_chunks, upgrading], ids=["plain", "in chunks", "asking for an upgrade"])
@given(bodies=BODIES, places=st.lists(st.integers(0, 10_000), max_size=12), later=st.booleans())
@settings(max_examples=40)
def test_pieces_do_not_matter(form: object, bodies: list[bytes], places: list[int], *, later: bool) -> None:
    assert callable(form)
    seen: list[bytes] = []
    pieces = cut(b"".join(form(body) for body in bodies) + plain(b"last"), places)

    async def work() -> bytes:
        return await converse(pieces, seen, later=later)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        back = runner.run(work())
    assert seen == [*bodies, b"last"]
    assert back.count(b"HTTP/1.1 200 OK") == len(seen)


@pytest.mark.slow
@given(garbage=st.lists(st.binary(max_size=80), max_size=4), valid=st.booleans())
@settings(max_examples=60)
def test_no_bytes_make_the_server_fall_over(garbage: list[bytes], *, valid: bool) -> None:
    told: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = told.append  # type: ignore[method-assign]
    logging.getLogger().addHandler(handler)
    try:
        pieces = [plain(b"first"), *garbage] if valid else garbage

        async def work() -> bytes:
            return await converse(pieces, [], later=False)

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            back = runner.run(work())
    finally:
        logging.getLogger().removeHandler(handler)
    assert not told, told[0].getMessage()
    if valid:
        assert back.startswith(b"HTTP/1.1 200 OK")
