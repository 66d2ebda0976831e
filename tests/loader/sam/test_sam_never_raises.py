"""Whatever stands in a template: findings, never a traceback, and the input is left as it is."""

from __future__ import annotations

import copy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.loader.sam.stacks import Json, function, stack, transform_dict

JUNK: list[Any] = [
    None,
    5,
    True,
    "",
    "x",
    [],
    {},
    [1],
    [None],
    {5: 6},
    {"Ref": "X"},
    {"Ref": 5},
    {"Fn::If": [1]},
    {"Fn::If": ["C", "a", {"Ref": "AWS::NoValue"}]},
    {"Fn::GetAtt": []},
    {"Fn::Sub": []},
    {"a": None},
]
EVENTS: Json = {
    "Sqs": {"Type": "SQS", "Properties": {"Queue": "q", "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}}},
    "Sns": {"Type": "SNS", "Properties": {"Topic": "t", "SqsSubscription": {"QueueArn": "a", "QueueUrl": "u"}}},
    "Tick": {"Type": "Schedule", "Properties": {"Schedule": "s", "DeadLetterConfig": {"Type": "SQS"}}},
    "Bus": {"Type": "EventBridgeRule", "Properties": {"Pattern": {"a": ["b"]}, "Target": {"Id": "i"}}},
    "Later": {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "s", "DeadLetterConfig": {"Arn": "a"}}},
    "Bucket": {"Type": "S3", "Properties": {"Bucket": {"Ref": "B"}, "Events": ["e"]}},
    "Mq": {
        "Type": "MQ",
        "Properties": {"Broker": "b", "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "u"}]},
    },
    "Get": {
        "Type": "Api",
        "Properties": {"Path": "/a", "Method": "get", "RestApiId": {"Ref": "A"}, "Auth": {"Authorizer": "N"}},
    },
    "Any": {"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "any", "ApiId": {"Ref": "H"}}},
}
TEMPLATE: Json = stack(
    {
        "Fn": function(
            {
                "AutoPublishAlias": "live",
                "DeploymentPreference": {"Type": "AllAtOnce", "Alarms": ["a"], "Hooks": {"PreTraffic": "p"}},
                "EventInvokeConfig": {
                    "DestinationConfig": {"OnSuccess": {"Type": "SQS"}, "OnFailure": {"Type": "SNS"}}
                },
                "FunctionUrlConfig": {"AuthType": "NONE", "Cors": {"AllowOrigins": ["*"]}},
                "Policies": ["A", {"SQSPollerPolicy": {"QueueName": "q"}}, {"Statement": []}],
                "Layers": [{"Ref": "L"}],
                "Events": EVENTS,
            },
            Connectors={"C": {"Properties": {"Destination": {"Id": "T"}, "Permissions": ["Read"]}}},
        ),
        "L": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "c"}},
        "T": {"Type": "AWS::Serverless::SimpleTable", "Properties": {"PrimaryKey": {"Name": "n", "Type": "String"}}},
        "B": {"Type": "AWS::S3::Bucket", "Properties": {}},
        "A": {
            "Type": "AWS::Serverless::Api",
            "Properties": {
                "StageName": "p",
                "Auth": {
                    "Authorizers": {"N": {"FunctionArn": "f", "Identity": {"Header": "h"}}},
                    "DefaultAuthorizer": "N",
                },
                "Cors": {"AllowOrigin": "o"},
                "Domain": {"DomainName": "d", "CertificateArn": "c", "Route53": {"HostedZoneId": "z"}},
            },
        },
        "H": {
            "Type": "AWS::Serverless::HttpApi",
            "Properties": {"DefinitionBody": {"openapi": "3.0.1", "paths": {"/a": {}}}},
        },
        "S": {"Type": "AWS::Serverless::StateMachine", "Properties": {"Definition": {"A": {"Ref": "Fn"}}}},
    },
    Globals={"Function": {"Timeout": 5, "Tags": {"a": "b"}}},
    Outputs={"O": {"Value": {"Fn::Sub": "${Fn.Alias}"}}},
)


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [found for key, item in items for found in _paths(item, (*path, key))]


PATHS = _paths(TEMPLATE)


def _changed(path: tuple[Any, ...], junk: Any) -> Json:
    template = copy.deepcopy(TEMPLATE)
    container: Any = template
    for key in path[:-1]:
        container = container[key]
    container[path[-1]] = copy.deepcopy(junk)
    return template


def _transform(template: Json) -> None:
    before = copy.deepcopy(template)
    transform_dict(template)
    assert template == before


@given(st.sampled_from(PATHS), st.sampled_from(JUNK))
def test_one_odd_value(path: tuple[Any, ...], junk: Any) -> None:
    _transform(_changed(path, junk))


@pytest.mark.slow
@pytest.mark.parametrize("junk", JUNK, ids=repr)
def test_an_odd_value_anywhere(junk: Any) -> None:
    for path in PATHS:
        _transform(_changed(path, junk))


def test_the_template_itself_is_good() -> None:
    assert not transform_dict(TEMPLATE).errors
