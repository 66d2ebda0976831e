"""Life without Linux's own means, as on macOS: the same stack, and processes that end when they have to."""

from __future__ import annotations

import base64
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.asking import eventually, invoke
from tests.running import DEADLINE_S, Running

ELSEWHERE = Path(__file__).with_name("elsewhere.py")
STACK = """\
Transform: AWS::Serverless-2016-10-31
Globals:
  Function: {Runtime: python3.11, Handler: index.handler, Timeout: 60}
Resources:
  Worker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: worker
      Timeout: 2
      InlineCode: |
        import os, subprocess, sys, time
        kept = []
        def handler(event, context):
            if event.get("child"):
                child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
                print("child", child.pid, flush=True)
            kept.append(bytearray(event.get("mb", 0) << 20))
            if event.get("exit"):
                os._exit(3)
            while event.get("busy"):
                pass
            time.sleep(event.get("s", 0))
            return os.getpid()
  Busy:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: busy
      InlineCode: |
        import subprocess, sys
        def handler(event, context):
            subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
            while True:
                pass
  Program:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: program
      Runtime: provided.al2023
      Handler: nothing
      CodeUri: program
"""
PROGRAM = """\
#!/bin/sh
api="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
while :; do
  heads=$(curl -s -D - -o /dev/null "$api/next" | tr -d '\\r' | tr A-Z a-z)
  id=$(echo "$heads" | sed -n 's/^lambda-runtime-aws-request-id: //p')
  curl -s -o /dev/null -d "$$" "$api/$id/response"
done
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "program").mkdir()
    bootstrap = tmp_path / "program" / "bootstrap"
    bootstrap.write_text(PROGRAM)
    bootstrap.chmod(0o755)
    stack = tmp_path / "stack.yaml"
    stack.write_text(STACK)
    running = Running(stack)
    running.command = [sys.executable, str(ELSEWHERE), *running.command[1:]]
    with running as up:
        yield up


def asked(up: Running, event: dict[str, Any], name: str = "worker") -> tuple[str, str]:
    """Error and log of an invocation."""
    answer = up.client("lambda").invoke(FunctionName=name, Payload=_json(event), LogType="Tail")
    payload = answer["Payload"].read().decode()
    return (payload if "FunctionError" in answer else ""), base64.b64decode(answer["LogResult"]).decode()


def _json(event: dict[str, Any]) -> str:
    return str(event).replace("'", '"')


def descendants(up: Running) -> list[psutil.Process]:
    return psutil.Process(_pid(up)).children(recursive=True)


def gone(processes: list[psutil.Process]) -> bool:
    return not any(map(_alive, processes))


def _alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def must_end(processes: list[psutil.Process]) -> None:
    """Wait until they have ended; a test that fails ends them."""
    try:
        eventually(lambda: gone(processes))
    finally:
        for process in processes:
            with contextlib.suppress(psutil.Error):
                process.kill()


def child_must_end(log: str) -> None:
    (pid,) = re.findall(r"child (\d+)", log)
    with contextlib.suppress(psutil.NoSuchProcess):
        must_end([psutil.Process(int(pid))])


def test_all_of_it_is_hidden(up: Running) -> None:
    assert invoke(up, "worker", {}) > 0
    launchers = [_command(one) for one in psutil.Process(_pid(up)).children()]
    assert launchers
    assert all(str(ELSEWHERE.with_name("elsewhere_launcher.py")) in command for command in launchers)
    assert 0 < up.ready_s < DEADLINE_S  # how old a process is, is told otherwise here
    port = up.endpoint.rpartition(":")[2]
    second = [
        sys.executable,
        str(ELSEWHERE),
        "up",
        str(up.stack),
        "--state",
        str(up.stack.parent / "b"),
        "--port",
        port,
    ]
    refused = subprocess.run(second, capture_output=True, text=True, timeout=DEADLINE_S, check=False)
    assert (refused.returncode, refused.stderr.splitlines()[0]) == (3, f"error: Port {port} is in use.")


def test_many_start_at_once_through_narrow_connections(up: Running) -> None:
    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(lambda _: invoke(up, "worker", {"s": 1}), range(20)))
    assert len(answers) == 20  # each in a process of its own


def test_invocations_tell_what_memory_they_took(up: Running) -> None:
    first = int(re.findall(r"Max Memory Used: (\d+) MB", asked(up, {})[1])[0])
    second = int(re.findall(r"Max Memory Used: (\d+) MB", asked(up, {"mb": 40})[1])[0])
    assert 4 < first < 100
    assert first + 30 < second <= 128


def test_a_process_ends_with_its_time_and_its_own_children_with_it(up: Running) -> None:
    error, log = asked(up, {"busy": 1, "child": 1})
    assert "Sandbox.Timedout" in error
    child_must_end(log)
    assert asked(up, {})[0] == ""


def test_a_process_that_ends_by_itself_leaves_no_child(up: Running) -> None:
    error, log = asked(up, {"exit": 1, "child": 1})
    assert "Runtime.ExitError" in error
    child_must_end(log)


def test_a_process_that_takes_too_much_memory_is_ended(up: Running) -> None:
    error, log = asked(up, {"mb": 300, "s": 1})
    assert "Runtime.OutOfMemory" in error or "signal: killed" in error
    assert "Max Memory Used: 128 MB" in log
    assert asked(up, {})[0] == ""


def test_nothing_outlives_a_runner_that_is_killed(up: Running) -> None:
    up.client("lambda").invoke(FunctionName="worker", Payload="{}")
    threading.Thread(target=_quietly, args=(up, "busy"), daemon=True).start()
    if shutil.which("curl"):
        assert invoke(up, "program", {}) > 0
    # Three at least: the launcher, the runtime that loops for ever, and the child that it started.
    eventually(lambda: any("time.sleep(600)" in " ".join(_command(one)) for one in descendants(up)))
    there = descendants(up)
    folder = up.stack.parent / ".runner" / "environments"
    assert list(folder.glob("run-*"))
    up.kill()
    must_end(there)
    eventually(lambda: not list(folder.glob("run-*")))


def test_a_launcher_that_is_killed_takes_its_processes_along_and_is_replaced(up: Running) -> None:
    before = invoke(up, "worker", {})
    threading.Thread(target=_quietly, args=(up, "busy"), daemon=True).start()
    eventually(lambda: any("time.sleep(600)" in " ".join(_command(one)) for one in descendants(up)))
    there = descendants(up)
    for one in psutil.Process(_pid(up)).children():
        os.kill(one.pid, signal.SIGKILL)
    must_end(there)
    assert eventually(lambda: invoke(up, "worker", {})) != before


def _pid(up: Running) -> int:
    assert up.process is not None
    return up.process.pid


def _command(process: psutil.Process) -> list[str]:
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _quietly(up: Running, name: str) -> None:
    try:
        up.client("lambda").invoke(FunctionName=name, Payload="{}")
    except Exception as error:  # it is meant to be cut off
        print(error)
