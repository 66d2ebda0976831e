# ruff: noqa: E501
"""Hostile and huge files: findings in time. The times themselves are measured in tests/bench/validate_bounds.py."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from tests.loader.findings import check_text

QUEUE = "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"


def _parameter(pattern: str, default: str) -> str:
    return f"Parameters: {{P: {{Type: String, AllowedPattern: '{pattern}', Default: '{default}'}}}}\n" + QUEUE


def _resources(count: int, properties: str, type_: str = "AWS::SQS::Queue") -> str:
    one = "  Q{}: {{Type: '" + type_ + "', Properties: {{" + properties + "}}}}\n"
    return "Resources:\n" + "".join(one.format(n, n) for n in range(count))


def _sub(text: str) -> str:
    return QUEUE + f'Outputs: {{O: {{Value: !Sub "{text}"}}}}\n'


CASES: Mapping[str, Callable[[], str]] = {
    "a hundred thousand lines of comments": lambda: QUEUE + "# note\n" * 100_000,
    "a hundred thousand items": lambda: QUEUE + "Metadata:\n  L:\n" + "  - a\n" * 100_000,
    "a hundred thousand keys": lambda: QUEUE + "Metadata:\n" + "".join(f" k{n}: 1\n" for n in range(80_000)),
    "a hundred thousand lines of one key": lambda: QUEUE + "Metadata:\n" + " k: 1\n" * 100_000,
    "a hundred thousand outputs": lambda: QUEUE + "Outputs:\n" + "".join(f" O{n}: {{Value: a}}\n" for n in range(40_000)),
    "a hundred thousand brackets": lambda: QUEUE + "Metadata: " + "[" * 100_000,
    "a hundred thousand braces": lambda: QUEUE + "Metadata: " + "{a: " * 100_000,
    "a hundred thousand dashes": lambda: QUEUE + "Metadata: {}\nX:\n" + "- " * 100_000,
    "an anchor bomb": lambda: "a0: &a0 [x, x]\n" + "".join(f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 60)),
    "an anchor bomb within the bound": lambda: (
        QUEUE + "Metadata:\n a0: &a0 [x, x]\n" + "".join(f" a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 16))
    ),
    "an anchor bomb in properties": lambda: (
        "Resources:\n  Q:\n    Type: AWS::SQS::Queue\n    Metadata:\n      a0: &a0 [x, x]\n"
        + "".join(f"      a{n}: &a{n} [*a{n - 1}, *a{n - 1}]\n" for n in range(1, 15))
    ),
    "merges of merges": lambda: QUEUE + "Metadata:\n a0: &a0 {k: v}\n" + "".join(f" a{n}: &a{n} {{<<: *a{n - 1}, k{n}: v}}\n" for n in range(1, 700)),
    "a line of a megabyte": lambda: QUEUE + "Description: " + "x" * 900_000,
    "a key of a megabyte": lambda: QUEUE + "x" * 900_000 + ": 1\n",
    "a name of a megabyte": lambda: "Resources: {Q: {Type: 'AWS::Lambda::Alias', Properties: {FunctionName: f, FunctionVersion: '1', Name: '" + "a" * 900_000 + "!'}}}\n",
    "a type of a megabyte": lambda: "Resources: {Q: {Type: '" + "A" * 900_000 + "'}}\n",
    "a number of a megabyte": lambda: "Resources: {Q: {Type: 'AWS::SQS::Queue', Properties: {DelaySeconds: " + "9" * 900_000 + "}}}\n",
    "variables that never end": lambda: _sub("${" + " " * 400_000),
    "variables within variables": lambda: _sub("${" * 400_000),
    "a hundred thousand variables": lambda: _sub("${a}" * 100_000),
    "a hundred thousand known variables": lambda: _sub("${Q}" * 100_000),
    "a reference that never ends": lambda: QUEUE + "Outputs: {O: {Value: '" + "{{resolve:ssm:" * 60_000 + "'}}\n",
    "five hundred unknown names": lambda: _resources(500, "QueueName: !Ref Nq{}"),
    "five hundred unknown types": lambda: _resources(500, "QueueName: q{}", "AWS::SQS::Queux"),
    "five hundred foreign types": lambda: _resources(500, "QueueName: q{}", "AWS::Nothing::LikeThisAtAll"),
    "five hundred unknown properties": lambda: _resources(500, "QueueNam: q{}"),
    "five hundred queues in a circle": lambda: "Resources:\n" + "".join(
        f"  Q{n}: {{Type: 'AWS::SQS::Queue', Properties: {{QueueName: !GetAtt Q{(n + 1) % 400}.QueueName}}}}\n" for n in range(400)
    ),
    "five hundred queues in a row": lambda: "Resources:\n" + "".join(
        f"  Q{n}: {{Type: 'AWS::SQS::Queue', Properties: {{QueueName: !GetAtt Q{n + 1}.QueueName}}}}\n" for n in range(400)
    ) + "  Q400: {Type: 'AWS::SQS::Queue'}\n",
    "conditions in a row": lambda: "Conditions:\n" + "".join(
        f"  C{n}: !Not [!Condition C{n + 1}]\n" for n in range(2000)
    ) + "  C2000: !Equals [a, a]\n" + QUEUE,
    "conditions that double": lambda: "Conditions:\n  C0: !Equals [a, a]\n" + "".join(
        f"  C{n}: !And [!Condition C{n - 1}, !Condition C{n - 1}]\n" for n in range(1, 500)
    ) + QUEUE,
    "a loop of loops": lambda: (
        "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::A: [A, [" + ", ".join(f"a{n}" for n in range(300)) + "], {'Fn::ForEach::B': [B, ["
        + ", ".join(f"b{n}" for n in range(300)) + "], {'Q${A}${B}': {Type: 'AWS::SQS::Queue'}}]}]\n"
    ),
    "a regular expression that explodes": lambda: _parameter("(a+)+$", "a" * 60 + "!"),
    "a regular expression that explodes by alternatives": lambda: _parameter("(a|a)*$", "a" * 60 + "!"),
    "a regular expression of many stars": lambda: _parameter(".*.*.*.*.*x", "a" * 4000),
    "a regular expression of many groups": lambda: _parameter("(" * 90 + ")" * 90, "a"),
    "a pattern of many wildcards": lambda: "Resources: {R: {Type: 'AWS::Events::Rule', Properties: {EventPattern: {source: [{wildcard: '" + "*a" * 2000 + "'}]}}}}\n",
    "a pattern of many alternatives": lambda: (
        "Resources: {R: {Type: 'AWS::Events::Rule', Properties: {EventPattern: {" + ", ".join(f"a{n}: [{', '.join(str(m) for m in range(100))}]" for n in range(100)) + "}}}}\n"
    ),
    "a pattern of many ors": lambda: (
        "Resources: {R: {Type: 'AWS::Events::Rule', Properties: {EventPattern: {detail: {" + ", ".join(f"d{n}: {{$or: [{{a: [1]}}, {{b: [1]}}]}}" for n in range(30)) + "}}}}}\n"
    ),
    "a schedule of every second year": lambda: "Resources: {R: {Type: 'AWS::Events::Rule', Properties: {ScheduleExpression: 'cron(0 0 29 2 ? 1971,1973,2199)'}}}\n",
    "addresses without end": lambda: QUEUE + "Outputs: {O: {Value: !Join ['', !Cidr ['::/0', 256, 1]]}}\n",
    "a select far away": lambda: QUEUE + "Outputs: {O: {Value: !Select [" + "9" * 5000 + ", [a]]}}\n",
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", CASES)
def test_hostile_files(tmp_path: Path, name: str) -> None:
    checked = check_text(tmp_path, CASES[name]())
    assert checked.document is not None
