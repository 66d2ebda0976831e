"""What every implementation of the store's ports must do. Subclass, say how to open one, and run."""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any

import pytest

from runner.model.errors import Conflict
from runner.store.ports import REMEMBER_S, Depth, Logs, Message, Queues, Records

LIMIT_S = 20.0  # no history may hang


class Store(Records, Queues, Logs):
    """The three ports as one object."""


class ManualClock:
    """Domain time that stands still until it is moved; sleepers wake when it passes their moment."""

    def __init__(self, at: float = 1_000.0) -> None:
        self.at = at
        self._sleepers: list[tuple[float, asyncio.Future[None]]] = []

    def now(self) -> float:
        return self.at

    async def sleep_until(self, at: float) -> None:
        if at > self.at:
            sleeper: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._sleepers.append((at, sleeper))
            await sleeper

    def advance(self, by_s: float) -> None:
        self.at += by_s
        for at, sleeper in self._sleepers:
            if at <= self.at and not sleeper.done():
                sleeper.set_result(None)

    async def someone_sleeps(self) -> None:
        """Until a caller waits for a later moment."""
        while not any(not sleeper.done() for _, sleeper in self._sleepers):
            await asyncio.sleep(0)


History = Callable[[Any, Any, ManualClock], Awaitable[None]]


def history(told: History) -> Callable[[Any, Any], None]:
    """A test told as a coroutine over an open store and a clock that it moves by hand."""

    @functools.wraps(told)
    def test(self: StoreContract, place: Any) -> None:
        async def tell() -> None:
            clock = ManualClock()
            async with self.open(place, clock) as store, asyncio.timeout(LIMIT_S):
                await told(self, store, clock)

        asyncio.run(tell())

    del test.__wrapped__  # pytest would ask for the coroutine's parameters
    return test


def message(message_id: str, *, at: float = 0.0, group: str = "", body: bytes | None = None) -> Message:
    return Message(message_id, body if body is not None else message_id.encode(), at, group)


async def ids(store: Queues, *, limit: int = 10, now: float, until: float = 10**9) -> list[str]:
    return [lease.id for lease in await store.lease("q", limit=limit, now=now, until=until)]


