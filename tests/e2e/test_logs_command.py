"""`runner logs` against a real `runner up`, while it runs and after it ended; functions that come through the API."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.running import DEADLINE_S, RUNNER, Running, environment

STACK = """\
Transform: AWS::Serverless-2016-10-31
Resources:
  Talker:
    Type: AWS::Serverless::Function
    Properties:
      FunctionName: talker
      Runtime: python3.11
      Handler: app.handler
      CodeUri: src
"""
HANDLER = """\
def handler(event, context):
    print(f"said {event['word']}")
    return event
"""

pytestmark = pytest.mark.slow


@pytest.fixture
def stack(tmp_path: Path) -> Path:
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "app.py").write_text(HANDLER)
    path = tmp_path / "stack.yaml"
    path.write_text(STACK)
    return path


def said(output: str) -> list[str]:
    return [line.partition("said ")[2].strip() for line in output.splitlines() if "said " in line]


def logs(stack: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [RUNNER, "logs", *arguments, "--stack", str(stack)]
    return subprocess.run(command, capture_output=True, text=True, env=environment(), timeout=DEADLINE_S, check=False)


def say(up: Running, word: str, name: str = "talker") -> None:
    up.client("lambda").invoke(FunctionName=name, Payload=json.dumps({"word": word}).encode())["Payload"].read()


def test_logs_are_read_searched_followed_and_kept(stack: Path) -> None:
    with Running(stack) as up:
        for word in ("one", "two"):
            say(up, word)
        assert said(logs(stack).stdout) == ["one", "two"]
        assert said(logs(stack, "Talker", "--filter", "two").stdout) == ["two"]
        assert said(logs(stack, "talker", "--since", "2000-01-01T00:00:00").stdout) == ["one", "two"]
        wrong = logs(stack, "nobody")
        assert (wrong.returncode, "There is no function and no log group 'nobody'." in wrong.stderr) == (1, True)
        command = [RUNNER, "logs", "talker", "-f", "--filter", "said", "--output", "json", "--stack", str(stack)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment()) as following:
            assert following.stdout is not None
            lines = [json.loads(following.stdout.readline()) for _ in range(2)]  # the past is there: it listens
            say(up, "three")
            lines.append(json.loads(following.stdout.readline()))
            following.terminate()
        assert [line["message"] for line in lines] == ["said one\n", "said two\n", "said three\n"]
        assert {line["function"] for line in lines} == {"talker"}
    assert said(logs(stack).stdout) == ["one", "two", "three"]
    stopped = logs(stack, "-f")
    assert (stopped.returncode, "nothing to follow" in stopped.stderr) == (3, True)


def test_a_function_made_through_the_api_survives_a_restart(stack: Path) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr("app.py", HANDLER)
    with Running(stack) as up:
        client = up.client("lambda")
        role = "arn:aws:iam::000000000000:role/r"
        code = {"ZipFile": buffer.getvalue()}
        given = {"Runtime": "python3.11", "Handler": "app.handler", "Role": role, "Code": code}
        client.create_function(FunctionName="made", **given)
        client.get_waiter("function_active_v2").wait(FunctionName="made", WaiterConfig={"Delay": 1})
        say(up, "hello", "made")
    with Running(stack) as up:
        say(up, "again", "made")
        assert said(logs(stack, "made").stdout) == ["hello", "again"]
