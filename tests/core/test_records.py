"""Destination records and dead letters, key for key as AWS sends them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.attempts import Attempt, decode, encode
from runner.core.records import (
    Ended,
    Response,
    dead_letter_attributes,
    destination_record,
    detail_type,
    error_message,
    timestamp,
)
from runner.core.retry import Condition

ARN = "arn:aws:lambda:us-east-1:000000000000:function:f:$LATEST"
RAISED = b'{"errorMessage": "Failing per design", "errorType": "Exception", "requestId": "r", "stackTrace": []}'


def ended(condition: Condition = Condition.SUCCESS, attempts: int = 1, response: Response | None = None) -> Ended:
    return Ended("r-1", ARN, condition, attempts, b'{"hello": "world"}', response)


def test_the_record_of_a_success() -> None:
    record = destination_record(ended(response=Response("$LATEST", b'{"any": 1}')), at=1_709_287_200.123)
    assert record.decode() == (
        '{"version":"1.0","timestamp":"2024-03-01T10:00:00.123Z",'
        f'"requestContext":{{"requestId":"r-1","functionArn":"{ARN}","condition":"Success","approximateInvokeCount":1}},'
        '"requestPayload":{"hello": "world"},'
        '"responseContext":{"statusCode":200,"executedVersion":"$LATEST"},"responsePayload":{"any": 1}}'
    )


def test_the_record_of_a_failure_names_the_error() -> None:
    over = ended(Condition.RETRIES_EXHAUSTED, 3, Response("2", RAISED, "Unhandled"))
    record = json.loads(destination_record(over, at=0))
    assert list(record) == [
        "version", "timestamp", "requestContext", "requestPayload", "responseContext", "responsePayload",
    ]  # fmt: skip
    assert record["requestContext"]["approximateInvokeCount"] == 3
    assert record["responseContext"] == {"statusCode": 200, "executedVersion": "2", "functionError": "Unhandled"}
    assert record["responsePayload"]["errorMessage"] == "Failing per design"


def test_the_record_of_what_never_ran_has_no_response() -> None:
    record = json.loads(destination_record(ended(Condition.ZERO_RESERVED_CONCURRENCY, 0), at=0))
    assert record["requestContext"]["condition"] == "ZeroReservedConcurrency"
    assert record["requestContext"]["approximateInvokeCount"] == 0
    assert record.keys().isdisjoint({"responseContext", "responsePayload"})


@pytest.mark.parametrize(
    ("payload", "embedded"),
    [(b"null", None), (b"", None), (b"1e3", 1000.0), (b'"text"', "text"), (b"not json", "not json"), (b"\xff", "�")],
)
def test_payloads_are_embedded_as_json(payload: bytes, embedded: object) -> None:
    record = json.loads(destination_record(ended(response=Response("1", payload)), at=0))
    assert record["responsePayload"] == embedded


@pytest.mark.parametrize(
    ("over", "code", "message"),
    [
        (ended(Condition.RETRIES_EXHAUSTED, 3, Response("1", RAISED, "Unhandled")), "200", "Failing per design"),
        (ended(Condition.EVENT_AGE_EXCEEDED, 1, Response("1", RAISED, "Unhandled")), "200", "Failing per design"),
        (
            ended(Condition.ZERO_RESERVED_CONCURRENCY, 0),
            "429",
            "Function not invoked. Function is configured with zero reserved concurrent executions",
        ),
        (ended(Condition.EVENT_AGE_EXCEEDED, 0), "429", "Rate Exceeded."),
    ],
    ids=lambda value: value.condition if isinstance(value, Ended) else "",
)
def test_attributes_of_a_dead_letter(over: Ended, code: str, message: str) -> None:
    assert dead_letter_attributes(over) == {
        "RequestID": ("String", "r-1"),
        "ErrorCode": ("Number", code),
        "ErrorMessage": ("String", message),
    }


def test_an_error_without_a_message_has_no_attribute_for_it() -> None:
    over = ended(Condition.RETRIES_EXHAUSTED, 3, Response("1", b"{}", "Unhandled"))
    assert dead_letter_attributes(over).keys() == {"RequestID", "ErrorCode"}


def test_an_error_message_is_cut_at_a_kilobyte_between_characters() -> None:
    payload = json.dumps({"errorMessage": "é" * 600 + "x"}).encode()
    assert error_message(payload) == "é" * 512
    assert error_message(json.dumps({"errorMessage": "x" + "é" * 600}).encode()) == "x" + "é" * 511


def test_detail_types_of_bus_destinations() -> None:
    assert detail_type(ended()) == "Lambda Function Invocation Result - Success"
    assert detail_type(ended(Condition.EVENT_AGE_EXCEEDED)) == "Lambda Function Invocation Result - Failure"


def test_timestamps_have_three_digits_even_at_a_full_second() -> None:
    assert timestamp(0) == "1970-01-01T00:00:00.000Z"


@given(
    payload=st.binary(max_size=50),
    response=st.none() | st.builds(Response, st.text(), st.binary(max_size=50), st.none() | st.text()),
    qualifier=st.none() | st.text(),
    trace=st.none() | st.text(min_size=1),
    attempts=st.integers(1, 3),
)
def test_an_attempt_survives_the_store(
    payload: bytes, response: Response | None, qualifier: str | None, trace: str | None, attempts: int
) -> None:
    attempt = Attempt("r", qualifier, payload, 1.5, trace, attempts if response else 0, response)
    assert decode(encode(attempt)) == attempt


def test_each_attempt_has_an_id_of_its_own() -> None:
    first = Attempt("r", None, b"{}", 0)
    second = first.following(Response("1", b"{}", "Unhandled"))
    third = second.following(Response("1", b"{}", "Unhandled"))
    assert [one.message_id for one in (first, second, third)] == ["r", "r/1", "r/2"]
