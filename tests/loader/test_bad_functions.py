# ruff: noqa: E501  the rows of the tables
"""Malformed functions and unknown names: one row a mistake, the mark at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model.diagnostic import Severity
from tests.loader.findings import EXTENSIONS, assert_one, check_text, of

HEAD = (
    "Parameters: {P: {Type: String, Default: x}, L: {Type: CommaDelimitedList, Default: 'a,b'}}\n"
    "Mappings: {M: {A: {B: c}}}\n"
    "Conditions: {C: !Equals [!Ref P, x]}\n"
    "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\n  T: {Type: 'AWS::SNS::Topic', Properties: {TopicName: !Select [0, !Ref L]}}\n"
    "Outputs:\n  O: {Value: "
)

# fmt: off
VALUES = [
    ("Ref of an unknown name",                  "unresolved-reference", "«!Ref R"),
    ("Ref of a mapping",                        "unresolved-reference", "«!Ref M"),
    ("Ref of a condition",                      "unresolved-reference", "«!Ref C"),
    ("Ref of a list",                           "invalid-function",     "«!Ref [Q]"),
    ("Ref of a misspelt pseudo parameter",      "unresolved-reference", "«!Ref 'AWS::Regoin'"),
    ("GetAtt of an unknown resource",           "unresolved-reference", "«!GetAtt R.Arn"),
    ("GetAtt of a parameter",                   "unresolved-reference", "«!GetAtt P.Arn"),
    ("GetAtt of an unknown attribute",          "unknown-attribute",    "«!GetAtt Q.Url"),
    ("GetAtt without an attribute",             "invalid-function",     "«!GetAtt Q"),
    ("GetAtt of one thing in a list",           "invalid-function",     "«!GetAtt [Q]"),
    ("GetAtt of an empty attribute",            "invalid-function",     "«!GetAtt [Q, '']"),
    ("Sub of an unknown name",                  "unresolved-reference", "«!Sub 'a-${R}'"),
    ("Sub of an unknown attribute",             "unknown-attribute",    "«!Sub '${Q.Url}'"),
    ("Sub of an unknown resource's attribute",  "unresolved-reference", "«!Sub '${R.Arn}'"),
    ("Sub of a bad name",                       "invalid-function",     "«!Sub '${a-b}'"),
    ("Sub of nothing",                          "invalid-function",     "«!Sub '${}'"),
    ("Sub of three things",                     "invalid-function",     "«!Sub ['${A}', {A: 1}, 2]"),
    ("Sub of a number",                         "invalid-function",     "«!Sub [1, {}]"),
    ("Sub whose variables are a list",          "invalid-function",     "«!Sub ['${A}', [A]]"),
    ("Sub whose own variable is unknown",       "unresolved-reference", "!Sub ['${A}', {A: «!Ref R}]"),
    ("Join of three things",                    "invalid-function",     "«!Join ['-', [a], b]"),
    ("Join of text",                            "invalid-function",     "«!Join ['-', abc]"),
    ("Join without a list",                     "invalid-function",     "«!Join ['-']"),
    ("Join by a function",                      "invalid-function",     "«!Join [!Ref P, [a, b]]"),
    ("Join of an unknown name",                 "unresolved-reference", "!Join ['-', [a, «!Ref R]]"),
    ("Split of one thing",                      "invalid-function",     "!Select [0, «!Split [a-b]]"),
    ("Split by nothing",                        "invalid-function",     "!Select [0, «!Split ['', a-b]]"),
    ("Split of a list",                         "invalid-function",     "!Select [0, «!Split ['-', [a, b]]]"),
    ("Select by a word",                        "invalid-function",     "«!Select [first, [a, b]]"),
    ("Select by a negative index",              "invalid-function",     "«!Select [-1, [a, b]]"),
    ("Select beyond the end",                   "select-out-of-range",  "!Select [«2, [a, b]]"),
    ("Select beyond the end of a parameter",    "select-out-of-range",  "!Select [«5, !Ref L]"),
    ("Select of text",                          "invalid-function",     "«!Select [0, abc]"),
    ("Select of one thing",                     "invalid-function",     "«!Select [0]"),
    ("If of an unknown condition",              "unknown-condition",    "!If [«D, a, b]"),
    ("If of two things",                        "invalid-function",     "«!If [C, a]"),
    ("If of a comparison",                      "invalid-function",     "«!If [!Equals [a, b], a, b]"),
    ("If of a list as its condition",           "wrong-type",           "!If [«[C], a, b]"),
    ("If with an unknown name in a branch",     "unresolved-reference", "!If [C, a, «!Ref R]"),
    ("FindInMap of an unknown map",             "unknown-mapping",      "!FindInMap [«N, A, B]"),
    ("FindInMap of an unknown key",             "unknown-mapping-key",  "«!FindInMap [M, A, Z]"),
    ("FindInMap of two things",                 "invalid-function",     "«!FindInMap [M, A]"),
    ("FindInMap with a default",                "invalid-function",     "«!FindInMap [M, A, Z, {DefaultValue: x}]"),
    ("Base64 of a list",                        "invalid-function",     "«!Base64 [a]"),
    ("Base64 of a map",                         "invalid-function",     "«!Base64 {a: b, c: d}"),
    ("Cidr of one thing",                       "invalid-function",     "!Select [0, «!Cidr [10.0.0.0/24]]"),
    ("Cidr without room",                       "invalid-cidr",         "!Select [0, «!Cidr [10.0.0.0/24, 200, 8]]"),
    ("Cidr of no block",                        "invalid-cidr",         "!Select [0, «!Cidr [ten, 2, 8]]"),
    ("a condition function as a value",         "misplaced-function",   "«!Equals [a, b]"),
    ("an unknown function",                     "unknown-function",     "«{'Fn::Joyn': ['-', [a]]}"),
    ("a function beside another key",           "invalid-function",     "!ToText {«'Fn::Join': ['-', [a]], x: y}"),
    ("Length without its transform",            "needs-transform",      "«!Length [a, b]"),
    ("ToJsonString without its transform",      "needs-transform",      "«{'Fn::ToJsonString': {a: b}}"),
    ("ImportValue of an unknown name",          "unresolved-reference", "!ImportValue {'Fn::Sub': «'x'}"),
]
CONDITIONS = [
    ("a literal",                               "invalid-condition",    "«true"),
    ("text",                                    "invalid-condition",    "«yes-please"),
    ("a Ref",                                   "invalid-condition",    "«!Ref P"),
    ("an If",                                   "invalid-condition",    "«!If [C, a, b]"),
    ("Equals of one thing",                     "invalid-function",     "«!Equals [a]"),
    ("Equals of text",                          "invalid-function",     "«!Equals a"),
    ("And of one thing",                        "invalid-function",     "«!And [!Condition C]"),
    ("Or of eleven things",                     "invalid-function",     "«!Or [" + ", ".join(["!Condition C"] * 11) + "]"),
    ("Not of two things",                       "invalid-function",     "«!Not [!Condition C, !Condition C]"),
    ("And of a literal",                        "invalid-condition",    "!And [!Condition C, «true]"),
    ("an unknown condition",                    "unknown-condition",    "!Not [«!Condition E]"),
    ("a resource compared",                     "resource-in-condition", "!Equals [«!Ref Q, a]"),
    ("an attribute compared",                   "resource-in-condition", "!Equals [«!GetAtt Q.Arn, a]"),
    ("an unknown name compared",                "unresolved-reference", "!Equals [«!Ref R, a]"),
    ("a misspelt function",                     "invalid-condition",    "«{'Fn::Equal': [a, b]}"),
]
# fmt: on
SKIPPED = ("a function beside another key", "ImportValue of an unknown name")  # written out below


@pytest.mark.parametrize(
    ("code", "text"), [pytest.param(c, t, id=sentence) for sentence, c, t in VALUES if sentence not in SKIPPED]
)
def test_values(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, HEAD + text + "}\n", Severity.ERROR)


@pytest.mark.parametrize(("code", "text"), [pytest.param(c, t, id=sentence) for sentence, c, t in CONDITIONS])
def test_conditions(tmp_path: Path, code: str, text: str) -> None:
    head = HEAD.replace("Conditions: {C: !Equals [!Ref P, x]}", f"Conditions: {{C: !Equals [!Ref P, x], D: {text}}}")
    assert_one(tmp_path, code, head + "x}\n", Severity.ERROR)


def test_a_function_beside_another_key(tmp_path: Path) -> None:
    text = "Metadata: {}\nResources:\n  Q:\n    Type: AWS::SQS::Queue\n    Metadata:\n      A: {«'Fn::Join': ['-', [a]], x: y}\n"
    assert_one(tmp_path, "invalid-function", text, Severity.ERROR)


def test_an_import_of_an_unknown_name(tmp_path: Path) -> None:
    assert_one(tmp_path, "unresolved-reference", HEAD + "«!ImportValue {Ref: R}}\n", Severity.ERROR)


def test_conditions_in_a_circle(tmp_path: Path) -> None:
    text = (
        "Conditions:\n  «A: !Not [!Condition B]\n  B: !Not [!Condition A]\nResources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"
    )
    found = assert_one(tmp_path, "circular-condition", text, Severity.ERROR)
    assert "A -> B -> A" in found.message


def test_resources_in_a_circle(tmp_path: Path) -> None:
    text = (
        "Resources:\n  «A: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !GetAtt B.TopicName}}\n"
        "  B: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !GetAtt C.TopicName}}\n"
        "  C: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !Sub '${A.TopicName}'}}\n"
    )
    found = assert_one(tmp_path, "circular-dependency", text, Severity.ERROR)
    assert found.message == "Circular dependency between resources: [A, B, C]"
    assert [note.at.line for note in found.notes] == [3, 4]


def test_names_in_a_circle(tmp_path: Path) -> None:
    text = (
        "Resources:\n  «A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !GetAtt B.QueueName}}\n"
        "  B: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !GetAtt A.QueueName}}\n"
    )
    assert_one(tmp_path, "circular-dependency", text, Severity.ERROR)


def test_a_resource_that_its_condition_leaves_out(tmp_path: Path) -> None:
    text = (
        "Conditions: {Never: !Equals [a, b]}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Condition: Never}\n"
        "  T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: «!Ref Q}}\n"
    )
    assert_one(tmp_path, "unresolved-reference", text, Severity.ERROR)


def test_a_branch_that_is_not_taken_may_name_what_is_left_out(tmp_path: Path) -> None:
    text = (
        "Conditions: {Never: !Equals [a, b]}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Condition: Never}\n"
        "  T: {Type: 'AWS::SNS::Topic', Properties: {DisplayName: !If [Never, !Ref Q, none]}}\n"
    )
    checked = check_text(tmp_path, text)
    assert not of(checked, Severity.ERROR)
    assert "Q" not in checked.resources


@pytest.mark.parametrize(
    ("collection", "code"),
    [("«notalist", "invalid-foreach"), ("«!Ref Nothing", "invalid-foreach"), ("[«{a: b}]", "invalid-foreach")],
)
def test_loops_over_what_is_no_list(tmp_path: Path, collection: str, code: str) -> None:
    text = (
        EXTENSIONS + f"Resources:\n  Fn::ForEach::L: [X, {collection}, {{'Q${{X}}': {{Type: 'AWS::SQS::Queue'}}}}]\n"
        "  T: {Type: 'AWS::SNS::Topic'}\n"
    )
    assert_one(tmp_path, code, text, Severity.ERROR)
