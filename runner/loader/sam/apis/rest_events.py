"""REST API events of functions: a method of the API that invokes the function, and who may call it.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-api.html
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from runner.loader.sam.apis.deployment_hash import Written, mark, text_of
from runner.loader.sam.apis.document import (
    INTEGRATION,
    Document,
    conditional,
    method_key,
    resource_path,
    swagger_skeleton,
)
from runner.loader.sam.apis.registry import Api, Apis, Route, deep_copy
from runner.loader.sam.apis.resource_policy import add_custom_statements, add_resource_policy
from runner.loader.sam.apis.security import add_api_key_scheme, add_iam_scheme
from runner.loader.sam.events.event import Event
from runner.loader.sam.values import Json, ref
from runner.loader.sam.work import Refused

_REQUEST_PARAMETER = r"method\.request\.(querystring|path|header)\.(.+)"
CALLER = "CALLER_CREDENTIALS"


def add_rest_event(apis: Apis, event: Event) -> None:
    """Emit the permission, and write the method into the API's document if SAM manages it."""
    route = apis.routes.get((event.source.id, event.key))
    if route is None:
        return
    api = route.api
    if api.get("StageName") == "":
        at = event.work.locate(api.source.properties, "StageName")
        raise Refused(at, "StageName cannot be empty.")
    permit(event, route)
    function_name = event.work.resolve(event.source.get("FunctionName"))
    if function_name:
        api.redeploy_names.append(function_name if isinstance(function_name, str) else text_of(mark(function_name)))
    if api.document is not None:
        marked = replace(event, properties=deep_copy(event.work, event.properties, marked=True))
        _write(marked, route, api.document)


def _write(event: Event, route: Route, document: Document) -> None:
    api = route.api
    if api.managed:
        with document.editing(route.path):
            RestMethod(event, route, document).write()
    elif api.get("MergeDefinitions"):
        merge(event, route, document)
    elif isinstance(event.get("Auth"), dict) and event.get("Auth").get("OverrideApiAuth"):
        method = RestMethod(event, route, document)
        method.check_override()
        with document.editing(route.path):
            method.write_auth()


def permit(event: Event, route: Route) -> None:
    method = method_key(route.method)
    verb = "*" if method == method_key("any") else method.upper()
    arn = (
        f"arn:{event.work.partition}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:"
        f"${{__ApiId__}}/${{__Stage__}}/{verb}{resource_path(route.path)}"
    )
    api_id = event.get("RestApiId") or ref(route.api.id)
    event.permit(
        "apigateway.amazonaws.com",
        suffix=route.api.stage_suffix,
        arn={"Fn::Sub": [arn, {"__ApiId__": api_id, "__Stage__": "*"}]},
    )


def merge(event: Event, route: Route, document: Document) -> None:
    """Write the method beside what the user's document says of it; the generated keys win."""
    if not isinstance(document.body.get("paths"), dict):
        return
    scratch = Document(swagger_skeleton())
    RestMethod(event, route, scratch).write()
    generated = scratch.paths[route.path][method_key(route.method)]
    item = document.open(route.path)
    if not isinstance(item, dict):
        return
    # SAM does not spell a method of `any` the way it does in its own documents.
    standing = item.get(route.method)
    item[route.method] = {**(standing if isinstance(standing, dict) else {}), **generated}


