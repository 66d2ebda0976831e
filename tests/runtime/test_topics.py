"""Histories of topics: what is published, and what each subscriber gets."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from runner.model.messaging import Subscription
from runner.model.names import Arn
from runner.model.state import Deployed
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.topics.service import retry_delay_s
from runner.store.ports import Message
from tests.runtime.messaging import PLACE, FunctionDoor, World, told, world

History = Callable[[World], Awaitable[None]]
TEXT = {"DataType": "String", "StringValue": "v"}
NUMBER = {"DataType": "Number", "StringValue": "99.12"}
BINARY = {"DataType": "Binary", "BinaryValue": b"\x02\x03\x04"}


async def a_queue_gets_the_notification(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    arn = await it.subscribe("t", "q")
    sent = await it.publish("t", 'ö "x"\n', Subject="About it", MessageAttributes={"b": BINARY, "a": NUMBER})
    (message,) = await it.receive("q", MessageAttributeNames=["All"])
    assert "MessageAttributes" not in message
    body = message["Body"]
    document = json.loads(body)
    assert list(document) == [
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"),
        *("SigningCertURL", "UnsubscribeURL", "MessageAttributes"),
    ]
    assert document["MessageId"] == sent["MessageId"]
    assert document["Message"] == 'ö "x"\n'
    assert document["Timestamp"] == "2023-11-14T22:13:20.000Z"
    assert document["UnsubscribeURL"].endswith(f"/?Action=Unsubscribe&SubscriptionArn={arn}")
    assert document["MessageAttributes"] == {
        "b": {"Type": "Binary", "Value": "AgME"},
        "a": {"Type": "Number", "Value": "99.12"},
    }
    assert body.startswith('{\n  "Type" : "Notification",\n  "MessageId" : "')
    assert body.endswith('    "a" : {"Type":"Number","Value":"99.12"}\n  }\n}')


async def raw_delivery_is_the_message_and_its_attributes(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    await it.subscribe("t", "q", RawMessageDelivery="true")
    await it.publish("t", "Test msg", Subject="lost", MessageAttributes={"attr1": NUMBER, "bin": BINARY})
    (message,) = await it.receive("q", MessageAttributeNames=["attr1"])
    assert message["Body"] == "Test msg"
    assert message["MD5OfMessageAttributes"] == "d302007e9aa062660afc85fd0a482472"  # recorded
    await it.sqs("ChangeMessageVisibility", "q", ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    (message,) = await it.receive("q", MessageAttributeNames=["bin"])
    assert message["MessageAttributes"] == {"bin": BINARY}


async def a_function_gets_an_event_of_one_record(it: World) -> None:
    await it.topic("t")
    endpoint = PLACE.function("f")
    arn = (await it.sns("Subscribe", "t", Protocol="lambda", Endpoint=endpoint))["SubscriptionArn"]
    sent = await it.publish("t", "Hello world.")
    await it.publish("t", "Again.", Subject="s", MessageAttributes={"a": TEXT})
    first, second = (json.loads(letter.body)["Records"] for letter in it.functions.letters.values())
    assert [list(record) for record in first] == [["EventSource", "EventVersion", "EventSubscriptionArn", "Sns"]]
    assert first[0]["EventSubscriptionArn"] == arn
    notice = first[0]["Sns"]
    assert list(notice) == [
        *("Type", "MessageId", "TopicArn", "Subject", "Message", "Timestamp", "SignatureVersion", "Signature"),
        *("SigningCertUrl", "UnsubscribeUrl", "MessageAttributes"),
    ]
    assert (notice["MessageId"], notice["Subject"], notice["MessageAttributes"]) == (sent["MessageId"], None, {})
    assert second[0]["Sns"]["MessageAttributes"] == {"a": {"Type": "String", "Value": "v"}}


async def a_message_structure_has_a_text_for_each_protocol(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    await it.subscribe("t", "q", RawMessageDelivery="true")
    await it.sns("Subscribe", "t", Protocol="lambda", Endpoint=PLACE.function("f"))
    texts = json.dumps({"default": "for all", "sqs": '{"for": "queues"}', "email": "x"})
    await it.publish("t", texts, MessageStructure="json")
    assert await it.bodies("q") == ['{"for": "queues"}']
    (letter,) = it.functions.letters.values()
    assert json.loads(letter.body)["Records"][0]["Sns"]["Message"] == "for all"


async def filters_look_at_attributes_or_at_the_body(it: World) -> None:
    await it.topic("t")
    policies = {
        "attributes": {"FilterPolicy": '{"kind": ["order"], "n": [{"numeric": [">", 5]}]}'},
        "body": {"FilterPolicy": '{"detail": {"kind": [{"prefix": "ord"}]}}', "FilterPolicyScope": "MessageBody"},
        "all": {"FilterPolicy": "{}"},
    }
    for queue, attributes in policies.items():
        await it.queue(queue)
        await it.subscribe("t", queue, RawMessageDelivery="true", **attributes)
    order = {"kind": {"DataType": "String", "StringValue": "order"}, "n": {"DataType": "Number", "StringValue": "7"}}
    await it.publish("t", "plain", MessageAttributes=order)
    await it.publish("t", '{"detail": {"kind": "order"}}')
    assert await it.bodies("attributes") == ["plain"]
    assert await it.bodies("body") == ['{"detail": {"kind": "order"}}']
    assert len(await it.bodies("all")) == 2


async def a_filter_can_be_changed_while_it_runs(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    arn = await it.subscribe("t", "q", RawMessageDelivery="true", FilterPolicy='{"a": ["v"]}')
    await it.publish("t", "no")
    await it.publish("t", "yes", MessageAttributes={"a": TEXT})
    await it.sns("SetSubscriptionAttributes", SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="")
    await it.publish("t", "now")
    assert await it.bodies("q") == ["yes", "now"]


async def who_subscribes_later_gets_nothing_from_before(it: World) -> None:
    await it.topic("t")
    await it.queue("early")
    await it.queue("late")
    await it.subscribe("t", "early", RawMessageDelivery="true")
    await it.sns("Publish", "t", Message="first")
    await it.subscribe("t", "late", RawMessageDelivery="true")
    await it.topics.step("t", wait_s=0)
    await it.publish("t", "second")
    assert await it.bodies("early") == ["first", "second"]
    assert await it.bodies("late") == ["second"]


async def what_cannot_be_delivered_is_a_dead_letter(it: World) -> None:
    await it.topic("t")
    for queue in ("raw", "enveloped", "raw-dead", "enveloped-dead", "f-dead"):
        await it.queue(queue)

    def dead(queue: str) -> dict[str, str]:
        return {"RedrivePolicy": json.dumps({"deadLetterTargetArn": PLACE.queue(queue)})}

    await it.subscribe("t", "raw", RawMessageDelivery="true", **dead("raw-dead"))
    await it.subscribe("t", "enveloped", **dead("enveloped-dead"))
    it.functions.gone.add("f")
    await it.sns("Subscribe", "t", Protocol="lambda", Endpoint=PLACE.function("f"), Attributes=dead("f-dead"))
    await it.sqs("DeleteQueue", "raw")
    await it.sqs("DeleteQueue", "enveloped")
    await it.publish("t", "m", MessageAttributes={"attr1": NUMBER})
    (raw,) = await it.receive("raw-dead", MessageAttributeNames=["All"])
    assert (raw["Body"], raw["MessageAttributes"]) == ("m", {"attr1": NUMBER})
    for queue in ("enveloped-dead", "f-dead"):
        (message,) = await it.receive(queue, MessageAttributeNames=["All"])
        assert json.loads(message["Body"])["MessageAttributes"] == {"attr1": {"Type": "Number", "Value": "99.12"}}
        assert "MessageAttributes" not in message


async def more_than_ten_raw_attributes_are_a_dead_letter_too(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    await it.subscribe("t", "q", RawMessageDelivery="true")
    await it.publish("t", "m", MessageAttributes={f"a{n}": TEXT for n in range(11)})
    await it.publish("t", "n")
    assert await it.bodies("q") == ["n"]


async def a_fifo_topic_keeps_order_and_drops_duplicates(it: World) -> None:
    await it.topic("t.fifo", ContentBasedDeduplication="true")
    await it.queue("q.fifo")
    await it.queue("plain")
    await it.subscribe("t.fifo", "q.fifo")
    await it.subscribe("t.fifo", "plain", RawMessageDelivery="true")
    sent = [await it.sns("Publish", "t.fifo", Message=f"{n % 3}", MessageGroupId="g") for n in range(6)]
    await it.topics.step("t.fifo", wait_s=0)
    assert [one["MessageId"] for one in sent[:3]] == [one["MessageId"] for one in sent[3:]]
    assert sent[0]["SequenceNumber"] < sent[1]["SequenceNumber"]
    messages = await it.receive("q.fifo", AttributeNames=["All"])
    documents = [json.loads(message["Body"]) for message in messages]
    assert [document["Message"] for document in documents] == ["0", "1", "2"]
    assert list(documents[0]) == [
        *("Type", "MessageId", "SequenceNumber", "TopicArn", "Message", "Timestamp", "UnsubscribeURL")
    ]
    assert documents[0]["SequenceNumber"] == sent[0]["SequenceNumber"]
    assert messages[0]["Attributes"]["MessageGroupId"] == "g"
    assert len(messages[0]["Attributes"]["MessageDeduplicationId"]) == 64
    assert await it.bodies("plain") == ["0", "1", "2"]


async def a_group_travels_through_a_standard_topic(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    await it.subscribe("t", "q", RawMessageDelivery="true")
    await it.publish("t", MessageGroupId="my-group-id-1")
    (message,) = await it.receive("q", AttributeNames=["MessageGroupId"])
    assert message["Attributes"] == {"MessageGroupId": "my-group-id-1"}


async def a_letter_is_published_once(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    await it.subscribe("t", "q", RawMessageDelivery="true")
    arn = Arn.parse(PLACE.topic("t"))
    assert arn is not None
    for _ in range(3):
        await it.topics.accept(arn, Letter("event/rule/1", b"x", 0.0))
        await it.topics.step("t", wait_s=0)
    assert await it.bodies("q") == ["x"]
    nowhere = Arn.parse(PLACE.topic("none"))
    assert nowhere is not None
    with pytest.raises(Undeliverable):
        await it.topics.accept(nowhere, Letter("1", b"x", 0.0))


async def a_running_topic_hands_out_by_itself(it: World) -> None:
    await it.topic("t")
    await it.queue("q")
    await it.subscribe("t", "q", RawMessageDelivery="true")
    await it.sns("Publish", "t", Message="from before it ran")
    running = asyncio.ensure_future(it.topics.run())
    entries = [{"Id": str(n), "Message": str(n)} for n in range(5)]
    answer = await it.sns("PublishBatch", "t", PublishBatchRequestEntries=entries)
    assert [one["Id"] for one in answer["Successful"]] == ["0", "1", "2", "3", "4"]
    assert answer["Failed"] == []
    received: list[str] = []
    while len(received) < 6:
        received += await it.bodies("q", WaitTimeSeconds=5)
    assert received == ["from before it ran", "0", "1", "2", "3", "4"]
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


HISTORIES: list[History] = [value for value in list(globals().values()) if asyncio.iscoroutinefunction(value)]


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: history.__name__.replace("_", " "))
def test_topics(history: History, tmp_path: Path) -> None:
    told(history, tmp_path)


def test_a_door_that_fails_is_tried_again_in_order(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    class Flaky(FunctionDoor):
        failures = 5

        async def accept(self, arn: Arn, letter: Letter) -> None:
            if self.failures:
                self.failures -= 1
                raise OSError("disk full")
            await super().accept(arn, letter)

    async def history(it: World) -> None:
        door = Flaky()
        it.doors.open("lambda", door)
        await it.topic("t.fifo", ContentBasedDeduplication="true")
        noun = Subscription.model_validate(
            {"TopicArn": PLACE.topic("t.fifo"), "Protocol": "lambda", "Endpoint": PLACE.function("f")}
        )
        await it.deployment.change(lambda state: state.with_changes([Deployed("arn:sub", noun)]))
        for n in range(3):
            await it.publish("t.fifo", str(n), MessageGroupId="g")
        for _ in range(10):
            await it.clock.advance(1)
            await it.topics.step("t.fifo", wait_s=0)
        messages = [json.loads(letter.body)["Records"][0]["Sns"]["Message"] for letter in door.letters.values()]
        assert messages == ["0", "1", "2"]

    with caplog.at_level(logging.CRITICAL):
        told(history, tmp_path)


@pytest.mark.slow
def test_a_stop_after_any_store_call_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """The store stops working at its n-th write; then a new process takes over."""

    class Stop(Exception):
        pass

    def stopping(it: World, after: int) -> None:
        left = after

        def counted(verb: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
            async def call(*args: Any, **kwargs: Any) -> Any:
                nonlocal left
                left -= 1
                if left < 0:
                    raise Stop
                return await verb(*args, **kwargs)

            return call

        for verb in ("send", "ack", "put"):
            setattr(it.store, verb, counted(getattr(it.store, verb)))

    async def tell(folder: Path, after: int) -> None:
        accepted: Sequence[str] = []
        async with world(folder) as it:
            await it.topic("t.fifo", ContentBasedDeduplication="true")
            for queue in ("one.fifo", "two.fifo"):
                await it.queue(queue)
                await it.subscribe("t.fifo", queue, RawMessageDelivery="true")
            stopping(it, after)
            try:
                for n in range(3):
                    await it.sns("Publish", "t.fifo", Message=str(n), MessageGroupId="g")
                    accepted = [*accepted, str(n)]
                await it.topics.step("t.fifo", wait_s=0)
            except Stop:
                pass
            clock = it.clock
        await clock.advance(60)
        async with world(folder, clock) as it:
            while await it.topics.step("t.fifo", wait_s=0):
                pass
            for queue in ("one.fifo", "two.fifo"):
                bodies = await it.bodies(queue)
                assert bodies[: len(accepted)] == accepted
                assert len(bodies) - len(accepted) <= 1  # the one whose answer was lost may be there

    for after in range(20):
        folder = tmp_path / str(after)
        folder.mkdir()
        asyncio.run(tell(folder, after))


def test_what_no_machine_here_sends_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        noun = Subscription.model_validate({"TopicArn": PLACE.topic("t"), "Protocol": "email", "Endpoint": "a@b.c"})
        await it.deployment.change(lambda state: state.with_changes([Deployed("arn:sub", noun)]))
        await it.publish("t")

    told(history, tmp_path)
    assert "was not sent to email a@b.c" in caplog.text


def test_unreadable_messages_do_not_stop_a_topic(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        await it.queue("q")
        await it.subscribe("t", "q", RawMessageDelivery="true")
        await it.store.send("sns/t", [Message("1", b"nonsense", 0.0)], now=1.0)
        await it.publish("t", "fine")
        assert await it.bodies("q") == ["fine"]

    with caplog.at_level(logging.CRITICAL):
        told(history, tmp_path)


@pytest.mark.parametrize(("failures", "delay_s"), [(1, 0), (3, 0), (4, 1), (5, 1), (6, 1), (8, 4), (11, 20), (200, 20)])
def test_delivery_is_tried_again_after(failures: int, delay_s: float) -> None:
    assert retry_delay_s(failures) == delay_s


def test_a_topic_made_anew_has_seen_nothing(tmp_path: Path) -> None:
    async def history(it: World) -> None:
        given = {"Message": "x", "MessageGroupId": "g", "MessageDeduplicationId": "d"}
        answers = []
        for _ in range(2):
            await it.topic("t.fifo")
            answers += [(await it.sns("Publish", "t.fifo", **given))["MessageId"] for _ in range(2)]
            await it.sns("DeleteTopic", "t.fifo")
        assert answers[0] == answers[1] != answers[2] == answers[3]

    told(history, tmp_path)
