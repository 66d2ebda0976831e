"""HTTP API events of functions: a route that invokes the function, and who may call it.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-httpapi.html
"""

from __future__ import annotations

import re
from typing import Any

from runner.loader.sam.apis.document import ANY, INTEGRATION, Document, conditional, method_key
from runner.loader.sam.apis.registry import Api, Apis, Route
from runner.loader.sam.events.event import Event
from runner.loader.sam.values import Json, is_intrinsic, no_value, ref

DEFAULT_PATH = "$default"
_PATH_PARAMETER = r"\{(.*?)\}"
_WILD = r"\{([a-zA-Z0-9._-]+|proxy\+)\}"


def add_http_event(apis: Apis, event: Event) -> None:
    """Write the route into the API's document, and emit the permission that it needs."""
    route = apis.routes.get((event.source.id, event.key))
    if route is None:
        return
    document = route.api.document
    if document is None or route.path == DEFAULT_PATH or not _has_default(document, event):
        _permit(event, route)
    if document is not None:
        HttpRoute(event, route, document).write()
    if event.get("RouteSettings"):
        _add_settings(event, route)


def _has_default(document: Document, event: Event) -> bool:
    """True if the default route invokes the same function, whose permission then covers all routes."""
    # SAM looks for the function itself, so an alias's routes have a permission each.
    variable = f"${{{event.source.id}.Arn}}"
    return any(variable in str(operation.get(INTEGRATION)) for operation in document.operations(DEFAULT_PATH, ANY))


def _permit(event: Event, route: Route) -> None:
    method = method_key(route.method)
    verb = "*" if method == ANY else str(method).upper()
    path = "/*" if route.path == DEFAULT_PATH else f"/{verb}{re.sub(_WILD, '*', route.path)}"
    if route.path == f"/{DEFAULT_PATH}":
        path = route.path
    if path != f"/{verb}/":
        path = path.rstrip("/")
    arn = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/${__Stage__}" + path
    api_id = event.get("ApiId") or ref(route.api.id)
    event.permit("apigateway.amazonaws.com", arn={"Fn::Sub": [arn, {"__ApiId__": api_id, "__Stage__": "*"}]})


def _add_settings(event: Event, route: Route) -> None:
    """The route's settings are the stage's; those of the event win."""
    properties = route.api.source.properties
    key = route.path if route.method == ANY else f"{route.method.upper()} {route.path}"
    standing = properties.get("RouteSettings")
    standing = standing if isinstance(standing, dict) else {}
    own = standing.get(key)
    settings: Any = {**(own if isinstance(own, dict) else {}), **event.get("RouteSettings")}
    if event.source.condition:
        settings = {"Fn::If": [event.source.condition, settings, no_value()]}
    properties["RouteSettings"] = event.work.adopt({**standing, key: settings}, event.at)


class HttpRoute:
    """One route of a document, as an event describes it."""

    def __init__(self, event: Event, route: Route, document: Document) -> None:
        self._event = event
        self._route = route
        self._document = document
        self._api: Api = route.api

    def write(self) -> None:
        event, route = self._event, self._route
        # A user's document may have an integration there: it stays, but for what the event says of it.
        if not self._document.has_integration(route.path, route.method):
            self._document.integrate(route.path, route.method, self._integration(), event.source.condition)
        for operation in self._document.operations(route.path, route.method):
            self._write_settings(operation)
        auth = event.get("Auth")
        if auth:
            self._write_auth(auth)

    def _write_settings(self, operation: Json) -> None:
        event, path = self._event, self._route.path
        if path == DEFAULT_PATH:
            operation["isDefaultRoute"] = True
        parameters = [{"name": name, "in": "path", "required": True} for name in re.findall(_PATH_PARAMETER, path)]
        if parameters:
            operation["parameters"] = parameters
        integration = operation.get(INTEGRATION)
        if isinstance(integration, dict):
            if event.get("PayloadFormatVersion"):
                integration["payloadFormatVersion"] = event.get("PayloadFormatVersion")
            if event.get("TimeoutInMillis"):
                integration["timeoutInMillis"] = event.get("TimeoutInMillis")

    def _integration(self) -> Json:
        event = self._event
        uri = (
            "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/"
            f"{event.target.variable}/invocations"
        )
        return {
            "type": "aws_proxy",
            "httpMethod": "POST",
            "uri": conditional(event.source.condition, {"Fn::Sub": uri}),
            "payloadFormatVersion": "2.0",
        }

    def _write_auth(self, auth: Json) -> None:
        api_auth = self._api.get("Auth")
        api_auth = api_auth if isinstance(api_auth, dict) else {}
        authorizer = auth.get("Authorizer") or api_auth.get("DefaultAuthorizer")
        if not authorizer:
            message = (
                "'Auth' section requires either an explicit 'Authorizer' set or a 'DefaultAuthorizer' configured on "
                "the HttpApi."
            )
            raise self._event.refuse(message, "Auth")
        self._check(authorizer, api_auth)
        scopes = auth.get("AuthorizationScopes")
        if authorizer in ("NONE", "AWS_IAM"):
            scopes = None
        elif scopes is None:
            settings = (api_auth.get("Authorizers") or {}).get(authorizer)
            scopes = settings.get("AuthorizationScopes") if isinstance(settings, dict) else None
        for operation in self._document.operations(self._route.path, self._route.method):
            operation["security"] = [{authorizer: scopes or []}]

    def _check(self, authorizer: Any, api_auth: Json) -> None:
        where = f"on API method [{self._route.method}] for path [{self._route.path}]"
        path = ("Auth", "Authorizer")
        reason = ""
        if authorizer == "NONE":
            if not api_auth.get("DefaultAuthorizer"):
                message = (
                    f"Unable to set Authorizer {where} because 'NONE' is only a valid value when a DefaultAuthorizer "
                    "on the API is specified."
                )
                raise self._event.refuse(message, *path)
            return
        configured = api_auth.get("Authorizers")
        if authorizer == "AWS_IAM" and (api_auth.get("EnableIamAuthorizer") is True or _names(configured, authorizer)):
            return
        if authorizer == "AWS_IAM":
            reason = "because 'AWS_IAM' is only a valid value when EnableIamAuthorizer is set on the API."
        elif not configured:
            reason = "because the related API does not define any Authorizers."
        elif not isinstance(authorizer, str):
            message = (
                f"Unable to set Authorizer {where}. The method authorizer must be a string with a corresponding dict "
                "entry in the api authorizer."
            )
            raise self._event.refuse(message, *path, code="wrong-type")
        elif not _names(configured, authorizer):
            reason = "because it wasn't defined in the API's Authorizers."
        if reason:
            raise self._event.refuse(f"Unable to set Authorizer [{authorizer}] {where} {reason}", *path)


def _names(configured: Any, authorizer: Any) -> bool:
    return isinstance(configured, dict) and (is_intrinsic(configured) or authorizer in configured)
