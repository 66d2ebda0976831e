"""The room itself: all operations of IAM that are there."""

from __future__ import annotations

from collections.abc import Mapping

from runner.host.clock import Clock
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.wire.iam.desk import Desk
from runner.wire.iam.policies import Policies
from runner.wire.iam.roles import Roles
from runner.wire.operation import Operation, RawOperation


class Iam:
    """Keeps roles and policies in State through the one way to change it."""

    name = "iam"

    def __init__(self, deployment: Deployment, place: Place, clock: Clock) -> None:
        desk = Desk(deployment, place, clock)
        self.operations: Mapping[str, Operation] = {**Roles(desk).operations, **Policies(desk).operations}
        self.raw_operations: Mapping[str, RawOperation] = {}
