"""One timer a schedule: when it fires next, what it last did, and how that is remembered.

A record `schedules/...` exists for as long as a schedule is enabled. It keeps where the count of a rate began and the
last tick that was fired. Of the ticks missed while the runner was down, those of the last quarter of an hour are all
made up, so that a restart loses none; of older ones only the latest is, and only if there is none younger. Ticks that
come late while the runner runs are all fired, in order.

Source: https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html; catching up is ours
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass, field
from datetime import UTC, datetime

from runner.core.timetable import At, Dialect, Rate, TimetableError, parse
from runner.core.timetable_times import Times, times_of
from runner.core.timetable_zones import find_zone
from runner.model.events import Rule, Schedule
from runner.model.state import Deployed

PREFIX = "schedules/"
MAKE_UP_S = 900.0  # ticks missed within this time are all made up

Source = Deployed[Rule] | Deployed[Schedule]


@dataclass(frozen=True, slots=True)
class Memory:
    """What a record holds. `spec` is what the schedule said; another one starts anew.

    `turn` counts how often the clock was found set back, so that ticks of the same times are not taken for repeated.
    """

    spec: str
    anchor: float
    last: float
    turn: int = 0

    def encode(self) -> bytes:
        return json.dumps([self.spec, self.anchor, self.last, self.turn]).encode()

    @classmethod
    def decode(cls, value: bytes) -> Memory:
        return cls(*json.loads(value))


@dataclass(slots=True)
class Timer:
    """A schedule in force. `tick` is the next moment by the timetable, `due` when it fires; None: never again."""

    key: str
    source: Source
    times: Times
    memory: Memory
    revision: int = 0
    starts_at: float = -math.inf
    ends_at: float = math.inf
    window_s: float = 0.0
    tick: float | None = field(default=None, init=False)
    due: float | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.plan()

    def plan(self) -> None:
        """Find the next tick after the last one."""
        tick = self.times.next_after(max(self.memory.last, self.starts_at - 1.0))
        self.tick = tick if tick is not None and tick <= self.ends_at else None
        self.due = None if self.tick is None else self.tick + self._delay(self.tick)

    def _delay(self, tick: float) -> float:
        """Where within its flexible window a tick fires: spread evenly, the same at every run."""
        if not self.window_s:
            return 0.0
        digest = hashlib.sha256(f"{self.key}/{tick}".encode()).digest()
        return math.floor(int.from_bytes(digest[:8], "big") / 2**64 * self.window_s)

    def fired(self) -> Memory:
        """The memory after the tick that is due."""
        assert self.tick is not None
        return Memory(self.memory.spec, self.memory.anchor, self.tick, self.memory.turn)

    def catch_up(self, now: float) -> bool:
        """Leave out missed ticks that are too old to be made up; returns whether there were any."""
        if self.tick is None or self.tick > now - MAKE_UP_S:
            return False
        last = min(now, self.ends_at)
        first, latest = self.times.next_after(now - MAKE_UP_S), self.times.latest_until(last)
        if first is None or first > last:
            first = latest
        if first is None or first <= self.tick:
            return False
        self.memory = Memory(self.memory.spec, self.memory.anchor, first - 1.0, self.memory.turn)
        self.plan()
        return True

    @property
    def over(self) -> bool:
        """Whether the last tick of all was fired."""
        return self.tick is None and self.times.latest_until(self.memory.last) == self.memory.last

    @property
    def execution(self) -> str:
        """What tells this tick from every other one."""
        turn = f"/{self.memory.turn}" if self.memory.turn else ""
        return f"{self.key.removeprefix(PREFIX)}/{math.floor(self.tick or 0)}{turn}"


def make_timer(source: Source, memory: Memory | None, now: float) -> Timer | None:
    """The timer of a rule or schedule; None if it has no schedule or is disabled. Raises TimetableError."""
    noun = source.noun
    return _rule_timer(source, noun, memory, now) if isinstance(noun, Rule) else _timer(source, noun, memory, now)


def _rule_timer(source: Source, rule: Rule, memory: Memory | None, now: float) -> Timer | None:
    if rule.schedule_expression is None or rule.state == "DISABLED":
        return None
    timetable = parse(rule.schedule_expression, Dialect.RULE)
    spec = rule.schedule_expression
    # The first run of a rate is one period after the rule was made.
    made_at = _made_at(source, now)
    memory = _current(memory, spec, now) or Memory(spec, made_at, made_at)
    return Timer(f"{PREFIX}rule/{source.key}", source, times_of(timetable, start=memory.anchor), memory)


def _timer(source: Source, schedule: Schedule, memory: Memory | None, now: float) -> Timer | None:
    if schedule.state == "DISABLED":
        return None
    zone = find_zone(schedule.timezone)
    if zone is None:
        raise TimetableError(schedule.schedule_expression, Dialect.SCHEDULER, f"there is no zone {schedule.timezone!r}")
    timetable = parse(schedule.schedule_expression, Dialect.SCHEDULER)
    once = isinstance(timetable, At)
    starts_at = -math.inf if once else moment(schedule.start_date, -math.inf)
    ends_at = math.inf if once else moment(schedule.end_date, math.inf)
    spec = f"{schedule.schedule_expression} {schedule.timezone} {schedule.start_date or ''}".strip()
    memory = _current(memory, spec, now)
    if memory is None:
        made_at = _made_at(source, now)
        anchor = starts_at if starts_at > -math.inf else made_at
        # A rate fires at its start already.
        memory = Memory(spec, anchor, (anchor if isinstance(timetable, Rate) else made_at) - 1.0)
    window = schedule.flexible_time_window
    window_s = 60.0 * (window.maximum_window_m or 0) if window.mode == "FLEXIBLE" else 0.0
    times = times_of(timetable, start=memory.anchor, zone=zone)
    return Timer(f"{PREFIX}schedule/{source.key}", source, times, memory, 0, starts_at, ends_at, window_s)


def _made_at(source: Source, now: float) -> float:
    """When a schedule came into force, as a whole second: the count of its rate begins there."""
    at = source.modified_at or source.created_at
    return float(math.ceil(at if 0.0 < at <= now else now))


def _current(memory: Memory | None, spec: str, now: float) -> Memory | None:
    """The memory if it is of this schedule; counted anew if it lies in the future: the clock was ahead then."""
    if memory is None or memory.spec != spec:
        return None
    if memory.last > now + 1.0:
        return Memory(spec, min(memory.anchor, math.ceil(now)), math.floor(now), memory.turn + 1)
    return memory


def moment(text: str | None, otherwise: float) -> float:
    """Epoch seconds of an ISO date; UTC where it names no zone."""
    if not text:
        return otherwise
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError:
        return otherwise
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp()
