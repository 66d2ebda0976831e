"""What every operation of the EventBridge room works with: State, the place, the clock, look-ups and pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from runner.host.clock import Clock
from runner.model.events import EventBus, Rule
from runner.model.function import Tag
from runner.model.names import Arn, Place, derived_uuid
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.buses import DEFAULT, bus_name
from runner.runtime.deployment import Deployment
from runner.wire.events.errors import no_bus, no_rule, validation
from runner.wire.operation import Members

N = TypeVar("N", bound=Noun)
T = TypeVar("T")

PAGE = 100


class Desk:
    """Shared by the operations; holds no state of its own but when it opened (the default bus was always there)."""

    def __init__(self, deployment: Deployment, place: Place, clock: Clock) -> None:
        self.deployment = deployment
        self.place = place
        self.clock = clock
        self._opened_at = clock.now()

    @property
    def state(self) -> State:
        return self.deployment.state

    def bus(self, state: State, name: str | None) -> Deployed[EventBus]:
        """A bus by its name or ARN; the default one without. Raises ResourceNotFoundException."""
        wanted = bus_name(name or DEFAULT)
        found = state.get(EventBus, wanted)
        if found is None:
            if wanted != DEFAULT:
                raise no_bus(wanted)
            found = Deployed(DEFAULT, EventBus(name=DEFAULT), "", self._opened_at, self._opened_at)
        return found

    def rule(self, state: State, name: str, bus: str | None) -> Deployed[Rule]:
        """Raises ResourceNotFoundException, for the bus or for the rule."""
        on = self.bus(state, bus).key
        found = state.get(Rule, f"{on}/{name}")
        if found is None:
            raise no_rule(name, on)
        return found

    def rules(self, state: State, bus: str) -> list[Deployed[Rule]]:
        """The rules of a bus by their names."""
        on_bus = [rule for key, rule in state.of(Rule).items() if key.rsplit("/", 1)[0] == bus]
        return sorted(on_bus, key=lambda rule: rule.key)

    def rule_arn(self, rule: Deployed[Rule]) -> str:
        bus, name = rule.key.rsplit("/", 1)
        return self.place.rule(bus, name)

    def resource(self, state: State, arn: str) -> Deployed[EventBus] | Deployed[Rule]:
        """The bus or rule of an ARN. Raises ResourceNotFoundException."""
        parsed = Arn.parse(arn)
        kind, *names = parsed.resource.split("/") if parsed else [""]
        if kind == "event-bus" and names:
            return self.bus(state, "/".join(names))
        if kind == "rule" and names:
            return self.rule(state, names[-1], "/".join(names[:-1]) or DEFAULT)
        raise validation("Parameter ResourceARN is not valid. Reason: Provided Arn is not in correct format.")

    def new(self, key: str, noun: N, state: State) -> Deployed[N]:
        """A resource that the API makes."""
        now = self.clock.now()
        return Deployed(key, noun, "", now, now, derived_uuid("revision", key, str(state.revision), repr(now)))

    def changed(self, before: Deployed[N], state: State, members: Mapping[str, Any]) -> Deployed[N]:
        """A resource with some of its members replaced, by the names of the noun's fields."""
        now = self.clock.now()
        noun = before.noun.model_copy(update=dict(members))
        revision = derived_uuid("revision", before.key, str(state.revision), repr(now))
        return replace(before, noun=noun, modified_at=now, revision_id=revision)


def page(items: Iterable[tuple[str, T]], members: Members) -> tuple[list[T], dict[str, str]]:
    """One page of items in their order, and the token of the next. Raises ApiError for a bad token."""
    left = list(items)
    after = _untoken(members.get("NextToken"))
    if after is not None:
        keys = [key for key, _ in left]
        left = left[keys.index(after) + 1 :] if after in keys else [item for item in left if item[0] > after]
    size = min(int(members.get("Limit") or members.get("MaxResults") or PAGE), PAGE)
    shown = left[:size]
    more = {"NextToken": _token(shown[-1][0])} if len(left) > size else {}
    return [value for _, value in shown], more


def tags(given: Sequence[Mapping[str, str]] | None) -> tuple[Tag, ...]:
    """Tags of a request. Raises ValidationException where a key comes twice."""
    keys = [tag["Key"] for tag in given or ()]
    if len(set(keys)) != len(keys):
        raise validation("Invalid parameter: Duplicated keys are not allowed.")
    return tuple(Tag(key=tag["Key"], value=tag["Value"]) for tag in given or ())


def _token(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode()


def _untoken(token: str | None) -> str | None:
    if not token:
        return None
    try:
        return base64.urlsafe_b64decode(token.encode()).decode()
    except (binascii.Error, ValueError) as error:
        raise validation("Parameter NextToken is not valid.") from error
