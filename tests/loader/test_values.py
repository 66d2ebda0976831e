# ruff: noqa: E501  the rows of the tables
"""What functions come to: one row a rule of CloudFormation's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from runner.loader.values import Unknown
from runner.model.diagnostic import Severity
from tests.loader.findings import EXTENSIONS, SAM, check_text, of

HEAD = """\
Parameters:
  Text: {Type: String, Default: hello}
  Number: {Type: Number, Default: 5}
  Words: {Type: CommaDelimitedList, Default: "a, b ,c"}
  Nothing: {Type: String}
Mappings:
  M:
    us-east-1: {Name: east, Count: 3, On: true, Zones: [x, y]}
Conditions:
  Same: !Equals [!Ref Text, hello]
  Other: !Not [!Condition Same]
  Both: !And [!Condition Same, !Condition Other]
  Either: !Or [!Condition Same, !Condition Other]
  Unset: !Equals [!Ref Nothing, x]
Resources:
  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: jobs}}
  Gone: {Type: 'AWS::SQS::Queue', Condition: Other}
  T:
    Type: AWS::SNS::Topic
    Metadata:
      Value: """

# fmt: off
TABLE: list[tuple[str, str, Any]] = [
    ("Ref of a string",                         "!Ref Text",                                    "hello"),
    ("Ref of a number is text",                 "!Ref Number",                                  "5"),
    ("Ref of a list is split and trimmed",      "!Ref Words",                                   ["a", "b", "c"]),
    ("Ref of a queue is its URL",               "!Ref Q",                                       "http://127.0.0.1:4566/000000000000/jobs"),
    ("Ref of the region",                       "!Ref AWS::Region",                             "us-east-1"),
    ("Ref of the account",                      "!Ref 'AWS::AccountId'",                        "000000000000"),
    ("Ref of the partition",                    "!Ref 'AWS::Partition'",                        "aws"),
    ("Ref of the suffix",                       "!Ref 'AWS::URLSuffix'",                        "amazonaws.com"),
    ("Ref of the topics that are told",         "!Ref 'AWS::NotificationARNs'",                 []),
    ("the long form of Ref",                    "{Ref: Text}",                                  "hello"),
    ("GetAtt by a dot",                         "!GetAtt Q.Arn",                                "arn:aws:sqs:us-east-1:000000000000:jobs"),
    ("GetAtt by a list",                        "!GetAtt [Q, QueueName]",                       "jobs"),
    ("GetAtt in long form by text",             "{'Fn::GetAtt': Q.QueueUrl}",                   "http://127.0.0.1:4566/000000000000/jobs"),
    ("Sub of parameters",                       "!Sub '${Text}-${Number}'",                     "hello-5"),
    ("Sub of attributes",                       "!Sub '${Q.QueueName}@${AWS::Region}'",         "jobs@us-east-1"),
    ("Sub of its own variables",                "!Sub ['${A}-${Text}', {A: !Ref Number}]",      "5-hello"),
    ("Sub's own variables shadow",              "!Sub ['${Text}', {Text: mine}]",               "mine"),
    ("Sub's own variable with a dot",           "!Sub ['${Q.Arn}', {Q.Arn: mine}]",             "mine"),
    ("Sub leaves what is literal",              "!Sub '${!Text} $ {} $${Text}'",                "${Text} $ {} $hello"),
    ("Sub of a boolean",                        "!Sub ['${A}', {A: true}]",                     "true"),
    ("Join",                                    "!Join ['-', [a, !Ref Text, 3, true]]",         "a-hello-3-true"),
    ("Join of a list parameter",                "!Join ['', !Ref Words]",                       "abc"),
    ("Join drops what is no value",             "!Join ['-', [a, !Ref 'AWS::NoValue', b]]",     "a-b"),
    ("Join of nothing but no value",            "!Join ['-', [!Ref 'AWS::NoValue']]",           ""),
    ("a fraction stays as it was written",      "!Join ['', [1.10]]",                           "1.10"),
    ("Split keeps what is empty",               "!Split ['|', 'a||c|']",                        ["a", "", "c", ""]),
    ("Select by a number",                      "!Select [1, [a, b]]",                          "b"),
    ("Select by text",                          "!Select ['0', !Split ['/', 'x/y']]",           "x"),
    ("Select of a map",                         "!Select [0, [{a: !Ref Text}]]",                {"a": "hello"}),
    ("If that holds",                           "!If [Same, !Ref Text, b]",                      "hello"),
    ("If that does not hold",                   "!If [Other, a, !Sub '${Number}']",                "5"),
    ("If within If",                            "!If [Same, !If [Other, a, b], c]",                 "b"),
    ("If of both",                              "!If [Both, a, b]",                             "b"),
    ("If of either",                            "!If [Either, a, b]",                           "a"),
    ("If of no value drops the member",         "{a: !If [Other, b, !Ref 'AWS::NoValue'], c: d}",  {"c": "d"}),
    ("If of no value drops the item",           "[a, !If [Other, b, !Ref 'AWS::NoValue']]",        ["a"]),
    ("an untaken branch may not exist",         "!If [Same, a, !Ref Gone]",                      "a"),
    ("FindInMap",                               "!FindInMap [M, !Ref 'AWS::Region', Name]",     "east"),
    ("FindInMap of a number",                   "!FindInMap [M, us-east-1, Count]",             3),
    ("FindInMap of a list",                     "!FindInMap [M, us-east-1, Zones]",             ["x", "y"]),
    ("Base64",                                  "{'Fn::Base64': !Sub '${Text}'}",               "aGVsbG8="),
    ("Base64 of more than ASCII",               "!Base64 ü",                                    "w7w="),
    ("Cidr",                                    "!Cidr [192.168.0.0/24, 3, 5]",                 ["192.168.0.0/27", "192.168.0.32/27", "192.168.0.64/27"]),
    ("GetAZs of the region",                    "!GetAZs ''",                                   ["us-east-1a", "us-east-1b", "us-east-1c"]),
    ("GetAZs of another region",                "!Select [0, !GetAZs eu-west-1]",               "eu-west-1a"),
    ("dates stay text",                         "2012-10-17",                                   "2012-10-17"),
    ("leading zeros stay text",                 "012345678901",                                 "012345678901"),
    ("times of day stay text",                  "12:30",                                        "12:30"),
    ("yes is true",                             "yes",                                          True),
    ("a quoted yes is text",                    "'yes'",                                        "yes"),
    ("hexadecimal",                             "0x1F",                                         31),
    ("underscores in numbers",                  "1_000",                                        1000),
    ("an anchor and its alias",                 "{a: &x {b: !Ref Text}, c: *x}",                {"a": {"b": "hello"}, "c": {"b": "hello"}}),
    ("a merge, and what is written itself wins", "{<<: {a: 1, b: 2}, b: 3}",                    {"a": 1, "b": 3}),
    ("a list of merges, the first wins",        "{<<: [{a: 1}, {a: 2, b: 2}]}",                 {"a": 1, "b": 2}),
]
UNKNOWN = [
    ("a parameter without a value",             "!Ref Nothing",                                 "${Nothing}"),
    ("text that it goes into",                  "!Sub 'a-${Nothing}'",                          "a-${Nothing}"),
    ("a list that it goes into",                "!Join ['-', [a, !Ref Nothing]]",               "a-${Nothing}"),
    ("an import that nobody exports",           "!ImportValue shared",                          "${import shared}"),
    ("a branch that it decides",                "!If [Unset, a, b]",                            "a"),
]
EXTENDED = [
    ("Length of a list",                        "{'Fn::Length': [a, b]}",                       2),
    ("Length of a parameter",                   "!Length {Ref: Words}",                         3),
    ("ToJsonString",                            "{'Fn::ToJsonString': {a: !Ref Text, b: [1, true]}}", '{"a":"hello","b":[1,true]}'),
    ("FindInMap with a default",                "!FindInMap [M, us-east-1, Other, {DefaultValue: none}]", "none"),
]
# fmt: on


def _value(folder: Path, text: str, head: str = HEAD) -> Any:
    checked = check_text(folder, head + text + "\n")
    assert not of(checked, Severity.ERROR), of(checked, Severity.ERROR)
    return checked.resources["T"].metadata["Value"]


@pytest.mark.parametrize(("text", "expected"), [pytest.param(t, e, id=sentence) for sentence, t, e in TABLE])
def test_values(tmp_path: Path, text: str, expected: Any) -> None:
    value = _value(tmp_path, text)
    assert value == expected
    assert not isinstance(value, Unknown)


@pytest.mark.parametrize(("text", "expected"), [pytest.param(t, e, id=sentence) for sentence, t, e in UNKNOWN])
def test_values_that_only_a_deployment_knows(tmp_path: Path, text: str, expected: str) -> None:
    value = _value(tmp_path, text)
    assert value == expected
    assert isinstance(value, Unknown)


@pytest.mark.parametrize(("text", "expected"), [pytest.param(t, e, id=sentence) for sentence, t, e in EXTENDED])
def test_language_extensions(tmp_path: Path, text: str, expected: Any) -> None:
    assert _value(tmp_path, text, EXTENSIONS + HEAD) == expected


def test_a_loop_makes_resources(tmp_path: Path) -> None:
    text = (
        EXTENSIONS
        + """\
