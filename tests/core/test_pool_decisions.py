"""What a pool decides: a table for the rules, and a model that holds for any history."""

from __future__ import annotations

from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from runner.core.pool import Pool, Start, Stop, Use, Why
from runner.core.pool_admission import Admission, Limits, Share, Throttle


def started(pool: Pool[str, str], *names: str, why: Why = Why.DEMAND) -> None:
    for name in names:
        pool.pending[why] += 1
        pool.started(name, why)
        pool.ready(name)


def test_the_most_recently_used_environment_is_used_first() -> None:
    pool: Pool[str, str] = Pool()
    started(pool, "a", "b")
    assert pool.take() == "b"
    assert pool.take() == "a"
    assert pool.take() is None


def test_one_without_a_process_is_used_last() -> None:
    pool: Pool[str, str] = Pool()
    started(pool, "a", "b")
    pool.take()
    pool.was_reset("b")
    assert [pool.take(), pool.take()] == ["a", "b"]


def test_a_waiting_invocation_takes_whatever_is_free_first() -> None:
    pool: Pool[str, str] = Pool()
    started(pool, "a")
    pool.take()
    pool.wait("second")
    assert pool.grow(4) == [Start(Why.DEMAND)]
    assert pool.ready("a") == [Use("a", "second")]
    assert pool.grow(4) == []


def test_a_herd_starts_no_more_than_the_slots_there_are() -> None:
    pool: Pool[str, int] = Pool()
    for number in range(100):
        pool.wait(number)
    assert len(pool.grow(4)) == 4
    assert len(pool.grow(4)) == 4  # the first four are on their way
    assert len(pool.grow(1000)) == 92
    assert pool.grow(1000) == []


def test_nothing_is_started_while_one_that_has_answered_is_about_to_be_ready() -> None:
    pool: Pool[str, str] = Pool()
    started(pool, "a")
    pool.take()
    pool.answered("a")
    pool.wait("second")
    assert pool.grow(4) == []
    pool.late("a")
    assert pool.grow(4) == [Start(Why.DEMAND)]


def test_a_failed_init_serves_the_invocation_that_waits_for_it() -> None:
    pool: Pool[str, str] = Pool()
    pool.wait("first")
    pool.grow(1)
    pool.started("a", Why.DEMAND)
    assert pool.was_reset("a") == [Use("a", "first")]


def test_provisioned_environments_are_started_ahead_used_first_and_do_not_expire() -> None:
    pool: Pool[str, str] = Pool(provisioned=1)
    assert pool.grow(4) == [Start(Why.PROVISIONED)]
    pool.started("kept", Why.PROVISIONED)
    assert pool.available == 0
    pool.ready("kept")
    assert pool.available == 1
    started(pool, "extra")
    assert pool.take() == "kept"
    pool.ready("kept")
    assert pool.expire({"kept", "extra"}) == [Stop("extra", Why.IDLE)]


def test_lower_provisioned_concurrency_ends_what_is_idle() -> None:
    pool: Pool[str, str] = Pool(provisioned=2)
    pool.grow(4)
    for name in ("a", "b"):
        pool.started(name, Why.PROVISIONED)
        pool.ready(name)
    assert len(pool.provision(1)) == 1
    assert pool.available == 1


def test_retiring_ends_what_is_idle_and_hands_back_what_waits() -> None:
    pool: Pool[str, str] = Pool()
    started(pool, "a", "b")
    pool.take()
    pool.wait("late")
    stops, waiting = pool.retire()
    assert stops == [Stop("a", Why.REPLACED)]
    assert waiting == ["late"]
    assert pool.ready("b") == [Stop("b", Why.REPLACED)]
    assert pool.grow(5) == []


def test_a_start_that_came_to_nothing_leaves_nobody_waiting() -> None:
    pool: Pool[str, str] = Pool()
    pool.wait("only")
    pool.grow(1)
    assert pool.abandoned(Why.DEMAND) == ["only"]


@dataclass
class Seen:
    waiting: list[int] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    stopped: set[str] = field(default_factory=set)
    served: list[int] = field(default_factory=list)


