"""`AutoPublishAlias`: the version that SAM publishes, its logical id, and the alias that points to it.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
"""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from runner.loader.sam.values import Json, get_att, intrinsic_argument, ref, resolve, short_hash
from runner.loader.sam.work import Source, Work

ALIAS_NAME = r"(?!^[0-9]+$)([a-zA-Z0-9\-_]+)$"
ALIAS_PATTERN = "(?!^[0-9]+$)([a-zA-Z0-9-_]+)"
SHA_DIGITS = 10


class Target(NamedTuple):
    """What invokes a function: its own name and ARN, or its alias's."""

    id: str
    is_alias: bool = False

    @property
    def name(self) -> Json:
        return ref(self.id)

    @property
    def arn(self) -> Json:
        return ref(self.id) if self.is_alias else get_att(self.id)

    @property
    def variable(self) -> str:
        """The ARN as a variable of `Fn::Sub`."""
        return f"${{{self.id}}}" if self.is_alias else f"${{{self.id}.Arn}}"


class Alias(NamedTuple):
    id: str
    name: str
    version_id: str
    resource: Json


def alias_name(work: Work, source: Source) -> str | None:
    """The alias that a function asks for; None if it asks for none."""
    given = source.get("AutoPublishAlias")
    if not given:
        return None
    if isinstance(given, list) or (not isinstance(given, str) and len(given) != 1):
        raise work.refuse(source, "Type of property 'AutoPublishAlias' is invalid.", "AutoPublishAlias")
    name = work.awaited(given) or work.resolve(given)
    if not isinstance(name, str):
        message = "'AutoPublishAlias' must be a string or a Ref to a template parameter"
        raise work.refuse(source, message, "AutoPublishAlias")
    if not re.match(ALIAS_NAME, name):
        message = (
            f"AutoPublishAlias name ('{name}') must contain only alphanumeric characters, hyphens, or underscores "
            f"matching {ALIAS_PATTERN} pattern."
        )
        raise work.refuse(source, message, "AutoPublishAlias")
    return name


def code_sha(work: Work, source: Source) -> str | None:
    """`AutoPublishCodeSha256` with parameters put in; None without one or without an alias."""
    if not source.get("AutoPublishAlias") or not source.get("AutoPublishCodeSha256"):
        return None
    if work.awaited(source.get("AutoPublishCodeSha256")):
        return None
    sha = work.resolve(source.get("AutoPublishCodeSha256"))
    if not isinstance(sha, str):
        raise work.refuse(source, "AutoPublishCodeSha256 must be a string", "AutoPublishCodeSha256")
    return sha


def describe_with_sha(work: Work, description: Any, sha: str) -> Any:
    """The function's description with the code's digest at its end, so that new code is a new configuration."""
    if not description:
        return sha
    known = work.resolve(description)
    return f"{known} {sha}" if isinstance(known, str) else {"Fn::Join": [" ", [known, sha]]}


def publish(work: Work, source: Source, function: Json, name: str, sha: str | None) -> Alias:
    """Emit the version and the alias of a function whose `Properties` are all set but for a generated role."""
    at = work.locate(source.properties, "AutoPublishAlias")
    version_id = f"{source.id}Version{_version_suffix(work, source, function, sha)}"
    scaling = source.get("FunctionScalingConfig") if source.get("CapacityProviderConfig") else None
    version = work.emit(
        source,
        version_id,
        "AWS::Lambda::Version",
        {
            "FunctionName": ref(source.id),
            "Description": source.get("VersionDescription"),
            "FunctionScalingConfig": scaling,
        },
        at=at,
    )
    version["DeletionPolicy"] = _version_deletion_policy(source)
    alias_id = f"{source.id}Alias{name.replace('-', 'D').replace('_', 'U')}"
    alias = work.emit(
        source,
        alias_id,
        "AWS::Lambda::Alias",
        {
            "Name": name,
            "FunctionName": ref(source.id),
            "FunctionVersion": get_att(version_id, "Version"),
            "ProvisionedConcurrencyConfig": source.get("ProvisionedConcurrencyConfig"),
        },
        at=at,
    )
    work.references[source.id, "Version"] = version_id
    work.references[source.id, "Alias"] = alias_id
    return Alias(alias_id, name, version_id, alias)


def _version_deletion_policy(source: Source) -> Any:
    declared = source.resource.get("DeletionPolicy") or source.get("VersionDeletionPolicy")
    return declared or ("Delete" if source.get("CapacityProviderConfig") else "Retain")


def _version_suffix(work: Work, source: Source, function: Json, sha: str | None) -> str:
    if sha:
        return sha[:SHA_DIGITS]
    if source.get("AutoPublishAliasAllProperties"):
        return short_hash({**function, **_published_layers(work, source)})
    hashed: Json = dict(function["Code"])
    environment = source.get("Environment")
    hashed.update(environment if isinstance(environment, dict) else {})
    if source.get("MemorySize"):
        hashed["MemorySize"] = source.get("MemorySize")
    snap_start = source.get("SnapStart")
    if isinstance(snap_start, dict) and snap_start.get("ApplyOn", "None") != "None":
        hashed["SnapStart"] = snap_start
    return short_hash(hashed)


def _published_layers(work: Work, source: Source) -> Json:
    """Layers of the template whose new versions mean a new version of the function, with their properties."""
    layers = source.get("Layers")
    found: Json = {}
    for layer in layers if isinstance(layers, list) else []:
        logical_id = intrinsic_argument(layer, "Ref") or intrinsic_argument(layer, "Fn::GetAtt")
        logical_id = logical_id[0] if isinstance(logical_id, list) and logical_id else logical_id
        resource = work.sources.get(logical_id) if isinstance(logical_id, str) else None
        properties = resource.get("Properties") if isinstance(resource, dict) else None
        if isinstance(properties, dict) and properties.get("PublishLambdaVersion"):
            found[str(logical_id)] = properties
    return found


def resolve_code(work: Work, code: Json) -> Json:
    """The code with parameters put in, as a published version is named after it."""
    resolved: Json = resolve(code, work.values)
    return work.adopt(resolved, work.positions.of(code)) if resolved is not code else code
