"""Functions by what people call them: by their name, or by their logical id in the stack file."""

from __future__ import annotations

from collections.abc import Mapping

from runner.model.function import FunctionVersion
from runner.model.names import LATEST
from runner.model.state import Deployed, State


def functions(state: State) -> Mapping[str, Deployed[FunctionVersion]]:
    """Every function by its name, in order."""
    latest = (one for one in state.of(FunctionVersion).values() if one.noun.version == LATEST)
    return {one.noun.name: one for one in sorted(latest, key=lambda one: one.noun.name)}


def called(state: State, name: str) -> FunctionVersion | None:
    """The function of that name, else the one of that logical id; nothing is called by an empty name."""
    there = functions(state)
    found = there.get(name) or next((one for one in there.values() if logical_id(one) == name != ""), None)
    return found.noun if found is not None else None


def known(state: State) -> str:
    """What there is to choose from, as a hint: `Functions: orders-place (PlaceFunction), ...`."""
    names = [
        f"{name} ({logical})" if (logical := logical_id(one)) not in ("", name) else name
        for name, one in functions(state).items()
    ]
    return f"Functions: {', '.join(names) or 'none is deployed'}."


def logical_id(deployed: Deployed[FunctionVersion]) -> str:
    """Empty for what the API made."""
    return deployed.owner.partition("/")[2]
