"""The queue verbs against the plainest model of them: a list."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from runner.store.ports import REMEMBER_S, Depth, Lease, Message
from runner.store.sqlite import SqliteStore
from tests.store.contract import ManualClock

T = TypeVar("T")


@dataclass
class Known:
    """One message as the model sees it."""

    id: str
    sequence: int
    group: str
    visible_at: float
    sent_at: float
    deliveries: int = 0
    leased: bool = False

    @property
    def key(self) -> tuple[str, float]:
        """An id may come again once it is forgotten, at another time."""
        return self.id, self.sent_at


class QueueModel:
    """Everything the ports promise about one queue, said without any cleverness."""

    def __init__(self) -> None:
        self.messages: list[Known] = []
        self.accepted: dict[str, float] = {}
        self.sent = 0

    def send(self, message: Message, now: float) -> bool:
        if message.id in self.accepted and self.accepted[message.id] > now - REMEMBER_S:
            return False
        self.accepted[message.id] = now
        self.sent += 1
        self.messages.append(Known(message.id, self.sent, message.group, message.visible_at, now))
        return True

    def may_lease(self, known: Known, now: float) -> bool:
        """Visible, and of its group nothing earlier is held or hidden."""
        peers = [other for other in self.messages if other.group == known.group] if known.group else []
        earlier = any(other.visible_at > now for other in peers if other.sequence < known.sequence)
        return known.visible_at <= now and not earlier

    def leased(self, known: Known | None, until: float) -> None:
        assert known is not None
        known.visible_at, known.leased = until, True
        known.deliveries += 1

    def find(self, lease: Lease) -> Known | None:
        return next((known for known in self.messages if known.key == (lease.id, lease.sent_at)), None)

    def depth(self, now: float) -> Depth:
        hidden = [known for known in self.messages if known.visible_at > now]
        leased = sum(known.leased for known in hidden)
        return Depth(len(self.messages) - len(hidden), leased, len(hidden) - leased)


class QueueMachine(RuleBasedStateMachine):
    @initialize()
    def start(self) -> None:
        self.folder = tempfile.TemporaryDirectory()
        self.path = Path(self.folder.name) / "state.db"
        self.loop = asyncio.new_event_loop()
        self.store = self.open()
        self.model = QueueModel()
        self.now = 1.0
        self.leases: list[Lease] = []

    def open(self) -> SqliteStore:
        return SqliteStore.open(self.path, clock=ManualClock())

    def run(self, work: Awaitable[T]) -> T:
        return self.loop.run_until_complete(work)  # type: ignore[arg-type]

    @rule(
        names=st.lists(st.sampled_from("abcdefghijklmnop"), min_size=1, max_size=4),
        group=st.sampled_from(["", "", "g", "h"]),
        delay=st.sampled_from([0, 0, 3]),
        size=st.sampled_from([1, 5_000]),
    )
    def send(self, names: list[str], group: str, delay: int, size: int) -> None:
        messages = [Message(name, name.encode() * size, self.now + delay, group) for name in names]
        expected = [self.model.send(message, self.now) for message in messages]
        assert list(self.run(self.store.send("q", messages, now=self.now))) == expected

    @rule(limit=st.integers(1, 5), for_s=st.sampled_from([1, 5, 50]))
    def lease(self, limit: int, for_s: int) -> None:
        until = self.now + for_s
        allowed = {known.key: known for known in self.model.messages if self.model.may_lease(known, self.now)}
        leases = self.run(self.store.lease("q", limit=limit, now=self.now, until=until))
        assert len(leases) == min(limit, len(allowed))
        for lease in leases:
            known = allowed.pop((lease.id, lease.sent_at))
            ahead = [other for other in allowed.values() if other.group == known.group and known.group]
            assert all(other.sequence > known.sequence for other in ahead)
            assert (lease.id, lease.group, lease.deliveries) == (known.id, known.group, known.deliveries + 1)
            assert lease.body[:1] == known.id.encode()
        for lease in leases:
            self.model.leased(self.model.find(lease), until)
        self.leases += leases

    def pick(self, index: int) -> tuple[Lease, Known | None] | None:
        if not self.leases:
            return None
        lease = self.leases[index % len(self.leases)]
        known = self.model.find(lease)
        ours = known is not None and known.leased and known.deliveries == lease.deliveries
        return lease, known if ours else None

    @rule(index=st.integers(0, 50))
    def ack(self, index: int) -> None:
        if picked := self.pick(index):
            lease, known = picked
            assert list(self.run(self.store.ack("q", [lease.receipt]))) == [known is not None]
            if known is not None:
                self.model.messages.remove(known)

    @rule(index=st.integers(0, 50), in_s=st.sampled_from([0, 2]))
    def release(self, index: int, in_s: int) -> None:
        if picked := self.pick(index):
            lease, known = picked
            at = self.now + in_s
            assert self.run(self.store.release("q", lease.receipt, visible_at=at)) == (known is not None)
            if known is not None:
                known.leased, known.visible_at = False, at

    @rule(index=st.integers(0, 50), for_s=st.sampled_from([0, 4, 40]))
    def extend(self, index: int, for_s: int) -> None:
        if picked := self.pick(index):
            lease, known = picked
            until = self.now + for_s
            assert self.run(self.store.extend("q", lease.receipt, until=until)) == (known is not None)
            if known is not None:
                known.visible_at = until

    @rule(by_s=st.sampled_from([1, 6, REMEMBER_S]))
    def time_passes(self, by_s: float) -> None:
        self.now += by_s

    @rule(age_s=st.sampled_from([0, 3, 10_000]))
    def purge(self, age_s: float) -> None:
        before = self.now - age_s
        kept = [known for known in self.model.messages if known.sent_at >= before]
        assert self.run(self.store.purge("q", before=before)) == len(self.model.messages) - len(kept)
        self.model.messages = kept

    @rule()
    def restart(self) -> None:
        self.run(self.store.aclose())
        self.store = self.open()

    @invariant()
    def depth_agrees(self) -> None:
        if hasattr(self, "store"):
            assert self.run(self.store.depth("q", now=self.now)) == self.model.depth(self.now)

    def teardown(self) -> None:
        if hasattr(self, "store"):
            self.run(self.store.aclose())
            self.loop.close()
            self.folder.cleanup()


QueueMachine.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
TestQueueModel = pytest.mark.slow(QueueMachine.TestCase)
