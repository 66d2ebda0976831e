"""Runs functions: routes each invocation to its version, admits or throttles it, keeps fleets in line with State."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import math
import os
import random
import resource
import shutil
from collections.abc import Coroutine, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from runner.core.environment import Life
from runner.core.pool_admission import Admission, Limits, Throttle
from runner.host.clock import Clock
from runner.host.process_groups import Groups
from runner.model.errors import ApiError
from runner.model.function import Alias, FunctionVersion
from runner.model.names import LATEST, Place, function_reference
from runner.model.state import State
from runner.runtime.deployment import Deployment
from runner.runtime.functions.environment import Environment
from runner.runtime.functions.fleet import Fleet
from runner.runtime.functions.invocation import Invocation
from runner.runtime.functions.launching import Artifacts, Launching
from runner.runtime.functions.logging import Journal, LogSink
from runner.runtime.functions.routing import Route, route
from runner.runtime.functions.terms import INIT_LIMIT_S
from runner.runtime.invoking import Answer, Call, Done

log = logging.getLogger(__name__)

FREEZE_AFTER_S = 0.05  # idle for this long, then stopped: not between calls that follow each other closely
WATCH_S = 0.05  # how often environments are looked at while any of them is awake
EXPIRE_AFTER_S = 300.0  # idle for this long, then ended
SUPERSEDED_AFTER_S = 5.0  # the same for a version that no alias points to: each save publishes one
EXPIRE_EVERY_S = 5.0
STARTS_PER_CORE = 2  # environments that may be starting at once
OPEN_FILES = (65_536, 10_240)  # what the runner allows itself: the first that the machine allows
SHARED = ("bytecode", "debugger", "opt", "sdk")  # folders that outlive a run: made once, used by all
END_S = 5.0  # how long environments may take to be gone after they were killed


class Functions:
    """The Invoker. `run` has to be running for anything to start; `close` ends everything in order."""

    def __init__(
        self,
        deployment: Deployment,
        code: Artifacts,
        logs: LogSink,
        place: Place,
        clock: Clock,
        *,
        folder: Path,
        debug: Mapping[str, int] | None = None,
        init_limit_s: float = INIT_LIMIT_S,
    ) -> None:
        self.clock = clock
        self.folder = folder / f"run-{os.getpid()}"
        self._shared = folder
        self.journal = Journal(logs, clock)
        self.launching = Launching(folder, code, place, debug or {})
        self.groups: Groups | None = None
        self.init_limit_s = init_limit_s
        self._debug = debug or {}
        self._deployment = deployment
        self._place = place
        self._admission = Admission()
        self._fleets: dict[tuple[str, str], Fleet] = {}
        self._retiring: set[Fleet] = set()
        self._routes: dict[tuple[str, str | None], tuple[str, Fleet | None, Route]] = {}
        self._hungry: dict[Fleet, None] = {}
        self._starting = 0
        self._max_starting = STARTS_PER_CORE * (os.cpu_count() or 2)
        self._awake: set[Environment] = set()
        self._watch: asyncio.TimerHandle | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._backlog: list[Coroutine[Any, Any, None]] = []
        self.in_flight = 0
        self._changed = asyncio.Event()
        self._closing = False
        deployment.subscribe(self._deployed)

    # the Invoker

    def invoke(self, call: Call) -> asyncio.Future[Answer]:
        """Run a function. The future raises ApiError if there is no such function or it is throttled."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self.begin(call, partial(_settle, future))
        return future

    def begin(self, call: Call, done: Done) -> None:
        """The same without a future: `done` is called with what it would hold or raise."""
        try:
            arn, fleet = self._target(call)
            if self._closing:
                raise ApiError("ServiceException", "The runner is ending.", 500)
            now = self.clock.elapsed() if call.synchronous else None
            share = self._admission.admit(call.function, now, fleet.pool.provisioned_free)
            if isinstance(share, Throttle):
                raise _throttled(share)
        except ApiError as error:
            done(error)
            return
        self.in_flight += 1
        fleet.submit(Invocation(call, arn, done, share))

    def provisioned(self, function: str, version: str) -> tuple[int, str]:
        """How many environments of provisioned concurrency stand ready, and why no more will (empty: there is time)."""
        fleet = self._fleets.get((function, version))
        if fleet is None:
            return 0, ""
        return fleet.pool.available, "FUNCTION_ERROR_INIT_FAILURE" if fleet.provision_failed else ""

    def _target(self, call: Call) -> tuple[str, Fleet]:
        """The ARN of what is called, and the fleet that serves it this time. Raises ApiError."""
        arn, fleet, way = self._routes.get((call.function, call.qualifier)) or self._resolve(call)
        return arn, fleet if fleet is not None else self._fleet(way.pick(random.random()))

    def _resolve(self, call: Call) -> tuple[str, Fleet | None, Route]:
        """The way of a call: its ARN, its fleet where it is always the same, and its route. Raises ApiError."""
        way = route(self._deployment.state, self._place, call.function, call.qualifier)
        single = self._fleet(way.weights[0][0]) if len(way.weights) == 1 else None
        found = self._routes[call.function, call.qualifier] = (way.arn, single, way)
        return found

    def _fleet(self, version: FunctionVersion) -> Fleet:
        key = (version.name, version.version)
        fleet = self._fleets.get(key)
        if fleet is None:
            limited = version.name not in self._debug
            fleet = self._fleets[key] = Fleet(self, version, self._place, limited=limited)
        return fleet

    # what the fleets share

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        if self._tasks is None:
            self._backlog.append(work)
        else:
            self._tasks.create_task(_guarded(work))

    def answered(self, invocation: Invocation) -> None:
        self.in_flight -= 1
        self._admission.release(invocation.call.function, invocation.share)
        if self._closing:
            self._changed.set()

    def awake(self, environment: Environment) -> None:
        environment.watched = True
        self._awake.add(environment)
        if self._watch is None:
            self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._look)

    def hungry(self, fleet: Fleet) -> None:
        self._hungry[fleet] = None
        self._grow()

    def start_ended(self) -> None:
        self._starting -= 1
        self._grow()

    def _grow(self) -> None:
        """Hand out starts to those who wait for them, in turn; bounded, so that a herd does not run the machine."""
        while self._hungry and self._starting < self._max_starting:
            fleet = next(iter(self._hungry))
            del self._hungry[fleet]
            count = fleet.grow(1)
            self._starting += count
            if count:
                self._hungry[fleet] = None

    # time

    def _look(self) -> None:
        """Freeze what is idle, watch what is busy."""
        self._watch = None
        before = self.clock.elapsed() - FREEZE_AFTER_S
        for environment in list(self._awake):
            if environment.life is Life.IDLE:
                if environment.idle_since < before:
                    environment.freeze()
                    self._unwatch(environment)
            elif environment.life in (Life.BUSY, Life.DRAINING, Life.RESTARTING):
                environment.check()
            elif environment.life is Life.ANSWERED:
                if environment.idle_since < before:
                    environment.owner.late(environment)
            else:
                self._unwatch(environment)
        if self._awake:
            self._watch = asyncio.get_running_loop().call_later(WATCH_S, self._look)

    def _unwatch(self, environment: Environment) -> None:
        environment.watched = False
        self._awake.discard(environment)

    async def run(self) -> None:
        """Prepare what will be needed and expire what is not used, until cancelled."""
        allow_open_files()
        self.groups = Groups.here()
        self.launching.leftovers += [str(self.folder), *([str(self.groups.folder)] if self.groups else [])]
        await asyncio.to_thread(self._sweep)
        try:
            async with asyncio.TaskGroup() as tasks:
                self._tasks = tasks
                for work in self._backlog:
                    tasks.create_task(_guarded(work))
                self._backlog.clear()
                tasks.create_task(self._warm(), name="warm")
                self._configure(self._deployment.state)
                while True:
                    await asyncio.sleep(EXPIRE_EVERY_S)
                    self.expire(EXPIRE_AFTER_S, SUPERSEDED_AFTER_S)
        finally:
            self._tasks = None

    def expire(self, idle_s: float, superseded_s: float = math.inf) -> None:
        """End environments that have been idle for `idle_s` real seconds; of superseded versions sooner."""
        now = self.clock.elapsed()
        aliased = aliased_versions(self._deployment.state)
        for key, fleet in list(self._fleets.items()):
            current = key[1] == LATEST or key in aliased
            fleet.expire(now - (idle_s if current else min(idle_s, superseded_s)))

    def fleet(self, name: str, version: str = LATEST) -> Fleet:
        """The environments of a version that was used before. Raises KeyError."""
        return self._fleets[name, version]

    async def _warm(self) -> None:
        functions = self._deployment.state.of(FunctionVersion).values()
        try:
            await self.launching.warm({one.noun.config.runtime or "" for one in functions})
        except Exception:
            log.exception("Python environments could not be prepared ahead.", extra={"action": "warm_failed"})

    def _sweep(self) -> None:
        """Remove what environments left behind, of this run and of earlier ones."""
        self._shared.mkdir(parents=True, exist_ok=True)
        for entry in self._shared.iterdir():
            if entry.name not in SHARED:
                shutil.rmtree(entry, ignore_errors=True)

    # State

    def _deployed(self, before: State, after: State) -> None:
        if before.of(FunctionVersion) is after.of(FunctionVersion) and before.of(Alias) is after.of(Alias):
            return
        self._routes.clear()
        for key, fleet in list(self._fleets.items()):
            deployed = after.version(*key)
            if deployed is not None and same(deployed.noun, fleet.version):
                continue
            del self._fleets[key]
            self._retire(fleet)
        self._configure(after)

    def _retire(self, fleet: Fleet) -> None:
        """Drain the fleet; what waited for one of its environments goes to the version that is there now."""
        self._hungry.pop(fleet, None)
        self._retiring.add(fleet)
        self._retiring = {one for one in self._retiring if not one.ended}
        for invocation in fleet.retire():
            try:
                _, successor = self._target(invocation.call)
            except ApiError as error:
                self.answered(invocation)
                invocation.finish(error)
            else:
                successor.submit(invocation)

    def _configure(self, state: State) -> None:
        """Concurrency as State has it now."""
        wanted = provisioned(state)
        reserved = {
            one.noun.name: one.noun.config.reserved_concurrency
            for one in state.of(FunctionVersion).values()
            if one.noun.version == LATEST and one.noun.config.reserved_concurrency is not None
        }
        by_function: dict[str, int] = {}
        for (name, _), count in wanted.items():
            by_function[name] = by_function.get(name, 0) + count
        self._admission.change(Limits(reserved=reserved, provisioned=by_function))
        if self._tasks is None:
            return
        for key, count in wanted.items():
            deployed = state.version(*key)
            if deployed is not None:
                self._fleet(deployed.noun).provision(count)
        for key, fleet in self._fleets.items():
            if key not in wanted:
                fleet.provision(0)

    # the end

    async def close(self, grace_s: float = 0.0) -> None:
        """Take no more; give what is in flight `grace_s` real seconds; then end every process and clear up."""
        self._closing = True
        deadline = self.clock.elapsed() + grace_s
        while self.in_flight and (left := deadline - self.clock.elapsed()) > 0:
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), left)
            except TimeoutError:
                break
        async with asyncio.TaskGroup() as tasks:
            self._tasks = tasks
            for work in self._backlog:
                work.close()
            self._backlog.clear()
            for fleet in [*self._fleets.values(), *self._retiring]:
                for invocation in fleet.retire():
                    invocation.finish(ApiError("ServiceException", "The runner is ending.", 500))
                fleet.kill()
            await self._wait_gone()
        self._tasks = None
        self.kill()
        self.journal.flush()
        await asyncio.to_thread(self._sweep)
        if self.groups is not None:
            self.groups.remove()

    async def _wait_gone(self) -> None:
        until = self.clock.elapsed() + END_S
        fleets = [*self._fleets.values(), *self._retiring]
        while any(fleet.environments for fleet in fleets) and self.clock.elapsed() < until:
            await asyncio.sleep(0.005)

    def kill(self) -> None:
        """End every process at once."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        self._awake.clear()
        self.launching.kill()


def _throttled(why: Throttle) -> ApiError:
    members = {"Reason": str(why), "Type": "User"}
    return ApiError("TooManyRequestsException", "Rate Exceeded.", 429, members=members)


def _settle(future: asyncio.Future[Answer], outcome: Answer | Exception) -> None:
    """A caller that is gone does not matter."""
    if future.done():
        return
    if isinstance(outcome, Exception):
        future.set_exception(outcome)
    else:
        future.set_result(outcome)


async def _guarded(work: Coroutine[Any, Any, None]) -> None:
    """What goes wrong for one environment does not end the others."""
    try:
        await work
    except Exception:
        log.exception("Something about an environment went wrong.", extra={"action": "environment_failed"})


def same(one: FunctionVersion, other: FunctionVersion) -> bool:
    """Whether environments of one version can go on serving the other."""
    return one is other or one.identity() == other.identity()


def aliased_versions(state: State) -> set[tuple[str, str]]:
    """The versions that aliases point to, their share of the traffic small or large."""
    found = set()
    for alias in state.of(Alias).values():
        name = function_reference(alias.noun.function_name)[0]
        weights = alias.noun.routing.weights if alias.noun.routing else ()
        found |= {(name, version) for version in (alias.noun.function_version, *(w.function_version for w in weights))}
    return found


def provisioned(state: State) -> dict[tuple[str, str], int]:
    """Provisioned concurrency by version: its own, and that of the aliases that point to it."""
    wanted: dict[tuple[str, str], int] = {}
    for version in state.of(FunctionVersion).values():
        if version.noun.provisioned is not None:
            wanted[version.noun.name, version.noun.version] = version.noun.provisioned.executions
    for alias in state.of(Alias).values():
        if alias.noun.provisioned is not None:
            key = (function_reference(alias.noun.function_name)[0], alias.noun.function_version)
            wanted[key] = wanted.get(key, 0) + alias.noun.provisioned.executions
    return wanted


def allow_open_files() -> None:
    """Each environment takes a few files of the runner's: allow as many as the machine does.

    What is said to have no limit may be refused all the same: macOS has another one, which is not told here.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    for count in OPEN_FILES:
        wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
        if soft == resource.RLIM_INFINITY or soft >= wanted:
            return
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            return
