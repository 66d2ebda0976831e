"""Event buses and their policies.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_CreateEventBus.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from runner.model.events import ArnConfig, EventBus
from runner.model.state import Deployed, State
from runner.runtime.buses import DEFAULT, bus_name
from runner.wire.events.desk import Desk, page, tags
from runner.wire.events.errors import broken_model, exists, not_found, validation
from runner.wire.operation import Context, Members, Operation

POLICY_MAX = 10240
POLICY_VERSION = "2012-10-17"
NO_STATEMENT = "Statement with the provided id does not exist."


class EventBuses:
    """CreateEventBus, DescribeEventBus, ListEventBuses, UpdateEventBus, DeleteEventBus, Put- and RemovePermission."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "CreateEventBus": self.create,
            "DescribeEventBus": self.describe,
            "ListEventBuses": self.list,
            "UpdateEventBus": self.update,
            "DeleteEventBus": self.delete,
            "PutPermission": self.put_permission,
            "RemovePermission": self.remove_permission,
        }

    async def create(self, members: Members, _: Context) -> Members:
        name = members["Name"]
        if members.get("EventSourceName"):
            raise not_found(f"Event source {members['EventSourceName']} does not exist.")
        if "/" in name:
            raise validation("Event bus name must not contain '/'.")
        document = {key: value for key, value in members.items() if key != "Tags" and value is not None}
        try:
            noun = EventBus.model_validate(document | {"Tags": tags(members.get("Tags"))})
        except ValidationError as error:
            raise broken_model(error) from error

        def decide(state: State) -> State:
            if name == DEFAULT or state.get(EventBus, name) is not None:
                raise exists(f"Event bus {name} already exists.")
            return state.with_changes([self._desk.new(name, noun, state)])

        await self._desk.deployment.change(decide)
        return {"EventBusArn": self._desk.place.bus(name), **_echo(noun)}

    async def describe(self, members: Members, _: Context) -> Members:
        bus = self._desk.bus(self._desk.state, members.get("Name"))
        return self._shape(bus) | _echo(bus.noun)

    async def list(self, members: Members, _: Context) -> Members:
        state, prefix = self._desk.state, members.get("NamePrefix") or ""
        buses = [
            self._desk.bus(state, name) for name in sorted({DEFAULT, *state.of(EventBus)}) if name.startswith(prefix)
        ]
        shown, more = page([(bus.key, self._shape(bus)) for bus in buses], members)
        return {"EventBuses": shown, **more}

    async def update(self, members: Members, _: Context) -> Members:
        def decide(state: State) -> State:
            bus = self._desk.bus(state, members.get("Name"))
            dead_letters = members.get("DeadLetterConfig")
            update = {
                "description": members.get("Description"),
                "kms_key_identifier": members.get("KmsKeyIdentifier"),
                "dead_letter_config": ArnConfig.model_validate(dead_letters) if dead_letters else None,
                "log_config": members.get("LogConfig"),
            }
            return state.with_changes([self._desk.changed(bus, state, update)])

        state = await self._desk.deployment.change(decide)
        bus = self._desk.bus(state, members.get("Name"))
        return {"Arn": self._desk.place.bus(bus.key), "Name": bus.key, **_echo(bus.noun)}

    async def delete(self, members: Members, _: Context) -> Members:
        name = bus_name(members["Name"])
        if name == DEFAULT:
            raise validation("Cannot delete event bus default.")

        def decide(state: State) -> State:
            bus = self._desk.bus(state, name)
            if self._desk.rules(state, name):
                raise validation(f"Event bus {name} can't be deleted since it has rules.")
            return state.with_changes([], [(EventBus, bus.key)])

        await self._desk.deployment.change(decide)
        return {}

    async def put_permission(self, members: Members, _: Context) -> Members:
        def decide(state: State) -> State:
            bus = self._desk.bus(state, members.get("EventBusName"))
            if members.get("Policy"):
                policy = _parsed(members["Policy"])
            else:
                statement = self._statement(members, bus.key)
                policy = _policy(bus.noun) or {"Version": POLICY_VERSION, "Statement": []}
                others = [one for one in _statements(policy) if one.get("Sid") != statement["Sid"]]
                policy = policy | {"Statement": [*others, statement]}
            if len(json.dumps(policy)) > POLICY_MAX:
                raise validation(f"The policy exceeds {POLICY_MAX} characters.")
            return state.with_changes([self._desk.changed(bus, state, {"policy": policy})])

        await self._desk.deployment.change(decide)
        return {}

    def _statement(self, members: Members, bus: str) -> dict[str, Any]:
        principal, condition = members.get("Principal"), members.get("Condition")
        if not principal:
            raise validation("Parameter Principal must be specified.")
        if not members.get("StatementId"):
            raise validation("Parameter StatementId must be specified.")
        if members.get("Action") != "events:PutEvents":
            raise validation("Provided value in parameter 'action' is not supported.")
        if condition and principal != "*":
            raise validation("Value of the parameter 'principal' must be '*' when the parameter 'condition' is set.")
        statement: dict[str, Any] = {
            "Sid": members["StatementId"],
            "Effect": "Allow",
            "Principal": "*"
            if principal == "*"
            else {"AWS": f"arn:{self._desk.place.partition}:iam::{principal}:root"},
            "Action": "events:PutEvents",
            "Resource": self._desk.place.bus(bus),
        }
        if condition:
            statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
        return statement

    async def remove_permission(self, members: Members, _: Context) -> Members:
        def decide(state: State) -> State:
            bus = self._desk.bus(state, members.get("EventBusName"))
            if members.get("RemoveAllPermissions"):
                return state.with_changes([self._desk.changed(bus, state, {"policy": None})])
            if not members.get("StatementId"):
                raise validation("Parameter StatementId is required.")
            policy = _policy(bus.noun) or {}
            kept = [one for one in _statements(policy) if one.get("Sid") != members["StatementId"]]
            if len(kept) == len(_statements(policy)):
                raise not_found(NO_STATEMENT)
            changed = policy | {"Statement": kept} if kept else None
            return state.with_changes([self._desk.changed(bus, state, {"policy": changed})])

        await self._desk.deployment.change(decide)
        return {}

    def _shape(self, bus: Deployed[EventBus]) -> dict[str, Any]:
        shape: dict[str, Any] = {
            "Name": bus.key,
            "Arn": self._desk.place.bus(bus.key),
            "CreationTime": bus.created_at,
            "LastModifiedTime": bus.modified_at,
        }
        if bus.noun.description is not None:
            shape["Description"] = bus.noun.description
        policy = _policy(bus.noun)
        if policy:
            shape["Policy"] = json.dumps(policy, separators=(",", ":"))
        return shape


def _echo(bus: EventBus) -> dict[str, Any]:
    """What a request gave and its answer repeats."""
    document = bus.document()
    names = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")
    return {name: document[name] for name in names if name in document}


def _policy(bus: EventBus) -> dict[str, Any] | None:
    return _parsed(bus.policy) if isinstance(bus.policy, str) else bus.policy


def _parsed(text: str) -> dict[str, Any]:
    try:
        policy = json.loads(text)
    except ValueError:
        policy = None
    if not isinstance(policy, dict):
        raise validation("This policy contains invalid Json")
    return policy


def _statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    statements = policy.get("Statement") or []
    return [statements] if isinstance(statements, dict) else list(statements)
