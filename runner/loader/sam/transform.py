"""The whole transform, in SAM's order: Globals, functions, everything else, references.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-specification.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NamedTuple

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.sam.apis.deployment_hash import unmark
from runner.loader.sam.apis.executions import add_rest_execution
from runner.loader.sam.apis.http import HttpApi
from runner.loader.sam.apis.http_events import add_http_event
from runner.loader.sam.apis.registry import HTTP as HTTP_API
from runner.loader.sam.apis.registry import REST as REST_API
from runner.loader.sam.apis.registry import Apis
from runner.loader.sam.apis.rest import RestApi
from runner.loader.sam.apis.rest_domain import DomainRecords
from runner.loader.sam.apis.rest_events import add_rest_event
from runner.loader.sam.apis.usage_plans import UsagePlans
from runner.loader.sam.apis.websocket import WebSocketApi
from runner.loader.sam.applications import transform_application
from runner.loader.sam.capacity import transform_capacity_provider
from runner.loader.sam.checks import check_parts, check_properties
from runner.loader.sam.connectors import embedded_connectors, transform_connector
from runner.loader.sam.deployments import Deployments
from runner.loader.sam.events.sources import EXECUTION_HANDLERS, FUNCTION_HANDLERS, Handlers
from runner.loader.sam.functions import transform_function
from runner.loader.sam.globals import read_globals, with_globals
from runner.loader.sam.layers import transform_layer
from runner.loader.sam.parts import PARTS
from runner.loader.sam.references import Rewriter
from runner.loader.sam.shapes import SHAPES
from runner.loader.sam.state_machines import transform_state_machine
from runner.loader.sam.tables import transform_table
from runner.loader.sam.values import Json
from runner.loader.sam.work import Origin, Refused, Source, Work
from runner.model.diagnostic import Position
from runner.model.names import Place

FUNCTION = "AWS::Serverless::Function"
STATE_MACHINE = "AWS::Serverless::StateMachine"
WEB_SOCKET_API = "AWS::Serverless::WebSocketApi"
API_TYPES = ("AWS::Serverless::Api", "AWS::Serverless::HttpApi", WEB_SOCKET_API)
CONNECTOR = "AWS::Serverless::Connector"
REST: dict[str, Callable[[Work, Source], None]] = {
    "AWS::Serverless::LayerVersion": transform_layer,
    "AWS::Serverless::SimpleTable": transform_table,
    "AWS::Serverless::Application": transform_application,
    "AWS::Serverless::CapacityProvider": transform_capacity_provider,
    CONNECTOR: transform_connector,
}
DROPPED = ("Transform", "Globals")


class Expansion(NamedTuple):
    """A template without SAM. `origins` holds the generated resources; `assumed_code` functions without a CodeUri."""

    template: Json
    origins: Mapping[str, Origin]
    assumed_code: frozenset[str]


def expand(
    template: Json, *, positions: Positions, parameters: Mapping[str, Any], place: Place, report: Report
) -> Expansion:
    """What a SAM template means in CloudFormation's own types. The input is left as it is; errors go to `report`."""
    if not isinstance(template.get("Resources"), dict):
        return Expansion(template, {}, frozenset())
    work = Work(template, positions, parameters, place, report)
    sections = read_globals(work)
    sources = _read_sources(work, sections)
    apis = Apis(work, sections)
    apis.collect(sources)
    deployments = Deployments(work)
    handlers: Handlers = {
        **FUNCTION_HANDLERS,
        "Api": partial(add_rest_event, apis),
        "HttpApi": partial(add_http_event, apis),
    }
    for source in sources:
        if source.type == FUNCTION:
            transform_function(work, source, deployments, handlers)
    starters: Handlers = {**EXECUTION_HANDLERS, "Api": partial(add_rest_execution, apis)}
    for source in sources:
        if source.type == STATE_MACHINE:
            transform_state_machine(work, source, starters)
    transform_apis(work, apis, sources)
    for source in sorted(sources, key=_order):
        if source.type in REST:
            with work.collecting():
                REST[source.type](work, source)
    deployments.finish()
    for api in apis.apis.values():
        for made in api.source.made:
            unmark(work.output[made])
    work.replaced = {source.id: source.made for source in sources if source.type == CONNECTOR and source.made}
    work.settle()
    return Expansion(_result(work), work.origins, frozenset(work.assumed_code))


