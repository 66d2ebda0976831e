# ruff: noqa: S102, SIM105
# mypy: ignore-errors
"""Starts processes on request, tells how they end, and ends together with whoever asked for them.

Runs by itself on any Python from 3.9 on: `python -I -S launcher.py FD OPTIONS`. FD is a stream socket to the runner,
OPTIONS is JSON. Requests are frames (4 bytes of length, JSON), with the new process's files attached: its output and,
where it has a connection, that of events and that of answers. A process is either a program (`argv`) or a fork of this
one that becomes a Python runtime (`python`).

A runtime is forked from here because modules that are imported here need not be imported there: OPTIONS names modules
to import beforehand, which is done piece by piece whenever nothing is asked for.
"""

import array
import ctypes
import fcntl
import gc
import importlib
import json
import os
import resource
import select
import signal
import site
import socket
import struct
import sys
import time

PR_SET_PDEATHSIG = 1
MAX_FILES = 8
MEMBERS_LOOKS, MEMBERS_LOOK_S = 50, 0.01
OURS = {
    "array",
    "ctypes",
    "_ctypes",
    "fcntl",
    "resource",
    "select",
    "selectors",
    "signal",
    "socket",
    "_socket",
    "struct",
}
DEVELOPER_BUILTINS = ("setquit", "setcopyright", "sethelper")  # `exit` and the like, which -S leaves out


class Launcher:
    """The loop. `run` returns in a child only, with what the child is to become."""

    def __init__(self, control, preload, leftovers):
        self.control = control
        self.leftovers = leftovers
        self.preload = list(preload)
        self.buffer = b""
        self.files = []
        self.children = {}
        self.wake, self.woken = os.pipe()
        for end in (self.wake, self.woken):
            os.set_blocking(end, False)
        signal.signal(signal.SIGCHLD, lambda number, frame: None)
        signal.set_wakeup_fd(self.woken, warn_on_full_buffer=False)
        self.poll = select.poll()
        self.poll.register(control, select.POLLIN)
        self.poll.register(self.wake, select.POLLIN)

    def run(self):
        settle(self.preload)
        while True:
            ready = self.poll.poll(0 if self.preload else None)
            if not ready:
                self.import_one()
            for end, _ in ready:
                if end == self.wake:
                    os.read(self.wake, 4096)
                    self.reap()
                    continue
                self.receive()
                while (job := self.next_job()) is not None:
                    if self.fork(job):
                        return job

    def import_one(self):
        try:
            importlib.import_module(self.preload.pop(0))
        except Exception:
            self.preload.clear()
        settle(self.preload)

    def receive(self):
        try:
            data, ancillary, _, _ = self.control.recvmsg(1 << 16, socket.CMSG_SPACE(4 * MAX_FILES))
        except ConnectionError:
            data, ancillary = b"", []
        for level, kind, payload in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                files = array.array("i")
                files.frombytes(payload[: len(payload) - len(payload) % files.itemsize])
                self.files.extend(files)
        if not data:
            self.end()
        self.buffer += data

    def end(self):
        """Whoever asked is gone: nothing that was started here outlives this, nothing is left of it."""
        for pid in self.children:
            kill_group(pid)
        for pid in self.children:
            try:
                os.waitpid(pid, 0)
            except OSError:
                pass
        for folder in self.leftovers:
            end_members(folder)
            clear(folder)
        os._exit(0)

    def next_job(self):
        if len(self.buffer) < 4:
            return None
        size = struct.unpack("!I", self.buffer[:4])[0]
        if len(self.buffer) < 4 + size:
            return None
        job = json.loads(self.buffer[4 : 4 + size])
        self.buffer = self.buffer[4 + size :]
        job["files"], self.files = self.files[: job["files"]], self.files[job["files"] :]
        return job

    def fork(self, job):
        """True in the child."""
        parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:
            self.tell({"id": job["id"], "error": error.errno})
            pid = -1
        if pid == 0:
            self.leave(job, parent)
            return True
        if pid > 0:
            self.children[pid] = job["id"]
            self.tell({"id": job["id"], "pid": pid})
        for end in job["files"]:
            os.close(end)
        return False

    def leave(self, job, parent):
        """The first steps of a child: nothing of the launcher stays but what was imported."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        give_way()
        die_with_parent(parent)
        if job.get("python") is None:
            signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        else:
            self.control.close()
        take_files(job, keep=-1 if job.get("python") is not None else self.control.fileno())
        for name, value in job.get("limits", {}).items():
            limit(getattr(resource, name), value)

    def reap(self):
        while True:
            try:
                pid, status, usage = wait_one()
            except ChildProcessError:
                return
            if pid == 0:
                return
            job = self.children.pop(pid, None)
            if job is not None:
                code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
                unit = 1024 if sys.platform == "darwin" else 1
                self.tell({"id": job, "exit": code, "maxrss": usage.ru_maxrss // unit})

    def tell(self, message):
        data = json.dumps(message).encode()
        try:
            self.control.sendall(struct.pack("!I", len(data)) + data)
        except OSError:
            self.end()


def settle(preload):
    """Once nothing more is to be imported: what is shared with the forks is not collected, so it stays shared."""
    if not preload:
        gc.collect()
        gc.freeze()
        gc.disable()


def wait_one():
    """The next process that ended, and the rest of its group with it; while it is not reaped its id stays its own."""
    if hasattr(os, "waitid"):
        info = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        if info is None:
            return 0, 0, None
        kill_group(info.si_pid)
        return os.wait4(info.si_pid, 0)
    found = os.wait4(-1, os.WNOHANG)
    if found[0]:
        kill_group(found[0])
    return found


def kill_group(pid):
    try:
        os.killpg(pid, signal.SIGKILL)
    except OSError:
        pass


def give_way():
    """Not to push aside whoever wakes it: the runner has others to serve before it waits. Its share stays the same."""
    if hasattr(os, "SCHED_BATCH"):
        try:
            os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
        except OSError:  # a sandbox may forbid it
            pass


def die_with_parent(parent):
    """On Linux the kernel sees to it; elsewhere the launcher does, and the lost connection."""
    if LIBC is not None:
        LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def end_members(folder):
    """End what left its process group: a control group knows its processes whatever they did. Bounded, as all waits."""
    for _ in range(MEMBERS_LOOKS):
        members = set()
        for path, _, files in os.walk(folder):
            if "cgroup.procs" in files:
                try:
                    with open(os.path.join(path, "cgroup.procs")) as file:
                        members.update(map(int, file.read().split()))
                except OSError:
                    pass
        members.discard(0)  # one that cannot be seen from here: not for us to end
        for pid in members:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        if not members:
            return
        time.sleep(MEMBERS_LOOK_S)


def clear(folder):
    """Remove a folder and what can be removed in it; a control group's files go by themselves."""
    for path, folders, files in os.walk(folder, topdown=False):
        for name in files:
            try:
                os.unlink(os.path.join(path, name))
            except OSError:
                pass
        for name in folders:
            try:
                os.rmdir(os.path.join(path, name))
            except OSError:
                pass
    try:
        os.rmdir(folder)
    except OSError:
        pass


