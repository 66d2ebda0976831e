"""PutEvents and TestEventPattern.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from runner.core.patterns import PatternError, compile_pattern, parse_event
from runner.core.put_events import Entry, Refusal
from runner.runtime.buses import DEFAULT, Accepted, Buses
from runner.wire.events.errors import bad_pattern, constraint, constraints, validation
from runner.wire.operation import Context, Members, Operation

ENTRIES_MAX = 10
EVENT_KEYS = ("id", "account", "source", "time", "region", "detail-type")
SHOWN = (
    ("time", "Time"),
    ("source", "Source"),
    ("resources", "Resources"),
    ("detailType", "DetailType"),
    ("detail", "Detail"),
    ("eventBusName", "EventBusName"),
    ("traceHeader", "TraceHeader"),
)


class Putting:
    """PutEvents, TestEventPattern."""

    def __init__(self, buses: Buses) -> None:
        self._buses = buses
        self.operations: Mapping[str, Operation] = {
            "PutEvents": self.put_events,
            "TestEventPattern": self.try_pattern,
        }

    async def put_events(self, members: Members, context: Context) -> Members:
        given: Sequence[Members] = members.get("Entries") or ()
        if not 1 <= len(given) <= ENTRIES_MAX:
            rule = f"less than or equal to {ENTRIES_MAX}" if given else "greater than or equal to 1"
            if "Entries" not in members:
                raise constraints([constraint(None, "entries", "Member must not be null")])
            shown = f"[{', '.join(map(_shown, given))}]"
            raise constraints([constraint(shown, "entries", f"Member must have length {rule}")])
        trace = context.headers.get("x-amzn-trace-id")
        results = await self._buses.put_events([_entry(one, trace) for one in given])
        return {
            "FailedEntryCount": sum(isinstance(result, Refusal) for result in results),
            "Entries": [_result(result) for result in results],
        }

    async def try_pattern(self, members: Members, _: Context) -> Members:
        try:
            pattern = compile_pattern(members["EventPattern"])
        except PatternError as error:
            raise bad_pattern(error) from error
        try:
            event = parse_event(members["Event"])
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict) or not all(key in event for key in EVENT_KEYS):
            raise validation("Parameter Event is not valid.")
        return {"Result": pattern.matches(event)}


def _entry(members: Members, trace: str | None) -> Entry:
    return Entry(
        members.get("Source"),
        members.get("DetailType"),
        members.get("Detail"),
        tuple(members.get("Resources") or ()),
        members.get("Time"),
        members.get("EventBusName") or DEFAULT,
        members.get("TraceHeader") or trace,
    )


def _result(result: Accepted | Refusal) -> dict[str, Any]:
    if isinstance(result, Accepted):
        return {"EventId": result.event_id}
    return {"ErrorCode": result.code, "ErrorMessage": result.message}


def _shown(members: Members) -> str:
    """An entry as AWS prints it in a refusal."""
    values = [(name, members.get(key)) for name, key in SHOWN]
    texts = [f"{name}={'null' if value is None else value}" for name, value in values]
    return f"PutEventsRequestEntry({', '.join(texts)}, kmsKeyIdentifier=null, internalMetadata=null)"
