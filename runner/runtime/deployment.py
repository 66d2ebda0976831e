"""The one State that is in force, and the one way to change it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runner.model.errors import Conflict
from runner.model.state import State

SWAP_ATTEMPTS = 16  # a lost compare-and-set is decided again on the newer State


class States(Protocol):
    """Durable State: loaded once, then replaced by compare-and-set."""

    async def load(self) -> State: ...

    async def swap(self, before: State, after: State) -> None:
        """Replace `before` by `after` in one commit. Raises Conflict if `before` is not what is stored."""
        ...


class Deployment:
    """Holds the State in force; everyone else reads `state` and is told of changes.

    `change` is the only writer: control-plane calls and stack files both come through it.
    """

    def __init__(self, states: States, state: State) -> None:
        self._states = states
        self.state = state
        self._listeners: list[Callable[[State, State], None]] = []

    def subscribe(self, listener: Callable[[State, State], None]) -> None:
        """`listener(before, after)` runs synchronously after every swap; it must not block or raise."""
        self._listeners.append(listener)

    async def change(self, decide: Callable[[State], State]) -> State:
        """Apply a pure decision to the State in force and commit it; returns the State now in force.

        `decide` may raise (ApiError, InputError): then nothing happened. Returning the State it was given changes
        nothing either.
        """
        for _ in range(SWAP_ATTEMPTS):
            before = self.state
            after = decide(before)
            if after is before:
                return before
            try:
                await self._states.swap(before, after)
            except Conflict:
                continue
            self.state = after
            for listener in self._listeners:
                listener(before, after)
            return after
        raise Conflict(f"State kept changing; gave up after {SWAP_ATTEMPTS} attempts.")
