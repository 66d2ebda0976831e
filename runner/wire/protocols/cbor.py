"""The Smithy RPC v2 CBOR protocol: one CBOR map in, one out, the operation in the path.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from typing import Any

import cbor2

from runner.model.errors import ApiError
from runner.wire.models import OperationModel, ServiceModel, Shape
from runner.wire.protocols.documents import PARSERS, Documents, Parse, Write, same, wrong_type
from runner.wire.protocols.errors import error_members
from runner.wire.protocols.message import Answer, Codec, Members, Request, malformed
from runner.wire.protocols.scalars import epoch
from runner.wire.protocols.sqs import query_error

HEADERS = (("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor"))
EPOCH_TAG = 1


class CborDocuments(Documents):
    """Blobs are bytes as they are, timestamps are tagged."""

    def scalar_parser(self, shape: Shape) -> Parse:
        return _bytes if shape.type == "blob" else PARSERS[shape.type]

    def scalar_writer(self, shape: Shape) -> Write:
        match shape.type:
            case "timestamp":
                return lambda value: cbor2.CBORTag(EPOCH_TAG, epoch(value))
            case "blob":
                return lambda value: value.encode() if isinstance(value, str) else bytes(value)
            case _:
                return same


def _bytes(value: Any) -> bytes:
    if type(value) is not bytes:
        raise wrong_type(value, "a Blob")
    return value


class Cbor:
    """Compiles the operations of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._documents = CborDocuments()

    def codec(self, operation: OperationModel) -> Codec:
        read = self._documents.parser(operation.input) if operation.input is not None else None
        write = self._documents.writer(operation.output) if operation.output is not None else None

        def parse(request: Request) -> dict[str, Any]:
            document = _decode(request.body) if request.body else {}
            return dict(read(document)) if read is not None else {}

        def serialise(members: Members, request_id: str) -> Answer:
            body = cbor2.dumps(write(members) if write is not None else {})
            return Answer(200, [("x-amzn-requestid", request_id), *HEADERS], body)

        return Codec(parse, serialise, self.error)

    def error(self, error: ApiError, request_id: str) -> Answer:
        headers = [("x-amzn-requestid", request_id), *HEADERS]
        if "awsQueryCompatible" in self.model.metadata:
            error, legacy = query_error(error)
            headers.append(("x-amzn-query-error", legacy))
        members, status = error_members(self.model, error)
        return Answer(status, headers, cbor2.dumps({"__type": error.code, **members}))


def _decode(body: bytes) -> Any:
    try:
        return cbor2.loads(body)
    except (cbor2.CBORDecodeError, ValueError, RecursionError):
        raise malformed("Could not parse the request body as CBOR") from None
