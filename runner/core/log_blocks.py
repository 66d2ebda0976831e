"""Many events of a log as one value. Functions log tens of thousands of lines a second; one value for the lines of a
few milliseconds costs a hundredth of what one value a line costs.

A block is a mark, how many events it holds, and columns: of lines when each was and how long it is, then their texts;
of calls what they have in common, when each began and ended, how long it took, how long its id is, then the ids.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from runner.core.call_lines import LINES, CallLines, Usual

MARK = b"\xff"  # no text in UTF-8 begins like this
OF_LINES = MARK + b"\x01"
OF_CALLS = MARK + b"\x02"
COUNT = struct.Struct("<2xI")
USUAL = struct.Struct("<IIH")  # memory, peak memory, bytes of the version's name


def events_in(body: bytes) -> int:
    """How many events a value holds: 1 where it is no block."""
    return int(COUNT.unpack_from(body)[0]) if body.startswith(MARK) else 1


def pack_lines(times: Sequence[float], lengths: Sequence[int], text: str) -> bytes:
    """`text` is all messages, one after another; `lengths` says how many characters each has."""
    count = len(times)
    numbers = struct.pack(f"<I{count}d{count}I", count, *times, *lengths)
    return b"".join((OF_LINES, numbers, text.encode("utf-8", "replace")))


def pack_calls(lines: CallLines) -> bytes:
    usual, count = lines.usual, len(lines.calls)
    began, ended, ids, durations = zip(*lines.calls, strict=True)
    version = usual.version.encode()
    head = USUAL.pack(usual.memory_mb, usual.peak_mb, len(version))
    numbers = struct.pack(f"<{count}d{count}d{count}d{count}H", *began, *ended, *durations, *map(len, ids))
    total = struct.pack("<I", LINES * count)
    return b"".join((OF_CALLS, total, head, version, numbers, "".join(ids).encode("utf-8", "replace")))


def unpack(body: bytes) -> list[tuple[float, str]]:
    """When each event of a block was, and its message, line end included."""
    if body.startswith(OF_CALLS):
        return [(at, line + "\n") for at, line in _calls(body)]
    count = events_in(body)
    numbers = struct.unpack_from(f"<{count}d{count}I", body, COUNT.size)
    texts = _texts(body[COUNT.size + 12 * count :], numbers[count:])
    return list(zip(numbers[:count], texts, strict=True))


def _calls(body: bytes) -> CallLines:
    count = events_in(body) // LINES
    memory_mb, peak_mb, size = USUAL.unpack_from(body, COUNT.size)
    start = COUNT.size + USUAL.size + size
    version = body[start - size : start].decode()
    numbers = struct.unpack_from(f"<{3 * count}d{count}H", body, start)
    began, ended, durations = (numbers[n * count : (n + 1) * count] for n in range(3))
    ids = _texts(body[start + 26 * count :], numbers[3 * count :])
    return CallLines(Usual(version, memory_mb, peak_mb), list(zip(began, ended, ids, durations, strict=True)))


def _texts(data: bytes, lengths: Sequence[int]) -> Iterator[str]:
    text, start = data.decode("utf-8", "replace"), 0
    for length in lengths:
        yield text[start : start + length]
        start += length
