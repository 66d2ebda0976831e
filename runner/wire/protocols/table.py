"""Which protocol is which: the one place that names the implementations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from runner.model.errors import ApiError
from runner.wire.models import OperationModel, ServiceModel
from runner.wire.protocols.cbor import Cbor
from runner.wire.protocols.json_rpc import JsonRpc
from runner.wire.protocols.message import Answer, Codec
from runner.wire.protocols.query import Query
from runner.wire.protocols.rest import RestJson
from runner.wire.protocols.sqs import legacy_model
from runner.wire.protocols.sqs_query import SqsQuery


class WireProtocol(Protocol):
    """Compiles operations of one service's model: `model`, which may differ from the one it was made with."""

    model: ServiceModel

    def codec(self, operation: OperationModel) -> Codec: ...

    def error(self, error: ApiError, request_id: str) -> Answer: ...


def _query(model: ServiceModel) -> WireProtocol:
    return SqsQuery(legacy_model(model)) if model.name == "sqs" else Query(model)


PROTOCOLS: dict[str, Callable[[ServiceModel], WireProtocol]] = {
    "json": JsonRpc,
    "query": _query,
    "rest-json": RestJson,
    "smithy-rpc-v2-cbor": Cbor,
}
