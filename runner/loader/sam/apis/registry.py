"""The APIs of a template, explicit and implicit, and a first pass over all events that feed them.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification-generated-resources-function.html
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runner.loader.sam.apis.deployment_hash import Table, Written, table_order
from runner.loader.sam.apis.document import Document, method_key, openapi_skeleton, swagger_skeleton
from runner.loader.sam.apis.openapi3 import start_openapi3
from runner.loader.sam.globals import PREFIX, with_globals
from runner.loader.sam.values import Json, is_intrinsic, suffix_of
from runner.loader.sam.work import Refused, Source, Work
from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Position

OR_LIMIT = 10
KEPT = ("DeletionPolicy", "UpdateReplacePolicy")
RETAIN_ORDER = ("Retain", "Snapshot", "Delete")


class Kind(NamedTuple):
    """What tells REST from HTTP APIs in a template."""

    type: str
    event: str
    implicit_id: str
    id_property: str
    properties: Json
    plain_type: str  # CloudFormation's own
    quote: str  # around names in the error of a route that is there twice


REST = Kind(
    "AWS::Serverless::Api",
    "Api",
    "ServerlessRestApi",
    "RestApiId",
    {"StageName": "Prod"},
    "AWS::ApiGateway::RestApi",
    '"',
)
HTTP = Kind("AWS::Serverless::HttpApi", "HttpApi", "ServerlessHttpApi", "ApiId", {}, "AWS::ApiGatewayV2::Api", "'")
WEB_SOCKET = Kind("AWS::Serverless::WebSocketApi", "", "", "", {}, "AWS::ApiGatewayV2::Api", "'")


@dataclass(slots=True)
class Api:
    """One API of the template; `document` is None where its body is in a file or in S3."""

    kind: Kind
    source: Source
    document: Document | None
    managed: bool
    conditions: dict[str, list[str | None]] = field(default_factory=dict)
    redeploy_names: list[str] = field(default_factory=list)
    feeders: list[Source] = field(default_factory=list)

    @property
    def id(self) -> str:
        return self.source.id

    def get(self, name: str) -> Any:
        return self.source.properties.get(name)

    @property
    def stage_suffix(self) -> str:
        """What stands for the stage in logical ids that tell events of several stages apart."""
        stage = self.get("StageName")
        return stage if isinstance(stage, str) else "Stage"

    @property
    def stage_id(self) -> str:
        stage = self.get("StageName")
        if self.kind is HTTP and stage in (None, "$default"):
            return f"{self.id}ApiGatewayDefaultStage"
        if self.kind is WEB_SOCKET and stage in (None, "default"):
            return f"{self.id}DefaultStage"
        if isinstance(stage, str) and stage.isalnum():
            return f"{self.id}{stage}Stage"
        return f"{self.id}Stage{suffix_of(stage) if isinstance(stage, str) else ''}"


class Route(NamedTuple):
    """An event that feeds an API, as the first pass found it."""

    api: Api
    path: str
    method: str


class Apis:
    """All APIs by logical id. `routes` are the good events by function and event key."""

    def __init__(self, work: Work, sections: dict[str, Json]) -> None:
        self._work = work
        self._sections = sections
        self.apis: dict[tuple[str, str], Api] = {}
        self.routes: dict[tuple[str, str], Route] = {}
        self.implicit: dict[str, Api] = {}
        self.replaced: set[str] = set()
        self._seen: set[tuple[str, str, str]] = set()

    def of(self, kind: Kind) -> list[Api]:
        """The APIs of a kind that there are, implicit ones included."""
        return [api for api in self.apis.values() if api.kind is kind]

    def collect(self, sources: list[Source]) -> None:
        """Read all APIs, then put the path and method of every event into the API that it feeds."""
        for source in sources:
            kind = {REST.type: REST, HTTP.type: HTTP}.get(source.type)
            if kind is not None:
                source.properties = deep_copy(self._work, source.properties, marked=kind is REST)
                self.apis[kind.event, source.id] = self._read(kind, source)
        for source in sources:
            for key, entry in _events(source):
                kind = {REST.event: REST, HTTP.event: HTTP}.get(entry.get("Type", ""))
                if kind is not None:
                    self._try_route(kind, source, key, entry)
        self._write_routes(sources)
        for api in self.apis.values():
            self._condition_paths(api)
            if api.kind is REST and api.managed and api.document is not None:
                start_openapi3(api.document, self._version(api))
        for kind in (REST, HTTP):
            self._finish_implicit(kind)

    def _read(self, kind: Kind, source: Source) -> Api:
        body = source.get("DefinitionBody")
        if isinstance(body, dict) and not is_intrinsic(body):
            return Api(kind, source, Document(body), False)
        if body is not None or source.get("DefinitionUri") is not None:
            return Api(kind, source, None, False)
        skeleton = swagger_skeleton() if kind is REST else openapi_skeleton()
        return Api(kind, source, Document(skeleton), True)

    def _try_route(self, kind: Kind, source: Source, key: str, entry: Json) -> None:
        try:
            self._add_route(kind, source, key, entry)
        except Refused as refusal:
            self._work.refused(refusal)
            self._work.refused_events.add((source.id, key))

    def _version(self, api: Api) -> Any:
        """The version of OpenAPI to write; a number of YAML's is taken for the text it was."""
        version = api.get("OpenApiVersion")
        if isinstance(version, float):
            version = api.source.properties["OpenApiVersion"] = str(version)
        return version

    def _add_route(self, kind: Kind, source: Source, key: str, entry: Json) -> None:
        properties = entry.get("Properties")
        at = self._work.key_at(source.get("Events"), key)
        if properties is None:
            properties = {}
        if not isinstance(properties, dict):
            raise Refused(self._work.positions.value(entry, "Properties"), "Properties should be a map.", "wrong-type")
        path, method = self._path_and_method(kind, properties, at)
        api = self._api(kind, properties, at, source)
        if api.document is not None and api.managed:
            route = (api.id, path, str(method_key(method)))
            if route in self._seen:
                quote = kind.quote
                message = f"API method {quote}{method}{quote} defined multiple times for path {quote}{path}{quote}."
                raise Refused(self._work.locate(properties, "Path"), message, "duplicate-route")
            self._seen.add(route)
        api.conditions.setdefault(path, []).append(source.condition)
        self.routes[source.id, key] = Route(api, path, method)

    def _write_routes(self, sources: list[Source]) -> None:
        """Put the routes into the documents, in the order in which AWS meets them, on which the order there depends."""
        by_id = {source.id: source for source in sources}
        for logical_id in self.order():
            source = by_id.get(logical_id)
            events = source.get("Events") if source is not None else None
            for key in _picked(events) if isinstance(events, dict) else ():
                route = self.routes.get((logical_id, key))
                document = route.api.document if route is not None else None
                if route is None or document is None:
                    continue
                if route.api.managed:
                    with document.editing(route.path):
                        document.add(route.path, route.method)
                elif route.api.kind is HTTP:
                    document.add(route.path, route.method)

    def order(self) -> list[str]:
        """All resources in the order in which AWS goes through them."""
        table = Table(self._work.sources)
        if REST.implicit_id not in self._work.sources:
            table.insert(REST.implicit_id)
        return table.order()

    def _path_and_method(self, kind: Kind, properties: Json, at: Position) -> tuple[str, str]:
        path, method = properties.get("Path"), properties.get("Method")
        if kind is HTTP and path is None and method is None:
            return "$default", "x-amazon-apigateway-any-method"
        for name, value in (("Path", path), ("Method", method)):
            if not value:
                message = f"Property '{name}' is required."
                where = self._work.locate(properties, name) if name in properties else at
                raise Refused(where, message, "missing-property", f"add {name}")
            if not isinstance(value, str):
                message = f"Property '{name}' should be a string."
                raise Refused(self._work.locate(properties, name), message, "wrong-type")
        return Written(path), Written(str(method).lower())

    def _api(self, kind: Kind, properties: Json, at: Position, source: Source) -> Api:
        given = properties.get(kind.id_property)
        if given is None:
            return self._implicit(kind, at, source)
        name = given.get("Ref") if isinstance(given, dict) and len(given) == 1 else given
        where = self._work.locate(properties, kind.id_property)
        if not isinstance(name, str):
            if kind is REST and is_intrinsic(given):
                raise Refused(where, f"Property '{kind.id_property}' should be a string.", "wrong-type")
            name = ""
        if name == kind.implicit_id and (kind.event, name) not in self.apis:
            return self._implicit(kind, at, source)
        api = self.apis.get((kind.event, name)) or self._plain(kind, name, where)
        if api is None:
            message = f"{kind.id_property} must be a valid reference to an '{kind.type}' resource in same template."
            known = [logical_id for event, logical_id in self.apis if event == kind.event]
            raise Refused(where, message, "invalid-reference", did_you_mean(name, known))
        return api

    def _plain(self, kind: Kind, name: str, at: Position) -> Api | None:
        """An API of the template that is CloudFormation's own: its events need a permission and nothing else."""
        resource = self._work.sources.get(name)
        if not isinstance(resource, dict) or resource.get("Type") != kind.plain_type:
            return None
        return Api(kind, Source(name, kind.plain_type, resource, {}, at), None, False)

    def _implicit(self, kind: Kind, at: Position, source: Source) -> Api:
        api = self.implicit.get(kind.event)
        if api is None:
            resource = {"Type": kind.type, "Properties": dict(kind.properties)}
            self._work.adopt(resource, at)
            properties = with_globals(self._work, self._sections, kind.implicit_id, resource)
            properties = {**deep_copy(self._work, properties, marked=kind is REST), **kind.properties}
            made = Source(kind.implicit_id, kind.type, resource, properties, at)
            skeleton = swagger_skeleton() if kind is REST else openapi_skeleton()
            api = Api(kind, made, Document(skeleton), True)
            self.implicit[kind.event] = api
            self.replaced.add(kind.implicit_id)
            self.apis[kind.event, kind.implicit_id] = api
        self._pass_on(api, source)
        return api

    def _pass_on(self, api: Api, source: Source) -> None:
        """What a function with an event hands on to the implicit API."""
        properties = api.source.properties
        api.feeders.append(source)
        # Of the function's own tags and those of Globals, here one stands alone.
        shared = self._sections.get(source.type.removeprefix(PREFIX), {})
        own = source.resource.get("Properties")
        tags = (own.get("Tags") if isinstance(own, dict) else None) or shared.get("Tags")
        if source.get("PropagateTags") and isinstance(tags, dict):
            standing = properties.get("Tags")
            properties["Tags"] = {**(standing if isinstance(standing, dict) else {}), **tags}
            properties["PropagateTags"] = True

    def _condition_paths(self, api: Api) -> None:
        """A path whose methods all come from conditional functions is there under their conditions."""
        if api.document is None or not api.managed:
            return
        for path, conditions in api.conditions.items():
            distinct = sorted({name for name in conditions if name})
            if None in conditions or not distinct:
                continue
            name: str = Written(distinct[0])
            if len(distinct) > 1:
                spelt = path.replace("/", "SLASH").replace("{", "OB").replace("}", "CB")
                name = self._either(f"{api.id}{spelt}PathCondition", distinct, api.source.at)
            with api.document.editing(path):
                api.document.make_conditional(path, name)

    def _finish_implicit(self, kind: Kind) -> None:
        """Condition and policies of the implicit API."""
        api = self.implicit.get(kind.event)
        if api is None:
            return
        resource = api.source.resource
        for attribute in KEPT:
            given = [feeder.resource.get(attribute) for feeder in api.feeders]
            found = next((policy for policy in RETAIN_ORDER if policy in given), None)
            if found is not None:
                resource[attribute] = found
        conditions = [name for names in api.conditions.values() for name in names]
        distinct = sorted({name for name in conditions if name})
        if None in conditions or not distinct:
            return
        name = distinct[0]
        if len(distinct) > 1:
            name = self._either(f"{kind.implicit_id}Condition", distinct, api.source.at)
        resource["Condition"] = name

    def _either(self, name: str, conditions: list[str], at: Position) -> str:
        """A condition that holds if one of several does; `Fn::Or` takes ten at most, so there may be a tree of them."""
        parts = conditions
        groups = [parts[start : start + OR_LIMIT] for start in range(0, len(parts), OR_LIMIT)]
        number = len(groups)
        while len(groups) > 1:
            names = []
            for group in groups:
                names.append(f"{name}{number}")
                self._add_condition(names[-1], group, at)
                number -= 1
            groups = [names[start : start + OR_LIMIT] for start in range(0, len(names), OR_LIMIT)]
        self._add_condition(name, groups[0], at)
        return name

    def _add_condition(self, name: str, parts: list[str], at: Position) -> None:
        body: Json = {"Fn::Or": [{"Condition": part} for part in parts]}
        if len(parts) == 1:
            body = {"Condition": parts[0]}
        self._work.conditions[name] = self._work.adopt(body, at)


