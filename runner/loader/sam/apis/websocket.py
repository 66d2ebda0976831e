"""`AWS::Serverless::WebSocketApi`: the API, its routes with their integrations, its stage and its authorizer.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-websocketapi.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.http_domain import HttpDomain
from runner.loader.sam.apis.registry import WEB_SOCKET, Api
from runner.loader.sam.apis.rest_domain import DomainRecords
from runner.loader.sam.values import Json, is_intrinsic, ref
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work

CONNECT = "$connect"
SPECIAL = (CONNECT, "$disconnect", "$default")
CREATED_BY = "websocketapi:createdBy"
DEFAULT_STAGE = "default"
INVOKE = "arn:${AWS::Partition}:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions/${%s}/invocations"
PASSED = (
    "ApiKeySelectionExpression",
    "Description",
    "DisableExecuteApiEndpoint",
    "DisableSchemaValidation",
    "FailOnWarnings",
    "IpAddressType",
    "RouteSelectionExpression",
)
STAGE = ("AccessLogSettings", "DefaultRouteSettings", "RouteSettings", "StageVariables")
ROUTE = (
    "ApiKeyRequired",
    "ModelSelectionExpression",
    "OperationName",
    "RequestModels",
    "RequestParameters",
    "RouteResponseSelectionExpression",
)
AUTH_TYPES = ("NONE", "AWS_IAM", "CUSTOM")


class WebSocketApi:
    """One WebSocket API."""

    def __init__(self, work: Work, source: Source, records: DomainRecords) -> None:
        self._work = work
        self._source = source
        self._api = Api(WEB_SOCKET, source, None, False)
        self._records = records

    def transform(self) -> None:
        work, source = self._work, self._source
        properties: Json = {name: source.get(name) for name in PASSED}
        properties.update(Name=source.get("Name") or source.id, ProtocolType="WEBSOCKET", Tags=self._tags(True))
        work.emit(source, source.id, "AWS::ApiGatewayV2::Api", properties, attributes=MAIN_ATTRIBUTES)
        with work.collecting():
            self._check()
        authorization: Json = {}
        with work.collecting():
            authorization = self._authorize()
        routes = source.get("Routes")
        for key, settings in routes.items() if isinstance(routes, dict) else ():
            with work.collecting():
                self._route(key, settings, authorization if key == CONNECT else {})
        stage: Json = {
            "ApiId": ref(source.id),
            "AutoDeploy": True,
            "StageName": source.get("StageName") or DEFAULT_STAGE,
            **{name: source.get(name) for name in STAGE},
            "Tags": self._tags(bool(source.get("PropagateTags"))),
        }
        made = [name for name in source.made if work.output[name]["Type"] == "AWS::ApiGatewayV2::Route"]
        # Settings of a route want the route.
        waits: Json = {"DependsOn": made} if source.get("RouteSettings") and made else {}
        work.emit(source, self._api.stage_id, "AWS::ApiGatewayV2::Stage", stage, extra=waits)
        work.references[source.id, "Stage"] = self._api.stage_id
        with work.collecting():
            HttpDomain(work, self._api, self._records, self._tags(bool(source.get("PropagateTags")))).emit()

    def _refuse(self, message: str, *path: Any, code: str = "invalid-property") -> Exception:
        return self._work.refuse(self._source, message, *path, code=code)

    def _tags(self, own: bool) -> Json:
        tags = self._source.get("Tags")
        return {CREATED_BY: "SAM", **(tags if own and isinstance(tags, dict) else {})}

    def _check(self) -> None:
        if self._source.get("StageName") == "$default":
            raise self._refuse("Stages cannot be named $default for WebSocket APIs.", "StageName")
        if self._source.get("Routes") == {}:
            raise self._refuse("WebSocket API must have at least one route.", "Routes")
        kind = self._source.get("IpAddressType")
        if kind is not None and kind not in ("ipv4", "dualstack") and not is_intrinsic(kind):
            raise self._refuse("IpAddressType must be 'ipv4' or 'dualstack'.", "IpAddressType")

    def _route(self, key: str, settings: Any, authorization: Json) -> None:
        path = ("Routes", key)
        if key not in SPECIAL and not str(key).isalnum():
            message = (
                f"Route key '{key}' must be alphanumeric. Only $connect, $disconnect, and $default special routes are "
                "supported."
            )
            raise self._refuse(message, *path)
        if not isinstance(settings, dict) or not settings.get("FunctionArn"):
            raise self._refuse(f"Property 'Routes.{key}.FunctionArn' is required.", *path, code="missing-property")
        if key != CONNECT and settings.get("RequestParameters"):
            message = "Request parameters are only supported for the $connect route in WebSocket APIs."
            raise self._refuse(message, *path, "RequestParameters")
        self._emit_route(key, settings, authorization)

    def _emit_route(self, key: str, settings: Json, authorization: Json) -> None:
        source = self._source
        name = f"{source.id}{str(key).removeprefix('$').capitalize()}"
        at = self._work.locate(source.properties, "Routes", key)
        arn = settings["FunctionArn"]
        integration: Json = {
            "ApiId": ref(source.id),
            "IntegrationType": "AWS_PROXY",
            "IntegrationUri": {"Fn::Sub": [INVOKE % "FunctionArn", {"FunctionArn": arn}]},
            "TimeoutInMillis": settings.get("IntegrationTimeout"),
        }
        emit, type_ = self._work.emit, "AWS::ApiGatewayV2::"
        emit(source, f"{name}Integration", f"{type_}Integration", integration, at=at, read=settings)
        route: Json = {
            "ApiId": ref(source.id),
            "RouteKey": key,
            "Target": {"Fn::Join": ["/", ["integrations", ref(f"{name}Integration")]]},
            **{name_: settings.get(name_) for name_ in ROUTE},
            **authorization,
        }
        emit(source, f"{name}Route", f"{type_}Route", route, at=at, read=settings)
        emit(source, f"{name}Permission", "AWS::Lambda::Permission", self._permission(key, arn), at=at, read={})

    def _permission(self, key: str, arn: Any) -> Json:
        source = self._source
        execute = f"arn:${{AWS::Partition}}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{{source.id}.ApiId}}/"
        stage = source.get("StageName") or DEFAULT_STAGE
        allowed: Json = {"Fn::Sub": f"{execute}{stage}/{key}"}
        if not isinstance(stage, str):
            allowed = {"Fn::Sub": [f"{execute}${{StageName}}/{key}", {"StageName": stage}]}
        return {
            "Action": "lambda:InvokeFunction",
            "FunctionName": arn,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": allowed,
        }

    def _authorize(self) -> Json:
        """What the route of connecting says of authorization; the authorizer is emitted."""
        auth = self._source.get("Auth")
        if not isinstance(auth, dict) or not auth:
            return {}
        kind = auth.get("AuthType")
        kind = kind.upper() if isinstance(kind, str) else kind
        if kind is None:
            raise self._refuse("AuthType must be specified for additional auth configurations.", "Auth")
        if kind not in AUTH_TYPES:
            raise self._refuse("AuthType must be one of NONE, AWS_IAM or CUSTOM.", "Auth", "AuthType")
        routes = self._source.get("Routes")
        if not isinstance(routes, dict) or CONNECT not in routes:
            raise self._refuse("Authorization is only available if there is a $connect route.", "Auth")
        if kind == "NONE" and len(auth) > 1:
            raise self._refuse("No additional configurations supported for AuthType NONE.", "Auth")
        if kind != "CUSTOM":
            return {"AuthorizationType": kind}
        if not auth.get("AuthArn"):
            raise self._refuse("AuthArn must be specified if AuthType is CUSTOM.", "Auth", code="missing-property")
        return {"AuthorizationType": kind, "AuthorizerId": ref(self._emit_authorizer(auth))}

    def _emit_authorizer(self, auth: Json) -> str:
        source, arn = self._source, auth["AuthArn"]
        authorizer_id = f"{source.id}ConnectAuthorizer"
        at = self._work.locate(source.properties, "Auth")
        authorizer: Json = {
            "ApiId": ref(source.id),
            "AuthorizerType": "REQUEST",
            "AuthorizerUri": {"Fn::Sub": [INVOKE % "AuthArn", {"AuthArn": arn}]},
            "AuthorizerCredentialsArn": auth.get("InvokeRole"),
            "IdentitySource": auth.get("IdentitySource"),
            "Name": auth.get("Name") or authorizer_id,
        }
        self._work.emit(source, authorizer_id, "AWS::ApiGatewayV2::Authorizer", authorizer, at=at, read=auth)
        if not auth.get("InvokeRole"):
            allowed = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*"
            permission = {
                "Action": "lambda:InvokeFunction",
                "FunctionName": arn,
                "Principal": "apigateway.amazonaws.com",
                "SourceArn": {"Fn::Sub": [allowed, {"__ApiId__": ref(source.id)}]},
            }
            logical_id = f"{source.id}AuthorizerPermission"
            self._work.emit(source, logical_id, "AWS::Lambda::Permission", permission, at=at, read={})
        return authorizer_id
