"""Every kind of destination and of dead letter, and mappings with filters, groups and partial answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.asking import eventually, invoke, messages, queue_url, records, taken
from tests.running import Running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("destinations")]

ACCOUNT = "000000000000"
STACK = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, CodeUri: code/, Timeout: 20}}
Resources:
  Results: {Type: AWS::Events::EventBus, Properties: {Name: results}}
  Told: {Type: AWS::SQS::Queue, Properties: {QueueName: told}}
  Dead: {Type: AWS::SQS::Queue, Properties: {QueueName: dead}}
  DeadTopic:
    Type: AWS::SNS::Topic
    Properties: {TopicName: dead, Subscription: [{Protocol: sqs, Endpoint: !GetAtt Dead.Arn}]}
  ToldOfResults:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Results
      EventPattern: {source: [lambda]}
      Targets: [{Id: told, Arn: !GetAtt Told.Arn}]
  Work:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: work
      Handler: app.work
      AutoPublishAlias: live
      DeadLetterQueue: {Type: SNS, TargetArn: !Ref DeadTopic}
      EventInvokeConfig:
        MaximumRetryAttempts: 0
        DestinationConfig:
          OnSuccess: {Type: EventBridge, Destination: !GetAtt Results.Arn}
          OnFailure: {Type: Lambda, Destination: !GetAtt Tell.Arn}
  Tell:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: tell, Handler: app.tell}
  Disabled:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: disabled
      Handler: app.work
      ReservedConcurrentExecutions: 0
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Dead.Arn}
  In: {Type: AWS::SQS::Queue, Properties: {QueueName: in, VisibilityTimeout: 180}}
  Ordered: {Type: AWS::SQS::Queue, Properties: {QueueName: ordered.fifo, FifoQueue: true, VisibilityTimeout: 60}}
  Pass:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: pass
      Handler: app.pass_on
      Events:
        In:
          Type: SQS
          Properties:
            Queue: !GetAtt In.Arn
            FunctionResponseTypes: [ReportBatchItemFailures]
            FilterCriteria: {Filters: [{Pattern: '{"body": {"n": [{"exists": true}]}}'}]}
        Ordered:
          Type: SQS
          Properties: {Queue: !GetAtt Ordered.Arn, BatchSize: 2}
"""
HANDLER = """
import json

import boto3

sqs = boto3.client("sqs")


def send(body):
    sqs.send_message(QueueUrl=sqs.get_queue_url(QueueName="told")["QueueUrl"], MessageBody=json.dumps(body))


def work(event, context):
    if event.get("fail"):
        raise RuntimeError("failing per design")
    return {"done": event}


def tell(event, context):
    send(event)


def pass_on(event, context):
    failed = []
    for record in event["Records"]:
        body = json.loads(record["body"])
        if body.get("late") and record["attributes"]["ApproximateReceiveCount"] == "1":
            failed.append({"itemIdentifier": record["messageId"]})
        else:
            send({"n": body["n"], "record": record})
    return {"batchItemFailures": failed}
"""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("destinations")
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(HANDLER)
    (folder / "stack.yaml").write_text(STACK)
    with Running(folder / "stack.yaml", "--no-watch", "--pace", "60") as running:
        yield running


def later(up: Running, function: str, event: object, **options: str) -> str:
    """Invoke asynchronously; returns the request's id."""
    answer = up.client("lambda").invoke(
        FunctionName=function, InvocationType="Event", Payload=json.dumps(event), **options
    )
    return str(answer["ResponseMetadata"]["RequestId"])


def test_a_bus_is_told_of_a_success(up: Running) -> None:
    request_id = later(up, "work", {"n": 1}, Qualifier="live")
    [event] = records(up, "told")
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:work:live"
    detail = event.pop("detail")
    assert event.pop("id")
    assert event.pop("time")
    assert event == {
        "version": "0",
        "detail-type": "Lambda Function Invocation Result - Success",
        "source": "lambda",
        "account": ACCOUNT,
        "region": "us-east-1",
        "resources": [f"arn:aws:events:us-east-1:{ACCOUNT}:event-bus/results", arn],
    }
    assert detail["requestContext"] == {
        "requestId": request_id,
        "functionArn": arn,
        "condition": "Success",
        "approximateInvokeCount": 1,
    }
    assert detail["responseContext"] == {"statusCode": 200, "executedVersion": "1"}
    assert detail["responsePayload"] == {"done": {"n": 1}}


def test_a_function_is_told_of_a_failure_and_a_topic_gets_the_event(up: Running) -> None:
    request_id = later(up, "work", {"fail": True}, Qualifier="live")
    [record] = records(up, "told")
    assert record["requestPayload"] == {"fail": True}
    assert record["requestContext"]["condition"] == "RetriesExhausted"
    assert record["requestContext"]["approximateInvokeCount"] == 1
    assert record["responseContext"]["functionError"] == "Unhandled"
    [notice] = records(up, "dead")
    assert json.loads(notice["Message"]) == {"fail": True}
    assert notice["MessageAttributes"] == {
        "RequestID": {"Type": "String", "Value": request_id},
        "ErrorCode": {"Type": "Number", "Value": "200"},
        "ErrorMessage": {"Type": "String", "Value": "failing per design"},
    }


