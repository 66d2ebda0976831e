"""What a stack file says as a graph: what feeds what, and where it ends.

Edges come from the resolved resources alone, so that a stack drawn is the stack that would run.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from runner.loader.checked import Checked, Resolved
from runner.model.names import Arn, function_reference


class Kind(StrEnum):
    """What a node is; decides its shape and colour."""

    SCHEDULE = "schedule"
    BUS = "bus"
    RULE = "rule"
    FUNCTION = "function"
    QUEUE = "queue"
    TOPIC = "topic"
    STREAM = "stream"
    TABLE = "table"
    BUCKET = "bucket"
    API = "api"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Node:
    """`id` is a logical id, or the ARN of something outside; `label` is what a person reads."""

    id: str
    kind: Kind
    label: str
    detail: str = ""
    outside: bool = False


@dataclass(frozen=True, slots=True)
class Edge:
    """`label` says on what condition; `dashed`: a failure's way, or a mere use."""

    source: str
    target: str
    label: str = ""
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class Graph:
    name: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]


KINDS: Mapping[str, Kind] = {
    "AWS::Events::EventBus": Kind.BUS,
    "AWS::Events::Rule": Kind.RULE,
    "AWS::Scheduler::Schedule": Kind.SCHEDULE,
    "AWS::Lambda::Function": Kind.FUNCTION,
    "AWS::SQS::Queue": Kind.QUEUE,
    "AWS::SNS::Topic": Kind.TOPIC,
    "AWS::Kinesis::Stream": Kind.STREAM,
    "AWS::DynamoDB::Table": Kind.TABLE,
    "AWS::S3::Bucket": Kind.BUCKET,
    "AWS::ApiGateway::RestApi": Kind.API,
    "AWS::ApiGatewayV2::Api": Kind.API,
}
SERVICES: Mapping[str, Kind] = {
    "lambda": Kind.FUNCTION,
    "sqs": Kind.QUEUE,
    "sns": Kind.TOPIC,
    "events": Kind.BUS,
    "kinesis": Kind.STREAM,
    "dynamodb": Kind.TABLE,
    "s3": Kind.BUCKET,
}
DEFAULT_BUS = "default"
USED = (Kind.BUS, Kind.QUEUE, Kind.TOPIC, Kind.STREAM, Kind.TABLE, Kind.BUCKET)
"""What a function may be seen to use: what its environment names."""


def graph(checked: Checked) -> Graph:
    """The graph of a stack. What only its errors would tell apart is left out."""
    return _Drawing(checked).graph()


