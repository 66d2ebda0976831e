"""What a plan does and why, one sentence a test."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.model.errors import InputError
from runner.model.function import Alias, Code, Function, FunctionVersion, Version
from runner.model.messaging import Queue, Topic, TopicSubscription
from runner.model.noun import Noun
from runner.model.stack import VERSION_TOKEN, Output, Position, Resource, Stack
from runner.model.state import State
from runner.planner import CodeDigest, Plan, plan, plan_removal
from runner.planner.changes import Action, Reason, differences

AT = Position("stack.yaml", 1, 1)
TOPIC_ARN = "arn:aws:sns:us-east-1:000000000000:news"


def resource(logical_id: str, noun: Noun, physical_id: str = "", *, retain: bool = False) -> Resource:
    kind = {"Queue": "AWS::SQS::Queue", "Topic": "AWS::SNS::Topic"}.get(
        type(noun).__name__, f"AWS::Lambda::{type(noun).__name__}"
    )
    return Resource(logical_id, kind, noun.document(), noun, physical_id or logical_id, AT, retain=retain)


def stack(*resources: Resource, name: str = "shop", **outputs: str) -> Stack:
    return Stack(
        name,
        Path("stack.yaml"),
        {r.logical_id: r for r in resources},
        outputs={key: Output(value) for key, value in outputs.items()},
    )


def queue(logical_id: str = "Jobs", name: str = "jobs", visibility_s: int = 30, *, retain: bool = False) -> Resource:
    return resource(logical_id, Queue(queue_name=name, visibility_timeout_s=visibility_s), retain=retain)


def function(memory_mb: int = 128, reserved: int | None = None) -> Resource:
    noun = Function(
        function_name="work", code=Code(path="."), handler="app.handler", runtime="python3.11", memory_mb=memory_mb,
        reserved_concurrency=reserved,
    )  # fmt: skip
    return resource("Work", noun)


def published(memory_mb: int = 128, digest: str = "a") -> tuple[Stack, dict[str, CodeDigest]]:
    """A function whose version is published at every deployment, and its alias, as SAM's AutoPublishAlias has it."""
    token = VERSION_TOKEN.format("WorkVersion0123456789")
    version = resource("WorkVersion0123456789", Version(function_name="work"), retain=True)
    alias = resource("WorkAliaslive", Alias(function_name="work", name="live", function_version=token))
    return stack(function(memory_mb), version, alias, Live=f"fn:{token}"), {"Work": CodeDigest(digest, "sha", 1)}


def actions(made: Plan) -> list[tuple[Action, str, tuple[Reason, ...]]]:
    return [(change.action, change.name, change.reasons) for change in made.changes]


def deploy(state: State, wanted: Stack, code: dict[str, CodeDigest] | None = None) -> Plan:
    return plan(wanted, state, code or {}, now=1000.0)


def test_what_is_not_there_is_created() -> None:
    made = deploy(State(), stack(queue()))
    assert actions(made) == [(Action.CREATE, "jobs", (Reason.NOT_DEPLOYED,))]
    assert made.after.of(Queue)["jobs"].owner == "shop/Jobs"


def test_the_same_again_changes_nothing() -> None:
    first = deploy(State(), stack(queue()))
    again = deploy(first.after, stack(queue()))
    assert again.empty
    assert again.after is again.before


def test_a_changed_property_is_an_update_that_names_it() -> None:
    first = deploy(State(), stack(queue()))
    made = deploy(first.after, stack(queue(visibility_s=60)))
    assert actions(made) == [(Action.UPDATE, "jobs", (Reason.PROPERTIES,))]
    assert [(d.path, d.before, d.after) for d in made.changes[0].differences] == [("VisibilityTimeout", 30, 60)]


def test_an_update_keeps_the_time_of_creation() -> None:
    first = plan(stack(queue()), State(), {}, now=1.0)
    made = plan(stack(queue(visibility_s=60)), first.after, {}, now=2.0)
    deployed = made.after.of(Queue)["jobs"]
    assert (deployed.created_at, deployed.modified_at) == (1.0, 2.0)


def test_a_new_name_replaces() -> None:
    first = deploy(State(), stack(queue()))
    made = deploy(first.after, stack(queue(name="tasks")))
    assert actions(made) == [(Action.REPLACE, "tasks", (Reason.NEW_NAME,))]
    assert list(made.after.of(Queue)) == ["tasks"]


def test_what_is_no_longer_declared_is_deleted() -> None:
    first = deploy(State(), stack(queue(), queue("Other", "other")))
    made = deploy(first.after, stack(queue()))
    assert actions(made) == [(Action.DELETE, "other", (Reason.NOT_DECLARED,))]
    assert list(made.after.of(Queue)) == ["jobs"]


def test_a_name_that_another_stack_has_is_refused() -> None:
    first = deploy(State(), stack(queue(), name="billing"))
    with pytest.raises(InputError, match="already exists in stack 'billing'"):
        deploy(first.after, stack(queue()))


def test_a_changed_logical_id_keeps_the_resource() -> None:
    first = deploy(State(), stack(queue()))
    made = deploy(first.after, stack(queue("Renamed")))
    assert made.after.of(Queue)["jobs"].owner == "shop/Renamed"
    assert not [change for change in made.changes if change.action is Action.DELETE]


