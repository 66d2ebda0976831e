# ruff: noqa: E501  the rows of the tables
"""What is wrong with a file as YAML or JSON, or with its sections: one row a mistake, the mark at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model.diagnostic import Severity
from tests.loader.findings import EXTENSIONS, QUEUE, SAM, assert_one, check_text, of

# fmt: off
YAML = [
    ("a tab indents",                            "yaml-tab",          "Resources:\n«\tQ:\n\t\tType: AWS::SQS::Queue\n"),
    ("a tab indents after spaces",               "yaml-tab",          "Resources:\n  Q:\n «\tType: AWS::SQS::Queue\n"),
    ("a bracket is not closed",                  "yaml-syntax",       "Resources:\n  Q: {Type: [a\n  R«: b}\n"),
    ("a quote is not closed",                    "yaml-syntax",       "Resources:\n  Q: {Type: 'AWS::SQS::Queue}\n«"),
    ("a value holds a colon",                    "yaml-syntax",       "Description: a«: b\n" + QUEUE),
    ("a line is dedented in between",            "yaml-syntax",       "Resources:\n    Q:\n        Type: x\n      «R: y\n"),
    ("a key stands twice",                       "duplicate-key",     "Resources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {DelaySeconds: 1, «DelaySeconds: 2}}\n"),
    ("a logical id stands twice",                "duplicate-key",     "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\n  «Q: {Type: 'AWS::SNS::Topic'}\n"),
    ("an alias has no anchor",                   "unknown-anchor",    "Resources:\n  Q: «*nobody\n"),
    ("an alias stands within its anchor",        "unknown-anchor",    "Resources: &a\n  Q: [«*a]\n"),
    ("a merge is no map",                        "invalid-merge",     "Resources:\n  Q:\n    «<<: text\n    Type: AWS::SQS::Queue\n"),
    ("a key is a list",                          "invalid-key",       "Resources:\n  «[a, b]: 1\n"),
    ("a key is empty",                           "invalid-key",       "Metadata: {«~: 1}\n" + QUEUE),
    ("there are two documents",                  "several-documents", QUEUE + "«---\nResources: {}\n"),
    ("a tag is misspelt",                        "unknown-tag",       QUEUE + "Outputs: {O: {Value: «!Reff Q}}\n"),
    ("a tag is a language's",                    "unknown-tag",       QUEUE + "Outputs: {O: {Value: «!!binary Q}}\n"),
    ("a tag on a list is unknown",               "unknown-tag",       QUEUE + "Metadata: {M: «!Joined [a, b]}\n"),
    ("a control character stands in the text",   "yaml-syntax",       "Description: a«\x07b\n" + QUEUE),
    ("an anchor bomb",                           "too-many-nodes",    "a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                                                                      "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,«*e,*e,*e]\n"),
]
JSON = [
    ("a comma is missing",                       "json-syntax",       '{"Resources": {"Q": {"Type": "AWS::SQS::Queue" «"x": 1}}}'),
    ("a comma is one too many",                  "json-syntax",       '{"Resources": {"Q": {"Type": "AWS::SQS::Queue",«}}}'),
    ("a comma stands before a bracket",          "json-syntax",       '{"Resources": {"Q": {"Type": [1,«]}}}'),
    ("a key has no quotes",                      "json-syntax",       '{«Resources: {}}'),
    ("a quote is not closed",                    "json-syntax",       '{"Resources«: {}}'.replace("«", "") .replace('"Resources', '«"Resources')),
    ("a colon is missing",                       "json-syntax",       '{"Resources" «{}}'),
    ("a comment stands in it",                   "json-syntax",       '{«// no\n"Resources": {}}'),
    ("there is more behind the end",             "json-syntax",       '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}}} «x'),
    ("a value is a word",                        "json-syntax",       '{"Resources": «nothing}'),
    ("a key stands twice",                       "duplicate-key",     '{"Resources": {"Q": {"Type": "AWS::SQS::Queue"}, «"Q": {"Type": "AWS::SNS::Topic"}}}'),
    ("a property is unknown",                    "unknown-property",  '{"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {\n  «"Delay": 1}}}}'),
]
SECTIONS = [
    ("the file is a list",                       "not-a-template",    "«- Resources\n"),
    ("the file is text",                         "not-a-template",    "«Resources\n"),
    ("the file is empty",                        "not-a-template",    "«"),
    ("a section is misspelt",                    "unknown-section",   QUEUE + "«Output: {O: {Value: x}}\n"),
    ("a section has the wrong case",             "unknown-section",   "«resources: {Q: {Type: 'AWS::SQS::Queue'}}\n"),
    ("there are no resources",                   "no-resources",      "«Description: nothing\n"),
    ("the resources are empty",                  "no-resources",      "«Resources: {}\n"),
    ("the resources are a list",                 "wrong-type",        "Resources: «[a, b]\n"),
    ("the outputs are a list",                   "wrong-type",        QUEUE + "Outputs: «[a]\n"),
    ("the version is another",                   "invalid-value",     "AWSTemplateFormatVersion: «2010-09-10\n" + QUEUE),
    ("the description is a function",            "wrong-type",        "Description: «!Sub x\n" + QUEUE),
    ("the description is too long",              "out-of-range",      "Description: «" + "x" * 1025 + "\n" + QUEUE),
    ("a transform is misspelt",                  "unknown-transform", "Transform: «AWS::Serverless-2016-10-13\n" + QUEUE),
    ("a transform is a number",                  "wrong-type",        "Transform: [«1]\n" + QUEUE),
    ("transforms in the wrong order",            "transform-order",   "Transform: «[AWS::Serverless-2016-10-31, AWS::LanguageExtensions]\n" + QUEUE),
    ("Globals want the transform",               "unknown-section",   "«Globals: {Function: {Timeout: 3}}\n" + QUEUE),
    ("a SAM type wants the transform",           "unknown-type",      "Resources:\n  F: {Type: «'AWS::Serverless::SimpleTable'}\n"),
    ("a resource is text",                       "wrong-type",        "Resources:\n  Q: «AWS::SQS::Queue\n"),
    ("a resource has no type",                   "missing-type",      "Resources:\n  «Q: {Properties: {DelaySeconds: 1}}\n"),
    ("a type is misspelt",                       "unknown-type",      "Resources:\n  Q: {Type: «'AWS::SQS::Queu'}\n"),
    ("a type is no type",                        "unknown-type",      "Resources:\n  Q: {Type: «queue}\n"),
    ("a type is a function",                     "wrong-type",        "Resources:\n  Q: {Type: «!Ref 'AWS::Region'}\n"),
    ("a SAM type is misspelt",                   "unknown-type",      SAM + "Resources:\n  F: {Type: «'AWS::Serverless::Func'}\n"),
    ("a logical id has a dash",                  "invalid-name",      "Resources:\n  «my-queue: {Type: 'AWS::SQS::Queue'}\n"),
    ("a logical id is too long",                 "invalid-name",      "Resources:\n  «" + "Q" * 256 + ": {Type: 'AWS::SQS::Queue'}\n"),
    ("a resource has an unknown member",         "unknown-attribute", "Resources:\n  Q: {Type: 'AWS::SQS::Queue', «Propertys: {}}\n"),
    ("properties are a list",                    "wrong-type",        "Resources:\n  Q: {Type: 'AWS::SQS::Queue', «Properties: [a]}\n"),
    ("a deletion policy is misspelt",            "invalid-value",     "Resources:\n  Q: {Type: 'AWS::SQS::Queue', DeletionPolicy: «Retan}\n"),
    ("a deletion policy does not fit",           "invalid-value",     "Resources:\n  Q: {Type: 'AWS::SQS::Queue', DeletionPolicy: «Snapshot}\n"),
    ("a dependency is unknown",                  "unresolved-reference", "Resources:\n  Q: {Type: 'AWS::SQS::Queue', DependsOn: «R}\n"),
    ("a dependency in a list is unknown",        "unresolved-reference", "Resources:\n  Q: {Type: 'AWS::SQS::Queue', DependsOn: [«R]}\n"),
    ("a dependency is a function",               "wrong-type",        "Resources:\n  Q: {Type: 'AWS::SQS::Queue', DependsOn: [«!Ref 'AWS::Region']}\n"),
    ("a resource depends on itself",             "circular-dependency", "Resources:\n  «Q: {Type: 'AWS::SQS::Queue', DependsOn: Q}\n"),
    ("a resource names an unknown condition",    "unknown-condition", "Resources:\n  Q: {Type: 'AWS::SQS::Queue', Condition: «IsProd}\n"),
    ("a name is a parameter and a resource",     "same-name",         "Parameters: {Q: {Type: String, Default: x}}\nResources:\n  «Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref Q}}\n"),
    ("an output has no value",                   "missing-property",  QUEUE + "Outputs: {«O: {Description: x}}\n"),
    ("an output's value is null",                "missing-property",  QUEUE + "Outputs: {O: {«Value: }}\n"),
    ("an output is text",                        "missing-property",  QUEUE + "Outputs: {O: «text}\n"),
    ("an output has an unknown member",          "unknown-property",  QUEUE + "Outputs: {O: {Value: x, «Exports: y}}\n"),
    ("an output's value is a list",              "wrong-type",        QUEUE + "Outputs: {O: {Value: «[a, b]}}\n"),
    ("an output's value is nothing",             "wrong-type",        QUEUE + "Outputs: {O: {Value: «!Ref 'AWS::NoValue'}}\n"),
    ("an output's description is a function",    "wrong-type",        QUEUE + "Outputs: {O: {Value: x, Description: «!Sub y}}\n"),
    ("an export has no name",                    "missing-property",  QUEUE + "Outputs: {O: {Value: x, Export: «{Nam: y}}}\n"),
    ("an output names an unknown condition",     "unknown-condition", QUEUE + "Outputs: {O: {Value: x, Condition: «IsProd}}\n"),
    ("an output has a dash",                     "invalid-name",      QUEUE + "Outputs: {«my-out: {Value: x}}\n"),
    ("a mapping is too flat",                    "wrong-type",        "Mappings: {M: {A: «x}}\n" + QUEUE),
    ("a mapping is text",                        "wrong-type",        "Mappings: {M: «x}\n" + QUEUE),
    ("a mapping is too deep",                    "wrong-type",        "Mappings: {M: {A: {B: «{C: x}}}}\n" + QUEUE),
    ("a mapping holds a function",               "wrong-type",        "Mappings: {M: {A: {B: «!Ref 'AWS::Region'}}}\n" + QUEUE),
    ("a mapping's name has a dash",              "invalid-name",      "Mappings: {«my-map: {A: {B: x}}}\n" + QUEUE),
    ("a loop wants the transform",               "foreach-without-transform", "Resources:\n  «Fn::ForEach::L: [X, [a], {'Q${X}': {Type: 'AWS::SQS::Queue'}}]\n"),
]
PARAMETERS = [
    ("a parameter has no type",                  "missing-type",      "Parameters: {«P: {Default: x}}\n"),
    ("a parameter is text",                      "missing-type",      "Parameters: {«P: text}\n"),
    ("a type is misspelt",                       "invalid-value",     "Parameters: {P: {Type: «Strin}}\n"),
    ("a member is misspelt",                     "unknown-property",  "Parameters: {P: {Type: String, «Defalt: x}}\n"),
    ("a default is a list",                      "wrong-type",        "Parameters: {P: {Type: CommaDelimitedList, Default: «[a, b]}}\n"),
    ("a default is a function",                  "wrong-type",        "Parameters: {P: {Type: String, Default: «!Ref 'AWS::Region'}}\n"),
    ("a default is not allowed",                 "invalid-parameter", "Parameters: {P: {Type: String, Default: «c, AllowedValues: [a, b]}}\n"),
    ("a default does not match",                 "invalid-parameter", "Parameters: {P: {Type: String, Default: «abc, AllowedPattern: '[0-9]+'}}\n"),
    ("a default is too short",                   "invalid-parameter", "Parameters: {P: {Type: String, Default: «abc, MinLength: 4}}\n"),
    ("a default is too long",                    "invalid-parameter", "Parameters: {P: {Type: String, Default: «abc, MaxLength: 2}}\n"),
    ("a default is too small",                   "invalid-parameter", "Parameters: {P: {Type: Number, Default: «1, MinValue: 2}}\n"),
    ("a default is too large",                   "invalid-parameter", "Parameters: {P: {Type: Number, Default: «9, MaxValue: 8}}\n"),
    ("a default is no number",                   "invalid-parameter", "Parameters: {P: {Type: Number, Default: «many}}\n"),
    ("a length is for strings",                  "invalid-constraint", "Parameters: {P: {Type: Number, Default: 1, «MinLength: 2}}\n"),
    ("a value is for numbers",                   "invalid-constraint", "Parameters: {P: {Type: String, Default: a, «MinValue: 2}}\n"),
    ("a length is no number",                    "wrong-type",        "Parameters: {P: {Type: String, Default: a, MinLength: «few}}\n"),
    ("the range is upside down",                 "out-of-range",      "Parameters: {P: {Type: Number, MinValue: 5, MaxValue: «2}}\n"),
    ("allowed values are text",                  "wrong-type",        "Parameters: {P: {Type: String, AllowedValues: «a}}\n"),
    ("an allowed value is a map",                "wrong-type",        "Parameters: {P: {Type: String, AllowedValues: [a, «{b: c}]}}\n"),
    ("a name has a dash",                        "invalid-name",      "Parameters: {«my-param: {Type: String, Default: x}}\n"),
    ("a list member is not allowed",             "invalid-parameter", "Parameters: {P: {Type: CommaDelimitedList, Default: «'a, z', AllowedValues: [a, b]}}\n"),
]
# fmt: on


def _rows(table: list[tuple[str, str, str]]) -> list[object]:
    return [pytest.param(code, text, id=sentence) for sentence, code, text in table]


@pytest.mark.parametrize(("code", "text"), _rows(YAML))
def test_yaml(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, text, Severity.ERROR)


@pytest.mark.parametrize(("code", "text"), _rows(JSON))
def test_json(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, text, Severity.ERROR, "stack.json")


@pytest.mark.parametrize(("code", "text"), _rows(SECTIONS))
def test_sections(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, text, Severity.ERROR)


@pytest.mark.parametrize(("code", "text"), _rows(PARAMETERS))
def test_parameters(tmp_path: Path, code: str, text: str) -> None:
    assert_one(tmp_path, code, text + QUEUE, Severity.ERROR)


def test_bytes_that_are_no_utf8_have_their_place(tmp_path: Path) -> None:
    checked = check_text(tmp_path, b"Resources:\n  Q: {Type: 'AWS::SQS\xff::Queue'}\n")
    (found,) = of(checked, Severity.ERROR)
    assert (found.code, found.at.line, found.at.column) == ("invalid-encoding", 2, 22)
    assert found.hint


def test_a_file_of_more_than_a_megabyte_is_refused_unread(tmp_path: Path) -> None:
    checked = check_text(tmp_path, QUEUE + "# padding\n" * 110_000)
    assert [found.code for found in of(checked, Severity.ERROR)] == ["template-too-large"]


def test_a_thousand_levels_are_too_deep(tmp_path: Path) -> None:
    text = QUEUE + "Metadata: " + "{a: " * 1000 + "x" + "}" * 1000 + "\n"
    assert [found.code for found in of(check_text(tmp_path, text), Severity.ERROR)] == ["too-deep"]


def test_a_byte_order_mark_moves_nothing(tmp_path: Path) -> None:
    checked = check_text(tmp_path, b"\xef\xbb\xbfResources:\n  Q: {Type: 'AWS::SQS::Queu'}\n")
    (found,) = of(checked, Severity.ERROR)
    assert (found.code, found.at.line, found.at.column) == ("unknown-type", 2, 13)


def test_a_colon_within_a_word_between_brackets_is_fine(tmp_path: Path) -> None:
    text = QUEUE + "Outputs:\n  O: {Value: !Join ['-', [!Ref AWS::Region, a, http://x:80/]]}\n"
    checked = check_text(tmp_path, text)
    assert not of(checked, Severity.ERROR)
    assert checked.outputs["O"]["Value"] == "us-east-1-a-http://x:80/"


def test_too_many_resources(tmp_path: Path) -> None:
    text = "Resources:\n" + "".join(f"  Q{number}: {{Type: 'AWS::SQS::Queue'}}\n" for number in range(501))
    (found,) = of(check_text(tmp_path, text), Severity.ERROR)
    assert (found.code, found.at.line) == ("too-many", 1)


def test_all_mistakes_are_found_at_once_and_in_order(tmp_path: Path) -> None:
    text = (
        EXTENSIONS
        + "Parameters: {P: {Type: Strin}}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {Delay: 1}}\n"
        "Outputs: {O: {Value: !Ref R}}\n"
    )
    found = of(check_text(tmp_path, text), Severity.ERROR)
    assert [(one.code, one.at.line) for one in found] == [
        ("invalid-value", 2),
        ("unknown-property", 4),
        ("unresolved-reference", 5),
    ]
