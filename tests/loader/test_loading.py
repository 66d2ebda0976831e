# ruff: noqa: E501
"""What `plan` and `up` get: typed nouns with their names filled in, and only what can run."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.loader.loading import load
from runner.model.access import Role
from runner.model.errors import InputError
from runner.model.events import Rule
from runner.model.function import Alias, Function, Permission, Version
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue, Topic
from runner.model.names import Place
from runner.model.stack import VERSION_TOKEN, Severity
from runner.model.state import State
from runner.planner import plan
from tests.loader.findings import SAM

ROOT = Path(__file__).parents[2]
STACK = (
    SAM
    + """\
Parameters: {Stage: {Type: String}}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      MemorySize: "256"
      AutoPublishAlias: live
      Environment: {Variables: {STAGE: !Ref Stage, COUNT: 5, ON: true}}
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}
        Placed: {Type: EventBridgeRule, Properties: {Pattern: {source: [shop]}}}
  Image: {Type: AWS::Serverless::Function, Properties: {PackageType: Image, ImageUri: x, Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Jobs.Arn}}}}}
  Jobs: {Type: AWS::SQS::Queue, DeletionPolicy: Retain}
  Ordered: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true}}
  Bucket: {Type: AWS::S3::Bucket}
  Extra: {Type: AWS::SNS::Topic, Condition: Never}
Conditions: {Never: !Equals [a, b]}
Outputs:
  Live: {Value: !Ref F.Alias, Description: The alias, Export: {Name: live}}
  Number: {Value: !GetAtt F.Version.Version}
"""
)


def _load(folder: Path, text: str = STACK, **parameters: str):  # type: ignore[no-untyped-def]
    (folder / "src").mkdir(exist_ok=True)
    (folder / "src" / "app.py").write_text("def handler(event, context): ...\n")
    (folder / "orders.yaml").write_text(text)
    return load(folder / "orders.yaml", place=Place(), parameters=parameters)


def test_resources_are_typed_and_named(tmp_path: Path) -> None:
    stack = _load(tmp_path, Stage="dev").stack
    assert stack is not None
    function = stack.resources["F"]
    assert isinstance(function.noun, Function)
    assert function.noun.function_name == function.physical_id
    assert function.physical_id.startswith("orders-F-")
    assert function.noun.memory_mb == 256
    assert function.noun.environment.variables == {"STAGE": "dev", "COUNT": "5", "ON": "true"}
    assert function.code == (tmp_path / "src").absolute()
    jobs = stack.resources["Jobs"]
    assert isinstance(jobs.noun, Queue)
    assert jobs.retain
    assert jobs.physical_id == f"http://127.0.0.1:4566/000000000000/{jobs.noun.queue_name}"
    ordered = stack.resources["Ordered"].noun
    assert isinstance(ordered, Queue)
    assert ordered.queue_name is not None
    assert ordered.queue_name.endswith(".fifo")
    assert len(ordered.queue_name) <= 80
    assert "Extra" not in stack.resources
    assert stack.resources["Bucket"].noun is None
    role = stack.resources["FRole"].noun
    assert isinstance(role, Role)
    assert function.noun.role == f"arn:aws:iam::000000000000:role/{role.role_name}"


def test_generated_resources_fit_together(tmp_path: Path) -> None:
    stack = _load(tmp_path, Stage="dev").stack
    assert stack is not None
    by_type = {type(resource.noun): resource for resource in stack.resources.values() if resource.noun is not None}
    name = stack.resources["F"].physical_id
    version = by_type[Version]
    token = VERSION_TOKEN.format(version.logical_id)
    alias = by_type[Alias].noun
    assert isinstance(alias, Alias)
    assert alias.function_version == token
    live = f"arn:aws:lambda:us-east-1:000000000000:function:{name}:live"
    assert stack.outputs["Live"].value == live
    assert stack.outputs["Live"].export == "live"
    assert stack.outputs["Number"].value == token
    mapping = by_type[EventSourceMapping].noun
    assert isinstance(mapping, EventSourceMapping)
    assert mapping.function_name == live
    assert mapping.event_source_arn == "arn:aws:sqs:us-east-1:000000000000:" + str(
        stack.resources["Jobs"].noun.queue_name
    )  # type: ignore[union-attr]
    rule = by_type[Rule].noun
    assert isinstance(rule, Rule)
    assert rule.targets[0].arn == live
    permission = by_type[Permission].noun
    assert isinstance(permission, Permission)
    assert permission.statement_id
    assert plan(stack, State(), {}, now=1.0).changes


def test_what_cannot_run_is_a_notice_and_the_rest_is_loaded(tmp_path: Path) -> None:
    loaded = _load(tmp_path, Stage="dev")
    assert loaded.stack is not None
    notices = [found.message for found in loaded.diagnostics if found.code == "not-runnable"]
    assert notices == ["'Image' cannot run here: container images are not run."]
    assert all(found.severity is Severity.NOTICE for found in loaded.diagnostics if found.code == "not-runnable")
    assert loaded.stack.resources["Image"].noun is None
    mappings = [r for r in loaded.stack.resources.values() if r.type == "AWS::Lambda::EventSourceMapping"]
    assert sorted(r.noun is None for r in mappings) == [False, True]


def test_a_parameter_without_a_value_is_an_error(tmp_path: Path) -> None:
    loaded = _load(tmp_path)
    assert loaded.stack is None
    (found,) = (found for found in loaded.diagnostics if found.severity is Severity.ERROR)
    assert (found.code, found.at.line, found.message) == (
        "missing-parameter-value",
        2,
        "Parameters: [Stage] must have values",
    )


def test_an_error_gives_no_stack(tmp_path: Path) -> None:
    loaded = _load(tmp_path, STACK.replace("DeletionPolicy", "DeletionPolice"), Stage="dev")
    assert loaded.stack is None


def test_a_file_that_is_not_there_is_an_input_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="Cannot read"):
        load(tmp_path / "nowhere.yaml", place=Place())


def test_names_follow_place_and_stack(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("Resources: {T: {Type: 'AWS::SNS::Topic'}, Q: {Type: 'AWS::SQS::Queue'}}\n")
    place = Place("111122223333", "cn-north-1", "http://localhost:1")
    stack = load(tmp_path / "a.yaml", place=place, stack_name="mine").stack
    assert stack is not None
    topic = stack.resources["T"]
    assert isinstance(topic.noun, Topic)
    assert topic.physical_id == f"arn:aws-cn:sns:cn-north-1:111122223333:{topic.noun.topic_name}"
    assert str(topic.noun.topic_name).startswith("mine-T-")
    assert stack.resources["Q"].physical_id.startswith("http://localhost:1/111122223333/mine-Q-")


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("shop/stack.yaml", "shop"),
        ("shop/template.yml", "shop"),
        ("shop/other.yaml", "other"),
        ("7 up/stack.yaml", "stack-7-up"),
    ],
)
def test_a_stack_without_a_name_is_called_after_its_file(tmp_path: Path, file: str, name: str) -> None:
    path = tmp_path / file
    path.parent.mkdir()
    path.write_text("Resources: {Q: {Type: 'AWS::SQS::Queue'}}\n")
    stack = load(path, place=Place()).stack
    assert stack is not None
    assert stack.name == name


def test_the_same_file_always_means_the_same(tmp_path: Path) -> None:
    assert _load(tmp_path, Stage="dev").stack == _load(tmp_path, Stage="dev").stack
