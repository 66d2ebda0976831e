"""Moving dead letters back, and statements in a queue's policy. Answers as recorded on AWS."""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import ApiError
from tests.runtime.messaging import PLACE, World, told, world


async def with_dead_letters(it: World, count: int) -> None:
    """A queue `q` whose messages have all gone to `dead`."""
    await it.queue("dead")
    policy = json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 1})
    await it.queue("q", VisibilityTimeout="0", RedrivePolicy=policy)
    for n in range(count):
        await it.send("q", str(n))
    while (await it.queues.depth("q")).visible:
        await it.receive("q")


async def until_over(it: World) -> dict[str, Any]:
    while True:
        (task,) = (await it.sqs("ListMessageMoveTasks", SourceArn=PLACE.queue("dead")))["Results"]
        if task["Status"] != "RUNNING":
            return dict(task)
        await it.clock.advance(0.5)
        await asyncio.sleep(0)


def test_dead_letters_go_back_to_where_they_came_from(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await with_dead_letters(it, 3)
        running = asyncio.ensure_future(it.queues.run())
        await asyncio.sleep(0)
        await it.sqs("StartMessageMoveTask", SourceArn=PLACE.queue("dead"))
        task = await until_over(it)
        assert task == {
            "Status": "COMPLETED",
            "SourceArn": PLACE.queue("dead"),
            "ApproximateNumberOfMessagesMoved": 3,
            "ApproximateNumberOfMessagesToMove": 3,
            "StartedTimestamp": 1_700_000_000_000,
        }
        messages = await it.receive("q", AttributeNames=["ApproximateReceiveCount", "DeadLetterQueueSourceArn"])
        assert sorted(message["Body"] for message in messages) == ["0", "1", "2"]
        assert messages[0]["Attributes"] == {"ApproximateReceiveCount": "1"}
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    told(history, tmp_path)


def test_a_slow_task_is_cancelled_in_between(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await with_dead_letters(it, 10)
        await it.queue("elsewhere")
        running = asyncio.ensure_future(it.queues.run())
        await asyncio.sleep(0)
        asked = {"SourceArn": PLACE.queue("dead"), "DestinationArn": PLACE.queue("elsewhere")}
        handle = (await it.sqs("StartMessageMoveTask", **asked, MaxNumberOfMessagesPerSecond=1))["TaskHandle"]
        with pytest.raises(ApiError, match="already a task running"):
            await it.sqs("StartMessageMoveTask", **asked)
        while (await it.queues.depth("elsewhere")).visible < 2:
            await it.clock.advance(1)
            await asyncio.sleep(0)
        await it.sqs("CancelMessageMoveTask", TaskHandle=handle)
        task = await until_over(it)
        assert task["Status"] == "CANCELLED"
        assert task["ApproximateNumberOfMessagesToMove"] == 10
        assert "TaskHandle" not in task
        with pytest.raises(ApiError, match="Only active tasks"):
            await it.sqs("CancelMessageMoveTask", TaskHandle=handle)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    told(history, tmp_path)


def test_a_task_goes_on_after_a_restart(tmp_path: Path) -> None:
    async def tell() -> None:
        async with world(tmp_path) as it:
            await with_dead_letters(it, 3)
            await it.sqs("StartMessageMoveTask", SourceArn=PLACE.queue("dead"))
            clock = it.clock
        async with world(tmp_path, clock) as it, asyncio.timeout(20):
            running = asyncio.ensure_future(it.queues.run())
            assert (await until_over(it))["ApproximateNumberOfMessagesMoved"] == 3
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

    asyncio.run(tell())


def test_a_lost_destination_ends_the_task(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await with_dead_letters(it, 2)
        await it.queue("elsewhere")
        asked = {"SourceArn": PLACE.queue("dead"), "DestinationArn": PLACE.queue("elsewhere")}
        await it.sqs("StartMessageMoveTask", **asked)
        await it.sqs("DeleteQueue", "elsewhere")
        running = asyncio.ensure_future(it.queues.run())
        task = await until_over(it)
        assert (task["Status"], task["FailureReason"]) == ("FAILED", "AWS.SimpleQueueService.NonExistentQueue")
        assert (await it.queues.depth("dead")).visible == 2
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    told(history, tmp_path)


def handle(source: str) -> str:
    return base64.b64encode(json.dumps({"taskId": "1", "sourceArn": source}).encode()).decode()


def test_two_starts_at_once_make_one_task(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("dead")
        policy = json.dumps({"deadLetterTargetArn": PLACE.queue("dead"), "maxReceiveCount": 1})
        await it.queue("q", RedrivePolicy=policy)
        asked = [it.sqs("StartMessageMoveTask", SourceArn=PLACE.queue("dead")) for _ in range(3)]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert sum("TaskHandle" in answer for answer in answers if isinstance(answer, dict)) == 1

    told(history, tmp_path)


@pytest.mark.parametrize(
    ("operation", "members", "message"),
    [
        ("StartMessageMoveTask", {"SourceArn": PLACE.queue("q")}, "configured as a Dead Letter Queue"),
        ("StartMessageMoveTask", {"SourceArn": PLACE.queue("none")}, "SourceArn parameter doesn't exist"),
        ("ListMessageMoveTasks", {"SourceArn": PLACE.queue("none")}, "SourceArn parameter doesn't exist"),
        ("ListMessageMoveTasks", {"SourceArn": PLACE.queue("q"), "MaxResults": 11}, "between 1 and 10"),
        ("CancelMessageMoveTask", {"TaskHandle": "e30="}, "Value for parameter TaskHandle is invalid."),
        ("CancelMessageMoveTask", {"TaskHandle": handle(PLACE.queue("none"))}, "SourceArn parameter doesn't exist"),
        ("CancelMessageMoveTask", {"TaskHandle": handle(PLACE.queue("q"))}, "Task does not exist."),
    ],
    ids=["no dead-letter queue", "no queue", "none listed", "too many", "no handle", "handle of no queue", "no task"],
)
def test_moves_are_refused(tmp_path: Path, operation: str, members: dict[str, Any], message: str) -> None:
    async def history(it: World) -> None:
        await it.queue("q")
        with pytest.raises(ApiError, match=message):
            await it.sqs(operation, **members)

    told(history, tmp_path)


def test_permissions_come_and_go(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        await it.queue("q")

        async def policy() -> Any:
            answer = await it.sqs("GetQueueAttributes", "q", AttributeNames=["Policy"])
            return json.loads(answer["Attributes"]["Policy"]) if answer else None

        asked = {"AWSAccountIds": ["668614515564", "000000000000"], "Actions": ["ReceiveMessage"]}
        await it.sqs("AddPermission", "q", Label="cross", **asked)
        roots = ["arn:aws:iam::668614515564:root", "arn:aws:iam::000000000000:root"]
        assert await policy() == {
            "Version": "2008-10-17",
            "Id": f"{PLACE.queue('q')}/SQSDefaultPolicy",
            "Statement": [
                {
                    "Sid": "cross",
                    "Effect": "Allow",
                    "Principal": {"AWS": roots},
                    "Action": "SQS:ReceiveMessage",
                    "Resource": PLACE.queue("q"),
                }
            ],
        }
        with pytest.raises(ApiError) as refused:
            await it.sqs("AddPermission", "q", Label="cross", **asked)
        assert refused.value.message == "Value cross for parameter Label is invalid. Reason: Already exists."
        await it.sqs("AddPermission", "q", Label="second", **{**asked, "AWSAccountIds": ["1"]})
        await it.sqs("RemovePermission", "q", Label="cross")
        assert [statement["Sid"] for statement in (await policy())["Statement"]] == ["second"]
        await it.sqs("RemovePermission", "q", Label="second")
        assert await policy() is None
        with pytest.raises(ApiError) as refused:
            await it.sqs("RemovePermission", "q", Label="second")
        assert refused.value.message == "Value second for parameter Label is invalid. Reason: can't find label."

    told(history, tmp_path)
