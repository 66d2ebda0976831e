"""Operations so hot or so streamed that their rooms answer the HTTP exchange themselves: routed without any model.

A request whose members are plainly well-formed is handed over at once; anything unusual goes the models' way and is
judged there, with the same members for a result.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote

from runner.host.exchange import Exchange

PLAIN_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
PLAIN_QUALIFIER = re.compile(r"[a-zA-Z0-9_-]{1,128}|\$LATEST")


@dataclass(frozen=True, slots=True)
class HotRoute:
    """`METHOD prefix{FunctionName}suffix`; `headers` are those that become members, `plain` their usual values."""

    service: str
    operation: str
    method: str
    prefix: str
    suffix: str
    headers: tuple[tuple[str, str, frozenset[str] | None], ...]

    def members(self, exchange: Exchange) -> dict[str, Any] | None:
        """The request's members; None if this is another operation, or if a model must judge them."""
        path, _, query = exchange.target.partition("?")
        if not path.endswith(self.suffix) or not path.startswith(self.prefix) or exchange.method != self.method:
            return None
        name = path[len(self.prefix) : -len(self.suffix)]
        if not PLAIN_NAME.fullmatch(name):
            name = unquote(name)
            return None if not PLAIN_NAME.fullmatch(name) else self._rest(exchange, name, query)
        return self._rest(exchange, name, query)

    def _rest(self, exchange: Exchange, name: str, query: str) -> dict[str, Any] | None:
        members: dict[str, Any] = {"FunctionName": name}
        if query:
            for key, value in parse_qsl(query, keep_blank_values=True):
                if key == "Qualifier":
                    if not PLAIN_QUALIFIER.fullmatch(value):
                        return None
                    members["Qualifier"] = value
        given = exchange.headers
        for header, member, plain in self.headers:
            if header in given:
                if plain is not None and given[header] not in plain:
                    return None
                members[member] = given[header]
        return members


INVOCATION_TYPES = frozenset(("RequestResponse", "Event", "DryRun"))
STREAMED_TYPES = frozenset(("RequestResponse", "DryRun"))
LOG_TYPES = frozenset(("None", "Tail"))
MODELLED: frozenset[str] = frozenset()  # no usual value: the model judges any

HOT_ROUTES = (
    HotRoute(
        "lambda",
        "Invoke",
        "POST",
        "/2015-03-31/functions/",
        "/invocations",
        (
            ("x-amz-invocation-type", "InvocationType", INVOCATION_TYPES),
            ("x-amz-log-type", "LogType", LOG_TYPES),
            ("x-amz-client-context", "ClientContext", None),
            ("x-amz-durable-execution-name", "DurableExecutionName", MODELLED),
            ("x-amz-tenant-id", "TenantId", MODELLED),
        ),
    ),
    HotRoute(
        "lambda",
        "InvokeWithResponseStream",
        "POST",
        "/2021-11-15/functions/",
        "/response-streaming-invocations",
        (
            ("x-amz-invocation-type", "InvocationType", STREAMED_TYPES),
            ("x-amz-log-type", "LogType", LOG_TYPES),
            ("x-amz-client-context", "ClientContext", None),
            ("x-amz-tenant-id", "TenantId", MODELLED),
        ),
    ),
)
