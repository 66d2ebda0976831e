# ruff: noqa: E501  the rows of the tables
"""What single properties and events of a function become: ids, types and values as AWS's transform gives them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.loader.sam.stacks import Json, function, stack, transform_dict

ALIAS = {"AutoPublishAlias": "live"}

# fmt: off
GENERATED = [
    ("a function brings its role",                      {}, None, {"Fn": "Lambda::Function", "FnRole": "IAM::Role"}),
    ("a given role is used and none is made",           {"Role": "arn:r", "Policies": "X"}, None, {"Fn": "Lambda::Function"}),
    ("an alias brings a version named by the code",     ALIAS, None, {"FnAliaslive": "Lambda::Alias", "FnVersion03ba323aca": "Lambda::Version"}),
    ("memory changes the version",                      {**ALIAS, "MemorySize": 256}, None, {"FnVersion5c6b603bfd": "Lambda::Version"}),
    ("the environment changes the version",             {**ALIAS, "Environment": {"Variables": {"A": "b"}}}, None, {"FnVersion191affae20": "Lambda::Version"}),
    ("the timeout does not change the version",         {**ALIAS, "Timeout": 5}, None, {"FnVersion03ba323aca": "Lambda::Version"}),
    ("SnapStart changes the version",                   {**ALIAS, "SnapStart": {"ApplyOn": "PublishedVersions"}}, None, {"FnVersion85a77ad8ef": "Lambda::Version"}),
    ("all properties can make the version",             {**ALIAS, "AutoPublishAliasAllProperties": True}, None, {"FnVersion4fc37be887": "Lambda::Version"}),
    ("then the timeout does change it",                 {**ALIAS, "AutoPublishAliasAllProperties": True, "Timeout": 5}, None, {"FnVersion5b28eef603": "Lambda::Version"}),
    ("a digest of the user's names the version",        {**ALIAS, "AutoPublishCodeSha256": "6b86b273ff34fce1"}, None, {"FnVersion6b86b273ff": "Lambda::Version"}),
    ("inline code names the version",                   {**ALIAS, "CodeUri": None, "InlineCode": "x"}, None, {"FnVersion5168f5ed55": "Lambda::Version"}),
    ("an image names the version",                      {**ALIAS, "CodeUri": None, "Handler": None, "Runtime": None, "PackageType": "Image", "ImageUri": "u"}, None, {"FnVersion923bc17e3a": "Lambda::Version"}),
    ("an alias id spells out what an id cannot hold",   {"AutoPublishAlias": "my-al_ias"}, None, {"FnAliasmyDalUias": "Lambda::Alias"}),
    ("a deployment preference brings CodeDeploy",       {**ALIAS, "DeploymentPreference": {"Type": "AllAtOnce"}}, None, {"CodeDeployServiceRole": "IAM::Role", "FnDeploymentGroup": "CodeDeploy::DeploymentGroup", "ServerlessDeploymentApplication": "CodeDeploy::Application"}),
    ("a public URL brings two permissions",             {"FunctionUrlConfig": {"AuthType": "NONE"}}, None, {"FnUrl": "Lambda::Url", "FnUrlPublicPermissions": "Lambda::Permission", "FnURLInvokeAllowPublicAccess": "Lambda::Permission"}),
    ("destinations without a target are created",       {"EventInvokeConfig": {"DestinationConfig": {"OnSuccess": {"Type": "SQS"}, "OnFailure": {"Type": "SNS"}}}}, None, {"FnEventInvokeConfig": "Lambda::EventInvokeConfig", "FnEventInvokeConfigOnSuccessQueue": "SQS::Queue", "FnEventInvokeConfigOnFailureTopic": "SNS::Topic"}),
    ("a schedule is a rule with a permission",          {}, {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)"}}, {"FnEv": "Events::Rule", "FnEvPermission": "Lambda::Permission"}),
    ("its dead letters get a queue and a policy",       {}, {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)", "DeadLetterConfig": {"Type": "SQS"}}}, {"FnEvQueue": "SQS::Queue", "FnEvQueuePolicy": "SQS::QueuePolicy"}),
    ("the queue can be named",                          {}, {"Type": "Schedule", "Properties": {"Schedule": "rate(1 minute)", "DeadLetterConfig": {"Type": "SQS", "QueueLogicalId": "Q1"}}}, {"Q1": "SQS::Queue", "FnEvQueuePolicy": "SQS::QueuePolicy"}),
    ("a scheduler schedule brings a role",              {}, {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 minute)"}}, {"FnEv": "Scheduler::Schedule", "FnEvRole": "IAM::Role"}),
    ("a queue is an event source mapping",              {}, {"Type": "SQS", "Properties": {"Queue": "q"}}, {"FnEv": "Lambda::EventSourceMapping"}),
    ("a topic is a subscription with a permission",     {}, {"Type": "SNS", "Properties": {"Topic": "t"}}, {"FnEv": "SNS::Subscription", "FnEvPermission": "Lambda::Permission"}),
    ("a queue can stand between topic and function",    {}, {"Type": "SNS", "Properties": {"Topic": "t", "SqsSubscription": True}}, {"FnEv": "SNS::Subscription", "FnEvQueue": "SQS::Queue", "FnEvQueuePolicy": "SQS::QueuePolicy", "FnEvEventSourceMapping": "Lambda::EventSourceMapping"}),
    ("that queue can be the user's own",                {}, {"Type": "SNS", "Properties": {"Topic": "t", "SqsSubscription": {"QueueArn": "a", "QueueUrl": "u", "QueuePolicyLogicalId": "QP"}}}, {"FnEvEventSourceMapping": "Lambda::EventSourceMapping", "QP": "SQS::QueuePolicy"}),
    ("log entries come by a subscription filter",       {}, {"Type": "CloudWatchLogs", "Properties": {"LogGroupName": "/a", "FilterPattern": ""}}, {"FnEv": "Logs::SubscriptionFilter", "FnEvPermission": "Lambda::Permission"}),
    ("an IoT rule is a topic rule",                     {}, {"Type": "IoTRule", "Properties": {"Sql": "s"}}, {"FnEv": "IoT::TopicRule", "FnEvPermission": "Lambda::Permission"}),
    ("a skill needs a permission alone",                {}, {"Type": "AlexaSkill"}, {"FnEvPermission": "Lambda::Permission"}),
    ("an API event makes the implicit API",             {}, {"Type": "Api", "Properties": {"Path": "/a/{id}/", "Method": "GET"}}, {"ServerlessRestApi": "ApiGateway::RestApi", "ServerlessRestApiDeploymentf473b4d79e": "ApiGateway::Deployment", "ServerlessRestApiProdStage": "ApiGateway::Stage", "FnEvPermissionProd": "Lambda::Permission"}),
    ("an HTTP API event makes the implicit HTTP API",   {}, {"Type": "HttpApi"}, {"ServerlessHttpApi": "ApiGatewayV2::Api", "ServerlessHttpApiApiGatewayDefaultStage": "ApiGatewayV2::Stage", "FnEvPermission": "Lambda::Permission"}),
]
# fmt: on


@pytest.mark.parametrize(
    ("change", "event", "expected"), [row[1:] for row in GENERATED], ids=[row[0] for row in GENERATED]
)
def test_generated_ids(change: Json, event: Json | None, expected: Json) -> None:
    result = transform_dict(stack({"Fn": function(change, event)}))
    assert not result.errors
    types = {name: resource["Type"].removeprefix("AWS::") for name, resource in result.resources.items()}
    assert types == {**types, **expected}
    if "Role" in change:
        assert set(types) == {"Fn"}


LAMBDA = {"Fn::GetAtt": ["Fn", "Arn"]}
ALIASED = {"Ref": "FnAliaslive"}

# fmt: off
VALUES: list[tuple[str, Json, Json | None, str, Any]] = [
    ("SAM tags what it makes",               {}, None, "Fn.Tags", [{"Key": "lambda:createdBy", "Value": "SAM"}]),
    ("a tag without a value has an empty one", {"Tags": {"n": None}}, None, "Fn.Tags", [{"Key": "lambda:createdBy", "Value": "SAM"}, {"Key": "n", "Value": ""}]),
    ("propagated tags stand alone",          {"Tags": {"a": "b"}, "PropagateTags": True}, None, "FnRole.Tags", [{"Key": "a", "Value": "b"}]),
    ("an S3 address is taken apart",         {"CodeUri": "s3://b/k/z.zip?versionId=V1"}, None, "Fn.Code", {"S3Bucket": "b", "S3Key": "k/z.zip", "S3ObjectVersion": "V1"}),
    ("a local path stays as written",        {"CodeUri": "./src"}, None, "Fn.Code", {"Path": "./src"}),
    ("without a CodeUri it is the stack's folder", {"CodeUri": None}, None, "Fn.Code", {"Path": "."}),
    ("inline code goes before a CodeUri",    {"InlineCode": "x"}, None, "Fn.Code", {"ZipFile": "x"}),
    ("tracing is a mode",                    {"Tracing": "Active"}, None, "Fn.TracingConfig", {"Mode": "Active"}),
    ("a queue for dead letters",             {"DeadLetterQueue": {"Type": "SNS", "TargetArn": "t"}}, None, "Fn.DeadLetterConfig", {"TargetArn": "t"}),
    ("and the right to send to it",          {"DeadLetterQueue": {"Type": "SNS", "TargetArn": "t"}}, None, "FnRole.Policies", [{"PolicyName": "DeadLetterQueuePolicy", "PolicyDocument": {"Version": "2012-10-17", "Statement": [{"Action": "sns:Publish", "Resource": "t", "Effect": "Allow"}]}}]),
    ("an alias is what a rule invokes",      ALIAS, {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}, "FnEv.Targets", [{"Arn": ALIASED, "Id": "FnEvLambdaTarget"}]),
    ("an alias is what a mapping invokes",   ALIAS, {"Type": "SQS", "Properties": {"Queue": "q"}}, "FnEv.FunctionName", ALIASED),
    ("an asynchronous configuration is the alias's", {**ALIAS, "EventInvokeConfig": {"MaximumRetryAttempts": 0}}, None, "FnEventInvokeConfig.Qualifier", "live"),
    ("or the latest version's",              {"EventInvokeConfig": {"MaximumRetryAttempts": 0}}, None, "FnEventInvokeConfig.Qualifier", "$LATEST"),
    ("Enabled is a rule's state",            {}, {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)", "Enabled": False}}, "FnEv.State", "DISABLED"),
    ("a target's id can be chosen",          {}, {"Type": "EventBridgeRule", "Properties": {"Pattern": {"source": ["a"]}, "Target": {"Id": "tid"}}}, "FnEv.Targets", [{"Arn": LAMBDA, "Id": "tid"}]),
    ("a schedule is named after both ids",   {}, {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "x"}}, "FnEv.Name", "FnEv"),
    ("a failure destination loses its type", {}, {"Type": "Kinesis", "Properties": {"Stream": "s", "StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Type": "SQS", "Destination": "q"}}}}, "FnEv.DestinationConfig", {"OnFailure": {"Destination": "q"}}),
    ("a log subscription waits for its permission", {}, {"Type": "CloudWatchLogs", "Properties": {"LogGroupName": "/a", "FilterPattern": ""}}, "FnEv.DependsOn", ["FnEvPermission"]),
    ("a path's parameters are wild in permissions", {}, {"Type": "Api", "Properties": {"Path": "/a/{id}/", "Method": "GET"}}, "FnEvPermissionProd.SourceArn", {"Fn::Sub": ["arn:aws:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}/GET/a/*", {"__ApiId__": {"Ref": "ServerlessRestApi"}, "__Stage__": "*"}]}),
]
# fmt: on


@pytest.mark.parametrize(
    ("change", "event", "where", "expected"), [row[1:] for row in VALUES], ids=[row[0] for row in VALUES]
)
def test_values(change: Json, event: Json | None, where: str, expected: Any) -> None:
    result = transform_dict(stack({"Fn": function(change, event)}))
    assert not result.errors
    logical_id, name = where.split(".")
    resource = result.resources[logical_id]
    assert (resource if name == "DependsOn" else resource["Properties"])[name] == expected


def test_a_long_target_id_is_cut() -> None:
    event = {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}
    name = "F" * 70
    target = transform_dict(stack({name: function({}, event)})).resources[f"{name}Ev"]["Properties"]["Targets"][0]
    assert target["Id"] == "F" * 52 + "LambdaTarget"


def test_attributes_go_to_everything_made() -> None:
    event = {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}
    made = function({}, event, Condition="C", DeletionPolicy="Retain", Metadata={"a": "b"})
    resources = transform_dict(stack({"Fn": made}, Conditions={"C": {"Fn::Equals": ["a", "a"]}})).resources
    assert {(name, found["Condition"], found["DeletionPolicy"]) for name, found in resources.items()} == {
        (name, "C", "Retain") for name in ("Fn", "FnRole", "FnEv", "FnEvPermission")
    }
    assert [name for name, found in resources.items() if "Metadata" in found] == ["Fn"]


def test_a_role_may_be_left_to_sam_under_a_condition() -> None:
    role = {"Fn::If": ["C", "arn:r", {"Ref": "AWS::NoValue"}]}
    conditions = {"C": {"Fn::Equals": ["a", "a"]}}
    result = transform_dict(stack({"Fn": function({"Role": role})}, Conditions=conditions))
    assert result.resources["Fn"]["Properties"]["Role"] == {"Fn::If": ["C", "arn:r", {"Fn::GetAtt": ["FnRole", "Arn"]}]}
    assert result.resources["FnRole"]["Condition"] == "NOTC"
    assert result.expansion.template["Conditions"] == {**conditions, "NOTC": {"Fn::Not": [{"Condition": "C"}]}}


def test_a_bucket_is_told_to_notify() -> None:
    event = {"Type": "S3", "Properties": {"Bucket": {"Ref": "B"}, "Events": "s3:ObjectCreated:*"}}
    bucket = transform_dict(stack({"Fn": function({}, event), "B": {"Type": "AWS::S3::Bucket"}})).resources["B"]
    assert bucket["DependsOn"] == ["FnEvPermission"]
    notified = bucket["Properties"]["NotificationConfiguration"]["LambdaConfigurations"]
    assert notified == [{"Function": LAMBDA, "Event": "s3:ObjectCreated:*"}]


def test_a_user_pool_gets_its_triggers() -> None:
    events = {
        name: {"Type": "Cognito", "Properties": {"UserPool": {"Ref": "U"}, "Trigger": name}}
        for name in ("PreSignUp", "PostConfirmation")
    }
    pool = {"Type": "AWS::Cognito::UserPool"}
    resources = transform_dict(stack({"Fn": function({"Events": events}), "U": pool})).resources
    assert resources["U"]["Properties"]["LambdaConfig"] == {"PreSignUp": LAMBDA, "PostConfirmation": LAMBDA}
    assert "FnCognitoPermission" in resources


def test_a_layer_has_its_content_in_its_id() -> None:
    layer = {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "s3://b/l"}}
    outputs = {"L": {"Value": {"Fn::Sub": "${Ly}"}}}
    result = transform_dict(stack({"Ly": layer, "Fn": function({"Layers": [{"Ref": "Ly"}]})}, Outputs=outputs))
    assert result.resources["Ly9d93b2740e"]["DeletionPolicy"] == "Retain"
    assert result.resources["Ly9d93b2740e"]["Properties"]["LayerName"] == "Ly"
    assert result.resources["Fn"]["Properties"]["Layers"] == [{"Ref": "Ly9d93b2740e"}]
    assert result.expansion.template["Outputs"] == {"L": {"Value": {"Fn::Sub": "${Ly9d93b2740e}"}}}


def test_a_table_has_a_key_by_default() -> None:
    table = transform_dict(stack({"T": {"Type": "AWS::Serverless::SimpleTable"}})).resources["T"]
    assert table["Properties"] == {
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
        "BillingMode": "PAY_PER_REQUEST",
    }


def test_an_embedded_connector_extends_the_role() -> None:
    connectors = {"MyC": {"Properties": {"Destination": {"Id": "Q"}, "Permissions": ["Write"]}}}
    made = function({}, None, Connectors=connectors)
    policy = transform_dict(stack({"Fn": made, "Q": {"Type": "AWS::SQS::Queue"}})).resources["FnMyCPolicy"]
    assert policy["Properties"]["Roles"] == [{"Ref": "FnRole"}]
    assert policy["Properties"]["PolicyDocument"]["Statement"][0]["Action"][1] == "sqs:SendMessage"


# fmt: off
REFERENCES = [
    ("the alias",                   {"Ref": "Fn.Alias"},                        {"Ref": "FnAliaslive"}),
    ("the version",                 {"Ref": "Fn.Version"},                      {"Ref": "FnVersion03ba323aca"}),
    ("an attribute of the version", {"Fn::GetAtt": ["Fn.Version", "Version"]},  {"Fn::GetAtt": ["FnVersion03ba323aca", "Version"]}),
    ("the same, split elsewhere",   {"Fn::GetAtt": ["Fn", "Version.Version"]},  {"Fn::GetAtt": ["FnVersion03ba323aca", "Version"]}),
    ("within a text",               {"Fn::Sub": "x ${Fn.Alias} ${Fn.Arn}"},     {"Fn::Sub": "x ${FnAliaslive} ${Fn.Arn}"}),
    ("unless the text has its own", {"Fn::Sub": ["${Fn.Alias}", {"Fn.Alias": "a"}]}, {"Fn::Sub": ["${Fn.Alias}", {"Fn.Alias": "a"}]}),
    ("what SAM does not make",      {"Ref": "Fn.Foo"},                          {"Ref": "Fn.Foo"}),
]
# fmt: on


@pytest.mark.parametrize(("written", "expected"), [row[1:] for row in REFERENCES], ids=[row[0] for row in REFERENCES])
def test_references(written: Json, expected: Json) -> None:
    template = stack({"Fn": function(ALIAS)}, Outputs={"O": {"Value": written}})
    assert transform_dict(template).expansion.template["Outputs"]["O"]["Value"] == expected


def test_a_parameter_without_a_value_is_no_error_yet() -> None:
    made = function({"AutoPublishAlias": {"Ref": "Stage"}, "AutoPublishCodeSha256": {"Ref": "Sha"}})
    declared = {"Stage": {"Type": "String"}, "Sha": {"Type": "String"}}
    result = transform_dict(stack({"Fn": made}, Parameters=declared))
    assert not result.errors
    assert "FnAliasStage" in result.resources


def test_an_api_of_cloudformation_s_own_gets_a_permission_alone() -> None:
    event = {"Type": "Api", "Properties": {"Path": "/a", "Method": "get", "RestApiId": {"Ref": "A"}}}
    result = transform_dict(stack({"Fn": function({}, event), "A": {"Type": "AWS::ApiGateway::RestApi"}}))
    assert not result.errors
    assert set(result.resources) == {"Fn", "FnRole", "FnEvPermissionStage", "A"}
