"""The rest-json protocol: members in the path, the query string, headers and a JSON or raw body.

Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, unquote

from runner.model.errors import ApiError
from runner.wire.models import OperationModel, ServiceModel, Shape
from runner.wire.protocols.documents import Documents, decode, encode
from runner.wire.protocols.errors import error_headers, error_members
from runner.wire.protocols.message import Answer, Codec, Members, Request, malformed
from runner.wire.protocols.scalars import TIMESTAMP_FORMATS, parse_base64, parse_integer, parse_timestamp

JSON_TYPE = ("content-type", "application/json")
BYTES_TYPE = ("content-type", "application/octet-stream")
LABEL = re.compile(r"\{([^}+]+)(\+?)\}")
BODILESS = frozenset((204, 304))
CAPITAL_MESSAGE = frozenset(("AccessDeniedException",))

Bind = Callable[[Request, dict[str, Any]], None]


def path_pattern(uri: str) -> re.Pattern[str]:
    """Matches paths of a request URI; a label's group is named by its place, `l0`, `l1`, ..."""
    path, parts, end = uri.partition("?")[0], [], 0
    for number, label in enumerate(LABEL.finditer(path)):
        parts += [re.escape(path[end : label.start()]), f"(?P<l{number}>{'.+' if label[2] else '[^/]+'})"]
        end = label.end()
    parts.append(re.escape(path[end:]))
    return re.compile("".join(parts).removesuffix("/") + "/?")


class RestJson:
    """Compiles the operations of one service."""

    def __init__(self, model: ServiceModel) -> None:
        self.model = model
        self._documents = Documents()

    def codec(self, operation: OperationModel) -> Codec:
        binders = self._binders(operation)

        def parse(request: Request) -> dict[str, Any]:
            found: dict[str, Any] = {}
            for bind in binders:
                bind(request, found)
            return found

        return Codec(parse, self._serialiser(operation), self.error)

    def error(self, error: ApiError, request_id: str) -> Answer:
        default_name = "Message" if error.code in CAPITAL_MESSAGE else "message"
        members, status = error_members(self.model, error, default_name)
        headers = [("x-amzn-requestid", request_id), ("x-amzn-errortype", error.code), JSON_TYPE]
        return Answer(status, headers + error_headers(self.model, error), encode(members))

    def _binders(self, operation: OperationModel) -> list[Bind]:
        shape = operation.input
        if shape is None:
            return []
        by_location: dict[str | None, dict[str, Shape]] = {}
        for name, member in shape.members.items():
            by_location.setdefault(member.location, {})[name] = member
        binders: list[Bind] = []
        if "uri" in by_location:
            binders.append(_labels(operation.uri, by_location["uri"]))
        if "querystring" in by_location:
            binders.append(_query_string(by_location["querystring"]))
        if "header" in by_location:
            binders.append(_headers(by_location["header"]))
        binders += [_prefixed(name, member) for name, member in by_location.get("headers", {}).items()]
        if shape.payload is not None:
            binders.append(self._payload(shape.payload, shape.members[shape.payload]))
        elif None in by_location:
            binders.append(self._body(by_location[None]))
        return binders

    def _payload(self, name: str, shape: Shape) -> Bind:
        read = self._documents.parser(shape)

        def bind(request: Request, found: dict[str, Any]) -> None:
            if not request.body:
                return
            if shape.type == "blob":
                found[name] = request.body
            elif shape.type == "string":
                found[name] = request.body.decode("utf-8", "replace")
            else:
                found[name] = read(decode(request.body))

        return bind

    def _body(self, members: dict[str, Shape]) -> Bind:
        read = self._documents.members_parser(members)

        def bind(request: Request, found: dict[str, Any]) -> None:
            if request.body:
                document = decode(request.body)
                if document is not None:
                    found.update(read(document))

        return bind

    def _serialiser(self, operation: OperationModel) -> Callable[[Members, str], Answer]:
        shape, status = operation.output, operation.status
        members = shape.members if shape is not None else {}
        headers = [
            (name, (m.wire_name or name).lower(), _to_header(m))
            for name, m in members.items()
            if m.location == "header"
        ]
        prefixed = [(name, m.wire_name or "") for name, m in members.items() if m.location == "headers"]
        code = next((name for name, m in members.items() if m.location == "statusCode"), None)
        write_body = self._body_writer(shape)

        def serialise(answer: Members, request_id: str) -> Answer:
            out = [("x-amzn-requestid", request_id)]
            out += [(wire, write(answer[name])) for name, wire, write in headers if answer.get(name) is not None]
            for name, prefix in prefixed:
                out += [(f"{prefix}{key}".lower(), str(value)) for key, value in (answer.get(name) or {}).items()]
            chosen = status if code is None else int(answer.get(code) or status)
            content_type, body = write_body(answer)
            if chosen in BODILESS:
                return Answer(chosen, out, b"")
            out.append(content_type)
            return Answer(chosen, out, body)

        return serialise

    def _body_writer(self, shape: Shape | None) -> Callable[[Members], tuple[tuple[str, str], bytes]]:
        if shape is None:
            return lambda answer: (JSON_TYPE, b"")
        payload = shape.payload
        if payload is None:
            write = self._documents.members_writer({n: m for n, m in shape.members.items() if m.location is None})
            return lambda answer: (JSON_TYPE, encode(write(answer)))
        if shape.members[payload].type in ("blob", "string"):
            return lambda answer: (BYTES_TYPE, _raw(answer.get(payload)))
        whole = self._documents.writer(shape.members[payload])
        return lambda answer: (JSON_TYPE, encode(whole(answer[payload])) if answer.get(payload) is not None else b"{}")


