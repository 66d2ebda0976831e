"""What targets receive: constants, parts, templates.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-transform-target-input.html
"""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.json_text import compact
from runner.core.patterns import parse_event
from runner.core.transformer import Facts, compile_transform, dynamic, input_problem
from runner.model.events import Target

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "e-1",
    "detail-type": "OrderPlaced",
    "source": "shop",
    "account": "000000000000",
    "time": "2026-01-02T03:04:05Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {
        "text": "hello world",
        "quote": 'a "b"',
        "number": 7,
        "fraction": 1.5,
        "yes": True,
        "none": None,
        "object": {"id": "x-1", "n": "a b"},
        "list": ["one", "two"],
    },
}
FACTS = Facts("arn:aws:events:us-east-1:000000000000:rule/r", "r", "2026-01-02T03:04:06Z")
PATHS = {name: f"$.detail.{name}" for name in EVENT["detail"]} | {"gone": "$.detail.gone"}


def target(**options: Any) -> Target:
    return Target.model_validate({"Id": "t", "Arn": "arn:aws:sqs:us-east-1:000000000000:q", **options})


def received(**options: Any) -> str | None:
    body = compile_transform(target(**options))(EVENT, compact(EVENT).encode(), FACTS)
    return None if body is None else body.decode()


PLAIN: list[tuple[str, dict[str, Any], str]] = [
    ("the event as it is", {}, compact(EVENT)),
    ("a constant as it was written", {"Input": '{ "a" : 1 }'}, '{ "a" : 1 }'),
    ("all of it by path", {"InputPath": "$"}, compact(EVENT)),
    ("a string keeps its quotes", {"InputPath": "$.detail.text"}, '"hello world"'),
    ("an object is compact", {"InputPath": "$.detail.object"}, '{"id":"x-1","n":"a b"}'),
    ("null is null", {"InputPath": "$.detail.none"}, "null"),
    ("what is missing is null", {"InputPath": "$.detail.gone"}, "null"),
]


@pytest.mark.parametrize(("options", "body"), [row[1:] for row in PLAIN], ids=[row[0] for row in PLAIN])
def test_constants_and_parts(options: dict[str, Any], body: str) -> None:
    assert received(**options) == body


TEMPLATES = [
    ("strings are quoted", '{"a": <text>}', '{"a":"hello world"}'),
    ("and escaped", '{"a": <quote>}', '{"a":"a \\"b\\""}'),
    ("numbers are numbers", '{"a": <number>, "b": <fraction>}', '{"a":7,"b":1.5}'),
    ("booleans and null", '{"a": <yes>, "b": <none>}', '{"a":true,"b":null}'),
    ("objects and lists are themselves", '{"a": [<object>, <list>]}', '{"a":[{"id":"x-1","n":"a b"},["one","two"]]}'),
    ("what is missing is an empty string", '{"a": <gone>}', '{"a":""}'),
    ("within a string it is text", '{"a": "is <number> of <text>, <yes>"}', '{"a":"is 7 of hello world, true"}'),
    ("and nothing where it is missing", '{"a": "<gone>!"}', '{"a":"!"}'),
    ("an object within a string breaks it", '{"a": "<object>"}', None),
    ("so does a quote", '{"a": "<quote>"}', None),
    ("blanks before the brace", '  {"a": <number>}', '{"a":7}'),
    ("escaped quotes stay", '{"a": "\\"<text>\\""}', '{"a":"\\"hello world\\""}'),
    ("a string template keeps its quotes", '"Order <number>: <text>"', '"Order 7: hello world"'),
    ("objects lose theirs there", '"<object> and <list>"', '"{id:x-1,n:a b} and [one,two]"'),
    ("lines are strings of their own", '"<number>"\n"<gone> x"', '"7"\n" x"'),
    ("bare words are not delivered", "<list> single list item", None),
    ("one placeholder alone is its value", "<object>", '{"id":"x-1","n":"a b"}'),
    (
        "the rule and when it came",
        '"<aws.events.rule-name> <aws.events.event.ingestion-time>"',
        '"r 2026-01-02T03:04:06Z"',
    ),
    ("the rule's ARN", '{"a": <aws.events.rule-arn>}', f'{{"a":"{FACTS.rule_arn}"}}'),
    ("the whole event", '{"a": <aws.events.event.json>}', f'{{"a":{compact(EVENT)}}}'),
    (
        "the event without its detail",
        '{"a": <aws.events.event>}',
        '{"a":{"id":"e-1","account":"000000000000","detailType":"OrderPlaced","time":"2026-01-02T03:04:05Z",'
        '"source":"shop","region":"us-east-1","resources":[],"version":"0"}}',
    ),
]


@pytest.mark.parametrize(("template", "body"), [row[1:] for row in TEMPLATES], ids=[row[0] for row in TEMPLATES])
def test_templates(template: str, body: str | None) -> None:
    assert received(InputTransformer={"InputPathsMap": PATHS, "InputTemplate": template}) == body


PROBLEMS: list[tuple[dict[str, Any], str]] = [
    (
        {"Input": "{}", "InputPath": "$"},
        "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
    ),
    ({"Input": "{a}"}, "JSON syntax error in input for target t."),
    ({"InputPath": "detail"}, "InputPath for target t is invalid."),
    (
        {"InputTransformer": {"InputPathsMap": {"a": "detail"}, "InputTemplate": '"<a>"'}},
        "InputPath for target t is invalid.",
    ),
    (
        {"InputTransformer": {"InputTemplate": '"<a>"'}},
        "InputTemplate for target t contains invalid placeholder a.",
    ),
    (
        {"InputTransformer": {"InputTemplate": '"<aws.events.event.json>"'}},
        "InputTemplate for target t contains placeholder aws.events.event.json valid only for JSON template.",
    ),
]


@pytest.mark.parametrize(("options", "problem"), PROBLEMS, ids=[row[1][:50] for row in PROBLEMS])
def test_what_is_refused(options: dict[str, Any], problem: str) -> None:
    assert input_problem(target(**options)) == problem


@pytest.mark.parametrize("options", [{}, {"Input": "7"}, {"Input": '"word"'}, {"InputPath": "$.a[0]"}])
def test_what_is_taken(options: dict[str, Any]) -> None:
    assert input_problem(target(**options)) is None


def test_parameters_may_be_paths_as_a_whole() -> None:
    assert dynamic("$.detail.text", EVENT) == "hello world"
    assert dynamic("$.detail.number", EVENT) == "7"
    assert dynamic("$.detail.gone", EVENT) is None
    assert dynamic("group-$.detail.text", EVENT) == "group-$.detail.text"
    assert dynamic(None, EVENT) is None


def test_long_numbers_of_a_part_stay_numbers() -> None:
    text = '{"detail":{"big":12345678901234567890,"long":0.12345678901234567890}}'
    make = compile_transform(target(InputPath="$.detail"))
    assert make(parse_event(text), text.encode(), FACTS) == b'{"big":12345678901234567890,"long":0.12345678901234568}'
