"""EventBridge Scheduler's API: schedules and their groups.

Source: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeVar

from pydantic import ValidationError

from runner.core.timetable import At, Dialect, TimetableError, parse
from runner.core.timetable_zones import find_zone
from runner.core.transformer_checks import is_json
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.events import Schedule, ScheduleGroup
from runner.model.function import Tag
from runner.model.names import Arn, Place, derived_uuid
from runner.model.noun import Noun
from runner.model.state import Deployed, Key, State
from runner.runtime.deployment import Deployment
from runner.runtime.timers import moment
from runner.wire.events.desk import page
from runner.wire.events.errors import broken_model
from runner.wire.operation import Context, Members, Operation, RawOperation

N = TypeVar("N", bound=Noun)

DEFAULT = "default"
JSON_INPUT = ("lambda", "states", "events")  # targets that take nothing but JSON
PARAMETERS: Mapping[str, str] = {
    "EventBridgeParameters": "events",
    "KinesisParameters": "kinesis",
    "EcsParameters": "ecs",
    "SageMakerPipelineParameters": "sagemaker",
}
"""The service whose targets take a block of parameters."""


class Scheduler:
    """The `scheduler` room."""

    name = "scheduler"

    def __init__(self, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._deployment = deployment
        self._place = place
        self._clock = clock
        self._opened_at = clock.now()
        self.raw_operations: Mapping[str, RawOperation] = {}
        self.operations: Mapping[str, Operation] = {
            "CreateSchedule": self.create,
            "GetSchedule": self.get,
            "UpdateSchedule": self.update,
            "DeleteSchedule": self.delete,
            "ListSchedules": self.list,
            "CreateScheduleGroup": self.create_group,
            "GetScheduleGroup": self.get_group,
            "DeleteScheduleGroup": self.delete_group,
            "ListScheduleGroups": self.list_groups,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
        }

    # -- schedules

    async def create(self, members: Members, _: Context) -> Members:
        key, noun = self._noun(members)

        def decide(state: State) -> State:
            self._group(state, noun.group_name)
            if state.get(Schedule, key) is not None:
                raise ApiError("ConflictException", f"Schedule {noun.name} already exists.", 409)
            return state.with_changes([self._new(key, noun, state)])

        await self._deployment.change(decide)
        return {"ScheduleArn": self._arn(key)}

    async def update(self, members: Members, _: Context) -> Members:
        key, noun = self._noun(members)

        def decide(state: State) -> State:
            return state.with_changes([self._changed(self._schedule(state, key), noun, state)])

        await self._deployment.change(decide)
        return {"ScheduleArn": self._arn(key)}

    async def get(self, members: Members, _: Context) -> Members:
        found = self._schedule(self._deployment.state, _key(members))
        noun = found.noun
        document = noun.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"start_date", "end_date"})
        dates = {"StartDate": noun.start_date, "EndDate": noun.end_date}
        return {
            **document,
            **{name: moment(text, 0.0) for name, text in dates.items() if text},
            "Arn": self._arn(found.key),
            "CreationDate": found.created_at,
            "LastModificationDate": found.modified_at,
        }

    async def delete(self, members: Members, _: Context) -> Members:
        key = _key(members)

        def decide(state: State) -> State:
            return state.with_changes([], [(Schedule, self._schedule(state, key).key)])

        await self._deployment.change(decide)
        return {}

    async def list(self, members: Members, _: Context) -> Members:
        state = self._deployment.state
        group, prefix, wanted = members.get("GroupName"), members.get("NamePrefix") or "", members.get("State")
        if group:
            self._group(state, group)
        found = [
            (key, self._summary(one))
            for key, one in sorted(state.of(Schedule).items())
            if (not group or one.noun.group_name == group)
            and key.rsplit("/", 1)[1].startswith(prefix)
            and wanted in (None, one.noun.state)
        ]
        shown, more = page(found, members)
        return {"Schedules": shown, **more}

    def _summary(self, one: Deployed[Schedule]) -> dict[str, Any]:
        return {
            "Arn": self._arn(one.key),
            "Name": one.key.rsplit("/", 1)[1],
            "GroupName": one.noun.group_name,
            "State": one.noun.state,
            "CreationDate": one.created_at,
            "LastModificationDate": one.modified_at,
            "Target": {"Arn": one.noun.target.arn},
        }

    def _noun(self, members: Members) -> tuple[str, Schedule]:
        """The schedule that a request describes. Raises ApiError."""
        document = {key: value for key, value in members.items() if value is not None and key != "ClientToken"}
        for name in ("StartDate", "EndDate"):
            if name in document:
                document[name] = datetime.fromtimestamp(float(document[name]), UTC).isoformat()
        try:
            noun = Schedule.model_validate(document)
        except ValidationError as error:
            raise broken_model(error) from error
        problem = self._problem(noun, members)
        if problem is not None:
            raise ApiError("ValidationException", problem)
        return _key(members), noun

    def _problem(self, noun: Schedule, members: Members) -> str | None:
        try:
            timetable = parse(noun.schedule_expression, Dialect.SCHEDULER)
        except TimetableError as error:
            return error.message
        window = noun.flexible_time_window
        if window.mode == "FLEXIBLE" and window.maximum_window_m is None:
            return "MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE."
        if window.mode == "OFF" and window.maximum_window_m is not None:
            return "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF."
        if find_zone(noun.timezone) is None:
            return f"Invalid ScheduleExpressionTimezone {noun.timezone}."
        start, end = moment(noun.start_date, 0.0), moment(noun.end_date, 0.0)
        if not isinstance(timetable, At) and start and end and start >= end:
            return "The StartDate you specify must come before the EndDate."
        return self._target_problem(noun, members["Target"])

    def _target_problem(self, noun: Schedule, given: Members) -> str | None:
        arn = Arn.parse(noun.target.arn)
        if arn is None:
            return "Provided Arn is not in correct format."
        if arn.region not in ("", self._place.region):
            return f"The target ARN provided does not match the current region {self._place.region}."
        universal = arn.service == "scheduler"
        if universal and noun.target.input is None:
            return "You must provide an input to set this target for your schedule."
        if (
            (universal or arn.service in JSON_INPUT)
            and noun.target.input is not None
            and not is_json(noun.target.input)
        ):
            return "JSON syntax error in input for the target."
        for name, service in PARAMETERS.items():
            if given.get(name) is not None and arn.service != service:
                return f"Parameters {name} not supported for the target."
        return _queue_problem(noun, arn)

    # -- groups

    async def create_group(self, members: Members, _: Context) -> Members:
        name = members["Name"]
        noun = ScheduleGroup(name=name, tags=_tags(members.get("Tags")))

        def decide(state: State) -> State:
            if name == DEFAULT or state.get(ScheduleGroup, name) is not None:
                raise ApiError("ConflictException", f"Schedule group {name} already exists.", 409)
            return state.with_changes([self._new(name, noun, state)])

        await self._deployment.change(decide)
        return {"ScheduleGroupArn": self._group_arn(name)}

    async def get_group(self, members: Members, _: Context) -> Members:
        return self._group_shape(self._group(self._deployment.state, members["Name"]))

    async def list_groups(self, members: Members, _: Context) -> Members:
        state, prefix = self._deployment.state, members.get("NamePrefix") or ""
        names = [name for name in sorted({DEFAULT, *state.of(ScheduleGroup)}) if name.startswith(prefix)]
        shown, more = page([(name, self._group_shape(self._group(state, name))) for name in names], members)
        return {"ScheduleGroups": shown, **more}

    async def delete_group(self, members: Members, _: Context) -> Members:
        """A group takes its schedules with it."""
        name = members["Name"]
        if name == DEFAULT:
            raise ApiError("ValidationException", "The default schedule group cannot be deleted.")

        def decide(state: State) -> State:
            self._group(state, name)
            gone: list[Key] = [(ScheduleGroup, name)]
            gone.extend((Schedule, key) for key, one in state.of(Schedule).items() if one.noun.group_name == name)
            return state.with_changes([], gone)

        await self._deployment.change(decide)
        return {}

    def _group_shape(self, group: Deployed[ScheduleGroup]) -> dict[str, Any]:
        return {
            "Arn": self._group_arn(group.key),
            "Name": group.key,
            "State": "ACTIVE",
            "CreationDate": group.created_at,
            "LastModificationDate": group.modified_at,
        }

    # -- tags, of groups only

    async def tags(self, members: Members, _: Context) -> Members:
        group = self._tagged(self._deployment.state, members)
        return {"Tags": [{"Key": tag.key, "Value": tag.value} for tag in group.noun.tags]}

    async def tag(self, members: Members, _: Context) -> Members:
        given = _tags(members["Tags"])
        keys = {tag.key for tag in given}
        return await self._retag(members, lambda tags: (*(tag for tag in tags if tag.key not in keys), *given))

    async def untag(self, members: Members, _: Context) -> Members:
        keys: Sequence[str] = members["TagKeys"]
        return await self._retag(members, lambda tags: tuple(tag for tag in tags if tag.key not in keys))

    async def _retag(self, members: Members, change: Any) -> Members:
        def decide(state: State) -> State:
            group = self._tagged(state, members)
            noun = group.noun.model_copy(update={"tags": change(group.noun.tags)})
            return state.with_changes([self._changed(group, noun, state)])

        await self._deployment.change(decide)
        return {}

    def _tagged(self, state: State, members: Members) -> Deployed[ScheduleGroup]:
        arn = Arn.parse(members["ResourceArn"])
        if arn is None or not arn.resource.startswith("schedule-group/"):
            raise ApiError("ValidationException", "The resource ARN is not the ARN of a schedule group.")
        return self._group(state, arn.name)

    # -- look-ups

    def _schedule(self, state: State, key: str) -> Deployed[Schedule]:
        found = state.get(Schedule, key)
        if found is None:
            group, name = key.rsplit("/", 1)
            self._group(state, group)
            raise ApiError("ResourceNotFoundException", f"Schedule {name} does not exist.", 404)
        return found

    def _group(self, state: State, name: str) -> Deployed[ScheduleGroup]:
        found = state.get(ScheduleGroup, name)
        if found is None and name == DEFAULT:
            return Deployed(DEFAULT, ScheduleGroup(name=DEFAULT), "", self._opened_at, self._opened_at)
        if found is None:
            raise ApiError("ResourceNotFoundException", f"Schedule group {name} does not exist.", 404)
        return found

    def _arn(self, key: str) -> str:
        return self._place.arn("scheduler", f"schedule/{key}")

    def _group_arn(self, name: str) -> str:
        return self._place.arn("scheduler", f"schedule-group/{name}")

    def _new(self, key: str, noun: N, state: State) -> Deployed[N]:
        now = self._clock.now()
        return Deployed(key, noun, "", now, now, derived_uuid("revision", key, str(state.revision), repr(now)))

    def _changed(self, before: Deployed[N], noun: N, state: State) -> Deployed[N]:
        now = self._clock.now()
        revision = derived_uuid("revision", before.key, str(state.revision), repr(now))
        return replace(before, noun=noun, modified_at=now, revision_id=revision)


def _key(members: Members) -> str:
    return f"{members.get('GroupName') or DEFAULT}/{members['Name']}"


def _tags(given: Sequence[Mapping[str, str]] | None) -> tuple[Tag, ...]:
    return tuple(Tag(key=tag["Key"], value=tag["Value"]) for tag in given or ())


def _queue_problem(noun: Schedule, arn: Arn) -> str | None:
    """What is wrong about the group of a queue's messages."""
    if arn.service != "sqs":
        return None
    group = noun.target.sqs_parameters.message_group_id if noun.target.sqs_parameters else None
    if arn.name.endswith(".fifo"):
        return None if group else "Parameters SqsParameters must be specified."
    return "Parameters MessageGroupId not valid for the target." if group else None
