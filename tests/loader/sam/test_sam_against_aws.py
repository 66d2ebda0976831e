# ruff: noqa: E501  the rows of the tables
"""Our small stacks through AWS's own transform and through ours: the same resources, ids, types and properties."""

from __future__ import annotations

import copy
import json
import os
from typing import Any

import pytest
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.utils.py27hash_fix import to_py27_compatible_template

from tests.loader.sam.stacks import Json, function, stack, transform_dict

REGIONS = ("us-east-1", "cn-north-1")
CONDITIONS = {"C": {"Fn::Equals": ["a", "a"]}}
ALIAS = {"AutoPublishAlias": "live"}
REST = {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "Prod"}}
HTTP = {"Type": "AWS::Serverless::HttpApi"}
TOKEN = {"T": {"FunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}, "Identity": {"Header": "X"}}}
JWT = {"J": {"JwtConfiguration": {"issuer": "i", "audience": ["a"]}, "IdentitySource": "$request.header.A"}}
MACHINE = {"Type": "AWS::Serverless::StateMachine", "Properties": {"Definition": {"StartAt": {"Ref": "P"}}}}


def rest(**properties: Any) -> Json:
    return {"Type": "AWS::Serverless::Api", "Properties": {"StageName": "Prod", **properties}}


def http(**properties: Any) -> Json:
    return {"Type": "AWS::Serverless::HttpApi", "Properties": properties}


def get(path: str = "/a", **properties: Any) -> Json:
    return {"Type": "Api", "Properties": {"Path": path, "Method": "get", **properties}}


def machine(**events: Json) -> Json:
    return {**MACHINE, "Properties": {**MACHINE["Properties"], "Events": events}}


def connector(source: str, destination: Any, *permissions: str) -> Json:
    ends = {"Source": {"Id": source}, "Destination": destination, "Permissions": list(permissions)}
    return {"Type": "AWS::Serverless::Connector", "Properties": ends}


# fmt: off
STACKS: list[tuple[str, Json]] = [
    ("a bare function", {"Fn": function()}),
    ("all that a function passes on", {"Fn": function({"MemorySize": 256, "Timeout": 5, "Description": "d", "FunctionName": "n", "KmsKeyArn": "k", "ReservedConcurrentExecutions": 0, "EphemeralStorage": {"Size": 1024}, "Architectures": ["arm64"], "FileSystemConfigs": [{"Arn": "a"}], "LoggingConfig": {"LogGroup": "g"}, "SnapStart": {"ApplyOn": "None"}, "RecursiveLoop": "Allow", "Layers": ["l"], "VpcConfig": {"SubnetIds": ["s"]}, "Tracing": "Active"})}),
    ("an image", {"Fn": function({"CodeUri": None, "Handler": None, "Runtime": None, "PackageType": "Image", "ImageUri": "u", "ImageConfig": {"Command": ["a"]}})}),
    ("every kind of policy", {"Fn": function({"Policies": ["AmazonS3ReadOnlyAccess", "AWSLambdaRole", "arn:aws:iam::1:policy/x", {"Ref": "P"}, {"Statement": []}, {"S3CrudPolicy": {"BucketName": {"Ref": "P"}}}, {"Fn::If": ["C", {"Statement": []}, {"Ref": "AWS::NoValue"}]}, {"Fn::If": ["C", "AWSLambdaRole", {"Ref": "AWS::NoValue"}]}]})}),
    ("one policy alone", {"Fn": function({"Policies": {"CloudWatchPutMetricPolicy": {}}})}),
    ("a role with everything", {"Fn": function({"RolePath": "/p/", "PermissionsBoundary": "b", "AssumeRolePolicyDocument": {"Statement": []}, "DeadLetterQueue": {"Type": "SQS", "TargetArn": "q"}})}),
    ("an alias with everything", {"Fn": function({**ALIAS, "ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 1}, "VersionDescription": "v", "VersionDeletionPolicy": "Delete", "FunctionUrlConfig": {"AuthType": "NONE", "Cors": {"AllowOrigins": ["*"]}}})}),
    ("an alias by parameter", {"Fn": function({"AutoPublishAlias": {"Ref": "P"}, "CodeUri": {"Bucket": {"Ref": "P"}, "Key": "k"}})}),
    ("a digest in the description", {"Fn": function({**ALIAS, "AutoPublishCodeSha256": "0123456789abcdef", "Description": {"Fn::Sub": "${P}"}})}),
    ("canaries", {"Fn": function({**ALIAS, "DeploymentPreference": {"Type": "Canary10Percent5Minutes", "Alarms": ["a", {"Ref": "B"}], "Hooks": {"PreTraffic": "p", "PostTraffic": "q"}, "TriggerConfigurations": [{"TriggerName": "t"}]}})}),
    ("canaries under a condition", {"Fn": function({**ALIAS, "DeploymentPreference": {"Type": {"Fn::If": ["C", "AllAtOnce", "x"]}, "PassthroughCondition": True, "Role": "r"}}, None, Condition="C")}),
    ("no canaries", {"Fn": function({**ALIAS, "DeploymentPreference": {"Enabled": False}})}),
    ("destinations of all kinds", {"Fn": function({"EventInvokeConfig": {"MaximumRetryAttempts": 1, "DestinationConfig": {"OnSuccess": {"Type": "EventBridge", "Destination": "b"}, "OnFailure": {"Type": "S3Bucket", "Destination": "s"}}}})}),
    ("destinations left to SAM", {"Fn": function({**ALIAS, "EventInvokeConfig": {"DestinationConfig": {"OnSuccess": {"Type": "SNS"}, "OnFailure": {"Type": "SQS", "Destination": {"Fn::If": ["C", "q", {"Ref": "AWS::NoValue"}]}}}}})}),
    ("tags passed on", {"Fn": function({"Tags": {"a": "b"}, "PropagateTags": True, **ALIAS, "DeploymentPreference": {"Type": "AllAtOnce"}}, {"Type": "SNS", "Properties": {"Topic": "t", "SqsSubscription": True}})}),
    ("a queue", {"Fn": function({}, {"Type": "SQS", "Properties": {"Queue": "q", "BatchSize": 5, "Enabled": False, "FilterCriteria": {"Filters": [{"Pattern": "{}"}]}, "ScalingConfig": {"MaximumConcurrency": 2}, "FunctionResponseTypes": ["ReportBatchItemFailures"]}})}),
    ("streams", {"Fn": function({"Events": {"K": {"Type": "Kinesis", "Properties": {"Stream": "s", "StartingPosition": "LATEST", "DestinationConfig": {"OnFailure": {"Type": "SNS", "Destination": "t"}}}}, "D": {"Type": "DynamoDB", "Properties": {"Stream": "s", "StartingPosition": "TRIM_HORIZON", "BisectBatchOnFunctionError": True}}}})}),
    ("brokers", {"Fn": function({"Events": {"M": {"Type": "MQ", "Properties": {"Broker": "b", "Queues": ["q"], "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "u"}], "SecretsManagerKmsKeyId": "k"}}, "D": {"Type": "DocumentDB", "Properties": {"Cluster": "c", "DatabaseName": "d", "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "u"}]}}}})}),
    ("Kafka", {"Fn": function({"Events": {"M": {"Type": "MSK", "Properties": {"Stream": "s", "StartingPosition": "LATEST", "Topics": ["t"], "ConsumerGroupId": "g", "SourceAccessConfigurations": [{"Type": "CLIENT_CERTIFICATE_TLS_AUTH", "URI": "u"}]}}, "S": {"Type": "SelfManagedKafka", "Properties": {"KafkaBootstrapServers": ["b"], "Topics": ["t"], "SourceAccessConfigurations": [{"Type": "BASIC_AUTH", "URI": "u"}, {"Type": "SERVER_ROOT_CA_CERTIFICATE", "URI": "c"}, {"Type": "VPC_SUBNET", "URI": "s"}, {"Type": "VPC_SECURITY_GROUP", "URI": "g"}]}}}})}),
    ("a schedule", {"Fn": function(ALIAS, {"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)", "Name": "n", "Description": "d", "Input": "{}", "Enabled": {"Ref": "P"}, "DeadLetterConfig": {"Type": "SQS"}, "RetryPolicy": {"MaximumRetryAttempts": 1}}})}),
    ("a rule", {"Fn": function({}, {"Type": "EventBridgeRule", "Properties": {"EventBusName": {"Ref": "B"}, "RuleName": "r", "Pattern": {"source": ["a"]}, "InputTransformer": {"InputTemplate": "x"}, "State": "DISABLED", "DeadLetterConfig": {"Arn": "a"}}})}),
    ("a scheduler schedule", {"Fn": function({}, {"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 day)", "OmitName": True, "State": "DISABLED", "PermissionsBoundary": "b", "DeadLetterConfig": {"Type": "SQS", "QueueLogicalId": "Dead"}}})}),
    ("a bucket", {"Fn": function({}, {"Type": "S3", "Properties": {"Bucket": {"Ref": "B"}, "Events": ["a", "b"], "Filter": {"S3Key": {"Rules": []}}}}), "B": {"Type": "AWS::S3::Bucket", "DependsOn": "Fn"}}),
    ("a bucket under a condition", {"Fn": function({}, {"Type": "S3", "Properties": {"Bucket": {"Ref": "B"}, "Events": "a"}}, Condition="C"), "B": {"Type": "AWS::S3::Bucket"}}),
    ("a FIFO topic through a queue", {"Fn": function({}, {"Type": "SNS", "Properties": {"Topic": {"Ref": "T"}, "SqsSubscription": True, "FilterPolicy": {"a": ["b"]}}}), "T": {"Type": "AWS::SNS::Topic", "Properties": {"FifoTopic": True}}}),
    ("logs, things and skills", {"Fn": function({"Events": {"L": {"Type": "CloudWatchLogs", "Properties": {"LogGroupName": {"Ref": "P"}, "FilterPattern": ""}}, "I": {"Type": "IoTRule", "Properties": {"Sql": "s", "AwsIotSqlVersion": "v"}}, "A": {"Type": "AlexaSkill", "Properties": {"SkillId": "s"}}}})}),
    ("a layer and who uses it", {"L": {"Type": "AWS::Serverless::LayerVersion", "Properties": {"ContentUri": "s3://b/l", "LayerName": {"Ref": "P"}, "RetentionPolicy": "delete", "PublishLambdaVersion": True}}, "Fn": function({**ALIAS, "AutoPublishAliasAllProperties": True, "Layers": [{"Ref": "L"}]}, None, DependsOn="L")}),
    ("a table", {"T": {"Type": "AWS::Serverless::SimpleTable", "Properties": {"PrimaryKey": {"Name": "n", "Type": "Number"}, "TableName": "t", "Tags": {"a": "b"}, "ProvisionedThroughput": {"ReadCapacityUnits": 1}}}}),
    ("a nested application", {"A": {"Type": "AWS::Serverless::Application", "Properties": {"Location": "https://x", "Parameters": {"a": "b"}, "Tags": {"a": "b"}}}}),
    ("the implicit API", {"Fn": function({"Events": {"A": get(), "B": get("/b/{id}/"), "C": {"Type": "Api", "Properties": {"Path": "/b/{id}/", "Method": "ANY"}}}})}),
    ("the implicit API under a condition", {"Fn": function({}, get(), Condition="C", DeletionPolicy="Retain")}),
    ("paths that collide in AWS's tables", {"F": function({}, get("/{proxy+}")), "G": function({}, get("/{proxy++}"), DeletionPolicy="Retain"), "H": function({"Events": {"E0": get("/{proxy+}", RestApiId={"Ref": "A"}), "E1": get("/{proxy++}", RestApiId={"Ref": "A"})}}), "A": REST}),
    ("an API with CORS", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(Cors={"AllowOrigin": "'a'", "AllowHeaders": "'h'", "MaxAge": "'1'"})}),
    ("an API with authorizers", {"Fn": function({"Events": {"A": get(RestApiId={"Ref": "A"}), "B": get("/b", RestApiId={"Ref": "A"}, Auth={"Authorizer": "NONE"})}}), "A": rest(Auth={"DefaultAuthorizer": "T", "Authorizers": TOKEN}, Cors="'*'")}),
    ("an API by IAM", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(Auth={"DefaultAuthorizer": "AWS_IAM"})}),
    ("an API with keys", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(Auth={"ApiKeyRequired": True, "UsagePlan": {"CreateUsagePlan": "PER_API"}})}),
    ("an API with a policy", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(Auth={"ResourcePolicy": {"IpRangeWhitelist": ["1.2.3.4"], "SourceVpcBlacklist": ["vpc-1", "vpce-1"]}})}),
    ("an API with models", {"Fn": function({}, get(RestApiId={"Ref": "A"}, RequestModel={"Model": "User", "ValidateBody": True}, RequestParameters=["method.request.header.H", {"method.request.querystring.q": {"Required": True, "Caching": True}}])), "A": rest(Models={"User": {"type": "object"}})}),
    ("an API in OpenAPI 3", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(OpenApiVersion="3.0.1", Cors="'*'", Auth={"ApiKeyRequired": True})}),
    ("an API with its own document", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(DefinitionBody={"swagger": "2.0", "info": {}, "paths": {"/a": {"get": {}}}}, MergeDefinitions=True)}),
    ("an API with a domain", {"Fn": function({}, get(RestApiId={"Ref": "A"})), "A": rest(Domain={"DomainName": "d", "CertificateArn": "c", "BasePath": ["/x"], "Route53": {"HostedZoneId": "z", "IpV6": True}})}),
    ("an API with answers of its own", {"A": rest(GatewayResponses={"UNAUTHORIZED": {"StatusCode": 401, "ResponseParameters": {"Headers": {"H": "'h'"}}}}, BinaryMediaTypes=["image~1png"], StageName="v-1")}),
    ("the implicit HTTP API", {"Fn": function({"Events": {"A": {"Type": "HttpApi"}, "B": {"Type": "HttpApi", "Properties": {"Path": "/b/{id}", "Method": "post", "TimeoutInMillis": 5}}}})}),
    ("an HTTP API with everything", {"Fn": function({}, {"Type": "HttpApi", "Properties": {"Path": "/a", "Method": "get", "ApiId": {"Ref": "A"}, "RouteSettings": {"ThrottlingBurstLimit": 1}, "PayloadFormatVersion": "1.0"}}), "A": http(StageName="s", Name="n", Tags={"a": "b"}, CorsConfiguration={"AllowOrigins": ["o"]}, Auth={"Authorizers": JWT, "DefaultAuthorizer": "J"})}),
    ("connectors", {"Fn": function(), "Q": {"Type": "AWS::SQS::Queue"}, "T": {"Type": "AWS::SNS::Topic"}, "A": connector("Fn", [{"Id": "Q"}, {"Id": "T"}], "Write"), "B": connector("T", {"Id": "Q"}, "Write"), "D": connector("T", {"Id": "Fn"}, "Write"), "E": connector("Q", {"Id": "Fn"}, "Read", "Write")}),
    ("a WebSocket API", {"Fn": function(), "W": {"Type": "AWS::Serverless::WebSocketApi", "Properties": {"RouteSelectionExpression": "$request.body.action", "Tags": {"a": "b"}, "Routes": {"$connect": {"FunctionArn": {"Fn::GetAtt": ["Fn", "Arn"]}}, "sendIt": {"FunctionArn": "f", "IntegrationTimeout": 5}}, "Auth": {"AuthType": "CUSTOM", "AuthArn": "a"}}}}),
    ("a capacity provider", {"C": {"Type": "AWS::Serverless::CapacityProvider", "Properties": {"VpcConfig": {"SubnetIds": ["s"], "SecurityGroupIds": ["g"]}, "Tags": {"a": "b"}, "ScalingConfig": {"MaxVCpuCount": 5}, "InstanceRequirements": {"AllowedTypes": ["t"]}}}, "Fn": function({**ALIAS, "CapacityProviderConfig": {"Arn": {"Fn::GetAtt": ["C", "Arn"]}, "PerExecutionEnvironmentMaxConcurrency": 5}})}),
    ("a state machine and its events", {"S": machine(A=get(), B={"Type": "Schedule", "Properties": {"Schedule": "rate(1 day)"}}, C={"Type": "EventBridgeRule", "Properties": {"Pattern": {"a": ["b"]}}}, D={"Type": "ScheduleV2", "Properties": {"ScheduleExpression": "rate(1 day)"}})}),
]
# fmt: on


