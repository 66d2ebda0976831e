"""`GatewayResponses` of a REST API.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-gatewayresponse.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.deployment_hash import Written
from runner.loader.sam.apis.document import Document
from runner.loader.sam.values import Json, is_intrinsic
from runner.loader.sam.work import Source, Work
from runner.loader.suggest import did_you_mean

KEYS = ("StatusCode", "ResponseParameters", "ResponseTemplates")
PARAMETERS = {"Headers": "header", "Paths": "path", "QueryStrings": "querystring"}


def gateway_responses(work: Work, source: Source, document: Document) -> None:
    """Write the answers that the gateway itself gives into the document."""
    given = source.get("GatewayResponses")
    _refuse_intrinsics(work, source, given, "GatewayResponses")
    if not isinstance(given, dict):
        raise work.refuse(source, "Property 'GatewayResponses' should be a map.", "GatewayResponses", code="wrong-type")
    found: Json = {}
    for name, settings in given.items():
        with work.collecting():
            found[name] = _response(work, source, name, settings)
    document.body["x-amazon-apigateway-gateway-responses"] = found


def _response(work: Work, source: Source, name: str, settings: Any) -> Json:
    path = ("GatewayResponses", name)
    if not isinstance(settings, dict):
        message = f"Property 'GatewayResponses.{name}' should be a map."
        raise work.refuse(source, message, *path, code="wrong-type")
    _refuse_intrinsics(work, source, settings, *path)
    for key in settings:
        if key not in KEYS:
            message = f"Invalid property '{key}' in 'GatewayResponses' property '{name}'."
            hint = did_you_mean(key, KEYS)
            raise work.refuse(source, message, *path, key, code="unknown-property", hint=hint)
    response: Json = {
        "responseParameters": _parameters(work, source, path, settings.get("ResponseParameters") or {}),
        "responseTemplates": settings.get("ResponseTemplates") or {},
    }
    status = settings.get("StatusCode")
    if status is not None:
        response["statusCode"] = _status(work, source, path, status)
    return response


def _refuse_intrinsics(work: Work, source: Source, value: Any, *path: str) -> None:
    if is_intrinsic(value):
        message = (
            "Unable to set GatewayResponses attribute because intrinsic functions are not supported for this field."
        )
        raise work.refuse(source, message, *path)


def _status(work: Work, source: Source, path: tuple[str, ...], status: Any) -> Any:
    if is_intrinsic(status):
        return status
    if not str(status).isdigit() or len(str(status)) > 3:
        raise work.refuse(source, "Property 'StatusCode' must be numeric", *path, "StatusCode")
    return str(status)


def _parameters(work: Work, source: Source, path: tuple[str, ...], parameters: Any) -> Json:
    if not isinstance(parameters, dict):
        message = f"Property '{'.'.join(path)}.ResponseParameters' should be a map."
        raise work.refuse(source, message, *path, "ResponseParameters", code="wrong-type")
    found: Json = {}
    for kind, values in parameters.items():
        if kind not in PARAMETERS:
            message = f"Invalid gateway response parameter '{kind}'"
            hint = did_you_mean(kind, PARAMETERS)
            raise work.refuse(source, message, *path, "ResponseParameters", kind, code="unknown-property", hint=hint)
        if not isinstance(values, dict):
            message = f"Property '{'.'.join(path)}.ResponseParameters.{kind}' should be a map."
            raise work.refuse(source, message, *path, "ResponseParameters", kind, code="wrong-type")
        for name, value in values.items():
            found[Written(f"gatewayresponse.{PARAMETERS[kind]}.{name}")] = value
    return found
