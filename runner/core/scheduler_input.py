"""What a schedule's target receives: its input with the context filled in, or a notification.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-targets-universal.html
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from runner.core.json_text import compact
from runner.core.put_events import timestamp
from runner.model.events import ScheduleTarget
from runner.model.names import Arn, Place, derived_uuid, function_reference

UNIVERSAL = "aws-sdk:"


@dataclass(frozen=True, slots=True)
class Execution:
    """One invocation of a schedule: `id` is 16 hexadecimal digits, `scheduled_at` epoch seconds."""

    schedule_arn: str
    id: str
    scheduled_at: float


@dataclass(frozen=True, slots=True)
class Parcel:
    """What goes where. The fields are those of a letter."""

    arn: str
    body: bytes
    source: str | None = None
    detail_type: str | None = None
    group: str | None = None
    deduplication: str | None = None
    subject: str | None = None


class UnknownTarget(ValueError):
    """A universal target that is not run here, or whose input does not say what to do."""


def parcel(target: ScheduleTarget, execution: Execution, place: Place) -> Parcel:
    """The input of a target. Raises UnknownTarget."""
    text = _notification(execution, place) if target.input is None else _filled(target.input, execution)
    arn = Arn.parse(target.arn)
    if arn is not None and arn.service == "scheduler" and arn.resource.startswith(UNIVERSAL):
        return _universal(arn.resource.removeprefix(UNIVERSAL), text, place)
    bridge = target.event_bridge_parameters
    return Parcel(
        target.arn,
        text.encode(),
        bridge.source if bridge else None,
        bridge.detail_type if bridge else None,
        target.sqs_parameters.message_group_id if target.sqs_parameters else None,
    )


def _filled(text: str, execution: Execution) -> str:
    for name, value in (
        ("schedule-arn", execution.schedule_arn),
        ("scheduled-time", timestamp(execution.scheduled_at)),
        ("execution-id", execution.id),
        ("attempt-number", "1"),
    ):
        text = text.replace(f"<aws.scheduler.{name}>", value)
    return text


def _notification(execution: Execution, place: Place) -> str:
    """The input of a target that has none; its detail is a string."""
    return compact(
        {
            "version": "0",
            "id": derived_uuid("notification", execution.schedule_arn, execution.id),
            "detail-type": "Scheduled Event",
            "source": "aws.scheduler",
            "account": place.account,
            "time": timestamp(execution.scheduled_at),
            "region": place.region,
            "resources": [execution.schedule_arn],
            "detail": "{}",
        }
    )


def _universal(action: str, text: str, place: Place) -> Parcel:
    """A call of an API by its name, for the calls that put something somewhere."""
    try:
        request: dict[str, Any] = json.loads(text)
        match action.lower():
            case "lambda:invoke":
                name, qualifier = function_reference(request["FunctionName"])
                payload = request.get("Payload", "{}")
                body = payload if isinstance(payload, str) else compact(payload)
                return Parcel(place.function(name, request.get("Qualifier") or qualifier), body.encode())
            case "sqs:sendmessage":
                return Parcel(
                    place.queue(request["QueueUrl"].rsplit("/", 1)[-1]),
                    request["MessageBody"].encode(),
                    group=request.get("MessageGroupId"),
                    deduplication=request.get("MessageDeduplicationId"),
                )
            case "sns:publish":
                return Parcel(request["TopicArn"], request["Message"].encode(), subject=request.get("Subject"))
            case "eventbridge:putevents":
                [entry] = request["Entries"]
                bus = (entry.get("EventBusName") or "default").rsplit("/", 1)[-1]
                return Parcel(place.bus(bus), entry["Detail"].encode(), entry["Source"], entry["DetailType"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnknownTarget(f"the input of {action} is not its request: {error}") from error
    raise UnknownTarget(f"the action {action} is not run here")
