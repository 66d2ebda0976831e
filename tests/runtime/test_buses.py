"""Histories of events: accepted, matched, transformed, delivered, forwarded."""

from __future__ import annotations

import asyncio
import json
import logging
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from runner.core.put_events import Entry
from runner.model.events import EventBus, Rule
from runner.model.names import Arn
from runner.model.state import Deployed
from runner.runtime.buses import Accepted
from runner.runtime.doors import Letter, Undeliverable
from tests.runtime.eventing import World, bus, history, rule, state, world
from tests.runtime.messaging import HandClock
from tests.runtime.world import LIMIT_S, PLACE, until

ORDER = Entry("shop", "OrderPlaced", '{"id": 7, "lines": [{"sku": "a"}]}')


async def put(here: World, *entries: Entry) -> list[str]:
    """Put events and take them to where they go; returns their ids."""
    results = await here.buses.put_events(entries)
    await here.settle()
    return [result.event_id for result in results if isinstance(result, Accepted)]


def bodies(here: World, name: str) -> list[Any]:
    return [json.loads(letter.body) for letter in here.box.at(name)]


@history
async def test_every_matching_rule_gets_the_event_for_each_of_its_targets(tmp_path: Path) -> None:
    rules = state(
        rule("all", "one", "two"),
        rule("same", "one"),
        rule("others", "three", EventPattern={"source": ["bank"]}),
        rule("off", "four", State="DISABLED"),
    )
    async with world(tmp_path, HandClock(), rules) as here:
        [event_id] = await put(here, ORDER)
        assert sorted(here.box.letters) == [
            f"{event_id}/default/all/one",
            f"{event_id}/default/all/two",
            f"{event_id}/default/same/one",
        ]
        assert {event["id"] for event in bodies(here, "one")} == {event_id}


@history
async def test_an_event_goes_to_the_rules_of_its_bus(tmp_path: Path) -> None:
    rules = state(bus("orders"), rule("here", "orders", on="orders"), rule("there", "default"))
    async with world(tmp_path, HandClock(), rules) as here:
        await put(here, Entry("s", "t", "{}", bus="orders"), Entry("s", "t", "{}", bus=PLACE.bus("orders")))
        assert (len(bodies(here, "orders")), len(bodies(here, "default"))) == (2, 0)


@history
async def test_events_for_a_bus_that_does_not_exist_are_accepted_and_dropped(tmp_path: Path) -> None:
    async with world(tmp_path, HandClock(), state(rule("r", "inbox"))) as here:
        assert len(await put(here, Entry("s", "t", "{}", bus="nowhere"), ORDER)) == 2
        assert len(bodies(here, "inbox")) == 1


@history
async def test_targets_get_what_their_input_makes_of_the_event(tmp_path: Path) -> None:
    transformer = {
        "InputPathsMap": {"id": "$.detail.id"},
        "InputTemplate": '{"order": <id>, "by": <aws.events.rule-name>}',
    }
    targets: list[dict[str, Any]] = [
        {"Id": "constant", "Arn": PLACE.queue("constant"), "Input": '{"a": 1}'},
        {"Id": "part", "Arn": PLACE.queue("part"), "InputPath": "$.detail.lines[0].sku"},
        {"Id": "made", "Arn": PLACE.queue("made"), "InputTransformer": transformer},
        {
            "Id": "broken",
            "Arn": PLACE.queue("broken"),
            "InputTransformer": {"InputPathsMap": {"d": "$.detail"}, "InputTemplate": '{"text": "<d>"}'},
        },
    ]
    async with world(tmp_path, HandClock(), state(rule("r", *targets))) as here:
        await put(here, ORDER)
        assert [here.box.at(name)[0].body for name in ("constant", "part")] == [b'{"a": 1}', b'"a"']
        assert bodies(here, "made") == [{"order": 7, "by": "r"}]
        assert bodies(here, "broken") == []