def test_a_topics_own_subscriptions_are_subscriptions() -> None:
    inline = TopicSubscription(endpoint="arn:aws:sqs:us-east-1:000000000000:jobs", protocol="sqs")
    topic = resource("News", Topic(topic_name="news", subscription=(inline,)), TOPIC_ARN)
    made = deploy(State(), stack(topic))
    assert [(change.type, change.action) for change in made.changes] == [
        ("AWS::SNS::Subscription", Action.CREATE),
        ("AWS::SNS::Topic", Action.CREATE),
    ]


def test_a_first_deployment_publishes_version_one_and_points_the_alias_there() -> None:
    made = deploy(State(), *published())
    assert made.after.of(Alias)["work:live"].noun.function_version == "1"
    assert made.after.version("work", "1") is not None
    assert made.outputs == {"Live": "fn:1"}


def test_changed_code_publishes_the_next_version_and_moves_the_alias() -> None:
    first = deploy(State(), *published())
    made = deploy(first.after, *published(digest="b"))
    assert actions(made) == [
        (Action.UPDATE, "work", (Reason.CODE,)),
        (Action.PUBLISH, "work:2", (Reason.CODE,)),
        (Action.UPDATE, "work:live", (Reason.NEW_VERSION,)),
    ]
    old, new = made.after.version("work", "1"), made.after.version("work", "2")
    assert old is not None
    assert new is not None
    assert (old.noun.artifact, new.noun.artifact) == ("a", "b")


def test_changed_configuration_publishes_too() -> None:
    first = deploy(State(), *published())
    made = deploy(first.after, *published(memory_mb=256))
    assert (Action.PUBLISH, "work:2", (Reason.CONFIGURATION,)) in actions(made)


def test_unchanged_code_publishes_nothing() -> None:
    first = deploy(State(), *published())
    made = deploy(first.after, *published())
    assert made.empty
    assert made.after is first.after


def test_going_back_to_old_code_is_a_new_version_still() -> None:
    state = deploy(State(), *published()).after
    state = deploy(state, *published(digest="b")).after
    made = deploy(state, *published(digest="a"))
    assert made.after.of(Alias)["work:live"].noun.function_version == "3"


def test_reserved_concurrency_is_not_versioned() -> None:
    first = deploy(State(), stack(function()), {"Work": CodeDigest("a")})
    made = deploy(first.after, stack(function(reserved=5)), {"Work": CodeDigest("a")})
    assert [change.action for change in made.changes] == [Action.UPDATE]
    latest = made.after.version("work")
    assert latest is not None
    assert latest.noun.config.reserved_concurrency == 5


def test_a_published_version_outlives_its_declaration() -> None:
    first = deploy(State(), *published())
    made = deploy(first.after, stack(function()), {"Work": CodeDigest("a")})
    assert made.after.version("work", "1") is not None
    assert "work:live" not in made.after.of(Alias)


def test_removing_a_stack_takes_everything_of_it_and_nothing_else() -> None:
    state = deploy(State(), *published()).after
    state = deploy(state, stack(queue(), name="billing")).after
    made = plan_removal("shop", state)
    assert not made.after.of(FunctionVersion)
    assert not made.after.of(Alias)
    assert list(made.after.of(Queue)) == ["jobs"]
    assert {reason for change in made.changes for reason in change.reasons} == {Reason.STACK_REMOVED}


def test_a_retained_resource_stays_when_it_is_no_longer_declared() -> None:
    first = deploy(State(), stack(queue(retain=True), queue("Other", "other")))
    made = deploy(first.after, stack(queue("Other", "other")))
    assert actions(made) == [(Action.RETAIN, "jobs", (Reason.DELETION_POLICY,))]
    assert made.after.of(Queue)["jobs"].owner == ""


def test_a_retained_resource_stays_when_the_stack_is_removed() -> None:
    first = deploy(State(), stack(queue(retain=True)))
    made = plan_removal("shop", first.after)
    assert actions(made) == [(Action.RETAIN, "jobs", (Reason.DELETION_POLICY,))]
    assert made.after.of(Queue)["jobs"].owner == ""


names = st.sampled_from(["a", "b", "c", "d"])
stacks = st.dictionaries(names, st.integers(1, 3), max_size=4).map(
    lambda wanted: stack(*(queue(key.upper(), key, visibility) for key, visibility in wanted.items()))
)


@given(stacks, stacks)
def test_a_plan_leads_to_what_the_stack_says_from_anywhere(before: Stack, after: Stack) -> None:
    state = deploy(deploy(State(), before).after, after).after
    assert {key: d.noun for key, d in state.of(Queue).items()} == {
        r.noun.queue_name: r.noun for r in after.resources.values() if isinstance(r.noun, Queue)
    }
    assert deploy(state, after).empty


documents = st.recursive(
    st.none() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("xyz", max_size=2), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.text("xyz", min_size=1, max_size=2), documents, max_size=3)


@given(objects)
def test_equal_documents_do_not_differ(document: dict[str, object]) -> None:
    assert differences(document, document) == ()
