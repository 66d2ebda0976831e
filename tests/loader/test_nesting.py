"""Nested stacks from local files: part of what the whole means."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.loader.loading import load
from runner.model.diagnostic import Severity
from runner.model.names import Place
from runner.model.stack import VERSION_TOKEN
from tests.loader.findings import SAM, check_text, of

PARENT = """\
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: shop}}
  Child:
    Type: AWS::CloudFormation::Stack
    Properties:
      TemplateURL: child/template.yaml
      Parameters: {Bus: !Ref Bus, Delay: 5}
Outputs:
  Queue: {Value: !GetAtt Child.Outputs.Queue}
"""
CHILD = (
    SAM
    + """\
Parameters: {Bus: {Type: String}, Delay: {Type: Number}}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: !Ref Delay}}
  F:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: src/
      Handler: app.handler
      Runtime: python3.11
      AutoPublishAlias: live
      Events: {E: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [a]}}}}
Outputs:
  Queue: {Value: !GetAtt Queue.Arn}
"""
)


def _write(folder: Path, child: str = CHILD) -> None:
    (folder / "child" / "src").mkdir(parents=True)
    (folder / "child" / "src" / "app.py").write_text("def handler(event, context): ...\n")
    (folder / "child" / "template.yaml").write_text(child)


@pytest.mark.parametrize(
    "parent",
    [
        PARENT,
        SAM + PARENT.replace("CloudFormation::Stack", "Serverless::Application").replace("TemplateURL", "Location"),
    ],
    ids=["stack", "application"],
)
def test_what_is_nested_is_part_of_the_stack(tmp_path: Path, parent: str) -> None:
    _write(tmp_path)
    (tmp_path / "shop.yaml").write_text(parent)
    loaded = load(tmp_path / "shop.yaml", place=Place())
    assert loaded.stack is not None, loaded.diagnostics
    resources = loaded.stack.resources
    queue = resources["Child.Queue"]
    assert queue.noun is not None
    assert queue.noun.document()["DelaySeconds"] == 5
    assert "shop-Child-Queue-" in queue.physical_id
    assert (
        loaded.stack.outputs["Queue"].value
        == f"arn:aws:sqs:us-east-1:000000000000:{queue.physical_id.rpartition('/')[2]}"
    )
    assert resources["Child.FE"].noun.document()["EventBusName"] == "shop"  # type: ignore[union-attr]
    assert resources["Child.F"].code == tmp_path / "child" / "src"
    version = next(name for name in resources if name.startswith("Child.FVersion"))
    alias = resources["Child.FAliaslive"].noun
    assert alias is not None
    assert alias.document()["FunctionVersion"] == VERSION_TOKEN.format(version)
    assert tmp_path / "child" / "template.yaml" in loaded.stack.files
    assert not [found for found in loaded.diagnostics if found.code == "inert-resource"]


def test_a_mistake_in_a_nested_stack_stands_in_its_file(tmp_path: Path) -> None:
    _write(tmp_path, CHILD.replace("DelaySeconds", "DelaySecond"))
    (found,) = of(check_text(tmp_path, PARENT), Severity.ERROR)
    assert (found.code, Path(found.at.file).name, found.at.line) == ("unknown-property", "template.yaml", 4)
    assert [note.message for note in found.notes] == ["nested as 'Child'"]


def test_a_value_of_the_wrong_kind_is_found_where_it_is_used(tmp_path: Path) -> None:
    _write(tmp_path)
    found = of(check_text(tmp_path, PARENT.replace("Delay: 5", "Delay: 1000")), Severity.ERROR)
    assert [one.code for one in found] == ["out-of-range"]


def test_a_template_that_is_not_there(tmp_path: Path) -> None:
    (found,) = of(check_text(tmp_path, PARENT), Severity.ERROR)
    assert (found.code, found.at.line, found.at.column) == ("missing-template", 6, 20)


def test_a_template_elsewhere_is_inert(tmp_path: Path) -> None:
    checked = check_text(tmp_path, PARENT.replace("child/template.yaml", "https://s3.amazonaws.com/b/t.yaml"))
    assert not of(checked, Severity.ERROR)
    assert "the nested stack is not deployed" in of(checked, Severity.NOTICE)[0].message


def test_a_stack_that_is_nested_in_itself_ends(tmp_path: Path) -> None:
    text = "Resources:\n  S: {Type: AWS::CloudFormation::Stack, Properties: {TemplateURL: stack.yaml}}\n"
    assert [found.code for found in of(check_text(tmp_path, text), Severity.ERROR)] == ["circular-nesting"]


def test_template_only_looks_at_no_nested_file(tmp_path: Path) -> None:
    assert not of(check_text(tmp_path, PARENT, template_only=True), Severity.ERROR)
