"""Filters of event source mappings look into decoded payloads.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from runner.core.patterns import check_mapping_filter, compile_mapping_filter


def b64(value: Any) -> str:
    return base64.b64encode(json.dumps(value).encode()).decode()


TABLE = [
    ("a JSON body is looked into", '{"body": {"k": ["v"]}}', {"body": '{"k": "v"}'}, True),
    ("a text body is not", '{"body": {"k": ["v"]}}', {"body": "v"}, False),
    ("a text body is compared", '{"body": ["hello"]}', {"body": "hello"}, True),
    (
        "metadata is matched, too",
        '{"messageAttributes": {"a": {"stringValue": ["x"]}}}',
        {"body": "", "messageAttributes": {"a": {"stringValue": "x"}}},
        True,
    ),
    ("kinesis data is decoded", '{"data": {"k": ["v"]}}', {"kinesis": {"data": b64({"k": "v"})}}, True),
    (
        "kinesis metadata is matched",
        '{"kinesis": {"partitionKey": ["p"]}}',
        {"kinesis": {"data": "", "partitionKey": "p"}},
        True,
    ),
    (
        "items are matched by their type",
        '{"dynamodb": {"NewImage": {"n": {"N": [{"numeric": [">", 1]}]}}}}',
        {"dynamodb": {"NewImage": {"n": {"N": "2"}}}},
        False,
    ),
]


@pytest.mark.parametrize(("pattern", "record", "passes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_record(pattern: str, record: dict[str, Any], passes: bool) -> None:
    assert compile_mapping_filter([pattern]).matches(record) is passes


def test_filters_are_alternatives_and_none_takes_all() -> None:
    record = {"body": '{"a": 1}'}
    assert compile_mapping_filter(['{"body": {"b": [1]}}', '{"body": {"a": [1]}}']).matches(record)
    assert compile_mapping_filter([]).matches(record)


@pytest.mark.parametrize("text", [None, "null", "text", '{"eventSource": "aws:sqs"}', '{"eventSource": []}', "[1]"])
def test_what_lambda_does_not_take(text: str | None) -> None:
    assert check_mapping_filter(text) == "Invalid filter pattern definition."


def test_what_lambda_takes() -> None:
    assert check_mapping_filter('{"eventSource": ["aws:sqs"]}') is None
