# ruff: noqa: E501  the rows of the tables
"""What AWS would accept and its owner regret: one row a regret, the mark at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model.diagnostic import Severity
from tests.loader.findings import SAM, assert_one, check_text, of

ROLE = "arn:aws:iam::000000000000:role/r"
CODE = f"Code: {{ZipFile: x}}, Handler: index.handler, Runtime: python3.11, Role: '{ROLE}'"
SAM_CODE = "InlineCode: x, Handler: index.handler, Runtime: python3.11"
READS = "[sqs:ReceiveMessage, sqs:DeleteMessage, sqs:GetQueueAttributes]"


def function(properties: str, resources: str = "") -> str:
    return (
        SAM
        + f"Resources:\n  F: {{Type: 'AWS::Serverless::Function', Properties: {{{SAM_CODE}, {properties}}}}}\n{resources}"
    )


def rule(properties: str) -> str:
    return f"Resources:\n  R: {{Type: 'AWS::Events::Rule', Properties: {{{properties}}}}}\n"


def role(policies: str, at: str = "") -> str:
    return (
        "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"
        f"  R: {{Type: 'AWS::IAM::Role', Properties: {{AssumeRolePolicyDocument: {{Version: '2012-10-17', Statement: []}}, {policies}}}}}\n"
        f"  F: {{Type: 'AWS::Lambda::Function', Properties: {{{CODE.replace(repr(ROLE), '!GetAtt R.Arn')}}}}}\n"
        f"  {at}M: {{Type: 'AWS::Lambda::EventSourceMapping', Properties: {{EventSourceArn: !GetAtt Q.Arn, FunctionName: !Ref F}}}}\n"
    )


QUEUE_EVENT = "Events: {E: {Type: SQS, Properties: {Queue: !GetAtt Q.Arn}}}"

# fmt: off
TABLE = [
    ("a parameter that nothing uses",           "unused-parameter",      "Parameters: {«P: {Type: String, Default: x}}\nResources: {Q: {Type: 'AWS::SQS::Queue'}}\n"),
    ("a queue hidden for less than the function may take", "visibility-timeout", function(f"Timeout: 60, {QUEUE_EVENT}", "  Q: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: «59}}\n")),
    ("a queue hidden for its default",          "visibility-timeout",    function(f"Timeout: 31, {QUEUE_EVENT}", "  «Q: {Type: 'AWS::SQS::Queue'}\n")),
    ("a pattern on a member that events lack",  "pattern-never-matches", rule("EventPattern: {«origin: [a]}")),
    ("a pattern of a number where text is",     "pattern-never-matches", rule("EventPattern: {«source: [5]}")),
    ("a pattern on the detail itself",          "pattern-never-matches", rule("EventPattern: {«detail: [a]}")),
    ("the thirtieth of February",               "schedule-never-fires",  rule("ScheduleExpression: «'cron(0 0 30 2 ? *)'")),
    ("retries that end nowhere",                "no-failure-destination", function("EventInvokeConfig: «{MaximumRetryAttempts: 1}")),
    ("an age that ends nowhere",                "no-failure-destination", function("EventInvokeConfig: «{MaximumEventAgeInSeconds: 60, DestinationConfig: {OnSuccess: {Type: SQS, Destination: !GetAtt Q.Arn}}}", "  Q: {Type: 'AWS::SQS::Queue'}\n")),
    ("a role that may do nothing",              "missing-permission",    role("RoleName: r", "«")),
    ("a role that may only receive",            "missing-permission",    role("Policies: [{PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: [{Effect: Allow, Action: sqs:ReceiveMessage, Resource: '*'}]}}]", "«")),
    ("a role that is denied",                   "missing-permission",    role(f"Policies: [{{PolicyName: p, PolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Deny, Action: {READS}, Resource: '*'}}]}}}}]", "«")),
    ("a role for logs only",                    "missing-permission",    role("ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole']", "«")),
    ("inline code with another handler",        "missing-handler",       f"Resources:\n  F: {{Type: 'AWS::Lambda::Function', Properties: {{{CODE.replace('index.handler', '«app.handler')}}}}}\n"),
    ("a handler without a function",            "missing-handler",       SAM + "Resources:\n  F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: ., Handler: «handler, Runtime: python3.11}}\n"),
    ("a queue that is its own dead letters",    "own-dead-letters",      "Resources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: q, RedrivePolicy: {maxReceiveCount: 3, deadLetterTargetArn: «'arn:aws:sqs:us-east-1:000000000000:q'}}}\n"),
    ("the same key twice with the same value",  "duplicate-key",         "Resources:\n  Q: {Type: 'AWS::SQS::Queue', «Type: 'AWS::SQS::Queue'}\n"),
    ("an empty section",                        "empty-section",         "«Conditions:\nResources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"),
    ("a macro",                                 "not-runnable",          "Transform: «MyMacro\nResources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"),
    ("a container image",                       "not-runnable",          SAM + "Resources:\n  «F: {Type: 'AWS::Serverless::Function', Properties: {PackageType: Image, ImageUri: 'x.dkr.ecr/y:1'}}\n"),
    ("code in S3",                              "not-runnable",          SAM + "Resources:\n  «F: {Type: 'AWS::Serverless::Function', Properties: {CodeUri: 's3://bucket/key', Handler: a.b, Runtime: python3.11}}\n"),
    ("a runtime without a counterpart",         "not-runnable",          f"Resources:\n  «F: {{Type: 'AWS::Lambda::Function', Properties: {{{CODE.replace('python3.11', 'java21').replace('ZipFile: x', 'Path: .')}}}}}\n"),
    ("a layer in S3",                           "not-runnable",          "Resources:\n  «L: {Type: 'AWS::Lambda::LayerVersion', Properties: {Content: {S3Bucket: bbb, S3Key: k}}}\n"),
    ("a macro of one's own",                    "not-runnable",          "Resources:\n  «M: {Type: 'AWS::CloudFormation::Macro', Properties: {Name: m, FunctionName: f}}\n"),
    ("an attribute that SAM drops",             "unknown-attribute",     SAM + f"Resources:\n  F: {{Type: 'AWS::Serverless::Function', «Comment: x, Properties: {{{SAM_CODE}}}}}\n"),
    ("a mapping without the region",            "unknown-mapping-key",   "Mappings: {M: {eu-west-1: {A: x}}}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: «!FindInMap [M, !Ref 'AWS::Region', A]}}\n"),
    ("a secret that is not here",               "missing-local-value",   "Resources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {KmsMasterKeyId: «'{{resolve:ssm:/key}}'}}\n"),
    ("an unreadable regular expression",        "invalid-regex",         "Parameters: {P: {Type: String, AllowedPattern: «'['}}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref P}}\n"),
]
FINE = [
    ("a role that may receive",                 role(f"Policies: [{{PolicyName: p, PolicyDocument: {{Version: '2012-10-17', Statement: [{{Effect: Allow, Action: {READS}, Resource: '*'}}]}}}}]")),
    ("a role that may do everything of SQS",    role("Policies: [{PolicyName: p, PolicyDocument: {Version: '2012-10-17', Statement: {Effect: Allow, Action: 'sqs:*', Resource: '*'}}}]")),
    ("a role with the policy for queues",       role("ManagedPolicyArns: ['arn:aws:iam::aws:policy/service-role/AWSLambdaSQSQueueExecutionRole']")),
    ("a role with a policy of one's own",       role("ManagedPolicyArns: ['arn:aws:iam::000000000000:policy/mine']")),
    ("a role that SAM makes",                   function(QUEUE_EVENT, "  Q: {Type: 'AWS::SQS::Queue'}\n")),
    ("retries that end in a queue",             function("EventInvokeConfig: {MaximumRetryAttempts: 1}, DeadLetterQueue: {Type: SQS, TargetArn: !GetAtt Q.Arn}", "  Q: {Type: 'AWS::SQS::Queue'}\n")),
    ("a pattern on the detail's members",       rule("EventPattern: {detail: {a: [1]}, detail-type: [{prefix: a}]}")),
    ("the twenty-ninth of February",            rule("ScheduleExpression: 'cron(0 0 29 2 ? *)'")),
]
# fmt: on


@pytest.mark.parametrize(("code", "text"), [pytest.param(code, text, id=sentence) for sentence, code, text in TABLE])
def test_regrets(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, text, Severity.WARNING)
    assert not of(check_text(tmp_path, text.replace("«", "")), Severity.ERROR)


@pytest.mark.parametrize("text", [pytest.param(text, id=sentence) for sentence, text in FINE])
def test_no_regrets(tmp_path: Path, text: str) -> None:
    found = of(check_text(tmp_path, text), Severity.ERROR, Severity.WARNING)
    assert [f"{one.at} {one.code}: {one.message}" for one in found] == []


def test_two_that_disagree_are_both_shown(tmp_path: Path) -> None:
    text = function(
        f"Timeout: 60, {QUEUE_EVENT}", "  Q: {Type: 'AWS::SQS::Queue', Properties: {VisibilityTimeout: «59}}\n"
    )
    found = assert_one(tmp_path, "visibility-timeout", text, Severity.WARNING)
    (note,) = found.notes
    assert note.message == "the timeout of 'F' is 60 seconds"
    assert note.at.line == 3


PYTHON = "CodeUri: src/, Handler: «{}, Runtime: python3.12"
NODE = "CodeUri: src/, Handler: «{}, Runtime: nodejs20.x"
# fmt: off
HANDLERS = [
    ("a Python file that is not there",         PYTHON.format("ap.handler"),      {"app.py": "def handler(e, c): ..."}, "did you mean 'app'?"),
    ("a Python function that is not there",     PYTHON.format("app.handle"),      {"app.py": "def handler(e, c): ..."}, "did you mean 'handler'?"),
    ("a Python file in a package",              PYTHON.format("pkg.main.run"),    {"pkg/main.py": "x = 1"}, "main.py has x"),
    ("a Node file that is not there",           NODE.format("inde.handler"),      {"index.js": "exports.handler = 1"}, "did you mean 'index'?"),
    ("a Node function that is not there",       NODE.format("index.handle"),      {"index.js": "exports.handler = async () => {}"}, "did you mean 'handler'?"),
    ("a module's function that is not there",   NODE.format("index.handle"),      {"index.mjs": "export const handler = async () => {}"}, "did you mean 'handler'?"),
    ("a list of exports without it",            NODE.format("index.handle"),      {"index.mjs": "const h = 1; export { h as handler }"}, "did you mean 'handler'?"),
]
PRESENT = [
    ("a Python function",                       PYTHON.format("app.handler"),     {"app.py": "async def handler(e, c): ..."}),
    ("a Python name that is assigned",          PYTHON.format("app.handler"),     {"app.py": "def make(): ...\nhandler = make()"}),
    ("a Python name that is imported",          PYTHON.format("app.handler"),     {"app.py": "from other import handler"}),
    ("a Python name from a star",               PYTHON.format("app.handler"),     {"app.py": "from other import *"}),
    ("a Python name within a condition",        PYTHON.format("app.handler"),     {"app.py": "try:\n    from a import handler\nexcept ImportError:\n    handler = None"}),
    ("a newer Python's file",                   PYTHON.format("app.handler"),     {"app.py": "type X[T = int] = T ;; def"}),
    ("a Python package",                        PYTHON.format("pkg.handler"),     {"pkg/__init__.py": "def handler(e, c): ..."}),
    ("a Python file in folders",                PYTHON.format("a/b.handler"),     {"a/b.py": "handler = print"}),
    ("a compiled Python module",                PYTHON.format("app.handler"),     {"app.so": ""}),
    ("a CommonJS export",                       NODE.format("index.handler"),     {"index.js": "exports.handler = async () => {}"}),
    ("an export of a module",                   NODE.format("index.handler"),     {"index.js": "module.exports.handler = f"}),
    ("an object of exports",                    NODE.format("index.handler"),     {"index.js": "module.exports = { handler, other: 1 }"}),
    ("a module's function",                     NODE.format("index.handler"),     {"index.mjs": "export async function handler() {}"}),
    ("a module's renamed name",                 NODE.format("index.handler"),     {"index.mjs": "export { h as handler }"}),
    ("exports of another module",               NODE.format("index.handler"),     {"index.mjs": "export * from './other.mjs'"}),
    ("exports that are computed",               NODE.format("index.handler"),     {"index.js": "module.exports = require('./other')"}),
    ("TypeScript",                              NODE.format("index.handler"),     {"index.ts": "export const handler = 1"}),
]
# fmt: on


def _stack(folder: Path, properties: str, files: dict[str, str]) -> str:
    for name, text in files.items():
        (folder / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / "src" / name).write_text(text)
    return SAM + f"Resources:\n  F: {{Type: 'AWS::Serverless::Function', Properties: {{{properties}}}}}\n"


@pytest.mark.parametrize(
    ("properties", "files", "hint"), [pytest.param(p, f, h, id=sentence) for sentence, p, f, h in HANDLERS]
)
def test_handlers_that_nobody_answers_to(tmp_path: Path, properties: str, files: dict[str, str], hint: str) -> None:
    text = _stack(tmp_path, properties, files)
    assert assert_one(tmp_path, "missing-handler", text, Severity.WARNING).hint == hint


@pytest.mark.parametrize(("properties", "files"), [pytest.param(p, f, id=sentence) for sentence, p, f in PRESENT])
def test_handlers_that_somebody_answers_to(tmp_path: Path, properties: str, files: dict[str, str]) -> None:
    text = _stack(tmp_path, properties, files).replace("«", "")
    assert [found.code for found in of(check_text(tmp_path, text), Severity.WARNING, Severity.ERROR)] == []


def test_each_inert_property_is_named_once(tmp_path: Path) -> None:
    one = "{Type: 'AWS::SQS::Queue', Properties: {KmsMasterKeyId: k}}"
    checked = check_text(tmp_path, f"Resources:\n  A: {one}\n  B: {one}\n")
    (found,) = of(checked, Severity.NOTICE)
    assert (found.code, found.at.line, found.at.column) == ("inert-property", 2, 45)
    assert found.message == "KmsMasterKeyId of AWS::SQS::Queue is accepted, but does nothing here."


def test_each_inert_resource_is_named(tmp_path: Path) -> None:
    checked = check_text(
        tmp_path,
        "Resources:\n  A: {Type: 'AWS::S3::Bucket'}\n  B: {Type: 'Custom::Thing', Properties: {ServiceToken: t}}\n",
    )
    found = of(checked, Severity.NOTICE)
    assert [(one.code, one.at.line) for one in found] == [("inert-resource", 2), ("inert-resource", 3)]
    assert "no objects are kept and no notifications are sent" in found[0].message


@pytest.mark.parametrize(
    ("resource", "message"),
    [
        (
            "Type: AWS::Events::Rule, Properties: {EventPattern: {source: [a]}, Targets: [{Id: a, Arn: «'arn:aws:states:us-east-1:000000000000:stateMachine:m'}]}",
            "'R' delivers nothing to arn:aws:states:us-east-1:000000000000:stateMachine:m: states is not run here.",
        ),
        (
            "Type: AWS::Lambda::EventSourceMapping, Properties: {FunctionName: f, StartingPosition: LATEST, EventSourceArn: «'arn:aws:kinesis:us-east-1:000000000000:stream/s'}",
            "'R' is accepted, but reads nothing here: kinesis is not run.",
        ),
        (
            "Type: AWS::SNS::Subscription, Properties: {TopicArn: 'arn:aws:sns:us-east-1:000000000000:t', Endpoint: a@b.c, Protocol: «email}",
            "'R' is accepted, but nothing is delivered by email here.",
        ),
    ],
    ids=["target", "source", "protocol"],
)
def test_what_is_not_reached_is_named(tmp_path: Path, resource: str, message: str) -> None:
    text = f"Resources:\n  R: {{{resource}}}\n"
    (found,) = of(check_text(tmp_path, text.replace("«", "")), Severity.NOTICE)
    assert (found.code, found.message) == ("inert-target", message)
    assert found.at.column == text.splitlines()[1].index("«") + 1
