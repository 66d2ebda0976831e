"""One run of the transform: what is read, what was made of it and where every made thing comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeVar

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.sam.values import Json, intrinsic_argument, partition_of, resolve
from runner.model.diagnostic import Note, Position
from runner.model.names import Place

Value = TypeVar("Value")

INHERITED = ("Condition", "DeletionPolicy", "UpdateReplacePolicy")
"""Attributes that every generated resource takes from the resource it comes from."""

MAIN_ATTRIBUTES = (*INHERITED, "UpdatePolicy", "Metadata", "DependsOn")
"""Attributes that the resource of the same logical id keeps."""

RENAMED = {
    "ScheduleExpression": ("Schedule",),
    "EventPattern": ("Pattern",),
    "EventSourceArn": ("Queue", "Stream", "Broker", "Cluster"),
    "TopicArn": ("Topic",),
    "Name": ("RuleName",),
    "Code": ("InlineCode", "CodeUri", "ImageUri"),
    "Content": ("ContentUri",),
    "TracingConfig": ("Tracing",),
    "DeadLetterConfig": ("DeadLetterQueue",),
    "KeySchema": ("PrimaryKey",),
    "AttributeDefinitions": ("PrimaryKey",),
    "TemplateURL": ("Location",),
}
"""Generated properties that are taken from others of the user's."""

REPLACES = {
    "AWS::Lambda::Function": ("AWS::Serverless::Function",),
    "AWS::ApiGateway::RestApi": ("AWS::Serverless::Api",),
    "AWS::ApiGatewayV2::Api": ("AWS::Serverless::HttpApi", "AWS::Serverless::WebSocketApi"),
    "AWS::Lambda::LayerVersion": ("AWS::Serverless::LayerVersion",),
    "AWS::CloudFormation::Stack": ("AWS::Serverless::Application",),
    "AWS::DynamoDB::Table": ("AWS::Serverless::SimpleTable",),
    "AWS::StepFunctions::StateMachine": ("AWS::Serverless::StateMachine",),
    "AWS::Lambda::CapacityProvider": ("AWS::Serverless::CapacityProvider",),
    "AWS::AppSync::GraphQLApi": ("AWS::Serverless::GraphQLApi",),
}
"""What a generated resource may stand in the place of."""


class Refused(Exception):
    """A finding that ends the transform of one resource or event; whoever goes through those reports it."""

    def __init__(self, at: Position, message: str, code: str = "invalid-property", hint: str = "") -> None:
        super().__init__(message)
        self.at = at
        self.message = message
        self.code = code
        self.hint = hint


class Origin(NamedTuple):
    """Which resource of the stack file, and which of its events if one, a generated resource comes from."""

    resource: str
    event: str | None = None


@dataclass(slots=True)
class Source:
    """One resource as SAM reads it: `properties` after Globals, `at` where its logical id stands."""

    id: str
    type: str
    resource: Json
    properties: Json
    at: Position
    made: list[str] = field(default_factory=list)

    @property
    def condition(self) -> str | None:
        return self.resource.get("Condition")

    def get(self, name: str) -> Any:
        return self.properties.get(name)


