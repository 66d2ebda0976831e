"""Events as lines of a log group."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from runner.model.access import LogGroup
from runner.model.names import Arn
from runner.model.state import Deployed
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.log_door import LogDoor
from runner.runtime.logs import LogService, Search
from runner.store import SqliteStore
from tests.runtime.eventing import history, state
from tests.runtime.messaging import HandClock
from tests.runtime.world import PLACE, in_force

GROUP = "/aws/events/audit"
ROWS = [
    ('{"time":"2023-11-14T22:13:21Z","detail":{}}', 1_700_000_001.0, '{"time":"2023-11-14T22:13:21Z","detail":{}}'),
    ('{"timestamp":1700000002500,"message":"hello"}', 1_700_000_002.5, "hello"),
    ('{"timestamp":"2023-11-14T22:13:23Z","message":{"a":1}}', 1_700_000_003.0, '{"a": 1}'),
    ('{"time":"never"}', 1_700_000_004.0, '{"time":"never"}'),
    ('"text"', 1_700_000_004.0, '"text"'),
]


@history
async def test_events_become_lines_of_a_group_that_exists(tmp_path: Path) -> None:
    clock = HandClock()
    store = SqliteStore.open(tmp_path / "state.db", clock=clock)
    try:
        group = Deployed(GROUP, LogGroup.model_validate({"LogGroupName": GROUP}))
        logs = LogService(store, await in_force(store, state(group)), clock)
        arn, none = Arn.parse(PLACE.log_group(GROUP) + ":*"), Arn.parse(PLACE.log_group("none"))
        assert arn is not None
        assert none is not None
        letters = [Letter(str(n), body.encode(), 1_700_000_004.0) for n, (body, _, _) in enumerate(ROWS)]
        door = LogDoor(logs)
        assert await door.accept_all(arn, letters[:3]) == [None] * 3
        for letter in letters[3:]:
            await door.accept(arn, letter)
        page = await logs.filter(GROUP, Search())
        assert [(event.at, event.message) for event in page.events] == [(at, text) for _, at, text in ROWS]
        assert json.loads(ROWS[0][2])
        with pytest.raises(Undeliverable, match="does not exist"):
            await door.accept(none, letters[0])
    finally:
        await store.aclose()
