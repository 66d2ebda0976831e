"""What functions logged, then what they log: one sequence without gaps or repeats, for `runner logs -f`."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

from runner.core.log_filter import compile_filter
from runner.model.errors import InputError
from runner.model.function import FunctionVersion
from runner.runtime.deployment import Deployment
from runner.runtime.function_names import called, functions, known
from runner.runtime.logs import LogEvent, LogService, Search, milliseconds, stored

BACKLOG = 100_000  # events that may wait for a slow reader; older ones are dropped


class LogTail:
    """Reads the logs of one function, of one group, or of all functions."""

    def __init__(self, logs: LogService, deployment: Deployment) -> None:
        self._logs = logs
        self._deployment = deployment

    async def events(self, name: str | None, search: Search, *, follow: bool) -> AsyncIterator[LogEvent]:
        """Events in order of time; with `follow` for ever. Raises InputError for a name that is nobody's, ApiError."""
        groups = await self._groups(name)
        waiting: asyncio.Queue[LogEvent] = asyncio.Queue(BACKLOG)
        stop = self._logs.subscribe(lambda event: _offer(waiting, event)) if follow else lambda: None
        try:
            seen: Counter[tuple[str, float, str]] = Counter()
            for event in await self._past(groups, search):
                seen[_mark(event)] += 1
                yield event
            matches = compile_filter(search.pattern)
            while follow:
                event = await waiting.get()
                shown = replace(event, message=stored(event.message)) if event.function else event
                if seen[_mark(shown)] > 0:  # it came while the past was read
                    seen[_mark(shown)] -= 1
                elif (name is None or shown.group in groups) and matches(shown.message) and _recent(shown, search):
                    yield shown
        finally:
            stop()

    async def _past(self, groups: dict[str, str], search: Search) -> list[LogEvent]:
        found: list[LogEvent] = []
        existing = set(await self._logs.groups())  # a function that never ran has no group yet
        for group, function in groups.items():
            if group not in existing:
                continue
            token: str | None = None
            while True:
                page = await self._logs.filter(group, search, token=token)
                found.extend(replace(event, function=function) for event in page.events)
                token = page.forward
                if token is None:
                    break
        return sorted(found, key=lambda event: event.at)

    async def _groups(self, name: str | None) -> dict[str, str]:
        """The groups that are meant, each with the name it is shown under."""
        state = self._deployment.state
        by_group = {group_of(deployed.noun): function for function, deployed in functions(state).items()}
        existing = await self._logs.groups()
        if name is None:
            return {group: by_group.get(group, group.removeprefix("/aws/lambda/")) for group in existing}
        if (meant := called(state, name)) is not None:
            return {group_of(meant): meant.name}
        for group in (name, f"/aws/lambda/{name}"):
            if group in existing:
                return {group: by_group.get(group, group.removeprefix("/aws/lambda/"))}
        raise InputError(f"There is no function and no log group {name!r}.", hint=known(state))


def group_of(noun: FunctionVersion) -> str:
    """The log group that a function writes to."""
    return noun.config.logging_config.log_group or f"/aws/lambda/{noun.name}"


def _offer(waiting: asyncio.Queue[LogEvent], event: LogEvent) -> None:
    if waiting.full():
        waiting.get_nowait()
    waiting.put_nowait(event)


def _mark(event: LogEvent) -> tuple[str, float, str]:
    return f"{event.group}/{event.stream}", event.at, event.message


def _recent(event: LogEvent, search: Search) -> bool:
    return search.from_ms is None or milliseconds(event.at) >= search.from_ms
