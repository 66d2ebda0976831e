# ruff: noqa: E501  the rows of the tables
"""Wrong properties, and resources that do not fit together: one row a mistake, the mark at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model.diagnostic import Severity
from tests.loader.findings import SAM, assert_one, check_text, of

ROLE = "arn:aws:iam::000000000000:role/r"
FUNCTION = f"Code: {{ZipFile: x}}, Handler: index.handler, Runtime: python3.11, Role: '{ROLE}'"
POLICY = "{Version: '2012-10-17', Statement: []}"


def one(type_: str, properties: str, name: str = "R") -> str:
    return f"  {name}: {{Type: 'AWS::{type_}', Properties: {{{properties}}}}}\n"


def function(properties: str) -> str:
    return one("Lambda::Function", f"{FUNCTION}, {properties}", "F")


TARGET = "Arn: 'arn:aws:lambda:us-east-1:000000000000:function:f', Id: a"
RULE = "EventPattern: {source: [a]}"
SCHEDULE = (
    f"FlexibleTimeWindow: {{Mode: 'OFF'}}, Target: {{Arn: 'arn:aws:sqs:us-east-1:000000000000:q', RoleArn: '{ROLE}'}}"
)
STREAM = "EventSourceArn: 'arn:aws:kinesis:us-east-1:000000000000:stream/s', FunctionName: f"
SOURCE = "EventSourceArn: 'arn:aws:sqs:us-east-1:000000000000:q', FunctionName: f"
FIFO_SOURCE = SOURCE.replace(":q'", ":q.fifo'")
TOPIC = "TopicArn: 'arn:aws:sns:us-east-1:000000000000:t'"

# fmt: off
PROPERTIES = [
    ("a property is misspelt",                  "unknown-property",  one("SQS::Queue", "«VisibilityTimeot: 3")),
    ("a property is another type's",            "unknown-property",  one("SQS::Queue", "«TopicName: t")),
    ("a property of an inert type is misspelt", "unknown-property",  one("DynamoDB::Table", "KeySchema: [], «AttributeDefinition: []")),
    ("a nested property is misspelt",           "unknown-property",  function("Environment: {«Variable: {A: b}}")),
    ("a property in a list is misspelt",        "unknown-property",  one("Events::Rule", f"{RULE}, Targets: [{{{TARGET}, «Inputs: x}}]")),
    ("a required property is missing",          "missing-property",  "  «B: {Type: 'AWS::Events::EventBus'}\n"),
    ("a required property of an inert type",    "missing-property",  "  «A: {Type: 'AWS::ApiGatewayV2::Route', Properties: {ApiId: x}}\n"),
    ("a nested required property is missing",   "missing-property",  one("Scheduler::Schedule", "ScheduleExpression: rate(1 hour), FlexibleTimeWindow: {Mode: 'OFF'}, «Target: {Arn: 'arn:aws:sqs:us-east-1:000000000000:q'}")),
    ("a number is text",                        "wrong-type",        one("SQS::Queue", "DelaySeconds: «soon")),
    ("a number is a list",                      "wrong-type",        one("SQS::Queue", "DelaySeconds: «[1]")),
    ("a number is a boolean",                   "wrong-type",        one("SQS::Queue", "DelaySeconds: «true")),
    ("a number has a fraction",                 "wrong-type",        one("SQS::Queue", "DelaySeconds: «1.5")),
    ("a boolean is a number",                   "wrong-type",        one("SQS::Queue", "SqsManagedSseEnabled: «1")),
    ("a string is a map",                       "wrong-type",        one("SQS::Queue", "QueueName: «{a: b}")),
    ("a string is a list",                      "wrong-type",        one("SQS::Queue", "QueueName: «[a]")),
    ("a list is text",                          "wrong-type",        one("SQS::QueuePolicy", f"PolicyDocument: {POLICY}, Queues: «'http://q'")),
    ("a list is a map",                         "wrong-type",        function("Layers: «{a: b}")),
    ("an object is text",                       "wrong-type",        function("Environment: «text")),
    ("an object is a list",                     "wrong-type",        function("Environment: «[a]")),
    ("a variable is a list",                    "wrong-type",        function("Environment: {Variables: {AB: «[b]}}")),
    ("a document is no JSON",                   "invalid-json",      one("SQS::QueuePolicy", "PolicyDocument: «'{', Queues: [q]")),
    ("a property is null",                      "null-value",        one("SQS::Queue", "DelaySeconds: «~")),
    ("a list item is null",                     "null-value",        one("SQS::QueuePolicy", f"PolicyDocument: {POLICY}, Queues: [«~]")),
    ("a number is too large",                   "out-of-range",      one("SQS::Queue", "DelaySeconds: «901")),
    ("a number is too small",                   "out-of-range",      one("SQS::Queue", "MessageRetentionPeriod: «59")),
    ("a number as text is too large",           "out-of-range",      one("SQS::Queue", "DelaySeconds: «'901'")),
    ("a text is too long",                      "out-of-range",      one("Events::Rule", f"{RULE}, Description: «{'x' * 513}")),
    ("a list is too long",                      "out-of-range",      one("Events::Rule", f"{RULE}, Targets: «[" + ", ".join(f"{{Id: t{n}, Arn: 'arn:aws:sqs:us-east-1:000000000000:q{n}'}}" for n in range(6)) + "]")),
    ("a value is not allowed",                  "invalid-value",     one("Events::Rule", f"{RULE}, State: «ENABLE")),
    ("a number is not allowed",                 "invalid-value",     one("Logs::LogGroup", "RetentionInDays: «6")),
    ("a name has a space",                      "invalid-value",     one("Events::Rule", f"{RULE}, Name: «a b")),
    ("an alias is a number",                    "invalid-value",     one("Lambda::Alias", "FunctionName: f, FunctionVersion: '1', Name: «'7'")),
]
FUNCTIONS = [
    ("a timeout above fifteen minutes",         "out-of-range",      function("Timeout: «901")),
    ("memory above ten gigabytes",              "out-of-range",      function("MemorySize: «10241")),
    ("memory below the least",                  "out-of-range",      function("MemorySize: «64")),
    ("a runtime that there is not",             "unknown-runtime",   one("Lambda::Function", FUNCTION.replace("python3.11", "«pyton3.11"))),
    ("a handler with a space",                  "invalid-value",     one("Lambda::Function", FUNCTION.replace("index.handler", "«index .handler"))),
    ("no handler",                              "missing-property",  one("Lambda::Function", FUNCTION.replace("Handler: index.handler, ", "")).replace("  R:", "  «R:")),
    ("no runtime",                              "missing-property",  one("Lambda::Function", FUNCTION.replace("Runtime: python3.11, ", "")).replace("  R:", "  «R:")),
    ("no role",                                 "missing-property",  one("Lambda::Function", FUNCTION.rpartition(", Role")[0]).replace("  R:", "  «R:")),
    ("a role that is no ARN",                   "invalid-value",     one("Lambda::Function", FUNCTION.replace(f"'{ROLE}'", "«my-role"))),
    ("a reserved variable",                     "reserved-variable", function("Environment: {Variables: {«AWS_REGION: x}}")),
    ("a variable with a dash",                  "invalid-name",      function("Environment: {Variables: {«a-b: x}}")),
    ("four kilobytes of variables",             "out-of-range",      function(f"Environment: «{{Variables: {{A1: {'x' * 4096}}}}}")),
    ("levels for text logs",                    "invalid-combination", function("LoggingConfig: {LogFormat: Text, «SystemLogLevel: INFO}")),
    ("inline code for another language",        "invalid-combination", one("Lambda::Function", FUNCTION.replace("python3.11", "provided.al2023").replace("ZipFile: ", "ZipFile: «"))),
    ("two architectures",                       "out-of-range",      function("Architectures: «[x86_64, arm64]")),
    ("retries beyond two",                      "out-of-range",      one("Lambda::EventInvokeConfig", "FunctionName: f, Qualifier: $LATEST, MaximumRetryAttempts: «3")),
]
MESSAGING = [
    ("a FIFO queue without its ending",         "invalid-name",      one("SQS::Queue", "QueueName: «q, FifoQueue: true")),
    ("a standard queue with FIFO's ending",     "invalid-name",      one("SQS::Queue", "QueueName: «q.fifo")),
    ("deduplication of a standard queue",       "invalid-combination", one("SQS::Queue", "«ContentBasedDeduplication: true")),
    ("a FIFO topic without its ending",         "invalid-name",      one("SNS::Topic", "TopicName: «t, FifoTopic: true")),
    ("dead letters without a count",            "missing-property",  one("SQS::Queue", "RedrivePolicy: «{deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:d'}")),
    ("dead letters without a target",           "missing-property",  one("SQS::Queue", "RedrivePolicy: «{maxReceiveCount: 3}")),
    ("dead letters after no receive",           "out-of-range",      one("SQS::Queue", "RedrivePolicy: {maxReceiveCount: «0, deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:d'}")),
    ("dead letters to a URL",                   "invalid-value",     one("SQS::Queue", "RedrivePolicy: {maxReceiveCount: 3, deadLetterTargetArn: «!Ref D}") + "  D: {Type: 'AWS::SQS::Queue'}\n"),
    ("a misspelt redrive policy",               "unknown-property",  one("SQS::Queue", "RedrivePolicy: {maxReceiveCount: 3, deadLetterTargetArn: 'arn:aws:sqs:us-east-1:000000000000:d', «maxReceives: 1}")),
    ("standard dead letters of a FIFO queue",   "invalid-combination", one("SQS::Queue", "FifoQueue: true, RedrivePolicy: {maxReceiveCount: 3, deadLetterTargetArn: «!GetAtt D.Arn}") + "  D: {Type: 'AWS::SQS::Queue'}\n"),
    ("a subscription without an endpoint",      "missing-property",  one("SNS::Subscription", f"{TOPIC}, Protocol: sqs").replace("  R:", "  «R:")),
    ("a subscription to a queue's URL",         "invalid-value",     one("SNS::Subscription", f"{TOPIC}, Protocol: sqs, Endpoint: «!Ref D") + "  D: {Type: 'AWS::SQS::Queue'}\n"),
    ("a subscription by another protocol",      "invalid-value",     one("SNS::Subscription", f"{TOPIC}, Protocol: «pigeon, Endpoint: x")),
    ("an HTTPS subscription to HTTP",           "invalid-value",     one("SNS::Subscription", f"{TOPIC}, Protocol: https, Endpoint: «'http://x'")),
    ("raw delivery to a function",              "invalid-combination", one("SNS::Subscription", f"{TOPIC}, Protocol: lambda, Endpoint: 'arn:aws:lambda:us-east-1:000000000000:function:f', RawMessageDelivery: «true")),
    ("a filter policy of text",                 "invalid-pattern",   one("SNS::Subscription", f"{TOPIC}, Protocol: sqs, Endpoint: 'arn:aws:sqs:us-east-1:000000000000:q', FilterPolicy: {{«a: b}}")),
]
EVENTS = [
    ("a rule of nothing",                       "missing-property",  one("Events::Rule", "State: ENABLED").replace("  R:", "  «R:")),
    ("a pattern that is text",                  "invalid-pattern",   one("Events::Rule", "EventPattern: {«source: a}")),
    ("a pattern of an unknown operator",        "invalid-pattern",   one("Events::Rule", "EventPattern: {source: [«{prefx: a}]}")),
    ("an empty pattern list",                   "invalid-pattern",   one("Events::Rule", "EventPattern: {«source: []}")),
    ("a pattern of a number",                   "wrong-type",        one("Events::Rule", "EventPattern: «5")),
    ("a pattern as broken JSON",                "invalid-pattern",   one("Events::Rule", "EventPattern: '{\"source\": [\"a\"«'")),
    ("a cron of five fields",                   "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «cron(0 2 * * *)")),
    ("a cron of two days",                      "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «cron(0 2 1 * 2 *)")),
    ("a cron of hour 25",                       "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «'cron(0 25 * * ? *)'")),
    ("a rate of one minutes",                   "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «rate(1 minutes)")),
    ("a rate of two minute",                    "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «rate(2 minute)")),
    ("a rate of nothing",                       "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «rate(0 minutes)")),
    ("a rate in weeks",                         "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «rate(1 week)")),
    ("a time for a rule",                       "invalid-schedule",  one("Events::Rule", "ScheduleExpression: «'at(2030-01-01T00:00:00)'")),
    ("a schedule on a bus of one's own",        "schedule-on-custom-bus", one("Events::Rule", "«ScheduleExpression: rate(1 hour), EventBusName: b")),
    ("a target without an ARN",                 "invalid-value",     one("Events::Rule", f"{RULE}, Targets: [{{Id: a, Arn: «my-queue}}]")),
    ("a target by Ref",                         "invalid-value",     one("Events::Rule", f"{RULE}, Targets: [{{Id: a, Arn: «!Ref D}}]") + "  D: {Type: 'AWS::SQS::Queue'}\n"),
    ("two targets of one id",                   "duplicate-target-id", one("Events::Rule", f"{RULE}, Targets: [{{{TARGET}}}, {{Arn: 'arn:aws:sqs:us-east-1:000000000000:q', Id: «a}}]")),
    ("an input and a path",                     "invalid-combination", one("Events::Rule", f"{RULE}, Targets: [{{{TARGET}, Input: '{{}}', «InputPath: $.a}}]")),
    ("an input that is no JSON",                "invalid-json",      one("Events::Rule", f"{RULE}, Targets: [{{{TARGET}, Input: «hello}}]")),
    ("a FIFO target without a group",           "missing-property",  one("Events::Rule", f"{RULE}, Targets: [{{Id: a, Arn: «'arn:aws:sqs:us-east-1:000000000000:q.fifo'}}]")),
    ("a bus named default",                     "invalid-name",      one("Events::EventBus", "Name: «default")),
    ("a schedule that is misspelt",             "invalid-schedule",  one("Scheduler::Schedule", f"ScheduleExpression: «every(1 hour), {SCHEDULE}")),
    ("a schedule in no time zone",              "invalid-schedule",  one("Scheduler::Schedule", f"ScheduleExpression: rate(1 hour), ScheduleExpressionTimezone: «Europe/Atlantis, {SCHEDULE}")),
    ("a window without a length",               "missing-property",  one("Scheduler::Schedule", "ScheduleExpression: rate(1 hour), " + SCHEDULE.replace("'OFF'", "«FLEXIBLE"))),
    ("a length without a window",               "invalid-combination", one("Scheduler::Schedule", "ScheduleExpression: rate(1 hour), " + SCHEDULE.replace("'OFF'", "'OFF', «MaximumWindowInMinutes: 5"))),
]
MAPPINGS = [
    ("a mapping of nothing",                    "missing-property",  one("Lambda::EventSourceMapping", "FunctionName: f").replace("  R:", "  «R:")),
    ("a stream without a start",                "missing-property",  one("Lambda::EventSourceMapping", STREAM).replace("  R:", "  «R:")),
    ("a stream from no time",                   "missing-property",  one("Lambda::EventSourceMapping", f"{STREAM}, StartingPosition: «AT_TIMESTAMP")),
    ("a queue with a start",                    "invalid-combination", one("Lambda::EventSourceMapping", f"{SOURCE}, «StartingPosition: LATEST")),
    ("a queue with a stream's retries",         "invalid-combination", one("Lambda::EventSourceMapping", f"{SOURCE}, «MaximumRetryAttempts: 3")),
    ("a stream with a queue's scaling",         "invalid-combination", one("Lambda::EventSourceMapping", f"{STREAM}, StartingPosition: LATEST, «ScalingConfig: {{MaximumConcurrency: 5}}")),
    ("a large batch at once",                   "invalid-combination", one("Lambda::EventSourceMapping", f"{SOURCE}, BatchSize: «50")),
    ("a large batch of a FIFO queue",           "out-of-range",      one("Lambda::EventSourceMapping", f"{FIFO_SOURCE}, BatchSize: «11")),
    ("a window of a FIFO queue",                "invalid-combination", one("Lambda::EventSourceMapping", f"{FIFO_SOURCE}, «MaximumBatchingWindowInSeconds: 5")),
    ("a batch beyond the most",                 "out-of-range",      one("Lambda::EventSourceMapping", f"{SOURCE}, MaximumBatchingWindowInSeconds: 5, BatchSize: «10001")),
    ("a filter that is no JSON",                "invalid-pattern",   one("Lambda::EventSourceMapping", f"{SOURCE}, FilterCriteria: {{Filters: [{{Pattern: '{{\"a\": «'}}]}}")),
    ("a filter that is no pattern",             "invalid-pattern",   one("Lambda::EventSourceMapping", f"{SOURCE}, FilterCriteria: {{Filters: [{{Pattern: '{{\"a\": 1«}}'}}]}}")),
    ("a response type that there is not",       "invalid-value",     one("Lambda::EventSourceMapping", f"{SOURCE}, FunctionResponseTypes: [«ReportItems]")),
    ("concurrency of one",                      "out-of-range",      one("Lambda::EventSourceMapping", f"{SOURCE}, ScalingConfig: {{MaximumConcurrency: «1}}")),
]


def sam(properties: str, more: str = "") -> str:
    return SAM + f"Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Properties: {{{properties}}}\n{more}"


GOOD = "InlineCode: x, Handler: index.handler, Runtime: python3.11"
SERVERLESS = [
    ("a misspelt property",                     "unknown-property",  sam(f"{GOOD}, «Timeoutt: 3")),
    ("a function without code properties",      "missing-property",  sam("InlineCode: x, Handler: index.handler").replace("  F:", "  «F:")),
    ("a timeout that is out of range",          "out-of-range",      sam(f"{GOOD}, Timeout: «0")),
    ("memory that is text",                     "wrong-type",        sam(f"{GOOD}, MemorySize: «lots")),
    ("an event of an unknown type",             "invalid-event",     sam(f"{GOOD}, Events: {{E: {{Type: «Sqs}}}}")),
    ("a schedule event without a schedule",     "invalid-schedule",  sam(f"{GOOD}, Events: {{E: {{Type: Schedule, Properties: {{Schedule: «hourly}}}}}}")),
    ("a rule event with a bad pattern",         "invalid-pattern",   sam(f"{GOOD}, Events: {{E: {{Type: EventBridgeRule, Properties: {{Pattern: {{«source: a}}}}}}}}")),
    ("a reference to nothing in an event",      "unresolved-reference", sam(f"{GOOD}, Events: {{E: {{Type: SQS, Properties: {{Queue: «!GetAtt Nothing.Arn}}}}}}")),
    ("a large batch in an event",               "invalid-combination", sam(f"{GOOD}, Events: {{E: {{Type: SQS, Properties: {{Queue: 'arn:aws:sqs:us-east-1:000000000000:q', BatchSize: «50}}}}}}")),
]
# fmt: on


def _rows(table: list[tuple[str, str, str]]) -> list[object]:
    return [pytest.param(code, text, id=sentence) for sentence, code, text in table]


@pytest.mark.parametrize(("code", "text"), _rows(PROPERTIES + FUNCTIONS + MESSAGING + EVENTS + MAPPINGS))
def test_resources(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, f"Resources:\n{text}", Severity.ERROR)


@pytest.mark.parametrize(("code", "text"), _rows(SERVERLESS))
def test_serverless(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, text, Severity.ERROR)


def test_a_code_folder_that_is_not_there(tmp_path: Path) -> None:
    assert_one(tmp_path, "missing-code", sam("CodeUri: «nowhere/, Handler: a.b, Runtime: python3.11"), Severity.ERROR)


def test_a_layer_folder_that_is_not_there(tmp_path: Path) -> None:
    text = SAM + "Resources:\n  L: {Type: 'AWS::Serverless::LayerVersion', Properties: {ContentUri: «nowhere/}}\n"
    assert_one(tmp_path, "missing-code", text, Severity.ERROR)


def test_a_hint_names_the_nearest_property(tmp_path: Path) -> None:
    text = "Resources:\n" + one("SQS::Queue", "«VisibilityTimeot: 3")
    assert assert_one(tmp_path, "unknown-property", text, Severity.ERROR).hint == "did you mean 'VisibilityTimeout'?"


def test_a_value_that_only_a_deployment_knows_is_not_checked(tmp_path: Path) -> None:
    text = "Parameters: {Delay: {Type: Number}, Name: {Type: String}}\nResources:\n" + one(
        "SQS::Queue", "DelaySeconds: !Ref Delay, QueueName: !Sub '${Name} with spaces'"
    )
    assert not of(check_text(tmp_path, text), Severity.ERROR)


def test_a_global_that_there_is_not(tmp_path: Path) -> None:
    text = SAM + "Globals: {Function: {Handlr: a.b}}\n" + sam(GOOD).removeprefix(SAM)
    found = of(check_text(tmp_path, text), Severity.ERROR)
    assert ("unknown-global", 2, 22) in [(one.code, one.at.line, one.at.column) for one in found]


def test_a_cron_expression_between_brackets_is_fine(tmp_path: Path) -> None:
    text = "Resources:\n" + one("Events::Rule", "ScheduleExpression: cron(0 2 * * ? *), State: DISABLED")
    checked = check_text(tmp_path, text)
    assert not of(checked, Severity.ERROR)
    assert checked.resources["R"].properties["ScheduleExpression"] == "cron(0 2 * * ? *)"
