"""The main job in figures: start to ready, save to answer, idle memory, `validate`. `python -m tests.bench.main_job`"""

from __future__ import annotations

import json
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil

from tests.running import RUNNER, Running, copy_of, environment

ROUNDS = 5
SAVES = 15


def startup(folder: Path) -> list[float]:
    """Seconds from process start to the ready line, on a fresh state folder each time."""
    figures = []
    for index in range(ROUNDS):
        stack = copy_of("orders", folder / f"start{index}")
        began = time.perf_counter()
        with Running(stack):
            figures.append(time.perf_counter() - began)
    return figures


def idle_memory(up: Running) -> tuple[float, int]:
    """Proportional set size of the whole tree in MB, and how many processes it has."""
    assert up.process is not None
    root = psutil.Process(up.process.pid)
    tree = [root, *root.children(recursive=True)]
    return sum(process.memory_full_info().pss for process in tree) / 2**20, len(tree)


def reload(up: Running) -> list[float]:
    """Seconds from saving a handler to the first answer of the new code, asked for without a pause."""
    handler = up.stack.parent / "charge" / "app.py"
    client = up.client("lambda")
    figures = []
    for index in range(SAVES):
        handler.write_text(f"def handler(event, context):\n    return {index}\n")
        began = time.perf_counter()
        while json.load(client.invoke(FunctionName="orders-charge")["Payload"]) != index:
            if time.perf_counter() - began > 10:
                raise AssertionError("the new code never answered")
        figures.append(time.perf_counter() - began)
        time.sleep(0.3)
    return figures


def validate() -> list[float]:
    """Seconds of a whole `runner validate` process on the example."""
    figures = []
    for _ in range(ROUNDS * 2):
        began = time.perf_counter()
        subprocess.run(
            [RUNNER, "validate", "stacks/orders/stack.yaml"], check=True, capture_output=True, env=environment()
        )
        figures.append(time.perf_counter() - began)
    return figures


def show(name: str, figures: list[float]) -> None:
    low, middle, high = min(figures), statistics.median(figures), max(figures)
    print(
        f"{name:<28} min {low * 1000:8.1f} ms   median {middle * 1000:8.1f} ms   max {high * 1000:8.1f} ms", flush=True
    )


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        show("start to ready", startup(folder))
        with Running(copy_of("orders", folder / "live")) as up:
            up.client("lambda").invoke(FunctionName="orders-charge", Payload=b'{"detail": {"amount": 1}}')
            size, count = idle_memory(up)
            print(f"{'idle memory':<28} {size:.0f} MB in {count} processes")
            show("save to new answer", reload(up))
            print(re.sub(r"\s+", " ", up.output()[-200:]))
    show("validate, whole process", validate())
    return 0


if __name__ == "__main__":
    sys.exit(main())
