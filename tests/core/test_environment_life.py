# ruff: noqa: E501 (tables of sentences)
"""The life of an environment: every row is a sentence of the life cycle; the id is the sentence."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.environment import HOLDING, LIFE, Event, Life, after

# fmt: off
TABLE = [
    # sentence                                                  states, one event apart
    ("init ends when the runtime asks for work",                Life.STARTING,   [(Event.READY, Life.IDLE)]),
    ("an idle environment is frozen and used again",            Life.IDLE,       [(Event.FROZE, Life.FROZEN), (Event.LEASED, Life.BUSY)]),
    ("an answer does not free it, the next poll does",          Life.BUSY,       [(Event.ANSWERED, Life.ANSWERED), (Event.READY, Life.IDLE)]),
    ("a failed init leaves it to be restarted in the call",     Life.STARTING,   [(Event.FAILED, Life.RESET), (Event.LEASED, Life.RESTARTING), (Event.READY, Life.BUSY)]),
    ("a second failed init resets it again",                    Life.RESTARTING, [(Event.FAILED, Life.RESET)]),
    ("a timeout or a crash resets it",                          Life.BUSY,       [(Event.FAILED, Life.RESET), (Event.LEASED, Life.RESTARTING)]),
    ("a process that dies idle is started again in a call",     Life.FROZEN,     [(Event.FAILED, Life.RESET)]),
    ("a retired one finishes what it holds",                    Life.BUSY,       [(Event.RETIRED, Life.DRAINING), (Event.ANSWERED, Life.STOPPING), (Event.EXITED, Life.GONE)]),
    ("retired while it restarts, it still serves that call",    Life.RESTARTING, [(Event.RETIRED, Life.DRAINING), (Event.READY, Life.DRAINING), (Event.ANSWERED, Life.STOPPING)]),
    ("a crash while draining is its end",                       Life.DRAINING,   [(Event.FAILED, Life.GONE)]),
    ("retired while idle it is told to end",                    Life.IDLE,       [(Event.RETIRED, Life.STOPPING), (Event.EXITED, Life.GONE)]),
    ("without a process there is nothing to wait for",          Life.RESET,      [(Event.RETIRED, Life.GONE)]),
    ("a last poll of one that is told to end changes nothing",  Life.STOPPING,   [(Event.READY, Life.STOPPING)]),
]
# fmt: on


@pytest.mark.parametrize(("life", "steps"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_life(life: Life, steps: list[tuple[Event, Life]]) -> None:
    for event, then in steps:
        life = after(life, event)
        assert life is then


@pytest.mark.parametrize(
    ("life", "event"), [(Life.GONE, Event.LEASED), (Life.BUSY, Event.LEASED), (Life.IDLE, Event.ANSWERED)]
)
def test_what_is_not_in_the_table_is_a_bug(life: Life, event: Event) -> None:
    with pytest.raises(KeyError):
        after(life, event)


def test_every_state_is_in_the_table_and_only_gone_is_final() -> None:
    assert set(LIFE) == set(Life)
    assert [life for life, events in LIFE.items() if not events] == [Life.GONE]


@given(st.lists(st.sampled_from(list(Event)), max_size=40))
def test_an_invocation_is_held_until_it_is_answered_or_lost(events: list[Event]) -> None:
    life, held = Life.STARTING, False
    for event in events:
        if event not in LIFE[life]:
            continue
        before, life = life, after(life, event)
        if event is Event.LEASED:
            assert not held
            held = True
        elif event in (Event.ANSWERED, Event.SERVED, Event.FAILED):
            held = False
        elif event is Event.RETIRED and before in HOLDING:
            assert life is Life.DRAINING
        assert held == (life in HOLDING)
