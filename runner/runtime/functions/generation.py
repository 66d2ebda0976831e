"""The processes of one environment between two resets: the runtime, its extensions, and the APIs they speak to."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Mapping
from typing import Any, Protocol

from runner.host.exchange import Exchange, Sink
from runner.host.http import HttpServer
from runner.runtime.functions import extensions, runtime_api
from runner.runtime.functions.extensions import Extensions, programs
from runner.runtime.functions.launching import Launch
from runner.runtime.functions.process import Process
from runner.runtime.functions.runtime_api import RuntimeApi
from runner.runtime.functions.variables import of_extension

SHUTDOWN_S = 2.0  # extensions that asked to be told of the end have this long
RUNTIME_SHARE = 0.3  # of it, for the runtime


class Events(runtime_api.Events, extensions.Events, Protocol):
    """What the environment is told."""

    def on_output(self, data: bytes) -> None: ...

    def on_exit(self, generation: Generation, status: int, extension: str) -> None:
        """A process ended: the runtime, or the extension of that name."""

    def on_over(self, generation: Generation) -> None:
        """All processes have ended."""


class Generation:
    """`open` once; `end` once."""

    def __init__(self, events: Events, launch: Launch, about: Mapping[str, Any], account: str) -> None:
        self._events = events
        self._launch = launch
        self._programs = {path.name: path for path in programs(launch.folders.opt)}
        self.api = RuntimeApi(events)
        self.extensions = Extensions(events, about, account, list(self._programs))
        self.runtime = Process(events.on_output, lambda process, status: self._exited(process, status, ""))
        self.others: dict[str, Process] = {}
        self.frozen = False
        self._ending = False
        self._running = 0

    @property
    def started(self) -> bool:
        return self._running > 0

    @property
    def ready(self) -> bool:
        """True while the runtime and all extensions wait for work."""
        return self.api.waits and self.extensions.ready

    async def open(self, variables: Mapping[str, str], server: HttpServer, group: str) -> None:
        """Start the extensions, then the runtime. `group`: the door of their control group, if any. Raises OSError."""
        everything = of_extension({**self._launch.variables, **variables})
        for name, path in self._programs.items():
            process = self.others[name] = self._extension(name)
            job = {**self._launch.job, "argv": [str(path)], "python": None}
            plain = Launch(self._launch.programs, job, everything, self._launch.folders, self._launch.programs)
            await process.open(plain, {}, server, self.api, group)
            self._running += 1
        await self.runtime.open(self._launch, variables, server, self.api, group)
        self._running += 1
        if self._ending:  # while it was started
            self.signal(signal.SIGKILL)

    def handle(self, exchange: Exchange) -> None:
        if not self.extensions.handle(exchange):
            self.api.handle(exchange)

    def sink(self, exchange: Exchange) -> Sink | None:
        return self.api.sink(exchange)

    def signal(self, number: signal.Signals) -> None:
        self.runtime.signal(number)
        for process in self.others.values():
            process.signal(number)

    def freeze(self) -> None:
        self.frozen = True
        self.signal(signal.SIGSTOP)

    def thaw(self) -> None:
        self.frozen = False
        self.signal(signal.SIGCONT)

    def drain(self) -> None:
        """Take what was written up to now."""
        self.runtime.drain()
        for process in self.others.values():
            process.drain()

    def end(self, reason: str, now_s: float) -> None:
        """End all processes: at once, or in order where extensions asked to be told. `now_s`: the wall clock."""
        if self._ending:
            return
        self._ending = True
        if not self.extensions.wants_shutdown:
            self.signal(signal.SIGKILL)
            return
        if self.frozen:
            self.thaw()
        self.extensions.shutdown(reason, int((now_s + SHUTDOWN_S) * 1000))
        loop = asyncio.get_running_loop()
        self.runtime.signal(signal.SIGTERM if reason == "spindown" else signal.SIGKILL)
        loop.call_later(SHUTDOWN_S * RUNTIME_SHARE, self.runtime.signal, signal.SIGKILL)
        for name, process in self.others.items():
            if "SHUTDOWN" in self.extensions.all[name].events:
                loop.call_later(SHUTDOWN_S, process.signal, signal.SIGKILL)
            else:
                process.signal(signal.SIGKILL)

    def close(self) -> None:
        """Take no more output."""
        self.runtime.close()
        for process in self.others.values():
            process.close()

    def resident_mb(self) -> float:
        return self.runtime.resident_mb() + sum(process.resident_mb() for process in self.others.values())

    def _extension(self, name: str) -> Process:
        return Process(self._events.on_output, lambda process, status: self._exited(process, status, name))

    def _exited(self, process: Process, status: int, extension: str) -> None:
        process.close()
        self._running -= 1
        self._events.on_exit(self, status, extension)
        if self._running == 0:
            self._events.on_over(self)
