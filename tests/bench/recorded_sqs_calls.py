"""Calls that scenarios of queues are made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.bench.recorded import Replay

FIFO = {"FifoQueue": "true"}


def make(r: Replay, name: str = "one", **attributes: str) -> str:
    url: str = r.client.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    return url


def fifo(r: Replay, name: str = "one.fifo", **attributes: str) -> str:
    return make(r, name, **FIFO, **attributes)


def call(r: Replay, operation: str, url: str, **given: Any) -> Callable[[], Any]:
    return lambda: getattr(r.client, operation)(QueueUrl=url, **given)


def attributes(r: Replay, step: str, url: str, *names: str) -> None:
    r.see(step, call(r, "get_queue_attributes", url, AttributeNames=list(names or ("All",))))


def receive(r: Replay, step: str, url: str, **given: Any) -> Any:
    return r.see(step, call(r, "receive_message", url, **given)).get("Messages", [])
