"""State in the store: equal after a reload, written row by row, one winner a revision."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import Conflict, StateError
from runner.model.events import EventBus, Rule
from runner.model.function import Alias, FunctionVersion
from runner.model.messaging import Queue, Subscription, Topic
from runner.model.state import Deployed, StackRecord, State
from runner.runtime.deployment import Deployment
from runner.store.sqlite import SqliteStore
from runner.store.states import StateStore
from tests.store.contract import ManualClock


def with_store(path: Path, told: Callable[[SqliteStore], Awaitable[Any]]) -> Any:
    async def tell() -> Any:
        store = SqliteStore.open(path, clock=ManualClock())
        try:
            return await told(store)
        finally:
            await store.aclose()

    return asyncio.run(tell())


NOUNS = [
    Deployed("orders", Queue.model_validate({"QueueName": "orders", "RedrivePolicy": {"maxReceiveCount": 3}}), "s/Q"),
    Deployed("plain", Queue.model_validate({}), "", 1.5, 2.25, "r-1"),
    Deployed("t", Topic.model_validate({"TopicName": "t", "Tags": [{"Key": "a", "Value": "b"}], "DisplayName": 5})),
    Deployed("default", EventBus.model_validate({"Name": "default"})),
    Deployed(
        "default/r",
        Rule.model_validate(
            {
                "Name": "r",
                "EventPattern": {"detail": {"n": [{"numeric": [">", 1.5]}, None, True]}},
                "Targets": [{"Id": "1", "Arn": "arn:aws:sqs:us-east-1:000000000000:orders", "Input": "é\u2028"}],
            }
        ),
    ),
    Deployed(
        "arn:aws:sns:us-east-1:000000000000:t:1",
        Subscription.model_validate({"TopicArn": "arn:t", "Protocol": "sqs", "Endpoint": "arn:q"}),
    ),
    Deployed("f:live", Alias.model_validate({"FunctionName": "f", "FunctionVersion": "1", "Name": "live"})),
    Deployed(
        "f:1",
        FunctionVersion.model_validate(
            {
                "name": "f",
                "version": "1",
                "artifact": "a1",
                "config": {
                    "FunctionName": "f",
                    "Code": {},
                    "Role": "arn:aws:iam::000000000000:role/r",
                    "Environment": {"Variables": {"N": 1, "T": True}},
                },
            }
        ),
    ),
    Deployed("stack", StackRecord(name="stack", path="stack.yaml", resources={"A": ("AWS::SQS::Queue", "url")})),
]


def test_what_was_swapped_in_is_equal_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    state = State().with_changes(NOUNS)
    with_store(path, lambda store: StateStore(store).swap(State(), state))
    loaded = with_store(path, lambda store: StateStore(store).load())
    assert loaded == state
    for deployed in NOUNS:
        again = loaded.get(type(deployed.noun), deployed.key)
        assert again.noun.model_fields_set == deployed.noun.model_fields_set


def test_an_empty_store_is_the_empty_state(tmp_path: Path) -> None:
    assert with_store(tmp_path / "state.db", lambda store: StateStore(store).load()) == State()


def test_only_the_rows_that_differ_are_written(tmp_path: Path) -> None:
    def rule(n: int, text: str = "") -> Deployed[Rule]:
        noun = Rule.model_validate({"Name": f"r{n}", "ScheduleExpression": "rate(1 day)", "Description": text})
        return Deployed(f"default/r{n}", noun)

    async def told(store: SqliteStore) -> None:
        states = StateStore(store)
        full = State().with_changes([rule(n) for n in range(200)])
        await states.swap(State(), full)
        before = await store.submit(lambda db: db.total_changes)
        after = full.with_changes([rule(7, "new")], [(Rule, "default/r8"), (Queue, "never was")])
        await states.swap(full, after)
        assert await store.submit(lambda db: db.total_changes) - before <= 4  # revision, one row replaced, one deleted
        assert (await states.load()).of(Rule) == after.of(Rule)

    with_store(tmp_path / "state.db", told)


def test_a_swap_from_another_revision_is_a_conflict(tmp_path: Path) -> None:
    async def told(store: SqliteStore) -> None:
        states = StateStore(store)
        one, other = State().with_changes(NOUNS[:1]), State().with_changes(NOUNS[1:2])
        await states.swap(State(), one)
        with pytest.raises(Conflict):
            await states.swap(State(), other)
        assert await states.load() == one

    with_store(tmp_path / "state.db", told)


def test_changes_made_at_once_are_all_kept(tmp_path: Path) -> None:
    async def told(store: SqliteStore) -> None:
        deployment = Deployment(StateStore(store), State())

        def add(n: int) -> Callable[[State], State]:
            return lambda state: state.with_changes([Deployed(f"q{n}", Queue.model_validate({"QueueName": f"q{n}"}))])

        await asyncio.gather(*(deployment.change(add(n)) for n in range(12)))
        assert set(deployment.state.of(Queue)) == {f"q{n}" for n in range(12)}
        assert await StateStore(store).load() == deployment.state

    with_store(tmp_path / "state.db", told)


@pytest.mark.parametrize(
    ("noun", "document"),
    [("queues", '{"Unheard": 1}'), ("queues", "{"), ("unheard", "{}")],
    ids=["an unknown property", "broken JSON", "an unknown kind"],
)
def test_a_row_that_does_not_fit_is_named(tmp_path: Path, noun: str, document: str) -> None:
    path = tmp_path / "state.db"
    with_store(path, lambda store: StateStore(store).load())
    with sqlite3.connect(path) as db:
        db.execute("INSERT INTO deployed VALUES (?, 'k', '', 0, 0, '', ?)", (noun, document))
    db.close()
    with pytest.raises(StateError, match=f"{noun} 'k'"):
        with_store(path, lambda store: StateStore(store).load())
