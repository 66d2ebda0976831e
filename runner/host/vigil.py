"""Stays awake while calls follow each other.

A core that has nothing to do is put to sleep, and takes its time to wake up again: some 40 µs on a virtual machine,
a third of all that a warm invocation takes in here. Whoever calls in a loop calls again within a millisecond. So for
that long after an answer to such a caller the loop turns instead of waiting. At every turn it gives way to whatever
else wants the core, and while several invocations are in flight it does not turn: they keep it awake, and need it.

So a core is busy for as long as calls follow each other like this, and for a millisecond longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import os
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Protocol

from runner.host.clock import Clock

APART_S = 0.002  # calls that are answered so close to each other follow each other
STAY_S = 0.001
ONE = 1  # in flight: what is answered may still be counted, and who waits for the only one waits for us
QUOTA = Path("/sys/fs/cgroup/cpu.max")
give_way: Callable[[], None] = getattr(os, "sched_yield", partial(time.sleep, 0))


class Work(Protocol):
    """What goes on beside the answers."""

    in_flight: int


class Vigil:
    """`answered` after every answer. With one core to run on nothing is done: the caller needs that one."""

    def __init__(self, clock: Clock, work: Work, cores: float | None = None) -> None:
        self._elapsed = clock.elapsed
        self._work = work
        self._off = (usable_cores() if cores is None else cores) < 2
        self._last = -math.inf
        self._turning = False

    def answered(self) -> None:
        if self._off or self._work.in_flight > ONE:
            return
        now = self._elapsed()
        following, self._last = now - self._last < APART_S, now
        if following and not self._turning:
            self._turning = True
            asyncio.get_running_loop().call_soon(self._turn)

    def _turn(self) -> None:
        if self._work.in_flight > ONE or self._elapsed() - self._last > STAY_S:
            self._turning = False
            return
        give_way()
        asyncio.get_running_loop().call_soon(self._turn)


def usable_cores(quota: Path = QUOTA) -> float:
    """How many cores this process may use at once, as far as that can be told."""
    cores: float = os.cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    with contextlib.suppress(OSError, ValueError):
        allowed, period = quota.read_text().split()
        cores = min(cores, int(allowed) / int(period))  # without a limit it is the word "max"
    return cores
