"""Retries and destinations of asynchronous invocations: Put-, Update-, Get-, Delete-, ListFunctionEventInvokeConfigs.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-configuring.html, and recorded answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.errors import ApiError
from runner.model.events import EventBus
from runner.model.function import Destination, DestinationConfig, EventInvokeConfig
from runner.model.messaging import Queue, Topic
from runner.model.names import LATEST, Arn
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import Desk, page
from runner.wire.lambda_.errors import invalid, not_found
from runner.wire.lambda_.functions import function_of
from runner.wire.lambda_.names import Reference, resolve
from runner.wire.operation import Context, Members, Operation

NO_FUNCTION = "The function doesn't exist."
NOTHING_GIVEN = "You must specify at least one of error handling or destination setting."
NUMBERS = {"MaximumRetryAttempts": "max_retries", "MaximumEventAgeInSeconds": "max_age_s"}


class EventInvokeConfigs:
    """One configuration for each version or alias that has one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "PutFunctionEventInvokeConfig": self.put,
            "UpdateFunctionEventInvokeConfig": self.update,
            "GetFunctionEventInvokeConfig": self.get,
            "DeleteFunctionEventInvokeConfig": self.delete,
            "ListFunctionEventInvokeConfigs": self.list,
        }

    async def put(self, members: Members, context: Context) -> Members:
        """Replaces what there was: members that are left out are gone."""
        desk, wanted = self._desk, self._wanted(members)
        key = _key(wanted)

        def decide(state: State) -> State:
            self._check(state, wanted, members)
            noun = _noun(wanted, _numbers(members), destinations(members))
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        return self._shape((await desk.deployment.change(decide)).of(EventInvokeConfig)[key])

    async def update(self, members: Members, context: Context) -> Members:
        """Changes what is given and keeps the rest."""
        desk, wanted = self._desk, self._wanted(members)
        key = _key(wanted)

        def decide(state: State) -> State:
            self._check(state, wanted, members)
            before = state.get(EventInvokeConfig, key)
            if before is None:
                raise self._none(wanted)
            kept = {
                name: getattr(before.noun, name) for name in NUMBERS.values() if name in before.noun.model_fields_set
            }
            given = members.get("DestinationConfig")
            to = destinations(members) if given is not None else before.noun.destinations
            noun = _noun(wanted, kept | _numbers(members), to)
            return state.with_changes([desk.changed(before, noun, state, desk.now())])

        return self._shape((await desk.deployment.change(decide)).of(EventInvokeConfig)[key])

    async def get(self, members: Members, context: Context) -> Members:
        wanted = self._wanted(members)
        deployed = self._desk.state.get(EventInvokeConfig, _key(wanted))
        if deployed is None:
            raise self._none(wanted)
        return self._shape(deployed)

    async def delete(self, members: Members, context: Context) -> Members:
        wanted = self._wanted(members)

        def decide(state: State) -> State:
            if state.get(EventInvokeConfig, _key(wanted)) is None:
                raise self._none(wanted)
            return state.with_changes((), [(EventInvokeConfig, _key(wanted))])

        await self._desk.deployment.change(decide)
        return {}

    async def list(self, members: Members, context: Context) -> Members:
        desk, wanted = self._desk, self._desk.reference(members)
        if desk.state.version(wanted.name) is None:
            raise not_found(NO_FUNCTION)
        configs = desk.state.of(EventInvokeConfig)
        shapes = [
            (key, self._shape(deployed)) for key, deployed in sorted(configs.items()) if function_of(key) == wanted.name
        ]
        shown, more = page(shapes, members)
        return {"FunctionEventInvokeConfigs": shown, **more}

    def _wanted(self, members: Members) -> Reference:
        wanted = self._desk.reference(members)
        return Reference(wanted.name, wanted.qualifier or LATEST)

    def _none(self, wanted: Reference) -> ApiError:
        return not_found(f"The function {wanted.arn(self._desk.place)} doesn't have an EventInvokeConfig")

    def _check(self, state: State, wanted: Reference, members: Members) -> None:
        if resolve(state, wanted) is None:
            raise not_found(NO_FUNCTION)
        if all(members.get(name) is None for name in (*NUMBERS, "DestinationConfig")):
            raise invalid(NOTHING_GIVEN)
        config = destinations(members)
        for kind, destination in (("onSuccess", config.on_success), ("onFailure", config.on_failure)):
            if destination is not None and destination.arn:
                self._check_destination(state, wanted.name, kind, destination.arn, config)

    def _check_destination(self, state: State, name: str, kind: str, arn: str, config: DestinationConfig) -> None:
        target = Arn.parse(arn)
        if target is None or target.service not in ("lambda", "sqs", "sns", "events", "s3"):
            raise invalid(f"The provided destination config {_told(config)} is invalid.")
        if target.service == "lambda" and target.name == name:
            raise invalid("You can't specify the function as a destination for itself.")
        if target.service == "s3" and kind == "onSuccess":
            raise invalid(f"The provided destination config {_told(config)} is invalid.")
        if not _exists(state, target):
            raise invalid(f"The destination ARN {arn} is invalid.")

    def _shape(self, deployed: Deployed[EventInvokeConfig]) -> dict[str, Any]:
        noun = deployed.noun
        shape: dict[str, Any] = {
            "LastModified": deployed.modified_at,
            "FunctionArn": self._desk.place.function(function_of(deployed.key), noun.qualifier),
            "DestinationConfig": {
                "OnSuccess": _destination_shape(noun.destinations.on_success),
                "OnFailure": _destination_shape(noun.destinations.on_failure),
            },
        }
        shape |= {name: getattr(noun, field) for name, field in NUMBERS.items() if field in noun.model_fields_set}
        return shape


def _key(wanted: Reference) -> str:
    return f"{wanted.name}:{wanted.qualifier}"


def _numbers(members: Members) -> dict[str, int]:
    return {field: members[name] for name, field in NUMBERS.items() if members.get(name) is not None}


def _noun(wanted: Reference, numbers: Mapping[str, int], to: DestinationConfig) -> EventInvokeConfig:
    return EventInvokeConfig(
        function_name=wanted.name,
        qualifier=wanted.qualifier or LATEST,
        destinations=to,
        **numbers,
    )


def destinations(members: Members) -> DestinationConfig:
    """The destinations of a request; an empty one is none."""
    given: Mapping[str, Any] = members.get("DestinationConfig") or {}

    def one(name: str) -> Destination | None:
        arn = (given.get(name) or {}).get("Destination")
        return Destination(arn=arn) if arn else None

    return DestinationConfig(on_success=one("OnSuccess"), on_failure=one("OnFailure"))


def _destination_shape(destination: Destination | None) -> dict[str, str]:
    return {"Destination": destination.arn} if destination is not None else {}


def _told(config: DestinationConfig) -> str:
    """A configuration as AWS's message prints it."""

    def one(kind: str, destination: Destination | None) -> str:
        return f"{kind}(destination={destination.arn})" if destination is not None else "null"

    success, failure = one("OnSuccess", config.on_success), one("OnFailure", config.on_failure)
    return f"DestinationConfig(onSuccess={success}, onFailure={failure})"


def _exists(state: State, target: Arn) -> bool:
    """Whether a destination is there; buckets are nobody's here and are taken on trust."""
    match target.service:
        case "lambda":
            return resolve(state, Reference(target.name, target.qualifier)) is not None
        case "sqs":
            return state.get(Queue, target.name) is not None
        case "sns":
            return state.get(Topic, target.name) is not None
        case "events":
            return target.name == "default" or state.get(EventBus, target.name) is not None
        case _:
            return True
