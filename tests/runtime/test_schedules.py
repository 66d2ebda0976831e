"""Histories of schedules: fired in time, remembered, caught up.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path

from runner.model.errors import ApiError
from runner.model.events import Rule, Schedule
from runner.model.state import Deployed
from runner.runtime.doors import Undeliverable
from runner.runtime.schedules import Upcoming
from runner.runtime.timers import PREFIX
from tests.runtime.eventing import FailingDoor, World, history, rule, schedule, state, world
from tests.runtime.messaging import HandClock
from tests.runtime.world import LIMIT_S, PLACE, until

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC).timestamp()
MINUTE = 60.0
EVERY_FIVE = {"ScheduleExpression": "rate(5 minutes)"}


async def go(here: World, until_s: float) -> None:
    """Move the clock to `until_s` after START in steps of ten seconds, firing what is due."""
    await here.schedules.reconcile()
    assert isinstance(here.clock, HandClock)
    while here.clock.now() < START + until_s:
        await here.clock.advance(10.0)
        while await here.schedules.step():
            pass


def times(here: World, name: str = "inbox") -> list[str]:
    """The `time` of every event at a queue."""
    return [json.loads(letter.body)["time"][11:16] for letter in here.box.at(name)]


@history
async def test_a_rule_fires_first_one_period_after_it_was_made(tmp_path: Path) -> None:
    async with world(
        tmp_path, HandClock(START), state(rule("r", "inbox", ScheduleExpression="rate(5 minutes)"))
    ) as here:
        await go(here, 16 * MINUTE)
        assert times(here) == ["12:05", "12:10", "12:15"]
        event = json.loads(here.box.at("inbox")[0].body)
        assert list(event.items())[2:] == [
            ("detail-type", "Scheduled Event"),
            ("source", "aws.events"),
            ("account", "000000000000"),
            ("time", "2026-03-01T12:05:00Z"),
            ("region", "us-east-1"),
            ("resources", [PLACE.rule("default", "r")]),
            ("detail", {}),
        ]


@history
async def test_a_target_of_a_scheduled_rule_gets_its_constant(tmp_path: Path) -> None:
    target = {"Id": "t", "Arn": PLACE.queue("inbox"), "Input": '{"a":1}'}
    deployed = state(rule("r", target, ScheduleExpression="cron(1 12 * * ? *)"))
    async with world(tmp_path, HandClock(START), deployed) as here:
        await go(here, 5 * MINUTE)
        assert [letter.body for letter in here.box.at("inbox")] == [b'{"a":1}']


@history
async def test_a_schedule_with_a_rate_fires_at_once_and_then_every_period(tmp_path: Path) -> None:
    async with world(tmp_path, HandClock(START), state(schedule("s", "rate(5 minutes)"))) as here:
        await go(here, 11 * MINUTE)
        assert times(here) == ["12:00", "12:05", "12:10"]
        body = json.loads(here.box.at("inbox")[0].body)
        assert (body["source"], body["detail"]) == ("aws.scheduler", "{}")
        assert body["resources"] == [PLACE.arn("scheduler", "schedule/default/s")]


@history
async def test_start_and_end_bound_a_schedule(tmp_path: Path) -> None:
    bounded = schedule("s", "rate(5 minutes)", StartDate="2026-03-01T12:07:00Z", EndDate="2026-03-01T12:18:00+00:00")
    async with world(tmp_path, HandClock(START), state(bounded)) as here:
        await go(here, 60 * MINUTE)
        assert times(here) == ["12:07", "12:12", "12:17"]


@history
async def test_a_schedule_runs_by_the_clock_of_its_zone(tmp_path: Path) -> None:
    local = schedule("s", "cron(30 14 * * ? *)", ScheduleExpressionTimezone="Europe/Berlin")
    async with world(tmp_path, HandClock(START), state(local)) as here:
        await go(here, 120 * MINUTE)
        assert times(here) == ["13:30"]


@history
async def test_a_moment_comes_once_and_its_schedule_may_go_with_it(tmp_path: Path) -> None:
    deployed = state(
        schedule("once", "at(2026-03-01T12:03:00)"),
        schedule("gone", "at(2026-03-01T12:04:00)", ActionAfterCompletion="DELETE"),
        schedule("past", "at(2026-03-01T11:00:00)"),
    )
    async with world(tmp_path, HandClock(START), deployed) as here:
        await go(here, 10 * MINUTE)
        assert times(here) == ["12:03", "12:04"]
        assert sorted(here.deployment.state.of(Schedule)) == ["default/once", "default/past"]


@history
async def test_a_flexible_window_delays_by_the_same_time_at_every_run(tmp_path: Path) -> None:
    flexible = schedule(
        "s", "cron(10 12 * * ? *)", FlexibleTimeWindow={"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 15}
    )
    async with world(tmp_path, HandClock(START), state(flexible)) as here:
        await here.schedules.reconcile()
        [first] = here.schedules.upcoming()
        await go(here, 60 * MINUTE)
        [letter] = here.box.at("inbox")
        assert first.at is not None
        assert START + 10 * MINUTE <= first.at <= START + 25 * MINUTE
        assert first.at <= letter.at < first.at + 10
        assert times(here) == ["12:10"]  # the scheduled time, not the delayed one


@history
async def test_context_is_filled_into_the_input(tmp_path: Path) -> None:
    names = {"at": "scheduled-time", "arn": "schedule-arn", "n": "attempt-number"}
    text = json.dumps({key: f"<aws.scheduler.{name}>" for key, name in names.items()})
    async with world(tmp_path, HandClock(START), state(schedule("s", "rate(1 day)", {"Input": text}))) as here:
        await go(here, MINUTE)
        [letter] = here.box.at("inbox")
        assert json.loads(letter.body) == {
            "at": "2026-03-01T12:00:00Z",
            "arn": PLACE.arn("scheduler", "schedule/default/s"),
            "n": "1",
        }


@history
async def test_a_bus_as_target_gets_an_event(tmp_path: Path) -> None:
    bridge = {"DetailType": "Wake", "Source": "timer"}
    target = {"Arn": PLACE.bus("default"), "Input": '{"a": 1}', "EventBridgeParameters": bridge}
    async with world(
        tmp_path, HandClock(START), state(schedule("s", "rate(1 day)", target), rule("r", "inbox"))
    ) as here:
        await go(here, MINUTE)
        await here.settle()
        [letter] = here.box.at("inbox")
        event = json.loads(letter.body)
        assert (event["source"], event["detail-type"], event["detail"]) == ("timer", "Wake", {"a": 1})


@history
async def test_a_universal_target_is_a_call_by_name(tmp_path: Path) -> None:
    request = {"QueueUrl": PLACE.queue_url("inbox"), "MessageBody": "hello"}
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "Input": json.dumps(request)}
    unknown = {"Arn": "arn:aws:scheduler:::aws-sdk:ec2:startInstances", "Input": "{}"}
    deployed = state(schedule("s", "rate(1 day)", target), schedule("u", "rate(1 day)", unknown))
    async with world(tmp_path, HandClock(START), deployed) as here:
        await go(here, MINUTE)
        assert [letter.body for letter in here.box.at("inbox")] == [b"hello"]


@history
async def test_what_cannot_be_delivered_is_dead_lettered_as_scheduler_does(tmp_path: Path) -> None:
    from_target = {
        "Input": "text",
        "DeadLetterConfig": {"Arn": PLACE.queue("dead")},
        "RetryPolicy": {"MaximumRetryAttempts": 0},
    }
    door = FailingDoor(errors={"inbox": [RuntimeError("broken")]})
    async with world(tmp_path, HandClock(START), state(schedule("s", "rate(1 day)", from_target)), door) as here:
        await go(here, MINUTE)
        [letter] = door.at("dead")
        assert letter.body == b"text"
        assert sorted(letter.attributes) == [
            "ERROR_CODE",
            "ERROR_MESSAGE",
            "EXECUTION_ID",
            "EXHAUSTED_RETRY_CONDITION",
            "IS_PAYLOAD_TRUNCATED",
            "RETRY_ATTEMPTS",
            "SCHEDULED_TIME",
            "SCHEDULE_ARN",
            "TARGET_ARN",
        ]


@history
async def test_a_restart_goes_on_where_it_was(tmp_path: Path) -> None:
    clock, box, deployed = (
        HandClock(START),
        FailingDoor(),
        state(rule("r", "inbox", ScheduleExpression="rate(5 minutes)")),
    )
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 12 * MINUTE)
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 21 * MINUTE)
        assert times(here) == ["12:05", "12:10", "12:15", "12:20"]


@history
async def test_what_was_missed_in_the_last_quarter_of_an_hour_is_all_made_up(tmp_path: Path) -> None:
    clock, box, deployed = (
        HandClock(START),
        FailingDoor(),
        state(rule("r", "inbox", ScheduleExpression="rate(5 minutes)")),
    )
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 6 * MINUTE)
    await clock.advance(30 * MINUTE)
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 36 * MINUTE)
        while await here.schedules.step():
            pass
        assert times(here) == ["12:05", "12:25", "12:30", "12:35"]


@history
async def test_of_what_was_missed_long_ago_the_latest_is_made_up(tmp_path: Path) -> None:
    clock, box = HandClock(START), FailingDoor()
    deployed = state(rule("r", "inbox", ScheduleExpression="rate(2 hours)"), schedule("s", "at(2026-03-01T12:30:00)"))
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 6 * MINUTE)
    await clock.advance((3 * 24 * 60 + 60) * MINUTE)
    async with world(tmp_path, clock, deployed, box) as here:
        await here.schedules.reconcile()
        while await here.schedules.step():
            pass
        assert [json.loads(letter.body)["time"] for letter in box.at("inbox")] == [
            "2026-03-01T12:30:00Z",
            "2026-03-04T12:00:00Z",
        ]


@history
async def test_a_tick_that_was_delivered_but_not_remembered_is_not_doubled(tmp_path: Path) -> None:
    clock, box, deployed = (
        HandClock(START),
        FailingDoor(),
        state(rule("r", "inbox", ScheduleExpression="rate(5 minutes)")),
    )
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 1 * MINUTE)
        [kept] = await here.store.scan(PREFIX)
        await go(here, 6 * MINUTE)
        [record] = await here.store.scan(PREFIX)
        await here.store.put(record.key, kept.value, expected=record.revision)  # as if it had stopped in between
    async with world(tmp_path, clock, deployed, box) as here:
        await go(here, 7 * MINUTE)
        assert times(here) == ["12:05"]


@history
async def test_a_clock_that_was_ahead_does_not_silence_a_schedule(tmp_path: Path) -> None:
    box, deployed = FailingDoor(), state(rule("r", "inbox", ScheduleExpression="cron(0/5 * * * ? *)"))
    async with world(tmp_path, HandClock(START + 600 * MINUTE), deployed, box) as here:
        await here.schedules.reconcile()
    async with world(tmp_path, HandClock(START), deployed, box) as here:
        await go(here, 6 * MINUTE)
        assert times(here) == ["12:05"]


@history
async def test_a_disabled_schedule_is_forgotten_and_starts_anew(tmp_path: Path) -> None:
    every = {"ScheduleExpression": "rate(5 minutes)"}
    async with world(tmp_path, HandClock(START), state(rule("r", "inbox", **every))) as here:
        await go(here, 6 * MINUTE)
        await here.deploy([rule("r", "inbox", State="DISABLED", **every)])
        await go(here, 21 * MINUTE)
        assert await here.store.scan(PREFIX) == []
        await here.deploy([rule("r", "inbox", **every)])
        await go(here, 30 * MINUTE)
        assert times(here) == ["12:05", "12:26"]


@history
async def test_a_changed_target_keeps_the_count_and_a_changed_rate_does_not(tmp_path: Path) -> None:
    async with world(
        tmp_path, HandClock(START), state(rule("r", "one", ScheduleExpression="rate(10 minutes)"))
    ) as here:
        await go(here, 5 * MINUTE)
        await here.deploy([rule("r", "two", ScheduleExpression="rate(10 minutes)")])
        await go(here, 11 * MINUTE)
        assert times(here, "two") == ["12:10"]
        await here.deploy([rule("r", "two", ScheduleExpression="rate(3 minutes)")])
        await go(here, 15 * MINUTE)
        assert times(here, "two") == ["12:10", "12:14"]


@history
async def test_schedules_are_told_in_the_order_they_come(tmp_path: Path) -> None:
    deployed = state(
        rule("hourly", "inbox", ScheduleExpression="cron(0 * * * ? *)"),
        rule("soon", "inbox", ScheduleExpression="rate(1 minute)"),
        rule("off", "inbox", ScheduleExpression="rate(1 minute)", State="DISABLED"),
        schedule("past", "at(2020-01-01T00:00:00)"),
    )
    async with world(tmp_path, HandClock(START + 1), deployed) as here:
        for _ in range(2):
            assert here.schedules.upcoming() == [
                Upcoming("rule", "default/soon", "rate(1 minute)", START + 61),
                Upcoming("rule", "default/hourly", "cron(0 * * * ? *)", START + 60 * MINUTE),
                Upcoming("schedule", "default/past", "at(2020-01-01T00:00:00)", None),
            ]
            await here.schedules.reconcile()
        assert here.schedules.next_times() == {
            "rule/default/soon": START + 61,
            "rule/default/hourly": START + 60 * MINUTE,
        }


@history
async def test_the_loop_sleeps_until_something_is_due_or_deployed(tmp_path: Path) -> None:
    clock = HandClock(START)
    async with world(tmp_path, clock, state()) as here:
        loop = asyncio.create_task(here.schedules.run())
        async with asyncio.timeout(LIMIT_S):
            await here.deploy([rule("r", "inbox", ScheduleExpression="rate(1 minute)")])
            await until(lambda: len(here.schedules._timers) == 1)
            await clock.advance(61)
            await until(lambda: times(here) == ["12:01"])
            await clock.advance(180)  # a clock that jumps: every tick comes, in order
            await until(lambda: times(here) == ["12:01", "12:02", "12:03", "12:04"])
            await here.deploy(delete=[(Rule, "default/r")])
            await until(lambda: not here.schedules._timers)
        loop.cancel()
        await asyncio.gather(loop, return_exceptions=True)


@history
async def test_a_schedule_that_fired_for_the_last_time_before_a_stop_is_deleted_after_it(tmp_path: Path) -> None:
    clock, expression = HandClock(START), "at(2026-03-01T12:04:00)"
    async with world(tmp_path, clock, state(schedule("once", expression))) as here:
        await go(here, 6 * MINUTE)
        assert len(times(here)) == 1
    asked = state(
        schedule("once", expression, ActionAfterCompletion="DELETE"),
        schedule("past", "at(2020-03-01T12:04:00)", ActionAfterCompletion="DELETE"),
    )
    async with world(tmp_path, clock, asked) as here:
        await here.schedules.reconcile()
        assert list(here.deployment.state.of(Schedule)) == ["default/past"]


@history
async def test_one_schedule_that_cannot_fire_does_not_keep_the_others_back(tmp_path: Path) -> None:
    broken = schedule("broken", "rate(1 minute)")
    target = broken.noun.target.model_copy(update={"arn": None})  # as no check lets it through
    broken = Deployed(broken.key, broken.noun.model_copy(update={"target": target}))
    async with world(tmp_path, HandClock(START), state()) as here:
        here.deployment.state = here.deployment.state.with_changes([broken, schedule("sound", "rate(1 minute)")])
        await go(here, 2.5 * MINUTE)
        assert times(here) == ["12:00", "12:01", "12:02"]


@history
async def test_a_dead_letter_of_a_schedule_has_the_code_of_the_api_that_was_called(tmp_path: Path) -> None:
    gone = Undeliverable("NO_RESOURCE", "The queue is not there.")
    errors: dict[str, list[Exception]] = {"inbox": [gone], "other": [ApiError("InvalidParameter", "No.", 400)]}
    target = {"DeadLetterConfig": {"Arn": PLACE.queue("dead")}, "RetryPolicy": {"MaximumRetryAttempts": 0}}
    one = schedule("one", "rate(1 day)", target)
    other = schedule("other", "rate(1 day)", target | {"Arn": PLACE.queue("other")})
    own = schedule("own", "rate(1 day)", target | {"Arn": PLACE.queue("own")})
    box = FailingDoor(errors=errors | {"own": [RuntimeError("bug")]})
    async with world(tmp_path, HandClock(START), state(one, other, own), box) as here:
        await go(here, MINUTE)
        codes = {
            letter.attributes["SCHEDULE_ARN"][1][-3:]: letter.attributes["ERROR_CODE"][1] for letter in box.at("dead")
        }
        assert codes == {
            "one": "AWS.SimpleQueueService.NonExistentQueue",
            "her": "InvalidParameter",
            "own": "AWS.Scheduler.InternalServerError",
        }
