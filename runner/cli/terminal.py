"""Standard output that never makes the runner wait: a thread writes; a terminal that is stuck loses lines, not time."""

from __future__ import annotations

import os
import queue
import sys
import threading
from typing import IO, cast

PENDING_MAX = 2_000  # chunks that wait for a terminal that does not take them; later ones are dropped and counted
CLOSE_S = 2.0  # how long the end waits for them


class Terminal:
    """A text stream over a file descriptor. `write` collects, `flush` hands over; neither ever blocks."""

    def __init__(self, stream: IO[str]) -> None:
        self.encoding = str(getattr(stream, "encoding", None) or "utf-8")
        self.errors = "replace"
        self._stream = stream
        self._collected: list[str] = []
        self._chunks: queue.Queue[bytes | None] = queue.Queue(PENDING_MAX)
        self._dropped = 0
        self._thread = threading.Thread(target=self._run, args=(stream.fileno(),), name="terminal", daemon=True)
        self._thread.start()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()

    def write(self, text: str) -> int:
        self._collected.append(text)
        return len(text)

    def flush(self) -> None:
        """Hand over what was collected since."""
        if not self._collected:
            return
        text = "".join(self._collected)
        self._collected.clear()
        if self._dropped:
            text = f"({self._dropped} chunks of output were dropped: the terminal did not take them)\n{text}"
        try:
            self._chunks.put_nowait(text.encode(self.encoding, self.errors))
            self._dropped = 0
        except queue.Full:
            self._dropped += 1

    def close(self) -> None:
        """Write what is left, for a moment at most."""
        self.flush()
        try:
            self._chunks.put(None, timeout=CLOSE_S)
        except queue.Full:
            return
        self._thread.join(CLOSE_S)

    def _run(self, descriptor: int) -> None:
        while (chunk := self._chunks.get()) is not None:
            view = memoryview(chunk)
            try:
                while view:
                    view = view[os.write(descriptor, view) :]
            except OSError:  # nobody reads any more: there is nobody to tell either
                continue


def as_stream(terminal: Terminal) -> IO[str]:
    """For those who ask for a file: rich needs no more of it than a Terminal has."""
    return cast("IO[str]", terminal)


def standard_output() -> Terminal:
    """Standard output as a Terminal; where there is none, one that shows nothing."""
    if sys.stdout is None:
        return Terminal(open(os.devnull, "w"))
    sys.stdout.flush()
    return Terminal(sys.stdout)
