"""Output goes out in order, and a reader that does not read holds nobody up."""

from __future__ import annotations

import os

from runner.cli.render import safe
from runner.cli.terminal import Terminal


def test_everything_is_written_in_order_by_the_end() -> None:
    reading, writing = os.pipe()
    with open(writing, "w") as stream:
        terminal = Terminal(stream)
        for index in range(1000):
            terminal.write(f"{index}\n")
            if index % 7 == 0:
                terminal.flush()
        terminal.close()
    with open(reading) as told:
        assert told.read().split() == [str(index) for index in range(1000)]


def test_a_reader_that_does_not_read_blocks_nobody() -> None:
    reading, writing = os.pipe()
    stream = open(writing, "w")  # noqa: SIM115 closed by hand: its thread is stuck in a write until then
    terminal = Terminal(stream)
    for _ in range(5000):
        terminal.write("x" * 1000)
        terminal.flush()  # far more than a pipe holds
    os.close(reading)
    terminal.close()
    stream.close()


def test_control_characters_of_a_line_are_shown_and_colours_kept() -> None:
    assert safe("\x1b[31mred\x1b[0m \x1b]0;title\x07\rnext\n") == "\x1b[31mred\x1b[0m \\x1b]0;title\\x07\nnext"
