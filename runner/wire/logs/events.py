"""Streams and events: describe, create, delete, put, get, filter.

Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutLogEvents.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from runner.host.clock import Clock
from runner.model.access import LogGroup
from runner.model.errors import ApiError
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.logs import LogEvent, LogService, Search, Stream, milliseconds
from runner.wire.logs.groups import MAX_NAME, group_name
from runner.wire.logs.paging import page
from runner.wire.operation import Context, Members, Operation

PAGE = 50
DAY_MS = 86_400_000
TOO_OLD_MS = 14 * DAY_MS
TOO_NEW_MS = 2 * 3_600_000
MAX_BATCH = 1_048_576
EVENT_OVERHEAD = 26
LIMIT = 10_000


class Events:
    """The operations about streams and what is in them."""

    def __init__(self, service: LogService, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._service = service
        self._deployment = deployment
        self._place = place
        self._clock = clock
        self.operations: Mapping[str, Operation] = {
            "CreateLogStream": self.create_stream,
            "DeleteLogStream": self.delete_stream,
            "DescribeLogStreams": self.describe_streams,
            "FilterLogEvents": self.filter,
            "GetLogEvents": self.get,
            "PutLogEvents": self.put,
        }

    async def create_stream(self, members: Members, context: Context) -> Members:
        stream = members["logStreamName"]
        if len(stream) > MAX_NAME:
            told = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."
            raise ApiError("InvalidParameterException", told, 400)
        await self._service.create_stream(members["logGroupName"], stream)
        return {}

    async def delete_stream(self, members: Members, context: Context) -> Members:
        await self._service.delete_stream(members["logGroupName"], members["logStreamName"])
        return {}

    async def describe_streams(self, members: Members, context: Context) -> Members:
        group, prefix = _group(members), members.get("logStreamNamePrefix", "")
        by_time = members.get("orderBy") == "LastEventTime"
        if by_time and prefix:
            told = "Cannot order by LastEventTime with a logStreamNamePrefix."
            raise ApiError("InvalidParameterException", told, 400)
        names = [name for name in await self._service.stream_names(group) if name.startswith(prefix)]
        if by_time:  # only this order needs to look into every stream
            streams = await self._service.streams(group, names)
            names = [stream.name for stream in sorted(streams, key=lambda stream: stream.last_at or 0.0)]
        if members.get("descending"):
            names.reverse()
        shown = page("logStreams", names, members, PAGE)
        described = await self._service.streams(group, shown["logStreams"])
        return {**shown, "logStreams": [self._describe(group, stream) for stream in described]}

    async def put(self, members: Members, context: Context) -> Members:
        group, stream = members["logGroupName"], members["logStreamName"]
        events: Sequence[Mapping[str, Any]] = members["logEvents"]
        _check_batch(events)
        accepted, rejected = self._accepted(group, events)
        await self._service.put(group, stream, [(one["timestamp"] / 1000, one["message"]) for one in accepted])
        token = f"{milliseconds(self._clock.now()):056d}"
        return {"nextSequenceToken": token, "rejectedLogEventsInfo": rejected or None}

    def _accepted(
        self, group: str, events: Sequence[Mapping[str, Any]]
    ) -> tuple[list[Mapping[str, Any]], dict[str, int]]:
        """The events that are neither too old nor too new, and where the others begin or end."""
        now_ms = milliseconds(self._clock.now())
        declared = self._deployment.state.get(LogGroup, group)
        days = declared.noun.retention_days if declared is not None else None
        old = sum(one["timestamp"] < now_ms - TOO_OLD_MS for one in events)
        expired = sum(one["timestamp"] < now_ms - days * DAY_MS for one in events) if days else 0
        new = sum(one["timestamp"] > now_ms + TOO_NEW_MS for one in events)
        rejected = {}
        if old:
            rejected["tooOldLogEventEndIndex"] = old
        if expired:
            rejected["expiredLogEventEndIndex"] = expired
        if new:
            rejected["tooNewLogEventStartIndex"] = len(events) - new
        return list(events[max(old, expired) : len(events) - new]), rejected

    async def get(self, members: Members, context: Context) -> Members:
        found = await self._service.get(
            _group(members),
            members["logStreamName"],
            Search(
                from_ms=members.get("startTime"), until_ms=members.get("endTime"), limit=members.get("limit", LIMIT)
            ),
            token=members.get("nextToken"),
            from_head=bool(members.get("startFromHead")),
        )
        return {
            "events": [_event(event) for event in found.events],
            "nextForwardToken": found.forward,
            "nextBackwardToken": found.backward,
        }

    async def filter(self, members: Members, context: Context) -> Members:
        streams, prefix = members.get("logStreamNames", ()), members.get("logStreamNamePrefix", "")
        if streams and prefix:
            told = "LogStreamNamePrefix and LogStreamNames are mutually exclusive parameters."
            raise ApiError("InvalidParameterException", told, 400)
        search = Search(
            members.get("filterPattern", ""),
            streams,
            prefix,
            members.get("startTime"),
            members.get("endTime"),
            members.get("limit", LIMIT),
        )
        found = await self._service.filter(_group(members), search, token=members.get("nextToken"))
        events = [{"logStreamName": event.stream, **_event(event), "eventId": event.id} for event in found.events]
        return {"events": events, "searchedLogStreams": [], "nextToken": found.forward}

    def _describe(self, group: str, stream: Stream) -> dict[str, Any]:
        found: dict[str, Any] = {
            "logStreamName": stream.name,
            "creationTime": milliseconds(stream.created_at),
            "arn": f"{self._place.log_group(group)}:log-stream:{stream.name}",
            "storedBytes": 0,
        }
        if stream.first_at is not None and stream.last_at is not None:
            found["firstEventTimestamp"] = milliseconds(stream.first_at)
            found["lastEventTimestamp"] = milliseconds(stream.last_at)
            found["lastIngestionTime"] = milliseconds(stream.last_at)
            found["uploadSequenceToken"] = f"{milliseconds(stream.last_at):056d}"
        return found


def _group(members: Members) -> str:
    named = members.get("logGroupName") or members.get("logGroupIdentifier")
    if named is None:
        told = "At least one of logGroupName and logGroupIdentifier must be specified."
        raise ApiError("InvalidParameterException", told, 400)
    return group_name(named)


def _event(event: LogEvent) -> dict[str, Any]:
    return {
        "timestamp": milliseconds(event.at),
        "message": event.message,
        "ingestionTime": milliseconds(event.ingested_at),
    }


def _check_batch(events: Sequence[Mapping[str, Any]]) -> None:
    times = [event["timestamp"] for event in events]
    if any(earlier > later for earlier, later in pairwise(times)):
        told = "Log events in a single PutLogEvents request must be in chronological order."
        raise ApiError("InvalidParameterException", told, 400)
    if times and times[-1] - times[0] > DAY_MS:
        told = "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."
        raise ApiError("InvalidParameterException", told, 400)
    if sum(len(event["message"].encode("utf-8", "replace")) + EVENT_OVERHEAD for event in events) > MAX_BATCH:
        raise ApiError("InvalidParameterException", f"Upload too large: more than {MAX_BATCH} bytes", 400)
