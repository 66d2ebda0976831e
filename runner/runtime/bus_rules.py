"""The rules of one bus, compiled and indexed, and kept so while State changes.

A change is noted at once and worked off in slices between which the loop does other things: neither ten thousand rules
deployed together nor one put among them holds up anybody else. Matching comes after `settle`, so an event meets all
rules that were in force when it is matched.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque

from runner.core.patterns import Index
from runner.host.clock import Clock
from runner.model.events import Rule
from runner.model.names import Place
from runner.model.state import Deployed
from runner.runtime.rule_targets import CompiledRule, Event, compile_rule

log = logging.getLogger(__name__)

SLICE_S = 0.002  # real seconds that compiling goes on before it lets others in


class BusRules:
    """What is compiled of each rule is kept for as long as the rule is the same value in State."""

    def __init__(self, place: Place, clock: Clock) -> None:
        self._place = place
        self._clock = clock
        self._waiting: deque[tuple[str, Deployed[Rule] | None]] = deque()
        self._rules: dict[str, CompiledRule] = {}
        self._index: Index[str] = Index()

    def note(self, key: str, deployed: Deployed[Rule] | None) -> None:
        """A rule was put into State, or taken out of it (None)."""
        self._waiting.append((key, deployed))

    async def settle(self) -> None:
        """Compile what was noted. When this returns nothing is left, until the next `await`."""
        while self._waiting:
            begun = self._clock.elapsed()
            while self._waiting and self._clock.elapsed() - begun < SLICE_S:
                self._take(*self._waiting.popleft())
            if self._waiting:
                await asyncio.sleep(0)

    def match(self, event: Event) -> list[CompiledRule]:
        """The rules that an event matches."""
        return [self._rules[key] for key in self._index.match(event.parsed)]

    def _take(self, key: str, deployed: Deployed[Rule] | None) -> None:
        old = self._rules.pop(key, None)
        if deployed is None:
            self._index.drop(key)
            return
        try:
            rule = compile_rule(deployed, self._place, old)
        except Exception:
            log.exception("Rule %s matches nothing: it could not be compiled", key)
            self._index.drop(key)
            return
        self._rules[key] = rule
        if rule.live_pattern is None:
            self._index.drop(key)
        elif old is None or rule.live_pattern is not old.live_pattern:
            self._index.put(key, rule.live_pattern)
