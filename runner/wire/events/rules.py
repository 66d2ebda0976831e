"""Rules: put, described, listed, enabled, disabled, deleted.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutRule.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ValidationError

from runner.core.patterns import PatternError, compile_pattern, pattern_text
from runner.core.timetable import Dialect, TimetableError, parse
from runner.model.events import Rule
from runner.model.state import Deployed, State
from runner.runtime.buses import DEFAULT
from runner.wire.events.desk import Desk, page, tags
from runner.wire.events.errors import bad_pattern, broken_model, validation
from runner.wire.operation import Context, Members, Operation

PATTERN_MAX = 2048
SPECIFIED = ("Description", "EventPattern", "RoleArn", "ScheduleExpression", "State")


class Rules:
    """PutRule, DescribeRule, ListRules, ListRuleNamesByTarget, EnableRule, DisableRule, DeleteRule."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "PutRule": self.put,
            "DescribeRule": self.describe,
            "ListRules": self.list,
            "ListRuleNamesByTarget": self.names_by_target,
            "EnableRule": self.enable,
            "DisableRule": self.disable,
            "DeleteRule": self.delete,
        }

    async def put(self, members: Members, _: Context) -> Members:
        name = members["Name"]

        def decide(state: State) -> State:
            bus = self._desk.bus(state, members.get("EventBusName")).key
            _check(members, bus)
            before = state.get(Rule, f"{bus}/{name}")
            given = {key: members[key] for key in SPECIFIED if members.get(key) is not None}
            try:
                noun = Rule.model_validate({"Name": name, "EventBusName": bus, **given})
            except ValidationError as error:
                raise broken_model(error) from error
            if before is None:
                noun = noun.model_copy(update={"tags": tags(members.get("Tags"))})
                return state.with_changes([self._desk.new(f"{bus}/{name}", noun, state)])
            return state.with_changes([self._desk.changed(before, state, _members(noun))])

        state = await self._desk.deployment.change(decide)
        return {"RuleArn": self._desk.rule_arn(self._desk.rule(state, name, members.get("EventBusName")))}

    async def describe(self, members: Members, _: Context) -> Members:
        rule = self._desk.rule(self._desk.state, members["Name"], members.get("EventBusName"))
        return self._shape(rule) | {"CreatedBy": self._desk.place.account}

    async def list(self, members: Members, _: Context) -> Members:
        state, prefix = self._desk.state, members.get("NamePrefix") or ""
        bus = self._desk.bus(state, members.get("EventBusName")).key
        rules = [rule for rule in self._desk.rules(state, bus) if rule.key.rsplit("/", 1)[1].startswith(prefix)]
        shown, more = page([(rule.key, self._shape(rule)) for rule in rules], members)
        return {"Rules": shown, **more}

    async def names_by_target(self, members: Members, _: Context) -> Members:
        state, arn = self._desk.state, members["TargetArn"]
        bus = self._desk.bus(state, members.get("EventBusName")).key
        rules = [rule for rule in self._desk.rules(state, bus) if any(one.arn == arn for one in rule.noun.targets)]
        shown, more = page([(rule.key, rule.key.rsplit("/", 1)[1]) for rule in rules], members)
        return {"RuleNames": shown, **more}

    async def enable(self, members: Members, _: Context) -> Members:
        return await self._switch(members, "ENABLED")

    async def disable(self, members: Members, _: Context) -> Members:
        return await self._switch(members, "DISABLED")

    async def _switch(self, members: Members, to: Literal["ENABLED", "DISABLED"]) -> Members:
        def decide(state: State) -> State:
            rule = self._desk.rule(state, members["Name"], members.get("EventBusName"))
            return (
                state if rule.noun.state == to else state.with_changes([self._desk.changed(rule, state, {"state": to})])
            )

        await self._desk.deployment.change(decide)
        return {}

    async def delete(self, members: Members, _: Context) -> Members:
        def decide(state: State) -> State:
            bus = self._desk.bus(state, members.get("EventBusName")).key
            rule = state.get(Rule, f"{bus}/{members['Name']}")
            if rule is None:
                return state  # deleting what is not there is no error
            if rule.noun.targets:
                raise validation("Rule can't be deleted since it has targets.")
            return state.with_changes([], [(Rule, rule.key)])

        await self._desk.deployment.change(decide)
        return {}

    def _shape(self, rule: Deployed[Rule]) -> dict[str, Any]:
        noun = rule.noun
        bus, name = rule.key.rsplit("/", 1)
        shape: dict[str, Any] = {
            "Name": name,
            "Arn": self._desk.rule_arn(rule),
            "EventPattern": None if noun.event_pattern is None else pattern_text(noun.event_pattern),
            "State": noun.state,
            "Description": noun.description,
            "ScheduleExpression": noun.schedule_expression,
            "RoleArn": noun.role_arn,
            "EventBusName": bus,
        }
        return {key: value for key, value in shape.items() if value is not None}


def _check(members: Members, bus: str) -> None:
    """What PutRule refuses of a rule's pattern and schedule. Raises ApiError."""
    pattern, schedule = members.get("EventPattern"), members.get("ScheduleExpression")
    if not pattern and not schedule:
        raise validation("Parameter(s) EventPattern or ScheduleExpression must be specified.")
    if schedule:
        if bus != DEFAULT:
            raise validation("ScheduleExpression is supported only on the default event bus.")
        try:
            parse(schedule, Dialect.RULE)
        except TimetableError as error:
            raise validation(error.message) from error
    if pattern:
        try:
            compile_pattern(pattern)
        except PatternError as error:
            raise bad_pattern(error) from error
        if len(pattern) > PATTERN_MAX:
            raise validation(f"Parameter EventPattern for rule {members['Name']} exceeds limit of {PATTERN_MAX}.")


def _members(rule: Rule) -> dict[str, Any]:
    """All members that PutRule sets; what it leaves out goes back to its default."""
    names = ("description", "event_pattern", "role_arn", "schedule_expression", "state")
    return {name: getattr(rule, name) for name in names}
