"""The environments of one deployed version: carries out what the pool decides."""

from __future__ import annotations

import asyncio
import logging
import time
import uuid
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from runner.core.environment import Life
from runner.core.environment_lines import Format
from runner.core.pool import Action, Pool, Stop, Use, Why
from runner.host.process_groups import Groups
from runner.model.errors import ApiError
from runner.model.function import FunctionVersion
from runner.model.names import Place
from runner.runtime.functions.environment import ON_DEMAND, PROVISIONED, Environment
from runner.runtime.functions.invocation import Invocation
from runner.runtime.functions.launching import Launch, Launching
from runner.runtime.functions.logging import Journal
from runner.runtime.functions.terms import Terms
from runner.runtime.functions.variables import log_group, log_stream

log = logging.getLogger(__name__)

PROVISION_ATTEMPTS = 6  # failed inits after which provisioned concurrency gives up


class House(Protocol):
    """What the fleets share."""

    journal: Journal
    launching: Launching
    folder: Path
    groups: Groups | None
    init_limit_s: float

    def spawn(self, work: Coroutine[Any, Any, None]) -> None: ...

    def answered(self, invocation: Invocation) -> None: ...

    def awake(self, environment: Environment) -> None:
        """An environment that is not `watched` is not frozen any more."""

    def hungry(self, fleet: Fleet) -> None:
        """A fleet wants to start environments."""

    def start_ended(self) -> None:
        """A start is over, well or not."""


class Fleet:
    """Environments of `version`. Retired once the version is replaced; then it ends by itself."""

    def __init__(self, house: House, version: FunctionVersion, place: Place, *, limited: bool = True) -> None:
        self.version = version
        self.pool: Pool[Environment, Invocation] = Pool()
        config = version.config
        self.terms = Terms(
            name=version.name,
            version=version.version,
            runtime=config.runtime or "provided",
            region=place.region,
            timeout_s=float(config.timeout_s),
            memory_mb=config.memory_mb,
            storage_mb=config.ephemeral_storage.size_mb,
            group=log_group(version),
            form=Format.of(config.logging_config),
            handler=config.handler or "",
            account=place.account,
            limited=limited,
            init_limit_s=house.init_limit_s,
        )
        self.environments: set[Environment] = set()
        self.provision_failed = False
        self._house = house
        self._prepared: asyncio.Future[Launch] | None = None
        self._starting: set[Environment] = set()

    @property
    def ended(self) -> bool:
        return self.pool.retired and not self.environments and not sum(self.pool.pending.values())

    def submit(self, invocation: Invocation) -> None:
        """Run the invocation now, or as soon as an environment is there for it."""
        environment = self.pool.take()
        if environment is None:
            self.pool.wait(invocation)
            self._house.hungry(self)
            return
        self._use(environment, invocation)

    def grow(self, slots: int) -> int:
        """Start what is wanted, at most `slots`; returns how many. A debugger has one environment to itself."""
        if not self.terms.limited and (self.environments or sum(self.pool.pending.values())):
            return 0
        starts = self.pool.grow(slots)
        for start in starts:
            self._house.spawn(self._start(start.why))
        return len(starts)

    def provision(self, count: int) -> None:
        if count == self.pool.provisioned:
            return
        self.provision_failed = False
        self._carry_out(self.pool.provision(count))
        self._house.hungry(self)

    def expire(self, before: float) -> None:
        """End what has been idle since `before`."""
        old = {one for one in (*self.pool.idle, *self.pool.reset) if one.idle_since < before}
        if old:
            self._carry_out(self.pool.expire(old))

    def retire(self) -> list[Invocation]:
        """Take no more; returns the invocations that had no environment yet."""
        stops, waiting = self.pool.retire()
        self._carry_out(stops)
        for environment in list(self.environments):
            environment.stop()
        return waiting

    def kill(self) -> None:
        for environment in list(self.environments):
            environment.kill()

    # told by the environments

    def ready(self, environment: Environment) -> None:
        if self._starting:
            self._start_over(environment)
        if not environment.watched:
            self._house.awake(environment)
        actions = self.pool.ready(environment)
        if actions:
            self._carry_out(actions)

    def was_reset(self, environment: Environment) -> None:
        if environment in self._starting and environment in self.pool.kept:
            self.pool.provision_failures += 1
            if self.pool.provision_failures >= PROVISION_ATTEMPTS:
                self.provision_failed = True
                self.pool.provisioned = 0
        self._carry_out(self.pool.was_reset(environment))
        self._start_over(environment)

    def gone(self, environment: Environment) -> None:
        self.pool.forget(environment)
        self.environments.discard(environment)
        self._start_over(environment)
        self._house.hungry(self)

    def answered(self, environment: Environment, invocation: Invocation) -> None:
        if environment.life is Life.ANSWERED:
            self.pool.answered(environment)
        self._house.answered(invocation)

    def served(self, environment: Environment, invocation: Invocation) -> None:
        self._house.answered(invocation)
        actions = self.pool.ready(environment)
        if actions:
            self._carry_out(actions)

    def late(self, environment: Environment) -> None:
        """It answered, but does something else than to ask for more."""
        if environment in self.pool.soon:
            self.pool.late(environment)
            self._house.hungry(self)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        self._house.spawn(work)

    # doing

    def _use(self, environment: Environment, invocation: Invocation) -> None:
        environment.use(invocation)
        if not environment.watched:
            self._house.awake(environment)

    def _carry_out(self, actions: list[Action[Environment, Invocation]] | list[Stop[Environment]]) -> None:
        for action in actions:
            match action:
                case Use(environment, invocation):
                    self._use(environment, invocation)
                case Stop(environment):
                    environment.stop()

    async def _start(self, why: Why) -> None:
        try:
            launch = await self._launch()
            environment = self._environment(why)
        except Exception as error:
            log.exception("No environment of %s can be started.", self.version.name, extra={"action": "start_failed"})
            for invocation in self.pool.abandoned(why):
                self._house.answered(invocation)
                invocation.finish(ApiError("ServiceException", f"The function could not be started: {error}", 500))
            self._house.start_ended()
            return
        self.pool.started(environment, why)
        self.environments.add(environment)
        self._starting.add(environment)
        if self.pool.retired:
            environment.stop()
        await environment.start(launch)

    def _start_over(self, environment: Environment) -> None:
        if environment in self._starting:
            self._starting.discard(environment)
            self._house.start_ended()

    async def _launch(self) -> Launch:
        """The launch of this version, prepared once."""
        if self._prepared is None:
            self._prepared = asyncio.ensure_future(self._house.launching.prepare(self.version))
        try:
            return await asyncio.shield(self._prepared)
        except Exception:
            self._prepared = None
            raise

    def _environment(self, why: Why) -> Environment:
        number = uuid.uuid4().hex
        day = time.strftime("%Y/%m/%d", time.gmtime(self._house.journal.clock.now()))
        return Environment(
            self,
            self.terms,
            self._house.journal,
            folder=self._house.folder / number,
            stream=log_stream(self.version, day, number),
            kind=PROVISIONED if why is Why.PROVISIONED else ON_DEMAND,
            groups=self._house.groups,
        )