Parameters: {Names: {Type: CommaDelimitedList, Default: 'Red,Blue'}}
Resources:
  Fn::ForEach::Topics:
    - Name
    - !Ref Names
    - Topic${Name}:
        Type: AWS::SNS::Topic
        Properties:
          TopicName: !Sub 'topic-${Name}'
          DisplayName: !Ref Name
          Fn::ForEach::Nothing: [X, [], {'${X}': y}]
      Fn::ForEach::Queues:
        - Block
        - [10.0/8, 11.0/8]
        - Queue${Name}&{Block}:
            Type: AWS::SQS::Queue
Outputs:
  Fn::ForEach::Arns:
    - Name
    - !Ref Names
    - 'Arn${Name}': {Value: !Ref 'Topic${Name}'}
"""
    )
    checked = check_text(tmp_path, text)
    assert not of(checked, Severity.ERROR), of(checked, Severity.ERROR)
    assert list(checked.resources) == [
        "TopicRed",
        "QueueRed1008",
        "QueueRed1108",
        "TopicBlue",
        "QueueBlue1008",
        "QueueBlue1108",
    ]
    assert checked.resources["TopicBlue"].properties == {"TopicName": "topic-Blue", "DisplayName": "Blue"}
    assert checked.outputs["ArnRed"]["Value"] == "arn:aws:sns:us-east-1:000000000000:topic-Red"
    assert checked.resources["TopicBlue"].at.line == 7


def test_an_include_brings_the_content_of_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("TopicName: included\nDisplayName: {Ref: Shown}\n")
    text = """\
