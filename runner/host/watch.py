"""Tells when files change: the kernel's notifications, gathered over a few tens of milliseconds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

from watchfiles import Change, awatch

log = logging.getLogger(__name__)

STEP_MS = 15  # quiet for this long: the save is complete
DEBOUNCE_MS = 200  # at most this long after the first of many changes
SWEEP_MS = 1000  # after watching began, until one look at everything
RETRY_S = 1.0  # until a watch that failed (a folder went away) is set up again
IGNORED_FOLDERS = frozenset(
    {".runner", ".git", "__pycache__", ".aws-sam", ".mypy_cache", ".pytest_cache", ".ruff_cache"}
)
IGNORED_SUFFIXES = (".pyc", ".pyo", ".swp", ".swx", "~", ".tmp", ".DS_Store")


def concerns(path: str) -> bool:
    """Whether a changed path can matter: not an editor's swap file, nor anything generated."""
    parts = Path(path).parts
    return not (IGNORED_FOLDERS.intersection(parts) or path.endswith(IGNORED_SUFFIXES) or parts[-1] == "4913")


class Watch:
    """Yields sets of changed paths; an empty set says that anything may have changed (watching began anew).

    What is watched may change at any time with `follow`.
    """

    def __init__(self, *, sweep_ms: int = SWEEP_MS) -> None:
        self._sweep_ms = sweep_ms
        self._folders: frozenset[Path] = frozenset()
        self._changed = asyncio.Event()

    def follow(self, paths: Iterable[Path]) -> None:
        """Watch these files and folders (recursively) from now on. A file is watched through its folder, so that
        editors that replace files on save are noticed."""
        folders = frozenset(_outermost({path if path.is_dir() else path.parent for path in paths}))
        if folders != self._folders:
            self._folders = folders
            self._changed.set()

    async def changes(self) -> AsyncIterator[frozenset[Path]]:
        """Never ends by itself; a failing watch is logged and set up again."""
        while True:
            self._changed.clear()
            folders = [folder for folder in self._folders if folder.is_dir()]
            if not folders:
                await self._changed.wait()
                continue
            try:
                async for changed in self._watch(folders):
                    yield changed
            except OSError:
                log.exception("Watching failed; trying again.", extra={"action": "watch_failed"})
                await asyncio.sleep(RETRY_S)

    async def _watch(self, folders: list[Path]) -> AsyncIterator[frozenset[Path]]:
        news: asyncio.Queue[frozenset[Path] | None] = asyncio.Queue()
        pump = asyncio.create_task(self._pump(folders, news), name="watch")
        # One look at everything after watching began: what changed while it was set up went unseen.
        sweep = asyncio.get_running_loop().call_later(self._sweep_ms / 1000, news.put_nowait, frozenset())
        try:
            while (changed := await news.get()) is not None:
                yield changed
            await pump
        finally:
            sweep.cancel()
            pump.cancel()
            await asyncio.gather(pump, return_exceptions=True)

    async def _pump(self, folders: list[Path], news: asyncio.Queue[frozenset[Path] | None]) -> None:
        """Hand on what changes until the folders to watch do; None is the end, also of a failure."""
        try:
            async for changed in awatch(
                *folders, watch_filter=_filter, debounce=DEBOUNCE_MS, step=STEP_MS, stop_event=self._changed
            ):
                news.put_nowait(frozenset(Path(path) for _, path in changed))
        finally:
            news.put_nowait(None)


def _filter(_change: Change, path: str) -> bool:
    return concerns(path)


def _outermost(folders: set[Path]) -> Iterable[Path]:
    """Folders without those that lie in another of them."""
    return (folder for folder in folders if not any(parent in folders for parent in folder.parents))
