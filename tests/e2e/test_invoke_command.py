"""`runner invoke` against a real `runner up`: by the names that a function has, and by those that it has not."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.running import DEADLINE_S, RUNNER, Running, environment

STACK = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  EchoFunction:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: echo
      Runtime: python3.11
      Handler: index.handler
      AutoPublishAlias: live
      InlineCode: |
        def handler(event, context):
            return [event, context.invoked_function_arn.rpartition("function:")[2]]
"""


@pytest.mark.slow
def test_a_function_is_invoked_by_any_of_its_names(tmp_path: Path) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text(STACK)

    def invoke(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [RUNNER, "invoke", *arguments, "--quiet", "--stack", str(stack)]
        return subprocess.run(
            command, capture_output=True, text=True, env=environment(), timeout=DEADLINE_S, check=False
        )

    arn = "arn:aws:lambda:us-east-1:000000000000:function:echo"
    with Running(stack):
        for name in ("echo", "EchoFunction", arn, "000000000000:function:echo"):
            assert invoke(name, "-p", "1").stdout == '[1, "echo"]\n', name
        for arguments in (("EchoFunction:live",), ("echo:live",), ("EchoFunction", "-q", "live"), (f"{arn}:live",)):
            assert invoke(*arguments).stdout == '[{}, "echo:live"]\n', arguments
        wrong = invoke("Echo")
        told = "error: There is no function 'Echo'.\nhint: Functions: echo (EchoFunction).\n"
        assert (wrong.returncode, wrong.stdout, wrong.stderr) == (1, "", told)
        assert "ResourceNotFoundException: Function not found" in invoke("EchoFunction:nope").stderr
