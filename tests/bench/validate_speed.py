"""How long a whole `validate` process takes on a stack of ten functions, beside cfn-lint and `sam validate --lint`.

    python tests/bench/validate_speed.py [--runs 7]

Each is run on the same file in turn, bytecode cached; the middle and best times are printed. What is not installed is
left out.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HEAD = """\
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Description: Ten functions
Parameters:
  Stage: {Type: String, Default: dev, AllowedValues: [dev, prod]}
Globals:
  Function:
    Timeout: 10
    Runtime: python3.12
    Handler: index.handler
    Environment: {Variables: {STAGE: !Ref Stage}}
Resources:
  Bus: {Type: "AWS::Events::EventBus", Properties: {Name: !Sub "${AWS::StackName}-bus"}}
  Dead: {Type: "AWS::SQS::Queue"}
"""
FUNCTION = """\
  Queue{n}:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {{deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 3}}
  Function{n}:
    Type: AWS::Serverless::Function
    Properties:
      InlineCode: |
        def handler(event, context):
            return event
      MemorySize: 256
      AutoPublishAlias: live
      Policies:
        - EventBridgePutEventsPolicy: {{EventBusName: !Ref Bus}}
      EventInvokeConfig:
        MaximumRetryAttempts: 1
        DestinationConfig: {{OnFailure: {{Type: SQS, Destination: !GetAtt Dead.Arn}}}}
      Events:
        Jobs: {{Type: SQS, Properties: {{Queue: !GetAtt Queue{n}.Arn, BatchSize: 5}}}}
        Placed:
          Type: EventBridgeRule
          Properties:
            EventBusName: !Ref Bus
            Pattern: {{source: [shop], detail-type: [Placed{n}]}}
        Nightly: {{Type: Schedule, Properties: {{Schedule: 'cron(0 2 * * ? *)'}}}}
"""
TAIL = """\
Outputs:
  Bus: {Value: !GetAtt Bus.Arn}
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=7)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        stack = Path(folder) / "template.yaml"
        stack.write_text(HEAD + "".join(FUNCTION.format(n=n) for n in range(10)) + TAIL, encoding="utf-8")
        environment = {
            **os.environ,
            "PYTHONPYCACHEPREFIX": str(Path(folder) / "pyc"),
            "AWS_DEFAULT_REGION": "us-east-1",
        }
        environment.pop("PYTHONDONTWRITEBYTECODE", None)
        environment["SAM_CLI_TELEMETRY"] = "0"
        found: dict[str, list[float]] = {}
        for name, command in _commands(stack).items():
            times = [_run(command, folder, environment) for _ in range(arguments.runs + 1)]
            found[name] = [wall for wall, _ in times[1:]]  # the first one writes the bytecode
            middle, best = statistics.median(found[name]) * 1000, min(found[name]) * 1000
            busy = min(cpu for _, cpu in times[1:]) * 1000
            print(f"{name:28} middle {middle:7.0f} ms, best {best:7.0f} ms, processor {busy:7.0f} ms")
        others = {name: min(times) for name, times in found.items() if name != "runner validate"}
        if others:
            fastest = min(others, key=others.__getitem__)
            print(f"{others[fastest] / min(found['runner validate']):.1f} times faster than {fastest}")
    return 0


def _commands(stack: Path) -> dict[str, list[str]]:
    beside = Path(sys.executable).parent
    runner = shutil.which("runner", path=str(beside)) or shutil.which("runner")
    lint = shutil.which("cfn-lint", path=str(beside)) or shutil.which("cfn-lint")
    sam = shutil.which("sam", path=str(beside)) or shutil.which("sam")
    commands = {"runner validate": [runner or "runner", "validate", str(stack)]}
    if lint:
        commands["cfn-lint"] = [lint, str(stack)]
    if sam:
        commands["sam validate --lint"] = [sam, "validate", "--lint", "-t", str(stack)]
    return commands


def _run(command: list[str], folder: str, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds by the clock, and seconds of processor time."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.perf_counter()
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )
    took = time.perf_counter() - started
    if done.returncode not in (0, 4, 6):  # cfn-lint gives 4 for warnings
        raise SystemExit(f"{command[0]}: {done.returncode}\n{done.stdout}\n{done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return took, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    raise SystemExit(main())
