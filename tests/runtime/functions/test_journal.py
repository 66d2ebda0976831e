"""How the lines of environments are collected and handed on."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest

from runner.core.environment_lines import RANKS, Extension, Format
from runner.host.clock import Clock
from runner.runtime.functions.logging import EVENT_LIMIT, Journal, Output
from runner.runtime.functions.terms import Terms

TEXT = Format()
USUAL = [f"{kind} RequestId: " for kind in ("START", "END", "REPORT")]


class Kept:
    """A sink that keeps what it is given, piece by piece."""

    def __init__(self) -> None:
        self.pieces: list[tuple[str, list[str]]] = []
        self.times: list[float] = []
        self.broken = ""

    def write(self, function: str, group: str, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        if function == self.broken:
            raise RuntimeError("broken")
        self.pieces.append((stream, [line for _, line in lines]))
        self.times += [at for at, _ in lines]

    def of(self, stream: str) -> list[str]:
        return [line for name, lines in self.pieces for line in lines if name == stream]


class Scene:
    def __init__(self, form: Format = TEXT) -> None:
        self.kept = Kept()
        self.journal = Journal(self.kept, Clock())
        self.form = form
        self.asked = 0

    def output(self, name: str = "s", version: str = "$LATEST") -> Output:
        def memory() -> int:
            self.asked += 1
            return 40 + self.asked

        terms = Terms(name, version, "python3.11", "us-east-1", 3.0, 128, 512, "group", self.form)
        return Output(self.journal, terms, name, memory)


def acted(act: Callable[[Scene], None], form: Format = TEXT) -> Scene:
    """A scene in which something was done in one turn of a loop, and all was handed on."""

    async def play() -> Scene:
        scene = Scene(form)
        act(scene)
        scene.journal.flush()
        return scene

    return asyncio.run(play())


def call(output: Output, request_id: str, *, tail: bool = False) -> None:
    output.begin(request_id, tail=tail)
    output.done(request_id, 1.5)


def shapes(lines: Sequence[str]) -> list[str]:
    """Each line up to its id, with the id."""
    return [" ".join(line.split()[:3]) for line in lines]


@pytest.mark.parametrize("calls", [1, 2, 3, 50], ids=str)
def test_the_lines_of_calls_are_exact(calls: int) -> None:
    def act(scene: Scene) -> None:
        output = scene.output()
        for number in range(calls):
            call(output, f"id-{number}")

    scene = acted(act)
    assert shapes(scene.kept.of("s")) == [
        f"{kind} RequestId: id-{n}" for n in range(calls) for kind in ("START", "END", "REPORT")
    ]
    assert scene.kept.of("s")[2] == (
        "REPORT RequestId: id-0\tDuration: 1.50 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
        "Max Memory Used: 41 MB\t"
    )
    assert scene.kept.of("s")[0] == "START RequestId: id-0 Version: $LATEST"
    assert scene.asked == 1
    assert scene.kept.times == sorted(scene.kept.times)


def test_each_environment_is_handed_on_in_one_go_however_they_take_turns() -> None:
    def act(scene: Scene) -> None:
        outputs = [scene.output(name) for name in "abcd"]
        for number in range(50):
            for output in outputs:
                call(output, f"id-{number}")

    scene = acted(act)
    assert [stream for stream, _ in scene.kept.pieces] == ["a", "b", "c", "d"]
    assert all(len(lines) == 150 for _, lines in scene.kept.pieces)
    assert scene.asked == 4


def test_few_lines_of_several_environments_come_in_order_of_time() -> None:
    def act(scene: Scene) -> None:
        outer, inner = scene.output("outer"), scene.output("inner")
        outer.begin("1")
        outer.feed(b"calls\n")
        call(inner, "2")
        outer.feed(b"was called\n")
        outer.done("1", 1.0)

    scene = acted(act)
    assert [(stream, shapes(lines)) for stream, lines in scene.kept.pieces] == [
        ("outer", ["START RequestId: 1", "calls"]),
        ("inner", ["START RequestId: 2", "END RequestId: 2", "REPORT RequestId: 2"]),
        ("outer", ["was called", "END RequestId: 1", "REPORT RequestId: 1"]),
    ]


def test_output_stands_between_start_and_end_among_many_calls() -> None:
    expected: list[str] = []

    def act(scene: Scene) -> None:
        output = scene.output()
        for number in range(40):
            output.begin(f"id-{number}")
            lines = [f"said {number}"] if number % 10 == 9 else []
            for line in lines:
                output.feed(f"{line}\n".encode())
            if number == 25:
                output.platform(Extension("x", ("INVOKE",)))
                lines = ["EXTENSION Name: x"]
            output.done(f"id-{number}", 1.0, 5.0 if number == 0 else None)
            start, *rest = (f"{kind}id-{number}" for kind in USUAL)
            expected.extend([start, *lines, *rest])

    scene = acted(act)
    assert shapes(scene.kept.of("s")) == expected
    assert "Init Duration: 5.00 ms" in scene.kept.of("s")[2]
    assert scene.asked == 1
    assert scene.kept.times == sorted(scene.kept.times)


def test_a_failure_among_many_calls_says_so_in_its_place() -> None:
    def act(scene: Scene) -> None:
        output = scene.output()
        for number in range(9):
            output.begin(f"id-{number}")
            if number == 4:
                output.done("id-4", 3000.0, None, "timeout")
            else:
                output.done(f"id-{number}", 1.0)

    reports = [line for line in acted(act).kept.of("s") if line.startswith("REPORT")]
    assert [("Status: timeout" in line) for line in reports] == [number == 4 for number in range(9)]


def test_a_start_that_takes_its_time_is_shown_before_the_end() -> None:
    async def play() -> None:
        scene = Scene()
        output = scene.output(version="3")
        output.begin("1")
        scene.journal.flush()
        assert scene.kept.of("s") == []
        output.show_start()
        output.show_start()
        scene.journal.flush()
        assert scene.kept.of("s") == ["START RequestId: 1 Version: 3"]
        output.done("1", 1.0)
        scene.journal.flush()
        assert shapes(scene.kept.of("s")) == ["START RequestId: 1", "END RequestId: 1", "REPORT RequestId: 1"]

    asyncio.run(play())


def test_a_tail_holds_the_call_and_the_init_before_it() -> None:
    async def play() -> None:
        scene = Scene()
        output = scene.output()
        output.feed(b"init\n")
        output.begin("1", tail=True)
        output.feed(b"work\n")
        output.done("1", 1.5)
        tail = output.take_tail().decode()
        assert shapes(tail.splitlines()) == [
            "init",
            "START RequestId: 1",
            "work",
            "END RequestId: 1",
            "REPORT RequestId: 1",
        ]
        assert "Max Memory Used: 41 MB" in tail
        call(output, "2")
        output.begin("3", tail=True)
        output.done("3", 1.0)
        assert shapes(output.take_tail().decode().splitlines()) == [f"{kind}3" for kind in USUAL]
        scene.journal.flush()
        assert shapes(scene.kept.of("s"))[-6:] == [f"{kind}{n}" for n in (2, 3) for kind in USUAL]

    asyncio.run(play())


@pytest.mark.parametrize(
    ("level", "kinds"),
    [
        ("DEBUG", ["platform.start", "platform.runtimeDone", "platform.report"]),
        ("INFO", ["platform.start", "platform.report"]),
        ("WARN", []),
    ],
)
def test_levels_hold_for_the_json_format(level: str, kinds: list[str]) -> None:
    def act(scene: Scene) -> None:
        output = scene.output()
        for number in range(10):
            call(output, f"id-{number}")

    lines = acted(act, Format(json=True, system=RANKS[level])).kept.of("s")
    found = [json.loads(line) for line in lines]
    assert [event["type"] for event in found] == kinds * 10
    if kinds:
        assert found[-1]["record"]["requestId"] == "id-9"
        assert found[-1]["record"]["metrics"]["maxMemoryUsedMB"] == 41


def test_a_failure_is_kept_at_any_level() -> None:
    def act(scene: Scene) -> None:
        output = scene.output()
        output.begin("1")
        output.done("1", 1.0, None, "error", "Boom")

    lines = acted(act, Format(json=True, system=RANKS["WARN"])).kept.of("s")
    assert [json.loads(line)["record"]["errorType"] for line in lines] == ["Boom", "Boom"]


def test_lines_are_split_where_they_end_and_where_they_are_too_long() -> None:
    def act(scene: Scene) -> None:
        output = scene.output()
        output.feed(b"one\ntw")
        output.feed(b"o\n" + b"x" * (EVENT_LIMIT + 5))
        output.end_line()

    assert [len(line) for line in acted(act).kept.of("s")] == [3, 3, EVENT_LIMIT, 5]


def test_a_sink_that_fails_for_one_function_fails_for_no_other() -> None:
    def act(scene: Scene) -> None:
        scene.kept.broken = "a"
        outputs = [scene.output(name) for name in "ab"]
        for number in range(40):
            for output in outputs:
                call(output, str(number))

    scene = acted(act)
    assert scene.kept.of("a") == []
    assert len(scene.kept.of("b")) == 120


def test_lines_come_by_themselves() -> None:
    async def play() -> None:
        scene = Scene()
        call(scene.output(), "1")
        async with asyncio.timeout(5):
            while not scene.kept.pieces:
                await asyncio.sleep(0.001)

    asyncio.run(play())


def test_of_many_environments_some_are_asked_for_their_memory_at_a_time() -> None:
    async def play() -> None:
        scene = Scene()
        outputs = [scene.output(str(number)) for number in range(20)]
        for _ in range(2):
            for output in outputs:
                call(output, "1")
            scene.journal.flush()
        assert 20 < scene.asked < 40
        reports = [line for line in scene.kept.of("19") if line.startswith("REPORT")]
        assert not [line for line in reports if "Max Memory Used: 0 MB" in line]

    asyncio.run(play())


def test_lines_are_handed_on_right_after_the_answer_once_they_are_due() -> None:
    async def play() -> tuple[int, int, int]:
        scene = Scene()
        output = scene.output()
        call(output, "first")  # due: nothing was handed on for long
        at_once = len(scene.kept.pieces)
        await asyncio.sleep(0)
        then = len(scene.kept.pieces)
        call(output, "second")  # not due yet
        await asyncio.sleep(0)
        later = len(scene.kept.pieces)
        scene.journal.flush()
        return at_once, then, later

    assert asyncio.run(play()) == (0, 1, 1)


def test_lines_are_handed_on_where_no_answer_comes() -> None:
    async def play() -> None:
        scene = Scene()
        call(scene.output(), "first")
        await asyncio.sleep(0)
        output = scene.output("other")
        output.begin("second")
        output.feed(b"a line\n")
        async with asyncio.timeout(30):
            while not scene.kept.of("other"):
                await asyncio.sleep(0.001)
        assert shapes(scene.kept.of("other")) == ["START RequestId: second", "a line"]

    asyncio.run(play())
