"""Everything that must hold before a commit: format, lint, types, floors, tests. `python -m tests.check [--fix]`."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
SCRIPTS = Path(PYTHON).parent

CHECKS = (
    ("format", [PYTHON, "-m", "ruff", "format", "--check", "."]),
    ("lint", [PYTHON, "-m", "ruff", "check", "."]),
    ("types", [PYTHON, "-m", "mypy"]),
    ("floors", [str(SCRIPTS / "lint-imports"), "--no-cache"]),
)
FIXES = (
    [PYTHON, "-m", "ruff", "check", "--fix", "."],
    [PYTHON, "-m", "ruff", "format", "."],
    [PYTHON, "-m", "tests.generated"],
)
TESTS = [PYTHON, "-m", "pytest", "-n", str(min(os.cpu_count() or 2, 4)), "--dist", "loadgroup"]


def main(arguments: list[str]) -> int:
    """Runs every check, then the tests, whose closing line comes last. 0 if all passed."""
    if "--fix" in arguments:
        for command in FIXES:
            subprocess.run(command, cwd=ROOT, check=False)
    failed = [name for name, command in CHECKS if subprocess.run(command, cwd=ROOT, check=False).returncode]
    if failed:
        print(f"failed: {', '.join(failed)}", flush=True)
    tests = subprocess.run(TESTS, cwd=ROOT, check=False).returncode
    return 1 if failed or tests else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