Parameters: {Shown: {Type: String, Default: x}}
Resources:
  T:
    Type: AWS::SNS::Topic
    Properties:
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}
"""
    checked = check_text(tmp_path, text)
    assert not of(checked, Severity.ERROR)
    assert checked.resources["T"].properties == {"TopicName": "included", "DisplayName": "x"}
    assert tmp_path / "more.yaml" in checked.files


def test_a_mistake_in_an_include_stands_in_its_file(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text("TopicNam: included\n")
    text = (
        "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n"
        "      Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}\n"
    )
    (found,) = of(check_text(tmp_path, text), Severity.ERROR)
    assert (found.code, Path(found.at.file).name, found.at.line) == ("unknown-property", "more.yaml", 1)


def test_an_include_that_includes_itself_ends(tmp_path: Path) -> None:
    (tmp_path / "more.yaml").write_text(
        "A: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: more.yaml}}}\n"
    )
    text = (
        "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Metadata:\n"
        "      Fn::Transform: {Name: AWS::Include, Parameters: {Location: more.yaml}}\n"
    )
    assert "invalid-include" in [found.code for found in of(check_text(tmp_path, text), Severity.ERROR)]


def test_values_of_ssm_and_secrets_come_from_a_local_file(tmp_path: Path) -> None:
    (tmp_path / "values.local.yaml").write_text(
        "ssm: {/rate: 5, /names: [a, b]}\nsecretsmanager: {db: {password: hunter2}, plain: text}\nexports: {shared: arn}\n"
    )
    text = """\
Parameters:
  Rate: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /rate}
  Names: {Type: 'AWS::SSM::Parameter::Value<List<String>>', Default: /names}
