"""`AWS::Serverless::Api`: the REST API with its document, its deployment and its stage.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-resource-api.html
"""

from __future__ import annotations

import hashlib
import re
from typing import Any

from runner.loader.sam.apis.authorizers import permits_authorizers, rest_authorizers
from runner.loader.sam.apis.cors import add_cors, read_cors
from runner.loader.sam.apis.deployment_hash import Written, json_of, mark, text_of
from runner.loader.sam.apis.document import Document
from runner.loader.sam.apis.openapi3 import convert
from runner.loader.sam.apis.registry import Api
from runner.loader.sam.apis.resource_policy import add_custom_statements, add_resource_policy, wrong_networks
from runner.loader.sam.apis.responses import gateway_responses
from runner.loader.sam.apis.rest_domain import DomainRecords, RestDomain
from runner.loader.sam.apis.security import add_api_key_scheme, set_default_api_key, set_default_authorizer
from runner.loader.sam.apis.usage_plans import UsagePlans
from runner.loader.sam.apis.validation import check_paths, check_preflight, check_security, check_servers
from runner.loader.sam.code import body_location
from runner.loader.sam.tags import tag_list
from runner.loader.sam.values import Json, as_list, ref
from runner.loader.sam.work import MAIN_ATTRIBUTES, Source, Work
from runner.loader.suggest import did_you_mean

AUTH_KEYS = (
    "Authorizers",
    "DefaultAuthorizer",
    "InvokeRole",
    "AddDefaultAuthorizerToCorsPreflight",
    "AddApiKeyRequiredToCorsPreflight",
    "ApiKeyRequired",
    "ResourcePolicy",
    "UsagePlan",
)
PASSED = (
    "Name",
    "Description",
    "Mode",
    "ApiKeySourceType",
    "Policy",
    "SecurityPolicy",
    "EndpointAccessMode",
    "MinimumCompressionSize",
    "FailOnWarnings",
    "BinaryMediaTypes",
)
STAGE = (
    "CacheClusterEnabled",
    "CacheClusterSize",
    "Variables",
    "MethodSettings",
    "AccessLogSetting",
    "CanarySetting",
    "TracingEnabled",
)
_VERSION = r"[2-3](\.\d)(\.\d)?"
NEEDS_BODY = {
    "Cors": "Cors works only with inline Swagger specified in 'DefinitionBody' property.",
    "Auth": "Auth works only with inline Swagger specified in 'DefinitionBody' property.",
    "GatewayResponses": "GatewayResponses works only with inline Swagger specified in 'DefinitionBody' property.",
    "Models": "Models works only with inline Swagger specified in 'DefinitionBody' property.",
    "DisableExecuteApiEndpoint": "DisableExecuteApiEndpoint works only within 'DefinitionBody' property.",
}


