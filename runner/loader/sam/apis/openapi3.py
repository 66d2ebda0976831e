"""A document of Swagger 2 as OpenAPI 3, where the API asks for it or the user's document is one.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html#sam-api-openapiversion
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.document import Document, branches
from runner.loader.sam.values import Json


def convert(document: Document, version: Any) -> Json:
    """The body in the version asked for; a user's Swagger document keeps its own."""
    body = document.body
    if version and str(version).startswith("3") and body.get("swagger") is not None and "openapi" not in body:
        body = {("openapi" if key == "swagger" else key): item for key, item in body.items()}
        body["openapi"] = version
    if not str(body.get("openapi", "")).startswith("3"):
        return body
    for old, new in (("securityDefinitions", "securitySchemes"), ("definitions", "schemas")):
        if body.get(old):
            components = body.setdefault("components", {})
            # What the user's own document has there is replaced.
            components[new] = body.pop(old)
    for item in (body.get("paths") or {}).values():
        if isinstance(item, dict):
            _convert_preflight(item.get("options"))
    return body


def _convert_preflight(options: Any) -> None:
    """Headers become objects with a schema; media types are no longer listed apart."""
    for operation in branches(options):
        operation.pop("consumes", None)
        operation.pop("produces", None)
        responses = operation.get("responses")
        answer = responses.get("200") if isinstance(responses, dict) else None
        headers = answer.get("headers") if isinstance(answer, dict) else None
        if isinstance(answer, dict) and isinstance(headers, dict):
            answer["headers"] = {name: {"schema": value} for name, value in headers.items()}
