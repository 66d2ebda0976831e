"""Which function a request means: every form of a function's name, and the order in which they are checked.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html, and answers recorded from AWS for the order.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from runner.model.errors import ApiError
from runner.model.function import Alias, FunctionVersion
from runner.model.names import LATEST, Place
from runner.model.state import Deployed, State
from runner.wire.lambda_.errors import QUALIFIER_MISMATCH, invalid, not_found, validation

PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
NAME = re.compile(PATTERN)
PUBLISHED = "$LATEST.PUBLISHED"


class Reference(NamedTuple):
    """A function, and the version or alias of it that was asked for (None: unqualified)."""

    name: str
    qualifier: str | None = None

    def arn(self, place: Place) -> str:
        return place.function(self.name, self.qualifier)


def reference(text: str, qualifier: str | None, place: Place) -> Reference:
    """Read any form of a name; its qualifier may be repeated in `qualifier`, but not contradicted.

    Raises ApiError: another region (404), another account (403), contradicting qualifiers (400).
    """
    found = NAME.fullmatch(text)
    if found is None:
        raise validation([(text, "functionName", f"Member must satisfy regular expression pattern: {PATTERN}")])
    region, account, name, derived = found[3], found[9], found[11], found[13]
    if region is not None and region[:-1] != place.region:
        raise not_found(f"Functions from '{region[:-1]}' are not reachable in this region ('{place.region}')")
    if account is not None and account[:-1] != place.account:
        raise ApiError("AccessDeniedException", None, 403)
    if derived is not None and qualifier is not None and derived != qualifier:
        raise invalid(QUALIFIER_MISMATCH)
    return Reference(name, derived if derived is not None else qualifier)


def resolve(state: State, wanted: Reference) -> Deployed[FunctionVersion] | None:
    """The version behind a reference; an alias leads to its main version. None if there is none."""
    qualifier = wanted.qualifier
    if qualifier is None or qualifier == LATEST:
        return state.version(wanted.name)
    if qualifier == PUBLISHED:
        return _last(state, wanted.name)
    if qualifier.isdecimal():
        return state.version(wanted.name, qualifier)
    alias = state.get(Alias, f"{wanted.name}:{qualifier}")
    return state.version(wanted.name, alias.noun.function_version) if alias is not None else None


def _last(state: State, name: str) -> Deployed[FunctionVersion] | None:
    numbers = published(state, name)
    if not numbers and state.version(name) is not None:
        message = f"The function {name} doesn't have a published version."
        raise ApiError("NoPublishedVersionException", message, 400, members={"Type": "User"})
    return numbers[-1] if numbers else None


def published(state: State, name: str) -> list[Deployed[FunctionVersion]]:
    """The published versions of a function, oldest first."""
    numbers = [
        deployed
        for deployed in state.of(FunctionVersion).values()
        if deployed.noun.name == name and deployed.noun.version != LATEST
    ]
    return sorted(numbers, key=lambda deployed: int(deployed.noun.version))
