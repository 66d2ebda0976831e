"""The shape of a service room: what the protocol engine calls, and what it gets back.

A room translates only: it takes the request's members as botocore's model names them, calls the runtime, and returns
the response's members. Parsing, constraint checks, serialising and error formats are the engine's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from runner.host.exchange import Exchange

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


class Context(NamedTuple):
    """Who calls what. `headers` are the request's, names in lower case; `access_key` is empty if unsigned."""

    service: str
    operation: str
    request_id: str
    region: str
    access_key: str = ""
    headers: Mapping[str, str] = NO_HEADERS


Members = Mapping[str, Any]
"""Members by their modelled names: blobs are bytes, timestamps epoch seconds, streaming bodies bytes."""

Operation = Callable[[Members, Context], Awaitable[Members]]
"""Raises ApiError for every modelled error."""

RawOperation = Callable[[Exchange, Context, Members], None]
"""For hot or streamed operations: `Members` has what URI, query and headers gave; the room answers the exchange."""


class Service(Protocol):
    """A service room. `name` is botocore's (`sqs`, `lambda`, `events`); operations not listed are answered as such."""

    name: str
    operations: Mapping[str, Operation]
    raw_operations: Mapping[str, RawOperation]
