"""The json protocol, 1.0 and 1.1: one document in, one out, the operation in `X-Amz-Target`.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

from typing import Any

from runner.model.errors import ApiError
from runner.wire.models import OperationModel, ServiceModel
from runner.wire.protocols.documents import Documents, decode, encode
from runner.wire.protocols.errors import error_members
from runner.wire.protocols.message import Answer, Codec, Members, Request
from runner.wire.protocols.sqs import query_error

SHAPE_NAMESPACES = {"sqs": "com.amazonaws.sqs#", "dynamodb": "com.amazonaws.dynamodb.v20120810#"}


class JsonRpc:
    """Compiles the operations of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.content_type = ("content-type", f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.1')}")
        self._documents = Documents()

    def codec(self, operation: OperationModel) -> Codec:
        read = self._documents.parser(operation.input) if operation.input is not None else None
        write = self._documents.writer(operation.output) if operation.output is not None else None
        content_type = self.content_type

        def parse(request: Request) -> dict[str, Any]:
            document = decode(request.body) if request.body else {}
            return {} if read is None or document is None else dict(read(document))

        def serialise(members: Members, request_id: str) -> Answer:
            body = encode(write(members)) if write is not None else b""
            return Answer(200, [("x-amzn-requestid", request_id), content_type], body)

        return Codec(parse, serialise, self.error)

    def error(self, error: ApiError, request_id: str) -> Answer:
        headers = [("x-amzn-requestid", request_id), self.content_type]
        code = error.code
        if "awsQueryCompatible" in self.model.metadata:
            error, legacy = query_error(error)
            code = error.code
            headers.append(("x-amzn-query-error", legacy))
        members, status = error_members(self.model, error)
        namespace = SHAPE_NAMESPACES.get(self.model.name, "") if code in self.model.errors else ""
        return Answer(status, headers, encode({"__type": namespace + code, **members}))
