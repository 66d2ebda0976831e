"""What of one class differs between two States."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from runner.model.events import EventBus
from runner.model.state import Deployed, State

CHANGES = st.lists(st.tuples(st.sampled_from("abcdef"), st.booleans()), max_size=8)


def bus(name: str) -> Deployed[EventBus]:
    return Deployed(name, EventBus.model_validate({"Name": name}))


@given(st.sets(st.sampled_from("abcdef")), CHANGES)
def test_differences_are_what_was_put_and_what_is_gone(names: set[str], changes: list[tuple[str, bool]]) -> None:
    before = after = State().with_changes([bus(name) for name in sorted(names)])
    for name, put in changes:
        after = after.with_changes([bus(name)] if put else [], [] if put else [(EventBus, name)])
    old, new = before.of(EventBus), after.of(EventBus)
    expected = {name: new.get(name) for name in {*old, *new} if old.get(name) is not new.get(name)}
    assert after.differences(EventBus, before) == expected
