"""Stacks as users write them: buses that feed buses, transformed input, layers, weights, inline code, node modules."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.asking import eventually, invoke, messages, records
from tests.running import Running

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("acceptance")]

ACCOUNT = "000000000000"
REGION = "us-east-1"
BUSES = """
Transform: AWS::Serverless-2016-10-31
Resources:
  Front: {Type: AWS::Events::EventBus, Properties: {Name: front}}
  Back: {Type: AWS::Events::EventBus, Properties: {Name: back}}
  Seen: {Type: AWS::SQS::Queue, Properties: {QueueName: seen}}
  Ordered: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, QueueName: seen.fifo, ContentBasedDeduplication: true}}
  Plain: {Type: AWS::SQS::Queue, Properties: {FifoQueue: true, QueueName: plain.fifo}}
  Lost: {Type: AWS::SQS::Queue, Properties: {QueueName: lost}}
  News: {Type: AWS::SNS::Topic, Properties: {TopicName: news}}
  NewsSeen:
    Type: AWS::SNS::Subscription
    Properties:
      TopicArn: !Ref News
      Protocol: sqs
      Endpoint: !GetAtt Seen.Arn
      FilterPolicyScope: MessageBody
      FilterPolicy: {detail: {kind: [news]}}
  OnToTheBack:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Front
      EventPattern: {source: [{prefix: shop.}], detail: {to: [back]}}
      Targets: [{Id: back, Arn: !GetAtt Back.Arn, RoleArn: !GetAtt Hop.Arn}]
  Hop:
    Type: AWS::IAM::Role
    Properties: {AssumeRolePolicyDocument: {Statement: []}}
  InTheBack:
    Type: AWS::Events::Rule
    Properties:
      Name: in-the-back
      EventBusName: !Ref Back
      EventPattern: {detail-type: [Sold], detail: {price: [{numeric: [">", 10]}], state: [{anything-but: [lost]}]}}
      Targets:
        - Id: transformed
          Arn: !GetAtt Seen.Arn
          InputTransformer:
            InputPathsMap: {what: $.detail.what, all: $.detail}
            InputTemplate: |
              {"text": "sold <what> by <aws.events.rule-name>", "all": <all>, "missing": "<nothing>"}
        - Id: path
          Arn: !GetAtt Seen.Arn
          InputPath: $.detail.what
        - Id: constant
          Arn: !GetAtt Seen.Arn
          Input: '{"constant": [1, 2.5, "três"]}'
        - Id: ordered
          Arn: !GetAtt Ordered.Arn
          SqsParameters: {MessageGroupId: one}
          InputPath: $.detail
        - {Id: news, Arn: !Ref News}
  NoSuchTarget:
    Type: AWS::Events::Rule
    Properties:
      EventBusName: !Ref Back
      EventPattern: {detail-type: [Lost]}
      Targets:
        - Id: gone
          Arn: !Sub arn:aws:sqs:${AWS::Region}:${AWS::AccountId}:gone
          DeadLetterConfig: {Arn: !GetAtt Lost.Arn}
