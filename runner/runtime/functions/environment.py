"""One execution environment: a process at a time, its Runtime API, one invocation at a time.

What may happen when is the table in `core/environment.py`; here is what is done about it.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Protocol

from runner.core import environment_faults as faults
from runner.core.environment import HOLDING, IDLE, LEASED, RESTARTING, SERVED, Event, Life, after
from runner.core.environment_faults import Fault
from runner.core.environment_lines import Extension, InitReport, InitStart
from runner.host.clock import Clock
from runner.host.exchange import Exchange, Sink
from runner.host.http import HttpServer
from runner.host.process import describe
from runner.host.process_groups import Group, Groups
from runner.runtime.functions.generation import Generation
from runner.runtime.functions.invocation import Invocation
from runner.runtime.functions.launching import Launch
from runner.runtime.functions.logging import Journal, Output
from runner.runtime.functions.terms import Terms, folder_size
from runner.runtime.functions.variables import of_environment
from runner.runtime.invoking import Answer

log = logging.getLogger(__name__)

PROVISIONED_INIT_LIMIT_S = 130.0
EXIT_S = 0.2  # a process whose connection broke off has this long to be seen ending
EXIT_AFTER_ERROR_S = 1.0  # a runtime that reported an init error is to exit by itself; this long
MAX_BODY = 200 * 1024 * 1024  # of a response: what may be streamed; a buffered one is refused long before
REMOVALS, REMOVAL_S = 200, 0.005  # a control group can go once its last process is reaped; looked at so often
STORAGE_EVERY_S = 1.0  # how often the size of a busy environment's `/tmp` is looked at
UNHANDLED = "Unhandled"
PROVISIONED = "provisioned-concurrency"
ON_DEMAND = "on-demand"
WAITING = (Life.STARTING, Life.RESTARTING, Life.ANSWERED, Life.DRAINING, Life.STOPPING)  # for a runtime that asks


class Owner(Protocol):
    """Who decides what an environment does next."""

    def ready(self, environment: Environment) -> None: ...

    def was_reset(self, environment: Environment) -> None: ...

    def gone(self, environment: Environment) -> None: ...

    def answered(self, environment: Environment, invocation: Invocation) -> None:
        """Called before the environment may be used again."""

    def served(self, environment: Environment, invocation: Invocation) -> None:
        """`answered` and `ready` in one: it asked for more with its answer."""

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something in the background; errors are the coroutine's own affair."""

    def late(self, environment: Environment) -> None:
        """It answered a while ago and has not asked for more."""


