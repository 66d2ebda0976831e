"""A function that calls itself, by every way that Lambda watches: it is stopped after about sixteen rounds."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.asking import messages, queue_url
from tests.running import Running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("loops")]

STACK = """
Transform: AWS::Serverless-2016-10-31
Globals: {Function: {Runtime: python3.11, CodeUri: code/, Handler: app.handler, Timeout: 20}}
Resources:
  DeadLetters: {Type: AWS::SQS::Queue, Properties: {QueueName: dead-letters}}
  Seen: {Type: AWS::SQS::Queue, Properties: {QueueName: seen}}
  Around:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: around
      VisibilityTimeout: 240
      RedrivePolicy: {deadLetterTargetArn: !GetAtt DeadLetters.Arn, maxReceiveCount: 1}
  Again:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: again
      DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt DeadLetters.Arn}
      Events: {Around: {Type: SQS, Properties: {Queue: !GetAtt Around.Arn}}}
"""
HANDLER = '''
"""Sends what it gets on to itself, and tells that it was here."""

import json

import boto3

sqs, functions = boto3.client("sqs"), boto3.client("lambda")


def handler(event, context):
    records = event.get("Records")
    way = records[0]["body"] if records else event["way"]
    urls = {name: sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in ("seen", "around")}
    sqs.send_message(QueueUrl=urls["seen"], MessageBody=way)
    if records:
        sqs.send_message(QueueUrl=urls["around"], MessageBody=way)
        return None
    kind = "Event" if way == "event" else "RequestResponse"
    answer = functions.invoke(FunctionName="again", InvocationType=kind, Payload=json.dumps(event))
    return json.loads(answer["Payload"].read() or "null")
'''


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder: Path = tmp_path_factory.mktemp("loops")
    (folder / "code").mkdir()
    (folder / "code" / "app.py").write_text(HANDLER)
    stack = folder / "stack.yaml"
    stack.write_text(STACK)
    with Running(stack, "--no-watch", "--pace", "60") as running:
        yield running


def test_a_loop_of_asynchronous_invocations_ends_in_the_dead_letters(up: Running) -> None:
    event = {"way": "event"}
    up.client("lambda").invoke(FunctionName="again", InvocationType="Event", Payload=json.dumps(event))
    assert len(messages(up, "seen", 16)) == 16
    [dead] = messages(up, "dead-letters")
    assert json.loads(dead["Body"]) == event
    assert dead["MessageAttributes"]["ErrorCode"]["StringValue"] == "400"


def test_a_loop_through_a_queue_ends_in_the_queues_dead_letters(up: Running) -> None:
    up.client("sqs").send_message(QueueUrl=queue_url(up, "around"), MessageBody="queue")
    assert len(messages(up, "seen", 16)) == 16
    [dead] = messages(up, "dead-letters")
    assert dead["Body"] == "queue"
    assert "Lineage=" in dead["Attributes"]["AWSTraceHeader"]


def test_a_loop_of_synchronous_invocations_ends_in_an_error_of_the_last(up: Running) -> None:
    answer = up.client("lambda").invoke(FunctionName="again", Payload=json.dumps({"way": "synchronous"}))
    assert "RecursiveInvocationException" in answer["Payload"].read().decode()
    assert len(messages(up, "seen", 16)) == 16
