"""The room: operations by their names."""

from __future__ import annotations

from collections.abc import Mapping

from runner.host.clock import Clock
from runner.model.names import Place
from runner.runtime.buses import Buses
from runner.runtime.deployment import Deployment
from runner.wire.events.buses import EventBuses
from runner.wire.events.desk import Desk
from runner.wire.events.put import Putting
from runner.wire.events.rules import Rules
from runner.wire.events.tags import Tags
from runner.wire.events.targets import Targets
from runner.wire.operation import Operation, RawOperation


class Events:
    """The `events` room."""

    name = "events"

    def __init__(self, buses: Buses, deployment: Deployment, place: Place, clock: Clock) -> None:
        desk = Desk(deployment, place, clock)
        self.raw_operations: Mapping[str, RawOperation] = {}
        self.operations: Mapping[str, Operation] = {
            **Putting(buses).operations,
            **EventBuses(desk).operations,
            **Rules(desk).operations,
            **Targets(desk).operations,
            **Tags(desk).operations,
        }
