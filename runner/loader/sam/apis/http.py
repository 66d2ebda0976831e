"""`AWS::Serverless::HttpApi`: the HTTP API with its document and its stage.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-httpapi.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.document import INTEGRATION, Document
from runner.loader.sam.apis.http_auth import http_authorizers
from runner.loader.sam.apis.http_domain import HttpDomain
from runner.loader.sam.apis.registry import Api
from runner.loader.sam.apis.rest_domain import DomainRecords
from runner.loader.sam.apis.validation import check_paths, check_security
from runner.loader.sam.code import body_location
from runner.loader.sam.values import Json, is_intrinsic, ref
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work
from runner.loader.suggest import did_you_mean

AUTH_KEYS = ("Authorizers", "DefaultAuthorizer", "EnableIamAuthorizer")
CORS_KEYS = ("AllowOrigins", "AllowHeaders", "AllowMethods", "ExposeHeaders", "MaxAge", "AllowCredentials")
CORS = "x-amazon-apigateway-cors"
CREATED_BY = "httpapi:createdBy"
DEFAULT_STAGE = "$default"
STAGE = ("StageVariables", "AccessLogSettings", "DefaultRouteSettings", "RouteSettings")
NEEDS_BODY = {
    "CorsConfiguration": "Cors works only with inline OpenApi specified in 'DefinitionBody' property.",
    "Auth": "Auth works only with inline OpenApi specified in the 'DefinitionBody' property.",
    "Tags": "Tags works only with inline OpenApi specified in the 'DefinitionBody' property.",
    "DisableExecuteApiEndpoint": "DisableExecuteApiEndpoint works only within 'DefinitionBody' property.",
    "Description": "Description works only with inline OpenApi specified in the 'DefinitionBody' property.",
}


class HttpApi:
    """One HTTP API, whose events have all been written into its document."""

    def __init__(self, work: Work, api: Api, records: DomainRecords) -> None:
        self._work = work
        self._api = api
        self._source: Source = api.source
        self._records = records

    def transform(self) -> None:
        work, source = self._work, self._source
        properties: Json = {"FailOnWarnings": source.get("FailOnWarnings") or None}
        with work.collecting():
            properties.update(self._body())
        work.emit(source, source.id, "AWS::ApiGatewayV2::Api", properties, attributes=MAIN_ATTRIBUTES)
        with work.collecting():
            HttpDomain(work, self._api, self._records, self._tags()).emit()
        self._stage()
        self._authorizer_permissions()

    def _refuse(self, message: str, *path: Any, code: str = "invalid-property", hint: str = "") -> Exception:
        return self._work.refuse(self._source, message, *path, code=code, hint=hint)

    def _tags(self) -> Json:
        tags = self._source.get("Tags")
        return {CREATED_BY: "SAM", **(tags if isinstance(tags, dict) else {})}

    def _body(self) -> Json:
        source = self._source
        if source.get("DefinitionUri") and source.get("DefinitionBody"):
            message = "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both."
            raise self._refuse(message, "DefinitionUri")
        if source.get("DefinitionUri"):
            for name, message in NEEDS_BODY.items():
                if source.get(name) is not None:
                    raise self._refuse(message, name)
            return {"BodyS3Location": body_location(self._work, source, "DefinitionUri")}
        document = self._api.document
        if document is None:
            return {"Body": source.get("DefinitionBody")}
        return {"Body": self._edit(document)}

    def _edit(self, document: Document) -> Json:
        source = self._source
        if source.get("CorsConfiguration"):
            with self._work.collecting():
                self._add_cors(document)
        if source.get("Auth"):
            with self._work.collecting():
                self._add_auth(document, source.get("Auth"))
        with self._work.collecting():
            self._add_tags(document)
        with self._work.collecting():
            self._add_info(document, "Name", "title", ref("AWS::StackName"))
        with self._work.collecting():
            self._add_info(document, "Description", "description", None)
        disabled = source.get("DisableExecuteApiEndpoint")
        if disabled is not None:
            servers = document.body.get("servers")
            servers = servers if isinstance(servers, list) and servers else [{}]
            setting = {"disableExecuteApiEndpoint": disabled}
            name = "x-amazon-apigateway-endpoint-configuration"
            document.body["servers"] = [{**server, name: dict(setting)} for server in servers]
        if source.get("FailOnWarnings") and DEFAULT_STAGE in document.paths:
            document.paths[f"/{DEFAULT_STAGE}"] = document.paths.pop(DEFAULT_STAGE)
        return document.body

    def _check_valid(self, document: Document, name: str) -> None:
        version = str(document.body.get("openapi", ""))
        if not isinstance(document.body.get("paths"), dict) or not version.startswith("3"):
            message = f"Unable to add {name} because 'DefinitionBody' does not contain a valid OpenApi definition."
            raise self._refuse(message, name.strip("`").split()[0])

    def _add_cors(self, document: Document) -> None:
        config = self._work.resolve(self._source.get("CorsConfiguration"))
        self._check_valid(document, "Cors configuration")
        if config is True or config == "true":
            cors: Any = {"allowOrigins": ["*"]}
        elif is_intrinsic(config):
            cors = _lower_keys(config)
        elif isinstance(config, dict):
            for key in config:
                if key not in CORS_KEYS:
                    message = f"Invalid key '{key}' for 'Cors' property."
                    hint = did_you_mean(key, CORS_KEYS)
                    raise self._refuse(message, "CorsConfiguration", key, code="unknown-property", hint=hint)
            cors = {_lower_first(key): value for key, value in config.items() if value is not None}
            if cors.get("allowCredentials") is not True:
                cors.pop("allowCredentials", None)
        else:
            raise self._refuse("Invalid value for 'Cors' property.", "CorsConfiguration", code="wrong-type")
        standing = document.body.get(CORS)
        both = isinstance(standing, dict) and isinstance(cors, dict)
        document.body[CORS] = {**standing, **cors} if both and isinstance(standing, dict) else cors

    def _add_auth(self, document: Document, auth: Json) -> None:
        self._check_valid(document, "Auth configuration")
        check_paths(self._work, document)
        check_security(self._work, document, auth)
        for key in auth:
            if key not in AUTH_KEYS:
                hint = did_you_mean(key, AUTH_KEYS)
                raise self._refuse("Invalid value for 'Auth' property", "Auth", key, code="unknown-property", hint=hint)
        authorizers = http_authorizers(self._work, self._source, auth)
        if authorizers:
            schemes = document.component("securitySchemes")
            for name, authorizer in authorizers.items():
                schemes[name] = authorizer.scheme()
        default = auth.get("DefaultAuthorizer")
        if not default:
            return
        if not isinstance(default, str):
            message = "Unable to set DefaultAuthorizer because intrinsic functions are not supported for this field."
            raise self._refuse(message, "Auth", "DefaultAuthorizer", code="wrong-type")
        if default not in authorizers:
            message = f"Unable to set DefaultAuthorizer because '{default}' was not defined in 'Authorizers'."
            hint = did_you_mean(default, authorizers)
            raise self._refuse(message, "Auth", "DefaultAuthorizer", code="invalid-reference", hint=hint)
        for path in list(document.paths):
            for method, operation in document.all_operations(path):
                if INTEGRATION in operation and method.lower() != "options" and not operation.get("security"):
                    operation["security"] = [{default: authorizers[default].scopes}]

    def _add_tags(self, document: Document) -> None:
        self._check_valid(document, "`Tags`")
        standing = document.body.get("tags")
        tags = list(standing) if isinstance(standing, list) else []
        named = {str(tag.get("name")): tag for tag in tags if isinstance(tag, dict)}
        for name, value in self._tags().items():
            if name in named:
                named[name]["x-amazon-apigateway-tag-value"] = value
            else:
                tags.append({"name": name, "x-amazon-apigateway-tag-value": value})
        document.body["tags"] = tags

    def _add_info(self, document: Document, name: str, key: str, default: Any) -> None:
        """Put a property into the document's `info`, if the user's document does not say it itself."""
        value = self._source.get(name)
        if value is None:
            return
        info = document.body.setdefault("info", {})
        if info.get(key) not in (None, default):
            message = (
                f"Unable to set {name} because it is already defined within inline OpenAPI specified in the "
                "'DefinitionBody' property."
            )
            raise self._refuse(message, name)
        info[key] = value

    def _stage(self) -> None:
        source = self._source
        properties: Json = {
            "ApiId": ref(source.id),
            "StageName": source.get("StageName") or DEFAULT_STAGE,
            **{name: source.get(name) for name in STAGE},
            "AutoDeploy": True,
            "Tags": self._tags(),
        }
        self._work.references[source.id, "Stage"] = self._api.stage_id
        self._work.emit(source, self._api.stage_id, "AWS::ApiGatewayV2::Stage", properties)

    def _authorizer_permissions(self) -> None:
        auth = self._source.get("Auth")
        configured = auth.get("Authorizers") if isinstance(auth, dict) else None
        for name, settings in configured.items() if isinstance(configured, dict) else ():
            if isinstance(settings, dict) and settings.get("EnableFunctionDefaultPermissions") is True:
                self._permit_authorizer(name, settings.get("FunctionArn"))

    def _permit_authorizer(self, name: str, arn: Any) -> None:
        source = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${__ApiId__}/authorizers/*"
        properties = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": arn,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": [source, {"__ApiId__": ref(self._source.id)}]},
        }
        at = self._work.locate(self._source.properties, "Auth", "Authorizers", name)
        logical_id = f"{self._source.id}{name}AuthorizerPermission"
        self._work.emit(self._source, logical_id, "AWS::Lambda::Permission", properties, at=at)


def _lower_first(key: str) -> str:
    return key[:1].lower() + key[1:]


def _lower_keys(value: Any) -> Any:
    """CORS keys within intrinsics in the spelling of the document."""
    if isinstance(value, list):
        return [_lower_keys(item) for item in value]
    if isinstance(value, dict):
        return {(_lower_first(key) if key in CORS_KEYS else key): _lower_keys(item) for key, item in value.items()}
    return value