@history
async def test_a_fifo_queue_gets_its_group_from_the_event(tmp_path: Path) -> None:
    target = {"Id": "q", "Arn": PLACE.queue("q.fifo"), "SqsParameters": {"MessageGroupId": "$.detail.id"}}
    async with world(tmp_path, HandClock(), state(rule("r", target))) as here:
        await here.buses.put_events([Entry("shop", "t", '{"id": 7}', trace="Root=1-2-3")])
        await here.settle()
        [letter] = here.box.at("q.fifo")
        assert (letter.group, letter.trace) == ("7", "Root=1-2-3")


@history
async def test_changed_rules_match_from_the_next_event_on(tmp_path: Path) -> None:
    async with world(tmp_path, HandClock(), state(rule("r", "before"), rule("keep", "keep"))) as here:
        await put(here, ORDER)
        await here.deploy([rule("r", "after")])
        await put(here, ORDER)
        await here.deploy(delete=[(Rule, "default/r")])
        await put(here, ORDER)
        assert [len(bodies(here, name)) for name in ("before", "after", "keep")] == [1, 1, 3]


@history
async def test_an_event_sent_on_to_another_bus_stays_the_same(tmp_path: Path) -> None:
    onward = {"Id": "bus", "Arn": PLACE.bus("second"), "RoleArn": PLACE.role("r")}
    rules = state(bus("second"), rule("send", onward, "first"), rule("arrived", "inbox", on="second"))
    async with world(tmp_path, HandClock(), rules) as here:
        [event_id] = await put(here, ORDER)
        assert bodies(here, "inbox") == bodies(here, "first")
        assert bodies(here, "inbox")[0]["id"] == event_id


@history
async def test_an_event_from_another_bus_is_not_sent_on_to_a_third(tmp_path: Path) -> None:
    onward = {"Id": "b", "Arn": PLACE.bus("third"), "DeadLetterConfig": {"Arn": PLACE.queue("dead")}}
    rules = state(
        bus("second"),
        bus("third"),
        rule("send", {"Id": "bus", "Arn": PLACE.bus("second")}),
        rule("again", onward, on="second"),
        rule("arrived", "inbox", on="third"),
        rule("back", {"Id": "bus", "Arn": PLACE.bus("default")}, on="second"),
    )
    async with world(tmp_path, HandClock(), rules) as here:
        await put(here, ORDER)
        assert bodies(here, "inbox") == []
        assert len(bodies(here, "dead")) == 1


@history
async def test_what_is_no_event_becomes_one_at_the_door_of_a_bus(tmp_path: Path) -> None:
    async with world(tmp_path, HandClock(), state(rule("r", "inbox"))) as here:
        letter = Letter(
            "r-1/destination", b'{"ok": true}', 0.0, source="lambda", detail_type="Result", resources=("f",)
        )
        arn = Arn.parse(PLACE.bus("default"))
        assert arn is not None
        await here.buses.accept(arn, letter)
        await here.buses.accept(arn, letter)  # the same letter again
        await here.settle()
        [event] = bodies(here, "inbox")
        assert (event["source"], event["detail-type"], event["resources"]) == ("lambda", "Result", ["f"])
        assert event["detail"] == {"ok": True}


@history
async def test_a_bus_refuses_what_can_be_no_event(tmp_path: Path) -> None:
    async with world(tmp_path, HandClock(), state()) as here:
        for name, letter in (
            ("none", Letter("a", b"{}", 0.0, source="s", detail_type="t")),
            ("default", Letter("b", b"text", 0.0, source="s", detail_type="t")),
            ("default", Letter("c", b"text", 0.0)),
        ):
            arn = Arn.parse(PLACE.bus(name))
            assert arn is not None
            with pytest.raises(Undeliverable):
                await here.buses.accept(arn, letter)


