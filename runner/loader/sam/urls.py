"""`FunctionUrlConfig`: a function's own address, and who may call it.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-functionurlconfig.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.aliases import Target
from runner.loader.sam.values import Json, is_intrinsic
from runner.loader.sam.work import Source, Work
from runner.loader.suggest import did_you_mean

CORS: dict[str, type] = {
    "AllowOrigins": list,
    "AllowMethods": list,
    "AllowCredentials": bool,
    "AllowHeaders": list,
    "ExposeHeaders": list,
    "MaxAge": int,
}


def add_url(work: Work, source: Source, target: Target) -> None:
    """Emit the URL, and where everybody may call it the two permissions that let them."""
    config = source.get("FunctionUrlConfig")
    if not config:
        return
    _check(work, source, config)
    at = work.locate(source.properties, "FunctionUrlConfig")
    work.emit(
        source,
        f"{source.id}Url",
        "AWS::Lambda::Url",
        {
            "TargetFunctionArn": target.name,
            "AuthType": config.get("AuthType"),
            "Cors": config.get("Cors") or None,
            "InvokeMode": config.get("InvokeMode"),
        },
        at=at,
    )
    if config.get("AuthType") == "NONE":
        _permit(work, source, "UrlPublicPermissions", {"Action": "lambda:InvokeFunctionUrl"}, target)
        _permit(work, source, "URLInvokeAllowPublicAccess", {"Action": "lambda:InvokeFunction"}, target)


def _permit(work: Work, source: Source, ending: str, action: Json, target: Target) -> None:
    by_url: Json = {"FunctionUrlAuthType": "NONE"} if ending.startswith("Url") else {"InvokedViaFunctionUrl": True}
    at = work.locate(source.properties, "FunctionUrlConfig")
    properties = {**action, "FunctionName": target.name, "Principal": "*", **by_url}
    work.emit(source, f"{source.id}{ending}", "AWS::Lambda::Permission", properties, at=at)


def _check(work: Work, source: Source, config: Any) -> None:
    if is_intrinsic(config):
        return
    auth = config.get("AuthType")
    if auth not in ("AWS_IAM", "NONE") and not is_intrinsic(auth):
        message = (
            "AuthType is required to configure function property `FunctionUrlConfig`. "
            "Please provide either AWS_IAM or NONE."
        )
        raise work.refuse(source, message, "FunctionUrlConfig", "AuthType")
    cors = config.get("Cors")
    if not cors or is_intrinsic(cors):
        return
    if not isinstance(cors, dict):
        message = "Property 'FunctionUrlConfig.Cors' should be a map."
        raise work.refuse(source, message, "FunctionUrlConfig", "Cors", code="wrong-type")
    for name, value in cors.items():
        path = ("FunctionUrlConfig", "Cors", name)
        if name not in CORS:
            message = f"{name} is not a valid property for configuring Cors."
            raise work.refuse(source, message, *path, code="unknown-property", hint=did_you_mean(name, CORS))
        if not isinstance(value, CORS[name]) and not is_intrinsic(value):
            message = f"{name} must be of type {CORS[name].__name__}."
            raise work.refuse(source, message, *path, code="wrong-type")
