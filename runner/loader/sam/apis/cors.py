"""`Cors` of a REST API: an OPTIONS method on every path.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-corsconfiguration.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

from runner.loader.sam.apis.document import ANY, INTEGRATION, Document
from runner.loader.sam.values import Json, is_intrinsic
from runner.loader.sam.work import Source, Work
from runner.loader.suggest import did_you_mean

KEYS = ("AllowMethods", "AllowHeaders", "AllowOrigin", "MaxAge", "AllowCredentials")
ALL_METHODS = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
EVERYWHERE = "'*'"
HEADER = "Access-Control-"


class Cors(NamedTuple):
    origin: Any = EVERYWHERE
    methods: Any = None
    headers: Any = None
    max_age: Any = None
    credentials: bool = False


def read_cors(work: Work, source: Source, value: Any) -> Cors:
    if isinstance(value, str) or is_intrinsic(value):
        return Cors(origin=value)
    if not isinstance(value, dict):
        raise work.refuse(source, "Invalid value for 'Cors' property.", "Cors", code="wrong-type")
    for key in value:
        if key not in KEYS:
            message = f"Invalid key '{key}' for 'Cors' property."
            raise work.refuse(source, message, "Cors", key, code="unknown-property", hint=did_you_mean(key, KEYS))
    cors = Cors(
        origin=value.get("AllowOrigin", EVERYWHERE),
        methods=value.get("AllowMethods"),
        headers=value.get("AllowHeaders"),
        max_age=value.get("MaxAge"),
        credentials=value.get("AllowCredentials") is True,
    )
    if cors.credentials and cors.origin == EVERYWHERE:
        message = (
            "Unable to add Cors configuration because 'AllowCredentials' can not be true when 'AllowOrigin' is "
            "\"'*'\" or not set"
        )
        raise work.refuse(source, message, "Cors", "AllowCredentials")
    return cors


def add_cors(document: Document, cors: Cors) -> None:
    """Answer preflight requests on every path that does not answer OPTIONS itself."""
    answered: set[str] = set()
    for path in document.ordered_paths():
        # Two paths that differ in the slash at their end are one to the gateway.
        plain = path.rstrip("/") or path
        if plain in answered:
            continue
        answered.add(plain)
        methods = cors.methods
        for item in document.items(path):
            if "options" in item:
                continue
            methods = methods or _methods_of(item)
            item["options"] = _options(cors, methods)


def _methods_of(item: Json) -> str:
    methods = ALL_METHODS if ANY in item else sorted({*(str(key).upper() for key in item), "OPTIONS"})
    return f"'{','.join(methods)}'"


def _options(cors: Cors, methods: Any) -> Json:
    headers: Json = {f"{HEADER}Allow-Origin": cors.origin}
    if cors.headers:
        headers[f"{HEADER}Allow-Headers"] = cors.headers
    if methods:
        headers[f"{HEADER}Allow-Methods"] = methods
    if cors.max_age is not None:
        headers[f"{HEADER}Max-Age"] = cors.max_age
    if cors.credentials:
        headers[f"{HEADER}Allow-Credentials"] = "'true'"
    return {
        "summary": "CORS support",
        "consumes": ["application/json"],
        "produces": ["application/json"],
        INTEGRATION: {
            "type": "mock",
            "requestTemplates": {"application/json": '{\n  "statusCode" : 200\n}\n'},
            "responses": {
                "default": {
                    "statusCode": "200",
                    "responseParameters": {f"method.response.header.{name}": value for name, value in headers.items()},
                    "responseTemplates": {"application/json": "{}\n"},
                }
            },
        },
        "responses": {
            "200": {
                "description": "Default response for CORS method",
                "headers": {name: {"type": _type(name)} for name in headers},
            }
        },
    }


def _type(header: str) -> str:
    return "integer" if header.endswith("Max-Age") else "string"
