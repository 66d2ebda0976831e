"""`ResourcePolicy` of a REST API: who may call which methods, as statements of the document's policy.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-api-resourcepolicystatement.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.apis.deployment_hash import Written, table_order
from runner.loader.sam.apis.document import ANY, Document, method_key, resource_path
from runner.loader.sam.roles import VERSION
from runner.loader.sam.values import Json, as_list

POLICY = "x-amazon-apigateway-policy"
NETWORKS = ("SourceVpc", "IntrinsicVpc", "IntrinsicVpce")


def wrong_networks(policy: Json) -> tuple[str, str] | None:
    """The first list of networks that holds other than strings, and what to use for those; None if all are well."""
    for ending in ("Whitelist", "Blacklist"):
        named = policy.get(f"SourceVpc{ending}")
        if named is not None and not (isinstance(named, list) and all(isinstance(item, str) for item in named)):
            return f"SourceVpc{ending}", f"IntrinsicVpc{ending}"
    return None


def add_resource_policy(document: Document, policy: Json, path: str, stage: Any) -> None:
    """Add the statements of one path."""
    resources = _resources(document, path, stage)
    for name, effect in (("AwsAccountWhitelist", "Allow"), ("AwsAccountBlacklist", "Deny")):
        if policy.get(name):
            _add(document, _statement(effect, resources, {"AWS": as_list(policy[name])}))
    for name, operator in (("IpRangeWhitelist", "NotIpAddress"), ("IpRangeBlacklist", "IpAddress")):
        if policy.get(name):
            _limit(document, resources, {operator: {"aws:SourceIp": policy[name]}})
    _add_networks(document, resources, policy, "Whitelist", "StringNotEquals")
    _add_networks(document, resources, policy, "Blacklist", "StringEquals")


def add_custom_statements(document: Document, statements: Any) -> None:
    _add(document, statements)


def _add_networks(document: Document, resources: list[Any], policy: Json, ending: str, operator: str) -> None:
    """SAM tells networks from endpoints by the prefix of their names, or by the property that intrinsics stand in."""
    named = as_list(policy.get(f"SourceVpc{ending}") or [])
    networks = [name for name in named if not str(name).startswith("vpce-")]
    endpoints = [name for name in named if str(name).startswith("vpce-")]
    networks += as_list(policy.get(f"IntrinsicVpc{ending}") or [])
    endpoints += as_list(policy.get(f"IntrinsicVpce{ending}") or [])
    condition: Json = {}
    if networks:
        condition["aws:SourceVpc"] = networks
    if endpoints:
        condition["aws:SourceVpce"] = endpoints
    if condition:
        _limit(document, resources, {operator: condition})


def _limit(document: Document, resources: list[Any], condition: Json) -> None:
    """Allow everybody, and deny whom the condition meets."""
    allow = _statement("Allow", resources, "*")
    deny = _statement("Deny", resources, "*")
    deny["Condition"] = condition
    _add(document, [allow, deny])


def _statement(effect: str, resources: list[Any], principal: Any) -> Json:
    return {"Effect": effect, "Action": "execute-api:Invoke", "Resource": list(resources), "Principal": principal}


def _add(document: Document, statements: Any) -> None:
    """One statement or several. The first stand as they were given, one alone is no list then."""
    if not isinstance(document.body.get(POLICY), dict):
        document.body[POLICY] = {"Version": VERSION}
    policy = document.body[POLICY]
    policy["Version"] = VERSION
    standing = as_list(policy.get("Statement") or [])
    added = [statement for statement in as_list(statements) if statement not in standing]
    policy["Statement"] = [*standing, *added] if standing else statements


def _resources(document: Document, path: str, stage: Any) -> list[Any]:
    """The methods of a path as resources of the policy."""
    methods: list[str] = []
    for item in document.items(path):
        methods.extend(method for method in table_order(item) if method not in methods)
    found = []
    for method in methods:
        verb = "*" if method_key(method) == ANY else str(method).upper()
        text = f"execute-api:/${{__Stage__}}/{verb}{resource_path(path)}"
        found.append({"Fn::Sub": [Written(text), {"__Stage__": stage}]})
    return found
