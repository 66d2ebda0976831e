"""Histories of event source mappings: real queues on a real store, a scripted function."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from runner.core import lineage
from runner.core.batching import Processing
from runner.host.clock import Clock
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.invoking import Answer, Call
from runner.runtime.mappings import Mappings, MappingState
from runner.runtime.queues import Attribute, Outgoing, Queues
from runner.store import SqliteStore
from tests.runtime.world import (
    LIMIT_S,
    PLACE,
    THROTTLE,
    Script,
    ScriptedFunction,
    deployed,
    failure,
    function,
    in_force,
    one_after_the_other,
    success,
    until,
)

PACE = 600.0  # ten minutes in a second
SHORT_S = 240  # a visibility timeout that tests wait for; others have one that never ends within a test


def queue(name: str = "q", **properties: Any) -> Queue:
    return Queue.model_validate({"QueueName": name, "VisibilityTimeout": 43200, **properties})


def mapping(source: str = "q", **properties: Any) -> EventSourceMapping:
    return EventSourceMapping.model_validate({"FunctionName": "f", "EventSourceArn": PLACE.queue(source), **properties})


def state(*queues: Queue, uuid: str = "u-1", to: Any = None, **properties: Any) -> State:
    """A function `f`, queues (a plain `q` by default), and a mapping between them."""
    named = {str(one.queue_name): one for one in queues or (queue(),)}
    return deployed(to or function(), keys={**named, uuid: mapping(next(iter(named)), **properties)})


@dataclass
class World:
    clock: Clock
    deployment: Deployment
    function: ScriptedFunction
    queues: Queues
    mappings: Mappings

    async def send(self, *bodies: str, to: str = "q", **options: Any) -> None:
        outcomes = await self.queues.send_batch(to, [Outgoing(body, **options) for body in bodies])
        assert not any(isinstance(outcome, Exception) for outcome in outcomes)

    async def empty(self, name: str = "q") -> None:
        """Once the queue holds nothing."""
        while True:
            depth = await self.queues.depth(name)
            if not (depth.visible or depth.leased or depth.delayed):
                return
            await asyncio.sleep(0.001)

    @property
    def batches(self) -> list[list[dict[str, Any]]]:
        return [json.loads(call.payload)["Records"] for _, call in self.function.calls]

    @property
    def bodies(self) -> list[list[str]]:
        return [[record["body"] for record in batch] for batch in self.batches]


@asynccontextmanager
async def world(folder: Path, told: State, script: Script, *, pace: float = PACE) -> AsyncIterator[World]:
    clock = Clock(pace)
    store = SqliteStore.open(folder / "state.db", clock=clock)
    deployment = await in_force(store, told)
    scripted, queues = ScriptedFunction(clock, script), Queues(store, deployment, PLACE, clock)
    mappings = Mappings(deployment, scripted, queues, PLACE, clock)
    running = asyncio.create_task(mappings.run())
    try:
        async with asyncio.timeout(LIMIT_S):
            yield World(clock, deployment, scripted, queues, mappings)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await store.aclose()


def taken(_: Call) -> Answer:
    return success()


def answer(document: object) -> Answer:
    return success(json.dumps(document).encode())


def flat(batches: Iterable[Iterable[str]]) -> list[str]:
    return [body for batch in batches for body in batch]


def test_messages_are_handed_over_and_deleted(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, state(), taken) as told:
            await told.send("a", "b", attributes={"n": Attribute("Number", "6"), "b": Attribute("Binary", b"\0\1")})
            await told.empty()
            assert told.bodies == [["a", "b"]]
            [[record, _]] = told.batches
            assert list(record) == [
                "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfMessageAttributes",
                "md5OfBody", "eventSource", "eventSourceARN", "awsRegion",
            ]  # fmt: skip
            assert list(record["attributes"]) == [
                "ApproximateReceiveCount", "SentTimestamp", "SenderId", "ApproximateFirstReceiveTimestamp",
            ]  # fmt: skip
            assert all(isinstance(value, str) for value in record["attributes"].values())
            assert record["messageAttributes"]["b"]["binaryValue"] == "AAE="
            assert record["md5OfBody"] == "0cc175b9c0f1b6a831c399e269772661"
            assert record["eventSourceARN"] == PLACE.queue("q")
            assert told.mappings.last_result("u-1") is Processing.OK

    asyncio.run(history())


def test_a_batch_has_at_most_its_size(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, state(BatchSize=4), taken) as told:
            await told.send(*map(str, range(10)))
            await told.empty()
            assert sorted(len(batch) for batch in told.bodies) == [2, 4, 4]

    asyncio.run(history())


def test_a_window_gathers_up_to_the_size(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, state(BatchSize=20, MaximumBatchingWindowInSeconds=20), taken) as told:
            for n in range(30):
                await told.send(str(n))
            await told.empty()
            assert [len(batch) for batch in told.bodies] == [20, 10]
            assert told.batches[0][0]["md5OfMessageAttributes"] is None

    asyncio.run(history())


@pytest.mark.slow
def test_a_failed_batch_comes_back_after_the_visibility_timeout(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(
            tmp_path, state(queue(VisibilityTimeout=SHORT_S)), one_after_the_other(failure(), success())
        ) as told:
            await told.send("a")
            await told.empty()
            [first], [second] = told.batches
            received_at = int(second["attributes"]["ApproximateFirstReceiveTimestamp"]) / 1000
            assert told.function.calls[1][0] >= received_at + SHORT_S
            assert first["messageId"] == second["messageId"]
            assert first["receiptHandle"] != second["receiptHandle"]
            assert second["attributes"]["ApproximateReceiveCount"] == "2"

    asyncio.run(history())


@pytest.mark.slow
def test_what_fails_too_often_goes_to_the_dead_letters(tmp_path: Path) -> None:
    async def history() -> None:
        redrive = {"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 2}
        told_state = state(queue(VisibilityTimeout=SHORT_S, RedrivePolicy=redrive), queue("dead"))
        async with world(tmp_path, told_state, one_after_the_other(failure())) as told:
            await told.send("a", "b")
            await told.empty()
            assert Counter(flat(told.bodies)) == {"a": 2, "b": 2}
            dead = await told.queues.receive("dead", limit=10)
            assert sorted(one.envelope.body for one in dead) == ["a", "b"]

    asyncio.run(history())


@pytest.mark.slow
def test_reported_failures_come_back_alone(tmp_path: Path) -> None:
    async def history() -> None:
        def reports(call: Call) -> Answer:
            records = json.loads(call.payload)["Records"]
            failed = [
                {"itemIdentifier": record["messageId"]}
                for record in records
                if record["body"] == "b" and record["attributes"]["ApproximateReceiveCount"] == "1"
            ]
            return answer({"batchItemFailures": failed})

        short = queue(VisibilityTimeout=SHORT_S)
        async with world(tmp_path, state(short, FunctionResponseTypes=["ReportBatchItemFailures"]), reports) as told:
            await told.send("a", "b", "c")
            await told.empty()
            assert told.bodies == [["a", "b", "c"], ["b"]]

    asyncio.run(history())


def test_without_that_type_a_report_is_only_an_answer(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, state(), lambda _: answer({"batchItemFailures": [{"itemIdentifier": ""}]})) as told:
            await told.send("a")
            await told.empty()
            assert told.bodies == [["a"]]

    asyncio.run(history())


def test_what_a_filter_does_not_let_through_is_deleted(tmp_path: Path) -> None:
    async def history() -> None:
        criteria = {"Filters": [{"Pattern": '{"body": {"kind": ["order"]}}'}]}
        async with world(tmp_path, state(FilterCriteria=criteria), taken) as told:
            await told.send('{"kind": "other"}', '{"kind": "order"}', "plain")
            await told.empty()
            assert flat(told.bodies) == ['{"kind": "order"}']

    asyncio.run(history())


@pytest.mark.slow
def test_groups_keep_their_order_and_never_run_twice_at_once(tmp_path: Path) -> None:
    async def history() -> None:
        running: Counter[str] = Counter()
        failed_once: set[str] = set()

        async def slow(call: Call) -> Answer:
            records = json.loads(call.payload)["Records"]
            groups = {record["attributes"]["MessageGroupId"] for record in records}
            running.update(groups)
            assert all(running[group] == 1 for group in groups)
            await asyncio.sleep(0.002)
            running.subtract(groups)
            bodies = {record["body"] for record in records}
            if "x1" in bodies and "x1" not in failed_once:
                failed_once.add("x1")
                return failure()
            done.extend(record["body"] for record in records)
            return success()

        done: list[str] = []
        fifo = queue("q.fifo", VisibilityTimeout=SHORT_S, FifoQueue=True, ContentBasedDeduplication=True)
        async with world(tmp_path, state(fifo, BatchSize=3), slow) as told:
            for n in range(6):
                await told.send(f"x{n}", to="q.fifo", group="x")
                await told.send(f"y{n}", to="q.fifo", group="y")
            await told.empty("q.fifo")
            assert [body for body in done if body[0] == "x"] == [f"x{n}" for n in range(6)]
            assert [body for body in done if body[0] == "y"] == [f"y{n}" for n in range(6)]

    asyncio.run(history())


def test_no_more_batches_at_once_than_the_maximum(tmp_path: Path) -> None:
    async def history() -> None:
        running = [0, 0]

        async def slow(_: Call) -> Answer:
            running[0] += 1
            running[1] = max(running)
            await asyncio.sleep(0.002)
            running[0] -= 1
            return success()

        async with world(tmp_path, state(BatchSize=1, ScalingConfig={"MaximumConcurrency": 2}), slow) as told:
            await told.send(*map(str, range(10)))
            await told.empty()
            assert running == [0, 2]

    asyncio.run(history())


def test_a_throttled_batch_is_tried_again_while_its_messages_are_held(tmp_path: Path) -> None:
    async def history() -> None:
        script = one_after_the_other(THROTTLE, THROTTLE, success())
        async with world(tmp_path, state(), script) as told:
            await told.send("a")
            await told.empty()
            [first], [second], [third] = told.batches
            assert first["receiptHandle"] == second["receiptHandle"] == third["receiptHandle"]
            times = [at for at, _ in told.function.calls]
            assert all(later - sooner >= 1 for sooner, later in pairwise(times))

    asyncio.run(history())


def test_a_batch_throttled_for_too_long_comes_back(tmp_path: Path) -> None:
    async def history() -> None:
        told_state = state(queue(VisibilityTimeout=4))
        async with world(tmp_path, told_state, one_after_the_other(*[THROTTLE] * 4, success())) as told:
            await told.send("a")
            await told.empty()
            counts = [batch[0]["attributes"]["ApproximateReceiveCount"] for batch in told.batches]
            assert counts[0] == "1"
            assert counts[-1] > "1"

    asyncio.run(history())


@pytest.mark.slow
def test_what_goes_round_in_a_loop_is_not_handed_over(tmp_path: Path) -> None:
    async def history() -> None:
        trace = None
        for _ in range(lineage.LOOP_LIMIT):
            trace = lineage.step(trace, PLACE.function("f"), request_id="r", now=0).header
        redrive = {"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 1}
        told_state = state(queue(VisibilityTimeout=SHORT_S, RedrivePolicy=redrive), queue("dead"))
        async with world(tmp_path, told_state, taken) as told:
            await told.send("round", trace=trace)
            await told.send("straight", trace="Root=1-0-0")
            await told.empty()
            assert flat(told.bodies) == ["straight"]
            [(_, call)] = told.function.calls
            assert call.trace is not None
            assert call.trace.startswith("Root=1-0-0;")
            [dead] = await told.queues.receive("dead", limit=10)
            assert dead.envelope.body == "round"

    asyncio.run(history())


def test_a_mapping_follows_the_state(tmp_path: Path) -> None:
    async def history() -> None:
        off = state(Enabled=False)
        async with world(tmp_path, off, taken) as told:
            assert told.mappings.state("u-1") is MappingState.DISABLED
            assert told.mappings.state("u-2") is MappingState.DELETING
            await told.send("a")
            await change(told, mapping())
            await told.empty()
            assert told.mappings.state("u-1") is MappingState.ENABLED
            await change(told, mapping(Enabled=False))
            await until(lambda: told.mappings.state("u-1") is MappingState.DISABLED)
            await told.send("b")
            assert (await told.queues.depth("q")).visible == 1

    asyncio.run(history())


async def change(told: World, noun: EventSourceMapping) -> None:
    await told.deployment.change(lambda state: state.with_changes([Deployed("u-1", noun)]))


def test_a_change_cuts_nothing_in_flight(tmp_path: Path) -> None:
    async def history() -> None:
        gate = asyncio.Event()

        async def gated(call: Call) -> Answer:
            if json.loads(call.payload)["Records"][0]["body"] == "a":
                await gate.wait()
            return success()

        async with world(tmp_path, state(queue()), gated) as told:
            await told.send("a")
            await until(lambda: len(told.function.calls) == 1)
            await change(told, mapping(BatchSize=1))
            await told.send("b")
            await until(lambda: told.bodies == [["a"], ["b"]])
            await change(told, mapping(Enabled=False))
            await until(lambda: told.mappings.state("u-1") is MappingState.DISABLING)
            gate.set()
            await told.empty()
            assert told.bodies == [["a"], ["b"]]

    asyncio.run(history())


def test_a_mapping_waits_for_its_queue(tmp_path: Path) -> None:
    async def history() -> None:
        told_state = deployed(function(), keys={"u-1": mapping()})
        async with world(tmp_path, told_state, taken) as told:
            await until(lambda: told.mappings.last_result("u-1") is Processing.CONNECTION)
            await told.deployment.change(lambda before: before.with_changes([Deployed("q", queue())]))
            await told.send("a")
            await told.empty()
            assert told.bodies == [["a"]]

    asyncio.run(history())


@pytest.mark.slow
def test_large_messages_are_split_into_batches_of_six_megabytes(tmp_path: Path) -> None:
    async def history() -> None:
        async with world(tmp_path, state(), taken) as told:
            for letter in "abcdefgh":
                await told.send(letter * 1_000_000)
            await told.empty()
            sizes = [len(call.payload) for _, call in told.function.calls]
            assert max(sizes) <= 6 * 1024 * 1024
            assert sorted(body[0] for body in flat(told.bodies)) == list("abcdefgh")

    asyncio.run(history())


@pytest.mark.parametrize("moment", ["in order", "after a moment"])
def test_what_was_in_flight_at_the_end_is_done_after_the_next_start(tmp_path: Path, moment: str) -> None:
    async def history() -> None:
        gate = asyncio.Event()

        async def gated(_: Call) -> Answer:
            await gate.wait()
            return success()

        async with world(tmp_path, state(queue()), gated) as told:
            await told.send("a")
            await until(lambda: len(told.function.calls) == 1)
            if moment == "after a moment":
                draining = asyncio.create_task(told.mappings.drain(LIMIT_S))
                await asyncio.sleep(0)
                gate.set()
                await draining
                await told.empty()
        async with world(tmp_path, state(queue()), taken) as told:
            await told.empty()
            assert told.bodies == ([["a"]] if moment == "in order" else [])

    asyncio.run(history())
