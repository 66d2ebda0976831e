"""The composition root: the only file that names implementations; starts and stops everything."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import math
import os
import signal
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Protocol

import uvloop

from runner.host.clock import Clock, process_age_s
from runner.host.exchange import Exchange
from runner.host.http import HttpServer
from runner.host.lock import Holder, StateLock, holder, make_folder
from runner.host.ports import listener
from runner.host.signals import Ending
from runner.host.vigil import Vigil
from runner.host.watch import Watch
from runner.loader.loading import LoadResult, load
from runner.model.errors import InputError, PortInUse, StateError
from runner.model.messaging import Queue
from runner.model.names import Place
from runner.model.settings import Settings
from runner.model.state import StackRecord, State
from runner.planner import Plan
from runner.runtime.async_invocations import AsyncInvocations
from runner.runtime.buses import Buses
from runner.runtime.deliveries import Deliveries
from runner.runtime.deploy import Deployer
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Doors
from runner.runtime.functions import Functions
from runner.runtime.functions.build import Builds
from runner.runtime.functions.code import CodeStore, artifacts_of
from runner.runtime.functions.interpreters import Interpreters
from runner.runtime.log_door import LogDoor
from runner.runtime.log_tail import LogTail
from runner.runtime.logs import LogService
from runner.runtime.mappings import Mappings
from runner.runtime.queues import Queues
from runner.runtime.reload import Reload, Reloaded
from runner.runtime.schedules import Schedules, Upcoming
from runner.runtime.topics import Topics
from runner.store import SqliteStore, StateStore
from runner.wire import log_lines
from runner.wire.events import Events
from runner.wire.front import Front
from runner.wire.iam import Iam
from runner.wire.lambda_ import Lambda
from runner.wire.lambda_.downloads import PATH as CODE_PATH
from runner.wire.lambda_.downloads import Downloads
from runner.wire.lambda_.express import Express
from runner.wire.lambda_.url_calls import HOST_MARK, UrlCalls
from runner.wire.log_lines import line_of, search_of
from runner.wire.logs import Logs
from runner.wire.operation import Service
from runner.wire.own import FUNCTION_PATH, FunctionNames
from runner.wire.scheduler import Scheduler
from runner.wire.sns import Sns
from runner.wire.sqs import Sqs
from runner.wire.sts import Sts

__all__ = ["Ready", "Reloaded", "Settings", "View", "plan_stack", "read_logs", "read_status", "remove_stack", "serve"]

log = logging.getLogger(__name__)

GRACE_S = 3.0  # what is in flight gets this long when the process is told to end
AHEAD_S = 60.0  # a clock that is this much ahead is worth a word
OWN_QUEUES = ("events/", "deliveries/", "async/", "sns/")  # leased by our own loops only, unlike `sqs/`
LOOK_AGAIN_S = 0.02
STOP_WAIT_S = 15.0  # `down` waits this long for a running `up` to end


@dataclass(frozen=True, slots=True)
class Ready:
    """What is shown once everything runs. `took_s` counts from the start of the process."""

    place: Place
    pace: float
    took_s: float
    state: State
    upcoming: Sequence[Upcoming]
    outputs: Mapping[str, str]


class View(Protocol):
    """Where all of it is told to a person."""

    def findings(self, loaded: LoadResult) -> None: ...

    def planned(self, plan: Plan) -> None: ...

    def ready(self, ready: Ready) -> None: ...

    def reloaded(self, outcome: Reloaded) -> None: ...

    def lines(self, function: str, lines: Sequence[str]) -> None: ...

    def notice(self, text: str) -> None: ...

    def stopping(self) -> None: ...


class App:
    """Everything alive of one runner, wired together once."""

    def __init__(
        self, settings: Settings, place: Place, clock: Clock, store: SqliteStore, deployment: Deployment
    ) -> None:
        self.settings, self.place, self.clock = settings, place, clock
        self.store, self.deployment = store, deployment
        self.doors = Doors()
        self.code = _code_store(settings)
        self.logs = LogService(store, deployment, clock)
        self.functions = Functions(
            deployment,
            self.code,
            self.logs,
            place,
            clock,
            folder=settings.folder / "environments",
            debug=settings.debug,
        )
        self.logs.collect(self.functions.journal.flush)
        self.queues = Queues(store, deployment, place, clock)
        self.topics = Topics(store, deployment, self.doors, place, clock)
        self.deliveries = Deliveries(store, self.doors, clock)
        self.buses = Buses(store, deployment, self.deliveries, place, clock)
        self.schedules = Schedules(store, deployment, self.deliveries, place, clock)
        self.invocations = AsyncInvocations(store, deployment, self.functions, self.doors, place, clock)
        self.mappings = Mappings(deployment, self.functions, self.queues, place, clock)
        self.deployer = Deployer(deployment, self.code, clock)
        for service, door in (
            ("sqs", self.queues),
            ("sns", self.topics),
            ("events", self.buses),
            ("lambda", self.invocations.door),
            ("logs", LogDoor(self.logs)),
        ):
            self.doors.open(service, door)
        self.log_tail = LogTail(self.logs, deployment)
        self.front = Front(self._rooms(), place, clock)
        self.vigil = Vigil(clock, self.functions)
        self.express = Express(
            deployment, self.functions, place, clock, date=self.front.date, plain_host=self.front.plain_host
        )
        self.log_lines = log_lines.LogLines(self.log_tail)
        self.front.mount_raw("GET", log_lines.PATH, self.log_lines.answer)
        self.front.mount("GET", FUNCTION_PATH, FunctionNames(deployment).find)
        self.front.mount_raw("GET", CODE_PATH, Downloads(self.code).answer)
        self.front.mount_hosts(HOST_MARK, UrlCalls(deployment, self.functions, place, clock).answer)

    def _rooms(self) -> list[Service]:
        """One room a service that SDKs call."""
        deployment, place, clock = self.deployment, self.place, self.clock
        return [
            Lambda(
                deployment,
                self.code,
                self.functions,
                self.invocations,
                place,
                clock,
                self.functions,
                polling=self.mappings,
            ),
            Events(self.buses, deployment, place, clock),
            Scheduler(deployment, place, clock),
            Sqs(self.queues, deployment, place, clock),
            Sns(self.topics, deployment, place, clock),
            Logs(self.logs, deployment, place, clock),
            Iam(deployment, place, clock),
            Sts(place, clock),
        ]

    async def depth(self, queue: str) -> str:
        """What a queue holds, in words: `3 visible, 1 in flight`."""
        depth = await self.store.depth(f"sqs/{queue}", now=self.clock.now())
        parts = ((depth.visible, "visible"), (depth.leased, "in flight"), (depth.delayed, "delayed"))
        return ", ".join(f"{count} {word}" for count, word in parts if count) or "empty"

    async def run(self) -> None:
        """Every loop, until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self.code.tidy(self.deployment.state), name="tidy")
            for loop in (
                self.functions,
                self.logs,
                self.queues,
                self.topics,
                self.deliveries,
                self.buses,
                self.schedules,
                self.invocations,
                self.mappings,
            ):
                group.create_task(loop.run(), name=type(loop).__name__)


