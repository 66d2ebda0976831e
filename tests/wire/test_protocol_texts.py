"""Any text and bytes survive every protocol: botocore's serialiser to us, and us to botocore's parser."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import botocore.session
import pytest
from botocore.parsers import create_parser
from botocore.serialize import create_serializer
from hypothesis import given, settings
from hypothesis import strategies as st

from runner.model.errors import ApiError
from runner.wire.models import Models
from runner.wire.protocols.documents import decode, encode
from runner.wire.protocols.forms import fields, tree
from runner.wire.protocols.message import Request
from runner.wire.protocols.scalars import parse_timestamp, to_iso8601, to_rfc822
from runner.wire.protocols.table import PROTOCOLS
from tests.wire.test_protocol_round_trips import as_request, as_response

MODELS = Models()
SESSION = botocore.session.get_session()
XML_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff") | st.sampled_from("\t\n\r")
)
TEXT = st.text(st.characters(exclude_categories=["Cs"]))

CASES = {  # protocol -> service, operation
    "json": ("events", "PutEvents"),
    "query": ("sns", "PublishBatch"),
    "rest-json": ("lambda", "TagResource"),
    "smithy-rpc-v2-cbor": ("cloudwatch", "PutDashboard"),
}


def requested(protocol: str, text: str) -> dict[str, Any]:
    match protocol:
        case "json":
            return {"Entries": [{"Source": text, "Resources": [text, text]}]}
        case "query":
            entry = {
                "Id": text,
                "Message": text,
                "MessageAttributes": {text: {"DataType": "String", "StringValue": text}},
            }
            return {"TopicArn": text, "PublishBatchRequestEntries": [entry]}
        case "rest-json":
            return {"Resource": "arn:aws:lambda:::function:" + text.replace("/", "_"), "Tags": {text: text}}
        case _:
            return {"DashboardName": text, "DashboardBody": text}


def answered(protocol: str, text: str) -> tuple[str, str, dict[str, Any]]:
    match protocol:
        case "json":
            return "events", "PutEvents", {"Entries": [{"EventId": text}]}
        case "query":
            return "sns", "GetTopicAttributes", {"Attributes": {text: text}}
        case "rest-json":
            return "lambda", "ListTags", {"Tags": {text: text}}
        case _:
            return "cloudwatch", "GetDashboard", {"DashboardName": text, "DashboardBody": text}


@pytest.mark.parametrize("protocol", CASES)
@given(text=TEXT)
def test_text_of_a_request_arrives(protocol: str, text: str) -> None:
    service, name = CASES[protocol]
    members = requested(protocol, text)
    operation = SESSION.get_service_model(service).operation_model(name)
    serialised = create_serializer(protocol, include_validation=False).serialize_to_request(members, operation)
    model = MODELS.get(service)
    assert PROTOCOLS[protocol](model).codec(model.operation(name)).parse(as_request(serialised)) == members


@pytest.mark.parametrize("protocol", CASES)
@given(text=XML_TEXT)
def test_text_of_an_answer_arrives(protocol: str, text: str) -> None:
    service, name, members = answered(protocol, text)
    model = MODELS.get(service)
    answer = PROTOCOLS[protocol](model).codec(model.operation(name)).serialise(members, "id")
    shape = SESSION.get_service_model(service).operation_model(name).output_shape
    parsed = create_parser(protocol).parse(as_response(answer), shape)
    parsed.pop("ResponseMetadata")
    assert parsed == members


def status_of(call: Callable[[], object]) -> int:
    """0 if it is fine; anything but an ApiError is not."""
    try:
        call()
    except ApiError as error:
        return error.status
    return 0


@pytest.mark.parametrize("protocol", CASES)
@given(body=st.binary(max_size=200), query=st.text(max_size=30))
@settings(max_examples=50)
def test_no_body_makes_a_parser_fall_over(protocol: str, body: bytes, query: str) -> None:
    service, name = CASES[protocol]
    model = MODELS.get(service)
    codec = PROTOCOLS[protocol](model).codec(model.operation(name))
    assert status_of(lambda: codec.parse(Request("POST", "/2017-03-31/tags/x", query, {}, body))) in (0, 400, 404)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False, allow_infinity=False),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(("Entries", "Source", "Time")), inner),
)


@given(document=JSON)
def test_no_document_makes_the_json_parser_fall_over(document: Any) -> None:
    model = MODELS.get("events")
    codec = PROTOCOLS["json"](model).codec(model.operation("PutEvents"))
    assert status_of(lambda: codec.parse(Request("POST", "/", "", {}, json.dumps(document).encode()))) in (0, 400)


@given(document=JSON)
def test_documents_are_encoded_as_they_are(document: Any) -> None:
    assert decode(encode(document)) == document


@pytest.mark.parametrize("body", [b"NaN", b'{"a": Infinity}', b"{} {}", b"", b"\xef\xbb\xbf{}", b"{'a': 1}"])
def test_what_is_no_json_is_refused(body: bytes) -> None:
    with pytest.raises(ApiError):
        decode(body)


def test_lone_surrogates_stay_escaped() -> None:
    assert encode({"a": "\ud800"}) == b'{"a":"\\ud800"}'


@given(st.dictionaries(st.text("ab.1", max_size=8), st.text(max_size=5)))
def test_no_field_names_make_the_tree_fall_over(flat: dict[str, str]) -> None:
    assert isinstance(tree(flat), dict)


def test_fields_of_a_form() -> None:
    assert fields("a=1&b=&c&a=2&d=x%3Dy+z&&%C3%A4=%ff") == {"a": "2", "b": "", "c": "", "d": "x=y z", "ä": "\ufffd"}


@pytest.mark.parametrize(
    ("given", "seconds"),
    [
        (1.5, 1.5),
        (1700000000, 1700000000),
        ("1700000000", 1700000000),
        ("2023-11-14T22:13:20Z", 1700000000),
        ("2023-11-14T22:13:20.250Z", 1700000000.25),
        ("2023-11-14T23:13:20+01:00", 1700000000),
        ("Tue, 14 Nov 2023 22:13:20 GMT", 1700000000),
    ],
)
def test_timestamps_are_read_in_every_form(given: object, seconds: float) -> None:
    assert parse_timestamp(given) == seconds


@pytest.mark.parametrize("given", ["yesterday", True, [], "9" * 400, "NaN", float("inf")])
def test_what_is_no_timestamp_is_refused(given: object) -> None:
    with pytest.raises(ApiError):
        parse_timestamp(given)


def test_timestamps_are_written() -> None:
    assert to_iso8601(1700000000) == "2023-11-14T22:13:20Z"
    assert to_iso8601(1700000000.25) == "2023-11-14T22:13:20.250Z"
    assert to_rfc822(1700000000.9) == "Tue, 14 Nov 2023 22:13:20 GMT"
