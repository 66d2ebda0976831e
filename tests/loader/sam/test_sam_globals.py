# ruff: noqa: E501  the rows of the tables
"""`Globals`: what merges into a resource, how, and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loader.sam.stacks import Json, function, stack, transform_dict, transform_text

# fmt: off
MERGES: list[tuple[str, Json, Json, str, Any]] = [
    ("a global alone",                     {"Timeout": 5}, {}, "Timeout", 5),
    ("the function's own wins",            {"Timeout": 5}, {"Timeout": 6}, "Timeout", 6),
    ("maps merge key by key",              {"Environment": {"Variables": {"A": 1, "B": 2}}}, {"Environment": {"Variables": {"B": 3}}}, "Environment", {"Variables": {"A": 1, "B": 3}}),
    ("lists follow one another",           {"Layers": ["a"]}, {"Layers": ["b"]}, "Layers", ["a", "b"]),
    ("lists within maps too",              {"VpcConfig": {"SubnetIds": ["a"]}}, {"VpcConfig": {"SubnetIds": ["b"]}}, "VpcConfig", {"SubnetIds": ["a", "b"]}),
    ("but for architectures",              {"Architectures": ["x86_64"]}, {"Architectures": ["arm64"]}, "Architectures", ["arm64"]),
    ("an intrinsic goes before a map",     {"VpcConfig": {"SubnetIds": ["a"]}}, {"VpcConfig": {"Ref": "X"}}, "VpcConfig", {"Ref": "X"}),
    ("a map goes before an intrinsic",     {"VpcConfig": {"Ref": "X"}}, {"VpcConfig": {"SubnetIds": ["a"]}}, "VpcConfig", {"SubnetIds": ["a"]}),
    ("null unsets",                        {"MemorySize": 256}, {"MemorySize": None}, "MemorySize", None),
]
# fmt: on


@pytest.mark.parametrize(
    ("shared", "own", "name", "expected"), [row[1:] for row in MERGES], ids=[row[0] for row in MERGES]
)
def test_merge(shared: Json, own: Json, name: str, expected: Any) -> None:
    made = function()
    made["Properties"].update(own)
    result = transform_dict(stack({"Fn": made}, Globals={"Function": shared}))
    assert result.resources["Fn"]["Properties"].get(name) == expected
    assert "Globals" not in result.expansion.template


def test_ignored_globals_do_not_merge() -> None:
    shared = {"Function": {"Timeout": 5, "MemorySize": 256}}
    some = function({}, None, IgnoreGlobals=["Timeout"])
    none = function({}, None, IgnoreGlobals="*")
    resources = transform_dict(stack({"A": some, "B": none}, Globals=shared)).resources
    assert "Timeout" not in resources["A"]["Properties"]
    assert resources["A"]["Properties"]["MemorySize"] == 256
    assert "MemorySize" not in resources["B"]["Properties"]
    assert "IgnoreGlobals" not in resources["A"]


def test_a_merged_value_stands_where_it_was_written() -> None:
    text = """\
Globals:
  Function:
    Timeout: 5
    Environment: {Variables: {A: a}}
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Handler: h
      Runtime: python3.12
      CodeUri: src
      Environment:
        Variables: {B: b}
"""
    result = transform_text(text)
    properties = result.resources["Fn"]["Properties"]
    assert str(result.positions.value(properties, "Timeout")) == "stack.yaml:3:14"
    variables = properties["Environment"]["Variables"]
    assert str(result.positions.value(variables, "A")) == "stack.yaml:4:34"
    assert str(result.positions.value(variables, "B")) == "stack.yaml:13:24"
