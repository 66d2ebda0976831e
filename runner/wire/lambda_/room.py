"""The Lambda room: which operation is where."""

from __future__ import annotations

from collections.abc import Mapping

from runner.host.clock import Clock
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.functions.code import CodeStore
from runner.runtime.invoking import Asynchronous, DirectInvoker
from runner.wire.lambda_.aliases import Aliases
from runner.wire.lambda_.concurrency import Concurrency, Provisioning
from runner.wire.lambda_.create import Create
from runner.wire.lambda_.desk import Desk
from runner.wire.lambda_.event_invoke import EventInvokeConfigs
from runner.wire.lambda_.functions import Functions
from runner.wire.lambda_.invoke import Invocations
from runner.wire.lambda_.layers import Layers
from runner.wire.lambda_.mappings import Mappings, Polling
from runner.wire.lambda_.permissions import Permissions
from runner.wire.lambda_.settings import Settings
from runner.wire.lambda_.signing import Signing
from runner.wire.lambda_.tags import Tags
from runner.wire.lambda_.urls import Urls
from runner.wire.lambda_.versions import Versions
from runner.wire.operation import Operation, RawOperation


class Lambda:
    """AWS Lambda's API. Everything it changes goes through the one deployment; nothing of it is kept here."""

    name = "lambda"

    def __init__(
        self,
        deployment: Deployment,
        code: CodeStore,
        invoker: DirectInvoker,
        asynchronous: Asynchronous,
        place: Place,
        clock: Clock,
        provisioning: Provisioning | None = None,
        polling: Polling | None = None,
    ) -> None:
        desk = Desk(deployment, code, place, clock)
        invocations = Invocations(deployment, invoker, asynchronous, place, clock)
        self.raw_operations: Mapping[str, RawOperation] = {
            "Invoke": invocations.invoke,
            "InvokeWithResponseStream": invocations.stream,
        }
        self.operations: Mapping[str, Operation] = {
            "InvokeAsync": invocations.invoke_async,
            **Functions(desk).operations,
            **Create(desk).operations,
            **Versions(desk).operations,
            **Aliases(desk).operations,
            **Concurrency(desk, provisioning).operations,
            **Permissions(desk).operations,
            **EventInvokeConfigs(desk).operations,
            **Urls(desk).operations,
            **Layers(desk).operations,
            **Mappings(desk, polling).operations,
            **Tags(desk).operations,
            **Settings(desk).operations,
            **Signing(desk).operations,
        }
