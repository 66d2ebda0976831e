"""What a function URL makes of a request, and of what the function answers: payload format 2.0.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html, and answers recorded from AWS.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

from runner.model.function import Cors

TEXT_TYPES = ("text/", "application/json", "application/xml", "application/javascript")
TEXT_SUFFIXES = ("+json", "+xml")
JSON_TYPE = "application/json"
STREAM_TYPE = "application/octet-stream"
PRELUDE_END = bytes(8)
PRELUDE_LIMIT = 65_536  # bytes in which a prelude must end


@dataclass(frozen=True, slots=True)
class Request:
    """`path` and `query` as they were sent, still percent-encoded; `headers` with names in lower case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes
    source_ip: str = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The URL that was called. `account` is the caller's where it signed (AWS_IAM), else None."""

    url_id: str
    domain: str
    scheme: str = "http"
    port: str = "80"
    account: str | None = None
    access_key: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An HTTP answer."""

    status: int
    headers: Sequence[tuple[str, str]]
    body: bytes


FAILED = Reply(502, (("content-type", "text/plain"),), b"Internal Server Error")


def event(request: Request, endpoint: Endpoint, *, request_id: str, trace: str, now: float) -> bytes:
    """The event as JSON text; what is empty is left out, as AWS does."""
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    headers |= {
        "host": endpoint.domain,
        "x-amzn-trace-id": trace,
        "x-forwarded-for": request.source_ip,
        "x-forwarded-port": endpoint.port,
        "x-forwarded-proto": endpoint.scheme,
    }
    document: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": request.path,
        "rawQueryString": request.query,
        "headers": headers,
        "requestContext": _context(request, endpoint, request_id, now),
    }
    if cookies := [part.strip() for part in request.headers.get("cookie", "").split(";") if part.strip()]:
        document["cookies"] = cookies
    if parameters := _parameters(request.query):
        document["queryStringParameters"] = parameters
    text = _as_text(request)
    if request.body:
        document["body"] = text if text is not None else base64.b64encode(request.body).decode()
    document["isBase64Encoded"] = bool(request.body) and text is None
    return json.dumps(document, separators=(",", ":")).encode()


def _context(request: Request, endpoint: Endpoint, request_id: str, now: float) -> dict[str, Any]:
    context: dict[str, Any] = {
        "accountId": endpoint.account or "anonymous",
        "apiId": endpoint.url_id,
        "domainName": endpoint.domain,
        "domainPrefix": endpoint.url_id,
        "http": {
            "method": request.method,
            "path": request.path,
            "protocol": "HTTP/1.1",
            "sourceIp": request.source_ip,
            "userAgent": request.headers.get("user-agent", ""),
        },
        "requestId": request_id,
        "routeKey": "$default",
        "stage": "$default",
        "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
        "timeEpoch": round(now * 1000),
    }
    if endpoint.account is not None:
        context["authorizer"] = {
            "iam": {
                "accessKey": endpoint.access_key,
                "accountId": endpoint.account,
                "callerId": endpoint.access_key,
                "cognitoIdentity": None,
                "principalOrgId": None,
                "userArn": f"arn:aws:iam::{endpoint.account}:root",
                "userId": endpoint.access_key,
            }
        }
    return context


def _parameters(query: str) -> dict[str, str]:
    """Parameters by name; those that come several times are joined by commas."""
    joined: dict[str, str] = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined


def _as_text(request: Request) -> str | None:
    """The body as text, if its type says that it is text."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind and not kind.startswith(TEXT_TYPES) and not kind.endswith(TEXT_SUFFIXES):
        return None
    try:
        return request.body.decode()
    except UnicodeDecodeError:
        return None


def reply(payload: bytes) -> Reply:
    """The answer to a buffered invocation: a shaped response, or any value as the body."""
    try:
        answer = json.loads(payload)
    except ValueError:
        return Reply(200, (("content-type", JSON_TYPE),), payload)
    if isinstance(answer, dict) and "statusCode" in answer:
        return _shaped(answer)
    body = answer if isinstance(answer, str) else json.dumps(answer, separators=(",", ":"), ensure_ascii=False)
    return Reply(200, (("content-type", JSON_TYPE),), body.encode())


