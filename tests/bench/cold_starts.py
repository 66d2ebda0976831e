"""Cold starts and idle memory: `python -m tests.bench.cold_starts`.

A cold start is the time from the call to the answer of a function that was never invoked before, without the wire; the
floors are measured in the same run: a fresh interpreter doing the same import, and `node -e ''`.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import uvloop

from tests.runtime.functions.stage import Stage, stage

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
ROUNDS = 40
IDLE = 100
PYTHON = {
    "python, nothing imported": "def handler(event, context):\n    return 1\n",
    "python, boto3 imported": "import boto3\ndef handler(event, context):\n    return 1\n",
    "python, a client made": "import boto3\nboto3.client('sqs')\ndef handler(event, context):\n    return 1\n",
}
NODE = {
    "node, CommonJS": {"index.js": "exports.handler = async () => 1"},
    "node, ES module": {"index.mjs": "export const handler = async () => 1"},
}


def floor(command: list[str]) -> float:
    """Median seconds of a whole process."""
    figures = []
    for _ in range(ROUNDS // 2):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        figures.append(time.perf_counter() - began)
    return statistics.median(figures)


async def cold(on: Stage, deploy: Callable[[str], object]) -> list[float]:
    figures = []
    for index in range(ROUNDS):
        name = f"cold{len(on.deployment.state.tables)}-{index}-{time.monotonic_ns()}"
        await deploy(name)  # type: ignore[misc]
        began = time.perf_counter()
        await on.invoke(name)
        figures.append(time.perf_counter() - began)
    return figures


def show(name: str, figures: list[float], against: float, what: str) -> None:
    low, middle, high = min(figures), statistics.median(figures), sorted(figures)[int(len(figures) * 0.95)]
    print(
        f"{name:<28} min {low * 1000:6.1f}  median {middle * 1000:6.1f}  p95 {high * 1000:6.1f} ms"
        f"   {middle / against:5.2f} x {what} ({against * 1000:.0f} ms)",
        flush=True,
    )


def proportional(processes: list[psutil.Process]) -> float:
    """MB of memory, shared pages counted once."""
    return sum(process.memory_full_info().pss for process in processes) / 2**20


async def idle_memory(on: Stage) -> None:
    code = "import boto3\ndef handler(event, context):\n    return 1\n"
    await on.deploy("idle", code, Runtime=RUNTIME, Timeout=60, MemorySize=512)
    hold = "import time, os\ndef handler(event, context):\n    time.sleep(3)\n"
    del hold
    await on.invoke("idle")
    template = [launcher.pid for launcher in on.functions.launching.launchers.values() if launcher.pid]
    before = proportional([psutil.Process(pid) for pid in template])
    names = [f"idle{index}" for index in range(IDLE)]
    for name in names:
        await on.deploy(name, code, Runtime=RUNTIME)
        await on.invoke(name)
    pids = [one.pid for name in names for one in on.functions.fleet(name).environments]
    everything = [psutil.Process(pid) for pid in [*template, *pids]]
    each = (proportional(everything) - before) / len(pids)
    print(f"{len(pids)} idle Python environments   {each:.1f} MB each, shared pages counted once")


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        async with stage(Path(name)) as on:
            await on.deploy("first", PYTHON["python, a client made"], Runtime=RUNTIME, Timeout=60)
            await on.invoke("first")
            await asyncio.sleep(1.0)  # imports ahead are over
            bare = {"python": floor([sys.executable, "-c", ""]), "boto3": floor([sys.executable, "-c", "import boto3"])}
            for label, code in PYTHON.items():
                figures = await cold(on, lambda name, code=code: on.deploy(name, code, Runtime=RUNTIME, Timeout=60))  # type: ignore[misc]
                key = "python" if "nothing" in label else "boto3"
                show(label, figures, bare[key], f"a fresh interpreter{' importing boto3' if key == 'boto3' else ''}")
            node = shutil.which("node")
            if node is not None:
                options = {"Runtime": "nodejs20.x", "Handler": "index.handler", "MemorySize": 512}
                for label, files in NODE.items():
                    figures = await cold(on, lambda name, files=files: on.deploy(name, files, **options))  # type: ignore[misc]
                    show(label, figures, floor([node, "-e", ""]), "node -e ''")
            await idle_memory(on)


if __name__ == "__main__":
    uvloop.run(main())
