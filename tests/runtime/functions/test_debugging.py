"""Functions that wait for a debugger, spoken to as an editor would."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import socket
import sys
from pathlib import Path
from typing import Any

import pytest
import uvloop

from tests.runtime.functions.stage import DEADLINE_S, Stage, stage

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])


async def connect(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """As soon as something listens."""
    until = asyncio.get_running_loop().time() + DEADLINE_S
    while True:
        try:
            return await asyncio.open_connection("127.0.0.1", port)
        except OSError:
            assert asyncio.get_running_loop().time() < until
            await asyncio.sleep(0.02)


async def debug_python(port: int) -> asyncio.StreamWriter:
    """The Debug Adapter Protocol's way to attach and let run."""
    reader, writer = await connect(port)
    steps: dict[str, dict[str, Any]] = {
        "initialize": {"adapterID": "t"},
        "attach": {"justMyCode": True},
        "configurationDone": {},
    }
    for number, (command, arguments) in enumerate(steps.items(), 1):
        body = json.dumps({"seq": number, "type": "request", "command": command, "arguments": arguments}).encode()
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        while True:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
            message = json.loads(await reader.readexactly(int(head.split(b":")[1])))
            if message.get("event") == "initialized" or message.get("command") in ("initialize", "configurationDone"):
                break
    return writer


async def debug_node(port: int) -> asyncio.StreamWriter:
    """The inspector's way: find the target, upgrade to a web socket, let it run."""
    reader, writer = await connect(port)
    writer.write(b"GET /json HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
    size = int(next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length")).split(b":")[1])
    target = json.loads(await reader.readexactly(size))[0]["id"]
    writer.close()
    reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
    key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    writer.write(
        f"GET /{target} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n{key}\r\n".encode()
    )
    await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), DEADLINE_S)
    for number, method in enumerate(("Debugger.enable", "Runtime.enable", "Runtime.runIfWaitingForDebugger"), 1):
        send(writer, {"id": number, "method": method})
        await asyncio.wait_for(reader.readuntil(b'"id":%d,"result"' % number), DEADLINE_S)
    await asyncio.wait_for(reader.readuntil(b"Debugger.paused"), DEADLINE_S)  # on the first line
    send(writer, {"id": 4, "method": "Debugger.resume"})
    return writer


def send(writer: asyncio.StreamWriter, message: dict[str, Any]) -> None:
    """A masked text frame."""
    body, mask = json.dumps(message).encode(), os.urandom(4)
    writer.write(bytes([0x81, 0x80 | len(body)]) + mask + bytes(byte ^ mask[i % 4] for i, byte in enumerate(body)))


async def scene(folder: Path, config: dict[str, Any], files: dict[str, str], attach: Any) -> None:
    port = free_port()
    async with stage(folder, debug={"f": port}) as on:
        await on.deploy("f", files, Timeout=1, MemorySize=1024, **config)
        first = on.begin("f", {"sleep": 1.3})
        second = on.begin("f", {"sleep": 0})
        writer = await attach(port)
        assert json.loads((await asyncio.wait_for(first, DEADLINE_S)).payload) == 1.3  # no timeout of 1 second
        assert json.loads((await asyncio.wait_for(second, DEADLINE_S)).payload) == 0
        failed = await asyncio.wait_for(on.begin("f", b"null"), DEADLINE_S)
        assert str(folder) in failed.payload.decode()  # an editor can open what is named
        assert starts(on) == 1
        writer.close()


def starts(on: Stage) -> int:
    on.functions.journal.flush()
    return sum(line.startswith("INIT_START") for line in on.lines.of("f"))


@pytest.mark.slow
def test_a_python_function_waits_for_debugpy(tmp_path: Path) -> None:
    pytest.importorskip("debugpy")
    files = {"app.py": "import time\ndef handler(e, c):\n    time.sleep(e['sleep'])\n    return e['sleep']\n"}
    uvloop.run(scene(tmp_path, {"Runtime": RUNTIME}, files, debug_python))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")
def test_a_node_function_waits_for_the_inspector(tmp_path: Path) -> None:
    code = "exports.handler = async (e) => { await new Promise((r) => setTimeout(r, e.sleep * 1000)); return e.sleep }"
    config = {"Runtime": "nodejs20.x", "Handler": "index.handler"}
    uvloop.run(scene(tmp_path, config, {"index.js": code}, debug_node))
