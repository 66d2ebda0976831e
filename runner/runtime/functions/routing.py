"""From a name and a qualifier to the version that answers: `$LATEST`, a number, or an alias that may split traffic."""

from __future__ import annotations

from dataclasses import dataclass

from runner.model.errors import ApiError
from runner.model.function import Alias, FunctionVersion
from runner.model.names import LATEST, Place
from runner.model.state import State

LATEST_PUBLISHED = "$LATEST.PUBLISHED"


@dataclass(frozen=True, slots=True)
class Route:
    """Where invocations of one qualifier go. `weights`: version -> upper end of its share of [0, 1)."""

    arn: str
    weights: tuple[tuple[FunctionVersion, float], ...]

    def pick(self, chance: float) -> FunctionVersion:
        """The version for a draw from [0, 1)."""
        return next((version for version, end in self.weights if chance < end), self.weights[-1][0])


def route(state: State, place: Place, name: str, qualifier: str | None) -> Route:
    """Raises ApiError if there is no such function, version or alias."""
    arn = place.function(name, qualifier)
    alias = state.get(Alias, f"{name}:{qualifier}") if qualifier else None
    if alias is None:
        deployed = state.version(name, _version(state, name, qualifier))
        if deployed is None:
            raise _missing(place, name, qualifier)
        return Route(arn, ((deployed.noun, 1.0),))
    weights: list[tuple[FunctionVersion, float]] = []
    end = 0.0
    for additional in alias.noun.routing.weights if alias.noun.routing else ():
        deployed = state.version(name, additional.function_version)
        if deployed is not None:
            end += additional.weight
            weights.append((deployed.noun, end))
    main = state.version(name, alias.noun.function_version)
    if main is None:
        raise _missing(place, name, qualifier)
    return Route(arn, (*weights, (main.noun, 1.0)))


def _version(state: State, name: str, qualifier: str | None) -> str:
    if qualifier is None:
        return LATEST
    if qualifier == LATEST_PUBLISHED:
        numbers = [
            int(one.noun.version)
            for one in state.of(FunctionVersion).values()
            if one.noun.name == name and one.noun.version != LATEST
        ]
        return str(max(numbers, default=0))
    return qualifier


def _missing(place: Place, name: str, qualifier: str | None) -> ApiError:
    message = f"Function not found: {place.function(name, qualifier or LATEST)}"
    return ApiError("ResourceNotFoundException", message, 404, members={"Type": "User"})