"""
FUNCTIONS = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Ports: {Type: CommaDelimitedList, Default: "80,443"}
Mappings:
  Sizes:
    dev: {memory: 128}
    prod: {memory: 512}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
Globals:
  Function:
    Runtime: python3.11
    Handler: app.handler
    CodeUri: code/
    MemorySize: !FindInMap [Sizes, !Ref Stage, memory]
    Environment: {Variables: {STAGE: !Ref Stage}}
Resources:
  Bus: {Type: AWS::Events::EventBus, Properties: {Name: env}}
  Queue: {Type: AWS::SQS::Queue}
  Topic: {Type: AWS::SNS::Topic}
  OnlyProd: {Type: AWS::SQS::Queue, Condition: IsProd, Properties: {QueueName: only-prod}}
  Shared:
    Type: AWS::Serverless::LayerVersion
    Properties: {LayerName: shared, ContentUri: layer/, CompatibleRuntimes: [python3.11]}
  Everything:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: everything
      Handler: nested/deep/module.run
      Layers: [!Ref Shared]
      AutoPublishAlias: live
      Environment:
        Variables:
          BUS: !Ref Bus
          BUS_ARN: !GetAtt Bus.Arn
          QUEUE: !Ref Queue
          QUEUE_NAME: !GetAtt Queue.QueueName
          TOPIC: !Ref Topic
          OTHER: !Ref Inline
          OTHER_ARN: !GetAtt Inline.Arn
          SECOND_PORT: !Select [1, !Ref Ports]
          JOINED: !Join ["-", [!Ref "AWS::StackName", !Ref "AWS::Region", !Ref "AWS::AccountId"]]
          SUB: !Sub ["${A}/${Stage}/${!Literal}", {A: !If [IsDev, "yes", "no"]}]
          SPLIT: !Select [0, !Split [".", a.b.c]]
  Inline:
    Type: AWS::Lambda::Function
    Properties:
      Role: !Sub arn:aws:iam::${AWS::AccountId}:role/any
      Runtime: python3.11
      Handler: index.handler
      Code:
        ZipFile: |
          def handler(event, context):
              return {"name": context.function_name, "memory": context.memory_limit_in_mb}
  InlineNode:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: inline-node
      Runtime: nodejs20.x
      Handler: index.handler
      InlineCode: |
        exports.handler = (event, context, callback) => callback(null, {got: event.n + 1})
  Modules:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: modules, Runtime: nodejs20.x, Handler: src/index.handler, CodeUri: node/}
  One:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: one, ReservedConcurrentExecutions: 1, Handler: app.slow, Timeout: 30}
  Never:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: never, ReservedConcurrentExecutions: 0}
  Weighted:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: weighted, AutoPublishAlias: live}
  Short:
    Type: AWS::Serverless::Function
    Properties: {FunctionName: short, Timeout: 1, Handler: app.slow}
Outputs:
  Port: {Value: !Select [0, !Ref Ports]}
  Prod: {Condition: IsProd, Value: !Ref OnlyProd}
"""
CODE = {
    "code/app.py": """
        import os, time
        def handler(event, context):
            arn, version = context.invoked_function_arn, context.function_version
            return {"version": version, "arn": arn, "stage": os.environ["STAGE"]}
        def slow(event, context):
            time.sleep(event.get("s", 0))
            return "slept"
        """,
    "code/nested/deep/module.py": """
        import os
        from shared import greet
        def run(event, context):
            return {"greeting": greet(event.get("name", "nobody")), "env": dict(os.environ)}
        """,
    "code/nested/__init__.py": "",
    "layer/python/shared.py": """
        def greet(name):
            return f"hello {name}"
        """,
    "node/package.json": '{"type": "module"}',
    "node/src/index.js": """
        import { twice } from "./twice.js";
        const base = await Promise.resolve(20);
        export const handler = async (event) => ({ answer: base + twice(event.n) });
        """,
    "node/src/twice.js": "export const twice = (n) => 2 * n;\n",
}
JSON_STACK = {
    "AWSTemplateFormatVersion": "2010-09-09",
    "Resources": {
        "Jobs": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "jobs", "DelaySeconds": 0}},
        "Rule": {
            "Type": "AWS::Events::Rule",
            "Properties": {
                "EventPattern": {"source": [{"prefix": "a"}, {"suffix": "z"}]},
                "Targets": [{"Id": "jobs", "Arn": {"Fn::GetAtt": ["Jobs", "Arn"]}}],
            },
        },
    },
}


def written(folder: Path, files: Mapping[str, str]) -> Path:
    """Files of a stack, under a folder whose name is not plain; returns the folder."""
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(text).lstrip("\n"))
    return folder


