"""Botocore's own serialisers and parsers on the other side, for every operation of every service."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import botocore.session
import pytest
from botocore.awsrequest import HeadersDict, prepare_request_dict
from botocore.model import OperationModel as BotocoreOperation
from botocore.parsers import create_parser
from botocore.serialize import create_serializer

from runner.wire.models import Models, Shape
from runner.wire.protocols.message import Answer, Request
from runner.wire.protocols.table import PROTOCOLS
from runner.wire.routing import Router, Scope, Target
from tests.wire.generated import Generator, inside

SERVICES = (
    *("lambda", "events", "sqs", "sns", "sts", "logs", "iam", "scheduler", "kinesis", "cloudwatch", "dynamodb"),
    *("dynamodbstreams", "pipes", "ssm", "secretsmanager", "stepfunctions"),
)
SCOPES = {"cloudwatch": "monitoring", "stepfunctions": "states", "dynamodbstreams": "dynamodb"}
pytestmark = pytest.mark.slow


def cases() -> list[tuple[str, str]]:
    models = Models()
    return [(service, protocol) for service in SERVICES for protocol in models.get(service).protocols]


def as_request(serialised: dict[str, Any], extra_headers: dict[str, str] | None = None) -> Request:
    """What botocore would put on the wire."""
    prepare_request_dict(serialised, "http://127.0.0.1:4566")
    path, _, query = serialised["url"].removeprefix("http://127.0.0.1:4566").partition("?")
    body = serialised["body"]
    if isinstance(body, dict):
        body = urlencode(body, doseq=True).encode()
    headers = {name.lower(): str(value) for name, value in serialised["headers"].items()}
    return Request(serialised["method"], path, query, headers, body.encode() if isinstance(body, str) else bytes(body))


def as_response(answer: Answer) -> dict[str, Any]:
    headers = HeadersDict(answer.headers)
    return {"status_code": answer.status, "headers": headers, "body": answer.body}


def without_empty(value: Any) -> Any:
    """A form has no field for a structure without members."""
    if isinstance(value, dict):
        made = {key: without_empty(item) for key, item in value.items()}
        return {key: item for key, item in made.items() if item not in ({}, [])}
    if isinstance(value, list):
        return [item for item in map(without_empty, value) if item != {}]
    return value


def fixed(shape: Shape) -> dict[str, Any]:
    """What cannot be just anything: the status, and a raw body, which botocore hands on as text here."""
    found: dict[str, Any] = {n: 200 for n, member in shape.members.items() if member.location == "statusCode"}
    if shape.payload is not None and shape.members[shape.payload].type in ("blob", "string"):
        found[shape.payload] = "the whole body"
    return found


@pytest.mark.parametrize(("service", "protocol"), cases())
def test_a_request_that_botocore_serialised_is_read_as_it_was_meant(service: str, protocol: str) -> None:
    models = Models()
    model = models.get(service)
    router, scope = Router(models), Scope("AK", "us-east-1", SCOPES.get(service, service))
    described = botocore.session.get_session().get_service_model(service)
    compiled = PROTOCOLS[protocol](model)
    serialiser = create_serializer(protocol, include_validation=False)
    for name in model.raw_operations:
        operation: BotocoreOperation = described.operation_model(name)
        shape = model.operation(name).input
        codec = compiled.codec(model.operation(name))
        for everything in (True, False):
            members = Generator(f"{service}.{name}", everything=everything).value(shape) if shape is not None else {}
            request = as_request(serialiser.serialize_to_request(members, operation))
            assert router.find(request, scope) == Target(service, name, protocol)
            if protocol == "query":
                members = without_empty(members)
            if request.body == b"{}" and shape is not None and shape.payload is not None:
                members[shape.payload] = {}  # botocore sends the same for none
            assert codec.parse(request) == inside(members), f"{name} is read otherwise"


@pytest.mark.parametrize(("service", "protocol"), cases())
def test_an_answer_is_read_by_botocore_as_it_was_given(service: str, protocol: str) -> None:
    model = Models().get(service)
    described = botocore.session.get_session().get_service_model(service)
    compiled = PROTOCOLS[protocol](model)
    parser = create_parser(protocol)
    for name in model.raw_operations:
        codec, shape = compiled.codec(model.operation(name)), model.operation(name).output
        for everything in (True, False):
            members = Generator(f"{service}.{name}", everything=everything).value(shape) if shape is not None else {}
            if shape is not None:
                if any(member.is_event_stream for member in shape.members.values()):
                    continue
                members |= fixed(shape)
            answer = codec.serialise(inside(members), "the-id")
            parsed = parser.parse(as_response(answer), described.operation_model(name).output_shape)
            assert parsed.pop("ResponseMetadata").get("RequestId", "the-id") == "the-id"
            assert inside(parsed) == inside(members), f"{name} is read otherwise"
