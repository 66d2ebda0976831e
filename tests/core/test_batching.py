"""Batches of SQS messages: records, sizes, partial answers, scaling."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core import batching
from runner.core.batching import Scale, SqsMessage, backed_off, busier, failed_items, initial_scale, split, sqs_record

ARN = "arn:aws:sqs:us-east-1:000000000000:q"


def message(**changes: object) -> SqsMessage:
    values: dict[str, object] = {
        "id": "m-1",
        "receipt": "AQEB",
        "body": "text",
        "md5_of_body": "1cb251ec0d568de6a929b520c4aed8d1",
        "attributes": {"ApproximateReceiveCount": "1"},
        "message_attributes": {},
    }
    return SqsMessage(**(values | changes))  # type: ignore[arg-type]


def test_a_record_has_aws_keys_in_aws_order() -> None:
    plain = sqs_record(message(), ARN, "us-east-1")
    assert plain == {
        "messageId": "m-1",
        "receiptHandle": "AQEB",
        "body": "text",
        "attributes": {"ApproximateReceiveCount": "1"},
        "messageAttributes": {},
        "md5OfBody": "1cb251ec0d568de6a929b520c4aed8d1",
        "eventSource": "aws:sqs",
        "eventSourceARN": ARN,
        "awsRegion": "us-east-1",
    }
    full = sqs_record(message(md5_of_message_attributes="d25a"), ARN, "us-east-1")
    assert list(full) == [
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfMessageAttributes",
        "md5OfBody", "eventSource", "eventSourceARN", "awsRegion",
    ]  # fmt: skip


def test_a_mapping_with_a_window_shows_the_missing_digest() -> None:
    assert sqs_record(message(), ARN, "us-east-1", window=True)["md5OfMessageAttributes"] is None


def test_attributes_of_each_kind() -> None:
    given_attributes = {"n": ("Number", "6"), "s": ("String.custom", "x"), "b": ("Binary", "AAE=")}
    shown = sqs_record(message(message_attributes=given_attributes), ARN, "us-east-1")["messageAttributes"]
    empty: dict[str, object] = {"stringListValues": [], "binaryListValues": []}
    assert shown == {
        "n": {"stringValue": "6", **empty, "dataType": "Number"},
        "s": {"stringValue": "x", **empty, "dataType": "String.custom"},
        "b": {"binaryValue": "AAE=", **empty, "dataType": "Binary"},
    }
    assert list(shown["n"]) == ["stringValue", "stringListValues", "binaryListValues", "dataType"]


SENT = frozenset({"m-1", "m-2", "m-3"})
ALL = SENT
NONE: frozenset[str] = frozenset()
TWICE = '{"batchItemFailures": [{"itemIdentifier": "m-2"}, {"itemIdentifier": "m-2"}]}'
STRANGER = '{"batchItemFailures": [{"itemIdentifier": "m-1"}, {"itemIdentifier": "x"}]}'
# fmt: off
ANSWERS = [
    # sentence                                failed   answer
    ("an empty list is success",                NONE,    '{"batchItemFailures": []}'),
    ("a null list is success",                  NONE,    '{"batchItemFailures": null}'),
    ("an empty object is success",              NONE,    "{}"),
    ("another object is success",               NONE,    '{"statusCode": 200}'),
    ("null is success",                         NONE,    "null"),
    ("nothing is success",                      NONE,    ""),
    ("an empty string is success",              NONE,    '""'),
    ("the listed ones failed",                  {"m-2"}, '{"batchItemFailures": [{"itemIdentifier": "m-2"}]}'),
    ("one listed twice failed once",            {"m-2"}, TWICE),
    ("what is not JSON fails all",              ALL,     "oops"),
    ("a string fails all",                      ALL,     '"done"'),
    ("a list fails all",                        ALL,     "[]"),
    ("a list in place of objects fails all",    ALL,     '{"batchItemFailures": ["m-1"]}'),
    ("a string in place of the list fails all", ALL,     '{"batchItemFailures": "m-1"}'),
    ("a null identifier fails all",             ALL,     '{"batchItemFailures": [{"itemIdentifier": null}]}'),
    ("an empty identifier fails all",           ALL,     '{"batchItemFailures": [{"itemIdentifier": ""}]}'),
    ("another key fails all",                   ALL,     '{"batchItemFailures": [{"foo": "notvalid"}]}'),
    ("an id that was not sent fails all",       ALL,     STRANGER),
    ("a number fails all",                      ALL,     '{"batchItemFailures": [{"itemIdentifier": 1}]}'),
]
# fmt: on


@pytest.mark.parametrize(("failed", "answer"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_partial_answers(answer: str, failed: frozenset[str]) -> None:
    assert failed_items(answer.encode(), SENT) == failed


@given(st.lists(st.integers(1, 60), max_size=30), st.integers(20, 100))
def test_batches_stay_within_the_limit_and_lose_nothing(sizes: list[int], limit: int) -> None:
    runs = split(sizes, limit=limit)
    assert [index for run in runs for index in run] == list(range(len(sizes)))
    for run in runs:
        event = batching.event([b"x" * sizes[index] for index in run])
        assert len(event) <= limit or len(run) == 1


@given(st.lists(st.integers(1, 60), min_size=1, max_size=30), st.integers(20, 100))
def test_batches_are_as_large_as_they_can_be(sizes: list[int], limit: int) -> None:
    runs = split(sizes, limit=limit)
    for run, following in pairwise(runs):
        one_more = batching.event([b"x" * sizes[index] for index in [*run, following.start]])
        assert len(one_more) > limit


def test_an_event_is_json() -> None:
    records = [batching.encode_record(sqs_record(message(body=f"é{n}"), ARN, "us-east-1")) for n in range(2)]
    assert [one["body"] for one in json.loads(batching.event(records))["Records"]] == ["é0", "é1"]
    assert json.loads(batching.event([])) == {"Records": []}


def test_a_mapping_starts_with_five_batches_at_once() -> None:
    assert initial_scale(None, now=0).slots == 5
    assert initial_scale(2, now=0).slots == 2


def test_it_grows_by_three_hundred_a_minute_up_to_its_maximum() -> None:
    assert busier(Scale(5, 0), None, now=1).slots == 10
    assert busier(Scale(5, 0), None, now=60).slots == 305
    assert busier(Scale(5, 0), None, now=3600).slots == 1250
    assert busier(Scale(5, 0), 8, now=60).slots == 8


def test_it_backs_off_after_a_failure_but_not_to_nothing() -> None:
    scale = Scale(5, 0)
    for _ in range(10):
        scale = backed_off(scale, now=0)
    assert scale.slots == 1
