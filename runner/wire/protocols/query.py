"""The query protocol: forms in, XML out.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from typing import Any

from runner.model.errors import ApiError
from runner.wire.models import OperationModel, ServiceModel
from runner.wire.protocols.forms import FormReaders, fields, tree
from runner.wire.protocols.message import Answer, Codec, Members, Request
from runner.wire.protocols.xml import XmlWriters, text

CONTENT_TYPE = ("content-type", "text/xml")
OWN_FIELDS = frozenset(("Type", "Code", "Message", "message"))


def request_fields(request: Request) -> dict[str, str]:
    """The fields of the query string and of the form in the body; read once."""
    if request.form is None:
        request.form = fields(request.query) if request.query else {}
        if request.body and "json" not in request.headers.get("content-type", ""):
            request.form |= fields(request.body.decode("utf-8", "replace"))
    return request.form


class Query:
    """Compiles the operations of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self.namespace = str(model.metadata.get("xmlNamespace", ""))
        self._readers = FormReaders()
        self._writers = XmlWriters()

    def codec(self, operation: OperationModel) -> Codec:
        read = self._readers.reader(operation.input) if operation.input is not None else None

        def parse(request: Request) -> dict[str, Any]:
            members = read(tree(request_fields(request))) if read is not None else {}
            return dict(members)

        return Codec(parse, self._serialiser(operation), self.error)

    def _serialiser(self, operation: OperationModel) -> Any:
        write = self._writers.members(operation.output) if operation.output is not None else None
        result = operation.result_wrapper or f"{operation.name}Result"
        opening = f'<{operation.name}Response xmlns="{self.namespace}">'
        before, after = (f"<{result}>", f"</{result}>") if write is not None else ("", "")
        closing = f"</RequestId></ResponseMetadata></{operation.name}Response>"

        def serialise(members: Members, request_id: str) -> Answer:
            out = [opening, before]
            if write is not None:
                write(members, out)
            out += (after, "<ResponseMetadata><RequestId>", request_id, closing)
            return Answer(200, [CONTENT_TYPE, ("x-amzn-requestid", request_id)], "".join(out).encode())

        return serialise

    def error(self, error: ApiError, request_id: str) -> Answer:
        shape = self.model.errors.get(error.code)
        code, status = error.code, error.status
        if shape is not None:
            code = shape.code
            status = shape.status if shape.status is not None and status == 400 else status
        kind = "Sender" if status < 500 else "Receiver"
        out = [f'<ErrorResponse xmlns="{self.namespace}"><Error><Type>{kind}</Type><Code>{text(code)}</Code>']
        if error.message is not None:
            out.append(f"<Message>{text(error.message)}</Message>")
        out += [
            f"<{name}>{text(str(value))}</{name}>" for name, value in error.members.items() if name not in OWN_FIELDS
        ]
        out.append(f"</Error><RequestId>{request_id}</RequestId></ErrorResponse>")
        return Answer(status, [CONTENT_TYPE, ("x-amzn-requestid", request_id)], "".join(out).encode())
