"""Invocations here and of other local runners, all against the bare echo server, by the same clients in the same run.

`python -m tests.bench.invoke_peers`, by hand: it installs the peers from their package registries into a temporary
folder, starts each on loopback with the same functions that echo, and goes around them in turns. Figures:
- warm: boto3 `invoke`, p50 and p99, as ratios to the bare server called by boto3;
- cold: the first `invoke` of a function that has not run yet, in a server that has run another one (so that no first
  connection or first import of the server counts), as a ratio to a fresh interpreter that does nothing;
- raw: calls/s of 4 kept-alive sockets, as a share of the bare server's.

The functions write no log. ministack 1.5 waits 50 ms after each call for the first line of one, so that this is nearly
all of its figure: one that prints a line is answered in about 10 ms.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from importlib.metadata import distributions
from pathlib import Path

import psutil

from tests.bench.invoke_warm import (
    HANDLERS,
    PAYLOAD,
    RAW_CLIENTS,
    bare,
    client,
    fill,
    percentile,
    raw_rate,
    sdk_round,
    stack,
    up,
)
from tests.running import DEADLINE_S, environment

ROUNDS = 5
CALLS = 400  # of boto3, in a round
ROUND_S = 10.0  # a round of a slow server ends here
AHEAD = 100  # calls before the first round
COLD = 10  # functions that run for the first time
RAW_ROUNDS = 3
INSTALL_S = 300.0
FLOORS = {"python3.11": [sys.executable, "-c", ""], "nodejs20.x": ["node", "-e", ""]}
NPM_PACKAGES = ["serverless@3", "serverless-offline@13"]
PIP_PACKAGES = ["ministack"]
BARE = "bare echo"


class Unavailable(Exception):
    """A peer that cannot be had, or not be started; the reason."""


@dataclass
class Server:
    """What is measured, and what came of it (seconds; calls/s)."""

    name: str
    endpoint: str
    warm: list[float] = field(default_factory=list)
    cold: list[float] = field(default_factory=list)
    raw: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.lambda_ = client(self.endpoint)
        self.port = int(self.endpoint.rpartition(":")[2])


def quiet(home: Path) -> dict[str, str]:
    """The environment of a peer: no telemetry, no looking for updates, no notices, a home of its own, on loopback."""
    scratch = home / "scratch"
    scratch.mkdir(exist_ok=True)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    serverless = {"SLS_TELEMETRY_DISABLED": "1", "SLS_NOTIFICATIONS_MODE": "off", "SLS_DISABLE_AUTO_UPDATE": "1"}
    ministack = {"BIND_HOST": "127.0.0.1", "MINISTACK_HOST": "127.0.0.1", "LAMBDA_EXECUTOR": "local"}
    ministack |= {"STATE_DIR": str(scratch / "state"), "S3_DATA_DIR": str(scratch / "s3")}
    own = {"PATH": path, "HOME": str(home), "TMPDIR": str(scratch), "NO_UPDATE_NOTIFIER": "1"}
    return environment() | own | serverless | ministack


def run(command: list[str], folder: Path) -> str:
    """Output of an installer, or Unavailable with what it said last."""
    own = {"npm_config_update_notifier": "false", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    try:
        done = subprocess.run(
            command, cwd=folder, capture_output=True, text=True, timeout=INSTALL_S, env=environment() | own, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise Unavailable(f"{Path(command[0]).name}: {error}") from error
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip()]
        raise Unavailable(f"{Path(command[0]).name} ended with {done.returncode}: {' / '.join(said[-3:])}")
    return done.stdout


def install_npm(folder: Path) -> str:
    npm = shutil.which("npm")
    if npm is None or shutil.which("node") is None:
        raise Unavailable("there is no node and npm here")
    (folder / "package.json").write_text('{"private": true}')
    run([npm, "install", "--no-audit", "--no-fund", "--ignore-scripts", *NPM_PACKAGES], folder)
    names = [package.rpartition("@")[0] for package in NPM_PACKAGES]
    manifests = [json.loads((folder / "node_modules" / name / "package.json").read_text()) for name in names]
    return ", ".join(f"{each['name']} {each['version']}" for each in manifests)


def install_pip(folder: Path) -> str:
    venv.create(folder / "venv", with_pip=True)
    run([str(folder / "venv/bin/python"), "-m", "pip", "install", "--quiet", *PIP_PACKAGES], folder)
    places = [str(path) for path in folder.glob("venv/lib/python*/site-packages")]
    found = {each.metadata["Name"].lower(): each.version for each in distributions(path=places)}
    return ", ".join(f"{name} {found[name]}" for name in PIP_PACKAGES)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def wait_for(process: psutil.Popen, port: int, output: Path) -> None:
    until = time.monotonic() + DEADLINE_S
    while process.poll() is None and time.monotonic() < until:
        with socket.socket() as sock:
            if sock.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise Unavailable("it did not start: " + " / ".join(output.read_text().splitlines()[-5:]))


@contextmanager
def running(command: list[str], folder: Path, port: int, **extra: str) -> Iterator[str]:
    """A peer and whatever it starts, all ended afterwards. The endpoint."""
    output = folder / "output.log"
    with output.open("w") as file:
        env = quiet(folder) | extra
        process = psutil.Popen(command, cwd=folder, stdin=subprocess.DEVNULL, stdout=file, stderr=file, env=env)
    try:
        wait_for(process, port, output)
        yield f"http://127.0.0.1:{port}"
    finally:
        family = [process, *process.children(recursive=True)] if process.is_running() else []
        process.terminate()
        for left in psutil.wait_procs(family, 10)[1]:
            left.kill()
        process.wait(DEADLINE_S)


@contextmanager
def serverless_offline(folder: Path, runtime: str) -> Iterator[str]:
    handler, file, code = HANDLERS[runtime]
    service = folder / runtime
    (service / "echoes").mkdir(parents=True)  # not `code`: its Python imports folder and file as one dotted name
    (service / "echoes" / file).write_text(code)
    functions = {f"echo{index}": {"name": f"echo-{index}", "handler": f"echoes/{handler}"} for index in range(COLD + 1)}
    configuration = {
        "service": "echo",
        "frameworkVersion": "3",
        "provider": {"name": "aws", "runtime": runtime, "region": "us-east-1", "memorySize": 256, "timeout": 30},
        "plugins": ["serverless-offline"],
        "functions": functions,
    }
    (service / "serverless.json").write_text(json.dumps(configuration))
    port = free_port()
    ports = ["--lambdaPort", str(port), "--httpPort", str(free_port()), "--websocketPort", str(free_port())]
    script = folder / "node_modules/serverless/bin/serverless.js"
    command = ["node", str(script), "offline", "start", "--host", "127.0.0.1", *ports, "--albPort", str(free_port())]
    with running([*command, "--terminateIdleLambdaTime", "600"], service, port) as endpoint:
        yield endpoint


@contextmanager
def ministack(folder: Path, runtime: str) -> Iterator[str]:
    home, port = folder / runtime, free_port()
    home.mkdir()
    with running([str(folder / "venv/bin/ministack")], home, port, GATEWAY_PORT=str(port)) as endpoint:
        fill(client(endpoint), 0, COLD + 1, runtime)
        yield endpoint


# `install(folder)` returns the versions; `serve(folder, runtime)` gives the endpoint, with the functions in.
PEERS = {"serverless-offline": (install_npm, serverless_offline), "ministack": (install_pip, ministack)}


def installed(folder: Path) -> list[str]:
    """The peers that can be had; says which they are, and why one is not."""
    there = []
    for name, (install, _) in PEERS.items():
        (folder / name).mkdir()
        try:
            print(f"{name}: installed, {install(folder / name)}", flush=True)
            there.append(name)
        except (Unavailable, subprocess.CalledProcessError, OSError, KeyError) as error:
            print(f"{name}: COULD NOT BE INSTALLED: {error}", flush=True)
    return there


def keep(servers: list[Server], step: Callable[[Server], object]) -> None:
    """A step for each, in turns; one that fails is said so, and is out."""
    for server in list(servers):
        try:
            step(server)
        except Exception as error:  # whatever a peer answers
            if server.name == BARE:
                raise
            print(f"  {server.name}: FAILED: {type(error).__name__}: {error}", flush=True)
            servers.remove(server)


def warm_round(server: Server) -> None:
    until, calls = time.monotonic() + ROUND_S, 0
    while calls < CALLS and time.monotonic() < until:
        server.warm += sdk_round(server.lambda_, 20)
        calls += 20


def cold_call(server: Server, index: int) -> None:
    began = time.perf_counter()
    answer = server.lambda_.invoke(FunctionName=f"echo-{index}", Payload=PAYLOAD)["Payload"].read()
    server.cold.append(time.perf_counter() - began)
    assert b"value" in answer, answer


def fresh(command: list[str]) -> float:
    """Seconds of a whole process that does nothing; the median."""
    figures = []
    for _ in range(COLD):
        began = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        figures.append(time.perf_counter() - began)
    return statistics.median(figures)


def measure(servers: list[Server]) -> None:
    keep(servers, lambda server: sdk_round(server.lambda_, AHEAD))
    for index in range(1, COLD + 1):
        keep(servers, lambda server, index=index: cold_call(server, index))  # type: ignore[misc]
    for _ in range(ROUNDS):  # in turns, so that all see the same machine
        keep(servers, warm_round)
    with ProcessPoolExecutor(RAW_CLIENTS, multiprocessing.get_context("spawn")) as pool:
        keep(servers, lambda server: raw_rate(pool, server.port))
        for _ in range(RAW_ROUNDS):
            keep(servers, lambda server: server.raw.append(raw_rate(pool, server.port)))


def show(servers: list[Server], interpreter_s: float) -> None:
    floor = servers[0]
    low, high, most = percentile(floor.warm, 0.5), percentile(floor.warm, 0.99), statistics.median(floor.raw)
    print(f"  a fresh interpreter: {interpreter_s * 1000:.1f} ms")
    for server in servers:
        p50, p99, rate = percentile(server.warm, 0.5), percentile(server.warm, 0.99), statistics.median(server.raw)
        first = statistics.median(server.cold)
        cold = f"{first * 1000:6.1f} ms ({first / interpreter_s:5.2f} x)" if server is not floor else f"{'none':^19}"
        print(
            f"  {server.name:<19} p50 {p50 * 1000:7.3f} ms ({p50 / low:6.2f} x)   p99 {p99 * 1000:7.3f} ms"
            f" ({p99 / high:6.2f} x)   cold {cold}   raw x{RAW_CLIENTS} {rate:6.0f}/s ({rate / most:6.1%})",
            flush=True,
        )


def started(folder: Path, peers: list[str], runtime: str, ends: ExitStack) -> Iterator[Server]:
    for name in peers:
        try:
            yield Server(name, ends.enter_context(PEERS[name][1](folder / name, runtime)))
        except Exception as error:  # whatever a peer does
            print(f"  {name}: COULD NOT BE STARTED: {type(error).__name__}: {error}", flush=True)


def main() -> int:
    with tempfile.TemporaryDirectory() as name, bare() as port:
        folder = Path(name)
        peers = installed(folder)
        for runtime, floor in FLOORS.items():
            print(f"{runtime}", flush=True)
            with ExitStack() as ends:
                ours = ends.enter_context(up(stack(folder / "runner" / runtime, COLD + 1, runtime)))
                servers = [Server(BARE, f"http://127.0.0.1:{port}"), Server("runner", ours)]
                servers += started(folder, peers, runtime, ends)
                measure(servers)
                show(servers, fresh(floor))
    return 0


if __name__ == "__main__":
    sys.exit(main())
