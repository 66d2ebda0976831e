"""Constraint failures, word for word as AWS words them."""

from __future__ import annotations

from typing import Any

import pytest

from runner.model.errors import ApiError
from runner.wire.constraints import DEFAULT_RULES, RULES, Constraints, checker, compile_pattern
from runner.wire.models import Models
from tests.wire.generated import Generator

MODELS = Models()
ROLE = "arn:aws:iam::000000000000:role/r"
CODE = {"ZipFile": b"zip"}
FUNCTION = {"FunctionName": "f", "Role": ROLE, "Code": CODE, "Handler": "a.b", "Runtime": "python3.12"}
INVOKE_PATTERN = (
    r"(arn:(aws[a-zA-Z-]*)?:lambda:)?((eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:)?(\d{12}:)?(function:)?"
    r"([a-zA-Z0-9-_\.]+)(:(\$LATEST(\.PUBLISHED)?|[a-zA-Z0-9-_]+))?"
)
FAILED = "failed to satisfy constraint"

CASES: list[tuple[str, str, str, dict[str, Any], str, str]] = [
    (
        "a pattern, in a list of structures",
        "events",
        "PutTargets",
        {"Rule": "r", "Targets": [{"Id": "!@#$@!#$", "Arn": "a"}]},
        "ValidationException",
        f"1 validation error detected: Value '!@#$@!#$' at 'targets.1.member.id' {FAILED}: Member must satisfy regular"
        r" expression pattern: [\.\-_A-Za-z0-9]+",
    ),
    (
        "a length",
        "events",
        "PutTargets",
        {"Rule": "r", "Targets": [{"Id": "x" * 65, "Arn": "a"}]},
        "ValidationException",
        f"1 validation error detected: Value '{'x' * 65}' at 'targets.1.member.id' {FAILED}: Member must have length"
        " less than or equal to 64",
    ),
    (
        "an enum, in AWS's order",
        "lambda",
        "PutFunctionRecursionConfig",
        {"FunctionName": "f", "RecursiveLoop": "InvalidValue"},
        "ValidationException",
        f"1 validation error detected: Value 'InvalidValue' at 'recursiveLoop' {FAILED}: Member must satisfy enum value"
        " set: [Terminate, Allow]",
    ),
    (
        "a nested enum",
        "lambda",
        "CreateFunction",
        {**FUNCTION, "SnapStart": {"ApplyOn": "invalidOption"}},
        "ValidationException",
        f"1 validation error detected: Value 'invalidOption' at 'snapStart.applyOn' {FAILED}: Member must satisfy enum"
        " value set: [PublishedVersions, None]",
    ),
    (
        "a role that is no ARN",
        "lambda",
        "CreateFunction",
        {**FUNCTION, "Role": "r1"},
        "ValidationException",
        f"1 validation error detected: Value 'r1' at 'role' {FAILED}: Member must satisfy regular expression pattern:"
        r" arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+",
    ),
    (
        "a function's name",
        "lambda",
        "Invoke",
        {"FunctionName": "arn:aws:lambda:us-east-1:123400000000@function:myfn"},
        "ValidationException",
        "1 validation error detected: Value 'arn:aws:lambda:us-east-1:123400000000@function:myfn' at 'functionName'"
        f" {FAILED}: Member must satisfy regular expression pattern: {INVOKE_PATTERN}",
    ),
    (
        "a name of digits only",
        "lambda",
        "CreateAlias",
        {"FunctionName": "f", "Name": "2024", "FunctionVersion": "1"},
        "ValidationException",
        f"1 validation error detected: Value '2024' at 'name' {FAILED}: Member must satisfy regular expression pattern:"
        " (?!^[0-9]+$)([a-zA-Z0-9-_]+)",
    ),
    (
        "a list of scalars is shown whole",
        "lambda",
        "CreateFunction",
        {**FUNCTION, "VpcConfig": {"SubnetIds": ["subnet_1", "subnet-2"]}},
        "ValidationException",
        f"1 validation error detected: Value '[subnet_1, subnet-2]' at 'vpcConfig.subnetIds' {FAILED}: Member must"
        " satisfy constraint: [Member must have length less than or equal to 1024, Member must have length greater than"
        " or equal to 0, Member must satisfy regular expression pattern: subnet-[0-9a-z]*]",
    ),
    (
        "two failures at once",
        "events",
        "PutRule",
        {"Name": "a b", "State": "ON"},
        "ValidationException",
        f"2 validation errors detected: Value 'a b' at 'name' {FAILED}: Member must satisfy regular expression pattern:"
        rf" [\.\-_A-Za-z0-9]+; Value 'ON' at 'state' {FAILED}: Member must satisfy enum value set: [ENABLED, DISABLED,"
        " ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS]",
    ),
    (
        "a list that is too long",
        "lambda",
        "CreateFunction",
        {**FUNCTION, "VpcConfig": {"SecurityGroupIds": ["sg-1"] * 6}},
        "ValidationException",
        "1 validation error detected: Value '[sg-1, sg-1, sg-1, sg-1, sg-1, sg-1]' at 'vpcConfig.securityGroupIds'"
        f" {FAILED}: Member must have length less than or equal to 5",
    ),
    (
        "what is missing",
        "lambda",
        "UntagResource",
        {"Resource": "arn:aws:lambda:us-east-1:000000000000:function:f"},
        "ValidationException",
        f"1 validation error detected: Value null at 'tagKeys' {FAILED}: Member must not be null",
    ),
    (
        "a number, and the service's own code",
        "logs",
        "GetLogEvents",
        {"logGroupName": "g", "logStreamName": "s", "limit": 10001},
        "InvalidParameterException",
        f"1 validation error detected: Value '10001' at 'limit' {FAILED}: Member must have value less than or equal to"
        " 10000",
    ),
    (
        "a structure prints as Java prints it, its members in the model's order",
        "logs",
        "PutMetricFilter",
        {
            "logGroupName": "g",
            "filterName": "f",
            "filterPattern": "",
            "metricTransformations": [
                {"metricName": "metric1", "metricNamespace": "namespace1", "metricValue": "1"},
                {"metricName": "metric2", "metricNamespace": "namespace2", "metricValue": "1"},
            ],
        },
        "InvalidParameterException",
        "1 validation error detected: Value '[MetricTransformation(metricName=metric1, metricNamespace=namespace1,"
        " metricValue=1, defaultValue=null, dimensions=null, unit=null), MetricTransformation(metricName=metric2,"
        " metricNamespace=namespace2, metricValue=1, defaultValue=null, dimensions=null, unit=null)]' at"
        f" 'metricTransformations' {FAILED}: Member must have length less than or equal to 1",
    ),
    (
        "a structure in a map, in the query protocol's code",
        "sns",
        "Publish",
        {"TopicArn": "t", "Message": "m", "MessageAttributes": {"attr1": {"StringValue": "v"}}},
        "ValidationError",
        f"1 validation error detected: Value null at 'messageAttributes.attr1.member.dataType' {FAILED}: Member must"
        " not be null",
    ),
    (
        "a map in a structure in a list",
        "sns",
        "PublishBatch",
        {
            "TopicArn": "t",
            "PublishBatchRequestEntries": [{"Id": "1", "Message": "m", "MessageAttributes": {"attr1": {}}}],
        },
        "ValidationError",
        "1 validation error detected: Value null at"
        f" 'publishBatchRequestEntries.1.member.messageAttributes.attr1.member.dataType' {FAILED}: Member must not be"
        " null",
    ),
    (
        "IAM names neither value nor set of an enum",
        "iam",
        "UpdateServiceSpecificCredential",
        {"UserName": "u", "ServiceSpecificCredentialId": "ACCA" + "X" * 17, "Status": "Invalid"},
        "ValidationError",
        f"1 validation error detected: Value at 'status' {FAILED}: Member must satisfy enum value set",
    ),
    (
        "SQS says it in its own words",
        "sqs",
        "SendMessage",
        {"QueueUrl": "q"},
        "MissingParameter",
        "The request must contain the parameter MessageBody.",
    ),
]