def _raw(value: bytes | str | None) -> bytes:
    if value is None:
        return b""
    return value.encode() if isinstance(value, str) else value


def _labels(uri: str, members: dict[str, Shape]) -> Bind:
    pattern = path_pattern(uri)
    names = {member.wire_name or name: name for name, member in members.items()}
    labels = [names[label[1]] for label in LABEL.finditer(uri.partition("?")[0])]
    readers = [_from_text(members[name]) for name in labels]

    def bind(request: Request, found: dict[str, Any]) -> None:
        match = pattern.fullmatch(request.path)
        if match is None:
            raise ApiError("UnknownOperationException", None, 404)
        for name, reader, value in zip(labels, readers, match.groups(), strict=True):
            found[name] = reader(unquote(value))

    return bind


def _query_string(members: dict[str, Shape]) -> Bind:
    single = {m.wire_name or n: (n, _from_text(m)) for n, m in members.items() if m.type not in ("list", "map")}
    lists = {m.wire_name or n: (n, _from_text(m.member)) for n, m in members.items() if m.type == "list"}
    rest = [name for name, member in members.items() if member.type == "map"]

    def bind(request: Request, found: dict[str, Any]) -> None:
        if not request.query:
            return
        for key, value in parse_qsl(request.query, keep_blank_values=True, errors="replace"):
            if key in single:
                name, reader = single[key]
                found[name] = reader(value)
            elif key in lists:
                name, reader = lists[key]
                found.setdefault(name, []).append(reader(value))
            else:
                for name in rest:
                    found.setdefault(name, {})[key] = value

    return bind


def _headers(members: dict[str, Shape]) -> Bind:
    table = [((member.wire_name or name).lower(), name, _from_header(member)) for name, member in members.items()]

    def bind(request: Request, found: dict[str, Any]) -> None:
        for header, name, reader in table:
            value = request.headers.get(header)
            if value is not None:
                found[name] = reader(value)

    return bind


def _prefixed(name: str, shape: Shape) -> Bind:
    prefix = (shape.wire_name or "").lower()

    def bind(request: Request, found: dict[str, Any]) -> None:
        values = {key.removeprefix(prefix): value for key, value in request.headers.items() if key.startswith(prefix)}
        if values:
            found[name] = values

    return bind


def _from_header(shape: Shape) -> Callable[[str], Any]:
    if shape.traits.get("jsonvalue"):
        return lambda value: decode(parse_base64(value))
    if shape.type == "list":
        reader = _from_text(shape.member)
        return lambda value: [reader(item.strip()) for item in value.split(",")]
    return _from_text(shape)


def _from_text(shape: Shape) -> Callable[[str], Any]:
    match shape.type:
        case "integer" | "long":
            return _number(parse_integer, "Integer")
        case "float" | "double":
            return _number(float, "Double")
        case "boolean":
            return _flag
        case "timestamp":
            return parse_timestamp
        case "blob":
            return parse_base64
        case _:
            return str


def _number(read: Callable[[str], Any], kind: str) -> Callable[[str], Any]:
    def number(value: str) -> Any:
        try:
            return read(value)
        except ValueError:
            raise malformed(f"STRING_VALUE can not be converted to an {kind}") from None

    return number


def _flag(value: str) -> bool:
    if value not in ("true", "false"):
        raise malformed("STRING_VALUE can not be converted to a Boolean")
    return value == "true"


def _to_header(shape: Shape) -> Callable[[Any], str]:
    match shape.type:
        case "timestamp":
            return TIMESTAMP_FORMATS[shape.traits.get("timestampFormat", "rfc822")]
        case "boolean":
            return lambda value: "true" if value else "false"
        case "list":
            return lambda value: ", ".join(str(item) for item in value)
        case "string" if shape.traits.get("jsonvalue"):
            return lambda value: base64.b64encode(json.dumps(value).encode()).decode()
        case _:
            return str
