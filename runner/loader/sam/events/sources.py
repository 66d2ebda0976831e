"""All events of a function, each by its type.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.loader.sam.aliases import Target
from runner.loader.sam.apis.deployment_hash import table_order
from runner.loader.sam.checks import check_parts, check_properties, required
from runner.loader.sam.events.buckets import add_bucket
from runner.loader.sam.events.event import Event
from runner.loader.sam.events.executions import (
    add_rule_execution,
    add_schedule_execution,
    add_scheduler_execution,
)
from runner.loader.sam.events.kafka import add_kafka, add_msk
from runner.loader.sam.events.others import add_alexa_skill, add_iot_rule, add_log_subscription, add_user_pool
from runner.loader.sam.events.polled import add_document_db, add_message_broker, add_queue, add_stream
from runner.loader.sam.events.rules import add_pattern_rule, add_schedule, add_scheduler_schedule
from runner.loader.sam.events.shapes import EVENT_SHAPES, EXECUTION_SHAPES
from runner.loader.sam.events.topics import add_topic
from runner.loader.sam.parts import EVENT_PARTS
from runner.loader.sam.roles import Grants
from runner.loader.sam.values import Json
from runner.loader.sam.work import Refused, Source, Work
from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Position

FUNCTION = "AWS::Serverless::Function"

EXECUTION_HANDLERS: dict[str, Callable[[Event], None]] = {
    "Schedule": add_schedule_execution,
    "ScheduleV2": add_scheduler_execution,
    "CloudWatchEvent": add_rule_execution,
    "EventBridgeRule": add_rule_execution,
}

FUNCTION_HANDLERS: dict[str, Callable[[Event], None]] = {
    "SQS": add_queue,
    "SNS": add_topic,
    "Kinesis": add_stream,
    "DynamoDB": add_stream,
    "MSK": add_msk,
    "MQ": add_message_broker,
    "DocumentDB": add_document_db,
    "SelfManagedKafka": add_kafka,
    "Schedule": add_schedule,
    "ScheduleV2": add_scheduler_schedule,
    "CloudWatchEvent": add_pattern_rule,
    "EventBridgeRule": add_pattern_rule,
    "S3": add_bucket,
    "CloudWatchLogs": add_log_subscription,
    "IoTRule": add_iot_rule,
    "AlexaSkill": add_alexa_skill,
    "Cognito": add_user_pool,
}


Handlers = dict[str, Callable[[Event], None]]


class Sources:
    """The events of one function or state machine, by the handlers of the types that it can have."""

    def __init__(self, work: Work, source: Source, target: Target, grants: Grants, handlers: Handlers) -> None:
        self._shapes = EVENT_SHAPES if source.type == FUNCTION else EXECUTION_SHAPES
        self._work = work
        self._source = source
        self._target = target
        self._grants = grants
        self._handlers = handlers

    def add(self) -> None:
        """Emit what every event means; a bad event is reported and the others go on."""
        events = self._source.get("Events")
        if not isinstance(events, dict):
            return
        # SAM takes a function's events in the order of their paths, a state machine's as its table has them.
        keys = [key for key in table_order(events) if (self._source.id, key) not in self._work.refused_events]
        if self._source.type == FUNCTION:
            keys.sort(key=lambda name: _order(name, events[name]))
        for key in keys:
            with self._work.collecting():
                event = self._read(key, events)
                if event is not None:
                    self._handlers[event.type](event)

    def _read(self, key: str, events: Json) -> Event | None:
        work, entry = self._work, events[key]
        at = work.key_at(events, key)
        if not str(key).isalnum():
            raise Refused(at, "Logical ids must be alphanumeric.", "invalid-logical-id", "use letters and digits only")
        if not isinstance(entry, dict):
            message = f"Event '{key}' should be a map of Type and Properties."
            raise Refused(work.positions.value(events, key), message, "wrong-type")
        type_ = self._type(entry, at)
        properties = entry.get("Properties")
        if properties is None:
            properties = work.adopt({}, at)
        if not isinstance(properties, dict):
            message = "Properties of a resource must be an object."
            raise Refused(work.positions.value(entry, "Properties"), message, "wrong-type")
        shape = self._shapes[type_]
        good = check_properties(work, shape, type_, properties, at)
        good = check_parts(work, EVENT_PARTS.get(type_, {}), type_, good)
        if any(good.get(name) is None for name in required(shape)):
            return None
        return Event(work, self._source, key, type_, good, self._target, self._grants, at)

    def _type(self, entry: Json, at: Position) -> str:
        type_ = entry.get("Type")
        if isinstance(type_, str) and type_ in self._handlers:
            return type_
        message = f"Resource dict has missing or invalid value for key Type. Event Type is: {type_}."
        hint = did_you_mean(str(type_), self._handlers) if type_ else ""
        hint = hint or f"one of {', '.join(sorted(self._handlers))}"
        raise Refused(
            self._work.positions.value(entry, "Type") if "Type" in entry else at, message, "invalid-event", hint
        )


def _order(key: str, event: Any) -> str:
    """The event's path, or its name where there is no path."""
    properties = event.get("Properties") if isinstance(event, dict) else None
    path = properties.get("Path") if isinstance(properties, dict) else None
    if isinstance(path, str) and path:
        return path
    is_default = isinstance(event, dict) and event.get("Type") == "HttpApi"
    return "$default" if is_default else str(key)
