"""A Front on a real HTTP server in a thread of its own, for clients that block: boto3, the AWS CLI, raw sockets."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import boto3
import uvloop
from botocore.config import Config

from runner.host.clock import Clock
from runner.host.http import HttpServer
from runner.model.names import Place
from runner.wire.front import Front
from runner.wire.operation import Context, Members, Operation, RawOperation, Service

T = TypeVar("T")
WAIT_S = 30.0  # a bound on waiting, never a measurement


class Room:
    """A service whose operations are given as plain functions of (members, context)."""

    def __init__(
        self,
        name: str,
        operations: Mapping[str, Any] | None = None,
        raw_operations: Mapping[str, RawOperation] | None = None,
    ) -> None:
        self.name = name
        self.raw_operations: Mapping[str, RawOperation] = raw_operations or {}
        self.operations: Mapping[str, Operation] = {
            operation: _operation(function) for operation, function in (operations or {}).items()
        }


def _operation(function: Any) -> Operation:
    async def call(members: Members, context: Context) -> Members:
        answer = function(members, context)
        return await answer if asyncio.iscoroutine(answer) else answer

    return call


Make = Callable[[AsyncExitStack], Awaitable[Sequence[Service]]]


class Live:
    """`with Live([room]) as live: live.client("sqs")`; what needs the loop is made on it by a function instead."""

    def __init__(self, services: Sequence[Service] | Make) -> None:
        self.loop = uvloop.new_event_loop()
        self.port = 0
        self.front: Front
        self.server: HttpServer
        self._services = services
        self._held = AsyncExitStack()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.submit(work).result(WAIT_S)

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(self, service: str, **config: Any) -> Any:
        return boto3.client(
            service,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=WAIT_S, **config),
        )

    def aws(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """The AWS CLI against this endpoint."""
        kept = {key: value for key, value in os.environ.items() if not key.startswith("AWS_")}
        given = {
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_PAGER": "",
            "AWS_MAX_ATTEMPTS": "1",
        }
        command = [str(Path(sys.executable).parent / "aws"), "--endpoint-url", self.endpoint, *arguments]
        return subprocess.run(
            command, capture_output=True, text=True, env=kept | given, timeout=WAIT_S * 2, check=False
        )

    def __enter__(self) -> Self:
        self._thread.start()
        self.run(self._open())
        return self

    async def _open(self) -> None:
        services = await self._services(self._held) if callable(self._services) else self._services
        self.front = Front(services, Place(), Clock())
        self.server = HttpServer(self.front.handle)
        self.port = await self.server.open()

    async def _close(self) -> None:
        await self.server.close()
        await self.front.close()
        await self._held.aclose()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run(self._close())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(WAIT_S)
        self.loop.close()
