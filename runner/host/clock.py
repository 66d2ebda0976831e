"""The only reader of the clock."""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path

import psutil

STARTED = 19  # which field of /proc/self/stat, after the command's name, is the start; see proc(5)


class Clock:
    """Epoch seconds that run `pace` times faster than the wall clock, from the moment the process started.

    `now()` is domain time: due times, ages, timestamps. Durations of real work (a function's timeout) are measured
    with `elapsed()`, which pace does not touch.
    """

    def __init__(self, pace: float = 1.0) -> None:
        if not pace > 0:
            raise ValueError("pace must be positive")
        self.pace = pace
        self._epoch = time.time()
        self._start = time.monotonic()

    def now(self) -> float:
        return self._epoch + (time.monotonic() - self._start) * self.pace

    def catch_up(self, at: float) -> float:
        """Never be earlier than `at`, to which an earlier and faster run had come; returns by how many seconds."""
        ahead = max(0.0, at - self.now())
        self._epoch += ahead
        return ahead

    # Seconds of a monotonic clock, for measuring real durations: read several times for each invocation.
    elapsed = staticmethod(time.monotonic)
    # Epoch seconds as the machine's own clock has them: what a handler reads too.
    wall = staticmethod(time.time)

    def real(self, duration_s: float) -> float:
        """Real seconds that `duration_s` of domain time take."""
        return max(0.0, duration_s) / self.pace

    async def sleep_until(self, at: float) -> None:
        """Wait until `now()` reaches `at`; in slices, so that a changed wall clock is never trusted for long."""
        while (remaining := at - self.now()) > 0:
            await asyncio.sleep(min(self.real(remaining), 3600.0))


def process_age_s() -> float:
    """Seconds since this process was started, imports included.

    Linux tells the start in ticks since boot. The wall clock would make it up to a second too old: the time of boot is
    known in whole seconds only. Elsewhere the start is told exactly.
    """
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        return time.clock_gettime(time.CLOCK_BOOTTIME) - int(fields[STARTED]) / os.sysconf("SC_CLK_TCK")
    except (OSError, AttributeError, ValueError, IndexError):
        return time.time() - psutil.Process().create_time()
