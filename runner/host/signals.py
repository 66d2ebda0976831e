"""Ctrl-C and SIGTERM: the first asks for an orderly end, the second ends at once."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

ENDING = (signal.SIGINT, signal.SIGTERM)


class Ending:
    """Set by the first signal. `at_once` runs before the process is ended by a second one."""

    def __init__(self, at_once: Callable[[], None]) -> None:
        self._asked = asyncio.Event()
        self._at_once = at_once

    def listen(self) -> None:
        loop = asyncio.get_running_loop()
        for number in ENDING:
            loop.add_signal_handler(number, self._on_signal, number)

    def ask(self) -> None:
        self._asked.set()

    async def wait(self) -> None:
        await self._asked.wait()

    def _on_signal(self, number: signal.Signals) -> None:
        if not self._asked.is_set():
            self._asked.set()
            return
        self._at_once()
        os._exit(128 + number)