@pytest.fixture(scope="module")
def buses(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = written(tmp_path_factory.mktemp("buses"), {"stack.yaml": BUSES})
    with Running(folder / "stack.yaml", "--no-watch", "--pace", "60") as running:
        yield running


@pytest.fixture(scope="module")
def functions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("functions") / "мой stack & co"
    written(folder, {"template.yaml": FUNCTIONS, **CODE})
    with Running(folder, "--no-watch") as running:
        yield running


def put(up: Running, bus: str, kind: str, detail: object, **more: Any) -> str:
    entry = {"EventBusName": bus, "Source": "shop.till", "DetailType": kind, "Detail": json.dumps(detail), **more}
    answer = up.client("events").put_events(Entries=[entry])
    assert answer["FailedEntryCount"] == 0
    return str(answer["Entries"][0]["EventId"])


def test_an_event_crosses_a_bus_and_reaches_each_target_in_its_form(buses: Running) -> None:
    detail = {"to": "back", "what": "tea", "price": 11, "state": "new", "kind": "news"}
    event_id = put(buses, "front", "Sold", detail, Resources=["arn:aws:s3:::shop"])
    bodies = records(buses, "seen", 4)
    by_topic = [json.loads(body["Message"]) for body in bodies if isinstance(body, dict) and "Message" in body]
    others = [body for body in bodies if not isinstance(body, dict) or "Message" not in body]
    assert sorted(map(json.dumps, others)) == sorted(
        map(
            json.dumps,
            [
                {"text": "sold tea by in-the-back", "all": detail, "missing": ""},
                "tea",
                {"constant": [1, 2.5, "três"]},
            ],
        )
    )
    [event] = by_topic
    assert event["id"] == event_id
    assert event["resources"] == ["arn:aws:s3:::shop"]
    assert event["detail"] == detail
    [ordered] = messages(buses, "seen.fifo")
    assert json.loads(ordered["Body"]) == detail
    assert ordered["Attributes"]["MessageGroupId"] == "one"


def test_an_event_that_no_rule_wants_goes_nowhere(buses: Running) -> None:
    put(buses, "front", "Sold", {"to": "back", "what": "dust", "price": 10, "state": "new"})
    put(buses, "front", "Sold", {"to": "back", "what": "dust", "price": 12, "state": "lost"})
    put(buses, "front", "Sold", {"to": "front", "what": "dust", "price": 12, "state": "new"})
    put(buses, "back", "Sold", {"what": "fence", "price": 20, "state": "new"})
    bodies = records(buses, "seen", 3)
    assert len(bodies) == 3
    assert "fence" in bodies
    assert "dust" not in json.dumps(bodies)


def test_a_target_that_does_not_exist_leaves_its_event_in_the_rules_dead_letters(buses: Running) -> None:
    event_id = put(buses, "back", "Lost", {"n": 1})
    [dead] = messages(buses, "lost")
    assert json.loads(dead["Body"])["id"] == event_id
    attributes = {name: value["StringValue"] for name, value in dead["MessageAttributes"].items()}
    assert attributes["TARGET_ARN"] == f"arn:aws:sqs:{REGION}:{ACCOUNT}:gone"
    assert attributes["RULE_ARN"].startswith(f"arn:aws:events:{REGION}:{ACCOUNT}:rule/back/")
    assert {"ERROR_CODE", "ERROR_MESSAGE"} <= attributes.keys()


def test_a_fifo_queue_keeps_order_and_drops_repetitions(buses: Running) -> None:
    sqs = buses.client("sqs")
    url = sqs.get_queue_url(QueueName="plain.fifo")["QueueUrl"]
    for n in (1, 2, 2, 3):
        sqs.send_message(QueueUrl=url, MessageBody=str(n), MessageGroupId="g", MessageDeduplicationId=str(n))
    first = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=2)["Messages"]
    assert [one["Body"] for one in first] == ["1", "2"]
    assert "Messages" not in sqs.receive_message(QueueUrl=url)  # the group is held
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[0]["ReceiptHandle"], VisibilityTimeout=0)
    sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=first[1]["ReceiptHandle"], VisibilityTimeout=0)
    bodies = [one["Body"] for one in messages(buses, "plain.fifo", 3)]
    assert bodies == ["1", "2", "3"]


