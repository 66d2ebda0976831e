"""Tags of buses and rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from runner.model.events import EventBus
from runner.model.function import Tag
from runner.model.state import State
from runner.wire.events.desk import Desk, tags
from runner.wire.operation import Context, Members, Operation


class Tags:
    """TagResource, UntagResource, ListTagsForResource."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.list,
        }

    async def tag(self, members: Members, _: Context) -> Members:
        given = tags(members["Tags"])
        keys = {tag.key for tag in given}

        def decide(state: State) -> State:
            kept = [tag for tag in self._of(state, members) if tag.key not in keys]
            return self._with(state, members, (*kept, *given))

        await self._desk.deployment.change(decide)
        return {}

    async def untag(self, members: Members, _: Context) -> Members:
        keys: Sequence[str] = members["TagKeys"]

        def decide(state: State) -> State:
            kept = tuple(tag for tag in self._of(state, members) if tag.key not in keys)
            return self._with(state, members, kept)

        await self._desk.deployment.change(decide)
        return {}

    async def list(self, members: Members, _: Context) -> Members:
        found = self._of(self._desk.state, members)
        return {"Tags": [{"Key": tag.key, "Value": tag.value} for tag in found]}

    def _of(self, state: State, members: Members) -> tuple[Tag, ...]:
        return self._desk.resource(state, members["ResourceARN"]).noun.tags

    def _with(self, state: State, members: Members, changed: tuple[Tag, ...]) -> State:
        resource = self._desk.resource(state, members["ResourceARN"])
        if changed == resource.noun.tags:
            return state
        if isinstance(resource.noun, EventBus):
            return state.with_changes(
                [self._desk.changed(self._desk.bus(state, resource.key), state, {"tags": changed})]
            )
        return state.with_changes([self._desk.changed(resource, state, {"tags": changed})])
