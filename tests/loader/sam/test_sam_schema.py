"""The schemas that editors use say what the transform's tables say."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from runner.loader.sam.schema import globals_schema, resource_schemas
from tests.loader.sam.stacks import BASE, Json
from tests.loader.sam.test_sam_against_aws import STACKS

SCHEMAS = resource_schemas()


@pytest.mark.parametrize("type_", SCHEMAS)
def test_every_schema_is_one_and_every_property_is_described(type_: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[type_])
    for name, schema in SCHEMAS[type_]["properties"].items():
        assert schema["description"], name


@pytest.mark.parametrize("resources", [row[1] for row in STACKS], ids=[row[0] for row in STACKS])
def test_good_stacks_pass(resources: Json) -> None:
    for resource in resources.values():
        if resource["Type"] in SCHEMAS:
            validator = Draft202012Validator(SCHEMAS[resource["Type"]])
            assert not list(validator.iter_errors(resource.get("Properties", {})))


# fmt: off
BAD = [
    ("a misspelt property", {"Handlr": "h"}),
    ("text for a map",      {"Tags": "x"}),
    ("an unknown event",    {"Events": {"E": {"Type": "X"}}}),
    ("an event's property", {"Events": {"E": {"Type": "SQS", "Properties": {"Queue": "q", "BatchSise": 5}}}}),
    ("an event's lack",     {"Events": {"E": {"Type": "SQS", "Properties": {}}}}),
]
# fmt: on


@pytest.mark.parametrize("change", [row[1] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_functions_do_not(change: Json) -> None:
    validator = Draft202012Validator(SCHEMAS["AWS::Serverless::Function"])
    assert list(validator.iter_errors({**BASE, **change}))


def test_globals_hold_what_they_may() -> None:
    validator = Draft202012Validator(globals_schema())
    assert not list(validator.iter_errors({"Function": {"Timeout": 5, "Tags": {"a": "b"}}}))
    assert list(validator.iter_errors({"Function": {"FunctionName": "x"}}))