def test_variables_hold_what_references_mean(functions: Running) -> None:
    answer = invoke(functions, "everything:live", {"name": "Zoë"})
    env = answer["env"]
    inline = env["OTHER"]
    queue = env["QUEUE_NAME"]
    assert answer["greeting"] == "hello Zoë"
    assert env["STAGE"] == "dev"
    assert env["BUS"] == "env"
    assert env["BUS_ARN"] == f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/env"
    assert env["QUEUE"] == f"{functions.endpoint}/{ACCOUNT}/{queue}"
    assert env["TOPIC"].startswith(f"arn:aws:sns:{REGION}:{ACCOUNT}:")
    assert env["OTHER_ARN"] == f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{inline}"
    assert env["SECOND_PORT"] == "443"
    assert env["JOINED"].endswith(f"-{REGION}-{ACCOUNT}")
    assert env["SUB"] == "yes/dev/${Literal}"
    assert env["SPLIT"] == "a"
    assert env["AWS_LAMBDA_FUNCTION_VERSION"] == "1"
    assert env["AWS_ENDPOINT_URL"] == functions.endpoint
    assert invoke(functions, inline, {}) == {"name": inline, "memory": "128"}
    assert {"only-prod"} & {
        url.rsplit("/", 1)[-1] for url in functions.client("sqs").list_queues()["QueueUrls"]
    } == set()


def test_inline_code_and_modules_of_node_run(functions: Running) -> None:
    assert invoke(functions, "inline-node", {"n": 1}) == {"got": 2}
    assert invoke(functions, "modules", {"n": 11}) == {"answer": 42}


def test_reserved_concurrency_is_a_limit_and_zero_stops_everything(functions: Running) -> None:
    client = functions.client("lambda")
    with pytest.raises(client.exceptions.TooManyRequestsException) as throttled:
        client.invoke(FunctionName="never")
    assert throttled.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    client.invoke(FunctionName="one", InvocationType="Event", Payload=b'{"s": 5}')

    def refused() -> bool:
        try:
            client.invoke(FunctionName="one", Payload=b"{}")
        except client.exceptions.TooManyRequestsException:
            return True
        return False

    eventually(refused)


def test_an_alias_with_weights_answers_with_either_version(functions: Running) -> None:
    client = functions.client("lambda")
    client.update_function_configuration(FunctionName="weighted", Environment={"Variables": {"STAGE": "next"}})
    client.get_waiter("function_updated_v2").wait(FunctionName="weighted", WaiterConfig={"Delay": 1})
    assert client.publish_version(FunctionName="weighted")["Version"] == "2"
    client.update_alias(FunctionName="weighted", Name="live", RoutingConfig={"AdditionalVersionWeights": {"2": 0.5}})
    seen: set[tuple[str, str]] = set()

    def both() -> bool:
        answer = invoke(functions, "weighted", {}, Qualifier="live")
        assert answer["arn"].endswith(":weighted:live")
        seen.add((answer["version"], answer["stage"]))
        return len(seen) == 2

    eventually(both, pause_s=0)
    assert seen == {("1", "dev"), ("2", "next")}


def test_a_function_that_takes_too_long_is_ended(functions: Running) -> None:
    answer = functions.client("lambda").invoke(FunctionName="short", Payload=b'{"s": 20}')
    assert answer["FunctionError"] == "Unhandled"
    told = json.loads(answer["Payload"].read())
    assert told["errorType"] == "Sandbox.Timedout"
    assert told["errorMessage"].endswith("Task timed out after 1.00 seconds")


def test_parameters_and_conditions_choose_what_is_there(tmp_path: Path) -> None:
    written(tmp_path, {"template.yaml": FUNCTIONS, **CODE})
    overrides = ("--parameter-overrides", "Stage=prod Ports=8080,9090")
    with Running(tmp_path, "--no-watch", *overrides) as up:
        env = invoke(up, "everything", {})["env"]
        assert env["STAGE"] == "prod"
        assert env["SUB"] == "no/prod/${Literal}"
        assert env["SECOND_PORT"] == "9090"
        assert env["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "512"
        assert up.client("sqs").get_queue_url(QueueName="only-prod")["QueueUrl"]


def test_a_json_template_is_a_stack_too(tmp_path: Path) -> None:
    (tmp_path / "template.json").write_text(json.dumps(JSON_STACK, indent="\t"))
    with Running(tmp_path, "--no-watch") as up:
        for source in ("alpha", "jazz", "beta"):
            entry = {"Source": source, "DetailType": "t", "Detail": "{}"}
            assert up.client("events").put_events(Entries=[entry])["FailedEntryCount"] == 0
        bodies = records(up, "jobs", 2)
        assert {body["source"] for body in bodies} == {"alpha", "jazz"}
