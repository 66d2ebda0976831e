"""Environments killed at random under load: every call gets an answer, nothing leaks. `CHAOS_S` makes it longer."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
from collections import Counter
from pathlib import Path

import psutil
import pytest
import uvloop

from tests.runtime.functions.stage import Stage, stage

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SECONDS = float(os.environ.get("CHAOS_S", "2"))
CALLERS = 8
PYTHON = "import os, time\ndef handler(e, c):\n    print('working')\n    time.sleep(e['s'])\n    return os.getpid()\n"
NODE = "exports.handler = async (e) => { await new Promise((r) => setTimeout(r, e.s * 1000)); return process.pid }"
LOST = "Runtime exited with error: signal: killed"


def leftovers(folder: Path) -> tuple[int, int, list[str]]:
    """Children of ours, open files of ours, folders of environments."""
    children = [child for child in psutil.Process().children(recursive=True) if child.status() != psutil.STATUS_ZOMBIE]
    kept = ("bytecode", "debugger", "opt", "sdk")
    folders = [entry.name for entry in folder.iterdir() if entry.name not in kept] if folder.exists() else []
    return len(children), psutil.Process().num_fds(), folders


async def call(on: Stage, name: str, until: float, outcomes: Counter[str]) -> None:
    while asyncio.get_running_loop().time() < until:
        answer = await on.invoke(name, {"s": random.choice((0, 0, 0.001, 0.01))})
        if answer.function_error is None:
            outcomes["answered"] += 1
            continue
        error = json.loads(answer.payload)
        assert error["errorType"] == "Runtime.ExitError", error
        assert error["errorMessage"].endswith(LOST), error
        outcomes["lost"] += 1


async def kill(on: Stage, names: list[str], until: float, outcomes: Counter[str]) -> None:
    while asyncio.get_running_loop().time() < until:
        await asyncio.sleep(0.01)
        fleets = [on.functions.fleet(name) for name in names]
        living = [environment for fleet in fleets for environment in fleet.environments]
        pids = [environment.pid for environment in living if environment.pid]
        if pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(random.choice(pids), signal.SIGKILL)
                outcomes["killed"] += 1


async def scene(folder: Path) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    async with stage(folder) as on:
        await on.deploy("py", PYTHON, Runtime=RUNTIME, Timeout=30)
        await on.deploy(
            "js", {"index.js": NODE}, Runtime="nodejs20.x", Handler="index.handler", MemorySize=512, Timeout=30
        )
        names = ["py", "js"]
        for name in names:
            await on.invoke(name, {"s": 0})
        until = asyncio.get_running_loop().time() + SECONDS
        async with asyncio.TaskGroup() as tasks:
            for index in range(CALLERS):
                tasks.create_task(call(on, names[index % 2], until, outcomes))
            tasks.create_task(kill(on, names, until, outcomes))
        # What is left serves on as if nothing had happened.
        for name in names:
            for _ in range(20):
                outcomes["after"] += (await on.invoke(name, {"s": 0})).function_error is None
    return outcomes


async def listen_once() -> None:
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", 0)
    server.close()
    await server.wait_closed()


@pytest.mark.slow
@pytest.mark.timeout(SECONDS + 60)
def test_killed_environments_cost_no_more_than_their_invocation(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(listen_once())  # a loop keeps a file to itself from its first listener on
        before = leftovers(tmp_path / "environments")
        outcomes = runner.run(scene(tmp_path))
        after = leftovers(tmp_path / "environments")
    assert after == before
    assert outcomes["after"] == 40
    assert min(outcomes[what] for what in ("killed", "lost", "answered")) > 0, outcomes