GOOD: list[tuple[str, str, str, dict[str, Any]]] = [
    ("a function's ARN", "lambda", "Invoke", {"FunctionName": "arn:aws:lambda:us-east-1:000000000000:function:f:live"}),
    ("a pattern over several lines", "events", "PutRule", {"Name": "r", "EventPattern": '{\n"a": ["b"]\n}'}),
    ("letters of any language", "lambda", "TagResource", {"Resource": "r", "Tags": {"k": "ä 東京"}}),
    ("an empty message is the room's affair", "sns", "Publish", {"TopicArn": "t"}),
    ("a runtime is the room's affair", "lambda", "CreateFunction", {**FUNCTION, "Runtime": "nonsense"}),
    (
        "values that hold themselves",
        "dynamodb",
        "PutItem",
        {"TableName": "t-t", "Item": {"a": {"M": {"b": {"S": ""}}}}},
    ),
]


@pytest.mark.parametrize(
    ("service", "operation", "members", "code", "message"),
    [case[1:] for case in CASES],
    ids=[case[0] for case in CASES],
)
def test_a_failure_reads_as_on_aws(
    service: str, operation: str, members: dict[str, Any], code: str, message: str
) -> None:
    with pytest.raises(ApiError) as raised:
        checker(MODELS.get(service).operation(operation))(members)
    assert (raised.value.code, raised.value.message) == (code, message)


@pytest.mark.parametrize(("service", "operation", "members"), [one[1:] for one in GOOD], ids=[one[0] for one in GOOD])
def test_good_members_pass(service: str, operation: str, members: dict[str, Any]) -> None:
    checker(MODELS.get(service).operation(operation))(members)


@pytest.mark.parametrize(
    ("pattern", "value", "matches"),
    [
        (r"[a-z]+", "abc1", False),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Größe 5", True),
        (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a;b", False),
        (r"\d{2}", "٣٣", False),
        (r"[^\s]+", "a b", False),
    ],
)
def test_patterns_of_javas_dialect(pattern: str, value: str, *, matches: bool) -> None:
    compiled = compile_pattern(pattern)
    assert compiled is not None
    assert (compiled.fullmatch(value) is not None) is matches


def test_every_pattern_of_the_models_compiles_or_is_left_out() -> None:
    for service in ("lambda", "events", "sns", "sts", "logs", "iam", "scheduler", "kinesis", "dynamodb"):
        for shape in MODELS.get(service).shapes.values():
            compile_pattern(shape.get("pattern", ".*"))


@pytest.mark.slow
@pytest.mark.parametrize("service", ["lambda", "events", "logs", "iam", "sts", "scheduler", "kinesis", "dynamodb"])
def test_the_quick_pass_and_the_wordy_one_agree(service: str) -> None:
    model = MODELS.get(service)
    constraints = Constraints(RULES.get(service, DEFAULT_RULES))
    judged = set()
    for name in model.raw_operations:
        shape = model.operation(name).input
        good = None if shape is None else constraints.test(shape)
        if shape is None or good is None:
            continue
        for seed in range(4):
            members = Generator(f"{name}{seed}", everything=seed % 2 == 0).value(shape)
            findings: list[str] = []
            constraints.explain(shape, members, "", findings)
            assert good(members) is (not findings), f"{name}: {findings}"
            judged.add(not findings)
    assert judged == {True, False}
