"""The room itself: all operations of CloudWatch Logs that are there."""

from __future__ import annotations

from collections.abc import Mapping

from runner.host.clock import Clock
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.logs import LogService
from runner.wire.logs.events import Events
from runner.wire.logs.groups import Groups
from runner.wire.operation import Operation, RawOperation


class Logs:
    """Groups live in State where they were declared, events in the log service."""

    name = "logs"

    def __init__(self, service: LogService, deployment: Deployment, place: Place, clock: Clock) -> None:
        groups = Groups(service, deployment, place, clock)
        events = Events(service, deployment, place, clock)
        self.operations: Mapping[str, Operation] = {**groups.operations, **events.operations}
        self.raw_operations: Mapping[str, RawOperation] = {}
