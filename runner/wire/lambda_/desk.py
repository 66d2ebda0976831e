"""What every operation of the Lambda room works with: State, the place, the clock, the code store, small helpers."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from runner.host.clock import Clock
from runner.model.function import FunctionVersion
from runner.model.names import Place, derived_uuid
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.functions.code import CodeStore
from runner.wire.lambda_.errors import invalid, no_function, stale
from runner.wire.lambda_.names import Reference, reference, resolve
from runner.wire.lambda_.status import revision_id
from runner.wire.operation import Members

N = TypeVar("N", bound=Noun)
T = TypeVar("T")

PAGE = 50


class Desk:
    """Shared by the operations; holds no state of its own."""

    def __init__(self, deployment: Deployment, code: CodeStore, place: Place, clock: Clock) -> None:
        self.deployment = deployment
        self.code = code
        self.place = place
        self.clock = clock

    @property
    def state(self) -> State:
        return self.deployment.state

    def now(self) -> float:
        return self.clock.now()

    def reference(self, members: Members) -> Reference:
        return reference(members["FunctionName"], members.get("Qualifier"), self.place)

    def found(self, state: State, wanted: Reference) -> Deployed[FunctionVersion]:
        """The version behind a reference. Raises ResourceNotFoundException."""
        deployed = resolve(state, wanted)
        if deployed is None:
            raise no_function(wanted.arn(self.place))
        return deployed

    def latest(self, state: State, name: str) -> Deployed[FunctionVersion]:
        return self.found(state, Reference(name))

    def check_revision(self, given: str | None, deployed: Deployed[FunctionVersion]) -> None:
        if given is not None and given != revision_id(deployed, self.now()):
            raise stale()

    def new(self, key: str, noun: N, state: State, now: float) -> Deployed[N]:
        """A resource that the API makes."""
        return Deployed(key, noun, "", now, now, revision(key, state, now))

    def changed(self, before: Deployed[N], noun: N, state: State, now: float) -> Deployed[N]:
        """A resource with a new value."""
        return replace(before, noun=noun, modified_at=now, revision_id=revision(before.key, state, now))


def revision(key: str, state: State, now: float) -> str:
    """An id that no earlier revision of the resource had."""
    return derived_uuid("revision", key, str(state.revision), repr(now))


def page(items: Sequence[tuple[str, T]], members: Members, most: int = PAGE) -> tuple[list[T], dict[str, str]]:
    """One page of items in order of their keys, and the marker of the next one. Raises ApiError for a bad marker."""
    after = _unmark(members.get("Marker"))
    size = min(int(members.get("MaxItems") or most), most)
    remaining = [item for item in items if after is None or item[0] > after]
    shown = remaining[:size]
    more = {"NextMarker": _mark(shown[-1][0])} if len(remaining) > size else {}
    return [value for _, value in shown], more


def _mark(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _unmark(marker: str | None) -> str | None:
    if not marker:
        return None
    try:
        return base64.urlsafe_b64decode(marker.encode()).decode()
    except (binascii.Error, ValueError) as error:
        raise invalid("The provided marker is invalid.") from error


def date_text(at: float) -> str:
    """A date as Lambda writes it: `2025-11-25T16:06:35.000+0000`."""
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(at * 1000) % 1000:03d}+0000"


def given(members: Members, names: Iterable[str]) -> dict[str, Any]:
    """Those of `names` that the request has."""
    return {name: members[name] for name in names if members.get(name) is not None}
