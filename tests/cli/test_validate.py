# ruff: noqa: E501
"""`runner validate` as a person, an editor, a pull request and a commit hook call it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from runner.cli.main import main

BAD = """\
Transform: AWS::Serverless-2016-10-31
Parameters:
  Unused: {Type: String, Default: x}
Resources:
  F:
    Type: AWS::Serverless::Function
    Properties:
      Handlr: index.handler
      Handler: index.handler
      InlineCode: x
      Runtime: python3.11
"""
TEXT = """\
stack.yaml:3:3 warning[unused-parameter] Parameter 'Unused' is not used anywhere.
 3 |   Unused: {Type: String, Default: x}
   |   ^^^^^^
  hint: remove it, or refer to it

stack.yaml:8:7 error[unknown-property] property Handlr not defined for resource of type AWS::Serverless::Function
 8 |       Handlr: index.handler
   |       ^^^^^^
  hint: did you mean 'Handler'?

1 error, 1 warning
"""
GOOD = "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"
WARNED = "Parameters:\n  Unused: {Type: String, Default: x}\n" + GOOD


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["validate", *arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_findings_have_their_line_a_caret_and_a_hint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(BAD)
    assert run(capsys, "stack.yaml") == (1, TEXT, "")


def test_without_files_the_stack_of_the_folder_is_meant(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "template.yaml").write_text(GOOD)
    assert run(capsys) == (0, "", "")


def test_without_any_file_there_is_a_hint(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys)
    assert (code, out) == (1, "")
    assert "hint: Name one" in err


def test_a_file_that_is_not_there_is_a_mistake_of_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out, err = run(capsys, "nowhere.yaml")
    assert (code, out) == (2, "")
    assert "nowhere.yaml" in err


def test_an_unknown_option_is_a_mistake_of_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "--nonsense")[0] == 2


def test_an_override_that_is_no_pair_is_a_mistake_of_usage(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(GOOD)
    assert run(capsys, "stack.yaml", "--parameter-overrides", "Unused")[0] == 2


def test_warnings_fail_only_when_strict(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(WARNED)
    assert run(capsys, "stack.yaml")[0] == 0
    assert run(capsys, "--strict", "stack.yaml")[0] == 1


def test_notices_never_fail(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text("Resources:\n  B: {Type: 'AWS::S3::Bucket'}\n")
    code, out, _ = run(capsys, "--strict", "stack.yaml")
    assert code == 0
    assert "notice[inert-resource] 'B' is accepted" in out


@pytest.mark.parametrize(
    "text",
    [
        "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\n",
        "name: ci\non: push\njobs: {}\n",
        "service: x\nprovider: {name: aws}\nresources: {Resources: {Q: {Type: 'AWS::SQS::Queue'}}}\n",
        "- a\n- b\n",
        "",
        "a: [1\n",
        "a: !vault |\n  x\n",
        "\xff not utf8",
    ],
)
def test_what_is_no_stack_is_passed_over(folder: Path, capsys: pytest.CaptureFixture[str], text: str) -> None:
    (folder / "other.yaml").write_text(text, encoding="latin-1")
    (folder / "stack.yaml").write_text(GOOD)
    assert run(capsys, "other.yaml", "stack.yaml") == (0, "", "")
    assert run(capsys, "other.yaml") == (0, "", "")


def test_several_files_are_checked_in_one_run(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.yaml").write_text(BAD)
    (folder / "b.yaml").write_text(GOOD.replace("Queue", "Queu"))
    code, out, _ = run(capsys, "a.yaml", "b.yaml")
    assert code == 1
    assert "a.yaml:8:7 error" in out
    assert "b.yaml:2:13 error[unknown-type]" in out
    assert out.endswith("2 errors, 1 warning\n")


def test_json_has_everything_of_a_finding(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(BAD)
    code, out, _ = run(capsys, "--output", "json", "stack.yaml")
    assert code == 1
    assert json.loads(out)[1] == {
        "file": "stack.yaml",
        "line": 8,
        "column": 7,
        "end_column": 13,
        "severity": "error",
        "code": "unknown-property",
        "message": "property Handlr not defined for resource of type AWS::Serverless::Function",
        "hint": "did you mean 'Handler'?",
        "notes": [],
    }


def test_json_of_nothing_is_an_empty_list(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(GOOD)
    assert run(capsys, "--output", "json", "stack.yaml") == (0, "[]\n", "")


def test_github_gets_annotations(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(BAD)
    _, out, _ = run(capsys, "--output", "github", "stack.yaml")
    assert out.splitlines()[1] == (
        "::error file=stack.yaml,line=8,col=7,endColumn=13,title=unknown-property::"
        "property Handlr not defined for resource of type AWS::Serverless::Function%0Ahint: did you mean 'Handler'?"
    )


def test_sarif_has_rules_and_results(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(BAD)
    _, out, _ = run(capsys, "--output", "sarif", "stack.yaml")
    document = json.loads(out)
    assert document["version"] == "2.1.0"
    (sarif,) = document["runs"]
    assert [rule["id"] for rule in sarif["tool"]["driver"]["rules"]] == ["unknown-property", "unused-parameter"]
    assert sarif["results"][1]["level"] == "error"
    assert sarif["results"][1]["locations"][0]["physicalLocation"] == {
        "artifactLocation": {"uri": "stack.yaml"},
        "region": {"startLine": 8, "startColumn": 7, "endColumn": 13},
    }


@pytest.mark.parametrize(
    "comment",
    [
        ("Parameters:\n  Unused: {Type: String, Default: x}  # runner: ignore unused-parameter\n"),
        ("Parameters:\n  # runner: ignore unused-parameter, wrong-type\n  Unused: {Type: String, Default: x}\n"),
        ("# runner: ignore-file unused-parameter\nParameters:\n  Unused: {Type: String, Default: x}\n"),
    ],
)
def test_a_comment_with_the_code_silences_a_finding(
    folder: Path, capsys: pytest.CaptureFixture[str], comment: str
) -> None:
    (folder / "stack.yaml").write_text(comment + GOOD)
    assert run(capsys, "--strict", "stack.yaml") == (0, "", "")


def test_a_comment_with_another_code_silences_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "Parameters:\n  Unused: {Type: String, Default: x}  # runner: ignore wrong-type\n" + GOOD
    (folder / "stack.yaml").write_text(text)
    assert run(capsys, "--strict", "stack.yaml")[0] == 1


def test_control_characters_of_a_file_do_not_reach_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "stack.yaml").write_text('Resources:\n  Q: {Type: "\\e[31mred"}  # \x85\n')
    code, out, _ = run(capsys, "stack.yaml")
    assert code == 1
    assert "\x1b" not in out


def test_template_only_looks_at_nothing_beside_the_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "stack.yaml").write_text(BAD.replace("Handlr", "CodeUri").replace("InlineCode: x", "Timeout: 3"))
    assert run(capsys, "stack.yaml")[0] == 1
    assert run(capsys, "--template-only", "stack.yaml")[0] == 0


def test_a_parameter_without_a_value_is_fine(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = (
        "Parameters: {P: {Type: String}}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref P}}\n"
    )
    (folder / "stack.yaml").write_text(text)
    assert run(capsys, "--strict", "stack.yaml") == (0, "", "")


def test_an_override_is_checked_against_its_parameter(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = "Parameters: {P: {Type: Number}}\nResources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {DelaySeconds: !Ref P}}\n"
    (folder / "stack.yaml").write_text(text)
    assert run(capsys, "stack.yaml", "--parameter-overrides", "P=5") == (0, "", "")
    code, out, _ = run(capsys, "stack.yaml", "--parameter-overrides", "P=1000")
    assert code == 1
    assert "error[out-of-range] #/DelaySeconds: 1000" in out
    assert "do not exist in the template" in run(capsys, "stack.yaml", "--parameter-overrides", "R=1")[1]


@pytest.mark.slow
def test_colour_only_on_terminals(folder: Path) -> None:
    (folder / "stack.yaml").write_text(BAD)
    command = [sys.executable, "-m", "runner.cli.main", "validate", "stack.yaml"]
    piped = subprocess.run(command, capture_output=True, check=False)
    assert piped.returncode == 1
    assert piped.stdout.decode() == TEXT
    assert piped.stderr == b""
    ours, theirs = pty.openpty()
    try:
        with subprocess.Popen(command, stdout=theirs, stderr=theirs) as process:
            assert process.wait(timeout=30) == 1
        assert b"\x1b[31merror[unknown-property]" in os.read(ours, 65536)
    finally:
        os.close(ours)
        os.close(theirs)
