"""Events per second from put_events to the handler: `python -m tests.bench.events_to_handler [COUNT] [THREADS]`.

The clock starts with the first put_events and stops when the last handler has run; a handler adds one byte to a file.
"""

from __future__ import annotations

import json
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil

from tests.running import Running

COUNT = 5_000
THREADS = 2
PER_CALL = 10  # AWS's limit of one put_events
DEADLINE_S = 300.0

STACK = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: bench}}
  Counter:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: counter
      Runtime: RUNTIME
      Handler: app.handler
      CodeUri: code/
      Timeout: 30
      Environment: {Variables: {COUNT_FILE: "COUNTED"}}
      Events:
        Put: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [bench]}}}
"""
HANDLER = """
import os

file = os.open(os.environ["COUNT_FILE"], os.O_WRONLY | os.O_APPEND)


def handler(event, context):
    os.write(file, b".")
"""


def stack_in(folder: Path) -> tuple[Path, Path]:
    """The stack file, and the file whose size counts the handlers' runs."""
    counted = folder / "counted"
    counted.touch()
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(HANDLER)
    stack = folder / "stack.yaml"
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    stack.write_text(STACK.replace("RUNTIME", version).replace("COUNTED", str(counted)))
    return stack, counted


def put(client: Any, first: int) -> None:
    entries = [
        {"EventBusName": "bench", "Source": "bench", "DetailType": "Put", "Detail": json.dumps({"n": n})}
        for n in range(first, first + PER_CALL)
    ]
    assert client.put_events(Entries=entries)["FailedEntryCount"] == 0


def wait_for(counted: Path, size: int) -> None:
    until = time.perf_counter() + DEADLINE_S
    while counted.stat().st_size < size:
        if time.perf_counter() > until:
            raise SystemExit(f"only {counted.stat().st_size} of {size} events reached the handler")
        time.sleep(0.002)


def measure(up: Running, counted: Path, count: int, threads: int) -> tuple[float, float]:
    """Events per second accepted, and through the handler."""
    clients = [up.client("events") for _ in range(threads)]
    before = counted.stat().st_size
    began = time.perf_counter()
    with ThreadPoolExecutor(threads) as pool:
        calls = range(0, count, PER_CALL)
        list(pool.map(lambda n: put(clients[n // PER_CALL % threads], n), calls))
    accepted_s = time.perf_counter() - began
    wait_for(counted, before + len(calls) * PER_CALL)
    return count / accepted_s, count / (time.perf_counter() - began)


def main(count: int = COUNT, threads: int = THREADS) -> None:
    with tempfile.TemporaryDirectory() as folder:
        stack, counted = stack_in(Path(folder))
        with Running(stack, "--no-watch") as up:
            measure(up, counted, 100, 1)  # environments started
            assert up.process is not None
            runner = psutil.Process(up.process.pid)
            before_s = sum(runner.cpu_times()[:2])
            accepted, through = measure(up, counted, count, threads)
            used_s = sum(runner.cpu_times()[:2]) - before_s
            environments = len(runner.children(recursive=True))
    print(f"{count} events by {threads} boto3 clients: {accepted:,.0f} accepted/s, {through:,.0f} to the handler/s")
    print(f"the runner's own time: {used_s / count * 1e6:,.0f} us an event; {environments} processes under it")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