class _Drawing:
    def __init__(self, checked: Checked) -> None:
        self.checked = checked
        self.nodes: dict[str, Node] = {}
        self.edges: dict[tuple[str, str, str], Edge] = {}
        self.names: dict[str, str] = {}  # an ARN, URL or name -> node id

    def graph(self) -> Graph:
        for resolved in self.checked.resources.values():
            if resolved.type in KINDS:
                self._node(resolved)
        for resolved in self.checked.resources.values():
            for edge in self._edges(resolved):
                self.edges.setdefault((edge.source, edge.target, edge.label), edge)
        return Graph(self.checked.name, tuple(self.nodes.values()), tuple(self.edges.values()))

    def _node(self, resolved: Resolved) -> None:
        kind = KINDS[resolved.type]
        detail = str(resolved.properties.get("ScheduleExpression") or "")
        if kind is Kind.RULE and detail:
            kind = Kind.SCHEDULE
        if kind is Kind.FUNCTION:
            detail = str(resolved.properties.get("Runtime") or "container image")
        label = resolved.origin.event if resolved.origin is not None and resolved.origin.event else resolved.logical_id
        self.nodes[resolved.logical_id] = Node(resolved.logical_id, kind, label, detail)
        for text in (resolved.physical_id, *self._texts(resolved)):
            self.names.setdefault(str(text), resolved.logical_id)

    def _texts(self, resolved: Resolved) -> Iterator[str]:
        place = self.checked.place
        name = str(resolved.physical_id)
        match resolved.type:
            case "AWS::Lambda::Function":
                yield place.function(name)
            case "AWS::SQS::Queue":
                yield place.queue(name.rsplit("/", 1)[-1])
            case "AWS::Events::EventBus":
                yield place.bus(name)
            case "AWS::Kinesis::Stream":
                yield place.arn("kinesis", f"stream/{name}")
            case "AWS::DynamoDB::Table":
                yield place.arn("dynamodb", f"table/{name}")
            case "AWS::S3::Bucket":
                yield f"arn:{place.partition}:s3:::{name}"

    def _target(self, text: Any) -> str | None:
        """The node that an ARN means; one outside the stack gets a node of its own."""
        if not isinstance(text, str) or not text:
            return None
        if text in self.names:
            return self.names[text]
        parsed = Arn.parse(text)
        if parsed is None:
            return None
        if parsed.service == "lambda":
            name = function_reference(text)[0]
            if name in self.names:
                return self.names[name]
        if parsed.service == "dynamodb":
            table = text.partition("/stream/")[0]
            if table in self.names:
                return self.names[table]
        if parsed.service == "events" and parsed.resource == "event-bus/default":
            return self._bus(DEFAULT_BUS)
        return self._outside(text, parsed)

    def _outside(self, text: str, parsed: Arn) -> str:
        kind = SERVICES.get(parsed.service, Kind.OTHER)
        self.nodes.setdefault(text, Node(text, kind, parsed.name, parsed.service, outside=True))
        self.names[text] = text
        return text

    def _bus(self, name: str) -> str:
        found = self.names.get(name)
        if found is not None and self.nodes[found].kind is Kind.BUS:
            return found
        identity = f"bus:{name}"
        self.nodes.setdefault(identity, Node(identity, Kind.BUS, name, "event bus", outside=name != DEFAULT_BUS))
        return identity

    def _edges(self, resolved: Resolved) -> Iterator[Edge]:
        properties, own = resolved.properties, resolved.logical_id
        match resolved.type:
            case "AWS::Events::Rule":
                yield from self._rule(resolved)
            case "AWS::Scheduler::Schedule":
                target = properties.get("Target")
                if isinstance(target, dict):
                    yield from self._delivery(own, target)
            case "AWS::Lambda::EventSourceMapping":
                yield from self._between(properties.get("EventSourceArn"), properties.get("FunctionName"), "batches")
            case "AWS::SNS::Subscription":
                yield from self._between(properties.get("TopicArn"), properties.get("Endpoint"))
            case "AWS::Lambda::EventInvokeConfig":
                yield from self._destinations(properties)
            case "AWS::Lambda::Function":
                config = properties.get("DeadLetterConfig")
                if isinstance(config, dict):
                    yield from self._from(own, config.get("TargetArn"), "dead letters", dashed=True)
                yield from self._uses(resolved)
            case "AWS::SQS::Queue":
                policy = properties.get("RedrivePolicy")
                if isinstance(policy, dict):
                    label = f"after {policy.get('maxReceiveCount')} receives"
                    yield from self._from(own, policy.get("deadLetterTargetArn"), label, dashed=True)
            case "AWS::Lambda::Permission":
                yield from self._permission(properties)

    def _rule(self, resolved: Resolved) -> Iterator[Edge]:
        properties, own = resolved.properties, resolved.logical_id
        if "EventPattern" in properties:
            bus = str(properties.get("EventBusName") or DEFAULT_BUS).rsplit("/", 1)[-1]
            yield Edge(self._bus(bus), own)
        targets = properties.get("Targets")
        for target in targets if isinstance(targets, list) else ():
            if isinstance(target, dict):
                yield from self._delivery(own, target)

    def _delivery(self, own: str, target: dict[str, Any]) -> Iterator[Edge]:
        yield from self._from(own, target.get("Arn"))
        config = target.get("DeadLetterConfig")
        if isinstance(config, dict):
            yield from self._from(own, config.get("Arn"), "dead letters", dashed=True)

    def _destinations(self, properties: dict[str, Any]) -> Iterator[Edge]:
        source = self._function(properties.get("FunctionName"))
        config = properties.get("DestinationConfig")
        if source is None or not isinstance(config, dict):
            return
        for key, label in (("OnSuccess", "on success"), ("OnFailure", "on failure")):
            destination = config.get(key)
            if isinstance(destination, dict):
                yield from self._from(source, destination.get("Destination"), label, dashed=key == "OnFailure")

    def _permission(self, properties: dict[str, Any]) -> Iterator[Edge]:
        """APIs and buckets invoke functions by permission alone."""
        principal = str(properties.get("Principal"))
        source, target = str(properties.get("SourceArn") or ""), self._function(properties.get("FunctionName"))
        if target is None or not principal.startswith(("apigateway.", "s3.")):
            return
        for node in list(self.nodes.values()):
            if node.kind is Kind.API and f":{self._physical(node.id)}/" in source:
                method, _, path = source.partition(f":{self._physical(node.id)}/")[2].partition("/")[2].partition("/")
                yield Edge(node.id, target, f"{method} /{path}".replace("* ", "ANY "))
        if principal.startswith("s3."):
            yield from self._between(source, properties.get("FunctionName"), "notifications")

    def _physical(self, node: str) -> str:
        found = self.checked.resources.get(node)
        return str(found.physical_id) if found is not None else node

    def _uses(self, resolved: Resolved) -> Iterator[Edge]:
        environment = resolved.properties.get("Environment")
        variables = environment.get("Variables") if isinstance(environment, dict) else None
        for value in variables.values() if isinstance(variables, dict) else ():
            found = self.names.get(str(value))
            if found is not None and self.nodes[found].kind in USED:
                yield Edge(resolved.logical_id, found, "uses", dashed=True)

    def _function(self, text: Any) -> str | None:
        return self.names.get(function_reference(text)[0]) if isinstance(text, str) else None

    def _between(self, source: Any, target: Any, label: str = "") -> Iterator[Edge]:
        first = self._target(source)
        second = self._function(target) or self._target(target)
        if first is not None and second is not None:
            yield Edge(first, second, label)

    def _from(self, source: str, target: Any, label: str = "", *, dashed: bool = False) -> Iterator[Edge]:
        found = self._target(target)
        if found is not None:
            yield Edge(source, found, label, dashed)
