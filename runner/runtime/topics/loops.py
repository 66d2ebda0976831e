"""One loop for each engine queue that holds something: it ends when there is nothing left, and begins again."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Protocol

from runner.store.ports import Queues

log = logging.getLogger(__name__)

BACK_OFF_S = 1.0  # real seconds after an error of our own


class Step(Protocol):
    """Do what is due in a queue, waiting for the first message; how many messages that was."""

    def __call__(self, queue: str) -> Awaitable[int]: ...


class QueueLoops:
    """Runs `step` for every queue under `prefix`; `start` tells of a queue that was sent to."""

    def __init__(self, store: Queues, prefix: str, step: Step) -> None:
        self._store = store
        self._prefix = prefix
        self._step = step
        self._running: dict[str, asyncio.Task[None]] = {}
        self._tasks: asyncio.TaskGroup | None = None

    async def run(self, *beside: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Work off what there is and will be, and run `beside`, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for other in beside:
                tasks.create_task(other())
            for queue in await self._store.queues(self._prefix):
                self.start(queue)
            await asyncio.Event().wait()

    def start(self, queue: str) -> None:
        """To be called after every send; nothing happens where the queue's loop runs, or before `run`."""
        if self._tasks is not None and queue not in self._running:
            loop = self._loop(queue)
            try:
                self._running[queue] = self._tasks.create_task(loop, name=queue)
            except RuntimeError:  # the group is ending: what was sent is handed out after the next start
                loop.close()

    async def _loop(self, queue: str) -> None:
        while True:
            try:
                if not await self._step(queue) and not await self._holds(queue):
                    return
            except Exception:
                log.exception("Handing out what %s holds failed and is tried again.", queue)
                await asyncio.sleep(BACK_OFF_S)

    async def _holds(self, queue: str) -> bool:
        """Whether anything is left, also for later, and nobody else is at it.

        The loop counts as over before it asks: a message that is sent meanwhile begins a new one.
        """
        task, left = self._running.pop(queue), True
        try:
            left = queue in await self._store.queues(queue)
        finally:
            if left:
                left = self._running.setdefault(queue, task) is task
        return left
