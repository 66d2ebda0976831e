"""What AWS's recorded answers say of EventBridge's API and of Scheduler's, and of what their targets receive.

    python -m tests.bench.recorded_events FOLDER [NAME]

FOLDER holds `events.jsonl` and `scheduler.jsonl`, and beside it `event_patterns.jsonl`, which has the patterns that
some of the scenarios test; NAME picks scenarios. Archives, replays, connections and API destinations are not run here,
nor are other regions and accounts.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from tests.bench.recorded import Replay, Scenario, play
from tests.bench.recorded_event_rooms import Sqses, open_rooms, patterns, refused
from tests.bench.recorded_rooms import PLACE, client, until

NAME = "core.update-account-command"
DETAIL = {"command": "update-account", "payload": {"acc_id": "0a787ecb-4015", "sf_id": "baz"}}
PATTERN = {"source": [NAME], "detail-type": [NAME], "detail": {"command": ["update-account"]}}


def loosely(messages: list[Any]) -> list[Any]:
    """Handles and digests differ from recording to recording; what they are masked with stands for anything."""
    return [one | {"ReceiptHandle": f"h{number}", "MD5OfBody": one["MD5OfBody"]} for number, one in enumerate(messages)]


def rule(r: Replay, name: str = "rule", bus: str | None = None, pattern: Any = None, **given: Any) -> dict[str, Any]:
    """Put a rule; returns what names it in other calls."""
    on = {"EventBusName": bus} if bus else {}
    if "ScheduleExpression" not in given:
        given["EventPattern"] = json.dumps(pattern or PATTERN)
    r.client.put_rule(Name=name, **on, **given)
    return {"Rule": name, **on}


def targets(r: Replay, of: dict[str, Any], *items: dict[str, Any]) -> Any:
    return r.client.put_targets(**of, Targets=list(items))


def put(r: Replay, detail: Any = None, bus: str | None = None) -> Any:
    entry = {"Source": NAME, "DetailType": NAME, "Detail": json.dumps(DETAIL if detail is None else detail)}
    return r.client.put_events(Entries=[entry | ({"EventBusName": bus} if bus else {})])


def bus_of(r: Replay, kind: str) -> str | None:
    if kind == "default":
        return None
    r.client.create_event_bus(Name="bus")
    return "bus"


def call(r: Replay, operation: str, **given: Any) -> Callable[[], Any]:
    return lambda: getattr(r.client, operation)(**given)


# -- events


def without_source(r: Replay) -> None:
    r.see("put-events", call(r, "put_events", Entries=[{"DetailType": "Test", "Detail": "{}"}]))


def too_big(r: Replay) -> None:
    entries = [{"Source": "s", "DetailType": "t", "Detail": json.dumps({"payload": "p" * 1024 * 1024})}]
    r.see("put-events-too-big-detail-error", call(r, "put_events", Entries=entries))


def response_order(r: Replay) -> None:
    queues = Sqses(r)
    r.client.create_event_bus(Name="bus")
    for number in (1, 2):
        of = rule(r, f"rule{number}", "bus")
        targets(r, of, {"Id": "t", "Arn": queues.make(f"queue{number}")})
    answer = put(r, bus="bus")
    answer["Entries"][0]["EventId"] = "event-id"
    r.see("put-events-response", lambda: answer)
    messages = {f"queue{n}_messages": queues.take(name=f"queue{n}") for n in (1, 2)}
    for number, [one] in enumerate(messages.values(), 1):
        one |= {"ReceiptHandle": f"handle{number}", "MD5OfBody": "<md5-hash>"}
        one["Body"] |= {"detail": "detail"}
    r.see("sqs-messages", lambda: messages)


def life_of_buses(r: Replay) -> None:
    described, regions = r.variant.split("-", 1)
    given = {"Description": "test bus"} if described == "True" else {}
    names = ["us-east-1"] if regions == "regions0" else []  # elsewhere nothing runs
    for region in names:
        r.see(f"create-custom-event-bus-{region}", call(r, "create_event_bus", Name="bus", **given))
        r.see(f"list-event-buses-after-create-{region}", call(r, "list_event_buses", NamePrefix="bus"))
        r.see(f"describe-custom-event-bus-{region}", call(r, "describe_event_bus", Name="bus"))
    for region in names:
        r.see(f"delete-custom-event-bus-{region}", call(r, "delete_event_bus", Name="bus"))
        r.see(f"list-event-buses-after-delete-{region}", call(r, "list_event_buses", NamePrefix="bus"))


def unknown_bus(r: Replay) -> None:
    r.see("describe-not-existing-event-bus-error", call(r, "describe_event_bus", Name="bus"))
    r.see("delete-not-existing-event-bus", call(r, "delete_event_bus", Name="bus"))


def buses_with_prefix(r: Replay) -> None:
    for name in ("bus", "other"):
        r.client.create_event_bus(Name=name)
    r.see("list-event-buses-prefix-complete-name", call(r, "list_event_buses", NamePrefix="bus"))
    r.see("list-event-buses-prefix", call(r, "list_event_buses", NamePrefix="b"))


def permission_of_unknown_bus(r: Replay) -> None:
    step = "remove-permission-non-existing-sid-error"
    r.see(step, call(r, "remove_permission", EventBusName="bus", StatementId="s"))


def bus_to_bus(r: Replay) -> None:
    queues = Sqses(r)
    for name in ("one", "two"):
        r.client.create_event_bus(Name=name)
    targets(r, rule(r, bus="one"), {"Id": "t", "Arn": PLACE.bus("two")})
    targets(r, rule(r, bus="two"), {"Id": "t", "Arn": queues.make()})
    put(r, bus="one")
    r.see("messages", queues.take)


def rules_of_one_name(r: Replay) -> None:
    r.client.create_event_bus(Name="bus")
    given = {"Name": "rule", "EventBusName": "bus", "EventPattern": json.dumps(PATTERN)}
    r.see("put-rule", call(r, "put_rule", **given))
    r.see("re-put-rule", call(r, "put_rule", **given))
    r.see("list-rules", call(r, "list_rules", EventBusName="bus"))


def unknown_rule(r: Replay) -> None:
    r.see("describe-not-existing-rule-error", call(r, "describe_rule", Name="rule"))


def switched_rule(r: Replay) -> None:
    of = rule(r, bus=bus_of(r, r.variant))
    named = {"Name": of.pop("Rule"), **of}
    for word in ("disable", "enable"):
        r.see(f"{word}-rule", call(r, f"{word}_rule", **named))
        r.see(f"describe-rule-{word}d", call(r, "describe_rule", **named))


def names_by_target(r: Replay) -> None:
    queue, bus = Sqses(r).make(), bus_of(r, r.variant)
    for number in range(3):
        targets(r, rule(r, f"rule{number}", bus), {"Id": "t", "Arn": queue})
    on = {"EventBusName": bus} if bus else {}
    r.see("list_rule_names_by_target", call(r, "list_rule_names_by_target", TargetArn=queue, **on))


def bodies(messages: list[Any]) -> list[Any]:
    return sorted(messages, key=lambda one: json.dumps(one["Body"]), reverse=True)


def values_in_array(r: Replay) -> None:
    queues = Sqses(r)
    of = rule(r, pattern={"detail": {"event": {"data": {"type": ["1", "2"]}}}})
    targets(r, of, {"Id": "t", "Arn": queues.make(), "InputPath": "$.detail"})
    for kinds in (["3", "1"], ["2"], ["3"]):
        put(r, {"event": {"data": {"type": kinds}}})
    r.see("messages", lambda: loosely(bodies(queues.take(2))))


def nested_pattern(r: Replay) -> None:
    queues = Sqses(r)
    of = rule(r, pattern={"detail": {"event": {"data": {"type": ["1"]}}}})
    targets(r, of, {"Id": "t", "Arn": queues.make(), "InputPath": "$.detail"})
    put(r, {"event": {"data": {"type": "1"}}})
    r.see("messages", queues.take)


# -- targets


def life_of_a_target(r: Replay) -> None:
    of, queue = rule(r, bus=bus_of(r, r.variant)), Sqses(r).make()
    r.see("put-target", call(r, "put_targets", **of, Targets=[{"Id": "t", "Arn": queue}]))
    r.see("list-targets", call(r, "list_targets_by_rule", **of))
    r.see("remove-target", call(r, "remove_targets", **of, Ids=["t"]))
    r.see("list-targets-after-delete", call(r, "list_targets_by_rule", **of))


def too_many_targets(r: Replay) -> None:
    of, queue = rule(r), Sqses(r).make()
    items = [{"Id": f"t{number}", "Arn": queue} for number in range(7)]
    r.see("put-targets-client-error", call(r, "put_targets", **of, Targets=items))


def pages_of_targets(r: Replay) -> None:
    of, queue = rule(r), Sqses(r).make()
    targets(r, of, *({"Id": f"t{number}", "Arn": queue} for number in range(5)))
    page = r.see("list-targets-limit", call(r, "list_targets_by_rule", **of, Limit=3))
    r.see("list-targets-limit-next-token", call(r, "list_targets_by_rule", **of, NextToken=page["NextToken"]))


def names_of_targets(r: Replay) -> None:
    of, queue = rule(r), Sqses(r).make()
    for step, name in (("invalid-id", "!@#$@!#$"), ("length", "x" * 65)):
        sent = call(r, "put_targets", **of, Targets=[{"Id": name, "Arn": queue}])
        r.see(f"put-targets-{step}-error", partial(_renamed, sent))


def _renamed(sent: Callable[[], Any]) -> Any:
    """The recording calls a target that is too long by another name."""
    try:
        return sent()
    except ClientError as error:
        answer = error.response["Error"]
        answer["Message"] = answer["Message"].replace("x" * 65, "second-invalid-target-id")
        raise


def targets_of_one_arn(r: Replay) -> None:
    of, queue = rule(r), Sqses(r).make("target-arn")
    paths = {"one": "$.detail", "two": "$.doesnotexist"}
    targets(r, of, *({"Id": f"target-id-{n}", "Arn": queue, "InputPath": path} for n, path in paths.items()))

    def seen(answer: Any) -> Any:
        for target in answer["Targets"]:
            target["Arn"] = "target-arn"
        return answer

    r.see("list-targets", call(r, "list_targets_by_rule", **of), seen)


# -- inputs


def input_path(r: Replay) -> None:
    _input_path(r, "$.detail", DETAIL)


def input_path_nested(r: Replay) -> None:
    payload: dict[str, Any] = {"acc_id": "0a787ecb-4015", "sf_id": "baz"}
    if r.variant == "event_detail1":
        payload = {"acc_id": "0a787ecb-4015", "payload": {"message": "baz", "id": "123"}}
    _input_path(r, "$.detail.payload", {"command": "update-account", "payload": payload})


def _input_path(r: Replay, path: str, detail: Any) -> None:
    queues = Sqses(r)
    targets(r, rule(r), {"Id": "t", "Arn": queues.make(), "InputPath": path})
    put(r, detail)
    r.see("message", queues.take)


def input_path_of_two(r: Replay) -> None:
    queues = Sqses(r)
    one, two = queues.make("one"), queues.make("two")
    targets(r, rule(r), {"Id": "a", "Arn": one, "InputPath": "$.detail"}, {"Id": "b", "Arn": two})
    put(r)
    r.see("message-queue-1", lambda: loosely(queues.take(name="one")))
    r.see(
        "message-queue-2",
        lambda: [one | {"ReceiptHandle": "other", "MD5OfBody": "x"} for one in queues.take(name="two")],
    )


def template_string(r: Replay) -> None:
    queues = Sqses(r)
    paths = {"detail-type": "$.detail-type", "timestamp": "$.time", "command": "$.detail.command"}
    body = r.recorded["custom-variables-match-all"][0]["Body"]
    template = EVENT_OF if body.startswith('"Event of') else STARTS
    item = {"InputPathsMap": paths, "InputTemplate": template}
    targets(r, rule(r, pattern={"source": [NAME]}), {"Id": "t", "Arn": queues.make(), "InputTransformer": item})
    put(r)
    r.see("custom-variables-match-all", lambda: _undated(queues.take(), 0))
    put(r, {"other": 1})
    r.see("custom-variables-not-match-all", lambda: _undated(queues.take(), 1))


EVENT_OF = '"Event of <detail-type> type, at time <timestamp>, info extracted from detail <command>"'
STARTS = '"{[/Check with special starting characters for event of <detail-type> type"'


def _undated(messages: list[Any], number: int) -> list[Any]:
    for one in messages:
        head, at, rest = one["Body"].partition("at time ")
        one["Body"] = head + at + ("date" + rest[rest.index(",") :] if at else "")
        one |= {"ReceiptHandle": f"handle{number}"}
    return messages


def two_inputs(r: Replay) -> None:
    item = {"Id": "t", "Arn": Sqses(r).make(), "InputPath": "$.detail", "InputTransformer": {"InputTemplate": '"x"'}}
    r.see("duplicated-input-operations-error", call(r, "put_targets", **rule(r), Targets=[item]))


# -- patterns


def pattern(r: Replay) -> None:
    row = patterns(Path(sys.argv[1]).parent).get(r.variant)
    if row is None:
        return
    tried = call(r, "test_event_pattern", EventPattern=row["pattern_text"], Event=row["event_text"])
    if r.recorded:
        r.see(r.variant, lambda: refused(tried))
        return
    answer = tried()["Result"]
    (r.agreed if answer == row["expected"] else r.differing).append(f"{r.variant}: {answer}")


def pattern_of_source(r: Replay) -> None:
    event = {
        "id": "1",
        "source": "order",
        "detail-type": "t",
        "account": "1",
        "region": "r",
        "time": "2022-07-13T13:48:01Z",
    }
    for step, source in (("", "order"), ("-no-match", "shipment")):
        given = {"Event": json.dumps(event), "EventPattern": json.dumps({"source": [source], "detail-type": ["t"]})}
        r.see(f"eventbridge-test-event-pattern-response{step}", call(r, "test_event_pattern", **given))


def bad_event(r: Replay) -> None:
    event = "plain string" if "plain" in r.variant or not r.variant else "[]"
    given = {"Event": event, "EventPattern": json.dumps({"source": ["x"]})}
    r.see("plain-string-payload-exc", call(r, "test_event_pattern", **given))


# -- schedules and tags


def scheduled_on_custom_bus(r: Replay) -> None:
    r.client.create_event_bus(Name="bus")
    given = {"Name": "rule", "EventBusName": "bus", "ScheduleExpression": "rate(1 minute)"}
    r.see("put-rule-with-custom-event-bus-error", call(r, "put_rule", **given))


def _leap(r: Replay) -> None:
    """A minute passes; a change of State lets the schedules look at the clock."""
    time.sleep(0.2)
    r.scene.clock.ahead_s += 61.0
    rule(r, "unrelated", ScheduleExpression="rate(7 days)")


def scheduled_cron(r: Replay) -> None:
    queues = Sqses(r)
    targets(r, rule(r, ScheduleExpression="cron(* * * * ? *)"), {"Id": "t", "Arn": queues.make()})
    _leap(r)
    r.see("message", lambda: queues.take()[:1])


def scheduled_rate(r: Replay) -> None:
    queues = Sqses(r)
    of = rule(r, ScheduleExpression="rate(1 minute)")
    targets(r, of, {"Id": "t", "Arn": queues.make(), "Input": json.dumps({"custom-value": "somecustominput"})})
    r.see("list-targets", call(r, "list_targets_by_rule", **of))
    _leap(r)
    r.see("messages", queues.take)


def tags_of_nothing(r: Replay) -> None:
    kind = "rule" if r.variant.endswith("rule") else "event-bus"
    arn = PLACE.rule("default", "nothing") if kind == "rule" else PLACE.bus("nothing")
    r.see(
        "tag_not_existing_resource_error", call(r, "tag_resource", ResourceARN=arn, Tags=[{"Key": "k", "Value": "v"}])
    )
    r.see("list_tags_for_not_existing_resource_error", call(r, "list_tags_for_resource", ResourceARN=arn))
    r.see("untag_not_existing_resource_error", call(r, "untag_resource", ResourceARN=arn, TagKeys=["k"]))


def tags_of_a_deleted_rule(r: Replay) -> None:
    r.client.create_event_bus(Name="bus")
    rule(r, bus="bus", Tags=[{"Key": "k", "Value": "v"}])
    r.client.delete_rule(Name="rule", EventBusName="bus")
    arn = PLACE.rule("bus", "rule")
    r.see("list_tags_for_deleted_rule_error", call(r, "list_tags_for_resource", ResourceARN=arn))


def made_again_without_tags(r: Replay) -> None:
    kind, _, bus = r.variant.partition("-")
    tags, on = [{"Key": "tag1", "Value": "value1"}], bus.removeprefix("event_bus_")
    if kind == "rule":
        name = bus_of(r, on)
        of = rule(r, bus=name, Tags=tags)
        r.client.delete_rule(Name="rule", **({"EventBusName": name} if name else {}))
        rule(r, bus=name)
        arn = PLACE.rule(name or "default", of["Rule"])
    elif on == "default":
        arn = PLACE.bus("default")
        r.client.tag_resource(ResourceARN=arn, Tags=tags)
        with contextlib.suppress(ClientError):
            r.client.delete_event_bus(Name="default")
    else:
        arn = PLACE.bus("bus")
        r.client.create_event_bus(Name="bus", Tags=tags)
        r.client.delete_event_bus(Name="bus")
        r.client.create_event_bus(Name="bus")
    r.see("list_tags_for_resource", call(r, "list_tags_for_resource", ResourceARN=arn))


def to_a_queue(r: Replay) -> None:
    queues = Sqses(r)
    targets(r, rule(r), {"Id": "t", "Arn": queues.make()})
    put(r)
    r.see("message", queues.take)


def to_a_queue_by_detail(r: Replay) -> None:
    queues = Sqses(r)
    of = rule(r, pattern={"detail": {"EventType": ["0", "1"]}})
    targets(r, of, {"Id": "t", "Arn": queues.make(), "InputPath": "$.detail"})
    put(r, {"EventType": "2"})
    put(r, {"EventType": "1"})
    r.see("messages", queues.take)


def to_a_function(r: Replay) -> None:
    settings = {"message": "", "recipientEmails": [], "subject": "", "type": "SEND_NOTIFICATION"}
    actions = [{"id": "321", "type": "SEND_NOTIFICATION", "settings": settings}]
    payload = {"userId": 10, "businessId": 3, "channelId": 6, "card": {"foo": "bar"}, "targetEntity": True}
    payload |= {"entityAuditTrailEvent": {"foo": "bar"}, "automations": [{"id": "123", "actions": actions}]}
    deep = {"payload": {"automations": {"id": [{"exists": True}], "actions": {"type": ["SEND_NOTIFICATION"]}}}}
    targets(r, rule(r, pattern={"detail": deep}), {"Id": "t", "Arn": PLACE.function("f")})
    put(r, {"payload": payload})
    until(lambda: r.scene.taken.letters)
    r.see("events", lambda: [json.loads(letter.body) for letter in r.scene.taken.letters])


EVENTS: dict[str, Scenario] = {
    "test_put_events_without_source": without_source,
    "test_put_event_with_too_big_detail": too_big,
    "test_put_events_response_entries_order": response_order,
    "test_create_list_describe_delete_custom_event_buses": life_of_buses,
    "test_describe_delete_not_existing_event_bus": unknown_bus,
    "test_list_event_buses_with_prefix": buses_with_prefix,
    "test_put_permission_non_existing_event_bus": permission_of_unknown_bus,
    "test_put_events_bus_to_bus": bus_to_bus,
    "test_put_multiple_rules_with_same_name": rules_of_one_name,
    "test_describe_nonexistent_rule": unknown_rule,
    "test_disable_re_enable_rule": switched_rule,
    "test_list_rule_names_by_target": names_by_target,
    "test_put_events_pattern_with_values_in_array": values_in_array,
    "test_put_events_pattern_nested": nested_pattern,
    "test_put_list_remove_target": life_of_a_target,
    "test_add_exceed_fife_targets_per_rule": too_many_targets,
    "test_list_target_by_rule_limit": pages_of_targets,
    "test_put_target_id_validation": names_of_targets,
    "test_put_multiple_targets_with_same_arn_single_rule": targets_of_one_arn,
    "test_put_events_with_input_path": input_path,
    "test_put_events_with_input_path_nested": input_path_nested,
    "test_put_events_with_input_path_multiple_targets": input_path_of_two,
    "test_put_events_with_input_transformer_input_template_string": template_string,
    "test_put_event_input_path_and_input_transformer": two_inputs,
    "test_event_pattern": pattern,
    "test_event_pattern_source": pattern_of_source,
    "test_plain_string_payload": bad_event,
    "test_invalid_event_payload": bad_event,
    "tests_put_rule_with_schedule_custom_event_bus": scheduled_on_custom_bus,
    "test_schedule_cron_target_sqs": scheduled_cron,
    "tests_schedule_rate_custom_input_target_sqs": scheduled_rate,
    "tests_tag_list_untag_not_existing_resource": tags_of_nothing,
    "test_list_tags_for_deleted_rule": tags_of_a_deleted_rule,
    "test_recreate_tagged_resource_without_tags": made_again_without_tags,
    "test_put_events_with_target_sqs": to_a_queue,
    "test_put_events_with_target_sqs_event_detail_match": to_a_queue_by_detail,
    "test_put_events_with_target_lambda_list_entry": to_a_function,
}


def _schedule(r: Replay, step: str, expression: str) -> None:
    given = {
        "Name": "schedule",
        "ScheduleExpression": expression,
        "FlexibleTimeWindow": {"MaximumWindowInMinutes": 4, "Mode": "FLEXIBLE"},
        "Target": {"Arn": PLACE.function("f"), "RoleArn": PLACE.role("r")},
    }
    r.see(step, call(r, "create_schedule", **given))


SCHEDULER: dict[str, Scenario] = {
    "tests_create_schedule_with_invalid_schedule_expression": lambda r: _schedule(
        r, "invalid-schedule-expression", r.variant
    ),
    "tests_create_schedule_with_valid_schedule_expression": lambda r: _schedule(
        r, "valid-schedule-expression", "at(2022-12-31T23:59:59)"
    ),
    "test_create_schedule_with_valid_cron_expressions": lambda r: _schedule(r, "create-schedule", r.variant),
}


if __name__ == "__main__":
    play("events", EVENTS, open_rooms, lambda scene, _: client(scene, "events"))
    play("scheduler", SCHEDULER, open_rooms, lambda scene, _: client(scene, "scheduler"))
