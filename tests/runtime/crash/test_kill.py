"""A real process, killed with no chance to tidy up, and its successor on the same store."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COUNT = 400
LIVES_MAX = 8


def lines_of(path: Path, count: int, enough: Callable[[list[str]], bool]) -> list[str]:
    """What a life of the process told, until `enough` of it; then it is killed."""
    command = [sys.executable, "-m", "tests.runtime.crash.accepting", str(path), str(count)]
    told: list[str] = []
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told.append(line.strip())
            if enough(told):
                process.kill()
                break
        # What reached the pipe before the kill was told, too.
        told += [line.strip() for line in process.stdout if line.endswith("\n")]
    return told


def named(told: list[str], what: str) -> set[str]:
    return {line.split()[1].removesuffix("/destination") for line in told if line.startswith(what)}


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 150, 399], ids=lambda count: f"after {count} were accepted")
def test_everything_accepted_before_the_kill_is_delivered_after_it(tmp_path: Path, after: int) -> None:
    path = tmp_path / "state.db"
    first = lines_of(path, COUNT, lambda told: sum(line.startswith("accepted") for line in told) >= after)
    accepted = named(first, "accepted")
    assert len(accepted) >= after
    second = lines_of(path, 0, lambda told: told[-1] == "finished all")
    missing = accepted - named(first, "delivered") - named(second, "delivered")
    assert not missing


@pytest.mark.slow
def test_killed_over_and_over_it_gets_to_the_end(tmp_path: Path) -> None:
    path, accepted, delivered = tmp_path / "state.db", set[str](), set[str]()
    for life in range(LIVES_MAX):
        last = life == LIVES_MAX - 1
        told = lines_of(path, COUNT if life == 0 else 0, lambda told, last=last: _enough(told, last=last))  # type: ignore[misc]
        accepted |= named(told, "accepted")
        delivered |= named(told, "delivered")
    assert accepted
    assert not accepted - delivered


def _enough(told: list[str], *, last: bool) -> bool:
    return told[-1] == "finished all" or (not last and len(told) >= 60)
