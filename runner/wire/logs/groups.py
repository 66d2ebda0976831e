"""Log groups: what State declares of them, and those that exist because something was written.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_CreateLogGroup.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from runner.host.clock import Clock
from runner.model.access import LogGroup
from runner.model.errors import ApiError
from runner.model.function import Tag
from runner.model.names import Place, derived_uuid
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.logs import LogService
from runner.wire.logs.paging import page
from runner.wire.operation import Context, Members, Operation

NAME = re.compile(r"[.\-_/#A-Za-z0-9]+")
MAX_NAME = 512
RETENTION_DAYS = (
    *(1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653),
)
PAGE = 50


class Groups:
    """The operations about groups and their tags."""

    def __init__(self, service: LogService, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._service = service
        self._deployment = deployment
        self._place = place
        self._clock = clock
        self.operations: Mapping[str, Operation] = {
            "CreateLogGroup": self.create,
            "DeleteLogGroup": self.delete,
            "DeleteRetentionPolicy": self.delete_retention,
            "DescribeLogGroups": self.describe,
            "ListLogGroups": self.list_groups,
            "ListTagsForResource": self.list_tags,
            "ListTagsLogGroup": self.list_tags,
            "PutRetentionPolicy": self.put_retention,
            "TagLogGroup": self.tag,
            "TagResource": self.tag,
            "UntagLogGroup": self.untag,
            "UntagResource": self.untag,
        }

    async def create(self, members: Members, context: Context) -> Members:
        name = checked_name(members["logGroupName"])
        if name in await self._service.groups():
            raise _exists()
        declared: dict[str, Any] = {"log_group_name": name}
        if "kmsKeyId" in members:
            declared["kms_key_id"] = members["kmsKeyId"]
        if "logGroupClass" in members:
            declared["log_group_class"] = members["logGroupClass"]
        if members.get("deletionProtectionEnabled"):
            declared["deletion_protection_enabled"] = True
        if members.get("tags"):
            declared["tags"] = tuple(Tag(key=key, value=value) for key, value in members["tags"].items())

        def decide(state: State) -> State:
            if state.get(LogGroup, name) is not None:
                raise _exists()
            return state.with_changes([self._made(name, LogGroup(**declared))])

        await self._deployment.change(decide)
        return {}

    async def delete(self, members: Members, context: Context) -> Members:
        name = members["logGroupName"]
        declared = self._deployment.state.get(LogGroup, name)
        if declared is not None and declared.noun.deletion_protection_enabled:
            told = "Log group deletion is not allowed because deletion protection is enabled."
            raise ApiError("ValidationException", told, 400)
        await self._service.delete_group(name)
        if declared is not None:
            await self._deployment.change(lambda state: state.with_changes([], [(LogGroup, name)]))
        return {}

    async def describe(self, members: Members, context: Context) -> Members:
        prefix, pattern = members.get("logGroupNamePrefix"), members.get("logGroupNamePattern")
        if prefix is not None and pattern is not None:
            told = "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters."
            raise ApiError("InvalidParameterException", told, 400)
        wanted = [group_name(one) for one in members.get("logGroupIdentifiers", ())]
        names = [
            name
            for name in await self._service.groups()
            if name.startswith(prefix or "")
            and (pattern or "").lower() in name.lower()
            and (not wanted or name in wanted)
        ]
        shown = page("logGroups", names, members, PAGE)
        return {**shown, "logGroups": [await self._describe(name) for name in shown["logGroups"]]}

    async def list_groups(self, members: Members, context: Context) -> Members:
        pattern = _compiled(members.get("logGroupNamePattern", ""))
        names = [name for name in await self._service.groups() if pattern.search(name)]
        shown = page("logGroups", names, members, PAGE)
        described = [await self._describe(name) for name in shown["logGroups"]]
        kept = ("logGroupName", "logGroupArn", "logGroupClass")
        return {**shown, "logGroups": [{key: one[key] for key in kept} for one in described]}

    async def put_retention(self, members: Members, context: Context) -> Members:
        days = members["retentionInDays"]
        if days not in RETENTION_DAYS:
            known = ", ".join(str(one) for one in RETENTION_DAYS)
            told = (
                f"Value '{days}' at 'retentionInDays' failed to satisfy constraint: Member must satisfy enum value set"
            )
            raise ApiError("InvalidParameterException", f"1 validation error detected: {told}: [{known}]", 400)
        await self._edit(members["logGroupName"], lambda group: group.model_copy(update={"retention_days": days}))
        return {}

    async def delete_retention(self, members: Members, context: Context) -> Members:
        await self._edit(members["logGroupName"], lambda group: group.model_copy(update={"retention_days": None}))
        return {}

    async def tag(self, members: Members, context: Context) -> Members:
        added = {str(key): str(value) for key, value in members["tags"].items()}

        def edit(group: LogGroup) -> LogGroup:
            kept = tuple(tag for tag in group.tags if tag.key not in added)
            return group.model_copy(
                update={"tags": (*kept, *(Tag(key=key, value=value) for key, value in added.items()))}
            )

        await self._edit(_tagged(members), edit)
        return {}

    async def untag(self, members: Members, context: Context) -> Members:
        gone = frozenset(members.get("tagKeys", members.get("tags", ())))

        def edit(group: LogGroup) -> LogGroup:
            return group.model_copy(update={"tags": tuple(tag for tag in group.tags if tag.key not in gone)})

        await self._edit(_tagged(members), edit)
        return {}

    async def list_tags(self, members: Members, context: Context) -> Members:
        name = _tagged(members)
        await self.must_exist(name)
        declared = self._deployment.state.get(LogGroup, name)
        return {"tags": {tag.key: tag.value for tag in declared.noun.tags} if declared is not None else {}}

    async def must_exist(self, name: str) -> None:
        """Raises ApiError if there is no such group."""
        if name not in await self._service.groups():
            raise ApiError("ResourceNotFoundException", "The specified log group does not exist.", 400)

    async def _edit(self, name: str, edit: Callable[[LogGroup], LogGroup]) -> None:
        """Change what State says of a group; one that only was written to is declared by it."""
        await self.must_exist(name)
        created_at = await self._service.group_created_at(name)

        def decide(state: State) -> State:
            before = state.get(LogGroup, name)
            if before is None:
                made = self._made(name, edit(LogGroup(log_group_name=name)))
                return state.with_changes([replace(made, created_at=created_at)])
            after = edit(before.noun)
            if after == before.noun:
                return state
            made = self._made(name, after)
            return state.with_changes([replace(made, owner=before.owner, created_at=before.created_at)])

        await self._deployment.change(decide)

    def _made(self, name: str, group: LogGroup) -> Deployed[LogGroup]:
        now = self._clock.now()
        return Deployed(name, group, "", now, now, derived_uuid("logs", name, str(now)))

    async def _describe(self, name: str) -> dict[str, Any]:
        declared = self._deployment.state.get(LogGroup, name)
        group = declared.noun if declared is not None else LogGroup(log_group_name=name)
        arn = self._place.log_group(name)
        found: dict[str, Any] = {
            "logGroupName": name,
            "creationTime": round(await self._service.group_created_at(name) * 1000),
            "metricFilterCount": 0,
            "arn": f"{arn}:*",
            "storedBytes": 0,
            "logGroupClass": group.log_group_class or "STANDARD",
            "logGroupArn": arn,
            "deletionProtectionEnabled": bool(group.deletion_protection_enabled),
        }
        if group.retention_days is not None:
            found["retentionInDays"] = group.retention_days
        if group.kms_key_id is not None:
            found["kmsKeyId"] = group.kms_key_id
        return found


def group_name(text: str) -> str:
    """A group's name, given by name or ARN."""
    return text.split(":", 6)[6].removesuffix(":*") if text.startswith("arn:") and text.count(":") >= 6 else text


def checked_name(name: str) -> str:
    """A group's or stream's name. Raises ApiError."""
    if len(name) > MAX_NAME:
        told = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
        raise ApiError("InvalidParameterException", told, 400)
    if not NAME.fullmatch(name):
        told = f"1 validation error detected: Value '{name}' at 'logGroupName' failed to satisfy constraint: "
        pattern = r"Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+"
        raise ApiError("InvalidParameterException", told + pattern, 400)
    return name


def _compiled(pattern: str) -> re.Pattern[str]:
    try:
        return re.compile(pattern)
    except re.error:
        told = "The logGroupNamePattern is no regular expression."
        raise ApiError("InvalidParameterException", told, 400) from None


def _tagged(members: Members) -> str:
    return group_name(members.get("resourceArn") or members["logGroupName"])


def _exists() -> ApiError:
    return ApiError("ResourceAlreadyExistsException", "The specified log group already exists", 400)
