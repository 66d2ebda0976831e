"""The life of one execution environment, as a table.

An environment outlives its process: after a timeout, a crash or a failed init it is reset, keeps its `/tmp` and its log
stream, and starts a new process inside the next invocation (Lambda's suppressed init).

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
"""

from __future__ import annotations

from enum import StrEnum


class Word(StrEnum):
    """Hashed as the string it is: the table is looked up several times for each invocation."""

    __hash__ = str.__hash__


class Life(Word):
    STARTING = "starting"  # init phase: process spawned, has not asked for work yet
    IDLE = "idle"  # waiting on `next`
    FROZEN = "frozen"  # idle, and stopped until it is used
    BUSY = "busy"  # holds one invocation
    ANSWERED = "answered"  # has answered it, has not asked for the next one yet
    RESET = "reset"  # idle without a process
    RESTARTING = "restarting"  # holds one invocation, its process runs init again
    DRAINING = "draining"  # holds one invocation, and takes no more after it
    STOPPING = "stopping"  # told to end
    GONE = "gone"


class Event(Word):
    READY = "ready"  # the process asks for work
    FROZE = "froze"
    LEASED = "leased"  # given an invocation
    ANSWERED = "answered"  # the response or the error is in
    SERVED = "served"  # the response is in, and the process asks for work again
    FAILED = "failed"  # the process is no more: crashed, exited, timed out, or init went wrong
    RETIRED = "retired"  # its version is replaced, it is idle too long, or the runner stops
    EXITED = "exited"  # the process ended after it was told to


LIFE: dict[Life, dict[Event, Life]] = {
    Life.STARTING: {Event.READY: Life.IDLE, Event.FAILED: Life.RESET, Event.RETIRED: Life.STOPPING},
    Life.IDLE: {
        Event.LEASED: Life.BUSY,
        Event.FROZE: Life.FROZEN,
        Event.FAILED: Life.RESET,
        Event.RETIRED: Life.STOPPING,
    },
    Life.FROZEN: {Event.LEASED: Life.BUSY, Event.FAILED: Life.RESET, Event.RETIRED: Life.STOPPING},
    Life.BUSY: {
        Event.ANSWERED: Life.ANSWERED,
        Event.SERVED: Life.IDLE,
        Event.FAILED: Life.RESET,
        Event.RETIRED: Life.DRAINING,
    },
    Life.ANSWERED: {Event.READY: Life.IDLE, Event.FAILED: Life.RESET, Event.RETIRED: Life.STOPPING},
    Life.RESET: {Event.LEASED: Life.RESTARTING, Event.RETIRED: Life.GONE},
    Life.RESTARTING: {Event.READY: Life.BUSY, Event.FAILED: Life.RESET, Event.RETIRED: Life.DRAINING},
    Life.DRAINING: {
        Event.READY: Life.DRAINING,
        Event.ANSWERED: Life.STOPPING,
        Event.SERVED: Life.STOPPING,
        Event.FAILED: Life.GONE,
    },
    Life.STOPPING: {Event.READY: Life.STOPPING, Event.EXITED: Life.GONE, Event.FAILED: Life.GONE},
    Life.GONE: {},
}

IDLE, RESTARTING = Life.IDLE, Life.RESTARTING  # a member looked up in its class costs as much as a call
LEASED = {life: events[Event.LEASED] for life, events in LIFE.items() if Event.LEASED in events}
SERVED = {life: events[Event.SERVED] for life, events in LIFE.items() if Event.SERVED in events}
"""What the table says of the two events that each invocation consists of."""

HOLDING = frozenset({Life.BUSY, Life.RESTARTING, Life.DRAINING})
"""States in which an invocation waits for its answer."""


def after(life: Life, event: Event) -> Life:
    """The next state. An event that is not in the table is a bug in the caller, not a condition."""
    return LIFE[life][event]
