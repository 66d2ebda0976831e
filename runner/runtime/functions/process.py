"""One process of an environment: its output, its connection, how much memory it takes."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping
from fcntl import ioctl
from io import FileIO
from pathlib import Path
from termios import FIONREAD

import psutil

from runner.host.duplex import pipe
from runner.host.http import HttpServer
from runner.host.process import Child
from runner.runtime.functions.channel import Channel
from runner.runtime.functions.launching import Launch
from runner.runtime.functions.runtime_api import RuntimeApi

READ_SIZE = 65536
NOTHING = bytes(4)  # no bytes to read, as the kernel says it
READS = 16  # pieces of output that are read in one go before others have their turn
PAGE = os.sysconf("SC_PAGE_SIZE")
HAS_PROC = Path("/proc/self/statm").exists()


class Process:
    """Started by `open`. `on_output` gets what it writes, `on_exit` its status once it ended."""

    def __init__(self, on_output: Callable[[bytes], None], on_exit: Callable[[Process, int], None]) -> None:
        self._on_output = on_output
        self._on_exit = on_exit
        self._child: Child | None = None
        self._log = -1
        self._unread = bytearray(NOTHING)  # how much of it; written to in place, which is a lot cheaper than anew
        self.peak_mb = 0

    async def open(
        self,
        launch: Launch,
        variables: Mapping[str, str],
        server: HttpServer,
        api: RuntimeApi,
        group: str,
    ) -> None:
        """Start the process, in a control group if one is given by its door. Raises OSError."""
        self._log, theirs = os.pipe()
        os.set_blocking(self._log, False)
        asyncio.get_running_loop().add_reader(self._log, self._readable)
        files = [theirs]
        far: list[FileIO] = []
        try:
            if launch.connected:
                (events, outgoing), (incoming, answers) = pipe(), pipe()
                far += [events, answers]
                files += [events.fileno(), answers.fileno()]
                await server.adopt(incoming, outgoing, lambda inner: Channel(inner, api))
            job = {**launch.job, "env": {**launch.variables, **variables}}
            self._child = launch.launcher.start(job, files, self._exited, group)
        except BaseException:
            self.close()
            raise
        finally:
            os.close(theirs)
            for file in far:
                file.close()

    @property
    def started(self) -> bool:
        return self._child is not None

    @property
    def pid(self) -> int:
        """0 unless it runs."""
        child = self._child
        return child.pid if child is not None and child.status is None else 0

    @property
    def error(self) -> int | None:
        """The errno for which its program could not be started."""
        return self._child.error if self._child is not None else None

    def signal(self, number: signal.Signals) -> None:
        if self._child is not None:
            self._child.signal(number)

    def drain(self) -> None:
        """Take what it has written up to now."""
        for _ in range(READS):
            if self._log < 0:
                return
            # Asking first is cheaper than an exception for every invocation that writes nothing.
            ioctl(self._log, FIONREAD, self._unread)
            if self._unread == NOTHING or not self._read():
                return

    def close(self) -> None:
        """Take no more output."""
        if self._log >= 0:
            asyncio.get_running_loop().remove_reader(self._log)
            os.close(self._log)
            self._log = -1

    def resident_mb(self) -> float:
        """Its resident memory now; 0 if it is gone."""
        try:
            return _resident(self.pid) / 2**20 if self.pid else 0.0
        except (OSError, psutil.Error):
            return 0.0

    def sample_peak(self) -> int:
        """The most memory it ever took, in MB."""
        child = self._child
        if child is not None:
            peak = child.max_rss_kb // 1024 if child.status is not None else _peak_mb(child.pid)
            self.peak_mb = max(self.peak_mb, peak)
        return self.peak_mb

    def _readable(self) -> None:
        self._read()

    def _read(self) -> bool:
        try:
            data = os.read(self._log, READ_SIZE)
        except BlockingIOError:
            return False
        except OSError:
            data = b""
        if not data:
            self.close()
            return False
        self._on_output(data)
        return len(data) == READ_SIZE

    def _exited(self, status: int) -> None:
        self.drain()
        self._on_exit(self, status)


def _resident(pid: int) -> int:
    """Bytes of resident memory."""
    if not HAS_PROC:
        return int(psutil.Process(pid).memory_info().rss)
    with open(f"/proc/{pid}/statm", "rb", buffering=0) as file:
        return int(file.read().split()[1]) * PAGE


def _peak_mb(pid: int) -> int:
    """The most memory a process ever took; where the machine does not keep that, what it takes now."""
    if not pid:
        return 0
    try:
        if not HAS_PROC:
            return _resident(pid) >> 20
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:
            text = file.read(4096)
        start = text.find(b"VmHWM:")
        return int(text[start + 6 : text.find(b"kB", start)]) // 1024 if start >= 0 else 0
    except (OSError, ValueError, psutil.Error):
        return 0
