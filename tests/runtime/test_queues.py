"""Histories of queues: what a sender, a receiver and the clock do, and what is seen."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import ApiError
from runner.model.messaging import Queue
from runner.model.names import Arn
from runner.model.state import Deployed, State
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.queues import Outgoing
from runner.store.ports import Message
from tests.runtime.messaging import LIMIT_S, PLACE, World, told, world

History = Callable[[World], Awaitable[None]]
TRACE = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


async def a_message_is_hidden_until_its_visibility_ends(it: World) -> None:
    await it.queue("q", VisibilityTimeout="10")
    await it.send("q")
    (first,) = await it.receive("q", AttributeNames=["All"])
    assert await it.receive("q") == []
    await it.clock.advance(11)
    (second,) = await it.receive("q", AttributeNames=["All"])
    assert second["Attributes"]["ApproximateReceiveCount"] == "2"
    assert second["Attributes"]["ApproximateFirstReceiveTimestamp"] == "1700000000000"
    assert second["MessageId"] == first["MessageId"]
    assert second["ReceiptHandle"] != first["ReceiptHandle"]


async def an_old_handle_deletes_nothing_and_says_nothing(it: World) -> None:
    await it.queue("q", VisibilityTimeout="10")
    await it.send("q")
    (first,) = await it.receive("q")
    await it.clock.advance(11)
    (second,) = await it.receive("q")
    await it.sqs("DeleteMessage", "q", ReceiptHandle=first["ReceiptHandle"])
    assert (await it.queues.depth("q")).leased == 1
    await it.sqs("DeleteMessage", "q", ReceiptHandle=second["ReceiptHandle"])
    assert (await it.queues.depth("q")).leased == 0


async def visibility_can_be_changed_and_given_up(it: World) -> None:
    await it.queue("q")
    await it.send("q")
    (message,) = await it.receive("q")
    handle = message["ReceiptHandle"]
    await it.sqs("ChangeMessageVisibility", "q", ReceiptHandle=handle, VisibilityTimeout=100)
    await it.clock.advance(60)
    assert await it.receive("q") == []
    await it.sqs("ChangeMessageVisibility", "q", ReceiptHandle=handle, VisibilityTimeout=0)
    await it.sqs("DeleteMessage", "q", ReceiptHandle=handle)  # still this holder's: nobody has it since
    assert await it.receive("q") == []


async def a_long_poll_is_answered_by_a_send(it: World) -> None:
    await it.queue("q", ReceiveMessageWaitTimeSeconds="20")
    poll = asyncio.ensure_future(it.receive("q"))
    for _ in range(10):
        await asyncio.sleep(0)
    assert not poll.done()
    await it.send("q", "at last")
    assert [message["Body"] for message in await poll] == ["at last"]


async def a_long_poll_is_answered_when_a_delay_ends(it: World) -> None:
    await it.queue("q", DelaySeconds="5")
    await it.send("q")
    await it.send("q", "at once", DelaySeconds=0)
    assert await it.bodies("q") == ["at once"]
    poll = asyncio.ensure_future(it.receive("q", WaitTimeSeconds=20))
    for _ in range(10):
        await asyncio.sleep(0)
    await it.clock.advance(6)
    assert [message["Body"] for message in await poll] == ["hello"]


async def a_message_received_too_often_goes_to_the_dead_letters_with_all_it_had(it: World) -> None:
    await it.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": "2"})
    await it.queue("q", VisibilityTimeout="1", RedrivePolicy=policy)
    attribute = {"DataType": "String", "StringValue": "foobar"}
    trace = {"AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}}
    sent = await it.send("q", MessageAttributes={"MyAttribute": attribute}, MessageSystemAttributes=trace)
    for _ in range(2):
        assert await it.bodies("q") == ["hello"]
        await it.clock.advance(2)
    assert await it.bodies("q") == []
    (dead,) = await it.receive("dead", AttributeNames=["All"], MessageAttributeNames=["All"])
    assert dead["MessageId"] == sent["MessageId"]
    assert dead["MessageAttributes"] == {"MyAttribute": attribute}
    assert dead["MD5OfMessageAttributes"] == "adb59cd4678ea5a855436b949cd07ab6"  # recorded
    assert dead["Attributes"] == {
        "SenderId": "AIDAIENQZJOLO23YVJ4VO",
        "ApproximateFirstReceiveTimestamp": "1700000004000",
        "ApproximateReceiveCount": "3",
        "SentTimestamp": "1700000000000",
        "AWSTraceHeader": TRACE,
        "DeadLetterQueueSourceArn": PLACE.queue("q"),
    }


async def a_missing_dead_letter_queue_keeps_the_message_where_it_is(it: World) -> None:
    policy = json.dumps({"deadLetterTargetArn": PLACE.queue("nowhere"), "maxReceiveCount": 1})
    await it.queue("q", VisibilityTimeout="0", RedrivePolicy=policy)
    await it.send("q")
    for _ in range(3):
        assert await it.bodies("q") == ["hello"]


async def a_waiting_receiver_is_not_disturbed_by_dead_letters(it: World) -> None:
    await it.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 1})
    await it.queue("q", VisibilityTimeout="1", RedrivePolicy=policy)
    await it.send("q", "poison")
    await it.receive("q")
    await it.clock.advance(2)
    poll = asyncio.ensure_future(it.receive("q", WaitTimeSeconds=20))
    while not (await it.queues.depth("dead")).visible:
        await asyncio.sleep(0)
    await it.send("q", "fresh")
    assert [message["Body"] for message in await poll] == ["fresh"]


async def messages_older_than_the_retention_are_gone(it: World) -> None:
    await it.queue("q", MessageRetentionPeriod="60")
    await it.send("q", "old")
    await it.clock.advance(59)
    await it.send("q", "young")
    await it.clock.advance(2)
    assert (await it.queues.depth("q")).visible == 1
    await it.send("q", "younger")
    await it.clock.advance(58)
    assert await it.bodies("q") == ["younger"]


async def a_fifo_queue_hands_out_groups_in_order(it: World) -> None:
    await it.queue("q.fifo", ContentBasedDeduplication="true")
    for n in range(3):
        for group in "ab":
            await it.send("q.fifo", f"{group}{n}", MessageGroupId=group)
    first = await it.receive("q.fifo", limit=1)
    assert [message["Body"] for message in first] == ["a0"]
    assert await it.bodies("q.fifo") == ["b0", "b1", "b2"]
    await it.sqs("DeleteMessage", "q.fifo", ReceiptHandle=first[0]["ReceiptHandle"])
    assert await it.bodies("q.fifo") == ["a1", "a2"]


async def a_duplicate_is_answered_like_the_first_and_not_delivered(it: World) -> None:
    await it.queue("q.fifo")
    one = await it.send("q.fifo", "one", MessageGroupId="g", MessageDeduplicationId="d")
    two = await it.send("q.fifo", "two", MessageGroupId="other", MessageDeduplicationId="d")
    assert (two["MessageId"], two["SequenceNumber"]) == (one["MessageId"], one["SequenceNumber"])
    (message,) = await it.receive("q.fifo", AttributeNames=["All"])
    assert len(one["SequenceNumber"]) == 20
    assert message["Attributes"]["SequenceNumber"] == one["SequenceNumber"]
    assert message["Attributes"]["MessageDeduplicationId"] == "d"
    await it.sqs("DeleteMessage", "q.fifo", ReceiptHandle=message["ReceiptHandle"])
    await it.clock.advance(299)
    await it.send("q.fifo", "three", MessageGroupId="g", MessageDeduplicationId="d")
    assert await it.bodies("q.fifo") == []
    await it.clock.advance(2)
    later = await it.send("q.fifo", "four", MessageGroupId="g", MessageDeduplicationId="d")
    assert later["SequenceNumber"] > one["SequenceNumber"]
    assert await it.bodies("q.fifo") == ["four"]


async def duplicates_sent_at_once_are_one_message(it: World) -> None:
    await it.queue("q.fifo", ContentBasedDeduplication="true")
    answers = await asyncio.gather(*(it.send("q.fifo", "same", MessageGroupId="g") for _ in range(9)))
    assert len({answer["MessageId"] for answer in answers}) == 1
    assert await it.bodies("q.fifo") == ["same"]


async def the_scope_of_deduplication_can_be_the_group(it: World) -> None:
    limits = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
    await it.queue("q.fifo", **limits)
    for group in ("a", "b", "a"):
        await it.send("q.fifo", group, MessageGroupId=group, MessageDeduplicationId="d")
    assert sorted(await it.bodies("q.fifo")) == ["a", "b"]


async def a_fifo_delay_of_zero_is_the_queues_delay(it: World) -> None:
    await it.queue("q.fifo", DelaySeconds="2", ContentBasedDeduplication="true")
    await it.send("q.fifo", MessageGroupId="g", DelaySeconds=0)
    assert await it.bodies("q.fifo") == []
    await it.clock.advance(3)
    assert await it.bodies("q.fifo") == ["hello"]


async def a_fifo_handle_expires_with_its_visibility(it: World) -> None:
    await it.queue("q.fifo", VisibilityTimeout="5", ContentBasedDeduplication="true")
    await it.send("q.fifo", MessageGroupId="g")
    (message,) = await it.receive("q.fifo")
    handle = message["ReceiptHandle"]
    await it.sqs("ChangeMessageVisibility", "q.fifo", ReceiptHandle=handle, VisibilityTimeout=20)
    await it.clock.advance(15)
    await it.sqs("ChangeMessageVisibility", "q.fifo", ReceiptHandle=handle, VisibilityTimeout=1)
    await it.clock.advance(2)
    with pytest.raises(ApiError) as refused:
        await it.sqs("DeleteMessage", "q.fifo", ReceiptHandle=handle)
    assert refused.value.message == (
        f"Value {handle} for parameter ReceiptHandle is invalid. Reason: The receipt handle has expired."
    )


async def fifo_dead_letters_keep_their_group_and_order(it: World) -> None:
    await it.queue("dead.fifo")
    policy = json.dumps({"deadLetterTargetArn": PLACE.queue("dead.fifo"), "maxReceiveCount": 1})
    await it.queue("q.fifo", VisibilityTimeout="1", RedrivePolicy=policy, ContentBasedDeduplication="true")
    for n in range(3):
        await it.send("q.fifo", f"m{n}", MessageGroupId="g")
    assert await it.bodies("q.fifo") == ["m0", "m1", "m2"]
    await it.clock.advance(2)
    assert await it.bodies("q.fifo") == []
    dead = await it.receive("dead.fifo", AttributeNames=["MessageGroupId"])
    assert [message["Body"] for message in dead] == ["m0", "m1", "m2"]
    assert dead[0]["Attributes"] == {"MessageGroupId": "g"}


async def a_removed_queue_loses_what_it_held(it: World) -> None:
    await it.queue("q")
    await it.send("q")
    await it.sqs("DeleteQueue", "q")
    with pytest.raises(ApiError, match="wait 60 seconds"):
        await it.queue("q")
    await it.clock.advance(61)
    await it.queue("q")
    assert await it.bodies("q") == []


async def a_queue_that_a_stack_removes_is_emptied_beside(it: World) -> None:
    noun = Queue.model_validate({"QueueName": "q"})

    def without(state: State) -> State:
        return state.with_changes([], [(Queue, "q")])

    await it.deployment.change(lambda state: state.with_changes([Deployed("q", noun, "stack/Q")]))
    await it.send("q")
    loop = asyncio.ensure_future(it.queues.run())
    await it.deployment.change(without)
    while (await it.store.depth("sqs/q", now=it.clock.now())).visible:
        await asyncio.sleep(0)
    loop.cancel()
    await asyncio.gather(loop, return_exceptions=True)


async def a_letter_is_one_message_however_often_it_is_handed_in(it: World) -> None:
    await it.queue("q")
    letter = Letter(
        "event/rule/target",
        "ünï".encode(),
        it.clock.now(),
        {"E": ("String", "x"), "B": ("Binary", "AQI=")},
        trace=TRACE,
    )
    arn = Arn.parse(PLACE.queue("q"))
    assert arn is not None
    for _ in range(3):
        await it.queues.accept(arn, letter)
    (message,) = await it.receive("q", AttributeNames=["AWSTraceHeader"], MessageAttributeNames=["All"])
    assert message["Body"] == "ünï"
    assert message["Attributes"] == {"AWSTraceHeader": TRACE}
    assert message["MessageAttributes"]["B"] == {"DataType": "Binary", "BinaryValue": b"\x01\x02"}


async def a_letter_to_a_fifo_queue_needs_a_group_and_a_deduplication_id(it: World) -> None:
    await it.queue("q.fifo")
    arn = Arn.parse(PLACE.queue("q.fifo"))
    assert arn is not None
    for letter in (Letter("1", b"x", 0.0), Letter("1", b"x", 0.0, group="g")):
        with pytest.raises(Undeliverable) as refused:
            await it.queues.accept(arn, letter)
        assert refused.value.code == "INVALID_PARAMETER"
    await it.queues.accept(arn, Letter("1", b"x", 0.0, group="g", deduplication="d"))
    await it.queues.accept(arn, Letter("1", b"x", 0.0, group="g", deduplication="d"))
    assert await it.bodies("q.fifo") == ["x"]


async def a_letter_to_no_queue_is_undeliverable(it: World) -> None:
    arn = Arn.parse(PLACE.queue("none"))
    assert arn is not None
    with pytest.raises(Undeliverable) as refused:
        await it.queues.accept(arn, Letter("1", b"x", 0.0))
    assert refused.value.code == "NO_RESOURCE"


async def the_same_id_is_the_same_message(it: World) -> None:
    await it.queue("q")
    one = await it.queues.send("q", Outgoing("x", id="1"))
    assert await it.queues.send("q", Outgoing("x", id="1")) == one
    assert await it.bodies("q") == ["x"]


async def everything_odd_in_a_body_comes_back_as_it_was(it: World) -> None:
    await it.queue("q")
    bodies = ["\n", '{"a":\n"\\n"}', "🦀\u2028\ud7ff\ue000", "x" * 1_048_576, "\t\r\n "]
    for body in bodies:
        await it.send("q", body)
    received = []
    while found := await it.bodies("q"):
        received += found
    assert received == bodies


HISTORIES: list[History] = [value for value in list(globals().values()) if asyncio.iscoroutinefunction(value)]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__.replace("_", " "))
def test_queues(history: History, tmp_path: Path) -> None:
    told(history, tmp_path)


def test_deduplication_outlives_the_process(tmp_path: Path) -> None:
    async def tell() -> None:
        async with world(tmp_path) as it:
            await it.queue("q.fifo")
            one = await it.send("q.fifo", "one", MessageGroupId="g", MessageDeduplicationId="d")
            clock = it.clock
        async with world(tmp_path, clock) as it:
            two = await it.send("q.fifo", "two", MessageGroupId="g", MessageDeduplicationId="d")
            assert two["MessageId"] == one["MessageId"]
            assert await it.bodies("q.fifo") == ["one"]
            for n in range(400):  # what is forgotten is forgotten on disk too
                await clock.advance(1)
                await it.send("q.fifo", f"{n}", MessageGroupId="g", MessageDeduplicationId=f"d{n}")
            assert len(await it.store.scan("deduplication/sqs/q.fifo/")) <= 302

    asyncio.run(tell())


def test_an_attempt_to_receive_can_be_repeated(tmp_path: Path) -> None:
    """The same messages and handles, hidden anew; a new receive once one of them was touched or their time is over."""

    async def history(it: World) -> None:
        await it.queue("q.fifo", VisibilityTimeout="30")
        for number in range(3):
            given = {"MessageGroupId": "g", "MessageDeduplicationId": str(number)}
            await it.sqs("SendMessage", "q.fifo", MessageBody=str(number), **given)

        async def attempt(name: str = "a", **given: Any) -> list[tuple[str, str]]:
            answer = await it.sqs("ReceiveMessage", "q.fifo", ReceiveRequestAttemptId=name, **given)
            return [(one["Body"], one["ReceiptHandle"]) for one in answer.get("Messages", [])]

        first = await attempt(MaxNumberOfMessages=2)
        assert [body for body, _ in first] == ["0", "1"]
        assert await attempt("another") == []
        await it.clock.advance(20)
        assert await attempt(MaxNumberOfMessages=2) == first
        await it.clock.advance(20)  # past the first end of the lease: the repetition moved it
        assert await attempt("another") == []
        await it.sqs("DeleteMessage", "q.fifo", ReceiptHandle=first[0][1])
        assert await attempt(MaxNumberOfMessages=2) == []
        await it.clock.advance(31)
        assert [body for body, _ in await attempt(MaxNumberOfMessages=2)] == ["1", "2"]

    told(history, tmp_path)


@pytest.mark.parametrize(("queue", "refused"), [("q", True), ("q.fifo", False)])
def test_so_many_messages_can_be_in_flight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, queue: str, refused: bool
) -> None:
    monkeypatch.setattr("runner.runtime.queues.attempts.IN_FLIGHT_MAX", 2)

    async def history(it: World) -> None:
        await it.queue(queue, VisibilityTimeout="30")
        for number in range(4):
            given = {"MessageGroupId": str(number), "MessageDeduplicationId": str(number)} if not refused else {}
            await it.sqs("SendMessage", queue, MessageBody=str(number), **given)
        taken = (await it.sqs("ReceiveMessage", queue, MaxNumberOfMessages=2))["Messages"]
        if refused:
            with pytest.raises(ApiError) as over:
                await it.sqs("ReceiveMessage", queue)
            assert over.value.code == "OverLimit"
        else:
            assert await it.sqs("ReceiveMessage", queue) == {}
        await it.sqs("DeleteMessage", queue, ReceiptHandle=taken[0]["ReceiptHandle"])
        assert len((await it.sqs("ReceiveMessage", queue))["Messages"]) == 1
        await it.clock.advance(31)
        assert len((await it.sqs("ReceiveMessage", queue))["Messages"]) == 1

    told(history, tmp_path)


def test_what_a_queue_held_that_was_removed_just_before_the_end_is_dropped_at_the_next_start(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("kept")
        await it.sqs("SendMessage", "kept", MessageBody="x")
        now = it.clock.now()
        await it.store.send("sqs/gone", [Message("m", b"", now)], now=now)
        running = asyncio.ensure_future(it.queues.run())
        async with asyncio.timeout(LIMIT_S):
            while await it.store.queues("sqs/") != ["sqs/kept"]:
                await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    told(history, tmp_path)