def _shaped(answer: Mapping[str, Any]) -> Reply:
    head = _head(answer, JSON_TYPE)
    if head is None:
        return FAILED
    body = answer.get("body")
    if body is None:
        raw = b""
    elif isinstance(body, str):
        raw = body.encode()
    else:
        raw = json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()
    if answer.get("isBase64Encoded") is True:
        try:
            raw = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError):
            return FAILED
    return Reply(head.status, head.headers, raw)


def _head(answer: Mapping[str, Any], kind: str) -> Reply | None:
    """Status and headers of a shaped answer or a prelude; None where they cannot be used."""
    try:
        status = int(answer.get("statusCode", 200))
    except (TypeError, ValueError):
        return None
    given = answer.get("headers") or {}
    cookies = answer.get("cookies") or ()
    if not 100 <= status <= 599 or not isinstance(given, dict) or not isinstance(cookies, list | tuple):
        return None
    headers = [(str(name).lower(), _one_line(value)) for name, value in given.items()]
    if not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    headers = [(name, value) for name, value in headers if name not in ("content-length", "transfer-encoding")]
    return Reply(status, (*headers, *(("set-cookie", _one_line(cookie)) for cookie in cookies)), b"")


def _one_line(value: Any) -> str:
    text = ("true" if value else "false") if isinstance(value, bool) else str(value)
    return text.replace("\r", "").replace("\n", "")


@dataclass(slots=True)
class Prelude:
    """Finds the metadata that a streamed answer may begin with: JSON, eight zero bytes, then the body."""

    seen: bytearray = field(default_factory=bytearray)

    def feed(self, piece: bytes) -> Reply | None:
        """The head, with the part of the body that came along, as soon as it is known."""
        self.seen += piece
        if not self.seen:
            return None
        end = self.seen.find(PRELUDE_END)
        if self.seen[:1] == b"{" and end < 0 and len(self.seen) < PRELUDE_LIMIT:
            return None
        return self._found(end) if self.seen[:1] == b"{" and end >= 0 else self.end()

    def end(self) -> Reply:
        """There is no prelude: everything is body."""
        return Reply(200, (("content-type", STREAM_TYPE),), bytes(self.seen))

    def _found(self, end: int) -> Reply:
        try:
            document = json.loads(bytes(self.seen[:end]))
        except ValueError:
            return self.end()
        head = _head(document, STREAM_TYPE) if isinstance(document, dict) else None
        if head is None:
            return FAILED
        return Reply(head.status, head.headers, bytes(self.seen[end + len(PRELUDE_END) :]))


# CORS


def allows(cors: Cors | None, origin: str) -> bool:
    """Whether pages of an origin may use the URL."""
    allowed = (cors.allow_origins if cors is not None else None) or ()
    return any(one in ("*", origin) or _matches(one, origin) for one in allowed)


def _matches(pattern: str, origin: str) -> bool:
    """`http://*` and the like: one star at the end or for the host."""
    head, star, tail = pattern.partition("*")
    return bool(star) and origin.startswith(head) and origin.endswith(tail) and len(origin) >= len(head) + len(tail)


def cors_headers(cors: Cors | None, origin: str | None, *, preflight: bool) -> Iterable[tuple[str, str]]:
    """The headers that Lambda adds for an origin that is allowed."""
    if cors is None or origin is None or not allows(cors, origin):
        return
    everyone = "*" in (cors.allow_origins or ()) and not cors.allow_credentials
    yield "access-control-allow-origin", "*" if everyone else origin
    if not everyone:
        yield "vary", "Origin"
    if cors.allow_credentials:
        yield "access-control-allow-credentials", "true"
    if cors.expose_headers and not preflight:
        yield "access-control-expose-headers", ",".join(cors.expose_headers)
    if preflight:
        if cors.allow_methods:
            yield "access-control-allow-methods", ",".join(cors.allow_methods)
        if cors.allow_headers:
            yield "access-control-allow-headers", ",".join(cors.allow_headers)
        if cors.max_age_s is not None:
            yield "access-control-max-age", str(cors.max_age_s)