class RestApi:
    """One REST API, whose events have all been written into its document."""

    def __init__(self, work: Work, api: Api, plans: UsagePlans, records: DomainRecords) -> None:
        self._work = work
        self._api = api
        self._plans = plans
        self._records = records
        self._source: Source = api.source

    def transform(self) -> None:
        work, source = self._work, self._source
        for name in ("BinaryMediaTypes", "Domain", "Auth"):
            if source.get(name) is not None:
                resolved = work.resolve(source.get(name))
                if resolved is not source.get(name):
                    source.properties[name] = work.adopt(mark(resolved), work.locate(source.properties, name))
        properties: Json = {name: source.get(name) or None for name in PASSED}
        with work.collecting():
            properties.update(self._endpoint())
        with work.collecting():
            properties.update(self._body())
        tags = tag_list(source.get("Tags")) if source.get("PropagateTags") else []
        properties["Tags"] = tags or None
        work.emit(source, source.id, "AWS::ApiGateway::RestApi", properties, attributes=MAIN_ATTRIBUTES)
        with work.collecting():
            RestDomain(work, self._api, self._records).emit()
        deployment_id = self._deployment(properties.get("Body") or properties.get("BodyS3Location"))
        self._stage(deployment_id)
        self._authorizer_permissions()
        with work.collecting():
            self._plans.add(self._api)

    def _refuse(self, message: str, *path: Any, code: str = "invalid-property", hint: str = "") -> Exception:
        return self._work.refuse(self._source, message, *path, code=code, hint=hint)

    def _endpoint(self) -> Json:
        value = self._source.get("EndpointConfiguration")
        if value is None:
            # Regions of these partitions have no edge-optimised endpoints.
            value = "REGIONAL" if self._work.partition != "aws" else None
        if value is None:
            return {}
        if not isinstance(value, dict) or "Type" not in value:
            return {"EndpointConfiguration": {"Types": [value]}, "Parameters": {"endpointConfigurationTypes": value}}
        configuration: Json = {"Types": [value["Type"]]}
        if "VPCEndpointIds" in value and "VpcEndpointIds" in value:
            message = "'VPCEndpointIds' and 'VpcEndpointIds' cannot be used together in EndpointConfiguration."
            raise self._refuse(message, "EndpointConfiguration", "VPCEndpointIds")
        for name in ("VPCEndpointIds", "VpcEndpointIds"):
            if name in value:
                configuration["VpcEndpointIds"] = value[name]
        if "IpAddressType" in value:
            configuration["IpAddressType"] = value["IpAddressType"]
        return {
            "EndpointConfiguration": configuration,
            "Parameters": {"endpointConfigurationTypes": value["Type"]},
        }

    def _body(self) -> Json:
        source = self._source
        if source.get("DefinitionUri") and source.get("DefinitionBody"):
            message = "Specify either 'DefinitionUri' or 'DefinitionBody' property and not both."
            raise self._refuse(message, "DefinitionUri")
        version = source.get("OpenApiVersion")
        if version is not None and not (isinstance(version, str) and re.fullmatch(_VERSION, version)):
            message = "The OpenApiVersion value must be of the format '3.0.0'."
            raise self._refuse(message, "OpenApiVersion")
        if source.get("DefinitionUri"):
            self._check_without_body()
            return {"BodyS3Location": body_location(self._work, source, "DefinitionUri")}
        document = self._api.document
        if document is None:
            return {"Body": source.get("DefinitionBody")}
        return {"Body": self._edit(document)}

    def _check_without_body(self) -> None:
        if self._source.get("MergeDefinitions"):
            message = "Cannot set 'MergeDefinitions' to True when using `DefinitionUri`."
            raise self._refuse(message, "MergeDefinitions")
        for name, message in NEEDS_BODY.items():
            if self._source.get(name) is not None:
                raise self._refuse(message, name)

    def _edit(self, document: Document) -> Json:
        source, work = self._source, self._work
        version = source.get("OpenApiVersion")
        if source.get("Cors") or source.get("Auth") or version:
            check_paths(work, document)
        if source.get("Auth"):
            check_security(work, document, source.get("Auth"))
        if version or document.is_openapi3:
            check_preflight(work, document)
        if source.get("Cors"):
            with work.collecting(), document.editing():
                self._check_valid(document, "Cors")
                add_cors(document, read_cors(self._work, source, source.get("Cors")))
        if source.get("Auth"):
            with work.collecting(), document.editing():
                self._check_valid(document, "Auth")
                self._add_auth(document, source.get("Auth"))
            convert(document)
        if source.get("GatewayResponses"):
            with work.collecting(), document.editing(""):
                self._check_valid(document, "GatewayResponses")
                gateway_responses(self._work, source, document)
        if source.get("BinaryMediaTypes"):
            types = [_media_type(item) for item in as_list(source.get("BinaryMediaTypes"))]
            with document.editing(""):
                document.body["x-amazon-apigateway-binary-media-types"] = types
        if source.get("Models"):
            with work.collecting(), document.editing(""):
                self._check_valid(document, "Models", "definitions")
                self._add_models(document, source.get("Models"))
            convert(document)
        disabled = source.get("DisableExecuteApiEndpoint")
        if disabled is not None:
            check_servers(work, document)
            with document.editing(""):
                _disable_endpoint(document, version, disabled)
        return convert(document)

    def _check_valid(self, document: Document, name: str, what: str = "configuration") -> None:
        if not document.valid:
            message = (
                f"Unable to add {name} {what} because 'DefinitionBody' does not contain a valid Swagger definition."
            )
            raise self._refuse(message, name)

    def _add_auth(self, document: Document, auth: Json) -> None:
        if not isinstance(auth, dict):
            raise self._refuse("Property 'Auth' should be a map.", "Auth", code="wrong-type")
        for key in auth:
            if key not in AUTH_KEYS:
                hint = did_you_mean(key, AUTH_KEYS)
                raise self._refuse("Invalid value for 'Auth' property", "Auth", key, code="unknown-property", hint=hint)
        authorizers = rest_authorizers(self._work, self._source, auth)
        if authorizers:
            document.schemes().update(authorizers)
            self._add_default_authorizer(document, auth, authorizers)
        if auth.get("ApiKeyRequired"):
            add_api_key_scheme(document)
            set_default_api_key(document, auth.get("AddApiKeyRequiredToCorsPreflight", True))
        self._add_policy(document, auth.get("ResourcePolicy"))

    def _check_default(self, default: Any, authorizers: Json) -> None:
        if not isinstance(default, str):
            raise self._refuse("DefaultAuthorizer is not a string.", "Auth", "DefaultAuthorizer", code="wrong-type")
        if default not in authorizers:
            message = f"Unable to set DefaultAuthorizer because '{default}' was not defined in 'Authorizers'."
            hint = did_you_mean(default, authorizers)
            raise self._refuse(message, "Auth", "DefaultAuthorizer", code="invalid-reference", hint=hint)

    def _add_default_authorizer(self, document: Document, auth: Json, authorizers: Json) -> None:
        default = auth.get("DefaultAuthorizer")
        if not default:
            return
        self._check_default(default, authorizers)
        configured = auth.get("Authorizers")
        settings = configured.get(default) if isinstance(configured, dict) else None
        scopes = settings.get("AuthorizationScopes") if isinstance(settings, dict) else None
        preflight = auth.get("AddDefaultAuthorizerToCorsPreflight", True)
        set_default_authorizer(document, default, authorizers, scopes, preflight)

    def _add_policy(self, document: Document, policy: Any) -> None:
        if not policy:
            return
        if not isinstance(policy, dict):
            message = "ResourcePolicy must be a map (ResourcePolicyStatement)."
            raise self._refuse(message, "Auth", "ResourcePolicy", code="wrong-type")
        wrong = wrong_networks(policy)
        if wrong is not None:
            message = (
                f"{wrong[0]} must be a list of strings. Use {wrong[1]} instead for values that use Intrinsic Functions"
            )
            raise self._refuse(message, "Auth", "ResourcePolicy", wrong[0], code="wrong-type")
        for path in document.ordered_paths():
            add_resource_policy(document, policy, path, self._source.get("StageName"))
        if policy.get("CustomStatements"):
            add_custom_statements(document, policy["CustomStatements"])

    def _add_models(self, document: Document, models: Json) -> None:
        definitions = document.body.setdefault("definitions", {})
        for name, schema in models.items():
            if not isinstance(schema, dict):
                raise self._refuse("Invalid value for 'Models' property", "Models", name, code="wrong-type")
            if not schema.get("type"):
                raise self._refuse("'Models' schema is missing 'type'.", "Models", name, code="missing-property")
            definitions[Written(name.lower())] = schema

    def _deployment(self, body: Any) -> str:
        source = self._source
        properties: Json = {"RestApiId": ref(source.id)}
        if not source.get("OpenApiVersion"):
            properties["StageName"] = "Stage"
        logical_id = f"{source.id}Deployment"
        if body:
            digest = self._digest(body)
            logical_id += digest[:10]
            properties["Description"] = f"RestApi deployment id: {digest}"
        self._work.references[source.id, "Deployment"] = logical_id
        self._work.emit(source, logical_id, "AWS::ApiGateway::Deployment", properties)
        return logical_id

    def _digest(self, body: Any) -> str:
        """What changes when the API does, so that it is deployed again."""
        parts = [text_of(body)]
        if self._source.get("OpenApiVersion"):
            parts.append(str(self._source.get("OpenApiVersion")))
        if self._source.get("Domain"):
            parts.append(json_of(self._source.get("Domain")))
        if self._api.redeploy_names:
            parts.append("".join(self._api.redeploy_names))
        return hashlib.sha1("||".join(parts).encode(), usedforsecurity=False).hexdigest()

    def _stage(self, deployment_id: str) -> None:
        source = self._source
        properties: Json = {
            "RestApiId": ref(source.id),
            "DeploymentId": ref(deployment_id),
            "StageName": source.get("StageName"),
            **{name: source.get(name) for name in STAGE},
            "Tags": tag_list(source.get("Tags")) or None,
        }
        self._work.references[source.id, "Stage"] = self._api.stage_id
        self._work.emit(source, self._api.stage_id, "AWS::ApiGateway::Stage", properties)

    def _authorizer_permissions(self) -> None:
        auth = self._source.get("Auth")
        configured = auth.get("Authorizers") if isinstance(auth, dict) else None
        for name, settings in configured.items() if isinstance(configured, dict) else ():
            if permits_authorizers(settings):
                self._permit_authorizer(name, settings["FunctionArn"])

    def _permit_authorizer(self, name: str, arn: Any) -> None:
        source = (
            f"arn:{self._work.partition}:execute-api:${{AWS::Region}}:${{AWS::AccountId}}:${{__ApiId__}}/authorizers/*"
        )
        properties = {
            "Action": "lambda:InvokeFunction",
            "FunctionName": arn,
            "Principal": "apigateway.amazonaws.com",
            "SourceArn": {"Fn::Sub": [source, {"__ApiId__": ref(self._source.id)}]},
        }
        logical_id = f"{self._source.id}{name}AuthorizerPermission"
        at = self._work.locate(self._source.properties, "Auth", "Authorizers", name)
        self._work.emit(self._source, logical_id, "AWS::Lambda::Permission", properties, at=at)


def _media_type(item: Any) -> Any:
    """A media type, whose slash is escaped in CloudFormation's property, wherever it stands."""
    if isinstance(item, dict):
        return {key: _media_type(value) for key, value in item.items()}
    if isinstance(item, list):
        return [_media_type(value) for value in item]
    return type(item)(item.replace("~1", "/")) if isinstance(item, str) else item


def _disable_endpoint(document: Document, version: Any, disabled: Any) -> None:
    setting = {"disableExecuteApiEndpoint": disabled}
    if not (document.is_openapi3 or str(version or "").startswith("3")):
        document.body["x-amazon-apigateway-endpoint-configuration"] = setting
        return
    servers = document.body.get("servers")
    servers = servers if isinstance(servers, list) and servers else [{}]
    document.body["servers"] = [
        {**server, "x-amazon-apigateway-endpoint-configuration": dict(setting)} for server in servers
    ]
