"""Whether a user's OpenAPI document has the shape that editing it relies on.

SAM looks at a document only where it has something to write into it; so do these checks.
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.document import ANY, INTEGRATION, Document, branches
from runner.loader.sam.values import Json
from runner.loader.sam.work import Refused, Work

NO_METHODS = ("summary", "description", "parameters", "servers", "$ref")


def check_paths(work: Work, document: Document) -> None:
    """Every path item is a map, or a `Fn::If` of maps."""
    for path, item in document.paths.items():
        if not isinstance(item, dict):
            message = f"Value of '{path}' path must be a dictionary according to Swagger spec."
            raise Refused(_at(work, document, path), message, "invalid-openapi")
        if "Fn::If" in item and not isinstance(item["Fn::If"], list):
            raise Refused(_at(work, document, path, "Fn::If"), "Value of Fn::If must be a list.", "invalid-openapi")


def check_security(work: Work, document: Document, auth: Json) -> None:
    """What authorizers and API keys are written into: methods and their security."""
    definitions = document.body.get("securityDefinitions")
    if definitions is not None and not isinstance(definitions, dict):
        at = work.locate(document.body, "securityDefinitions")
        raise Refused(at, "securityDefinitions must be a dictionary.", "invalid-openapi")
    if not isinstance(auth, dict) or (not auth.get("DefaultAuthorizer") and not auth.get("ApiKeyRequired")):
        return
    for path in document.paths:
        for item in document.items(path):
            for method, definition in item.items():
                if method in NO_METHODS or (str(method).startswith("x-") and method != ANY):
                    continue
                _check_method(work, document, path, item, method, definition)


def _check_method(work: Work, document: Document, path: str, item: Json, method: str, definition: Any) -> None:
    if not isinstance(definition, dict):
        message = f"Definition of method '{method}' for path '{path}' should be a map."
        raise Refused(work.locate(item, method), message, "invalid-openapi")
    for operation in branches(definition):
        if "security" not in operation or INTEGRATION not in operation:
            continue
        security = operation["security"]
        if not isinstance(security, list):
            message = f"Type of security for path {path} method {method} must be a list"
            raise Refused(work.locate(operation, "security"), message, "invalid-openapi")
        for index, entry in enumerate(security):
            if not isinstance(entry, dict):
                message = f"{entry} in Security for path {path} method {method} is not a valid dictionary."
                raise Refused(work.locate(operation, "security", index), message, "invalid-openapi")


def check_preflight(work: Work, document: Document) -> None:
    """What is rewritten when a document becomes OpenAPI 3."""
    for path, item in document.paths.items():
        options = item.get("options") if isinstance(item, dict) else None
        responses = options.get("responses") if isinstance(options, dict) else None
        if responses is None or options is None:
            continue
        if not isinstance(responses, dict):
            message = f"Invalid responses in options method for path {path}: It should be a map."
            raise Refused(work.locate(options, "responses"), message, "invalid-openapi")
        answer = responses.get("200")
        headers = answer.get("headers") if isinstance(answer, dict) else None
        if headers is not None and not isinstance(headers, dict):
            message = (
                f"Value of response's headers in options method for path {path} must be a dictionary according to "
                "Swagger spec."
            )
            raise Refused(work.locate(answer, "headers"), message, "invalid-openapi")


def check_servers(work: Work, document: Document) -> None:
    """What `DisableExecuteApiEndpoint` is written into."""
    servers = document.body.get("servers")
    for index, server in enumerate(servers if isinstance(servers, list) else []):
        name = "x-amazon-apigateway-endpoint-configuration"
        setting = server.get(name) if isinstance(server, dict) else server
        if not isinstance(server, dict) or (setting is not None and not isinstance(setting, dict)):
            message = f"Invalid OpenAPI definition of 'servers[{index}]': The value of '{name}' should be a map."
            raise Refused(work.locate(document.body, "servers", index, name), message, "invalid-openapi")


def _at(work: Work, document: Document, *path: Any) -> Any:
    return work.locate(document.body, "paths", *path)
