"""`Auth.Authorizers` of an HTTP API as security schemes.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-httpapi-httpapiauth.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.authorizers import declared
from runner.loader.sam.values import Json, as_list
from runner.loader.sam.work import Source, Work

IAM = "AWS_IAM"
SOURCES = (
    ("Headers", "$request.header."),
    ("QueryStrings", "$request.querystring."),
    ("StageVariables", "$stageVariables."),
    ("Context", "$context."),
)
ONLY_LAMBDA = (
    "FunctionArn",
    "FunctionInvokeRole",
    "Identity",
    "AuthorizerPayloadFormatVersion",
    "EnableSimpleResponses",
    "EnableFunctionDefaultPermissions",
)
ONLY_OAUTH = ("AuthorizationScopes", "JwtConfiguration", "IdentitySource")


def http_authorizers(work: Work, source: Source, auth: Json) -> dict[str, HttpAuthorizer]:
    """The authorizers by name, IAM's where it is enabled; what is wrong is reported."""
    found: dict[str, HttpAuthorizer] = {}
    if auth.get("EnableIamAuthorizer") is True:
        found[IAM] = HttpAuthorizer(work, source, IAM, None)
    for name, settings in declared(work, source, auth).items():
        with work.collecting():
            found[name] = HttpAuthorizer(work, source, name, settings).checked()
    return found


class HttpAuthorizer:
    """One authorizer: by JSON web token, or by a function where it names one; IAM's has no settings."""

    def __init__(self, work: Work, source: Source, name: str, settings: Any) -> None:
        self._work = work
        self._source = source
        self._name = name
        self._settings: Json = settings if isinstance(settings, dict) else {}
        self._written = settings
        self.is_iam = settings is None and name == IAM

    @property
    def scopes(self) -> Any:
        return self._settings.get("AuthorizationScopes") or []

    def _refuse(self, message: str, *path: Any, code: str = "invalid-authorizer") -> Exception:
        return self._work.refuse(self._source, message, "Auth", "Authorizers", self._name, *path, code=code)

    def checked(self) -> HttpAuthorizer:
        settings = self._settings
        if not isinstance(self._written, dict):
            raise self._refuse(f"Property 'Auth.Authorizers.{self._name}' should be a map.", code="wrong-type")
        if "OpenIdConnectUrl" in settings:
            message = (
                f"'OpenIdConnectUrl' is no longer a supported property for authorizer '{self._name}'. "
                "Please refer to the AWS SAM documentation."
            )
            raise self._refuse(message, "OpenIdConnectUrl")
        if self._is_oauth:
            self._check_oauth()
        else:
            self._check_lambda()
        return self

    @property
    def _is_oauth(self) -> bool:
        return bool(self._settings.get("JwtConfiguration"))

    def _check_oauth(self) -> None:
        for name in ONLY_LAMBDA:
            if self._settings.get(name) is not None:
                raise self._refuse(f"{name} is only supported for Lambda Authorizer.", name)
        if not self._settings.get("IdentitySource"):
            raise self._refuse(f"{self._name} OAuth2 Authorizer must define 'IdentitySource'.")

    def _check_lambda(self) -> None:
        for name in ONLY_OAUTH:
            if self._settings.get(name) is not None:
                if name == "IdentitySource":
                    raise self._refuse(f"{self._name} OAuth2 Authorizer must define 'JwtConfiguration'.", name)
                raise self._refuse(f"{name} is only supported for OAuth2 Authorizer.", name)
        for name in ("FunctionArn", "AuthorizerPayloadFormatVersion"):
            if not self._settings.get(name):
                raise self._refuse(f"{self._name} Lambda Authorizer must define '{name}'.")
        identity = self._settings.get("Identity")
        if identity is not None and not isinstance(identity, dict):
            message = f"{self._name} Lambda Authorizer property 'identity' is of invalid type."
            raise self._refuse(message, "Identity", code="wrong-type")

    def scheme(self) -> Json:
        """The security scheme of the document."""
        if self.is_iam:
            return {
                "type": "apiKey",
                "name": "Authorization",
                "in": "header",
                "x-amazon-apigateway-authtype": "awsSigv4",
            }
        if self._is_oauth:
            jwt = self._settings["JwtConfiguration"]
            lowered = {key[:1].lower() + key[1:]: value for key, value in jwt.items()} if isinstance(jwt, dict) else jwt
            return {
                "type": "oauth2",
                "x-amazon-apigateway-authorizer": {
                    "type": "jwt",
                    "jwtConfiguration": lowered,
                    "identitySource": self._settings["IdentitySource"],
                },
            }
        return {
            "type": "apiKey",
            "name": "Unused",
            "in": "header",
            "x-amazon-apigateway-authorizer": self._lambda(),
        }

    def _lambda(self) -> Json:
        settings = self._settings
        uri = (
            f"arn:{self._work.partition}:apigateway:${{AWS::Region}}:lambda:path/2015-03-31/functions/"
            "${__FunctionArn__}/invocations"
        )
        identity: Json = settings.get("Identity") or {}
        authorizer: Json = {
            "type": "request",
            "authorizerUri": {"Fn::Sub": [uri, {"__FunctionArn__": settings["FunctionArn"]}]},
        }
        sources = [f"{prefix}{item}" for name, prefix in SOURCES for item in as_list(identity.get(name) or [])]
        if sources:
            authorizer["identitySource"] = sources
        if identity.get("ReauthorizeEvery") is not None:
            authorizer["authorizerResultTtlInSeconds"] = identity["ReauthorizeEvery"]
        if settings.get("FunctionInvokeRole"):
            authorizer["authorizerCredentials"] = settings["FunctionInvokeRole"]
        authorizer["authorizerPayloadFormatVersion"] = settings["AuthorizerPayloadFormatVersion"]
        if settings.get("EnableSimpleResponses"):
            authorizer["enableSimpleResponses"] = settings["EnableSimpleResponses"]
        return authorizer