@history
async def test_targets_that_are_not_run_here_are_named_once(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    target = {"Id": "stream", "Arn": "arn:aws:kinesis:us-east-1:000000000000:stream/s", "RoleArn": PLACE.role("r")}
    with caplog.at_level(logging.ERROR):
        async with world(tmp_path, HandClock(), state(rule("r", target, "inbox"))) as here:
            await put(here, ORDER)
            await put(here, ORDER)
            assert len(bodies(here, "inbox")) == 2
    assert sum("is not run here" in record.message for record in caplog.records) == 1


@history
async def test_the_loops_follow_the_buses_that_exist(tmp_path: Path) -> None:
    async with world(tmp_path, HandClock(), state(rule("r", "first"))) as here:
        loop = asyncio.create_task(here.buses.run())
        async with asyncio.timeout(LIMIT_S):
            await here.buses.put_events([ORDER])
            await until(lambda: len(here.box.at("first")) == 1)
            await here.deploy([bus("orders"), rule("o", "second", on="orders")])
            await here.buses.put_events([Entry("s", "t", "{}", bus="orders")])
            await until(lambda: len(here.box.at("second")) == 1)
            await here.deploy(delete=[(EventBus, "orders"), (Rule, "orders/o")])
            await here.buses.put_events([Entry("s", "t", "{}", bus="orders"), ORDER])
            await until(lambda: len(here.box.at("first")) == 2)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)
        assert len(here.box.at("second")) == 1


def arrived(here: World, counts: dict[str, int]) -> bool:
    return all(len(here.box.at(name)) == count for name, count in counts.items())


@history
async def test_rules_that_change_are_in_force_for_the_next_event(tmp_path: Path) -> None:
    many = [rule(f"r{number}", f"q{number}", EventPattern={"source": [f"s{number}"]}) for number in range(300)]
    async with world(tmp_path, HandClock(), state()) as here, asyncio.TaskGroup() as tasks:
        running = tasks.create_task(here.buses.run())
        await here.deploy(many)
        for seen, (source, at, count) in enumerate((("s7", "q7", 1), ("new", "q7", 2), ("s8", "q8", 1)), 1):
            await here.buses.put_events([Entry(source, "t", "{}"), Entry("s299", "t", "{}")])
            await until(partial(arrived, here, {at: count, "q299": seen}))
            await here.deploy([rule("r7", "q7", EventPattern={"source": ["new"]})], [(Rule, f"default/r{seen}")])
        await here.buses.put_events([Entry("s7", "t", "{}"), Entry("s1", "t", "{}"), Entry("s299", "t", "{}")])
        await until(partial(arrived, here, {"q299": 4}))
        assert (len(here.box.at("q7")), here.box.at("q1")) == (2, [])
        running.cancel()


@history
async def test_a_rule_that_fails_does_not_keep_the_others_from_the_event(tmp_path: Path) -> None:
    broken = rule("broken", "inbox")
    target = broken.noun.targets[0].model_copy(update={"sqs_parameters": "no parameters"})
    broken = Deployed(broken.key, broken.noun.model_copy(update={"targets": (target,)}))
    async with world(tmp_path, HandClock(), state()) as here:
        here.deployment.state = here.deployment.state.with_changes([broken, rule("sound", "inbox")])
        await here.buses.put_events([ORDER])
        assert await here.buses.step("default", wait_s=0.0) == 1
        assert len(bodies(here, "inbox")) == 1


@history
async def test_what_was_on_its_way_through_a_bus_that_is_gone_is_removed_at_the_next_start(tmp_path: Path) -> None:
    clock = HandClock()
    async with world(tmp_path, clock, state(bus("orders"), bus("kept"))) as here:
        await here.buses.put_events([Entry("s", "t", "{}", bus=name) for name in ("orders", "kept")])
    async with world(tmp_path, clock, state(bus("kept"))) as here:
        await clock.advance(1.0)
        await here.buses._clear()
        assert await here.store.queues("events/") == ["events/kept"]
