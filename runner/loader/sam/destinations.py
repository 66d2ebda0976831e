"""`EventInvokeConfig`: where the outcomes of asynchronous invocations go, and the queues and topics made for them.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventinvokeconfiguration.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.aliases import Alias
from runner.loader.sam.roles import Grants, destination_statements
from runner.loader.sam.values import Json, get_att, intrinsic_argument, is_no_value, ref, short_hash
from runner.loader.sam.work import MAIN_ATTRIBUTES, Refused, Source, Work

KINDS = ["SQS", "SNS", "EventBridge", "Lambda", "S3Bucket"]
CREATED = {
    "SQS": ("Queue", "AWS::SQS::Queue", "DestinationQueue"),
    "SNS": ("Topic", "AWS::SNS::Topic", "DestinationTopic"),
}
"""Destinations that SAM creates where none is given: the id's ending, the type, the name to refer by."""


def add_invoke_config(work: Work, source: Source, alias: Alias | None, grants: Grants) -> None:
    """Emit the configuration of asynchronous invocations and what it sends to."""
    given = source.get("EventInvokeConfig")
    if not given:
        return
    at = work.locate(source.properties, "EventInvokeConfig")
    config = work.adopt(work.resolve(given), at)
    if not isinstance(config, dict):  # a parameter, perhaps
        message = "Property 'EventInvokeConfig' should be a map."
        raise work.refuse(source, message, "EventInvokeConfig", code="wrong-type")
    destinations = InvokeDestinations(work, source, grants).read(config.get("DestinationConfig"))
    extra: Json = {"DependsOn": [alias.id]} if alias else {}
    work.emit(
        source,
        f"{source.id}EventInvokeConfig",
        "AWS::Lambda::EventInvokeConfig",
        {
            "DestinationConfig": destinations,
            "FunctionName": ref(source.id),
            "MaximumEventAgeInSeconds": config.get("MaximumEventAgeInSeconds"),
            "MaximumRetryAttempts": config.get("MaximumRetryAttempts"),
            "Qualifier": alias.name if alias else "$LATEST",
        },
        at=at,
        attributes=[name for name in MAIN_ATTRIBUTES if name != "DependsOn"],
        extra=extra,
    )


class InvokeDestinations:
    """The `DestinationConfig` of one function."""

    def __init__(self, work: Work, source: Source, grants: Grants) -> None:
        self._work = work
        self._source = source
        self._grants = grants

    def read(self, config: Any) -> Json:
        if config is None:
            return {}
        path = ("EventInvokeConfig", "DestinationConfig")
        if not isinstance(config, dict):
            message = "Property 'EventInvokeConfig.DestinationConfig' should be a map."
            raise self._work.refuse(self._source, message, *path, code="wrong-type")
        found: Json = {}
        for outcome in ("OnSuccess", "OnFailure"):
            destination = config.get(outcome)
            if destination is None:
                continue
            if not isinstance(destination, dict):
                message = f"Property 'EventInvokeConfig.DestinationConfig.{outcome}' should be a map."
                raise self._work.refuse(self._source, message, *path, outcome, code="wrong-type")
            with self._work.collecting():
                found[outcome] = {"Destination": self._destination(outcome, destination)}
        return found

    def _destination(self, outcome: str, destination: Json) -> Any:
        kind = destination.get("Type")
        path = ("EventInvokeConfig", "DestinationConfig", outcome)
        if kind not in KINDS:
            message = f"'Type: {kind}' must be one of {KINDS}"
            raise self._work.refuse(self._source, message, *path, "Type")
        target = destination.get("Destination")
        branches = intrinsic_argument(target, "Fn::If")
        if branches is not None and (not isinstance(branches, list) or len(branches) != 3):
            at = self._work.locate(self._source.properties, *path, "Destination")
            raise Refused(at, "Malformed 'Destination' property: Fn::If requires 3 arguments.")
        chosen = branches if branches and is_no_value(branches[1]) != is_no_value(branches[2]) else None
        if target is None or chosen:
            if kind not in CREATED:
                message = "Destination is required if Type is not ['SQS', 'SNS']"
                raise self._work.refuse(self._source, message, *path, hint="add Destination, an ARN")
            arn = self._choose(outcome, kind, chosen) if chosen else self._create(outcome, kind, None)
        else:
            arn = target
        self._grant(outcome, kind, arn)
        return arn

    def _choose(self, outcome: str, kind: str, branches: list[Any]) -> Json:
        """A destination of which one branch of a `Fn::If` is left to SAM."""
        condition, yes, no = branches
        if is_no_value(yes):
            return {"Fn::If": [condition, self._create(outcome, kind, condition), no]}
        negated = f"NOT{condition}{short_hash(f'{self._source.id}EventInvokeConfig')}"
        self._add_condition(negated, {"Fn::Not": [{"Condition": condition}]})
        return {"Fn::If": [negated, self._create(outcome, kind, negated), yes]}

    def _create(self, outcome: str, kind: str, condition: str | None) -> Json:
        ending, type_, name = CREATED[kind]
        logical_id = f"{self._source.id}EventInvokeConfig{outcome}{ending}"
        at = self._work.locate(self._source.properties, "EventInvokeConfig", "DestinationConfig", outcome)
        resource = self._work.emit(self._source, logical_id, type_, {}, at=at)
        if condition is not None:
            resource["Condition"] = self._both(condition)
        self._work.references[self._source.id, name] = logical_id
        return get_att(logical_id) if kind == "SQS" else ref(logical_id)

    def _both(self, condition: str) -> str:
        """The function's own condition and the destination's, as one."""
        own = self._source.condition
        if own is None:
            return condition
        name = f"{own}AND{condition}{short_hash(self._source.id)}"
        self._add_condition(name, {"Fn::And": [{"Condition": own}, {"Condition": condition}]})
        return name

    def _add_condition(self, name: str, body: Json) -> None:
        at = self._work.locate(self._source.properties, "EventInvokeConfig")
        self._work.conditions[name] = self._work.adopt(body, at)

    def _grant(self, outcome: str, kind: str, arn: Any) -> None:
        found = destination_statements(kind, arn)
        if found:
            ending, statements = found
            self._grants.add(f"{self._source.id}EventInvokeConfig{outcome}{ending}", statements)