class RestMethod:
    """One method of a document, as an event describes it."""

    def __init__(self, event: Event, route: Route, document: Document) -> None:
        self._event = event
        self._route = route
        self._document = document
        self._api: Api = route.api

    def write(self) -> None:
        event, route = self._event, self._route
        self._document.integrate(route.path, route.method, self._integration(), self._condition)
        if event.get("Auth"):
            self.write_auth()
        timeout = event.get("TimeoutInMillis")
        if timeout:
            for operation in self._operations():
                operation[INTEGRATION]["timeoutInMillis"] = timeout
        if event.get("RequestModel"):
            self._write_model(event.get("RequestModel"))
        if event.get("RequestParameters"):
            self._write_parameters(event.get("RequestParameters"))

    @property
    def _condition(self) -> str | None:
        condition = self._event.source.condition
        return condition if condition is None else Written(condition)

    def _operations(self) -> list[Json]:
        return list(self._document.operations(self._route.path, self._route.method))

    def _integration(self) -> Json:
        event = self._event
        streams = event.get("ResponseTransferMode") == "RESPONSE_STREAM"
        version, ending = ("2021-11-15", "response-streaming-invocations") if streams else ("2015-03-31", "invocations")
        uri = (
            f"arn:{event.work.partition}:apigateway:${{AWS::Region}}:lambda:path/{version}/functions/"
            f"{event.target.variable}/{ending}"
        )
        # SAM makes the text of an alias's address itself, but that of a function's from the file.
        text = uri if event.target.is_alias else Written(uri)
        integration: Json = {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": conditional(self._condition, {"Fn::Sub": text}),
        }
        if streams:
            integration["responseTransferMode"] = "STREAM"
        credentials = self._credentials()
        if credentials is not None:
            integration["credentials"] = credentials
        return integration

    def _credentials(self) -> Any:
        """On whose behalf the gateway calls the function where IAM authorises the caller."""
        auth = self._event.get("Auth") or {}
        api_auth = self._api_auth()
        by_iam = auth.get("Authorizer") == "AWS_IAM" or (api_auth.get("DefaultAuthorizer") == "AWS_IAM" and not auth)
        if not by_iam:
            return None
        role: Any = CALLER
        for settings in (api_auth, auth):
            if "InvokeRole" in settings:
                role = settings["InvokeRole"] or "NONE"
        if role == "NONE":
            return None
        return f"arn:{self._event.work.partition}:iam::*:user/*" if role == CALLER else role

    def _api_auth(self) -> Json:
        auth = self._api.get("Auth")
        return auth if isinstance(auth, dict) else {}

    def check_override(self) -> None:
        auth = self._event.get("Auth")
        if not any(auth.get(name) is not None for name in ("Authorizer", "ApiKeyRequired", "ResourcePolicy")):
            message = (
                "Must define one of: Authorizer, ApiKeyRequired or ResourcePolicy when using the OverrideApiAuth "
                "property."
            )
            raise self._event.refuse(message, "Auth", "OverrideApiAuth")

    def write_auth(self) -> None:
        auth = self._event.get("Auth")
        authorizer = auth.get("Authorizer")
        if authorizer:
            self._check_authorizer(authorizer)
            self._write_authorizer(authorizer, auth.get("AuthorizationScopes"))
        elif auth.get("AuthorizationScopes") is not None and not self._api_auth().get("DefaultAuthorizer"):
            message = "AuthorizationScopes works only when Authorizer is set"
            raise self._event.refuse(message, "Auth", "AuthorizationScopes")
        self._write_api_key(auth.get("ApiKeyRequired"))
        if auth.get("ResourcePolicy"):
            stage = self._api.stage_suffix
            add_resource_policy(self._document, auth["ResourcePolicy"], self._route.path, stage)
            if auth["ResourcePolicy"].get("CustomStatements"):
                add_custom_statements(self._document, auth["ResourcePolicy"]["CustomStatements"])

    def _check_authorizer(self, authorizer: Any) -> None:
        authorizers = self._api_auth().get("Authorizers")
        where = f"on API method [{self._route.method}] for path [{self._route.path}]"
        path = ("Auth", "Authorizer")
        if authorizer == "NONE":
            if not self._api_auth().get("DefaultAuthorizer"):
                message = (
                    f"Unable to set Authorizer {where} because 'NONE' is only a valid value when a DefaultAuthorizer "
                    "on the API is specified."
                )
                raise self._event.refuse(message, *path)
        elif authorizer != "AWS_IAM":
            if not authorizers:
                reason = "because the related API does not define any Authorizers."
                raise self._event.refuse(f"Unable to set Authorizer [{authorizer}] {where} {reason}", *path)
            if not isinstance(authorizer, str):
                message = (
                    f"Unable to set Authorizer [{authorizer}] {where}. The method authorizer must be a string with a "
                    "corresponding dict entry in the api authorizer."
                )
                raise self._event.refuse(message, *path, code="wrong-type")
            if not isinstance(authorizers, dict) or authorizer not in authorizers:
                reason = "because it wasn't defined in the API's Authorizers."
                raise self._event.refuse(f"Unable to set Authorizer [{authorizer}] {where} {reason}", *path)

    def _write_authorizer(self, authorizer: str, scopes: Any) -> None:
        authorizers = self._api_auth().get("Authorizers")
        settings = authorizers.get(authorizer) if isinstance(authorizers, dict) else None
        if authorizer in ("AWS_IAM", "NONE"):
            scopes = None
        elif scopes is None and isinstance(settings, dict):
            scopes = settings.get("AuthorizationScopes")
        for operation in self._operations():
            operation["security"] = [*_security(operation), {authorizer: scopes or []}]
        if authorizer == "AWS_IAM":
            add_iam_scheme(self._document)

    def _write_api_key(self, required: Any) -> None:
        if required is None:
            return
        if not required and not self._api_auth().get("ApiKeyRequired"):
            message = (
                f"Unable to set ApiKeyRequired [False] on API method [{self._route.method}] for path "
                f"[{self._route.path}] because the related API does not specify any ApiKeyRequired."
            )
            raise self._event.refuse(message, "Auth", "ApiKeyRequired")
        for operation in self._operations():
            operation["security"] = [*_security(operation), {"api_key" if required else "api_key_false": []}]
        if required:
            add_api_key_scheme(self._document)

    def _write_model(self, request: Json) -> None:
        name = request.get("Model")
        if not name:
            return
        models = self._api.get("Models")
        reason = ""
        if not models:
            reason = "because the related API does not define any Models."
        elif not isinstance(name, str) or (isinstance(models, dict) and name not in models):
            reason = "because it wasn't defined in the API's Models."
        if reason:
            where = f"on API method [{self._route.method}] for path [{self._route.path}]"
            raise self._event.refuse(f"Unable to set RequestModel [{name}] {where} {reason}", "RequestModel", "Model")
        self._write_model_reference(Written(name.lower()), request)
        self._write_validator(request)

    def _write_model_reference(self, name: str, request: Json) -> None:
        required = request.get("Required")
        for operation in self._operations():
            if self._is_openapi3():
                schema = {"$ref": f"#/components/schemas/{name}"}
                body: Json = {"content": {"application/json": {"schema": schema}}}
                if required is not None:
                    body["required"] = required
                operation["requestBody"] = body
                continue
            parameter: Json = {"in": "body", "name": name, "schema": {"$ref": f"#/definitions/{name}"}}
            if required is not None:
                parameter["required"] = required
            standing = operation.get("parameters")
            operation["parameters"] = [*(standing if isinstance(standing, list) else []), parameter]

    def _is_openapi3(self) -> bool:
        version = self._api.get("OpenApiVersion")
        return self._document.is_openapi3 or str(version or "").startswith("3")

    def _write_validator(self, request: Json) -> None:
        body, parameters = request.get("ValidateBody"), request.get("ValidateParameters")
        if body is None and parameters is None:
            return
        for name, value in (("ValidateBody", body), ("ValidateParameters", parameters)):
            if value is not None and not isinstance(value, bool):
                message = (
                    f"Unable to set Validator to RequestModel [{request['Model']}] on API method "
                    f"[{self._route.method}] for path [{self._route.path}] ValidateBody and ValidateParameters must be "
                    "a boolean type, strings or intrinsics are not supported."
                )
                raise self._event.refuse(message, "RequestModel", name, code="wrong-type")
        body, parameters = bool(body), bool(parameters)
        validator = VALIDATORS[body, parameters]
        validators = self._document.body.setdefault("x-amazon-apigateway-request-validators", {})
        validators.setdefault(validator, {"validateRequestBody": body, "validateRequestParameters": parameters})
        for operation in self._operations():
            operation["x-amazon-apigateway-request-validator"] = validator

    def _write_parameters(self, parameters: list[Any]) -> None:
        written = [self._parameter(index, item) for index, item in enumerate(parameters)]
        cached = [name for name, _, caching in written if caching]
        for operation in self._operations():
            standing = operation.get("parameters")
            operation["parameters"] = [
                *(standing if isinstance(standing, list) else []),
                *(parameter for _, parameter, _ in written),
            ]
            if cached:
                operation[INTEGRATION]["cacheKeyParameters"] = list(cached)

    def _parameter(self, index: int, item: Any) -> tuple[str, Json, bool]:
        """The parameter's whole name, its definition, and whether it is a cache key."""
        prefix = "Invalid value for 'RequestParameters' property. "
        settings: Any = {}
        name = item
        if isinstance(item, dict) and len(item) == 1:
            ((name, settings),) = item.items()
            if not isinstance(settings, dict):
                message = f"{prefix}Values must be an object, e.g {{ Required: true, Caching: false }}"
                raise self._event.refuse(message, "RequestParameters", index)
        elif not isinstance(item, str):
            message = f"{prefix}Property must be either a string or an object"
            raise self._event.refuse(message, "RequestParameters", index)
        match = re.fullmatch(_REQUEST_PARAMETER, str(name))
        if not match:
            message = (
                f"{prefix}Keys must be in the format 'method.request.[querystring|path|header].{{value}}', e.g "
                "'method.request.header.Authorization'."
            )
            raise self._event.refuse(message, "RequestParameters", index)
        place = "query" if match[1] == "querystring" else Written(match[1])
        required = settings.get("Required", False)
        definition = {"in": place, "name": Written(match[2]), "required": required, "type": "string"}
        return Written(name), definition, bool(settings.get("Caching", False))


VALIDATORS = {
    (True, True): "body-and-params",
    (True, False): "body-only",
    (False, True): "params-only",
    (False, False): "no-validation",
}


def _security(operation: Json) -> list[Any]:
    standing = operation.get("security")
    return standing if isinstance(standing, list) else []
