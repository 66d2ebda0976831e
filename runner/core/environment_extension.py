"""The life of one extension, as a table; the words are those of its error messages.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

from enum import StrEnum

LIMIT = 10  # extensions of one environment


class State(StrEnum):
    STARTED = "Started"  # its process runs
    REGISTERED = "Registered"
    READY = "Ready"  # waits for an event
    RUNNING = "Running"  # has one
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"


class Step(StrEnum):
    REGISTER = "Registered"
    NEXT = "Ready"
    EVENT = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "Exited"


STEPS: dict[State, dict[Step, State]] = {
    State.STARTED: {Step.REGISTER: State.REGISTERED},
    State.REGISTERED: {
        Step.NEXT: State.READY,
        Step.INIT_ERROR: State.INIT_ERROR,
        Step.EXIT_ERROR: State.EXIT_ERROR,
    },
    State.READY: {Step.EVENT: State.RUNNING, Step.EXIT_ERROR: State.EXIT_ERROR},
    State.RUNNING: {Step.NEXT: State.READY, Step.EXIT_ERROR: State.EXIT_ERROR},
    State.INIT_ERROR: {Step.INIT_ERROR: State.INIT_ERROR},
    State.EXIT_ERROR: {Step.EXIT_ERROR: State.EXIT_ERROR},
}


def invalid_event(event: str, *, external: bool) -> str | None:
    """Why an extension cannot register for an event; None if it can."""
    if event == "INVOKE" or (event == "SHUTDOWN" and external):
        return None
    why = "ShutdownEventNotSupportedForInternalExtension" if event == "SHUTDOWN" else "ErrorInvalidEventType"
    return f"{event}: {why}"
