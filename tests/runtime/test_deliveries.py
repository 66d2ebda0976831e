"""Histories of deliveries that fail: tried again, given up, dead-lettered.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-retry-policy.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from runner.core.put_events import Entry
from runner.model.errors import ApiError
from runner.runtime.deliveries import QUEUE
from runner.runtime.doors import Undeliverable
from runner.store.ports import Message
from tests.runtime.eventing import FailingDoor, World, history, rule, state, world
from tests.runtime.messaging import HandClock
from tests.runtime.world import PLACE, THROTTLE

ORDER = Entry("shop", "OrderPlaced", '{"id": 7}')
BROKEN = ApiError("ServiceException", "Out of order.", 500)


def target(retries: int = 185, age_s: int = 86400, **members: Any) -> dict[str, Any]:
    return {
        "Id": "t",
        "Arn": PLACE.function("f"),
        "RetryPolicy": {"MaximumRetryAttempts": retries, "MaximumEventAgeInSeconds": age_s},
        "DeadLetterConfig": {"Arn": PLACE.queue("dead")},
        **members,
    }


async def retry(here: World, by_s: float) -> int:
    assert isinstance(here.clock, HandClock)
    await here.clock.advance(by_s)
    return await here.deliveries.step(wait_s=0.0)


@history
async def test_a_throttled_delivery_is_made_again_with_growing_delays(tmp_path: Path) -> None:
    door = FailingDoor(errors={"f": [THROTTLE, BROKEN, THROTTLE]})
    async with world(tmp_path, HandClock(), state(rule("r", target())), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        for delay_s in (1.0, 2.0, 4.0):
            assert await retry(here, delay_s - 0.5) == 0
            assert await retry(here, 0.5) == 1
        assert (len(door.at("f")), door.attempts) == (1, 4)
        assert await here.store.queues(QUEUE) == []


@history
async def test_a_retry_outlives_the_process(tmp_path: Path) -> None:
    clock, door = HandClock(), FailingDoor(errors={"f": [THROTTLE]})
    async with world(tmp_path, clock, state(rule("r", target())), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
    async with world(tmp_path, clock, state(rule("r", target())), door) as here:
        assert await retry(here, 1.0) == 1
        assert len(door.at("f")) == 1


@history
async def test_what_exhausts_its_retries_is_dead_lettered_with_the_event(tmp_path: Path) -> None:
    door = FailingDoor(errors={"f": [BROKEN] * 3})
    async with world(tmp_path, HandClock(), state(rule("r", target(retries=2, Input='{"x": 1}'))), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        await retry(here, 1.0)
        assert door.at("dead") == []
        await retry(here, 2.0)
        [letter] = door.at("dead")
        assert json.loads(letter.body)["detail"] == {"id": 7}  # the event, not the target's input
        assert dict(letter.attributes) == {
            "RULE_ARN": ("String", PLACE.rule("default", "r")),
            "TARGET_ARN": ("String", PLACE.function("f")),
            "ERROR_CODE": ("String", "ERROR_FROM_TARGET"),
            "ERROR_MESSAGE": ("String", "Out of order."),
            "RETRY_ATTEMPTS": ("String", "2"),
            "EXHAUSTED_RETRY_CONDITION": ("String", "MaximumRetryAttempts"),
        }
        assert door.at("f") == []


@history
async def test_what_would_be_too_old_by_its_next_attempt_is_given_up(tmp_path: Path) -> None:
    door = FailingDoor(errors={"f": [THROTTLE] * 10})
    async with world(tmp_path, HandClock(), state(rule("r", target(age_s=60))), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        for delay_s in (1.0, 2.0, 4.0, 8.0, 16.0):
            await retry(here, delay_s)
        [letter] = door.at("dead")
        assert letter.attributes["EXHAUSTED_RETRY_CONDITION"] == ("String", "MaximumEventAgeInSeconds")
        assert letter.attributes["ERROR_CODE"] == ("String", "THROTTLING")
        assert letter.attributes["RETRY_ATTEMPTS"] == ("String", "5")


@history
async def test_a_target_that_is_gone_is_not_tried_again(tmp_path: Path) -> None:
    gone = Undeliverable("NO_RESOURCE", "Function not found: f")
    door = FailingDoor(errors={"f": [gone]})
    async with world(tmp_path, HandClock(), state(rule("r", target(), "inbox")), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        [letter] = door.at("dead")
        assert letter.attributes["ERROR_CODE"] == ("String", "NO_RESOURCE")
        assert "EXHAUSTED_RETRY_CONDITION" not in letter.attributes
        assert len(door.at("inbox")) == 1  # a failing target never blocks the others


@history
async def test_errors_of_our_own_are_tried_again(tmp_path: Path) -> None:
    door = FailingDoor(errors={"f": [RuntimeError("bug")]})
    async with world(tmp_path, HandClock(), state(rule("r", target(), "inbox")), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        assert await retry(here, 1.0) == 1
        assert len(door.at("f")) == 1


@history
async def test_a_dead_letter_that_cannot_be_put_there_now_is_tried_again(tmp_path: Path) -> None:
    gone = Undeliverable("NO_RESOURCE", "Function not found: f")
    door = FailingDoor(errors={"f": [gone], "dead": [RuntimeError("bug"), THROTTLE]})
    async with world(tmp_path, HandClock(), state(rule("r", target())), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        for delay_s in (1.0, 2.0):
            assert door.at("dead") == []
            assert await retry(here, delay_s) == 1
        [letter] = door.at("dead")
        assert letter.attributes["ERROR_CODE"] == ("String", "NO_RESOURCE")
        assert await here.store.queues(QUEUE) == []


@history
async def test_a_retry_that_cannot_be_read_does_not_keep_the_others_back(tmp_path: Path) -> None:
    door = FailingDoor(errors={"f": [THROTTLE]})
    async with world(tmp_path, HandClock(), state(rule("r", target())), door) as here:
        now = here.clock.now()
        await here.store.send(QUEUE, [Message("unreadable", b"?", now)], now=now)
        await here.buses.put_events([ORDER])
        await here.settle()
        assert await retry(here, 1.0) == 2
        assert len(door.at("f")) == 1


@history
async def test_without_a_dead_letter_queue_it_is_dropped(tmp_path: Path) -> None:
    door = FailingDoor(errors={"f": [BROKEN], "dead": []})
    given = {**target(retries=0)}
    del given["DeadLetterConfig"]
    async with world(tmp_path, HandClock(), state(rule("r", given)), door) as here:
        await here.buses.put_events([ORDER])
        await here.settle()
        assert door.letters == {}
        assert await here.store.queues("") == []