class PoolModel(RuleBasedStateMachine):
    """Any history: no environment holds two invocations, none is used after its end, invocations are served in turn."""

    def __init__(self) -> None:
        super().__init__()
        self.pool: Pool[str, int] = Pool()
        self.seen = Seen()
        self.count = 0
        self.starting: list[str] = []
        self.slots = 3

    def carry_out(self, actions: list[Use[str, int] | Start | Stop[str]] | list[Stop[str]]) -> None:
        for action in actions:
            match action:
                case Use(environment, request):
                    assert environment not in self.seen.held
                    assert environment not in self.seen.stopped
                    assert request == self.seen.waiting.pop(0)
                    self.seen.held[environment] = request
                case Stop(environment):
                    assert environment not in self.seen.held
                    self.seen.stopped.add(environment)
                case Start():
                    raise AssertionError("starts come from grow only")

    def grow(self) -> None:
        for start in self.pool.grow(self.slots - len(self.starting)):
            self.count += 1
            name = f"e{self.count}"
            self.pool.started(name, start.why)
            self.starting.append(name)
        assert len(self.starting) <= self.slots

    @rule()
    def invoke(self) -> None:
        self.count += 1
        environment = self.pool.take()
        if environment is not None:
            assert environment not in self.seen.held
            assert environment not in self.seen.stopped
            self.seen.held[environment] = self.count
        elif not self.pool.retired:
            self.pool.wait(self.count)
            self.seen.waiting.append(self.count)
        self.grow()

    @precondition(lambda self: self.starting)
    @rule(works=st.booleans(), data=st.data())
    def init_ends(self, works: bool, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.starting))
        self.starting.remove(name)
        self.carry_out(self.pool.ready(name) if works else self.pool.was_reset(name))
        self.grow()

    @precondition(lambda self: self.seen.held)
    @rule(works=st.booleans(), data=st.data())
    def invocation_ends(self, works: bool, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.seen.held)))
        self.seen.served.append(self.seen.held.pop(name))
        self.carry_out(self.pool.ready(name) if works else self.pool.was_reset(name))
        self.grow()

    @precondition(lambda self: self.seen.held)
    @rule(late=st.booleans(), data=st.data())
    def invocation_is_answered(self, late: bool, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.seen.held)))
        self.pool.answered(name)
        if late:
            self.pool.late(name)
            self.grow()

    @rule(count=st.integers(0, 3))
    def provision(self, count: int) -> None:
        if not self.pool.retired:
            self.carry_out(self.pool.provision(count))
            self.grow()

    @rule()
    def expire(self) -> None:
        self.carry_out(self.pool.expire({*self.pool.idle, *self.pool.reset}))

    @rule()
    def retire(self) -> None:
        stops, waiting = self.pool.retire()
        self.carry_out(stops)
        assert waiting == self.seen.waiting
        self.seen.waiting.clear()

    @invariant()
    def nobody_waits_in_vain(self) -> None:
        if self.seen.waiting:
            assert self.starting or self.seen.held
            assert not self.pool.idle
            assert not self.pool.reset

    @invariant()
    def the_pool_knows_who_is_busy(self) -> None:
        assert self.pool.busy == set(self.seen.held)
        assert list(self.pool.waiting) == self.seen.waiting


PoolModel.TestCase.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
TestPoolModel = PoolModel.TestCase


def test_functions_without_a_reservation_share_what_is_left() -> None:
    admission = Admission(Limits(account=3, reserved={"apart": 2}))
    assert admission.admit("a") is Share.ACCOUNT
    assert admission.admit("b") is Throttle.ACCOUNT
    assert admission.admit("apart") is Share.RESERVED
    assert admission.admit("apart") is Share.RESERVED
    assert admission.admit("apart") is Throttle.RESERVED
    admission.release("apart", Share.RESERVED)
    assert admission.admit("apart") is Share.RESERVED


def test_zero_reserved_switches_a_function_off() -> None:
    assert Admission(Limits(reserved={"off": 0})).admit("off") is Throttle.RESERVED


def test_provisioned_concurrency_comes_out_of_the_reservation() -> None:
    admission = Admission(Limits(reserved={"f": 2}, provisioned={"f": 2}))
    assert admission.admit("f") is Throttle.RESERVED
    assert admission.admit("f", provisioned_free=True) is Share.PROVISIONED


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), max_size=60))
def test_what_is_in_flight_never_exceeds_a_limit(steps: list[tuple[str, bool]]) -> None:
    limits = Limits(account=6, reserved={"c": 2}, provisioned={"a": 1})
    admission = Admission(limits)
    held: list[tuple[str, Share]] = []
    for name, comes in steps:
        if comes:
            got = admission.admit(name)
            if isinstance(got, Share):
                held.append((name, got))
        elif held:
            admission.release(*held.pop(0))
        assert sum(name == "c" for name, _ in held) <= 2
        assert sum(name != "c" for name, _ in held) <= 3
        assert admission.shared == sum(name != "c" for name, _ in held)
