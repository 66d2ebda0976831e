"""Many events of a log as one value: a mark, how many, when each was, how long each is, and their texts.

Functions log tens of thousands of lines a second; one value for the lines of a few milliseconds costs a hundredth of
what one value a line costs.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence

MARK = b"\xff\x01"  # no text in UTF-8 begins like this
HEAD = 6  # bytes of the mark and of the number of events
COUNT = struct.Struct("<I")


def pack(times: Sequence[float], lengths: Sequence[int], text: str) -> bytes:
    """`text` is all messages, one after another; `lengths` says how many characters each has."""
    count = len(times)
    numbers = struct.pack(f"<I{count}d{count}I", count, *times, *lengths)
    return b"".join((MARK, numbers, text.encode("utf-8", "replace")))


def events_in(body: bytes) -> int:
    """How many events a value holds: 1 where it is no block."""
    return int(COUNT.unpack_from(body, len(MARK))[0]) if body.startswith(MARK) else 1


def unpack(body: bytes) -> list[tuple[float, str]]:
    """When each event of a block was, and its message."""
    count = events_in(body)
    numbers = struct.unpack_from(f"<{count}d{count}I", body, HEAD)
    text = body[HEAD + 12 * count :].decode("utf-8", "replace")
    events, start = [], 0
    for at, length in zip(numbers[:count], numbers[count:], strict=True):
        events.append((at, text[start : start + length]))
        start += length
    return events
