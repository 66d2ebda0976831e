"""What the wire costs per call: parse, check and serialise alone, a whole call over HTTP, and against a bare server.

`python -m tests.bench.wire_overhead [calls]` prints microseconds of Python per operation, then calls/s of one raw
kept-alive client, each as a ratio to a bare echo on the same server in the same run.
"""

from __future__ import annotations

import gc
import multiprocessing
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from botocore.serialize import create_serializer
from botocore.session import get_session

from runner.host.exchange import Exchange
from runner.host.http import HttpServer
from runner.wire.constraints import checker
from runner.wire.models import Models
from runner.wire.operation import Context, Members
from runner.wire.protocols.message import Request
from runner.wire.protocols.table import PROTOCOLS
from tests.wire.live import Live, Room
from tests.wire.test_protocol_round_trips import as_request

QUEUE = "http://127.0.0.1:4566/000000000000/q"
Call = tuple[str, str, dict[str, Any], dict[str, Any]]
CALLS: list[Call] = [
    ("sqs", "SendMessage", {"QueueUrl": QUEUE, "MessageBody": "hello"}, {"MessageId": "m", "MD5OfMessageBody": "x"}),
    ("sqs", "ReceiveMessage", {"QueueUrl": QUEUE, "MaxNumberOfMessages": 10}, {"Messages": [{"Body": "b"}] * 10}),
    (
        "events",
        "PutEvents",
        {"Entries": [{"Source": "s", "DetailType": "t", "Detail": "{}", "EventBusName": "default"}]},
        {"FailedEntryCount": 0, "Entries": [{"EventId": "e"}]},
    ),
    ("sns", "Publish", {"TopicArn": "arn:aws:sns:us-east-1:000000000000:t", "Message": "hello"}, {"MessageId": "m"}),
    ("lambda", "GetFunction", {"FunctionName": "f"}, {"Configuration": {"FunctionName": "f", "MemorySize": 128}}),
    ("dynamodb", "GetItem", {"TableName": "t", "Key": {"id": {"S": "1"}}}, {"Item": {"id": {"S": "1"}}}),
]


OVER_HTTP = frozenset((("sqs", "SendMessage"), ("events", "PutEvents"), ("sns", "Publish"), ("dynamodb", "GetItem")))


def microseconds(work: Callable[[], object], calls: int) -> float:
    """The best of five rounds, per call."""
    best = float("inf")
    for _ in range(5):
        began = time.perf_counter()
        for _ in range(calls):
            work()
        best = min(best, time.perf_counter() - began)
    return best / calls * 1e6


def request_for(service: str, operation: str, members: dict[str, Any]) -> Request:
    """What boto3 would send, without its signature's value."""
    model = get_session().get_service_model(service)
    serialised = create_serializer(model.metadata["protocol"], False).serialize_to_request(
        members, model.operation_model(operation)
    )
    request = as_request(serialised)
    credential = f"AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host"
    headers = {**request.headers, "host": "127.0.0.1", "authorization": credential}
    return Request(request.method, request.path, request.query, headers, request.body)


def codecs(calls: int) -> None:
    models = Models()
    print(f"{'operation':28}{'parse':>8}{'check':>8}{'answer':>8}  µs")
    for service, name, members, answered in CALLS:
        model = models.get(service)
        operation = model.operation(name)
        codec, check = PROTOCOLS[model.protocol](model).codec(operation), checker(operation)
        request = request_for(service, name, members)
        parsed = codec.parse(request)
        row = [
            microseconds(lambda codec=codec, request=request: codec.parse(request), calls),  # type: ignore[misc]
            microseconds(lambda check=check, parsed=parsed: check(parsed), calls),  # type: ignore[misc]
            microseconds(lambda codec=codec, answered=answered: codec.serialise(answered, "id"), calls),  # type: ignore[misc]
        ]
        print(f"{service + ' ' + name:28}" + "".join(f"{one:8.1f}" for one in row))


def raw(request: Request) -> bytes:
    target = request.path + (f"?{request.query}" if request.query else "")
    lines = [f"{request.method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in request.headers.items())]
    lines = [line for line in lines if not line.startswith("content-length")]
    head = "\r\n".join([*lines, f"content-length: {len(request.body)}", "", ""])
    return head.encode() + request.body


def calls_a_second(port: int, data: bytes, calls: int) -> float:
    with socket.create_connection(("127.0.0.1", port)) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        best = 0.0
        for _ in range(3):
            began = time.perf_counter()
            for _ in range(calls):
                sock.sendall(data)
                sock.recv(65536)
            best = max(best, calls / (time.perf_counter() - began))
    return best


def over_http(calls: int) -> None:
    """The clients are processes of their own, so that they do not share the server's interpreter."""

    def invoke(exchange: Exchange, context: Context, members: Members) -> None:
        exchange.respond(200, [("x-amzn-requestid", context.request_id)], exchange.body)

    chosen = [call for call in CALLS if call[:2] in OVER_HTTP]
    rooms = [Room(service, {name: answering(answered)}) for service, name, _, answered in chosen]
    invoked: Call = ("lambda", "Invoke", {"FunctionName": "f", "Payload": b"{}"}, {})
    with Live([*rooms, Room("lambda", {}, {"Invoke": invoke})]) as live, clients() as pool:
        bare = HttpServer(lambda exchange: exchange.respond(200, (), exchange.body))
        port = live.run(bare.open())
        print(f"\n{'calls/s':28}{'bare':>9}{'ours':>9}{'ratio':>8}{'adds':>9}")
        for service, name, members, _ in (invoked, *chosen):
            data = raw(request_for(service, name, members))
            floor = pool.submit(calls_a_second, port, data, calls).result()
            rate = pool.submit(calls_a_second, live.port, data, calls).result()
            added = (1 / rate - 1 / floor) * 1e6
            print(f"{service + ' ' + name:28}{floor:9.0f}{rate:9.0f}{rate / floor:8.2f}{added:6.0f} µs")
        live.run(bare.close())


def clients() -> ProcessPoolExecutor:
    return ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))


def answering(answered: dict[str, Any]) -> Callable[[Members, Context], Members]:
    return lambda members, context: answered


def starting() -> None:
    """Import and model loading, each in a fresh interpreter."""
    print()
    for label, code in (
        ("python itself", "pass"),
        ("import of the front", "import runner.wire.front"),
        ("and Lambda's model", "import runner.wire.front as f; f.Models().get('lambda').errors"),
        ("import of botocore.loaders", "import botocore.loaders, botocore.model"),
    ):
        best = min(timed([sys.executable, "-c", code]) for _ in range(5))
        print(f"{label:28}{best * 1e3:8.0f} ms")


def timed(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - began


def main() -> None:
    calls = int(sys.argv[1]) if len(sys.argv) > 1 else 5000
    gc.disable()
    codecs(calls)
    over_http(calls)
    starting()


if __name__ == "__main__":
    main()
