"""SQS over the query protocol, as SDKs from before 2023 speak it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from runner.model.errors import ApiError
from runner.wire.models import OperationModel
from runner.wire.protocols.message import Answer, Codec, Request
from runner.wire.protocols.query import Query
from runner.wire.protocols.sqs import legacy_error


class SqsQuery(Query):
    """The query protocol with SQS's old error codes; a request sent to a queue's URL need not name the queue again."""

    def codec(self, operation: OperationModel) -> Codec:
        codec = super().codec(operation)
        if operation.input is None or "QueueUrl" not in operation.input.members:
            return codec

        def parse(request: Request) -> dict[str, Any]:
            members = codec.parse(request)
            if "QueueUrl" not in members and request.path.strip("/"):
                members["QueueUrl"] = f"http://{request.headers.get('host', '')}{request.path}"
            return members

        return replace(codec, parse=parse)

    def error(self, error: ApiError, request_id: str) -> Answer:
        return super().error(legacy_error(error), request_id)
