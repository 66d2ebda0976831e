"""Processes that end together with the runner: started by a small launcher process, watched without threads.

The launcher (`runner/runtime/functions/bootstraps/launcher.py`) forks on request. It is told which files the new
process gets, tells its id at once and its end when it comes, and ends everything it started as soon as the connection
to the runner is gone, whatever the reason. So nothing is inherited by accident and nothing is left behind.
"""

from __future__ import annotations

import array
import asyncio
import contextlib
import errno
import json
import logging
import os
import signal
import socket
import struct
import subprocess
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runner.host.process_groups import enter

log = logging.getLogger(__name__)

KILLED = -int(signal.SIGKILL)
HEADER = struct.Struct("!I")
READ_SIZE = 65536


@dataclass(slots=True, eq=False)
class Child:
    """A process of a launcher. `pid` is 0 until it is known.

    `on_exit` is called once, with the exit status: 0 to 255, or minus the number of the signal that killed it.
    `group`: the door of the control group that it enters once it runs, without anything waiting for that.
    `error` is the errno for which the program could not be started, None if it was; `max_rss_kb` its peak memory.
    """

    on_exit: Callable[[int], None]
    group: str = ""
    pid: int = 0
    status: int | None = None
    error: int | None = None
    max_rss_kb: int = 0
    signalled: list[int] = field(default_factory=list)

    def signal(self, number: int) -> None:
        """Send a signal to the process and everything it started that is still in its group."""
        if self.status is not None:
            return
        if self.pid == 0:
            self.signalled.append(number)  # sent as soon as there is a process
            return
        with contextlib.suppress(OSError):
            os.killpg(self.pid, number)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)


class Launcher:
    """One launcher process, started at its first use and again if it was lost.

    `command` is the launcher's command line without the number of its connection and its options.
    """

    def __init__(self, command: Sequence[str], options: Mapping[str, Any]) -> None:
        self._command = list(command)
        self._options = dict(options)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._children: dict[int, Child] = {}
        self._count = 0
        self._received = b""
        self._unsent: deque[tuple[bytes, list[int]]] = deque()

    @property
    def pid(self) -> int:
        """The launcher's own process id; 0 while there is none."""
        return self._process.pid if self._process is not None else 0

    def open(self) -> None:
        """Start the launcher if it does not run. Raises OSError."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair()
        try:
            self._process = subprocess.Popen(
                [*self._command, str(theirs.fileno()), json.dumps(self._options)],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                env={"PATH": os.defpath, "LC_CTYPE": "C.UTF-8"},
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        ours.setblocking(False)
        self._control = ours
        asyncio.get_running_loop().add_reader(ours.fileno(), self._readable)

    def start(
        self, job: Mapping[str, Any], files: Sequence[int], on_exit: Callable[[int], None], group: str = ""
    ) -> Child:
        """Start a process. `files`: its output and, if it has one, its connection; they stay the caller's to close.

        `job` has `argv` or `python`, `env`, `cwd` and `limits`. Raises OSError if the launcher cannot be started.
        """
        self.open()
        self._count += 1
        child = Child(on_exit, group)
        self._children[self._count] = child
        body = json.dumps({**job, "id": self._count, "files": len(files)}).encode()
        # The files must outlive the caller's copies if the connection is full.
        self._unsent.append((HEADER.pack(len(body)) + body, [os.dup(end) for end in files]))
        if len(self._unsent) == 1:
            self._send()
        return child

    def _send(self) -> None:
        while self._unsent and self._control is not None:
            data, files = self._unsent[0]
            try:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", files))] if files else []
                sent = self._control.sendmsg([data], rights)
            except BlockingIOError:
                asyncio.get_running_loop().add_writer(self._control.fileno(), self._writable)
                return
            except OSError:
                self._lost()
                return
            for end in files:
                os.close(end)
            if sent == len(data):
                self._unsent.popleft()
            else:
                self._unsent[0] = (data[sent:], [])

    def _writable(self) -> None:
        if self._control is not None:
            asyncio.get_running_loop().remove_writer(self._control.fileno())
        self._send()

    def _readable(self) -> None:
        assert self._control is not None
        try:
            data = self._control.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._lost()
            return
        self._received += data
        while len(self._received) >= HEADER.size:
            (size,) = HEADER.unpack_from(self._received)
            if len(self._received) < HEADER.size + size:
                return
            message = json.loads(self._received[HEADER.size : HEADER.size + size])
            self._received = self._received[HEADER.size + size :]
            self._told(message)

    def _told(self, message: Mapping[str, int]) -> None:
        child = self._children.get(message["id"])
        if child is None:
            return
        if "pid" in message:
            child.pid = message["pid"]
            if child.group:
                asyncio.get_running_loop().run_in_executor(None, _enter, child)
            for number in child.signalled:
                child.signal(number)
        elif "error" in message:
            child.error = message["error"]
            if child.pid == 0:  # there was no fork
                self._ended(message["id"], child, 127)
        else:
            child.max_rss_kb = message["maxrss"]
            self._ended(message["id"], child, message["exit"])

    def _ended(self, number: int, child: Child, status: int) -> None:
        del self._children[number]
        child.status = status
        try:
            child.on_exit(status)
        except Exception:
            log.exception("The end of process %d could not be dealt with.", child.pid, extra={"action": "exit_failed"})

    def _lost(self) -> None:
        """The launcher is gone, and with it everything it started."""
        self.kill()
        for number, child in list(self._children.items()):
            self._ended(number, child, KILLED)

    def kill(self) -> None:
        """End the launcher and all its processes at once; their `on_exit` is not called."""
        if self._control is not None:
            loop = asyncio.get_running_loop()
            loop.remove_reader(self._control.fileno())
            loop.remove_writer(self._control.fileno())
            self._control.close()
            self._control = None
        for _, files in self._unsent:
            for end in files:
                os.close(end)
        self._unsent.clear()
        self._received = b""
        for child in self._children.values():
            child.kill()
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


def _enter(child: Child) -> None:
    """In a thread: by now it may have ended, and its id mean another."""
    if child.status is None:
        enter(child.group, child.pid)


def describe(error: int) -> str:
    """An errno in the words of the program that starts runtimes on Lambda."""
    words = {
        errno.ENOEXEC: "exec format error",
        errno.ENOENT: "no such file or directory",
        errno.EACCES: "permission denied",
    }
    return words.get(error) or os.strerror(error).lower()
