"""Warm invocations against a bare HTTP echo server called by the same clients in the same run.

`python -m tests.bench.invoke_warm [functions]`: through boto3 (p50 and p99, as ratios), and from 4 raw kept-alive
clients (calls/s, as a share of the bare server's), with so many functions deployed (10 unless told).
"""

from __future__ import annotations

import asyncio
import io
import multiprocessing
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import boto3
import httptools
import uvloop
from botocore.config import Config

from tests.running import DEADLINE_S, READY, RUNNER, environment

ROUNDS = 5
CALLS = 400  # of boto3, in a round
RAW_CLIENTS = 4
RAW_S = 2.0
ANSWER_S = 30.0  # a bound on waiting for an answer
IN_STACK = 400
ROLE = "arn:aws:iam::000000000000:role/echo"
PAYLOAD = b'{"key": "value"}'
HANDLERS = {
    "python3.11": ("app.handler", "app.py", "def handler(event, context):\n    return event\n"),
    "nodejs20.x": ("index.handler", "index.js", "exports.handler = async (event) => event\n"),
}


class Echo(asyncio.Protocol):
    """The floor: parse the request, answer with its body."""

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.parser = httptools.HttpRequestParser(self)
        self.body = b""

    def data_received(self, data: bytes) -> None:
        self.parser.feed_data(data)

    def on_body(self, body: bytes) -> None:
        self.body += body

    def on_message_complete(self) -> None:
        body, self.body = self.body, b""
        head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amz-executed-version: $LATEST\r\n"
        self.transport.write(head + b"content-length: %d\r\n\r\n" % len(body) + body)


def serve_echo(pipe: Connection) -> None:
    async def main() -> None:
        server = await asyncio.get_running_loop().create_server(Echo, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(main())


@contextmanager
def bare() -> Iterator[int]:
    """The bare server in a process of its own; its port."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve_echo, args=(theirs,), daemon=True)
    process.start()
    try:
        yield ours.recv()
    finally:
        process.kill()
        process.join()


def stack(folder: Path, count: int, runtime: str) -> Path:
    """A stack of `count` functions that echo."""
    handler, file, code = HANDLERS[runtime]
    (folder / "code").mkdir(parents=True)
    (folder / "code" / file).write_text(code)
    lines = ["AWSTemplateFormatVersion: '2010-09-09'", "Transform: AWS::Serverless-2016-10-31", "Resources:"]
    for index in range(count):
        lines += [
            f"  Echo{index}:",
            "    Type: AWS::Serverless::Function",
            "    Properties:",
            f"      FunctionName: echo-{index}",
            f"      Runtime: {runtime}",
            f"      Handler: {handler}",
            "      CodeUri: code/",
            "      MemorySize: 256",
            f"      Role: {ROLE}",
        ]
    path = folder / "stack.yaml"
    path.write_text("\n".join(lines) + "\n")
    return path


@contextmanager
def up(path: Path) -> Iterator[str]:
    """`runner up`, its output in a file: nobody but the clients takes time from it. The endpoint."""
    output = path.with_suffix(".log")
    with output.open("w") as file:
        command = [RUNNER, "up", str(path), "--port", "0", "--no-watch"]
        process = subprocess.Popen(command, stdout=file, stderr=file, env=environment())
    try:
        until = time.monotonic() + DEADLINE_S
        while (found := READY.search(output.read_text())) is None:
            if process.poll() is not None or time.monotonic() > until:
                raise AssertionError(output.read_text())
            time.sleep(0.05)
        yield found[2]
    finally:
        process.terminate()
        process.wait(DEADLINE_S)


def fill(lambda_: Any, first: int, count: int, runtime: str) -> None:
    """Further functions through the API: a template holds no more than 500 resources."""
    handler, file, code = HANDLERS[runtime]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr(file, code)
    for index in range(first, count):
        lambda_.create_function(
            FunctionName=f"echo-{index}",
            Runtime=runtime,
            Role=ROLE,
            Handler=handler,
            Code={"ZipFile": archive.getvalue()},
        )


def client(endpoint: str) -> Any:
    return boto3.client(
        "lambda",
        endpoint_url=endpoint,
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        config=Config(retries={"max_attempts": 0}),
    )


def sdk_round(lambda_: Any, calls: int) -> list[float]:
    figures = []
    for _ in range(calls):
        began = time.perf_counter()
        answer = lambda_.invoke(FunctionName="echo-0", Payload=PAYLOAD)["Payload"].read()
        figures.append(time.perf_counter() - began)
        assert b"value" in answer, answer
    return figures


def raw_client(port: int, seconds: float) -> float:
    """Calls a second of one kept-alive socket."""
    head = (
        "POST /2015-03-31/functions/echo-0/invocations HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        "Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/lambda/aws4_request\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(PAYLOAD)}\r\n\r\n"
    )
    data = head.encode() + PAYLOAD
    with socket.create_connection(("127.0.0.1", port), timeout=ANSWER_S) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        count, began = 0, time.perf_counter()
        while (took := time.perf_counter() - began) < seconds:
            sock.sendall(data)
            answer = sock.recv(65536)
            while b"value" not in answer:
                if not (more := sock.recv(65536)):
                    raise ConnectionError(f"closed after {answer!r}")
                answer += more
            count += 1
    return count / took


def raw_rate(pool: ProcessPoolExecutor, port: int) -> float:
    return sum(pool.map(raw_client, [port] * RAW_CLIENTS, [RAW_S] * RAW_CLIENTS))


def percentile(figures: list[float], share: float) -> float:
    return sorted(figures)[int(len(figures) * share)]


def measure(endpoint: str, floor_port: int) -> None:
    ours, floor = client(endpoint), client(f"http://127.0.0.1:{floor_port}")
    for each in (ours, floor):
        sdk_round(each, 100)
    figures: dict[str, list[float]] = {"bare": [], "ours": []}
    ratios = []
    for _ in range(ROUNDS):  # in turns, so that both see the same machine
        figures["bare"] += (one := sdk_round(floor, CALLS))
        figures["ours"] += (other := sdk_round(ours, CALLS))
        ratios.append(statistics.median(other) / statistics.median(one))
    for share in (0.5, 0.99):
        bare_ms, ours_ms = (percentile(figures[name], share) * 1000 for name in ("bare", "ours"))
        ratio = ours_ms / bare_ms
        print(f"  boto3 p{share * 100:<3g} bare {bare_ms:6.3f} ms   ours {ours_ms:6.3f} ms   ratio {ratio:.2f}")
    print(f"  boto3 p50 ratios of the rounds: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")
    with ProcessPoolExecutor(RAW_CLIENTS, multiprocessing.get_context("spawn")) as pool:
        raw_rate(pool, floor_port)
        raw_rate(pool, port := int(endpoint.rpartition(":")[2]))
        pairs = [(raw_rate(pool, floor_port), raw_rate(pool, port)) for _ in range(3)]
    bare_rate, our_rate = (statistics.median(rates) for rates in zip(*pairs, strict=True))
    print(
        f"  raw x{RAW_CLIENTS}   bare {bare_rate:6.0f}/s    ours {our_rate:6.0f}/s    share {our_rate / bare_rate:.0%}"
    )


def main(arguments: list[str]) -> int:
    count = int(arguments[0]) if arguments else 10
    with tempfile.TemporaryDirectory() as name, bare() as port:
        for runtime in HANDLERS:
            path = stack(Path(name) / runtime, min(count, IN_STACK), runtime)
            with up(path) as endpoint:
                fill(client(endpoint), IN_STACK, count, runtime)
                print(f"{runtime}, {count} functions", flush=True)
                measure(endpoint, port)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