class Work:
    """The state of one transform. `sources` are the template's resources, `output` what becomes of them."""

    def __init__(
        self, template: Json, positions: Positions, parameters: Mapping[str, Any], place: Place, report: Report
    ) -> None:
        self.template = template
        self.positions = positions
        self.report = report
        self.region = place.region
        self.partition = partition_of(place.region)
        self.values = self._values(parameters)
        self.sources: Json = dict(template.get("Resources") or {})
        self.output: Json = {}
        self.origins: dict[str, Origin] = {}
        conditions = template.get("Conditions")
        self.conditions: Json = dict(conditions) if isinstance(conditions, dict) else {}
        self.references: dict[tuple[str, str], str] = {}
        self.renamed: dict[str, str] = {}
        self.replaced: dict[str, list[str]] = {}
        self.assumed_code: set[str] = set()
        self.refused_events: set[tuple[str, str]] = set()
        self._causes: dict[str, Position] = {}
        self._owned: set[str] = set()

    def _values(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        # SAM knows the region and the partition; every other pseudo parameter stays a reference.
        values = {name: value for name, value in parameters.items() if not name.startswith("AWS::")}
        return {**values, "AWS::Region": self.region, "AWS::Partition": self.partition}

    def resolve(self, value: Any) -> Any:
        """A value with the parameters that are known put in."""
        return resolve(value, self.values)

    def awaited(self, value: Any) -> str | None:
        """The parameter that a value refers to, if that is declared and has no value yet: it gets one on deployment."""
        name = intrinsic_argument(value, "Ref")
        declared = self.template.get("Parameters")
        if isinstance(name, str) and isinstance(declared, dict) and name in declared and name not in self.values:
            return name
        return None

    # Positions

    def locate(self, container: Any, *path: Any) -> Position:
        """Where the value at the end of a path stands, or the last one on the way that exists."""
        at = self.positions.of(container)
        for key in path:
            found = _step(container, key)
            if found is None:
                return at
            at = self.positions.value(container, key)
            container = found[0]
        return at

    def key_at(self, container: Any, key: Any) -> Position:
        """Where a key stands."""
        return self.positions.key(container, key)

    def adopt(self, value: Value, at: Position) -> Value:
        """A made value stands at `at`, but for the parts of it that came from the file. Gives the value back."""
        stack: list[Any] = [value]
        while stack:
            item = stack.pop()
            if not isinstance(item, dict | list) or self.positions.known(item):
                continue
            self.positions.adopt(item, at)
            stack.extend(item.values() if isinstance(item, dict) else item)
        return value

    def copy(self, container: Value) -> Value:
        """A shallow copy to change, in the original's place."""
        copied: Value = self.positions.copy(container)
        return copied

    # Results

    def refuse(
        self, source: Source, message: str, *path: Any, code: str = "invalid-property", hint: str = ""
    ) -> Refused:
        """A finding about the property of a resource at the end of a path; about the resource without one."""
        at = self.locate(source.properties, *path) if path and path[0] in source.properties else source.at
        return Refused(at, message, code, hint)

    def refused(self, refusal: Refused) -> None:
        self.report.error(refusal.at, refusal.code, refusal.message, refusal.hint)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Reports what is refused within, and goes on after."""
        try:
            yield
        except Refused as refusal:
            self.refused(refusal)

    def emit(
        self,
        source: Source,
        logical_id: str,
        type_: str,
        properties: Json,
        *,
        event: str | None = None,
        at: Position | None = None,
        read: Json | None = None,
        attributes: Iterable[str] = INHERITED,
        extra: Mapping[str, Any] | None = None,
    ) -> Json:
        """Put a generated resource into the output; properties that are None are left out.

        `at` is what caused it, `read` the properties in the file that its own were taken from.
        """
        self._check_unique(source, logical_id, type_)
        resource: Json = {"Type": type_}
        resource.update({name: source.resource[name] for name in attributes if name in source.resource})
        resource.update(extra or {})
        made = {name: value for name, value in properties.items() if value is not None}
        resource["Properties"] = made
        self._place(made, source.properties if read is None else read)
        self.output[logical_id] = resource
        self.origins[logical_id] = Origin(source.id, event)
        self._causes[logical_id] = at or source.at
        source.made.append(logical_id)
        return resource

    def _place(self, made: Json, read: Json) -> None:
        """A property that was passed on stands where it was written, under whatever name."""
        for name in made:
            for written in (name, *RENAMED.get(name, ())):
                if written in read:
                    self.positions.place(
                        made, name, self.positions.value(read, written), self.positions.key(read, written)
                    )
                    break

    def _check_unique(self, source: Source, logical_id: str, type_: str) -> None:
        standing = self.sources.get(logical_id)
        if not isinstance(standing, dict) or standing.get("Type") in REPLACES.get(type_, ()):
            return
        message = (
            f"Transforming resource with id [{source.id}] attempts to create a new resource with id [{logical_id}] "
            f'and type "{type_}". A resource with that id already exists within this template. '
            "Please use a different id for that resource."
        )
        at = self.key_at(self.template["Resources"], logical_id)
        note = Note(source.at, f"'{source.id}' generates '{logical_id}'")
        self.report.error(at, "duplicate-logical-id", message, "give one of the two another logical id", note)

    def own(self, logical_id: str) -> Json:
        """A resource of the template that is none of SAM's, as a copy in the output that may be changed."""
        if logical_id not in self._owned:
            self._owned.add(logical_id)
            self.output[logical_id] = self.copy(self.output.get(logical_id, self.sources[logical_id]))
        resource: Json = self.output[logical_id]
        return resource

    def own_properties(self, logical_id: str) -> Json:
        """The properties of such a resource, to change."""
        properties: Json = self.own_child(self.own(logical_id), "Properties", {})
        return properties

    def own_child(self, container: Json, key: str, default: Any) -> Any:
        """The container under a key as a copy in its place that may be changed; `default` where there is none."""
        found = container.get(key)
        if found is None:
            container[key] = self.adopt(default, self.positions.of(container))
        elif not isinstance(found, type(default)):
            kind = "a map" if isinstance(default, dict) else "a list"
            raise Refused(self.positions.value(container, key), f"Property '{key}' should be {kind}.", "wrong-type")
        else:
            container[key] = self.copy(found)
        return container[key]

    def cause(self, logical_id: str) -> Position:
        """Where that stands in the file which a generated resource comes from."""
        return self._causes[logical_id]

    def settle(self) -> None:
        """Give every made container the place of what caused it."""
        for logical_id, at in self._causes.items():
            if logical_id in self.output:
                self.adopt(self.output[logical_id], at)


def _step(container: Any, key: Any) -> tuple[Any] | None:
    if isinstance(container, dict) and key in container:
        return (container[key],)
    if isinstance(container, list) and isinstance(key, int) and key < len(container):
        return (container[key],)
    return None
