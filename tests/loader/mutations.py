# ruff: noqa: E501
"""Stack files broken at random, in ways that people and editors break them, and in ways that nobody does."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

SEED = """\
AWSTemplateFormatVersion: '2010-09-09'
Transform: [AWS::LanguageExtensions, AWS::Serverless-2016-10-31]
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
  Names: {Type: CommaDelimitedList, Default: 'a,b'}
Mappings: {M: {us-east-1: {Size: 5}}}
Conditions: {Prod: !Equals [!Ref Stage, prod], Dev: !Not [!Condition Prod]}
Rules: {R: {Assertions: [{Assert: !Contains [[dev, prod], !Ref Stage]}]}}
Globals:
  Function: {Timeout: 10, Runtime: python3.11, Environment: {Variables: {STAGE: !Ref Stage}}}
  Api: {Cors: "'*'"}
Resources:
  Fn::ForEach::Topics: [Name, !Ref Names, {'Topic${Name}': {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Sub 't-${Name}'}}}]
  Bus: {Type: 'AWS::Events::EventBus', Properties: {Name: !Sub '${AWS::StackName}-bus'}}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}
  Dead: {Type: 'AWS::SQS::Queue', Condition: Dev, DeletionPolicy: Retain}
  Table: {Type: 'AWS::Serverless::SimpleTable'}
  F:
    Type: AWS::Serverless::Function
    DependsOn: [Queue]
    Metadata: {Note: !If [Prod, !Ref Queue, !Ref 'AWS::NoValue']}
    Properties:
      Handler: index.handler
      InlineCode: |
        def handler(event, context):
            return event
      AutoPublishAlias: live
      DeploymentPreference: {Type: Canary10Percent5Minutes}
      Policies: [{SQSPollerPolicy: {QueueName: !GetAtt Queue.QueueName}}, AWSLambdaExecute]
      EventInvokeConfig: {MaximumRetryAttempts: 1, DestinationConfig: {OnFailure: {Type: SQS}}}
      FunctionUrlConfig: {AuthType: NONE}
      Events:
        Jobs: {Type: SQS, Properties: {Queue: !GetAtt Queue.Arn, BatchSize: 5, FilterCriteria: {Filters: [{Pattern: '{"body": {"a": [1]}}'}]}}}
        Placed: {Type: EventBridgeRule, Properties: {EventBusName: !Ref Bus, Pattern: {source: [{prefix: shop}], detail: {n: [{numeric: ['>', 1]}]}}}}
        Nightly: {Type: Schedule, Properties: {Schedule: cron(0 2 * * ? *)}}
        Later: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 hour)}}
        Get: {Type: Api, Properties: {Path: /x, Method: get}}
        Http: {Type: HttpApi}
  S:
    Type: AWS::Scheduler::Schedule
    Properties:
      ScheduleExpression: at(2030-01-01T00:00:00)
      FlexibleTimeWindow: {Mode: 'OFF'}
      Target: {Arn: !GetAtt Queue.Arn, RoleArn: !Join ['', ['arn:aws:iam::', !Ref 'AWS::AccountId', ':role/r']]}
  Sub:
    Type: AWS::SNS::Subscription
    Properties: {TopicArn: !Ref Topica, Protocol: sqs, Endpoint: !GetAtt Queue.Arn, FilterPolicy: {a: [b]}}
Outputs:
  Url: {Value: !GetAtt FUrl.FunctionUrl, Export: {Name: !Sub '${AWS::StackName}-url'}}
  Size: {Value: !FindInMap [M, !Ref 'AWS::Region', Size], Condition: Prod}
