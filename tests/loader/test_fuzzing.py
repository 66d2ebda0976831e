# ruff: noqa: E501
"""Whatever stands in a file: findings, never a traceback, and every finding can be shown."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from runner.cli.findings import Paint, as_github, as_json, as_sarif, render
from runner.loader.checked import Checked
from runner.loader.expansion import expansion
from runner.loader.graph import graph
from runner.loader.loading import load
from runner.model.diagnostic import Severity
from runner.model.names import Place
from tests.loader.findings import check_text, of
from tests.loader.mutations import SEED, mutate, mutate_structure

CASES = 250  # here; tests/bench/validate_fuzz.py runs as many as one likes


def whole(folder: Path, raw: bytes, name: str = "stack.yaml") -> Checked:
    """Everything that is ever done with a file, one after the other."""
    checked = check_text(folder, raw, name)
    for found in checked.diagnostics:
        assert found.code
        assert found.message
        assert found.at.line >= 1
        assert found.at.column >= 1
        assert found.hint or found.severity is Severity.NOTICE, found
    render(checked.diagnostics, checked.texts, Paint(True))
    for form in (as_json, as_github, as_sarif):
        form(checked.diagnostics)
    if not checked.failed and checked.sections is not None:
        json.dumps(expansion(checked))
        expansion(checked, keep_functions=True)
        graph(checked)
    load(folder / name, place=Place(), template_only=True)
    return checked


def test_the_seed_is_sound(tmp_path: Path) -> None:
    assert not of(whole(tmp_path, SEED.encode()), Severity.ERROR)


@pytest.mark.slow
def test_broken_files(tmp_path: Path) -> None:
    chance = random.Random(20260101)
    for _ in range(CASES):
        whole(tmp_path, mutate(chance))


@pytest.mark.slow
def test_broken_structures(tmp_path: Path) -> None:
    chance = random.Random(20260102)
    document = check_text(tmp_path, SEED).document
    assert document is not None
    for _ in range(CASES):
        whole(tmp_path, mutate_structure(chance, document.root), "stack.json")


SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["Ref", "F", "AWS::NoValue"]),
)
KEYS = st.sampled_from(
    ["Ref", "Fn::GetAtt", "Fn::Sub", "Fn::Join", "Fn::If", "Fn::Select", "Fn::Split", "Fn::FindInMap", "Fn::Base64", "Fn::Cidr",
     "Fn::GetAZs", "Fn::ImportValue", "Fn::Transform", "Fn::ForEach::L", "Fn::Length", "Fn::ToJsonString", "Condition", "Type",
     "Properties", "a", "Fn::Equals", "Fn::Nothing", "Name", "Events", "Policies"]
)  # fmt: skip
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(KEYS, inner, max_size=3)),
    max_leaves=12,
)
PLACES: tuple[tuple[str, ...], ...] = (
    ("Resources", "F", "Properties", "Events"),
    ("Resources", "F", "Properties", "Policies"),
    ("Resources", "F", "Properties", "Environment"),
    ("Resources", "F", "Properties"),
    ("Resources", "F"),
    ("Resources", "Q", "Properties"),
    ("Resources", "Q", "Properties", "RedrivePolicy"),
    ("Resources", "R", "Properties", "EventPattern"),
    ("Resources", "R", "Properties", "Targets"),
    ("Resources", "Q", "DependsOn"),
    ("Resources", "Q", "Condition"),
    ("Resources", "Q", "Metadata"),
    ("Resources", "Q", "Type"),
    ("Resources",),
    ("Conditions",),
    ("Conditions", "C"),
    ("Parameters",),
    ("Parameters", "P"),
    ("Parameters", "P", "Default"),
    ("Mappings",),
    ("Mappings", "M"),
    ("Rules",),
    ("Globals",),
    ("Globals", "Function"),
    ("Outputs",),
    ("Outputs", "O"),
    ("Outputs", "O", "Value"),
    ("Transform",),
    ("Description",),
)


def _base() -> dict[str, Any]:
    return {
        "Transform": ["AWS::LanguageExtensions", "AWS::Serverless-2016-10-31"],
        "Parameters": {"P": {"Type": "String", "Default": "x"}},
        "Mappings": {"M": {"A": {"B": "c"}}},
        "Conditions": {"C": {"Fn::Equals": [{"Ref": "P"}, "x"]}},
        "Globals": {"Function": {"Timeout": 3}},
        "Resources": {
            "F": {
                "Type": "AWS::Serverless::Function",
                "Properties": {"InlineCode": "x", "Handler": "index.handler", "Runtime": "python3.11"},
            },
            "Q": {"Type": "AWS::SQS::Queue", "Properties": {"DelaySeconds": 1}},
            "R": {"Type": "AWS::Events::Rule", "Properties": {"EventPattern": {"source": ["a"]}}},
        },
        "Outputs": {"O": {"Value": {"Ref": "Q"}}},
    }


@pytest.mark.slow
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.sampled_from(PLACES), value=VALUES)
@example(place=("Resources",), value={"Ref": "a"})
@example(place=("Resources", "F", "Properties", "Events"), value={"Ref": ["a"]})
@example(place=("Parameters", "P", "Default"), value=float("inf"))
def test_anything_anywhere(tmp_path: Path, place: tuple[str, ...], value: Any) -> None:
    document = _base()
    node = document
    for key in place[:-1]:
        node = node.setdefault(key, {})
    node[place[-1]] = value
    whole(tmp_path, json.dumps(document).encode(), "stack.json")


@pytest.mark.slow
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(raw=st.binary(max_size=200))
@example(raw=b"")
@example(raw=b"\xff\xfe")
@example(raw=b"{")
@example(raw=b"%YAML 1.2\n---\n")
@example(raw=b"&a [*a]")
@example(raw=b"!!python/object:os.system x")
def test_any_bytes(tmp_path: Path, raw: bytes) -> None:
    for name in ("stack.yaml", "stack.json"):
        whole(tmp_path, raw, name)
