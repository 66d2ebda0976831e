"""EventBridge's API as boto3 and the AWS CLI see it, against a live server over the real store.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from runner.host.clock import Clock
from runner.model.names import Place
from runner.model.state import State
from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors
from runner.store import SqliteStore, StateStore
from runner.wire.events import Events
from tests.runtime.world import Letterbox
from tests.wire.live import Live

PLACE = Place()
QUEUE = PLACE.queue("inbox")
PATTERN = json.dumps({"source": ["shop"]})


class World:
    """A live endpoint with the `events` room; queues keep their letters in `box`."""

    def __init__(self, folder: Path) -> None:
        clock, doors = Clock(), Doors()
        self.box = Letterbox()
        self.store = SqliteStore.open(folder / "state.db", clock=clock)
        self.deployment = Deployment(StateStore(self.store), State())
        self.buses = Buses(self.store, self.deployment, Deliveries(self.store, doors, clock), PLACE, clock)
        doors.open("sqs", self.box)
        doors.open("events", self.buses)
        self.live = Live([Events(self.buses, self.deployment, PLACE, clock)])

    async def open(self) -> None:
        self.loop = asyncio.create_task(self.buses.run())

    async def close(self) -> None:
        self.loop.cancel()
        await asyncio.gather(self.loop, return_exceptions=True)
        await self.store.aclose()

    async def letters(self, count: int) -> list[dict[str, Any]]:
        """What the inbox holds once it holds `count`."""
        async with asyncio.timeout(30):
            async with self.box.came:
                await self.box.came.wait_for(lambda: len(self.box.letters) >= count)
        return [json.loads(letter.body) for letter in self.box.at("inbox")]


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    world = World(tmp_path)
    with world.live as live:
        live.run(world.open())
        yield world
        live.run(world.close())


@pytest.fixture
def client(world: World) -> Any:
    return world.live.client("events")


def refused(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        call()
    error = caught.value.response["Error"]
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    return error["Code"], error["Message"]


def entry(**members: Any) -> dict[str, Any]:
    return {"Source": "shop", "DetailType": "OrderPlaced", "Detail": '{"id": 1}', **members}


def test_an_event_reaches_the_target_of_its_rule_and_no_other(world: World, client: Any) -> None:
    client.create_event_bus(Name="orders")
    client.put_rule(Name="placed", EventBusName="orders", EventPattern=PATTERN)
    client.put_targets(Rule="placed", EventBusName="orders", Targets=[{"Id": "in", "Arn": QUEUE}])
    client.put_rule(Name="other", EventBusName="orders", EventPattern='{"source": ["bank"]}')
    client.put_targets(Rule="other", EventBusName="orders", Targets=[{"Id": "in", "Arn": PLACE.queue("nowhere")}])
    answer = client.put_events(
        Entries=[
            entry(EventBusName="orders", Time=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), Resources=["r"]),
            entry(),  # on the default bus
        ]
    )
    assert answer["FailedEntryCount"] == 0
    [event] = world.live.run(world.letters(1))
    assert list(event.items()) == [
        ("version", "0"),
        ("id", answer["Entries"][0]["EventId"]),
        ("detail-type", "OrderPlaced"),
        ("source", "shop"),
        ("account", "000000000000"),
        ("time", "2026-01-02T03:04:05Z"),
        ("region", "us-east-1"),
        ("resources", ["r"]),
        ("detail", {"id": 1}),
    ]
    assert world.box.at("nowhere") == []


ENTRIES = [
    ({"Source": ""}, "InvalidArgument", "Parameter Source is not valid. Reason: Source is a required argument."),
    (
        {"DetailType": ""},
        "InvalidArgument",
        "Parameter DetailType is not valid. Reason: DetailType is a required argument.",
    ),
    ({"Detail": ""}, "InvalidArgument", "Parameter Detail is not valid. Reason: Detail is a required argument."),
    ({"Detail": "text"}, "MalformedDetail", "Detail is malformed."),
    ({"Detail": "[1]"}, "MalformedDetail", "Detail is malformed."),
    ({"Detail": '{"a": NaN}'}, "MalformedDetail", "Detail is malformed."),
    ({"Source": "aws.s3"}, "NotAuthorizedForSourceException", "Not authorized for the source."),
]


@pytest.mark.parametrize(("members", "code", "message"), ENTRIES)
def test_a_bad_entry_fails_alone(client: Any, members: dict[str, str], code: str, message: str) -> None:
    answer = client.put_events(Entries=[entry(**members), entry(EventBusName="nowhere")])
    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0] == {"ErrorCode": code, "ErrorMessage": message}
    assert set(answer["Entries"][1]) == {"EventId"}


def test_too_many_entries(client: Any) -> None:
    code, message = refused(lambda: client.put_events(Entries=[entry()] * 11))
    one = (
        "PutEventsRequestEntry(time=null, source=shop, resources=null, detailType=OrderPlaced, "
        'detail={"id": 1}, eventBusName=null, traceHeader=null, kmsKeyIdentifier=null, internalMetadata=null)'
    )
    assert code == "ValidationException"
    assert message == (
        f"1 validation error detected: Value '[{', '.join([one] * 11)}]' at 'entries' failed to satisfy constraint: "
        "Member must have length less than or equal to 10"
    )


def test_too_large_a_call(client: Any) -> None:
    detail = json.dumps({"a": "x" * 600_000})
    assert refused(lambda: client.put_events(Entries=[entry(Detail=detail)] * 2)) == (
        "ValidationException",
        "Total size of the entries in the request is over the limit.",
    )


def test_buses(client: Any) -> None:
    arn = PLACE.bus("orders")
    assert client.create_event_bus(Name="orders", Description="of orders")["EventBusArn"] == arn
    assert refused(lambda: client.create_event_bus(Name="orders")) == (
        "ResourceAlreadyExistsException",
        "Event bus orders already exists.",
    )
    described = client.describe_event_bus(Name=arn)
    assert (described["Name"], described["Arn"], described["Description"]) == ("orders", arn, "of orders")
    assert [bus["Name"] for bus in client.list_event_buses()["EventBuses"]] == ["default", "orders"]
    first = client.list_event_buses(Limit=1)
    assert [bus["Name"] for bus in first["EventBuses"]] == ["default"]
    second = client.list_event_buses(NextToken=first["NextToken"])
    assert [bus["Name"] for bus in second["EventBuses"]] == ["orders"]
    assert client.list_event_buses(NamePrefix="ord")["EventBuses"][0]["Name"] == "orders"
    client.update_event_bus(Name="orders", Description="changed")
    assert client.describe_event_bus(Name="orders")["Description"] == "changed"
    client.put_rule(Name="r", EventBusName="orders", EventPattern=PATTERN)
    assert refused(lambda: client.delete_event_bus(Name="orders"))[0] == "ValidationException"
    client.delete_rule(Name="r", EventBusName="orders")
    client.delete_event_bus(Name="orders")
    for call in (client.describe_event_bus, client.delete_event_bus):
        assert refused(partial(call, Name="orders")) == (
            "ResourceNotFoundException",
            "Event bus orders does not exist.",
        )
    assert refused(lambda: client.delete_event_bus(Name="default")) == (
        "ValidationException",
        "Cannot delete event bus default.",
    )


def test_rules(client: Any) -> None:
    arn = client.put_rule(Name="r", EventPattern=PATTERN, Description="d", Tags=[{"Key": "k", "Value": "v"}])["RuleArn"]
    assert arn == PLACE.rule("default", "r")
    client.put_targets(Rule="r", Targets=[{"Id": "in", "Arn": QUEUE}])
    described = client.describe_rule(Name="r")
    del described["ResponseMetadata"]
    assert described == {
        "Name": "r",
        "Arn": arn,
        "EventPattern": PATTERN,
        "State": "ENABLED",
        "Description": "d",
        "EventBusName": "default",
        "CreatedBy": "000000000000",
    }
    client.put_rule(Name="r", ScheduleExpression="rate(1 minute)", State="DISABLED")  # what is left out is reset
    [rule] = client.list_rules(NamePrefix="r")["Rules"]
    assert rule == {
        "Name": "r",
        "Arn": arn,
        "State": "DISABLED",
        "ScheduleExpression": "rate(1 minute)",
        "EventBusName": "default",
    }
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "k", "Value": "v"}]
    assert client.list_rule_names_by_target(TargetArn=QUEUE)["RuleNames"] == ["r"]
    client.enable_rule(Name="r")
    assert client.describe_rule(Name="r")["State"] == "ENABLED"
    client.disable_rule(Name="r")
    assert client.describe_rule(Name="r")["State"] == "DISABLED"
    assert refused(lambda: client.delete_rule(Name="r")) == (
        "ValidationException",
        "Rule can't be deleted since it has targets.",
    )
    client.remove_targets(Rule="r", Ids=["in"])
    client.delete_rule(Name="r")
    client.delete_rule(Name="r")
    assert refused(lambda: client.describe_rule(Name="r")) == (
        "ResourceNotFoundException",
        "Rule r does not exist on EventBus default.",
    )


BAD_RULES: list[tuple[dict[str, str], str, str]] = [
    ({}, "ValidationException", "Parameter(s) EventPattern or ScheduleExpression must be specified."),
    ({"ScheduleExpression": "rate(1 minutes)"}, "ValidationException", "Parameter ScheduleExpression is not valid."),
    (
        {"ScheduleExpression": "rate(1 minute)", "EventBusName": "orders"},
        "ValidationException",
        "ScheduleExpression is supported only on the default event bus.",
    ),
    (
        {"EventPattern": PATTERN, "EventBusName": "nowhere"},
        "ResourceNotFoundException",
        "Event bus nowhere does not exist.",
    ),
    (
        {"EventPattern": '{"source": "x"}'},
        "InvalidEventPatternException",
        'Event pattern is not valid. Reason: "source" must be an object or an array\n'
        ' at [Source: (String)"{"source": "x"}"; line: 1, column: 13]',
    ),
    (
        {"EventPattern": json.dumps({"source": ["x" * 2100]})},
        "ValidationException",
        "Parameter EventPattern for rule bad exceeds limit of 2048.",
    ),
]


@pytest.mark.parametrize(("members", "code", "message"), BAD_RULES, ids=[row[2][:40] for row in BAD_RULES])
def test_a_bad_rule(client: Any, members: dict[str, str], code: str, message: str) -> None:
    client.create_event_bus(Name="orders")
    assert refused(lambda: client.put_rule(Name="bad", **members)) == (code, message)


BAD_TARGETS: list[tuple[dict[str, Any], str]] = [
    ({"Arn": "nothing"}, "Parameter ARN is not valid. Reason: Provided Arn is not in correct format."),
    (
        {"Id": "!@#$"},
        "1 validation error detected: Value '!@#$' at 'targets.1.member.id' failed to satisfy constraint: "
        "Member must satisfy regular expression pattern: [\\.\\-_A-Za-z0-9]+",
    ),
    (
        {"Input": "{}", "InputPath": "$"},
        "Only one of Input, InputPath, or InputTransformer must be provided for target t.",
    ),
    ({"Input": "word"}, "JSON syntax error in input for target t."),
    ({"InputPath": "$.detail['k']"}, "InputPath for target t is invalid."),
    (
        {"InputTransformer": {"InputPathsMap": {"a": "$.detail"}, "InputTemplate": '"<a> <b>"'}},
        "InputTemplate for target t contains invalid placeholder b.",
    ),
    (
        {"KinesisParameters": {"PartitionKeyPath": "$.id"}},
        "Parameter(s) KinesisParameters not supported for target: t.",
    ),
    ({"Arn": PLACE.queue("q.fifo")}, "Parameter(s) SqsParameters must be specified for target: t."),
    ({"DeadLetterConfig": {"Arn": PLACE.topic("t")}}, "sns is not supported as a dead letter resource"),
    (
        {"DeadLetterConfig": {"Arn": PLACE.queue("q.fifo")}},
        "SQS FIFO is not supported by Dead Letter Queues",
    ),
]


@pytest.mark.parametrize(("members", "message"), BAD_TARGETS, ids=[row[1][:40] for row in BAD_TARGETS])
def test_a_bad_target(client: Any, members: dict[str, Any], message: str) -> None:
    client.put_rule(Name="r", EventPattern=PATTERN)
    target = {"Id": "t", "Arn": QUEUE, **members}
    assert refused(lambda: client.put_targets(Rule="r", Targets=[target])) == ("ValidationException", message)


def test_targets(client: Any) -> None:
    client.put_rule(Name="r", EventPattern=PATTERN)
    targets = [
        {"Id": f"t{number}", "Arn": QUEUE, "InputPath": "$.detail", "RetryPolicy": {"MaximumRetryAttempts": 3}}
        for number in range(5)
    ]
    answer = client.put_targets(Rule="r", Targets=targets)
    assert (answer["FailedEntryCount"], answer["FailedEntries"]) == (0, [])
    assert client.list_targets_by_rule(Rule="r")["Targets"] == targets
    page = client.list_targets_by_rule(Rule="r", Limit=3)
    rest = client.list_targets_by_rule(Rule="r", NextToken=page["NextToken"])
    assert page["Targets"] + rest["Targets"] == targets
    assert refused(lambda: client.put_targets(Rule="r", Targets=[{"Id": "t6", "Arn": QUEUE}])) == (
        "LimitExceededException",
        "The requested resource exceeds the maximum number allowed.",
    )
    twice = [{"Id": "a", "Arn": QUEUE}] * 2
    assert refused(lambda: client.put_targets(Rule="r", Targets=twice)) == (
        "ValidationException",
        "Parameter targets is not valid. Reason: More than one target with Id 'a' is provided.",
    )
    removed = client.remove_targets(Rule="r", Ids=["t0", "none"])
    assert removed["FailedEntries"] == [
        {
            "TargetId": "none",
            "ErrorCode": "ResourceNotFoundException",
            "ErrorMessage": "Rule 'r' does not have a target with the Id 'none'.",
        }
    ]
    assert refused(lambda: client.list_targets_by_rule(Rule="none")) == (
        "ResourceNotFoundException",
        "Rule none does not exist on EventBus default.",
    )


def test_patterns_are_tried(client: Any) -> None:
    event = {"id": "1", "account": "0", "source": "shop", "time": "t", "region": "r", "detail-type": "d"}
    assert client.test_event_pattern(EventPattern=PATTERN, Event=json.dumps(event))["Result"] is True
    assert client.test_event_pattern(EventPattern='{"source":["x"]}', Event=json.dumps(event))["Result"] is False
    for bad in ("text", "[]", '{"source": "shop"}'):
        assert refused(partial(client.test_event_pattern, EventPattern=PATTERN, Event=bad)) == (
            "ValidationException",
            "Parameter Event is not valid.",
        )
    code, _ = refused(lambda: client.test_event_pattern(EventPattern="{}", Event=json.dumps(event)))
    assert code == "InvalidEventPatternException"


def test_permissions(client: Any) -> None:
    client.create_event_bus(Name="orders")
    client.put_permission(EventBusName="orders", StatementId="s1", Principal="111122223333", Action="events:PutEvents")
    policy = json.loads(client.describe_event_bus(Name="orders")["Policy"])
    assert policy == {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "s1",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::111122223333:root"},
                "Action": "events:PutEvents",
                "Resource": PLACE.bus("orders"),
            }
        ],
    }
    unknown = ("ResourceNotFoundException", "Statement with the provided id does not exist.")
    assert refused(lambda: client.remove_permission(EventBusName="orders", StatementId="none")) == unknown
    client.remove_permission(EventBusName="orders", StatementId="s1")
    assert "Policy" not in client.describe_event_bus(Name="orders")
    assert refused(lambda: client.remove_permission(EventBusName="orders", StatementId="s1")) == unknown


def test_tags(client: Any) -> None:
    arn = client.create_event_bus(Name="orders", Tags=[{"Key": "a", "Value": "1"}])["EventBusArn"]
    client.tag_resource(ResourceARN=arn, Tags=[{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "3"}])
    client.untag_resource(ResourceARN=arn, TagKeys=["b", "none"])
    assert client.list_tags_for_resource(ResourceARN=arn)["Tags"] == [{"Key": "a", "Value": "3"}]
    default = PLACE.bus("default")
    client.tag_resource(ResourceARN=default, Tags=[{"Key": "a", "Value": "1"}])
    assert client.list_tags_for_resource(ResourceARN=default)["Tags"] == [{"Key": "a", "Value": "1"}]
    for name, message in (
        (PLACE.bus("none"), "Event bus none does not exist."),
        (PLACE.rule("default", "none"), "Rule none does not exist on EventBus default."),
    ):
        assert refused(partial(client.list_tags_for_resource, ResourceARN=name)) == (
            "ResourceNotFoundException",
            message,
        )


@pytest.mark.slow
def test_the_command_line(world: World) -> None:
    world.live.client("events").put_rule(Name="r", EventPattern=PATTERN)
    entries = json.dumps([{"Source": "shop", "DetailType": "x", "Detail": "{}"}])
    done = world.live.aws("events", "put-events", "--entries", entries)
    assert json.loads(done.stdout)["FailedEntryCount"] == 0, done.stderr