def _picked(events: Json) -> list[str]:
    """The events of APIs in their order: AWS picks those of a kind out of all events first."""
    return [key for kind in (REST, HTTP) for key in Table(_of_kind(events, kind)).order()]


def _of_kind(events: Json, kind: Kind) -> list[str]:
    ordered = ((key, events[key]) for key in table_order(events))
    return [key for key, entry in ordered if isinstance(entry, dict) and entry.get("Type") == kind.event]


def _events(source: Source) -> Iterator[tuple[str, Json]]:
    events = source.get("Events")
    for key, entry in events.items() if isinstance(events, dict) else ():
        if isinstance(entry, dict) and entry.get("Type") in (REST.event, HTTP.event):
            yield key, entry


def deep_copy(work: Work, value: Any, *, marked: bool = False) -> Any:
    """A copy to edit, every part of it in its place in the file; `marked` as the file's text where that is hashed."""
    if isinstance(value, str):
        return Written(value) if marked else value
    if isinstance(value, dict):
        copied = work.copy(value)
        copied.clear()
        for key, item in value.items():
            copied[deep_copy(work, key, marked=marked)] = deep_copy(work, item, marked=marked)
        return copied
    if isinstance(value, list):
        listed = work.copy(value)
        listed[:] = [deep_copy(work, item, marked=marked) for item in value]
        return listed
    return value
