"""Which service, operation and protocol a request means.

In the order of trust: the operation's own header or path prefix, the credential scope of the signature, the Action and
Version of a query request, the Host, the path.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html (credential scope)
"""

from __future__ import annotations

import re
from typing import NamedTuple
from urllib.parse import parse_qsl

from runner.wire.guard import bare_name
from runner.wire.models import Models, ServiceModel
from runner.wire.protocols.message import Request
from runner.wire.protocols.query import request_fields
from runner.wire.protocols.rest import LABEL, path_pattern

TARGET_PREFIXES = {  # X-Amz-Target up to its last dot
    "AWSEvents": "events",
    "AmazonSQS": "sqs",
    "AmazonSSM": "ssm",
    "AWSStepFunctions": "stepfunctions",
    "DynamoDB_20120810": "dynamodb",
    "DynamoDBStreams_20120810": "dynamodbstreams",
    "GraniteServiceVersion20100801": "cloudwatch",
    "Kinesis_20131202": "kinesis",
    "Logs_20140328": "logs",
    "TrentService": "kms",
    "secretsmanager": "secretsmanager",
}
SIGNING_NAMES = {  # credential scope -> botocore's name, where they differ
    "airflow": "mwaa",
    "elasticloadbalancing": "elbv2",
    "email": "ses",
    "execute-api": "apigatewaymanagementapi",
    "monitoring": "cloudwatch",
    "states": "stepfunctions",
    "tagging": "resourcegroupstaggingapi",
}
QUERY_VERSIONS = {
    "2010-03-31": "sns",
    "2010-05-08": "iam",
    "2010-05-15": "cloudformation",
    "2010-08-01": "cloudwatch",
    "2011-06-15": "sts",
    "2012-11-05": "sqs",
}
LINKED_ACTIONS = {  # of links that SNS sends to its subscribers: unsigned, without a version
    "ConfirmSubscription": "sns",
    "Unsubscribe": "sns",
}
HOST_NAMES = frozenset((*TARGET_PREFIXES.values(), *QUERY_VERSIONS.values(), "lambda", "scheduler"))
PATHS = (  # of unsigned requests
    (re.compile(r"/20\d\d-\d\d-\d\d/"), "lambda"),
    (re.compile(r"/schedule(s|-groups)(/|$)"), "scheduler"),
    (re.compile(r"/\d{12}/[^/]+/?$"), "sqs"),
)
CBOR_PATH = re.compile(r"/service/([^/]+)/operation/([^/]+)")


class Scope(NamedTuple):
    """What a signature says of its maker: who, where, for which service. All empty if unsigned."""

    access_key: str = ""
    region: str = ""
    service: str = ""


UNSIGNED = Scope()


class Target(NamedTuple):
    """What a request means. `service` is botocore's name; either may be empty if nothing says it."""

    service: str
    operation: str
    protocol: str


def credential_scope(request: Request) -> Scope:
    """From the Authorization header, or from the query string of a presigned URL."""
    authorization = request.headers.get("authorization")
    if authorization is not None:
        return scope_of(authorization)
    at = request.query.find("X-Amz-Credential=")
    if at < 0:
        return UNSIGNED
    return _scope(request.query[at + 17 :].partition("&")[0].replace("%2F", "/").replace("%2f", "/"))


def scope_of(authorization: str) -> Scope:
    at = authorization.find("Credential=")
    if at < 0:
        return UNSIGNED
    return _scope(authorization[at + 11 :].partition(",")[0])


def _scope(credential: str) -> Scope:
    parts = credential.strip().split("/")
    if len(parts) < 5:
        return Scope(access_key=parts[0])
    return Scope("/".join(parts[:-4]), parts[-3], parts[-2])


class Route(NamedTuple):
    """`constants` are fields that the query string must have."""

    method: str
    path: re.Pattern[str]
    constants: frozenset[tuple[str, str]]
    operation: str

    def matches(self, request: Request) -> bool:
        if self.method != request.method or self.path.fullmatch(request.path) is None:
            return False
        return not self.constants or self.constants <= set(parse_qsl(request.query, keep_blank_values=True))


class Router:
    """Finds what a request means; reads a model only where the path must say it."""

    def __init__(self, models: Models) -> None:
        self._models = models
        self._tables: dict[str, Table] = {}

    def find(self, request: Request, scope: Scope) -> Target:
        headers = request.headers
        signed = SIGNING_NAMES.get(scope.service, scope.service)
        target = headers.get("x-amz-target")
        if target is not None:
            prefix, _, operation = target.rpartition(".")
            return Target(TARGET_PREFIXES.get(prefix) or signed, operation, "json")
        if headers.get("smithy-protocol") == "rpc-v2-cbor" and (match := CBOR_PATH.fullmatch(request.path)):
            return Target(TARGET_PREFIXES.get(match[1]) or signed, match[2], "smithy-rpc-v2-cbor")
        service = signed or self._by_host(request) or next((s for at, s in PATHS if at.match(request.path)), "")
        if not service or self._speaks_query(service):
            fields = request_fields(request)
            if "Action" in fields:
                service = service or QUERY_VERSIONS.get(fields.get("Version", ""), "")
                service = service or LINKED_ACTIONS.get(fields["Action"], "")
                return Target(service, fields["Action"], "query")
        return self._by_path(service, request)

    def _by_host(self, request: Request) -> str:
        first = bare_name(request.headers.get("host", "")).partition(".")[0]
        service = SIGNING_NAMES.get(first, first)
        return service if service in HOST_NAMES else ""

    def _speaks_query(self, service: str) -> bool:
        model = self._model(service)
        return model is None or service == "sqs" or "query" in model.protocols

    def _by_path(self, service: str, request: Request) -> Target:
        model = self._model(service)
        if model is None:
            return Target(service, "", "rest-json")
        operation = ""
        if model.protocol == "rest-json":
            operation = self._operation(model, request)
        return Target(service, operation, model.protocol)

    def _model(self, service: str) -> ServiceModel | None:
        return self._models.get(service) if service and self._models.has(service) else None

    def _operation(self, model: ServiceModel, request: Request) -> str:
        table = self._tables.get(model.name)
        if table is None:
            table = self._tables[model.name] = route_table(model)
        shape = (request.method, request.path.rstrip("/").count("/"))
        candidates = (*table.get(shape, ()), *table.get((request.method, ANY_DEPTH), ()))
        return next((route.operation for route in candidates if route.matches(request)), "")


ANY_DEPTH = -1
Table = dict[tuple[str, int], list[Route]]


def route_table(model: ServiceModel) -> Table:
    """Routes by method and number of slashes; paths with a `{greedy+}` label go under any depth.

    The narrowest come first, so that a `{label}` never hides a word: more literal text, then more literal query.
    """
    table: Table = {}
    for name, (method, uri) in sorted(model.routes.items(), key=lambda route: -len(LABEL.sub("", route[1][1]))):
        path, _, query = uri.partition("?")
        constants = frozenset(parse_qsl(query, keep_blank_values=True))
        depth = ANY_DEPTH if "+}" in path else path.rstrip("/").count("/")
        table.setdefault((method, depth), []).append(Route(method, path_pattern(uri), constants, name))
    return table