def take_files(job, keep):
    """Standard input from nowhere, output and error to the log; 3 for events, 4 for answers; nothing else."""
    files = job["files"]
    moved = [out_of_the_way(end) for end in files]
    nowhere = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nowhere, 0)
    os.dup2(moved[0], 1)
    os.dup2(moved[0], 2)
    last = 2
    for end in moved[1:]:
        last += 1
        os.dup2(end, last, inheritable=True)
    for name in os.listdir("/dev/fd"):
        end = int(name)
        if end > last and end != keep:
            try:
                os.close(end)
            except OSError:
                pass


def out_of_the_way(end):
    """The same open file under a number that no process expects anything under."""
    return fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10)


def limit(which, value):
    """Lower a limit; never above what this process may have."""
    hard = resource.getrlimit(which)[1]
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def execute(job, control):
    """Become a program. Why that failed is told before the end."""
    try:
        os.chdir(job["cwd"])
        os.execve(job["argv"][0], job["argv"], job["env"])
    except OSError as error:
        data = json.dumps({"id": job["id"], "error": error.errno}).encode()
        control.sendall(struct.pack("!I", len(data)) + data)
        os._exit(127)


def load_runtime(path):
    """The runtime's module, under the file name it has on Lambda: tracebacks that show it read the same."""
    name = "/var/runtime/bootstrap.py"
    with open(path, encoding="utf-8") as file:
        source = file.read()
    module = type(sys)("bootstrap")
    module.__file__ = name
    importlib.import_module("linecache").cache[name] = (len(source), None, source.splitlines(True), name)
    sys.path.insert(0, os.path.dirname(path))
    exec(compile(source, name, "exec"), module.__dict__)
    del sys.path[0]
    return module


def main():
    control = socket.socket(fileno=out_of_the_way(int(sys.argv[1])))
    os.close(int(sys.argv[1]))
    options = json.loads(sys.argv[2])
    runtime = None
    if options.get("runtime"):
        for name in DEVELOPER_BUILTINS:
            getattr(site, name)()
        sys.path.extend(options["path"])
        runtime = load_runtime(options["runtime"])
        runtime.BASE.update(set(sys.modules) - OURS)
    job = Launcher(control, options.get("preload", ()), options.get("leftovers", ())).run()
    if job.get("python") is None:
        execute(job, control)
    else:
        gc.enable()
        sys.modules["__main__"] = sys.modules["bootstrap"] = runtime
        runtime.become(job)


LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None

if __name__ == "__main__":
    main()
