"""`plan` may be the first thing that is ever asked of a stack."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.running import RUNNER, copy_of, environment

pytestmark = pytest.mark.slow


def plan(stack: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [RUNNER, "plan", str(stack), *arguments]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=60, check=False)


def test_a_stack_that_was_never_deployed_is_planned(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    done = plan(stack, "--detailed-exitcode")
    assert (done.returncode, done.stderr) == (2, "")
    assert done.stdout.splitlines()[-1].startswith("Plan: 21 to create")


def test_a_plan_for_machines_can_be_queried(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    done = plan(stack, "--query", "[?type=='AWS::SNS::Topic'].name")
    assert (done.returncode, done.stdout) == (0, '[\n  "orders-charge-failures"\n]\n')
