"""Security of a REST API's methods: API keys, IAM, and the defaults that fill what events leave open.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-apiauth.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.document import INTEGRATION, Document
from runner.loader.sam.values import Json

IAM = "AWS_IAM"


def add_api_key_scheme(document: Document) -> None:
    document.schemes().setdefault("api_key", {"type": "apiKey", "name": "x-api-key", "in": "header"})


def add_iam_scheme(document: Document) -> None:
    scheme = {
        "x-amazon-apigateway-authtype": "awsSigv4",
        "type": "apiKey",
        "name": "Authorization",
        "in": "header",
    }
    document.schemes().setdefault(IAM, scheme)


def set_default_authorizer(document: Document, default: str, authorizers: Json, scopes: Any, preflight: bool) -> None:
    """Put the default authorizer on every method that has none and does not opt out by `NONE`."""
    names = {IAM, *authorizers}
    for path in list(document.paths):
        for method, operation in document.all_operations(path):
            if INTEGRATION not in operation or (method.lower() == "options" and not preflight):
                continue
            _set_authorizer(document, operation, names, {default: scopes or []})


def _set_authorizer(document: Document, operation: Json, names: set[str], default: Json) -> None:
    standing = _entries(operation)
    others = [entry for entry in standing if names.isdisjoint(entry)]
    own = [entry for entry in standing if not names.isdisjoint(entry)]
    none = next((entry for entry in others if "NONE" in entry), None)
    if none is not None:
        others.remove(none)
        own = []
    elif not own:
        own = [default]
    security = others + own
    if security:
        operation["security"] = security
        # SAM looks at the first entry alone.
        if IAM in security[0]:
            add_iam_scheme(document)


def set_default_api_key(document: Document, preflight: bool) -> None:
    """Ask for an API key on every method that does not opt out."""
    for path in list(document.paths):
        for method, operation in document.all_operations(path):
            if INTEGRATION not in operation or (method.lower() == "options" and not preflight):
                continue
            standing = _entries(operation)
            others = [entry for entry in standing if not {"api_key", "api_key_false"} & set(entry)]
            own = [entry for entry in standing if "api_key" in entry]
            if not own and not any("api_key_false" in entry for entry in standing):
                own = [{"api_key": []}]
            if others + own != standing:
                operation["security"] = others + own


def _entries(operation: Json) -> list[Any]:
    standing = operation.get("security")
    return [entry for entry in standing if isinstance(entry, dict)] if isinstance(standing, list) else []
