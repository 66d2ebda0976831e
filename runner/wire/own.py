"""What the runner's own commands ask of a running stack, below `/_runner/`, beside its logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.errors import InputError
from runner.runtime.deployment import Deployment
from runner.runtime.function_names import called, known

FUNCTION_PATH = "/_runner/function"


class FunctionNames:
    """Answers from the State in force."""

    def __init__(self, deployment: Deployment) -> None:
        self._deployment = deployment

    async def find(self, query: Mapping[str, str], body: bytes) -> Any:
        """`?name=`: the name of a function that is called by its name or its logical id, as `{"name": ...}`.

        Raises InputError.
        """
        name, state = query.get("name", ""), self._deployment.state
        function = called(state, name)
        if function is None:
            raise InputError(f"There is no function {name!r}.", hint=known(state))
        return {"name": function.name}
