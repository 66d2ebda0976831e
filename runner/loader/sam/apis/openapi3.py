"""A document of Swagger 2 as OpenAPI 3, where the API asks for it or the user's document is one.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html#sam-api-openapiversion
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.deployment_hash import Settled, Table, settle
from runner.loader.sam.apis.document import Document
from runner.loader.sam.values import Json


def start_openapi3(document: Document, version: Any) -> None:
    """Make SAM's own Swagger document an OpenAPI 3 document, before anything is written into it."""
    if not str(version or "").startswith("3"):
        return
    table = Table(document.body)
    table.delete("swagger")
    table.insert("openapi")
    document.body["openapi"] = version
    del document.body["swagger"]
    document.body = settle(document.body, table)


def convert(document: Document) -> Json:
    """The body with everything where OpenAPI 3 has it; a document of Swagger 2 stays as it is."""
    body = document.finish()
    if not document.is_openapi3:
        return body
    table = Table(body)
    for old, new in (("securityDefinitions", "securitySchemes"), ("definitions", "schemas")):
        if body.get(old):
            if not isinstance(body.get("components"), dict):
                if "components" not in body:
                    table.insert("components")
                body["components"] = {}
            # What the user's own document has there is replaced.
            body["components"][new] = body.pop(old)
            table.delete(old)
    document.body = body if isinstance(body, Settled) and body.settled else settle(body, table)
    for item in document.paths.values():
        if isinstance(item, dict) and isinstance(item.get("options"), dict):
            item["options"] = _convert_preflight(item["options"])
    return document.body


def _convert_preflight(options: Json) -> Json:
    """Headers become objects with a schema; media types are no longer listed apart."""
    table = Table(options)
    listed = [name for name in ("consumes", "produces") if name in options]
    for name in listed:
        table.delete(name)
        del options[name]
    responses = options.get("responses")
    answer = responses.get("200") if isinstance(responses, dict) else None
    headers = answer.get("headers") if isinstance(answer, dict) else None
    if isinstance(answer, dict) and isinstance(headers, dict):
        # Where the API has Auth, AWS does this twice: a schema of a schema.
        answer["headers"] = {name: {"schema": value} for name, value in headers.items()}
    return settle(options, table) if listed else options
