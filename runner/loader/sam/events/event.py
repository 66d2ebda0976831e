"""One entry of a function's `Events`, and what several kinds of events make: permissions and dead-letter queues."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.loader.sam.aliases import Target
from runner.loader.sam.roles import VERSION, Grants
from runner.loader.sam.values import Json, get_att, ref, suffix_of
from runner.loader.sam.work import Refused, Source, Work
from runner.model.diagnostic import Position


@dataclass(frozen=True, slots=True)
class Event:
    """An event source of a function or state machine. `id` is that of its main resource."""

    work: Work
    source: Source
    key: str
    type: str
    properties: Json
    target: Target
    grants: Grants
    at: Position

    @property
    def id(self) -> str:
        return f"{self.source.id}{self.key}"

    def get(self, name: str) -> Any:
        return self.properties.get(name)

    def pick(self, *names: str) -> Json:
        """Those of the properties that are set."""
        return {name: self.properties[name] for name in names if self.properties.get(name) is not None}

    def refuse(self, message: str, *path: Any, code: str = "invalid-event", hint: str = "") -> Refused:
        """A finding about this event's property at the end of a path; about the event without one."""
        at = self.work.locate(self.properties, *path) if path and path[0] in self.properties else self.at
        return Refused(at, message, code, hint)

    def emit(self, logical_id: str, type_: str, properties: Json, *, extra: Mapping[str, Any] | None = None) -> Json:
        return self.work.emit(
            self.source,
            logical_id,
            type_,
            properties,
            event=self.key,
            at=self.at,
            read=self.properties,
            extra=extra,
        )

    def permit(self, principal: str, *, suffix: str = "", prefix: str | None = None, **conditions: Any) -> str:
        """Emit the permission to invoke the function, and give its logical id."""
        logical_id = f"{prefix or self.id}Permission{suffix_of(suffix)}"
        properties: Json = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": self.target.name,
            "Principal": principal,
            "SourceAccount": conditions.get("account"),
            "SourceArn": conditions.get("arn"),
            "EventSourceToken": conditions.get("token"),
        }
        self.emit(logical_id, "AWS::Lambda::Permission", properties)
        return logical_id

    def dead_letter_queue(self) -> Any:
        """The ARN of the `DeadLetterConfig`'s queue, which is created for a Type; None without a configuration."""
        config = self.get("DeadLetterConfig")
        if not config:
            return None
        self._check_dead_letters(config)
        if config.get("Arn") is not None:
            return config["Arn"]
        logical_id = config.get("QueueLogicalId") or f"{self.id}Queue"
        self.emit(logical_id, "AWS::SQS::Queue", {})
        return get_att(logical_id)

    def _check_dead_letters(self, config: Json) -> None:
        path = "DeadLetterConfig"
        arn, kind = config.get("Arn"), config.get("Type")
        if arn and kind:
            raise self.refuse("You can either define 'Arn' or 'Type' property of DeadLetterConfig.", path, "Type")
        if not arn and not kind:
            message = "No 'Arn' or 'Type' property provided for DeadLetterConfig."
            raise self.refuse(message, path, hint="add Arn, or Type: SQS")
        if kind and kind != "SQS":
            message = "The only valid value for 'Type' property of DeadLetterConfig is 'SQS'."
            raise self.refuse(message, path, "Type")
        logical_id = config.get("QueueLogicalId")
        if logical_id is not None and not isinstance(logical_id, str):
            raise self.refuse("QueueLogicalId must be a string", path, "QueueLogicalId")

    def created_queue(self) -> str | None:
        """The logical id of the dead-letter queue that SAM creates for this event; None if it creates none."""
        config = self.get("DeadLetterConfig")
        if not config or config.get("Arn") is not None:
            return None
        logical_id: str = config.get("QueueLogicalId") or f"{self.id}Queue"
        return logical_id


def queue_policy(queue: Any, queue_arn: Any, source_arn: Any, principal: Any) -> Json:
    """The properties of a policy that lets one source send to a queue."""
    return {
        "PolicyDocument": {
            "Version": VERSION,
            "Statement": [
                {
                    "Action": "sqs:SendMessage",
                    "Effect": "Allow",
                    "Principal": principal,
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": source_arn}},
                }
            ],
        },
        "Queues": [ref(queue) if isinstance(queue, str) else queue],
    }
