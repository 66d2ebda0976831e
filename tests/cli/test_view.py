"""What the terminal shows of functions' lines: all of few, and a count of what is beyond measure."""

from __future__ import annotations

import asyncio
import logging
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from runner.cli import view as view_module
from runner.cli.view import TerminalView

Told = Callable[[Callable[[TerminalView], None]], list[str]]


@pytest.fixture
def told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    """Lets something happen in a loop, and returns the lines that were shown."""
    path = tmp_path / "shown"
    root = logging.getLogger()
    before = root.handlers[:], root.level, logging.getLogger("runner").level

    def play(act: Callable[[TerminalView], None]) -> list[str]:
        async def inside() -> None:
            view = TerminalView()
            act(view)
            await asyncio.sleep(0)
            view.close()

        with path.open("w") as stream:
            monkeypatch.setattr(sys, "stdout", stream)
            asyncio.run(inside())
            monkeypatch.undo()
        return path.read_text().splitlines()

    yield play
    root.handlers[:] = before[0]
    root.setLevel(before[1])
    logging.getLogger("runner").setLevel(before[2])


def test_lines_are_shown_in_order(told: Told) -> None:
    def act(view: TerminalView) -> None:
        view.lines("a", ["one", "two\t"])
        view.lines("long", ["three"])

    assert told(act) == ["a | one", "a | two", "long | three"]


def test_lines_beyond_measure_are_counted(told: Told) -> None:
    def act(view: TerminalView) -> None:
        for number in range(30):
            view.lines("a", [f"{number}/{line}" for line in range(500)])

    shown = told(act)
    assert shown[:-1] == [f"a | {number}/{line}" for number in range(4) for line in range(500)]
    assert shown[-1] == "… 13,000 more lines of functions within a second: runner logs shows all of them"


def test_a_second_later_lines_are_shown_again(told: Told, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(view_module, "LINES_MAX", 2)

    def act(view: TerminalView) -> None:
        view.lines("a", ["1", "2", "3"])
        view._second -= 1.0  # the second is over
        view.lines("a", ["4"])

    assert told(act) == [
        "a | 1",
        "a | 2",
        "… 1 more line of functions within a second: runner logs shows all of them",
        "a | 4",
    ]
