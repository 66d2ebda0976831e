"""The README's commands, as they stand there, in a shell: what a reader would type does what it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.running import DEADLINE_S, ROOT, Running, copy_of, environment

pytestmark = pytest.mark.slow

README = (ROOT / "README.md").read_text()
ENDPOINT = "http://127.0.0.1:4566"


def blocks() -> list[str]:
    """The shell passages that talk to a running stack."""
    return [block for block in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if re.search(r"^aws ", block, re.M)]


def script(up: Running) -> str:
    """All of them as one script, against the stack under test instead of the reader's."""
    text = "\n".join(blocks()).replace(ENDPOINT, up.endpoint)
    text = text.replace("stacks/orders/", f"{up.stack.parent}/").replace(".venv/bin/runner", "runner")
    return f"shopt -s expand_aliases\nset -e\n{text}"


def test_what_the_readme_says_to_type_works(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack, "--no-watch", "--pace", "60") as up:
        variables = environment() | {"PATH": f"{Path(sys.executable).parent}:{environment()['PATH']}"}
        done = subprocess.run(
            ["bash"],
            input=script(up),
            env=variables,
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        assert '"StatusCode": 202' in done.stdout
        assert '"FailedEntryCount": 0' in done.stdout
        assert "ReceiptHandle" in done.stdout
        assert "MD5OfMessageBody" in done.stdout
