"""What AWS's recorded answers say of CloudWatch Logs' API.

    python -m tests.bench.recorded_logs FOLDER [NAME]

FOLDER holds `logs.jsonl`; NAME picks scenarios.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from tests.bench.recorded import Replay, Scenario, play
from tests.bench.recorded_rooms import PLACE, client, open_rooms


def call(r: Replay, operation: str, **given: Any) -> Callable[[], Any]:
    return lambda: getattr(r.client, operation)(**given)


def group(r: Replay, name: str = "group", **given: Any) -> None:
    r.client.create_log_group(logGroupName=name, **given)


def stream(r: Replay) -> None:
    group(r)
    r.client.create_log_stream(logGroupName="group", logStreamName="stream")


def event(age_s: float = 0.0) -> list[dict[str, Any]]:
    return [{"timestamp": int((time.time() - age_s) * 1000), "message": "m"}]


def no_stream(r: Replay) -> None:
    group(r)
    given = {"logGroupName": "group", "logStreamName": "nothing", "logEvents": event()}
    r.see("error-invalid-stream", call(r, "put_log_events", **given))


def too_old(r: Replay) -> None:
    stream(r)
    given = {"logGroupName": "group", "logStreamName": "stream", "logEvents": event(15 * 86_400)}
    r.see("response-too-old", call(r, "put_log_events", **given))


def bad_token(r: Replay) -> None:
    stream(r)
    given = {"logGroupName": "group", "logStreamName": "stream", "nextToken": "invalid"}
    r.see("error-invalid-token", call(r, "get_log_events", **given))


def get_limit(r: Replay) -> None:
    stream(r)
    given = {"logGroupName": "group", "logStreamName": "stream", "limit": 10_001}
    r.see("error-limit-exceeded", call(r, "get_log_events", **given))


def filter_limit(r: Replay) -> None:
    group(r)
    r.see("error-limit-exceeded", call(r, "filter_log_events", logGroupName="group", limit=10_001))


def with_key(r: Replay) -> None:
    group(r, kmsKeyId=f"arn:aws:kms:us-east-1:{PLACE.account}:key/1234")
    r.see("describe-log-groups-with-kms", call(r, "describe_log_groups", logGroupNamePrefix="group"))


def twice(r: Replay) -> None:
    group(r)
    r.see("error-duplicate-log-group", call(r, "create_log_group", logGroupName="group"))


def long_name(r: Replay) -> None:
    r.see("error-invalid-name-length", call(r, "create_log_group", logGroupName="a" * 513))


def with_prefix(r: Replay) -> None:
    for number in (1, 2, 3):
        group(r, f"prefix-{number}")
    group(r, "other")
    r.see("describe-log-groups-prefix", call(r, "describe_log_groups", logGroupNamePrefix="prefix"))


def prefix_and_pattern(r: Replay) -> None:
    given = {"logGroupNamePrefix": "a", "logGroupNamePattern": "b"}
    r.see("error-prefix-and-pattern", call(r, "describe_log_groups", **given))


def by_pattern(r: Replay) -> None:
    group(r)
    r.see("list-log-groups-no-match", call(r, "list_log_groups", logGroupNamePattern="no-such-group"))


def tags(r: Replay) -> None:
    given = {"tags": {"env": "testing"}} if "list-tags-after-create" in r.recorded else {}
    group(r, **given)
    arn = PLACE.log_group("group")
    r.see("list-tags-after-create", call(r, "list_tags_for_resource", resourceArn=arn))
    r.client.tag_resource(resourceArn=arn, tags={"tag_key_1": "tag_value_1"})
    r.see("list-tags-after-tag", call(r, "list_tags_for_resource", resourceArn=arn))


SCENARIOS: dict[str, Scenario] = {
    "test_put_log_events_to_invalid_stream": no_stream,
    "test_put_log_events_too_old": too_old,
    "test_get_log_events_invalid_token": bad_token,
    "test_get_log_events_limit_validation": get_limit,
    "test_filter_log_events_limit_validation": filter_limit,
    "test_create_log_group_with_kms_key": with_key,
    "test_create_log_group_duplicate_error": twice,
    "test_create_log_group_invalid_name_length": long_name,
    "test_describe_log_groups_with_prefix": with_prefix,
    "test_describe_log_groups_prefix_and_pattern_error": prefix_and_pattern,
    "test_list_log_groups_with_pattern": by_pattern,
    "test_create_log_group_with_tags": tags,
    "test_tag_log_group": tags,
}

if __name__ == "__main__":
    play("logs", SCENARIOS, open_rooms, lambda rooms, _: client(rooms, "logs"))