def serve(settings: Settings, view: View) -> int:
    """`runner up`: returns the exit code once the process was told to end. Raises RunnerError."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, view))


async def _serve(settings: Settings, view: View) -> int:
    with StateLock(settings.folder) as lock:
        lock.acquire(settings.stack.absolute())
        server = HttpServer(_not_ready)
        place = settings.place(f"http://127.0.0.1:{await _open(server, settings.port)}")
        clock = Clock(settings.pace)
        try:
            async with _opened(settings, clock) as (store, deployment):
                return await Session(App(settings, place, clock, store, deployment), view, server, lock).run()
        finally:
            await server.close()


def _code_store(settings: Settings) -> CodeStore:
    return CodeStore(settings.artifacts, Builds(settings.folder / "builds", Interpreters()))


def _load(settings: Settings, place: Place) -> LoadResult:
    loaded = load(settings.stack, place=place, parameters=settings.parameters)
    if loaded.stack is None:
        return loaded
    # What is deployed is known by where its file is, wherever a later command is called from.
    return replace(loaded, stack=replace(loaded.stack, path=loaded.stack.path.absolute()))


async def _open(server: HttpServer, port: int) -> int:
    try:
        return await server.open(port)
    except PortInUse as error:
        found = listener(port)
        raise PortInUse(
            f"Port {port} is in use" + (f" by {found}." if found else "."),
            hint="Stop that process, or choose another port: --port 0 takes a free one.",
        ) from error


def _not_ready(exchange: Exchange) -> None:
    """SDKs try again after a 503."""
    exchange.respond(503, [("retry-after", "1")])


class Session:
    """One run of `runner up`: deploy, start, announce, reload, and end in order."""

    def __init__(self, app: App, view: View, server: HttpServer, lock: StateLock) -> None:
        self._app, self._view, self._server, self._lock = app, view, server, lock
        self._ending = Ending(app.functions.kill)
        app.logs.show(view.lines)
        self._reload = Reload(partial(_load, app.settings, app.place), app.deployer, Watch(), view.reloaded)

    async def run(self) -> int:
        """Returns the exit code. Raises RunnerError where the stack cannot be brought up."""
        self._ending.listen()
        ended = asyncio.create_task(self._ending.wait(), name="ended")
        deploying = asyncio.create_task(self._deploy(), name="deploy")
        await asyncio.wait({deploying, ended}, return_when=asyncio.FIRST_COMPLETED)
        if not deploying.done():
            return await self._give_up(deploying)
        plan = deploying.result()
        if plan is None:
            return 1
        alive = asyncio.create_task(self._alive(), name="alive")
        self._server.handler = self._app.front.handle
        self._server.shortcut = self._app.express.around
        self._server.answered = self._app.vigil.answered
        self._announce(plan)
        gc.freeze()  # what stands now stays: collections need not look at it again
        await asyncio.wait({alive, ended}, return_when=asyncio.FIRST_COMPLETED)
        self._view.stopping()
        await self._end(alive)
        ended.cancel()
        return 0

    async def _give_up(self, deploying: asyncio.Task[Plan | None]) -> int:
        """Told to end before anything ran: nothing was deployed, or all of it."""
        self._view.stopping()
        deploying.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await deploying
        await self._app.functions.close(GRACE_S)
        return 0

    async def _resume(self) -> None:
        """Take over from the run before, however it ended: its time, and the work that it held."""
        app = self._app
        ahead = app.clock.catch_up(await app.store.latest())
        if ahead > AHEAD_S:
            days = ahead / 86400
            self._view.notice(f"An earlier run had a faster clock: time goes on from there, {days:.1f} days ahead.")
        for prefix in OWN_QUEUES:
            await app.store.reclaim(prefix, now=app.clock.now())

    async def _deploy(self) -> Plan | None:
        """Load and apply the stack; None if its file is wrong, which was shown."""
        app = self._app
        await self._resume()
        loaded = await asyncio.to_thread(_load, app.settings, app.place)
        self._view.findings(loaded)
        if loaded.stack is None:
            return None
        plan = await app.deployer.apply(loaded.stack)
        self._view.planned(plan)
        self._reload.begin(loaded.stack)
        return plan

    async def _alive(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._app.run(), name="loops")
            if self._app.settings.watch:
                group.create_task(self._reload.run(), name="reload")

    def _announce(self, plan: Plan) -> None:
        app, state = self._app, self._app.deployment.state
        self._lock.note(Holder(os.getpid(), str(app.settings.stack.absolute()), app.place.endpoint))
        self._view.ready(
            Ready(
                app.place,
                app.clock.pace,
                process_age_s(),
                state,
                app.schedules.upcoming(),
                plan.outputs,
            )
        )

    async def _end(self, alive: asyncio.Task[None]) -> None:
        """Accepting stops, what is in flight gets a moment, leases are given back, environments end."""
        app = self._app
        self._server.stop_accepting()
        app.log_lines.end()
        app.front.end_polls()
        await asyncio.gather(app.mappings.drain(GRACE_S), app.invocations.drain(GRACE_S), self._server.close(GRACE_S))
        await app.front.close()
        alive.cancel()
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await alive
        finally:
            await app.functions.close()  # whoever waits for an invocation has had the moment already
            await app.logs.close()


@dataclass(frozen=True, slots=True)
class Planned:
    """What `runner plan` shows; `plan` is None if the stack file is wrong."""

    loaded: LoadResult
    plan: Plan | None


@dataclass(frozen=True, slots=True)
class Status:
    """What `runner status` shows. `depths`: queue -> how many messages it holds, in words."""

    state: State
    upcoming: Sequence[Upcoming]
    depths: Mapping[str, str]


@contextlib.asynccontextmanager
async def _opened(settings: Settings, clock: Clock) -> AsyncIterator[tuple[SqliteStore, Deployment]]:
    """The store and the State in it, for as long as the block runs. Raises StateError."""
    store = SqliteStore.open(settings.database, clock=clock)
    try:
        states = StateStore(store)
        yield store, Deployment(states, await states.load())
    finally:
        await store.aclose()


async def plan_stack(settings: Settings) -> Planned:
    """Plan without applying; may run beside an `up` of the same stack. Raises RunnerError."""
    loaded = _load(settings, _endpoint(settings))
    if loaded.stack is None:
        return Planned(loaded, None)
    clock = Clock()
    make_folder(settings.folder)  # for snapshots of code, which a plan compares
    async with _opened(settings, clock) as (_, deployment):
        deployer = Deployer(deployment, _code_store(settings), clock)
        return Planned(loaded, await deployer.plan(loaded.stack))


async def read_status(settings: Settings) -> Status:
    """What is deployed, and what queues hold; may be read beside a running `up`. Raises RunnerError."""
    if not settings.database.exists():
        return Status(State(), (), {})
    clock = Clock()
    async with _opened(settings, clock) as (store, deployment):
        clock.catch_up(await store.latest())  # a running `up` may have a faster clock
        app = App(settings, _endpoint(settings), clock, store, deployment)
        depths = {name: await app.depth(name) for name in deployment.state.of(Queue)}
        await app.schedules.recall()
        return Status(deployment.state, app.schedules.upcoming(), depths)


async def read_logs(settings: Settings, query: Mapping[str, str]) -> Sequence[bytes]:
    """What the functions of a stopped stack logged, as a running one would send it. Raises RunnerError."""
    if not settings.database.exists():
        return ()
    clock = Clock()
    async with _opened(settings, clock) as (store, deployment):
        tail = LogTail(LogService(store, deployment, clock), deployment)
        events = tail.events(query.get("name"), search_of(query), follow=False)
        return [line_of(event) async for event in events]


async def remove_stack(settings: Settings, *, keep_data: bool) -> Plan:
    """End a running `up`, remove the stack, and what it held unless `keep_data`. Raises RunnerError."""
    if not settings.database.exists():
        raise _not_deployed(settings.stack)
    await _end_running(settings)
    with StateLock(settings.folder) as lock:
        lock.acquire(settings.stack.absolute())
        clock = Clock()
        async with _opened(settings, clock) as (store, deployment):
            name = _deployed_as(deployment.state, settings.stack)
            plan = await Deployer(deployment, _code_store(settings), clock).remove(name)
            if not keep_data:
                await _forget_data(store)
        await _code_store(settings).collect(artifacts_of(plan.after), grace_s=0)
        return plan


def _endpoint(settings: Settings) -> Place:
    """Where a running `up` of this stack answers, else where one would."""
    found = holder(settings.folder)
    return settings.place(found.endpoint if found and found.endpoint else f"http://127.0.0.1:{settings.port}")


def _deployed_as(state: State, stack: Path) -> str:
    """The name under which a stack file was deployed. Raises InputError if it was not."""
    records = state.of(StackRecord)
    found = [name for name, record in records.items() if Path(record.noun.path).resolve() == stack.resolve()]
    if not found:
        raise _not_deployed(stack)
    return found[0]


def _not_deployed(stack: Path) -> InputError:
    return InputError(f"Nothing of {stack} is deployed.", hint="Name the stack file that `runner up` was given.")


async def _forget_data(store: SqliteStore) -> None:
    """Everything that queues, buses, invocations and logs held."""
    for queue in await store.queues(""):
        await store.purge(queue)
    for name in await store.logs(""):
        await store.trim(name, before=math.inf)
    for record in await store.scan(""):
        await store.delete(record.key, expected=record.revision)


async def _end_running(settings: Settings) -> None:
    """Tell the process that runs the stack to end, and wait for it. Raises StateError if it does not."""
    found = holder(settings.folder)
    if found is None or not found.pid:
        return
    os.kill(found.pid, signal.SIGTERM)
    try:
        async with asyncio.timeout(STOP_WAIT_S):
            # The lock tells, not the process: one that nobody has waited for yet still has its number.
            while holder(settings.folder) == found:
                await asyncio.sleep(LOOK_AGAIN_S)
    except TimeoutError:
        raise StateError(
            f"Process {found.pid}, which runs {found.stack}, does not end.", hint="End it by hand, then try again."
        ) from None
