"""Blocks of log events come back as they went in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.core.call_lines import CallLines, Usual, lines_of
from runner.core.environment_lines import End, Report, Start
from runner.core.log_blocks import events_in, pack_calls, pack_lines, unpack

TEXTS = st.text()
TIMES = st.floats(0, 1e11)


@given(st.lists(st.tuples(TIMES, TEXTS), min_size=1))
def test_lines_come_back(lines: list[tuple[float, str]]) -> None:
    times, texts = zip(*lines, strict=True)
    body = pack_lines(times, [len(text) for text in texts], "".join(texts))
    assert unpack(body) == lines
    assert events_in(body) == len(lines)


def test_what_is_no_text_in_utf_8_takes_one_character() -> None:
    lines = ["a\ud800b", "c"]
    body = pack_lines([1.0, 2.0], [len(line) for line in lines], "".join(lines))
    assert unpack(body) == [(1.0, "a?b"), (2.0, "c")]


@given(st.lists(st.tuples(TIMES, TIMES, TEXTS, st.floats(0, 9e5)), min_size=1), TEXTS, st.integers(0, 10240))
def test_calls_come_back_as_their_lines(
    calls: list[tuple[float, float, str, float]], version: str, memory_mb: int
) -> None:
    lines = CallLines(Usual(version, memory_mb, 44), calls)
    body = pack_calls(lines)
    assert unpack(body) == [(at, f"{line}\n") for at, line in lines]
    assert events_in(body) == len(lines) == 3 * len(calls)


def test_a_value_without_a_mark_is_one_event() -> None:
    assert events_in(b"") == 1
    assert events_in("ÿ".encode()) == 1


def test_lines_of_calls_are_a_sequence() -> None:
    calls = [(float(number), number + 0.5, f"id-{number}", 1.25) for number in range(4)]
    lines = CallLines(Usual("7", 128, 31), calls)
    everything = list(lines)
    assert everything[:3] == [
        (0.0, "START RequestId: id-0 Version: 7"),
        (0.5, "END RequestId: id-0"),
        (
            0.5,
            "REPORT RequestId: id-0\tDuration: 1.25 ms\tBilled Duration: 2 ms\tMemory Size: 128 MB\t"
            "Max Memory Used: 31 MB\t",
        ),
    ]
    assert [lines[number] for number in range(12)] == everything
    assert lines[4:7] == everything[4:7]
    assert lines[-1] == everything[-1]
    assert [line for part in lines.parts(3) for line in part] == everything


def test_lines_say_what_the_events_say() -> None:
    done = (2.0, (1.0, "id", "$LATEST"), "id", 3.5, 256, 12.25, "error", "Runtime.ExitError")
    report = Report("id", 3.5, 256, 40, 12.25, "error", "Runtime.ExitError")
    texts = [Start("id", "$LATEST").text(), End("id", 3.5).text(), report.text()]
    assert [line for _, line in lines_of(done, 40)] == texts
    assert [at for at, _ in lines_of(done, 40)] == [1.0, 2.0, 2.0]
    assert len(lines_of((2.0, None, *done[2:]), 40)) == 2