"""
WORDS = (
    "!Ref", "!Sub", "!GetAtt", "!If", "Fn::Join", "null", "~", "true", "-1", "1e999", "0x", "[]", "{}", "''", "*x", "&x", "<<", "? ", "- ",
    "${", "}", "{{resolve:ssm:/a}}", "\t", "\0", "\ud83d\ude00", "AWS::NoValue", "AWS::", "9" * 400, "!!binary", "%YAML 9", "---", "...", "\u2028",
    "Fn::ForEach::X", "Fn::Transform", "Type", "Properties", "!Select [9, []]", "!Split ['', x]", "rate(", "cron(", "\ue000version:F\ue001",
)  # fmt: skip


def mutate(chance: random.Random, text: str = SEED) -> bytes:
    """The text after one to six mutations, as the bytes of a file."""
    for _ in range(chance.randint(1, 6)):
        text = chance.choice(MUTATIONS)(chance, text)
    raw = text.encode("utf-8", "surrogatepass") if chance.random() < 0.97 else text.encode("utf-16", "surrogatepass")
    if chance.random() < 0.05 and raw:
        at = chance.randrange(len(raw))
        raw = raw[:at] + bytes([chance.randrange(256)]) + raw[at + 1 :]
    return raw


def _at(chance: random.Random, text: str) -> int:
    return chance.randrange(len(text) + 1)


def _delete_span(chance: random.Random, text: str) -> str:
    start = _at(chance, text)
    return text[:start] + text[start + chance.choice((1, 1, 2, 5, 30, 300)) :]


def _insert_word(chance: random.Random, text: str) -> str:
    at = _at(chance, text)
    return text[:at] + chance.choice(WORDS) + text[at:]


def _replace_scalar(chance: random.Random, text: str) -> str:
    values = list(re.finditer(r"(?<=: )[^\s,{}\[\]]+", text))
    if not values:
        return text
    value = chance.choice(values)
    return text[: value.start()] + chance.choice(WORDS) + text[value.end() :]


def _replace_by_container(chance: random.Random, text: str) -> str:
    values = list(re.finditer(r"(?<=: )[^\s,{}\[\]]+", text))
    if not values:
        return text
    value = chance.choice(values)
    made = chance.choice(("[{}]", "{{a: {}}}", "[[{}], [{}]]", "{{Ref: {}}}", "{{'Fn::Sub': {}}}", "[]", "{{}}"))
    return text[: value.start()] + made.format(value.group(), value.group()) + text[value.end() :]


def _swap_lines(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    one, two = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[two] = lines[two], lines[one]
    return "\n".join(lines)


def _repeat_line(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    lines[at:at] = [lines[at]] * chance.choice((1, 2, 20))
    return "\n".join(lines)


def _drop_line(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    del lines[chance.randrange(len(lines))]
    return "\n".join(lines)


def _shift_line(chance: random.Random, text: str) -> str:
    lines = text.split("\n")
    at = chance.randrange(len(lines))
    lines[at] = chance.choice((" ", "  ", "\t")) + lines[at] if chance.random() < 0.5 else lines[at][1:]
    return "\n".join(lines)


def _misspell(chance: random.Random, text: str) -> str:
    words = list(re.finditer(r"[A-Za-z]{3,}", text))
    if not words:
        return text
    word = chance.choice(words)
    letters = list(word.group())
    at = chance.randrange(len(letters) - 1)
    letters[at], letters[at + 1] = letters[at + 1], letters[at]
    return text[: word.start()] + "".join(letters) + text[word.end() :]


def _swap_words(chance: random.Random, text: str) -> str:
    words = list(re.finditer(r"[A-Za-z:]{3,}", text))
    if len(words) < 2:
        return text
    one, two = chance.choice(words), chance.choice(words)
    return text[: one.start()] + two.group() + text[one.end() :]


def _deepen(chance: random.Random, text: str) -> str:
    at = _at(chance, text)
    depth = chance.choice((5, 50, 200))
    return text[:at] + "{a: " * depth + "x" + "}" * depth + text[at:]


MUTATIONS: tuple[Callable[[random.Random, str], str], ...] = (
    _delete_span,
    _insert_word,
    _replace_scalar,
    _replace_scalar,
    _replace_by_container,
    _replace_by_container,
    _swap_lines,
    _repeat_line,
    _drop_line,
    _shift_line,
    _misspell,
    _swap_words,
    _deepen,
)


VALUES: tuple[Any, ...] = (
    None, True, -1, 0, 1.5, "", "a", "x" * 5000, [], {}, [[]], [{}], {"Ref": "F"}, {"Ref": "Nothing"}, {"Ref": "Stage"}, {"Ref": "Stage"}, {"Ref": "Names"}, {"Fn::FindInMap": ["M", "us-east-1", "Size"]}, {"Ref": ["F"]}, {"Ref": "AWS::NoValue"},
    {"Fn::GetAtt": ["F", "Arn"]}, {"Fn::GetAtt": "F"}, {"Fn::Sub": "${F}"}, {"Fn::Sub": ["${x}", {"x": {"Ref": "Q"}}]}, {"Fn::If": ["Prod", 1, {"Ref": "AWS::NoValue"}]},
    {"Fn::Join": ["", {"Ref": "Names"}]}, {"Fn::Select": [9, [1]]}, {"Fn::Split": ["", ""]}, {"Fn::FindInMap": ["M", "x", "y"]}, {"Fn::Transform": {"Name": "AWS::Include"}},
    {"Fn::ForEach::L": ["X", ["a"], {"${X}": "b"}]}, {"Condition": "Prod"}, "{{resolve:ssm:/a}}", "{{resolve:nothing}}", "arn:aws:sqs:us-east-1:000000000000:q", "*", "AWS::SQS::Queue",
)  # fmt: skip


def mutate_structure(chance: random.Random, document: Any) -> bytes:
    """The document with one to four of its values replaced, dropped, renamed or swapped, as JSON."""
    document = json.loads(json.dumps(document))
    for _ in range(chance.randint(1, 4)):
        all_of_them = list(places(document))
        if not all_of_them:
            break
        container, key = chance.choice(all_of_them)
        match chance.randrange(4):
            case 0:
                del container[key]
            case 1 if isinstance(container, dict):
                other, other_key = chance.choice(all_of_them)
                container[str(other_key)] = container.pop(key)
            case 2:
                other, other_key = chance.choice(all_of_them)
                container[key] = json.loads(json.dumps(other[other_key]))
            case _:
                container[key] = chance.choice(VALUES)
    return json.dumps(document).encode()


def everywhere(document: Any) -> Iterator[bytes]:
    """The document with each of the values at each of its places in turn, as JSON."""
    document = json.loads(json.dumps(document))
    for container, key in list(places(document)):
        before = container[key]
        for value in VALUES:
            container[key] = value
            yield json.dumps(document).encode()
        container[key] = before


def places(node: Any) -> Iterator[tuple[Any, Any]]:
    work = [node]
    while work:
        container = work.pop()
        for key, value in list(container.items() if isinstance(container, dict) else enumerate(container)):
            yield container, key
            if isinstance(value, dict | list):
                work.append(value)
