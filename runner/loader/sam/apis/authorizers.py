"""`Auth.Authorizers` of a REST API as security definitions.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-apiauth.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.deployment_hash import Written
from runner.loader.sam.apis.security import IAM
from runner.loader.sam.values import Json, as_list, is_intrinsic
from runner.loader.sam.work import Source, Work

SOURCES = (
    ("Headers", "method.request.header."),
    ("QueryStrings", "method.request.querystring."),
    ("StageVariables", "stageVariables."),
    ("Context", "context."),
)
IAM_SCHEME = {
    "type": "apiKey",
    "name": "Authorization",
    "in": "header",
    "x-amazon-apigateway-authtype": "awsSigv4",
}


def declared(work: Work, source: Source, auth: Json) -> Json:
    """The settings of `Auth.Authorizers` by name. Raises a refusal where they are no map."""
    configured = auth.get("Authorizers") or {}
    if not isinstance(configured, dict):
        message = "Property 'Auth.Authorizers' should be a map."
        raise work.refuse(source, message, "Auth", "Authorizers", code="wrong-type")
    return configured


def rest_authorizers(work: Work, source: Source, auth: Json) -> dict[str, Json]:
    """The authorizers' security definitions by name; what is wrong is reported."""
    found: dict[str, Json] = {}
    if auth.get("DefaultAuthorizer") == IAM:
        found[auth["DefaultAuthorizer"]] = dict(IAM_SCHEME)
    for name, settings in declared(work, source, auth).items():
        with work.collecting():
            found[name] = RestAuthorizer(work, source, name, settings).scheme()
    return found


class RestAuthorizer:
    """One authorizer: Cognito where it names a user pool, else a function by token or by request."""

    def __init__(self, work: Work, source: Source, name: str, settings: Any) -> None:
        self._work = work
        self._source = source
        self._name = name
        self._settings = settings

    def _refuse(self, message: str, *path: Any, code: str = "invalid-authorizer") -> Exception:
        return self._work.refuse(self._source, message, "Auth", "Authorizers", self._name, *path, code=code)

    def scheme(self) -> Json:
        if not isinstance(self._settings, dict):
            raise self._refuse(f"Property 'Auth.Authorizers.{self._name}' should be a map.", code="wrong-type")
        identity = self._identity()
        if self._settings.get("UserPoolArn"):
            return self._cognito(identity)
        payload = self._settings.get("FunctionPayloadType") or "TOKEN"
        if payload not in ("TOKEN", "REQUEST"):
            message = f"{self._name} Authorizer has invalid 'FunctionPayloadType': {payload}."
            raise self._refuse(message, "FunctionPayloadType")
        return self._function(identity, payload)

    def _identity(self) -> Json:
        identity = self._settings.get("Identity")
        if identity is None:
            return {}
        if not isinstance(identity, dict):
            message = (
                "Auth.Authorizers.<Authorizer>.Identity must be a dict (LambdaTokenAuthorizationIdentity, "
                "LambdaRequestAuthorizationIdentity or CognitoAuthorizationIdentity"
            )
            raise self._refuse(message, "Identity", code="wrong-type")
        return identity

    def _scheme(self, name: str, type_: str, authorizer: Json) -> Json:
        return {
            "type": "apiKey",
            "name": name,
            "in": "header",
            "x-amazon-apigateway-authorizer": authorizer,
            "x-amazon-apigateway-authtype": type_,
        }

    def _cognito(self, identity: Json) -> Json:
        authorizer: Json = {
            "type": "cognito_user_pools",
            "providerARNs": as_list(self._settings["UserPoolArn"]),
        }
        if identity.get("ValidationExpression"):
            authorizer["identityValidationExpression"] = identity["ValidationExpression"]
        return self._scheme(identity.get("Header") or "Authorization", "cognito_user_pools", authorizer)

    def _function(self, identity: Json, payload: str) -> Json:
        arn = self._settings.get("FunctionArn")
        uri = (
            f"arn:{self._work.partition}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/"
            "${__FunctionArn__}/invocations"
        )
        authorizer: Json = {
            "type": payload.lower(),
            "authorizerUri": {"Fn::Sub": [uri, {"__FunctionArn__": arn}]},
        }
        if identity.get("ReauthorizeEvery") is not None:
            authorizer["authorizerResultTtlInSeconds"] = identity["ReauthorizeEvery"]
        role = self._settings.get("FunctionInvokeRole")
        if role and role != "NONE":
            authorizer["authorizerCredentials"] = role
        if payload == "REQUEST":
            sources = self._identity_source(identity)
            if sources:
                authorizer["identitySource"] = sources
            return self._scheme("Unused", "custom", authorizer)
        if identity.get("ValidationExpression"):
            authorizer["identityValidationExpression"] = identity["ValidationExpression"]
        return self._scheme(identity.get("Header") or "Authorization", "custom", authorizer)

    def _identity_source(self, identity: Json) -> str:
        sources = []
        for name, prefix in SOURCES:
            given = identity.get(name)
            if given is not None and not isinstance(given, list):
                message = f"Property 'Auth.Authorizers.{self._name}.Identity.{name}' should be a list."
                raise self._refuse(message, "Identity", name, code="wrong-type")
            sources += [f"{prefix}{item}" for item in given or []]
        uncached = identity.get("ReauthorizeEvery") == 0 or is_intrinsic(identity.get("ReauthorizeEvery"))
        if not sources and not uncached:
            message = (
                f"{self._name} Authorizer must specify Identity with at least one of Headers, QueryStrings, "
                "StageVariables, or Context."
            )
            raise self._refuse(message)
        return Written(", ".join(sources))


def permits_authorizers(settings: Any) -> bool:
    """True if the gateway is let invoke the authorizer's function."""
    if not isinstance(settings, dict) or settings.get("UserPoolArn") or not settings.get("FunctionArn"):
        return False
    return not settings.get("DisableFunctionDefaultPermissions")
