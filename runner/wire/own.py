"""What the runner's own commands ask of a running stack, below `/_runner/`, beside its logs.

`GET /_runner/function?name=` tells the name of a function that is called by its name or its logical id:
`{"name": ...}`. A refusal is `{"error", "hint"}`.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qs

from runner.host.exchange import Exchange
from runner.model.errors import ApiError, InputError
from runner.runtime.deployment import Deployment
from runner.runtime.function_names import called, known

FUNCTION_PATH = "/_runner/function"
JSON = [("content-type", "application/json")]


class FunctionNames:
    """Answers from the State in force."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    def answer(self, exchange: Exchange) -> None:
        name, state = parse_qs(exchange.query).get("name", [""])[0], self._deployment.state
        function = called(state, name)
        if function is None:
            refuse(exchange, InputError(f"There is no function {name!r}.", hint=known(state)))
            return
        exchange.respond(200, JSON, json.dumps({"name": function.name}).encode())


def refuse(exchange: Exchange, error: ApiError | InputError) -> None:
    hint = error.hint if isinstance(error, InputError) else ""
    exchange.respond(400, JSON, json.dumps({"error": error.message, "hint": hint}).encode())
