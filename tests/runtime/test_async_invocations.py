"""Histories of asynchronous invocations: accepted, tried, tried again, recorded, dead-lettered."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from runner.core import lineage
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.names import LATEST, Arn
from runner.model.state import State
from runner.runtime.async_invocations import AsyncInvocations
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors, Letter, Undeliverable
from runner.runtime.invoking import Answer, Call
from runner.store import SqliteStore
from tests.runtime.world import (
    LIMIT_S,
    PLACE,
    THROTTLE,
    Letterbox,
    Script,
    ScriptedFunction,
    alias,
    deployed,
    failure,
    function,
    in_force,
    invoke_config,
    one_after_the_other,
    success,
    until,
)

PACE = 6000.0  # a minute in ten milliseconds
SUCCEEDED, FAILED, DEAD = PLACE.queue("succeeded"), PLACE.queue("failed"), PLACE.queue("dead")
DESTINATIONS: Any = {
    "DestinationConfig": {"OnSuccess": {"Destination": SUCCEEDED}, "OnFailure": {"Destination": FAILED}}
}
BOTH = deployed(function(DeadLetterConfig={"TargetArn": DEAD}), invoke_config(**DESTINATIONS))


@dataclass
class World:
    clock: Clock
    store: SqliteStore
    deployment: Deployment
    function: ScriptedFunction
    box: Letterbox
    invocations: AsyncInvocations

    async def ended(self, letters: int = 1) -> list[Letter]:
        """Once so many letters came and nothing is left in the queue."""
        await until(lambda: len(self.box.letters) >= letters)
        await self.idle()
        return [letter for _, letter in self.box.letters.values()]

    async def idle(self, name: str = "f") -> None:
        while (depth := await self.store.depth(f"async/{name}", now=self.clock.now())).visible or (
            depth.leased or depth.delayed
        ):
            await asyncio.sleep(0.001)

    @property
    def times(self) -> list[float]:
        return [at for at, _ in self.function.calls]


@asynccontextmanager
async def world(
    folder: Path, state: State, script: Script, *, pace: float = PACE, lease_s: float = 15.0
) -> AsyncIterator[World]:
    """Everything of one runner but its environments, running."""
    clock = Clock(pace)
    store = SqliteStore.open(folder / "state.db", clock=clock)
    deployment = await in_force(store, state)
    scripted, box, doors = ScriptedFunction(clock, script), Letterbox(), Doors()
    invocations = AsyncInvocations(store, deployment, scripted, doors, PLACE, clock, lease_s=lease_s)
    for service in ("sqs", "sns", "events"):
        doors.open(service, box)
    doors.open("lambda", invocations.door)
    running = asyncio.create_task(invocations.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            yield World(clock, store, deployment, scripted, box, invocations)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.aclose()


async def accept(told: World, payload: bytes = b'{"n": 1}', *, qualifier: str | None = None, id: str = "r-1") -> None:
    await told.invocations.accept("f", qualifier, payload, request_id=id)


def records(letters: list[Letter]) -> list[dict[str, object]]:
    return [json.loads(letter.body) for letter in letters]


def test_what_is_accepted_runs_once_and_its_result_is_recorded(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, BOTH, one_after_the_other(success())) as told:
            await accept(told)
            [letter] = await told.ended()
            assert told.box.at("succeeded") == [letter]
            assert letter.id == "r-1/destination"
            [record] = records([letter])
            assert record["requestPayload"] == {"n": 1}
            assert record["responsePayload"] == {"done": True}
            assert [call.request_id for _, call in told.function.calls] == ["r-1"]

    asyncio.run(history())


def test_the_same_request_accepted_twice_runs_once(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, BOTH, one_after_the_other(success())) as told:
            await accept(told)
            await accept(told)
            await told.ended()
            await accept(told)
            await told.idle()
            assert len(told.function.calls) == 1

    asyncio.run(history())


@pytest.mark.slow
def test_a_function_that_always_fails_is_tried_three_times_a_minute_and_two_apart(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, BOTH, one_after_the_other(failure())) as told:
            await accept(told)
            await told.ended(letters=2)
            first, second, third = told.times
            assert second - first >= 60
            assert third - second >= 120
            assert {call.request_id for _, call in told.function.calls} == {"r-1"}
            [record] = records(told.box.at("failed"))
            context = record["requestContext"]
            assert isinstance(context, dict)
            assert (context["condition"], context["approximateInvokeCount"]) == ("RetriesExhausted", 3)
            [dead] = told.box.at("dead")
            assert dead.body == b'{"n": 1}'
            assert dead.attributes == {
                "RequestID": ("String", "r-1"),
                "ErrorCode": ("Number", "200"),
                "ErrorMessage": ("String", "Failing per design"),
            }

    asyncio.run(history())


def test_a_success_after_failures_counts_its_attempts(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, BOTH, one_after_the_other(failure(), success())) as told:
            await accept(told)
            [record] = records(await told.ended())
            context = record["requestContext"]
            assert isinstance(context, dict)
            assert (context["condition"], context["approximateInvokeCount"]) == ("Success", 2)
            assert not told.box.at("dead")

    asyncio.run(history())


def test_throttles_defer_without_counting(tmp_path: Path) -> None:
    async def history() -> None:
        script = one_after_the_other(THROTTLE, THROTTLE, THROTTLE, success())
        async with world(tmp_path, BOTH, script) as told:
            await accept(told)
            [record] = records(await told.ended())
            context = record["requestContext"]
            assert isinstance(context, dict)
            assert context["approximateInvokeCount"] == 1
            gaps = [later - sooner for sooner, later in zip(told.times, told.times[1:], strict=False)]
            assert all(gap >= least for gap, least in zip(gaps, (1, 2, 4), strict=True))

    asyncio.run(history())


@pytest.mark.slow
def test_an_event_that_grows_too_old_is_given_up_with_what_was_last_answered(tmp_path: Path) -> None:
    async def history() -> None:
        config = invoke_config(MaximumEventAgeInSeconds=3600, **DESTINATIONS)
        script = one_after_the_other(failure(), THROTTLE)
        async with world(tmp_path, deployed(function(), config), script) as told:
            await accept(told)
            [record] = records(await told.ended())
            context = record["requestContext"]
            assert isinstance(context, dict)
            assert (context["condition"], context["approximateInvokeCount"]) == ("EventAgeExceeded", 1)
            assert record["responseContext"] == {
                "statusCode": 200,
                "executedVersion": "$LATEST",
                "functionError": "Unhandled",
            }

    asyncio.run(history())


def test_without_reserved_concurrency_nothing_runs(tmp_path: Path) -> None:
    async def history() -> None:
        disabled = function(ReservedConcurrentExecutions=0, DeadLetterConfig={"TargetArn": DEAD})
        async with world(tmp_path, deployed(disabled, invoke_config(**DESTINATIONS)), success_of) as told:
            await accept(told)
            await told.ended(letters=2)
            assert not told.function.calls
            [record] = records(told.box.at("failed"))
            assert "responseContext" not in record
            assert told.box.at("dead")[0].attributes["ErrorCode"] == ("Number", "429")

    asyncio.run(history())


def success_of(_: Call) -> Answer:
    return success()


def test_each_qualifier_has_its_own_rules_and_dead_letters(tmp_path: Path) -> None:
    async def history() -> None:
        state = deployed(
            function(),
            function(version="1", DeadLetterConfig={"TargetArn": DEAD}),
            alias("live", "1"),
            invoke_config(qualifier="live", MaximumRetryAttempts=0, **DESTINATIONS),
        )
        async with world(tmp_path, state, one_after_the_other(failure(version="1"))) as told:
            await accept(told, qualifier="live")
            await told.ended(letters=2)
            assert len(told.function.calls) == 1
            [record] = records(told.box.at("failed"))
            context = record["requestContext"]
            assert isinstance(context, dict)
            assert context["functionArn"] == PLACE.function("f", "live")
            assert len(told.box.at("dead")) == 1

    asyncio.run(history())


def test_a_bus_as_destination_is_told_an_event(tmp_path: Path) -> None:
    async def history() -> None:
        bus = PLACE.bus("results")
        config = invoke_config(DestinationConfig={"OnSuccess": {"Destination": bus}})
        async with world(tmp_path, deployed(function(), config), success_of) as told:
            await accept(told)
            [letter] = await told.ended()
            assert (letter.source, letter.detail_type) == ("lambda", "Lambda Function Invocation Result - Success")
            assert letter.resources == (bus, PLACE.function("f", LATEST))

    asyncio.run(history())


def test_a_function_as_destination_is_invoked_with_the_record(tmp_path: Path) -> None:
    async def history() -> None:
        config = invoke_config(DestinationConfig={"OnSuccess": {"Destination": PLACE.function("g")}})
        async with world(tmp_path, deployed(function(), function("g"), config), success_of) as told:
            await accept(told)
            await until(lambda: len(told.function.calls) == 2)
            _, call = told.function.calls[1]
            assert call.function == "g"
            assert json.loads(call.payload)["requestContext"]["condition"] == "Success"
            await told.idle("g")

    asyncio.run(history())


def test_a_destination_that_cannot_be_is_dropped_and_the_invocation_is_over(tmp_path: Path) -> None:
    async def history() -> None:
        for destination in ("arn:aws:s3:::bucket", PLACE.queue("q.fifo")):
            config = invoke_config(DestinationConfig={"OnSuccess": {"Destination": destination}})
            folder = tmp_path / destination.rsplit(":", 1)[-1]
            folder.mkdir()
            async with world(folder, deployed(function(), config), success_of) as told:
                await accept(told)
                await told.idle()
                assert len(told.function.calls) == 1
                assert not told.box.letters

    asyncio.run(history())


def test_a_chain_through_destinations_is_stopped_as_a_loop(tmp_path: Path) -> None:
    async def history() -> None:
        to = {"OnSuccess": {"Destination": PLACE.function("g")}, "OnFailure": {"Destination": FAILED}}
        back = {"OnSuccess": {"Destination": PLACE.function("f")}, "OnFailure": {"Destination": FAILED}}
        state = deployed(
            function("f"),
            function("g"),
            invoke_config("f", DestinationConfig=to),
            invoke_config("g", DestinationConfig=back),
        )
        async with world(tmp_path, state, success_of) as told:
            await accept(told)
            [record] = records(await told.ended())
            assert len(told.function.calls) == 2 * lineage.LOOP_LIMIT
            context = record["requestContext"]
            assert isinstance(context, dict)
            assert context["condition"] == "RecursiveInvocation"

    asyncio.run(history())


def test_a_function_that_allows_loops_loops(tmp_path: Path) -> None:
    async def history() -> None:
        config = invoke_config(DestinationConfig={"OnSuccess": {"Destination": PLACE.function("f")}})
        async with world(tmp_path, deployed(function(RecursiveLoop="Allow"), config), success_of) as told:
            await accept(told)
            await until(lambda: len(told.function.calls) > 3 * lineage.LOOP_LIMIT)

    asyncio.run(history())


def test_what_does_not_exist_is_not_accepted(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, deployed(function()), success_of) as told:
            with pytest.raises(ApiError) as refused:
                await accept(told, qualifier="7")
            assert refused.value.code == "ResourceNotFoundException"
            assert refused.value.message == f"Function not found: {PLACE.function('f', '7')}"
            with pytest.raises(Undeliverable):
                await told.invocations.door.accept(_arn(PLACE.function("nobody")), Letter("l", b"{}", 0))

    asyncio.run(history())


def _arn(text: str) -> Arn:
    arn = Arn.parse(text)
    assert arn is not None
    return arn


def test_a_function_deleted_meanwhile_ends_its_events(tmp_path: Path) -> None:
    async def history() -> None:
        gone = ApiError("ResourceNotFoundException", "Function not found", 404)
        async with world(tmp_path, BOTH, one_after_the_other(gone)) as told:
            await accept(told)
            await until(lambda: len(told.function.calls) == 1)
            await told.idle()
            assert not told.box.letters

    asyncio.run(history())


def test_a_letter_repeated_is_one_invocation(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, BOTH, success_of) as told:
            letter = Letter("event/rule/target", b'{"n": 2}', told.clock.now(), trace="Root=1-0-0;Sampled=0")
            for _ in range(2):
                await told.invocations.door.accept(_arn(PLACE.function("f")), letter)
            await told.ended()
            [(_, call)] = told.function.calls
            assert call.payload == b'{"n": 2}'
            assert call.trace is not None
            assert call.trace.startswith("Root=1-0-0;")

    asyncio.run(history())


def test_a_herd_is_worked_off_with_bounded_concurrency(tmp_path: Path) -> None:
    async def history() -> None:
        running: list[int] = [0, 0]

        async def busy(_: Call) -> Answer:
            running[0] += 1
            running[1] = max(running)
            await asyncio.sleep(0)
            running[0] -= 1
            return success()

        async with world(tmp_path, deployed(function()), busy) as told:
            await asyncio.gather(*(accept(told, id=f"r-{n}") for n in range(300)))
            await told.idle()
            assert len(told.function.calls) == 300
            assert running[1] <= 8

    asyncio.run(history())


@pytest.mark.slow
def test_slow_invocations_get_more_slots(tmp_path: Path) -> None:
    async def history() -> None:
        gate = asyncio.Event()

        async def slow(_: Call) -> Answer:
            await gate.wait()
            return success()

        async with world(tmp_path, deployed(function()), slow, pace=1.0) as told:
            await asyncio.gather(*(accept(told, id=f"r-{n}") for n in range(20)))
            await until(lambda: len(told.function.calls) == 20)
            gate.set()
            await told.idle()

    asyncio.run(history())


def test_what_was_accepted_before_the_end_is_done_after_the_next_start(tmp_path: Path) -> None:
    async def history() -> None:
        never = asyncio.Event()

        async def hangs(_: Call) -> Answer:
            await never.wait()
            return success()

        async with world(tmp_path, BOTH, hangs) as told:
            for n in range(5):
                await accept(told, id=f"r-{n}")
            await until(lambda: len(told.function.calls) == 5)
        # Leases were given back in order, so nothing waits for them to run out.
        async with world(tmp_path, BOTH, success_of) as told:
            await told.ended(letters=5)
            assert {call.request_id for _, call in told.function.calls} == {f"r-{n}" for n in range(5)}

    asyncio.run(history())


def test_what_is_in_flight_gets_a_moment(tmp_path: Path) -> None:
    async def history() -> None:
        gate = asyncio.Event()

        async def gated(_: Call) -> Answer:
            await gate.wait()
            return success()

        async with world(tmp_path, BOTH, gated) as told:
            await accept(told)
            await until(lambda: len(told.function.calls) == 1)
            draining = asyncio.create_task(told.invocations.drain(LIMIT_S))
            await asyncio.sleep(0)
            gate.set()
            await draining
            assert len(told.box.at("succeeded")) == 1

    asyncio.run(history())


@pytest.mark.slow
def test_a_long_invocation_keeps_its_lease(tmp_path: Path) -> None:
    async def history() -> None:
        async def long(_: Call) -> Answer:
            await asyncio.sleep(0.5)
            return success()

        async with world(tmp_path, BOTH, long, pace=1.0, lease_s=0.1) as told:
            await accept(told)
            await told.ended()
            assert len(told.function.calls) == 1

    asyncio.run(history())


@pytest.mark.slow
def test_a_lease_that_ran_out_does_not_make_it_run_twice(tmp_path: Path) -> None:
    async def history() -> None:
        async def stalls(_: Call) -> Answer:
            await asyncio.sleep(0.01)
            time.sleep(0.2)  # noqa: ASYNC251 - the whole process stands still for longer than the lease
            await asyncio.sleep(0.1)
            return success()

        async with world(tmp_path, BOTH, stalls, pace=1.0, lease_s=0.1) as told:
            await accept(told)
            await told.ended()
            assert len(told.function.calls) == 1

    asyncio.run(history())
