"""A real `runner up` on a private copy of a stack, for tests and measurements that talk to it from outside."""

from __future__ import annotations

import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import boto3
from botocore.config import Config

ROOT = Path(__file__).resolve().parents[1]
RUNNER = str(Path(sys.executable).parent / "runner")
READY = re.compile(r"ready in ([0-9.]+) s at (http://\S+)")
DEADLINE_S = 60.0  # a bound on waiting, never a measurement


def environment() -> dict[str, str]:
    """Ours without anything of AWS, but for dummy credentials."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
    return kept | {
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
    }


class Running:
    """`with Running(copy_of("orders", tmp_path)) as up:` is ready when the block begins, and ended after it."""

    def __init__(self, stack: Path, *arguments: str, port: int = 0) -> None:
        self.stack = stack
        self.command = [RUNNER, "up", str(stack), "--port", str(port), *arguments]
        self.endpoint = ""
        self.ready_s = 0.0
        self.lines: list[str] = []
        self.process: subprocess.Popen[str] | None = None
        self._news: queue.Queue[str | None] = queue.Queue()

    def start(self) -> Running:
        """Start the process and wait until it says that it is ready."""
        self.process = subprocess.Popen(
            self.command,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=environment(),
            start_new_session=True,
        )
        threading.Thread(target=self._read, args=(self.process,), daemon=True).start()
        found = self.wait_for(READY)
        self.ready_s, self.endpoint = float(found[1]), found[2]
        return self

    def _read(self, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        for line in process.stdout:
            self._news.put(line.rstrip("\n"))
        self._news.put(None)

    def wait_for(self, pattern: re.Pattern[str] | str, deadline_s: float = DEADLINE_S) -> re.Match[str]:
        """The first line still unread that matches; fails with all output if none comes."""
        compiled = re.compile(pattern)
        until = time.monotonic() + deadline_s
        while (left := until - time.monotonic()) > 0:
            try:
                line = self._news.get(timeout=left)
            except queue.Empty:
                break
            if line is None:
                break
            self.lines.append(line)
            if found := compiled.search(line):
                return found
        raise AssertionError(f"{compiled.pattern!r} did not come:\n" + "\n".join(self.lines[-80:]))

    def output(self) -> str:
        """Everything printed so far."""
        while not self._news.empty():
            line = self._news.get_nowait()
            if line is None:
                break
            self.lines.append(line)
        return "\n".join(self.lines)

    def kill(self) -> None:
        """`kill -9`."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(DEADLINE_S)

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to end in order; returns its exit code."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            return self.process.wait(DEADLINE_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def client(self, service: str) -> Any:
        """A boto3 client as anyone would make it."""
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"max_attempts": 1}, read_timeout=DEADLINE_S),
        )

    def aws(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The AWS CLI against this endpoint."""
        command = [str(Path(sys.executable).parent / "aws"), "--endpoint-url", self.endpoint, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=DEADLINE_S, check=False
        )

    def __enter__(self) -> Running:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self.process is not None and self.process.poll() is None:
            self.end()


def copy_of(name: str, folder: Path) -> Path:
    """A private copy of an example in `stacks/`; returns its stack file."""
    target = folder / name
    shutil.copytree(ROOT / "stacks" / name, target, ignore=shutil.ignore_patterns(".runner", "__pycache__"))
    return target / "stack.yaml"
