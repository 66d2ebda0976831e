"""Reading beside the writer: what goes through many rows must hold up neither the event loop nor a commit.

A reader sees what is committed, which is everything that was answered.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from runner.store.database import raw_connection

T = TypeVar("T")


class Reader:
    """One thread with a connection of its own, opened when it is first needed."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "store-read")
        self._connection: sqlite3.Connection | None = None

    async def read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, self._read, work)

    def _read(self, work: Callable[[sqlite3.Connection], T]) -> T:
        if self._connection is None:
            self._connection = raw_connection(self._path)
            self._connection.execute("PRAGMA query_only = 1")
        return work(self._connection)

    def close(self) -> None:
        """To be called before the writer closes, who is last to leave and folds the write-ahead log."""
        self._thread.shutdown(wait=True)
        if self._connection is not None:
            self._connection.close()