def test_the_rules_of_an_alias_are_not_those_of_the_function(up: Running) -> None:
    """SAM gives the configuration to the alias: the unqualified function has the defaults, so no record."""
    later(up, "work", {"fail": True})
    [notice] = records(up, "dead")
    assert json.loads(notice["Message"]) == {"fail": True}
    assert not up.client("sqs").receive_message(QueueUrl=queue_url(up, "told")).get("Messages")


def test_without_concurrency_an_event_goes_straight_to_the_dead_letters(up: Running) -> None:
    later(up, "disabled", {"n": 1})
    [dead] = messages(up, "dead")
    assert dead["Body"] == '{"n": 1}'
    assert dead["MessageAttributes"]["ErrorCode"]["StringValue"] == "429"
    client = up.client("lambda")
    with pytest.raises(client.exceptions.TooManyRequestsException) as throttled:
        invoke(up, "disabled", {})
    assert throttled.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"


def test_a_filtered_queue_hands_over_what_passes_and_again_what_was_reported(up: Running) -> None:
    url, sqs = queue_url(up, "in"), up.client("sqs")
    bodies = [{"n": 1}, {"other": 2}, {"n": 3, "late": True}]
    entries = [{"Id": str(n), "MessageBody": json.dumps(body)} for n, body in enumerate(bodies)]
    sqs.send_message_batch(QueueUrl=url, Entries=entries)
    told = records(up, "told", 2)
    assert [(one["n"], one["record"]["attributes"]["ApproximateReceiveCount"]) for one in told] == [(1, "1"), (3, "2")]
    record = told[0]["record"]
    assert (record["eventSource"], record["eventSourceARN"]) == ("aws:sqs", f"arn:aws:sqs:us-east-1:{ACCOUNT}:in")
    assert record.keys() == {
        "messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody", "eventSource",
        "eventSourceARN", "awsRegion",
    }  # fmt: skip


def test_a_fifo_queue_is_handed_over_in_order(up: Running) -> None:
    url, sqs = queue_url(up, "ordered.fifo"), up.client("sqs")
    for n in range(8):
        group = "even" if n % 2 == 0 else "odd"
        body = json.dumps({"n": n})
        sqs.send_message(QueueUrl=url, MessageBody=body, MessageGroupId=group, MessageDeduplicationId=str(n))
    told = [json.loads(one["Body"]) for one in taken(up, "told", lambda found: len(found) >= 8)]
    for group, numbers in (("even", [0, 2, 4, 6]), ("odd", [1, 3, 5, 7])):
        mine = [one for one in told if one["record"]["attributes"]["MessageGroupId"] == group]
        assert [one["n"] for one in mine] == numbers
        sequence = [one["record"]["attributes"]["SequenceNumber"] for one in mine]
        assert sequence == sorted(sequence)


def test_a_mapping_made_through_the_api_runs_until_it_is_disabled(up: Running) -> None:
    sqs, functions = up.client("sqs"), up.client("lambda")
    url = sqs.create_queue(QueueName="by-hand", Attributes={"VisibilityTimeout": "60"})["QueueUrl"]
    source = f"arn:aws:sqs:us-east-1:{ACCOUNT}:by-hand"
    made = functions.create_event_source_mapping(FunctionName="pass", EventSourceArn=source, BatchSize=1)
    assert made["State"] == "Creating"

    def state() -> str:
        return str(functions.get_event_source_mapping(UUID=made["UUID"])["State"])

    sqs.send_message(QueueUrl=url, MessageBody='{"n": 1}')
    assert [one["n"] for one in records(up, "told")] == [1]
    eventually(lambda: state() == "Enabled")
    functions.update_event_source_mapping(UUID=made["UUID"], Enabled=False)
    eventually(lambda: state() == "Disabled")
    sqs.send_message(QueueUrl=url, MessageBody='{"n": 2}')
    [left] = messages(up, "by-hand")
    assert left["Body"] == '{"n": 2}'
    functions.delete_event_source_mapping(UUID=made["UUID"])
    eventually(lambda: made["UUID"] not in {one["UUID"] for one in mappings(up)})


def mappings(up: Running) -> list[dict[str, Any]]:
    listed: list[dict[str, Any]] = up.client("lambda").list_event_source_mappings()["EventSourceMappings"]
    return listed


def test_a_destination_set_through_the_api_is_told(up: Running) -> None:
    functions = up.client("lambda")
    arn = f"arn:aws:sqs:us-east-1:{ACCOUNT}:told"
    functions.put_function_event_invoke_config(
        FunctionName="tell", DestinationConfig={"OnSuccess": {"Destination": arn}}
    )
    later(up, "tell", {"n": 1})
    told = records(up, "told", 2)  # what the function sends, and the record
    [record] = [one for one in told if "requestContext" in one]
    assert record["requestPayload"] == {"n": 1}
    assert record["responsePayload"] is None
    functions.delete_function_event_invoke_config(FunctionName="tell")
