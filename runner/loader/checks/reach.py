"""What the stack delivers to or reads from, and this runner does not reach: named once each, never silently dropped."""

from __future__ import annotations

from typing import Any

from runner.loader.checks.context import Context, Item, plain
from runner.model.diagnostic import Position
from runner.model.names import Arn

DELIVERED = ("lambda", "sqs", "sns", "events", "logs")
"""Services that targets and destinations are delivered to."""

READ = ("sqs",)
"""Services that mappings read from."""

PROTOCOLS = ("sqs", "lambda", "http", "https")
"""How topics deliver here."""


def check_reach(context: Context) -> None:
    """Name every target, destination and source that is not reached."""
    for item in context.resources.values():
        match item.type:
            case "AWS::Events::Rule":
                targets = item.properties.get("Targets")
                for target in targets if isinstance(targets, list) else ():
                    _target(context, item, target)
            case "AWS::Scheduler::Schedule":
                _target(context, item, item.properties.get("Target"))
            case "AWS::Lambda::EventSourceMapping":
                _source(context, item)
            case "AWS::SNS::Subscription":
                _protocol(context, item)
            case "AWS::Lambda::EventInvokeConfig":
                _destinations(context, item)
            case _:
                continue


def _service(text: Any) -> str | None:
    arn = plain(text)
    parsed = Arn.parse(arn) if arn is not None else None
    return parsed.service if parsed is not None else None


def _notice(context: Context, at: Position, message: str) -> None:
    context.report.notice(at, "inert-target", message)


def _target(context: Context, item: Item, target: Any) -> None:
    service = _service(target.get("Arn")) if isinstance(target, dict) else None
    if service is not None and service not in DELIVERED:
        at = context.positions.value(target, "Arn")
        _notice(context, at, f"'{item.logical_id}' delivers nothing to {target['Arn']}: {service} is not run here.")


def _source(context: Context, item: Item) -> None:
    service = _service(item.properties.get("EventSourceArn"))
    if service is not None and service not in READ:
        message = f"'{item.logical_id}' is accepted, but reads nothing here: {service} is not run."
        _notice(context, context.at(item, "EventSourceArn"), message)


def _protocol(context: Context, item: Item) -> None:
    protocol = plain(item.properties.get("Protocol"))
    if protocol is not None and protocol not in PROTOCOLS:
        message = f"'{item.logical_id}' is accepted, but nothing is delivered by {protocol} here."
        _notice(context, context.at(item, "Protocol"), message)


def _destinations(context: Context, item: Item) -> None:
    config = item.properties.get("DestinationConfig")
    for name in ("OnSuccess", "OnFailure"):
        destination = config.get(name) if isinstance(config, dict) else None
        arn = destination.get("Destination") if isinstance(destination, dict) else None
        service = _service(arn)
        if service is not None and service not in DELIVERED:
            message = f"'{item.logical_id}' delivers nothing to {arn}: {service} is not run here."
            _notice(context, context.at(item, "DestinationConfig", name), message)
