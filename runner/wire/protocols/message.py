"""What every protocol turns into what: a request's parts, an answer's parts, and the compiled two-way codec between."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from runner.model.errors import ApiError


@dataclass(slots=True)
class Request:
    """One HTTP request. `path` and `query` are still percent-encoded; header names are in lower case.

    `form` is what the query protocol reads of it, once someone asked.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    form: dict[str, str] | None = None


class Answer(NamedTuple):
    status: int
    headers: list[tuple[str, str]]
    body: bytes


Members = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Codec:
    """One operation in one protocol, compiled.

    `parse` raises ApiError for what cannot be read; `serialise` and `error` take the request's id.
    """

    parse: Callable[[Request], dict[str, Any]]
    serialise: Callable[[Members, str], Answer]
    error: Callable[[ApiError, str], Answer]


def malformed(message: str) -> ApiError:
    """The body cannot be read as what the model says it is."""
    return ApiError("SerializationException", message, 400)