@pytest.fixture(autouse=True)
def _region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", os.environ.get("AWS_DEFAULT_REGION", "us-east-1"))


class _Session:
    """All that AWS's transform asks of a session."""

    def __init__(self, region: str) -> None:
        self.region_name = region

    def get_partition_for_region(self, region: str) -> str:
        return "aws-cn" if region.startswith("cn-") else "aws"


def aws(template: Json, region: str) -> Json:
    copied = copy.deepcopy(template)
    parameters = {"P": "p"}
    to_py27_compatible_template(copied, parameters)
    translated = Translator({}, Parser(), {}, _Session(region)).translate(copied, parameters)
    resources: Json = json.loads(json.dumps(translated["Resources"]))
    return resources


def normal(value: Any) -> Any:
    """Lists in one order: of most of them AWS's transform does not fix it."""
    if isinstance(value, dict):
        return {key: normal(item) for key, item in value.items()}
    if isinstance(value, list):
        return sorted((normal(item) for item in value), key=lambda item: json.dumps(item, sort_keys=True))
    return value


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("resources", [row[1] for row in STACKS], ids=[row[0] for row in STACKS])
def test_same_resources(resources: Json, region: str) -> None:
    template = stack(resources, Parameters={"P": {"Type": "String", "Default": "p"}}, Conditions=CONDITIONS)
    ours = transform_dict(template, {"P": "p"}, region)
    assert not ours.errors
    assert normal(ours.resources) == normal(aws(template, region))
