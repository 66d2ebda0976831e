"""When the loop stays awake between calls, and when it does not."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest

from runner.host import vigil
from runner.host.vigil import APART_S, STAY_S, Vigil, usable_cores

WAIT_S = 10.0  # a bound on waiting for it to rest


class Hands:
    """A clock that is set by hand; while the loop turns it goes on by a tenth of the time that it may stay awake."""

    def __init__(self) -> None:
        self.at = 100.0

    def elapsed(self) -> float:
        return self.at


class Scene:
    def __init__(self, cores: float = 2) -> None:
        self.in_flight = 0
        self.hands = Hands()
        self.turns = 0
        self.vigil = Vigil(self.hands, self, cores)  # type: ignore[arg-type]

    def turn(self) -> None:
        self.turns += 1
        self.hands.at += STAY_S / 10

    def answer(self, after_s: float) -> None:
        self.hands.at += after_s
        self.vigil.answered()

    async def rest(self) -> int:
        """How often the loop turned until it rested."""
        async with asyncio.timeout(WAIT_S):
            while self.vigil._turning:
                await asyncio.sleep(0)
        return self.turns


def turns(monkeypatch: pytest.MonkeyPatch, act: Callable[[Scene], None], cores: float = 2) -> int:
    async def play() -> int:
        scene = Scene(cores)
        monkeypatch.setattr(vigil, "give_way", scene.turn)
        act(scene)
        return await scene.rest()

    return asyncio.run(play())


def two_close_answers(scene: Scene) -> None:
    scene.answer(1.0)
    scene.answer(APART_S / 2)


def test_it_stays_awake_after_calls_that_follow_each_other_but_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    assert 9 <= turns(monkeypatch, two_close_answers) <= 11


def test_a_call_in_a_while_does_not_keep_it_awake(monkeypatch: pytest.MonkeyPatch) -> None:
    def apart(scene: Scene) -> None:
        scene.answer(1.0)
        scene.answer(APART_S * 2)

    assert turns(monkeypatch, apart) == 0


def test_the_only_invocation_in_flight_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def taken(scene: Scene) -> None:
        two_close_answers(scene)
        scene.in_flight = 1

    assert turns(monkeypatch, taken) > 5


def test_it_does_not_take_a_core_from_several(monkeypatch: pytest.MonkeyPatch) -> None:
    def busy(scene: Scene) -> None:
        two_close_answers(scene)
        scene.in_flight = 2

    assert turns(monkeypatch, busy) == 0


def test_it_is_not_awake_where_there_is_one_core(monkeypatch: pytest.MonkeyPatch) -> None:
    assert turns(monkeypatch, two_close_answers, cores=1.5) == 0


def test_a_next_call_keeps_it_awake_for_as_long_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> int:
        scene = Scene()
        monkeypatch.setattr(vigil, "give_way", scene.turn)
        two_close_answers(scene)
        while scene.turns < 5:
            await asyncio.sleep(0)
        scene.answer(0.0)
        return await scene.rest()

    assert 14 <= asyncio.run(play()) <= 16


@pytest.mark.parametrize(
    ("text", "least", "most"),
    [
        ("150000 100000\n", 0.5, 1.5),
        ("50000 100000", 0.5, 0.5),
        ("max 100000", 1, 4096),
        ("?", 1, 4096),
        (None, 1, 4096),
    ],
)
def test_a_limit_of_the_machine_counts(tmp_path: Path, text: str | None, least: float, most: float) -> None:
    quota = tmp_path / "cpu.max"
    if text is not None:
        quota.write_text(text)
    assert least <= usable_cores(quota) <= most
