"""IAM and CloudWatch Logs on a real store, for tests over HTTP."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path

from runner.host.clock import Clock
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.logs import LogService
from runner.store import SqliteStore, StateStore
from runner.wire.iam import Iam
from runner.wire.logs import Logs
from runner.wire.operation import Service
from runner.wire.sts import Sts


class Rooms:
    """Makes the rooms on a database in `folder`; the same folder again is the same data."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / "runner.db"
        self.logs: LogService
        self.deployment: Deployment

    async def __call__(self, held: AsyncExitStack) -> Sequence[Service]:
        place, clock = Place(), Clock()
        store = SqliteStore.open(self._path, clock=clock)
        held.push_async_callback(store.aclose)
        states = StateStore(store)
        self.deployment = Deployment(states, await states.load())
        self.logs = LogService(store, self.deployment, clock)
        held.push_async_callback(self.logs.close)
        return [Iam(self.deployment, place, clock), Logs(self.logs, self.deployment, place, clock), Sts(place, clock)]
