"""What PutEvents takes, and the event it makes of an entry.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html
        https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.core.json_text import compact, compacted
from runner.core.patterns import parse_event
from runner.model.names import Place

TOTAL_MAX = 1_048_576  # bytes of all entries of a call
TIME_SIZE = 14  # bytes that a given time counts for
MISSING = "InvalidArgument"
MALFORMED = ("MalformedDetail", "Detail is malformed.")
RESERVED = ("NotAuthorizedForSourceException", "Not authorized for the source.")


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a call. `bus` is a name or an ARN; `time` is epoch seconds."""

    source: str | None = None
    detail_type: str | None = None
    detail: str | None = None
    resources: Sequence[str] = ()
    time: float | None = None
    bus: str = "default"
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one entry is not taken."""

    code: str
    message: str


def size(entry: Entry) -> int:
    """Bytes that an entry counts for; the bus and the trace header do not count."""
    texts = (entry.source, entry.detail_type, entry.detail, *entry.resources)
    return sum(len(text.encode()) for text in texts if text) + (TIME_SIZE if entry.time is not None else 0)


def check(entry: Entry) -> Refusal | str:
    """The detail as compact JSON, or the first thing that is wrong with the entry."""
    for name, value in (("Source", entry.source), ("DetailType", entry.detail_type), ("Detail", entry.detail)):
        if not value:
            return Refusal(MISSING, f"Parameter {name} is not valid. Reason: {name} is a required argument.")
    assert entry.source is not None
    assert entry.detail is not None
    detail = detail_of(entry.detail)
    if detail is None:
        return Refusal(*MALFORMED)
    return Refusal(*RESERVED) if entry.source.startswith("aws.") else detail


def detail_of(text: str | bytes) -> str | None:
    """The detail as compact JSON; None if it is no JSON object."""
    try:
        text = text.decode() if isinstance(text, bytes) else text
        parsed = parse_event(text)
        return compacted(text, parsed) if isinstance(parsed, dict) else None
    except (ValueError, RecursionError):
        return None


def is_event(body: bytes) -> bool:
    """Whether it is an envelope already: what one bus sends to another."""
    try:
        parsed = parse_event(body)
    except (ValueError, RecursionError):
        return False
    return isinstance(parsed, dict) and isinstance(parsed.get("id"), str) and "detail-type" in parsed


def envelope(entry: Entry, detail: str, *, event_id: str, now: float, place: Place) -> bytes:
    """The event as it is delivered. `detail` is compact JSON already."""
    head = {
        "version": "0",
        "id": event_id,
        "detail-type": entry.detail_type,
        "source": entry.source,
        "account": place.account,
        "time": timestamp(now if entry.time is None else entry.time),
        "region": place.region,
        "resources": list(entry.resources),
    }
    return f'{compact(head)[:-1]},"detail":{detail}}}'.encode()


def scheduled(rule_arn: str, *, event_id: str, at: float, place: Place) -> bytes:
    """The event that a rule's schedule makes at a tick."""
    entry = Entry("aws.events", "Scheduled Event", "{}", (rule_arn,), at)
    return envelope(entry, "{}", event_id=event_id, now=at, place=place)


def timestamp(at: float) -> str:
    """Epoch seconds as envelopes show time: UTC, whole seconds."""
    return datetime.fromtimestamp(math.floor(at), UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
