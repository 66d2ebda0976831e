"""Entries of PutEvents: what they weigh, what is refused, what they become."""

from __future__ import annotations

import json

import pytest

from runner.core.put_events import Entry, Refusal, check, detail_of, envelope, is_event, size, timestamp
from runner.model.names import Place

DETAILS = [
    ('{"a": 1}', '{"a":1}'),
    ('{ "a" : [ 1 , 2.50 ] }', '{"a":[1,2.5]}'),
    ('{"a": 1, "a": 2}', '{"a":2}'),
    ('{"a": "\\u00e9"}', '{"a":"é"}'),
    ('{"a": 12345678901234567890}', '{"a":12345678901234567890}'),
    ('{"a": 0.12345678901234567890, "b": "x  y"}', '{"a":0.12345678901234567890,"b":"x  y"}'),
    ('{"a": 1e999}', '{"a":1e999}'),
    ("[1]", None),
    ('"text"', None),
    ("{", None),
    ('{"a": Infinity}', None),
    ('{"a":' * 100_000, None),
]


@pytest.mark.parametrize(("detail", "compacted"), DETAILS, ids=[row[0][:40] for row in DETAILS])
def test_a_detail_is_written_compact(detail: str, compacted: str | None) -> None:
    assert detail_of(detail) == compacted


def test_the_first_thing_wrong_is_told() -> None:
    assert check(Entry(None, None, None)) == Refusal(
        "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."
    )
    assert check(Entry("aws.s3", "t", "x")) == Refusal("MalformedDetail", "Detail is malformed.")
    assert check(Entry("awsome", "t", "{}")) == "{}"


def test_an_entry_weighs_its_texts_in_bytes() -> None:
    assert size(Entry("é", "ab", "{}", ("xyz",), 0.0, "bus", "trace")) == 2 + 2 + 2 + 3 + 14
    assert size(Entry()) == 0


def test_an_envelope_has_its_members_in_order() -> None:
    place = Place("111122223333", "eu-west-1")
    body = envelope(Entry("s", "t", "{}", ("r",), 1.9), '{"a":1}', event_id="e", now=5.0, place=place)
    assert body == (
        b'{"version":"0","id":"e","detail-type":"t","source":"s","account":"111122223333",'
        b'"time":"1970-01-01T00:00:01Z","region":"eu-west-1","resources":["r"],"detail":{"a":1}}'
    )
    assert is_event(body)
    assert json.loads(envelope(Entry("s", "t"), "{}", event_id="e", now=5.0, place=place))["time"] == timestamp(5.0)


@pytest.mark.parametrize("body", [b"{}", b"[]", b"text", b'{"id": 1, "detail-type": "t"}'])
def test_what_is_no_event(body: bytes) -> None:
    assert not is_event(body)
