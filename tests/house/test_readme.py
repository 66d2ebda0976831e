"""The README says what is so."""

from __future__ import annotations

import re
import shlex

from tests.generated import README, with_passages

TEXT = README.read_text()


def test_generated_passages_are_current() -> None:
    assert with_passages(TEXT) == TEXT, "run python -m tests.generated"


def test_both_commands_are_one_line_each() -> None:
    blocks = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)
    [run] = [block for block in blocks if "runner up stacks/orders/stack.yaml" in block]
    [check] = [block for block in blocks if "-m tests.check" in block]
    for command in (run, check):
        assert len(command.strip().splitlines()) == 1
        assert shlex.split(command)


def test_everything_it_points_to_exists() -> None:
    root = README.parent
    for path in re.findall(r"(?<![\w/.])(?:stacks|schemas|tests)/[\w./-]+\w", TEXT):
        assert (root / path).exists(), path