def _order(source: Source) -> bool:
    return source.type == CONNECTOR


def transform_apis(work: Work, apis: Apis, sources: list[Source]) -> None:
    """Emit all APIs, and what several of them share."""
    plans, records = UsagePlans(work), DomainRecords(work)
    for api in apis.of(REST_API):
        with work.collecting():
            RestApi(work, api, plans, records).transform()
    plans.finish()
    for api in apis.of(HTTP_API):
        with work.collecting():
            HttpApi(work, api, records).transform()
    for source in sources:
        if source.type == WEB_SOCKET_API:
            WebSocketApi(work, source, DomainRecords(work, shared=False)).transform()


def _read_sources(work: Work, sections: dict[str, Json]) -> list[Source]:
    """SAM's resources with their properties; all others go to the output as they are."""
    sources = []
    embedded: list[tuple[str, Json]] = []
    for logical_id, resource in work.sources.items():
        with work.collecting():
            embedded.extend(embedded_connectors(work, logical_id, resource))
        if _is_sam(resource):
            at = work.key_at(work.template["Resources"], logical_id)
            with work.collecting():
                sources.append(_read_source(work, sections, logical_id, resource, at))
        else:
            work.output[logical_id] = _without_connectors(work, resource)
    for logical_id, resource in embedded:
        with work.collecting():
            at = work.positions.of(resource)
            sources.append(_read_source(work, sections, logical_id, resource, at))
    return sources


def _is_sam(resource: Any) -> bool:
    type_ = resource.get("Type") if isinstance(resource, dict) else None
    return isinstance(type_, str) and (type_ in (FUNCTION, STATE_MACHINE) or type_ in API_TYPES or type_ in REST)


def _without_connectors(work: Work, resource: Any) -> Any:
    if not isinstance(resource, dict) or "Connectors" not in resource:
        return resource
    kept = work.copy(resource)
    del kept["Connectors"]
    return kept


def _read_source(work: Work, sections: dict[str, Json], logical_id: str, resource: Json, at: Position) -> Source:
    own = resource.get("Properties")
    if "Properties" in resource and not isinstance(own, dict):
        where = work.positions.value(resource, "Properties")
        raise Refused(where, "Attribute 'Properties' should be a map.", "wrong-type")
    if not logical_id.isalnum():
        raise Refused(at, "Logical ids must be alphanumeric.", "invalid-logical-id", "use letters and digits only")
    condition = resource.get("Condition")
    if condition is not None and not isinstance(condition, str):
        where = work.positions.value(resource, "Condition")
        raise Refused(where, "Every Condition member must be a string.", "wrong-type")
    properties = with_globals(work, sections, logical_id, resource)
    type_ = resource["Type"]
    good = check_properties(work, SHAPES[type_], type_, properties, at)
    good = check_parts(work, PARTS.get(type_, {}), type_, good)
    return Source(logical_id, type_, resource, good, at)


def _result(work: Work) -> Json:
    result: Json = work.copy(work.template)
    for name in DROPPED:
        result.pop(name, None)
    rewriter = Rewriter(work)
    if rewriter.needed:
        for name in list(result):
            if name != "Resources":
                result[name] = rewriter.rewrite(result[name])
        work.output = {name: rewriter.resource(resource) for name, resource in work.output.items()}
    resources = work.copy(work.template["Resources"])
    resources.clear()
    for logical_id, resource in work.output.items():
        resources[logical_id] = resource
        if logical_id in work.origins:
            at = work.cause(logical_id)
            work.positions.place(resources, logical_id, work.positions.of(resource), at)
    result["Resources"] = resources
    if work.conditions:
        conditions = result.get("Conditions")
        conditions = conditions if isinstance(conditions, dict) else None
        made = {name: body for name, body in work.conditions.items() if not conditions or name not in conditions}
        if made:
            result["Conditions"] = (
                work.copy(conditions)
                if isinstance(conditions, dict)
                else work.adopt({}, work.positions.of(work.template))
            )
            result["Conditions"].update(made)
    return result


def transform(
    template: Json, *, positions: Positions, parameters: Mapping[str, Any], place: Place, report: Report
) -> Json:
    """The template of `expand` alone."""
    return expand(template, positions=positions, parameters=parameters, place=place, report=report).template
