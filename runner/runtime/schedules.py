"""Schedules: of rules on the default bus, and of EventBridge Scheduler; one loop that sleeps until the next is due.

A tick is delivered under an id derived from its schedule and its time, then remembered. Stopping in between delivers
it again under the same id, which is harmless; so a restart neither loses a tick nor doubles one.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-rule-schedule.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/what-is-scheduler.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

from runner.core.patterns import parse_event
from runner.core.put_events import scheduled, timestamp
from runner.core.redelivery import Policy
from runner.core.scheduler_input import Execution, UnknownTarget, parcel
from runner.core.timetable import TimetableError
from runner.host.clock import Clock
from runner.model.errors import Conflict
from runner.model.events import Rule, Schedule
from runner.model.names import Place, derived_uuid
from runner.model.state import Deployed, State
from runner.runtime.deliveries import Deliveries, Delivery
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Letter
from runner.runtime.rule_targets import CompiledRule, Event, compile_rule
from runner.runtime.timers import PREFIX, Memory, Source, Timer, make_timer
from runner.store.ports import Record, Records

log = logging.getLogger(__name__)

BACK_OFF_S = 1.0  # real seconds after an error of our own
BATCH = 16  # timers fitted before others are let in
FIRED_AT_ONCE = 64
DEFAULT_BUS = "default/"


@dataclass(frozen=True, slots=True)
class Upcoming:
    """When a schedule fires next. `kind` is `rule` or `schedule`; `name` as State keys it; None: never again."""

    kind: str
    name: str
    expression: str
    at: float | None


class Schedules:
    """Fires what is due, for as long as `run` runs."""

    def __init__(
        self, store: Records, deployment: Deployment, deliveries: Deliveries, place: Place, clock: Clock
    ) -> None:
        self._store = store
        self._deployment = deployment
        self._deliveries = deliveries
        self._place = place
        self._clock = clock
        self._timers: dict[str, Timer] = {}
        self._rules: dict[str, CompiledRule] = {}  # of timers, by their keys
        self._recalled: dict[str, Memory] = {}
        self._waiting: dict[str, Source | None] = {}  # changed in State, not yet in the timers; None: gone
        self._news = asyncio.Event()
        self._started = False
        deployment.subscribe(self._changed)

    def __repr__(self) -> str:
        return f"<Schedules {len(self._timers)}>"

    def next_times(self) -> dict[str, float]:
        """When every enabled schedule fires next, by `rule/<bus>/<name>` and `schedule/<group>/<name>`."""
        return {f"{one.kind}/{one.name}": one.at for one in self.upcoming() if one.at is not None}

    def upcoming(self, now: float | None = None) -> list[Upcoming]:
        """What every enabled schedule does next, the earliest first; those that never fire again last."""
        at = self._clock.now() if now is None else now
        upcoming = []
        for key, deployed in _sources(self._deployment.state):
            known = self._timers.get(key)
            memory = self._recalled.get(key)
            timer = known if known is not None and known.source is deployed else _timer(key, deployed, memory, at)
            if timer is not None:
                kind, _, name = key.removeprefix(PREFIX).partition("/")
                due = timer.due if timer.due is None else max(timer.due, at)
                upcoming.append(Upcoming(kind, name, deployed.noun.schedule_expression or "", due))
        return sorted(upcoming, key=lambda one: (one.at is None, one.at or 0.0, one.name))

    async def recall(self) -> None:
        """Read where schedules stand, for who only looks (`run` does so by itself)."""
        self._recalled = {record.key: Memory.decode(record.value) for record in await self._store.scan(PREFIX)}

    async def run(self) -> None:
        """Fire schedules until cancelled."""
        while True:
            try:
                self._news.clear()
                if not self._started or self._waiting:
                    await self.reconcile()
                elif not await self.step():
                    await self._wait()
            except Exception:
                log.exception("Schedules went on after an error")
                await asyncio.sleep(BACK_OFF_S)

    async def step(self) -> int:
        """Fire one tick of schedules that are due, the earliest first; returns how many fired."""
        now = self._clock.now()
        due = [timer for timer in self._timers.values() if timer.due is not None and timer.due <= now]
        if not due:
            return 0
        due = sorted(due, key=lambda timer: timer.due or 0.0)[:FIRED_AT_ONCE]
        deliveries = [delivery for timer in due for delivery in self._fire(timer, now)]
        if deliveries:
            await self._deliveries.deliver(deliveries)
        await asyncio.gather(*(self._remember(timer, timer.fired()) for timer in due))
        await self._complete(due)
        return len(due)

    async def _wait(self) -> None:
        """Until the next schedule is due or State changed."""
        due = min((timer.due for timer in self._timers.values() if timer.due is not None), default=None)
        if due is None:
            await self._news.wait()
            return
        sleeping = asyncio.ensure_future(self._clock.sleep_until(due))
        changing = asyncio.ensure_future(self._news.wait())
        try:
            await asyncio.wait((sleeping, changing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiting in (sleeping, changing):
                waiting.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(sleeping, changing, return_exceptions=True)

    def _changed(self, before: State, after: State) -> None:
        for key, rule in after.differences(Rule, before).items():
            if key.startswith(DEFAULT_BUS):
                scheduled = rule is not None and rule.noun.schedule_expression is not None
                self._note(f"{PREFIX}rule/{key}", rule if scheduled else None)
        for key, schedule in after.differences(Schedule, before).items():
            self._note(f"{PREFIX}schedule/{key}", schedule)

    def _note(self, key: str, source: Source | None) -> None:
        if source is not None or key in self._timers or key in self._waiting:
            self._waiting[key] = source
            self._news.set()

    # -- timers

    async def reconcile(self) -> None:
        """Make timers fit State: start those of new schedules, forget those of gone and disabled ones."""
        now, first = self._clock.now(), not self._started
        kept: dict[str, Record] = {}
        if first:
            kept = {record.key: record for record in await self._store.scan(PREFIX)}
            self._waiting = {**dict.fromkeys(kept), **dict(_sources(self._deployment.state))}
        while self._waiting:
            batch = dict(islice(self._waiting.items(), BATCH))
            await asyncio.gather(*(self._fit(key, source, kept.get(key), now) for key, source in batch.items()))
            for key, source in batch.items():
                if self._waiting.get(key) is source:
                    del self._waiting[key]
            await asyncio.sleep(0)
        if first:
            await self._complete([timer for timer in self._timers.values() if timer.over])
        self._started = True

    async def _fit(self, key: str, source: Source | None, record: Record | None, now: float) -> None:
        """Make one timer fit its schedule. `record` is what the run before left of it."""
        old = self._timers.get(key)
        if old is not None and old.source is source:
            return
        memory = Memory.decode(record.value) if record is not None else old.memory if old is not None else None
        revision = record.revision if record is not None else old.revision if old is not None else 0
        timer = _timer(key, source, memory, now) if source is not None else None
        self._rules.pop(key, None)
        if timer is None:
            self._timers.pop(key, None)
            await self._forget(key, revision)
            return
        timer.revision = revision
        if record is not None and timer.catch_up(now):
            log.info("%s missed times while the runner was down; old ones are left out", key.removeprefix(PREFIX))
        self._timers[key] = timer
        if timer.memory != memory:
            try:
                await self._remember(timer, timer.memory)
            except BaseException:
                del self._timers[key]
                raise

    async def _remember(self, timer: Timer, memory: Memory) -> None:
        try:
            timer.revision = await self._store.put(timer.key, memory.encode(), expected=timer.revision)
        except Conflict:  # a put whose answer was lost did reach the store; nobody else writes here
            kept = await self._store.get(timer.key)
            revision = kept.revision if kept is not None else 0
            timer.revision = await self._store.put(timer.key, memory.encode(), expected=revision)
        timer.memory = memory
        timer.plan()

    async def _forget(self, key: str, revision: int) -> None:
        if revision:
            with suppress(Conflict):
                await self._store.delete(key, expected=revision)

    async def _complete(self, fired: Iterable[Timer]) -> None:
        """Delete the schedules that have fired for the last time and ask for it."""
        over = {
            timer.source.key
            for timer in fired
            if timer.tick is None
            and isinstance(timer.source.noun, Schedule)
            and timer.source.noun.action_after_completion == "DELETE"
        }
        if over:
            await self._deployment.change(
                lambda state: state.with_changes([], [(Schedule, key) for key in over if key in state.of(Schedule)])
            )

    # -- ticks

    def _fire(self, timer: Timer, now: float) -> Sequence[Delivery]:
        """What a tick becomes. One that cannot be made does not keep the others back, and is left out."""
        assert timer.tick is not None
        name, noun = timer.key.removeprefix(PREFIX), timer.source.noun
        log.debug("%s fires for %s", name, timestamp(timer.tick))
        try:
            if isinstance(noun, Rule):
                return self._rule_tick(timer, noun, now)
            return self._schedule_tick(timer, noun, now)
        except Exception:
            log.exception("%s could not fire for %s", name, timestamp(timer.tick))
            return ()

    def _rule_tick(self, timer: Timer, noun: Rule, now: float) -> Sequence[Delivery]:
        assert timer.tick is not None
        rule = self._rules.get(timer.key)
        if rule is None or rule.source.noun is not noun:
            rule = self._rules[timer.key] = compile_rule(Deployed(timer.source.key, noun), self._place)
        event_id = derived_uuid("tick", timer.execution)
        body = scheduled(rule.arn, event_id=event_id, at=timer.tick, place=self._place)
        return list(rule.deliveries(Event(event_id, body, parse_event(body), now)))

    def _schedule_tick(self, timer: Timer, schedule: Schedule, now: float) -> Sequence[Delivery]:
        assert timer.tick is not None
        target = schedule.target
        arn = self._place.arn("scheduler", f"schedule/{timer.source.key}")
        execution = Execution(arn, derived_uuid("tick", timer.execution).replace("-", "")[:16], timer.tick)
        try:
            sent = parcel(target, execution, self._place)
        except UnknownTarget as error:
            log.error("Schedule %s delivers nothing: %s", timer.source.key, error)
            return ()
        letter = Letter(
            f"{timer.execution}/target",
            sent.body,
            now,
            subject=sent.subject,
            group=sent.group,
            deduplication=sent.deduplication,
            source=sent.source,
            detail_type=sent.detail_type,
            resources=(arn,) if sent.source is not None else (),
            partition_key=target.kinesis_parameters.partition_key if target.kinesis_parameters else None,
        )
        told = {
            "SCHEDULE_ARN": arn,
            "SCHEDULED_TIME": timestamp(timer.tick),
            "EXECUTION_ID": execution.id,
            "IS_PAYLOAD_TRUNCATED": "false",
        }
        policy = Policy(target.retry_policy.max_retries, target.retry_policy.max_age_s)
        dead_letters = target.dead_letter_config.arn if target.dead_letter_config else None
        return (Delivery(sent.arn, letter, sent.body, told, policy, dead_letters),)


def _sources(state: State) -> Iterator[tuple[str, Source]]:
    """Everything with a schedule, by the key of its record."""
    for rule in state.of(Rule).values():
        if rule.noun.schedule_expression is not None and rule.key.startswith(DEFAULT_BUS):
            yield f"{PREFIX}rule/{rule.key}", rule
    for schedule in state.of(Schedule).values():
        yield f"{PREFIX}schedule/{schedule.key}", schedule


def _timer(key: str, source: Source, memory: Memory | None, now: float) -> Timer | None:
    """None where the schedule is disabled, or wrong (which was said when it was deployed)."""
    try:
        return make_timer(source, memory, now)
    except TimetableError as error:
        log.error("%s never fires: %s", key.removeprefix(PREFIX), error.why)
        return None
