"""Hot reload: a saved file becomes a new plan, and a good plan becomes State. A broken stack file changes nothing."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from runner.host.watch import Watch
from runner.loader.loading import LoadResult
from runner.model.errors import InputError
from runner.model.stack import Stack
from runner.planner import Plan
from runner.runtime.deploy import Deployer

log = logging.getLogger(__name__)

Load = Callable[[], LoadResult]


@dataclass(frozen=True, slots=True)
class Reloaded:
    """What one round came to: findings to print, and the plan that was carried out (None: the last good one stays)."""

    loaded: LoadResult | None
    plan: Plan | None
    error: InputError | None = None


class Reload:
    """Watches the files of a stack, and deploys again when one of them changes."""

    def __init__(self, load: Load, deployer: Deployer, watch: Watch, report: Callable[[Reloaded], None]) -> None:
        self._load = load
        self._deployer = deployer
        self._watch = watch
        self._report = report
        self._stack: Stack | None = None
        self._files: frozenset[Path] = frozenset()

    def begin(self, stack: Stack) -> None:
        """`stack` was deployed: watch what it was read from."""
        self._stack = stack
        self._files = frozenset(path.resolve() for path in (stack.path, *stack.files))
        self._watch.follow([*self._files, *code_folders(stack)])

    async def run(self) -> None:
        async for changed in self._watch.changes():
            try:
                outcome = await self.step(changed)
                if outcome is not None:
                    self._report(outcome)
            except Exception:
                log.exception("Reloading failed; what ran before goes on.", extra={"action": "reload_failed"})

    async def step(self, changed: frozenset[Path]) -> Reloaded | None:
        """One round for a set of changed paths (empty: anything). None if there was nothing to do."""
        loaded: LoadResult | None = None
        stack = self._stack
        # The stack file wins over code: what it says now decides which code counts.
        if stack is None or not changed or self._files & {path.resolve() for path in changed}:
            try:
                loaded = await asyncio.to_thread(self._load)
            except InputError as error:  # the file is gone, or cannot be read
                return Reloaded(None, None, error)
            if loaded.stack is None:
                return Reloaded(loaded, None)
            stack = loaded.stack
        try:
            plan = await self._deployer.apply(stack)
        except InputError as error:
            return Reloaded(loaded, None, error)
        self.begin(stack)
        return Reloaded(loaded, plan) if changed or not plan.empty else None


def code_folders(stack: Stack) -> Iterable[Path]:
    """Local code that the stack's functions and layers are made of."""
    return (resource.code for resource in stack.resources.values() if resource.code is not None)