class Environment:
    """`start`, then `use` whenever it is idle or reset, `stop` when it is not wanted any more."""

    def __init__(
        self,
        owner: Owner,
        terms: Terms,
        journal: Journal,
        *,
        folder: Path,
        stream: str,
        kind: str = ON_DEMAND,
        groups: Groups | None = None,
    ) -> None:
        self.life = Life.STARTING
        self.terms = terms
        self.kind = kind
        self.idle_since = 0.0
        self.watched = False  # the owner's mark
        self.invocation: Invocation | None = None
        self.output = Output(journal, terms, stream, self.peak_memory)
        self.owner = owner
        self._clock: Clock = journal.clock
        self._folder = folder
        self._groups = groups
        self._group: Group | None = None
        self._lost_to_memory = 0
        self._sized_at = 0.0
        self._launch: Launch | None = None
        self._generation: Generation | None = None
        self._server = HttpServer(self._request, max_body=MAX_BODY, sink_for=self._sink)
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = 0.0
        self._deadline = 0.0
        self._began = 0.0
        self._init_ms: float | None = None
        self._init_error: Fault | None = None
        self._exit_error: tuple[str, str] | None = None
        self._streamed: list[bytes] = []
        self._killed_for_memory = False
        self._peak_mb = 0

    def __repr__(self) -> str:
        return f"Environment({self.terms.name}:{self.terms.version} {self.life})"

    @property
    def pid(self) -> int:
        """Of its process; 0 while it has none."""
        return self._generation.runtime.pid if self._generation is not None else 0

    # told by the owner

    async def start(self, launch: Launch) -> None:
        """Begin the init phase; `ready` or `was_reset` is reported when it ends."""
        self._launch = launch
        self._began = self._clock.elapsed()
        self.output.platform(InitStart(self.terms.runtime, self.terms.region, self.kind))
        limit = PROVISIONED_INIT_LIMIT_S if self.kind == PROVISIONED else self.terms.init_limit_s
        self._limit(self._began + limit)
        try:
            (self._folder / "tmp").mkdir(parents=True)
            if self._groups is not None:
                self._group = self._groups.make(self._folder.name, self.terms.memory_mb << 20)
            await self._server.open()
        except Exception as error:
            self._could_not_start(error)
            return
        if self.life is Life.GONE:  # retired meanwhile
            await self._remove()
            return
        await self._open()

    def use(self, invocation: Invocation) -> None:
        """Take an invocation. The environment has to be idle, frozen or reset.

        What the function need not wait for is done once it has its event.
        """
        life = self.life = LEASED[self.life]
        clock, terms = self._clock, self.terms
        began = invocation.began = clock.elapsed()
        invocation.deadline_ms = int((clock.wall() + terms.timeout_s) * 1000)
        self.invocation = invocation
        deadline = self._deadline = began + terms.timeout_s
        if life is RESTARTING:
            self._began = began
            self.owner.spawn(self._open())
        else:
            self._deliver(invocation)
        self.output.begin(invocation.call.request_id, invocation.call.tail)
        if self._timer is None or self._timer_at > deadline:
            self._limit(deadline)

    def freeze(self) -> None:
        self.life = after(self.life, Event.FROZE)
        if self._generation is not None:
            self._generation.freeze()

    def stop(self) -> None:
        """End, now or after the invocation at hand."""
        if self.life in (Life.STOPPING, Life.DRAINING, Life.GONE):
            return
        self.life = after(self.life, Event.RETIRED)
        if self.life is Life.STOPPING and self._generation is not None and self._generation.started:
            self._generation.end("spindown", self._clock.wall())
            return
        if self.life is Life.STOPPING:  # there is nothing yet that could end
            self.life = after(self.life, Event.EXITED)
        if self.life is Life.GONE:
            self._clear()

    def kill(self) -> None:
        """End at once, whatever it does."""
        if self._generation is not None:
            self._generation.signal(signal.SIGKILL)

    def check(self) -> None:
        """Look after an environment that is busy: end its process if it takes more than it may."""
        self.output.show_start()
        now = self._clock.elapsed()
        if now - self._sized_at > STORAGE_EVERY_S:
            self._sized_at = now
            self.owner.spawn(self.check_storage())
        if self._generation is not None and self._generation.resident_mb() > self.terms.memory_mb:
            self._killed_for_memory = True
            self._generation.signal(signal.SIGKILL)

    async def check_storage(self) -> None:
        """End the process if `/tmp` holds more than it may. Lambda's would be full; ours cannot be."""
        size = await asyncio.to_thread(folder_size, self._folder / "tmp")
        if size > self.terms.storage_mb << 20 and self._generation is not None:
            self.output.feed(
                f"No space left on device: /tmp holds {size >> 20} MB, and {self.terms.storage_mb} MB is the "
                "function's EphemeralStorage. The environment is ended.\n".encode()
            )
            self._generation.signal(signal.SIGKILL)

    def peak_memory(self) -> int:
        """MB, never more than the function may take."""
        if self._generation is not None:
            self._peak_mb = max(self._peak_mb, self._generation.runtime.sample_peak())
        return min(self._peak_mb, self.terms.memory_mb)

    # told by the Runtime API

    def on_next(self) -> None:
        """The runtime waits for work, or the last of the extensions does: then the environment does."""
        if self._generation is None or not self._generation.extensions.ready:
            return
        before, self.life = self.life, after(self.life, Event.READY)
        if self.life is Life.IDLE:
            if before is Life.STARTING:
                self._init_done()
            self.owner.ready(self)
        elif self.invocation is not None and self.life in (Life.BUSY, Life.DRAINING):
            self._deliver(self.invocation)

    def on_response(self, body: bytes, content_type: str) -> None:
        self._complete(Answer(body, self.terms.version, content_type=content_type), Event.ANSWERED)

    def on_served(self, body: bytes, content_type: str) -> None:
        answer = Answer(body, self.terms.version, None, "", b"", content_type)
        generation = self._generation
        if generation is not None and not generation.extensions.all:
            self.life = SERVED[self.life]
            self._complete(answer, None)
        else:
            self._complete(answer, Event.ANSWERED)
            self.on_next()

    def on_piece(self, data: bytes) -> None:
        self._streamed.append(data)

    def on_streamed(self, error_type: str, error_body: bytes) -> None:
        payload = b"".join(self._streamed)
        if error_type:
            self._complete(Answer(error_body, self.terms.version, UNHANDLED, error_type), Event.ANSWERED)
        else:
            self._complete(Answer(payload, self.terms.version), Event.ANSWERED)

    def on_oversized(self) -> None:
        self._complete_with(faults.too_large())

    def on_error(self, error_type: str, body: bytes) -> None:
        self._complete(Answer(body, self.terms.version, UNHANDLED, error_type), Event.ANSWERED)

    def on_init_error(self, error_type: str, body: bytes) -> None:
        self._init_error = Fault(error_type, body)
        if self._generation is not None:
            asyncio.get_running_loop().call_later(EXIT_AFTER_ERROR_S, self._generation.runtime.signal, signal.SIGKILL)

    def on_truncated(self) -> None:
        """A streamed answer broke off. If its process ends, that says more; so it gets a moment."""
        asyncio.get_running_loop().call_later(EXIT_S, self._truncated, self.invocation)

    def _truncated(self, invocation: Invocation | None) -> None:
        if invocation is not None and invocation is self.invocation and self.life is not Life.RESTARTING:
            self._failed(faults.truncated(self._request_id))

    # told by the extensions

    def on_extension_ready(self) -> None:
        if self._generation is not None and self._generation.ready and self.life in WAITING:
            self.on_next()

    def on_extension_registered(self, name: str, events: tuple[str, ...]) -> None:
        self.output.platform(Extension(name, events))

    def on_extension_error(self, kind: str, message: str) -> None:
        """It is expected to exit; what it said is the reason then."""
        self._exit_error = kind, message

    # the process

    async def _open(self) -> None:
        """Start a process, as init or as suppressed init."""
        launch = self._launch
        assert launch is not None
        self._init_error = None
        self._killed_for_memory = False
        self._exit_error = None
        if launch.tried:
            self._failed(faults.no_entry_point(self._request_id, launch.tried))
            return
        terms = self.terms
        about = {"functionName": terms.name, "functionVersion": terms.version, "handler": terms.handler}
        generation = self._generation = Generation(self, launch, about, terms.account)
        variables = of_environment(
            api=f"127.0.0.1:{self._server.port}",
            stream=self.output.stream,
            kind=self.kind,
            temporary=self._folder / "tmp",
        )
        try:
            await generation.open(variables, self._server, self._group.door if self._group is not None else "")
        except Exception as error:
            generation.end("failure", self._clock.wall())
            self._could_not_start(error)
            return
        if self.life is Life.STOPPING:  # retired meanwhile
            generation.end("spindown", self._clock.wall())

    def _could_not_start(self, error: Exception) -> None:
        if self.life is Life.GONE:
            return
        log.error("An environment of %s could not be started.", self.terms.name, exc_info=error)
        self._failed(faults.bad_entry_point(self._request_id, f"fork/exec: {error}"))

    def on_output(self, data: bytes) -> None:
        self.output.feed(data)

    def on_exit(self, generation: Generation, status: int, extension: str) -> None:
        """A process ended by itself, or by a signal that was not sent for a reason known already."""
        if generation is not self._generation or self.life is Life.STOPPING:
            return
        self.output.end_line()
        if not extension and generation.api.undelivered and self.life is Life.BUSY:
            # It had ended before the invocation came.
            self._drop_process("failure")
            self.life = after(after(self.life, Event.FAILED), Event.LEASED)
            self.owner.spawn(self._open())
            return
        self._failed(self._extension_fault(status) if extension else self._exit_fault(generation, status))

    def on_over(self, generation: Generation) -> None:
        if generation is self._generation and self.life is Life.STOPPING:
            self.life = after(self.life, Event.EXITED)
            self._clear()

    def _extension_fault(self, status: int) -> Fault:
        if self._exit_error is not None:
            return faults.extension(self._request_id, *self._exit_error)
        message = f"exit code {status}" if status >= 0 else faults.exit_text(status).partition("error: ")[2]
        return faults.extension(self._request_id, "Extension.Crash", message)

    def _exit_fault(self, generation: Generation, status: int) -> Fault:
        if self._init_error is not None:
            return self._init_error
        if self._killed_for_memory or (status < 0 and self._out_of_memory()):
            return faults.out_of_memory(self._request_id)
        error = generation.runtime.error
        if error is not None and self.terms.runtime.startswith("provided"):
            program = self._launch.job["argv"][0].rpartition("/")[2] if self._launch else ""
            return faults.bad_entry_point(self._request_id, f"fork/exec /var/task/{program}: {describe(error)}")
        return faults.exited(self._request_id, status)

    def _out_of_memory(self) -> bool:
        """Whether the kernel has killed for memory since this was last asked."""
        before, self._lost_to_memory = self._lost_to_memory, self._group.out_of_memory() if self._group else 0
        if self._lost_to_memory > before:
            self._peak_mb = self.terms.memory_mb
        return self._lost_to_memory > before

    def _failed(self, fault: Fault) -> None:
        """There is no process any more: answer what waits, be used again with a new one."""
        before = self.life
        self._drop_process("timeout" if fault.status == "timeout" else "failure")
        self.life = after(before, Event.FAILED)
        if before is Life.STARTING or (before is Life.RESTARTING and fault.status != "timeout"):
            self._report_init(before, fault)
        if before in HOLDING:
            self._complete_with(fault, transition=False)
        if self.life is Life.GONE:
            self._clear()
        elif self.life is Life.RESET:
            self.idle_since = self._clock.elapsed()
            self.owner.was_reset(self)

    def _report_init(self, before: Life, fault: Fault) -> None:
        took_ms = (self._clock.elapsed() - self._began) * 1000
        phase = "init" if before is Life.STARTING else "invoke"
        kind = "" if fault.status == "timeout" else fault.type
        self.output.platform(InitReport(took_ms, phase, fault.status, kind, self.kind))

    def _drop_process(self, reason: str) -> None:
        """Have nothing more to do with the processes there are; they end."""
        generation, self._generation = self._generation, None
        if generation is not None:
            generation.drain()
            self._peak_mb = max(self._peak_mb, generation.runtime.sample_peak())
            generation.end(reason, self._clock.wall())
            generation.runtime.close()
            self.output.end_line()
            if not generation.extensions.wants_shutdown:
                generation.close()
                self._server.drop()

    def _init_done(self) -> None:
        self.idle_since = self._clock.elapsed()
        self._init_ms = (self.idle_since - self._began) * 1000
        if self._generation is not None:
            self._generation.extensions.open = False
        if self.kind == PROVISIONED:
            self.output.platform(InitReport(self._init_ms, kind=self.kind))

    # the invocation

    @property
    def _request_id(self) -> str:
        return self.invocation.call.request_id if self.invocation is not None else ""

    def _deliver(self, invocation: Invocation) -> None:
        generation = self._generation
        assert generation is not None
        if generation.frozen:
            generation.thaw()
        if generation.extensions.all:
            generation.extensions.invoke(invocation)
        generation.api.deliver(invocation)

    def _complete_with(self, fault: Fault, *, transition: bool = True) -> None:
        """The invocation came to no answer of its own."""
        answer = Answer(fault.payload, self.terms.version, UNHANDLED, fault.type)
        self._complete(answer, Event.ANSWERED if transition else None, fault.status, fault.type)

    def _complete(self, answer: Answer, event: Event | None, status: str = "success", error_type: str = "") -> None:
        """Answer the invocation at hand and close its log: in this order, unless the answer has to show the log."""
        invocation, self.invocation = self.invocation, None
        assert invocation is not None
        call = invocation.call
        now = self.idle_since = self._clock.elapsed()
        if event is not None:
            self.life = after(self.life, event)
        if not call.tail:
            invocation.finish(answer)
        if self._generation is not None:
            self._generation.drain()
        took_ms, init_ms, self._init_ms = (now - invocation.began) * 1000, self._init_ms, None
        self.output.done(call.request_id, took_ms, init_ms, status, error_type)
        if call.tail:
            invocation.finish(answer._replace(log_tail=self.output.take_tail()))
        if self._streamed:
            self._streamed.clear()
        if self.life is IDLE:
            self.owner.served(self, invocation)
            return
        self.owner.answered(self, invocation)
        if self.life is Life.STOPPING and self._generation is not None:
            self._generation.end("spindown", self._clock.wall())

    # time

    def _limit(self, deadline: float) -> None:
        """Let nothing go on past `deadline`. One timer serves many invocations: it is moved only when it fires."""
        self._deadline = deadline
        if not self.terms.limited:
            return
        if self._timer is None or self._timer_at > deadline:
            if self._timer is not None:
                self._timer.cancel()
            self._timer_at = deadline
            self._timer = asyncio.get_running_loop().call_later(deadline - self._clock.elapsed(), self._tick)

    def _tick(self) -> None:
        self._timer = None
        if self.life in (Life.IDLE, Life.FROZEN, Life.RESET, Life.STOPPING, Life.GONE):
            return
        if self._clock.elapsed() < self._deadline:
            self._limit(self._deadline)
            return
        if self.life is Life.STARTING:
            self._failed(Fault("", b"", "timeout"))
        else:
            self._failed(faults.timed_out(self._request_id, self.terms.timeout_s))

    # the end

    def _clear(self) -> None:
        self._drop_process("spindown")
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self.owner.gone(self)
        self.owner.spawn(self._remove())

    async def _remove(self) -> None:
        await self._server.close()
        if self._group is not None:
            self._group.kill()  # what left its process group ends here
            for _ in range(REMOVALS):
                if self._group.remove():
                    break
                await asyncio.sleep(REMOVAL_S)
        await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)

    def _request(self, exchange: Exchange) -> None:
        if self._generation is None:
            exchange.respond(500)
        else:
            self._generation.handle(exchange)

    def _sink(self, exchange: Exchange) -> Sink | None:
        return self._generation.sink(exchange) if self._generation is not None else None
