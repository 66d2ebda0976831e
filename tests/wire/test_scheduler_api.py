"""EventBridge Scheduler's API as boto3 sees it.

Source: https://docs.aws.amazon.com/scheduler/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

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
from runner.runtime.deployment import Deployment
from runner.store import SqliteStore, StateStore
from runner.wire.scheduler import Scheduler
from tests.wire.live import Live

PLACE = Place()
QUEUE = PLACE.queue("inbox")
ROLE = PLACE.role("scheduler")


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Any]:
    clock = Clock()
    store = SqliteStore.open(tmp_path / "state.db", clock=clock)
    with Live([Scheduler(Deployment(StateStore(store), State()), PLACE, clock)]) as live:
        yield live.client("scheduler")
        live.run(store.aclose())


def request(target: dict[str, Any] | None = None, **members: Any) -> dict[str, Any]:
    return {
        "Name": "s",
        "ScheduleExpression": "rate(5 minutes)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": QUEUE, "RoleArn": ROLE, **(target or {})},
        **members,
    }


def refused(call: Callable[[], Any]) -> tuple[str, str, int]:
    with pytest.raises(ClientError) as caught:
        call()
    answer = caught.value.response
    return answer["Error"]["Code"], answer["Error"]["Message"], answer["ResponseMetadata"]["HTTPStatusCode"]


def test_a_schedule_is_made_read_changed_and_deleted(client: Any) -> None:
    arn = "arn:aws:scheduler:us-east-1:000000000000:schedule/default/s"
    start = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert client.create_schedule(**request(StartDate=start, Description="d"))["ScheduleArn"] == arn
    assert refused(lambda: client.create_schedule(**request())) == (
        "ConflictException",
        "Schedule s already exists.",
        409,
    )
    found = client.get_schedule(Name="s")
    assert (found["Arn"], found["GroupName"], found["Description"], found["StartDate"]) == (arn, "default", "d", start)
    assert (found["ScheduleExpressionTimezone"], found["State"], found["ActionAfterCompletion"]) == (
        "UTC",
        "ENABLED",
        "NONE",
    )
    assert found["Target"]["RetryPolicy"] == {"MaximumRetryAttempts": 185, "MaximumEventAgeInSeconds": 86400}
    client.update_schedule(**request(State="DISABLED"))
    found = client.get_schedule(Name="s")
    assert found["State"] == "DISABLED"
    assert "Description" not in found
    [summary] = client.list_schedules(NamePrefix="s")["Schedules"]
    assert (summary["Name"], summary["Target"]) == ("s", {"Arn": QUEUE})
    assert client.list_schedules(State="ENABLED")["Schedules"] == []
    client.delete_schedule(Name="s")
    for call in (client.get_schedule, client.delete_schedule):
        assert refused(partial(call, Name="s")) == (
            "ResourceNotFoundException",
            "Schedule s does not exist.",
            404,
        )


BAD: list[tuple[dict[str, Any], str]] = [
    ({"ScheduleExpression": "cron(0 1 * * * *)"}, "Invalid Schedule Expression cron(0 1 * * * *)."),
    ({"ScheduleExpression": "at(2021-12-31)"}, "Invalid Schedule Expression at(2021-12-31)."),
    (
        {"FlexibleTimeWindow": {"Mode": "FLEXIBLE"}},
        "MaximumWindowInMinutes must be provided when FlexibleTimeWindowMode is set to FLEXIBLE.",
    ),
    (
        {"FlexibleTimeWindow": {"Mode": "OFF", "MaximumWindowInMinutes": 5}},
        "MaximumWindowInMinutes must not be provided when FlexibleTimeWindowMode is set to OFF.",
    ),
    ({"ScheduleExpressionTimezone": "Europe/Nowhere"}, "Invalid ScheduleExpressionTimezone Europe/Nowhere."),
    (
        {"StartDate": datetime(2026, 2, 1, tzinfo=UTC), "EndDate": datetime(2026, 1, 1, tzinfo=UTC)},
        "The StartDate you specify must come before the EndDate.",
    ),
    (
        {"Target": {"Arn": PLACE.function("f"), "RoleArn": ROLE, "Input": "text"}},
        "JSON syntax error in input for the target.",
    ),
    (
        {"Target": {"Arn": PLACE.queue("q.fifo"), "RoleArn": ROLE}},
        "Parameters SqsParameters must be specified.",
    ),
    (
        {"Target": {"Arn": QUEUE, "RoleArn": ROLE, "KinesisParameters": {"PartitionKey": "k"}}},
        "Parameters KinesisParameters not supported for the target.",
    ),
    (
        {"Target": {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": ROLE}},
        "You must provide an input to set this target for your schedule.",
    ),
]


@pytest.mark.parametrize(("members", "message"), BAD, ids=[row[1][:50] for row in BAD])
def test_a_bad_schedule(client: Any, members: dict[str, Any], message: str) -> None:
    assert refused(lambda: client.create_schedule(**request(**members))) == ("ValidationException", message, 400)


def test_groups_hold_schedules_and_take_them_along(client: Any) -> None:
    unknown = ("ResourceNotFoundException", "Schedule group jobs does not exist.", 404)
    assert refused(lambda: client.create_schedule(**request(GroupName="jobs"))) == unknown
    arn = client.create_schedule_group(Name="jobs", Tags=[{"Key": "k", "Value": "v"}])["ScheduleGroupArn"]
    assert [group["Name"] for group in client.list_schedule_groups()["ScheduleGroups"]] == ["default", "jobs"]
    assert client.get_schedule_group(Name="jobs")["State"] == "ACTIVE"
    client.create_schedule(**request(GroupName="jobs"))
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": "l", "Value": "w"}])
    client.untag_resource(ResourceArn=arn, TagKeys=["k"])
    assert client.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "l", "Value": "w"}]
    client.delete_schedule_group(Name="jobs")
    assert refused(lambda: client.get_schedule(Name="s", GroupName="jobs")) == unknown
    assert client.list_schedules()["Schedules"] == []