Resources:
  F:
    Type: AWS::Lambda::Function
    Properties:
      Code: {ZipFile: x}
      Handler: index.handler
      Runtime: python3.11
      Role: arn:aws:iam::000000000000:role/r
      Environment:
        Variables:
          RATE: !Ref Rate
          NAMES: !Join ['+', !Ref Names]
          AGAIN: 'is {{resolve:ssm:/rate:1}}!'
          PASSWORD: !Sub '{{resolve:secretsmanager:db:SecretString:password}}'
          WHOLE: '{{resolve:secretsmanager:arn:aws:secretsmanager:us-east-1:000000000000:secret:db-AbCdEf}}'
          PLAIN: '{{resolve:secretsmanager:plain}}'
          SHARED: !ImportValue shared
"""
    checked = check_text(tmp_path, text)
    assert not of(checked, Severity.ERROR, Severity.WARNING), checked.diagnostics
    assert checked.resources["F"].properties["Environment"]["Variables"] == {
        "RATE": "5",
        "NAMES": "a+b",
        "AGAIN": "is 5!",
        "PASSWORD": "hunter2",
        "WHOLE": '{"password":"hunter2"}',
        "PLAIN": "text",
        "SHARED": "arn",
    }


@pytest.mark.parametrize(
    ("assertion", "code"),
    [
        ("!Contains [[a, b], !Ref P]", None),
        ("!Contains [[b, c], !Ref P]", "failed-assertion"),
        ("!Equals [!Ref P, b]", "failed-assertion"),
        ("!EachMemberIn [[a], [a, b]]", None),
        ("!EachMemberEquals [[a, b], a]", "failed-assertion"),
        ("!Not [!Equals [!Ref P, b]]", None),
        ("!Or [!Equals [!Ref P, b], !Equals [!Ref P, a]]", None),
        ("!And [!Equals [!Ref P, a], !Equals [!Ref P, b]]", "failed-assertion"),
        ("!Equals [!RefAll 'AWS::EC2::VPC::Id', x]", None),
        ("!If [a, b, c]", "invalid-condition"),
        ("text", "invalid-condition"),
    ],
)
def test_rules_assert(tmp_path: Path, assertion: str, code: str | None) -> None:
    text = (
        f"Parameters: {{P: {{Type: String, Default: a}}}}\nRules: {{R: {{Assertions: [{{Assert: {assertion}, AssertDescription: no}}]}}}}\n"
        "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref P}}}\n"
    )
    found = of(check_text(tmp_path, text), Severity.ERROR)
    assert [one.code for one in found] == ([code] if code else [])


def test_a_rule_whose_condition_does_not_hold_asserts_nothing(tmp_path: Path) -> None:
    text = (
        "Parameters: {P: {Type: String, Default: a}}\n"
        "Rules: {R: {RuleCondition: !Equals [!Ref P, b], Assertions: [{Assert: !Equals [a, b]}]}}\n"
        "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref P}}}\n"
    )
    assert not of(check_text(tmp_path, text), Severity.ERROR)


def test_a_samconfig_beside_the_stack_gives_its_name_and_values(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text(
        'version = 0.1\n[default.global.parameters]\nstack_name = "shop"\n'
        '[default.deploy.parameters]\nparameter_overrides = "Stage=\\"prod\\" Size=3"\n'
    )
    text = (
        "Parameters: {Stage: {Type: String}, Size: {Type: Number, Default: 1}}\n"
        "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Sub '${AWS::StackName}-${Stage}', DelaySeconds: !Ref Size}}}\n"
    )
    checked = check_text(tmp_path, text)
    assert checked.name == "shop"
    assert checked.resources["Q"].properties == {"QueueName": "shop-prod", "DelaySeconds": 3}
    assert check_text(tmp_path, text, parameters={"Stage": "dev"}).resources["Q"].properties["QueueName"] == "shop-dev"
    assert check_text(tmp_path, text, template_only=True).name != "shop"


def test_a_broken_samconfig_is_a_warning_at_its_place(tmp_path: Path) -> None:
    (tmp_path / "samconfig.toml").write_text("version = 0.1\n[default\n")
    checked = check_text(tmp_path, SAM + "Resources: {Q: {Type: 'AWS::SQS::Queue'}}\n")
    (found,) = of(checked, Severity.WARNING)
    assert (found.code, Path(found.at.file).name, found.at.line) == ("samconfig-syntax", "samconfig.toml", 2)
