"""Rendered text, exactly."""

from __future__ import annotations

import io
import re

import click
import pytest
from rich.console import Console

from runner.cli.overrides import parse_overrides, spread
from runner.cli.render import Prefixes, Section, console, plan_document, print_data, print_plan, print_sections, summary
from runner.cli.target import find_stack, parse_debug
from runner.model.errors import InputError
from runner.planner.changes import Action, Change, Difference, Reason

CHANGES = (
    Change(Action.CREATE, "AWS::SQS::Queue", "Jobs", "jobs", (Reason.NOT_DEPLOYED,)),
    Change(
        Action.UPDATE,
        "AWS::Lambda::Function",
        "Work",
        "work",
        (Reason.CODE,),
        (Difference("Timeout", 3, 10), Difference("Environment.Variables.KEY", None, "x" * 80)),
    ),
    Change(Action.PUBLISH, "AWS::Lambda::Version", "WorkVersion1", "work:2", (Reason.CODE, Reason.CONFIGURATION)),
)

PLAN = """\
  + create  AWS::SQS::Queue        Jobs          jobs  (not deployed yet)
  ~ update  AWS::Lambda::Function  Work          work  (code changed)
        Timeout: 3 -> 10
        Environment.Variables.KEY: (absent) -> "{x}…
  ^ publish AWS::Lambda::Version   WorkVersion1  work:2  (code changed; configuration changed)
Plan: 1 to create, 1 to update, 1 to publish.
"""


def test_a_plan_reads_as_sentences() -> None:
    stream = io.StringIO()
    print_plan(CHANGES, console(stream))
    assert stream.getvalue() == PLAN.format(x="x" * 58)


def test_an_empty_plan_says_so() -> None:
    assert summary(()) == "No changes."


def test_a_plan_for_machines_has_everything() -> None:
    assert plan_document(CHANGES)[1] == {
        "action": "update",
        "type": "AWS::Lambda::Function",
        "logicalId": "Work",
        "name": "work",
        "reasons": ["code changed"],
        "differences": [
            {"path": "Timeout", "before": 3, "after": 10},
            {"path": "Environment.Variables.KEY", "before": None, "after": "x" * 80},
        ],
    }


def test_tables_are_aligned_where_there_is_no_terminal() -> None:
    stream = io.StringIO()
    section = Section("queues", "Queues", ("Name", "Visibility"), (("jobs", "30 s"), ("a-long-name", "5 s")))
    print_sections([section, Section("topics", "Topics", ("Name",), ())], console(stream))
    assert stream.getvalue() == "Queues\n  Name         Visibility\n  jobs         30 s\n  a-long-name  5 s\n\n"


def test_lines_of_functions_carry_their_name() -> None:
    stream = io.StringIO()
    prefixes = Prefixes(console(stream))
    prefixes.know(["short", "much-longer"])
    prefixes.print("short", "hello [not markup]\n")
    assert stream.getvalue() == "short       | hello [not markup]\n"


def test_every_line_of_an_event_carries_the_name() -> None:
    stream = io.StringIO()
    Prefixes(console(stream)).print("work", "[ERROR] ValueError: no\rTraceback\r  File\n")
    assert stream.getvalue() == "work | [ERROR] ValueError: no\nwork | Traceback\nwork |   File\n"


def test_every_line_ends_where_its_text_does() -> None:
    stream = io.StringIO()
    Prefixes(console(stream)).print("f", "REPORT RequestId: 1\t", "a\x07 ", "ä\tb")
    assert stream.getvalue() == "f | REPORT RequestId: 1\nf | a\\x07\nf | ä\tb\n"


def test_a_plan_keeps_to_the_width_of_a_terminal() -> None:
    stream = io.StringIO()
    out = Console(file=stream, width=80, force_terminal=True, no_color=True, highlight=False, soft_wrap=True)
    new = Change(Action.CREATE, "AWS::SNS::Topic", "News", "n" * 100, (Reason.NOT_DEPLOYED,))
    changed = Change(Action.UPDATE, "AWS::SNS::Topic", "News", "n" * 100, (Reason.CONFIGURATION,))
    print_plan([new, changed], out)
    [first, second, _] = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in stream.getvalue().splitlines()]
    assert len(first) == len(second) == 80
    assert first.startswith("  + create  SNS::Topic  News  nnn")
    assert first.endswith("n…")
    assert second.endswith("n…  (configuration changed)")


def test_a_query_narrows_json(capsys: pytest.CaptureFixture[str]) -> None:
    print_data({"functions": [{"name": "work"}]}, "functions[].name")
    assert capsys.readouterr().out == '[\n  "work"\n]\n'


def test_a_bad_query_is_an_error_with_a_hint() -> None:
    with pytest.raises(InputError, match="--query") as caught:
        print_data({}, "functions[")
    assert "JMESPath" in caught.value.hint


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["A=1", "B=x=y"], {"A": "1", "B": "x=y"}),
        (["A=1 B=2,3  C="], {"A": "1", "B": "2,3", "C": ""}),
        (["Greeting=hello there"], {"Greeting": "hello there"}),
        (["ParameterKey=A,ParameterValue=1 ParameterKey=B,ParameterValue=x,y"], {"A": "1", "B": "x,y"}),
    ],
)
def test_parameters_are_pairs_as_the_other_tools_take_them(given: list[str], meant: dict[str, str]) -> None:
    assert parse_overrides(given) == meant


def test_an_option_takes_all_pairs_that_follow_it() -> None:
    arguments = ["--parameter-overrides", "A=1", "B=2", "stack.yaml", "--parameter-overrides=C=3", "D=4"]
    option = "--parameter-overrides"
    assert spread(arguments) == [option, "A=1", option, "B=2", "stack.yaml", f"{option}=C=3", option, "D=4"]


@pytest.mark.parametrize("text", ["A", "=1", ""])
def test_a_parameter_that_is_no_pair_is_refused(text: str) -> None:
    with pytest.raises(click.UsageError, match="K=V"):
        parse_overrides([text])


def test_debugged_functions_get_ports() -> None:
    assert parse_debug(["a:9000", "b"]) == {"a": 9000, "b": 5679}


def test_a_missing_stack_file_is_named(tmp_path) -> None:
    with pytest.raises(InputError, match="no stack file"):
        find_stack(tmp_path / "nope.yaml")
