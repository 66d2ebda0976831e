"""One stage for all tests of a file: starting interpreters is what takes time."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import pytest
import uvloop

from tests.runtime.functions.stage import DEADLINE_S, Stage, stage

T = TypeVar("T")


class Theatre:
    """A loop with a stage on it. `run` drives one coroutine to its end."""

    def __init__(self, runner: asyncio.Runner, on: Stage) -> None:
        self._runner = runner
        self.stage = on
        self._names = 0

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(asyncio.wait_for(work, DEADLINE_S * 2))

    def name(self) -> str:
        """A function name that nobody uses yet."""
        self._names += 1
        return f"f{self._names}"


@pytest.fixture(scope="module")
def theatre(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Theatre]:
    folder = tmp_path_factory.mktemp("stage")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        manager = stage(folder)
        on = runner.run(manager.__aenter__())
        try:
            yield Theatre(runner, on)
        finally:
            runner.run(manager.__aexit__(None, None, None))
