"""A layer's snapshot is deployed with it, and goes with it."""

from __future__ import annotations

from pathlib import Path

from runner.model.function import Code, Function, FunctionVersion, LayerCode, LayerContent, LayerVersion
from runner.model.stack import Position, Resource, Stack
from runner.model.state import State
from runner.planner import CodeDigest, Plan, plan, plan_removal
from runner.planner.changes import Action

AT = Position("stack.yaml", 1, 1)
ARN = "arn:aws:lambda:us-east-1:000000000000:layer:tools:1"
CODE = {"Tools": CodeDigest("tools-code", "sha", 7), "Work": CodeDigest("work-code", "sha", 1)}


def layer() -> Resource:
    noun = LayerVersion(layer_name="tools", content=LayerContent(path="tools"))
    return Resource("Tools", "AWS::Lambda::LayerVersion", noun.document(), noun, ARN, AT)


def function() -> Resource:
    noun = Function(function_name="work", code=Code(path="."), layers=(ARN,))
    return Resource("Work", "AWS::Lambda::Function", noun.document(), noun, "work", AT)


def stack(*resources: Resource) -> Stack:
    return Stack("shop", Path("stack.yaml"), {resource.logical_id: resource for resource in resources})


def changes(made: Plan) -> list[tuple[Action, str]]:
    return sorted((change.action, change.name) for change in made.changes)


def test_a_layer_is_deployed_with_its_snapshot() -> None:
    made = plan(stack(layer(), function()), State(), CODE, now=1.0)
    assert changes(made) == [(Action.CREATE, "tools:1"), (Action.CREATE, "work")]
    assert made.after.of(LayerCode)["tools:1"].noun == LayerCode(artifact="tools-code", code_sha256="sha", code_size=7)
    assert made.after.of(FunctionVersion)["work"].noun.layers == ("tools-code",)
    assert plan(stack(layer(), function()), made.after, CODE, now=2.0).empty


def test_a_layer_goes_with_its_snapshot_and_is_told_of_once() -> None:
    deployed = plan(stack(layer(), function()), State(), CODE, now=1.0).after
    without = plan(stack(), deployed, CODE, now=2.0)
    assert changes(without) == [(Action.DELETE, "tools:1"), (Action.DELETE, "work")]
    assert not without.after.of(LayerCode)
    removed = plan_removal("shop", deployed)
    assert changes(removed) == changes(without)
    assert not removed.after.of(LayerCode)


def test_a_function_finds_the_layers_of_the_api() -> None:
    theirs = plan(stack(layer()), State(), CODE, now=1.0).after
    made = plan(Stack("other", Path("other.yaml"), {"Work": function()}), theirs, CODE, now=2.0)
    assert made.after.of(FunctionVersion)["work"].noun.layers == ("tools-code",)
