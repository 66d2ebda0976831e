"""Everything made points to what caused it in the user's file, and the user's template is left as it was."""

from __future__ import annotations

import copy

from runner.loader.positions import Positions
from runner.loader.reading import parse
from runner.loader.report import Report
from runner.loader.sam import expand
from runner.model.diagnostic import Position
from runner.model.names import Place
from tests.loader.sam.stacks import transform_text

TEXT = """\
Resources:
  Fn:
    Type: AWS::Serverless::Function
    Properties:
      Handler: h
      Runtime: python3.12
      CodeUri: src/
      AutoPublishAlias: live
      Policies:
        - SQSSendMessagePolicy: {QueueName: q}
      EventInvokeConfig:
        DestinationConfig:
          OnFailure: {Type: SQS}
      Events:
        Tick:
          Type: Schedule
          Properties:
            Schedule: rate(1 minute)
        Get:
          Type: Api
          Properties: {Path: /a, Method: get}
"""


def test_resources_stand_at_their_cause() -> None:
    result = transform_text(TEXT)
    assert not result.errors
    at = {name: str(result.positions.of(found)) for name, found in result.resources.items()}
    assert at["Fn"] == at["FnRole"] == "stack.yaml:2:3"
    assert at["FnAliaslive"] == "stack.yaml:8:25"
    assert at["FnTick"] == at["FnTickPermission"] == "stack.yaml:15:9"
    assert at["FnGetPermissionProd"] == at["ServerlessRestApi"] == "stack.yaml:19:9"
    assert at["FnEventInvokeConfigOnFailureQueue"] == "stack.yaml:13:22"


def test_properties_stand_where_they_were_written() -> None:
    result = transform_text(TEXT)
    at = result.positions.value
    assert str(at(result.resources["Fn"]["Properties"], "Handler")) == "stack.yaml:5:16"
    assert str(at(result.resources["Fn"]["Properties"]["Code"], "Path")) == "stack.yaml:7:16"
    assert str(at(result.resources["FnTick"]["Properties"], "ScheduleExpression")) == "stack.yaml:18:23"


def test_every_container_made_is_placed() -> None:
    result = transform_text(TEXT)
    stack = [result.expansion.template]
    while stack:
        value = stack.pop()
        assert result.positions.known(value)
        children = value.values() if isinstance(value, dict) else value
        stack.extend(child for child in children if isinstance(child, dict | list))


def test_the_origin_of_everything_made_is_known() -> None:
    origins = transform_text(TEXT).expansion.origins
    assert (origins["FnRole"].resource, origins["FnRole"].event) == ("Fn", None)
    assert (origins["FnTickPermission"].resource, origins["FnTickPermission"].event) == ("Fn", "Tick")


def test_code_that_was_not_written_is_told() -> None:
    text = "Resources: {Fn: {Type: 'AWS::Serverless::Function', Properties: {Handler: h, Runtime: nodejs20.x}}}"
    result = transform_text(text)
    assert result.expansion.assumed_code == {"Fn"}
    assert not result.errors


def test_the_input_is_left_as_it_was() -> None:
    positions, report = Positions(Position("stack.yaml", 1, 1)), Report()
    root = parse(TEXT.encode(), "stack.yaml", positions, report).root
    before = copy.deepcopy(root)
    expand(root, positions=positions, parameters={}, place=Place(), report=report)
    assert root == before