class StoreContract:
    """Subclasses give a fixture `place` and `open(place, clock)`, an async context manager around one store."""

    def open(self, place: Any, clock: ManualClock) -> AbstractAsyncContextManager[Store]:
        raise NotImplementedError

    # records

    @history
    async def test_a_record_is_created_once(self, store: Store, clock: ManualClock) -> None:
        assert await store.get("a") is None
        assert await store.put("a", b"1", expected=0) > 0
        with pytest.raises(Conflict):
            await store.put("a", b"2", expected=0)
        record = await store.get("a")
        assert record is not None
        assert record.value == b"1"

    @history
    async def test_a_record_is_replaced_only_at_its_revision(self, store: Store, clock: ManualClock) -> None:
        first = await store.put("a", b"1", expected=0)
        second = await store.put("a", b"2", expected=first)
        with pytest.raises(Conflict):
            await store.put("a", b"3", expected=first)
        with pytest.raises(Conflict):
            await store.delete("a", expected=first)
        await store.delete("a", expected=second)
        assert await store.get("a") is None

    @history
    async def test_a_scan_returns_the_keys_under_a_prefix_in_order(self, store: Store, clock: ManualClock) -> None:
        for key in ("a/2", "a/1", "a", "b/1", "a0", "á/1", "a/é"):
            await store.put(key, key.encode(), expected=0)
        assert [record.key for record in await store.scan("a/")] == ["a/1", "a/2", "a/é"]
        assert [record.key for record in await store.scan("á")] == ["á/1"]
        assert len(await store.scan("")) == 7

    @history
    async def test_of_many_who_put_at_once_one_wins(self, store: Store, clock: ManualClock) -> None:
        outcomes = await asyncio.gather(
            *(store.put("a", bytes([n]), expected=0) for n in range(20)), return_exceptions=True
        )
        assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 19

    # queues

    @history
    async def test_messages_come_in_the_order_of_sending(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a"), message("b")], now=1)
        await store.send("q", [message("c")], now=2)
        assert await ids(store, limit=2, now=3) == ["a", "b"]
        assert await ids(store, limit=2, now=3) == ["c"]

    @history
    async def test_a_lease_tells_all_about_its_message(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a", body=b"x" * 200_000)], now=1)
        (lease,) = await store.lease("q", limit=1, now=2, until=3)
        assert (lease.queue, lease.id, lease.body, lease.deliveries) == ("q", "a", b"x" * 200_000, 1)
        assert (lease.sent_at, lease.first_leased_at, lease.until, lease.group) == (1, 2, 3, "")
        (again,) = await store.lease("q", limit=1, now=4, until=5)
        assert (again.deliveries, again.first_leased_at, again.sent_at) == (2, 2, 1)
        assert again.receipt != lease.receipt
        assert again.body == lease.body

    @history
    async def test_an_id_is_accepted_once_while_it_is_remembered(self, store: Store, clock: ManualClock) -> None:
        assert list(await store.send("q", [message("a"), message("b"), message("a")], now=1)) == [True, True, False]
        leases = await store.lease("q", limit=10, now=1, until=10)
        await store.ack("q", [lease.receipt for lease in leases])
        assert list(await store.send("q", [message("a")], now=REMEMBER_S)) == [False]
        assert list(await store.send("q", [message("a")], now=REMEMBER_S + 2)) == [True]
        assert list(await store.send("q", [message("a")], now=REMEMBER_S + 3)) == [False]
        assert list(await store.send("other", [message("a")], now=1)) == [True]

    @history
    async def test_ids_are_forgotten_in_the_end(self, store: Store, clock: ManualClock) -> None:
        async def again(name: str, now: float) -> list[bool]:
            return list(await store.send("q", [message(f"{name} {n}") for n in range(9)], now=now))

        assert await again("a", 1) == [True] * 9
        assert await again("b", REMEMBER_S) == [True] * 9
        assert await again("a", REMEMBER_S) == [False] * 9
        assert await again("c", REMEMBER_S + 2) == [True] * 9
        assert await again("b", REMEMBER_S + 2) == [False] * 9
        assert await again("a", REMEMBER_S + 2) == [True] * 9
        assert await again("b", 2 * REMEMBER_S + 1) == [True] * 9
        assert await again("c", 2 * REMEMBER_S + 1) == [False] * 9
        assert await again("c", 9 * REMEMBER_S) == [True] * 9
        assert await again("c", 9 * REMEMBER_S + 1) == [False] * 9

    @history
    async def test_a_delayed_message_is_not_seen_before_its_time(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("later", at=5), message("now")], now=1)
        assert await ids(store, now=4) == ["now"]
        assert await ids(store, now=5) == ["later"]

    @history
    async def test_an_expired_lease_can_still_be_finished(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a")], now=1)
        (lease,) = await store.lease("q", limit=1, now=1, until=2)
        assert list(await store.ack("q", [lease.receipt])) == [True]
        assert list(await store.ack("q", [lease.receipt])) == [False]
        assert await ids(store, now=9) == []

    @history
    async def test_a_lease_is_lost_once_the_message_is_leased_again(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a")], now=1)
        (old,) = await store.lease("q", limit=1, now=1, until=2)
        (new,) = await store.lease("q", limit=1, now=2, until=9)
        assert list(await store.ack("q", [old.receipt])) == [False]
        assert not await store.extend("q", old.receipt, until=99)
        assert not await store.release("q", old.receipt, visible_at=3)
        assert list(await store.ack("q", [new.receipt])) == [True]

    @history
    async def test_receipts_that_never_were_are_lost_leases(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a")], now=1)
        (lease,) = await store.lease("q", limit=1, now=1, until=2)
        assert list(await store.ack("q", ["", "x", "1.2.3", "99.1", "²"])) == [False] * 5
        assert list(await store.ack("other", [lease.receipt])) == [False]
        assert not await store.extend("q", "x", until=99)

    @history
    async def test_a_released_message_is_seen_at_its_new_time(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a")], now=1)
        (lease,) = await store.lease("q", limit=1, now=1, until=99)
        assert await store.release("q", lease.receipt, visible_at=5)
        assert list(await store.ack("q", [lease.receipt])) == [False]
        assert await ids(store, now=4) == []
        assert await ids(store, now=5) == ["a"]

    @history
    async def test_an_extended_lease_ends_later(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a")], now=1)
        (lease,) = await store.lease("q", limit=1, now=1, until=2)
        assert await store.extend("q", lease.receipt, until=10)
        assert await ids(store, now=9) == []
        assert await store.extend("q", lease.receipt, until=3)
        assert await ids(store, now=9) == ["a"]

    @history
    async def test_depth_counts_what_is_visible_leased_and_delayed(self, store: Store, clock: ManualClock) -> None:
        assert await store.depth("q", now=1) == Depth(0, 0, 0)
        await store.send("q", [message("a"), message("b"), message("c"), message("d", at=50)], now=1)
        await store.send("q", [message("e", group="g")], now=1)
        await store.lease("q", limit=1, now=2, until=10)
        assert await store.depth("q", now=3) == Depth(3, 1, 1)
        assert await store.depth("q", now=11) == Depth(4, 0, 1)

    @history
    async def test_purging_drops_all_or_the_old(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a"), message("b", group="g")], now=1)
        await store.send("q", [message("c", group="g"), message("d", body=b"d" * 9000)], now=5)
        (leased,) = await store.lease("q", limit=1, now=6, until=99)
        assert await store.purge("q", before=5) == 2
        assert list(await store.ack("q", [leased.receipt])) == [False]
        assert sorted(await ids(store, now=7, until=8)) == ["c", "d"]
        assert await store.purge("q") == 2
        assert await store.purge("none") == 0
        assert await ids(store, now=99) == []
        assert list(await store.queues("")) == []

    @history
    async def test_queues_are_listed_while_they_hold_messages(self, store: Store, clock: ManualClock) -> None:
        await store.send("a/1", [message("x")], now=1)
        await store.send("a/2", [message("x", group="g")], now=1)
        await store.send("b/1", [message("x")], now=1)
        assert list(await store.queues("a/")) == ["a/1", "a/2"]
        (lease,) = await store.lease("a/1", limit=1, now=1, until=9)
        await store.ack("a/1", [lease.receipt])
        assert list(await store.queues("")) == ["a/2", "b/1"]

    # groups

    @history
    async def test_a_group_is_a_line(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message(f"{group}{n}", group=group) for n in range(3) for group in "ab"], now=1)
        first = await store.lease("q", limit=1, now=2, until=10)
        assert [lease.id for lease in first] == ["a0"]
        second = await store.lease("q", limit=10, now=2, until=10)
        assert [lease.id for lease in second] == ["b0", "b1", "b2"]
        assert await ids(store, now=3) == []
        await store.ack("q", [first[0].receipt])
        assert await ids(store, now=3) == ["a1", "a2"]

    @history
    async def test_what_is_given_back_first_is_handed_out_again_first(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message(f"a{n}", group="a") for n in range(4)], now=1)
        zero, one, _two = await store.lease("q", limit=3, now=2, until=10)
        await store.release("q", one.receipt, visible_at=3)
        assert await ids(store, now=3) == []  # behind the first
        await store.release("q", zero.receipt, visible_at=3)
        assert await ids(store, now=3) == ["a0", "a1"]  # the third is held by its first holder

    @history
    async def test_a_group_waits_for_its_delayed_first_message(self, store: Store, clock: ManualClock) -> None:
        await store.send(
            "q", [message("a0", at=9, group="a"), message("a1", group="a"), message("b0", group="b")], now=1
        )
        assert await ids(store, now=5) == ["b0"]
        assert await ids(store, now=9) == ["a0", "a1"]

    @history
    async def test_an_expired_group_is_handed_over_in_order(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message(f"a{n}", group="a") for n in range(3)], now=1)
        old = await store.lease("q", limit=2, now=2, until=5)
        new = await store.lease("q", limit=5, now=6, until=9)
        assert [lease.id for lease in new] == ["a0", "a1", "a2"]
        assert list(await store.ack("q", [lease.receipt for lease in old])) == [False, False]

    # waiting

    @history
    async def test_a_waiter_is_woken_by_a_send(self, store: Store, clock: ManualClock) -> None:
        waiter = asyncio.ensure_future(store.lease("q", limit=1, now=1, until=9, wait_s=LIMIT_S))
        for _turn in range(20):
            await asyncio.sleep(0)
        assert not waiter.done()
        await store.send("q", [message("a")], now=1)
        assert [lease.id for lease in await waiter] == ["a"]

    @history
    async def test_a_waiter_is_woken_by_a_release_and_by_an_extension_to_now(
        self, store: Store, clock: ManualClock
    ) -> None:
        await store.send("q", [message("a")], now=1)
        for give_up in ("release", "extend"):
            (lease,) = await store.lease("q", limit=1, now=1, until=99)
            waiter = asyncio.ensure_future(store.lease("q", limit=1, now=1, until=1, wait_s=LIMIT_S))
            for _turn in range(20):
                await asyncio.sleep(0)
            assert not waiter.done()
            if give_up == "release":
                await store.release("q", lease.receipt, visible_at=1)
            else:
                await store.extend("q", lease.receipt, until=1)
            assert [lease.id for lease in await waiter] == ["a"]

    @history
    async def test_a_waiter_is_woken_when_a_held_group_is_done_with(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a0", group="a"), message("a1", group="a")], now=1)
        (lease,) = await store.lease("q", limit=1, now=1, until=99)
        waiter = asyncio.ensure_future(store.lease("q", limit=1, now=1, until=99, wait_s=LIMIT_S))
        for _turn in range(20):
            await asyncio.sleep(0)
        assert not waiter.done()
        await store.ack("q", [lease.receipt])
        assert [lease.id for lease in await waiter] == ["a1"]

    @history
    async def test_a_waiter_is_woken_when_a_message_becomes_visible(self, store: Store, clock: ManualClock) -> None:
        now = clock.now()
        await store.send("q", [message("a", at=now + 30)], now=now)
        waiter = asyncio.ensure_future(store.lease("q", limit=1, now=now, until=now + 5, wait_s=LIMIT_S))
        await clock.someone_sleeps()
        clock.advance(29)
        assert not waiter.done()
        clock.advance(2)
        (lease,) = await waiter
        assert lease.until == now + 36  # the lease is as long as was asked for, from when it was made
        assert lease.first_leased_at == now + 31

    @history
    async def test_a_waiter_gives_up_in_the_end(self, store: Store, clock: ManualClock) -> None:
        assert list(await store.lease("q", limit=1, now=1, until=9, wait_s=0.01)) == []

    @history
    async def test_many_waiters_share_what_comes(self, store: Store, clock: ManualClock) -> None:
        waiters = [asyncio.ensure_future(store.lease("q", limit=1, now=1, until=9, wait_s=LIMIT_S)) for _n in range(8)]
        await asyncio.sleep(0)
        for n in range(8):
            await store.send("q", [message(str(n))], now=1)
        leases = [lease.id for batch in await asyncio.gather(*waiters) for lease in batch]
        assert sorted(leases) == [str(n) for n in range(8)]

    @history
    async def test_what_a_cancelled_caller_was_leasing_is_given_back(self, store: Store, clock: ManualClock) -> None:
        await store.send("q", [message("a")], now=1)
        for turns in range(6):
            caller = asyncio.ensure_future(store.lease("q", limit=1, now=1, until=10**6, wait_s=LIMIT_S))
            for _turn in range(turns):
                await asyncio.sleep(0)
            caller.cancel()
            (outcome,) = await asyncio.gather(caller, return_exceptions=True)
            if not isinstance(outcome, BaseException):  # it was faster
                await store.release("q", outcome[0].receipt, visible_at=1)
            (lease,) = await store.lease("q", limit=1, now=1, until=10**6, wait_s=LIMIT_S)
            await store.release("q", lease.receipt, visible_at=1)

    # logs

    @history
    async def test_a_log_counts_from_one_and_is_read_from_anywhere(self, store: Store, clock: ManualClock) -> None:
        assert await store.last("l") == 0
        assert list(await store.read("l", after=0, limit=5)) == []
        assert await store.append("l", [(1.0, b"a"), (2.0, b"b")]) == 2
        assert await store.append("l", [(3.0, b"c")]) == 3
        assert [(entry.sequence, entry.body, entry.at) for entry in await store.read("l", after=1, limit=5)] == [
            (2, b"b", 2.0),
            (3, b"c", 3.0),
        ]
        assert [entry.body for entry in await store.read("l", after=0, limit=2)] == [b"a", b"b"]
        assert [entry.body for entry in await store.read("l", after=0, limit=2, newest=True)] == [b"b", b"c"]
        assert await store.last("l") == 3

    @history
    async def test_an_entry_may_take_several_sequences(self, store: Store, clock: ManualClock) -> None:
        assert await store.append("l", [(1.0, b"a"), (2.0, b"b")], counts=[3, 1]) == 4
        assert await store.append("l", [(3.0, b"c")], counts=[5]) == 9
        assert await store.append("l", [(4.0, b"d")]) == 10
        everything = await store.read("l", after=0, limit=9)
        assert [(entry.sequence, entry.body) for entry in everything] == [(3, b"a"), (4, b"b"), (9, b"c"), (10, b"d")]
        assert [entry.body for entry in await store.read("l", after=5, limit=1)] == [b"c"]
        await store.trim("l", before=4.0)
        assert await store.append("l", [(5.0, b"e")], counts=[2]) == 12
        assert await store.last("l") == 12

    @history
    async def test_trimming_never_gives_a_sequence_again(self, store: Store, clock: ManualClock) -> None:
        await store.append("l", [(1.0, b"a"), (2.0, b"b")])
        await store.trim("l", before=3)
        assert list(await store.read("l", after=0, limit=5)) == []
        assert await store.last("l") == 2
        assert await store.append("l", [(3.0, b"c")]) == 3
        await store.trim("none", before=3)

    @history
    async def test_logs_are_listed_by_prefix(self, store: Store, clock: ManualClock) -> None:
        for name in ("logs/b/1", "logs/a/2", "logs/a/1", "other"):
            await store.append(name, [(1.0, b"")])
        assert list(await store.logs("logs/a/")) == ["logs/a/1", "logs/a/2"]
