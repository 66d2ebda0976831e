"""CloudWatch Logs over HTTP with boto3 and the AWS CLI."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.wire.live import Live
from tests.wire.rooms import Rooms

pytestmark = pytest.mark.slow

NO_GROUP = ("ResourceNotFoundException", "The specified log group does not exist.")
NO_STREAM = ("ResourceNotFoundException", "The specified log stream does not exist.")


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with Live(Rooms(tmp_path)) as live:
        yield live


@pytest.fixture
def logs(live: Live) -> Any:
    return live.client("logs")


def failure(call: Callable[[], Any]) -> tuple[str, str]:
    with pytest.raises(ClientError) as raised:
        call()
    return raised.value.response["Error"]["Code"], raised.value.response["Error"]["Message"]


def filled(logs: Any, group: str = "/aws/lambda/f", stream: str = "2026/01/01/[$LATEST]a", count: int = 3) -> int:
    """A group with one stream of events, a millisecond apart; returns the time of the first."""
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName=stream)
    start = int(time.time() * 1000) - 60_000
    events = [{"timestamp": start + number, "message": f"line {number}"} for number in range(count)]
    answer = logs.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    assert "rejectedLogEventsInfo" not in answer
    return start


def test_groups_are_made_described_and_deleted(logs: Any) -> None:
    logs.create_log_group(logGroupName="b", tags={"env": "test"})
    logs.create_log_group(logGroupName="a")
    groups = logs.describe_log_groups()["logGroups"]
    assert [group["logGroupName"] for group in groups] == ["a", "b"]
    assert groups[0] == {
        "logGroupName": "a",
        "creationTime": groups[0]["creationTime"],
        "metricFilterCount": 0,
        "arn": "arn:aws:logs:us-east-1:000000000000:log-group:a:*",
        "storedBytes": 0,
        "logGroupClass": "STANDARD",
        "logGroupArn": "arn:aws:logs:us-east-1:000000000000:log-group:a",
        "deletionProtectionEnabled": False,
    }
    assert abs(groups[0]["creationTime"] / 1000 - time.time()) < 60
    arn = groups[1]["logGroupArn"]
    assert logs.list_tags_for_resource(resourceArn=arn)["tags"] == {"env": "test"}
    logs.tag_resource(resourceArn=arn, tags={"x": "y"})
    logs.untag_resource(resourceArn=arn, tagKeys=["env"])
    assert logs.list_tags_log_group(logGroupName="b")["tags"] == {"x": "y"}
    logs.put_retention_policy(logGroupName="a", retentionInDays=7)
    assert logs.describe_log_groups(logGroupNamePrefix="a")["logGroups"][0]["retentionInDays"] == 7
    logs.delete_retention_policy(logGroupName="a")
    assert "retentionInDays" not in logs.describe_log_groups(logGroupNamePattern="A")["logGroups"][0]
    logs.delete_log_group(logGroupName="a")
    assert [group["logGroupName"] for group in logs.describe_log_groups()["logGroups"]] == ["b"]


def test_events_are_put_got_and_filtered(logs: Any) -> None:
    group, stream = "/aws/lambda/f", "2026/01/01/[$LATEST]a"
    start = filled(logs)
    got = logs.get_log_events(logGroupName=group, logStreamName=stream, startFromHead=True)
    assert [(one["timestamp"] - start, one["message"]) for one in got["events"]] == [
        (0, "line 0"),
        (1, "line 1"),
        (2, "line 2"),
    ]
    assert got["nextForwardToken"].startswith("f/")
    assert got["nextBackwardToken"].startswith("b/")
    more = logs.get_log_events(logGroupName=group, logStreamName=stream, nextToken=got["nextForwardToken"])
    assert more["events"] == []
    found = logs.filter_log_events(logGroupName=group, filterPattern='"line 1"')
    assert [(one["message"], one["logStreamName"]) for one in found["events"]] == [("line 1", stream)]
    assert found["searchedLogStreams"] == []
    by_arn = logs.filter_log_events(logGroupIdentifier="arn:aws:logs:us-east-1:000000000000:log-group:/aws/lambda/f")
    assert len(by_arn["events"]) == 3
    streams = logs.describe_log_streams(logGroupName=group, orderBy="LastEventTime", descending=True)["logStreams"]
    assert [one["logStreamName"] for one in streams] == [stream]
    assert (streams[0]["firstEventTimestamp"], streams[0]["lastEventTimestamp"]) == (start, start + 2)


def test_what_a_function_wrote_makes_a_group(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path)
    with Live(rooms) as live:
        live.loop.call_soon_threadsafe(rooms.logs.write, "f", "/aws/lambda/f", "s", [(time.time(), "START")])
        logs = live.client("logs")
        events = logs.filter_log_events(logGroupName="/aws/lambda/f")["events"]
        assert [one["message"].rstrip("\n") for one in events] == ["START"]
        logs.put_retention_policy(logGroupName="/aws/lambda/f", retentionInDays=1)
        assert logs.describe_log_groups()["logGroups"][0]["retentionInDays"] == 1


def test_filtered_events_come_in_pages(logs: Any) -> None:
    filled(logs, count=7)
    pages = logs.get_paginator("filter_log_events").paginate(
        logGroupName="/aws/lambda/f", PaginationConfig={"PageSize": 3}
    )
    assert [len(page["events"]) for page in pages] == [3, 3, 1]


def test_events_out_of_time_are_rejected_and_the_rest_is_kept(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    now = int(time.time() * 1000)
    old = [{"timestamp": now - 15 * 86_400_000, "message": "old"}]
    answer = logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=old)
    assert answer["rejectedLogEventsInfo"] == {"tooOldLogEventEndIndex": 1}
    new = [{"timestamp": now, "message": "now"}, {"timestamp": now + 3 * 3_600_000, "message": "soon"}]
    answer = logs.put_log_events(logGroupName="g", logStreamName="s", logEvents=new)
    assert answer["rejectedLogEventsInfo"] == {"tooNewLogEventStartIndex": 1}
    got = logs.get_log_events(logGroupName="g", logStreamName="s")["events"]
    assert [one["message"] for one in got] == ["now"]


LIMIT = (
    "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less"
    " than or equal to 10000"
)
PUT = {"logGroupName": "g", "logStreamName": "none", "logEvents": [{"timestamp": 1, "message": "m"}]}
ERRORS: list[tuple[str, Callable[[Any], Any], tuple[str, str]]] = [
    (
        "a group made twice",
        lambda logs: logs.create_log_group(logGroupName="g"),
        ("ResourceAlreadyExistsException", "The specified log group already exists"),
    ),
    (
        "a name that is too long",
        lambda logs: logs.create_log_group(logGroupName="x" * 513),
        (
            "InvalidParameterException",
            "Invalid LogGroup or LogStream, both must have length less than or equal to 512.",
        ),
    ),
    ("no such group", lambda logs: logs.delete_log_group(logGroupName="none"), NO_GROUP),
    ("no such group to look into", lambda logs: logs.describe_log_streams(logGroupName="none"), NO_GROUP),
    ("no such group to filter", lambda logs: logs.filter_log_events(logGroupName="none"), NO_GROUP),
    ("no such stream", lambda logs: logs.put_log_events(**PUT), NO_STREAM),
    (
        "a token that was not given out",
        lambda logs: logs.get_log_events(logGroupName="g", logStreamName="s", nextToken="invalid"),
        ("InvalidParameterException", "The specified nextToken is invalid."),
    ),
    (
        "a limit that is too high",
        lambda logs: logs.get_log_events(logGroupName="g", logStreamName="s", limit=10001),
        ("InvalidParameterException", LIMIT),
    ),
    (
        "prefix and pattern",
        lambda logs: logs.describe_log_groups(logGroupNamePrefix="a", logGroupNamePattern="b"),
        (
            "InvalidParameterException",
            "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.",
        ),
    ),
]


def test_errors_say_what_aws_says(logs: Any) -> None:
    logs.create_log_group(logGroupName="g")
    logs.create_log_stream(logGroupName="g", logStreamName="s")
    for sentence, call, expected in ERRORS:
        assert failure(lambda call=call: call(logs)) == expected, sentence  # type: ignore[misc]


def test_the_aws_cli_reads_the_log(live: Live, logs: Any) -> None:
    filled(logs)
    read = live.aws("logs", "filter-log-events", "--log-group-name", "/aws/lambda/f", "--query", "events[].message")
    assert read.returncode == 0, read.stderr
    assert "line 2" in read.stdout
    stream = "2026/01/01/[$LATEST]a"
    got = live.aws("logs", "get-log-events", "--log-group-name", "/aws/lambda/f", "--log-stream-name", stream)
    assert got.returncode == 0, got.stderr
    assert got.stdout.count("line") == 3
