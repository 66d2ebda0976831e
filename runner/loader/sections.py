"""The anatomy of a template: which sections and members there may be, and of what shape.

A section that is not what it must be is reported and read as empty, so that everything else is checked as well.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-anatomy.html
"""

from __future__ import annotations

import re
from typing import Any

from runner.loader.positions import Positions
from runner.loader.reading import SECTIONS
from runner.loader.report import Report
from runner.loader.shapes import type_info, type_names
from runner.loader.shapes.types import SERVERLESS
from runner.loader.suggest import did_you_mean, nearest
from runner.model.diagnostic import Note, Position

SAM = "AWS::Serverless-2016-10-31"
EXTENSIONS = "AWS::LanguageExtensions"
INCLUDE = "AWS::Include"
TRANSFORMS = (
    SAM,
    EXTENSIONS,
    INCLUDE,
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::CodeDeployBlueGreen",
    "AWS::ServiceCatalog",
    "AWS::CodeStar",
)
RESOURCE_MEMBERS = (
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "Metadata",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "UpdatePolicy",
    "CreationPolicy",
    "Version",
    "Description",
)
SAM_MEMBERS = ("Connectors", "IgnoreGlobals")
OUTPUT_MEMBERS = ("Value", "Description", "Condition", "Export")
DELETION_POLICIES = ("Delete", "Retain", "RetainExceptOnCreate", "Snapshot")
SNAPSHOTS = (
    "AWS::EC2::Volume",
    "AWS::ElastiCache::CacheCluster",
    "AWS::ElastiCache::ReplicationGroup",
    "AWS::Neptune::DBCluster",
    "AWS::RDS::DBCluster",
    "AWS::RDS::DBInstance",
    "AWS::Redshift::Cluster",
    "AWS::DocDB::DBCluster",
)
LIMITS = {"Resources": 500, "Parameters": 200, "Outputs": 200, "Mappings": 200}
ALPHANUMERIC = re.compile(r"[A-Za-z0-9]+\Z")
NAME_MAX = 255
NEAR_MAX = 10  # unknown types for which the whole list of types is searched
DESCRIPTION_MAX = 1024  # bytes


class Sections:
    """The sections of one template, each a dict (empty where the file has none or a wrong one)."""

    def __init__(self, root: dict[str, Any], positions: Positions, report: Report) -> None:
        self.root = root
        self.positions = positions
        self.report = report
        self.near: dict[str, str] = {}  # unknown types -> what was meant
        self.transforms = self._transforms()

    @property
    def sam(self) -> bool:
        return SAM in self.transforms

    @property
    def serverless(self) -> bool:
        """True if there is something to transform, also where the transform itself was forgotten."""
        resources = self.section("Resources").values()
        return self.sam or any(
            isinstance(resource, dict) and str(resource.get("Type")).startswith("AWS::Serverless::")
            for resource in resources
        )

    @property
    def extensions(self) -> bool:
        return EXTENSIONS in self.transforms

    def section(self, name: str) -> dict[str, Any]:
        found = self.root.get(name)
        return found if isinstance(found, dict) else {}

    def check(self) -> None:
        """Everything that shows without evaluating anything."""
        self._top()
        for name, limit in LIMITS.items():
            self._count(name, limit)
        self._resources()
        self._outputs()
        self._mappings()
        self._same_names()

    def _at(self, *path: Any) -> Position:
        container: Any = self.root
        for key in path[:-1]:
            container = container[key]
        return self.positions.key(container, path[-1])

    def _value_at(self, container: Any, key: Any) -> Position:
        return self.positions.value(container, key)

    def _top(self) -> None:
        allowed = [name for name in SECTIONS if name != "Globals" or self.sam]
        for name, value in list(self.root.items()):
            at = self._at(name)
            if name == "Globals" and not self.sam:
                message = "Invalid template property or properties [Globals]"
                self.report.error(at, "unknown-section", message, f"add 'Transform: {SAM}'")
            elif name not in SECTIONS and not str(name).startswith("Fn::Transform"):
                message = f"Invalid template property or properties [{name}]"
                hint = did_you_mean(str(name), allowed) or f"the sections are {', '.join(allowed)}"
                self.report.error(at, "unknown-section", message, hint)
            elif name in ("AWSTemplateFormatVersion", "Description", "Transform"):
                continue
            elif value is None:
                message = f"[/{name}] 'null' values are not allowed in templates"
                self.report.warning(at, "empty-section", message, f"write something under {name}, or remove it")
            elif not isinstance(value, dict):
                message = f"Template format error: {name} must be an object."
                at = self._value_at(self.root, name)
                self.report.error(at, "wrong-type", message, f"write 'Name: ...' lines under {name}")
        self._literals()
        self._transform_order()
        if not self.section("Resources"):
            self._no_resources()

    def _no_resources(self) -> None:
        wrong = self.root.get("Resources")
        if wrong is not None and not isinstance(wrong, dict):
            return
        if "Resources" not in self.root and any(str(name).lower() == "resources" for name in self.root):
            return  # reported as an unknown section
        at = self._at("Resources") if "Resources" in self.root else self.positions.of(self.root)
        message = "Template format error: At least one Resources member must be defined."
        self.report.error(at, "no-resources", message, "declare a resource under Resources")

    def _literals(self) -> None:
        version = self.root.get("AWSTemplateFormatVersion")
        if version is not None and str(version) != "2010-09-09":
            message = "Template format error: unsupported value for AWSTemplateFormatVersion."
            at = self._value_at(self.root, "AWSTemplateFormatVersion")
            self.report.error(at, "invalid-value", message, "the only version is 2010-09-09")
        description = self.root.get("Description")
        if isinstance(description, dict | list):
            message = "Template format error: Every Description member must be a string."
            at = self._value_at(self.root, "Description")
            self.report.error(at, "wrong-type", message, "write plain text; functions do not work here")
        elif description is not None and len(str(description).encode("utf-8", "replace")) > DESCRIPTION_MAX:
            message = "Template format error: 'Description' length is greater than 1024."
            self.report.error(self._value_at(self.root, "Description"), "out-of-range", message, "shorten it")

    def _transforms(self) -> tuple[str, ...]:
        found = self.root.get("Transform")
        if found is None:
            return ()
        names: list[str] = []
        for index, item in enumerate(found if isinstance(found, list) else [found]):
            at = self._value_at(found, index) if isinstance(found, list) else self._value_at(self.root, "Transform")
            name = item.get("Name") if isinstance(item, dict) else item
            if not isinstance(name, str):
                message = "Key Name of transform definition must be a string."
                self.report.error(at, "wrong-type", message, f"name a transform, such as {SAM}")
                continue
            names.append(name)
            if name not in TRANSFORMS:
                self._unknown_transform(name, at)
        return tuple(names)

    def _transform_order(self) -> None:
        if self.sam and self.extensions and self.transforms.index(EXTENSIONS) > self.transforms.index(SAM):
            message = f"{EXTENSIONS} must stand before {SAM}: transforms run in the order in which they are written."
            hint = f"write [{EXTENSIONS}, {SAM}]"
            self.report.error(self._value_at(self.root, "Transform"), "transform-order", message, hint)

    def _unknown_transform(self, name: str, at: Position) -> None:
        near = did_you_mean(name, TRANSFORMS)
        if name.startswith("AWS::") or near:
            message = f"No transform named {name} found."
            self.report.error(at, "unknown-transform", message, near or f"known: {', '.join(TRANSFORMS)}")
        else:
            message = f"The macro '{name}' cannot be run here; the template is read as it stands."
            self.report.warning(at, "not-runnable", message, "expand the template on AWS first, or drop the macro")

    def _count(self, name: str, limit: int) -> None:
        size = len(self.section(name))
        if size > limit:
            message = (
                f"Template format error: Number of {name.lower()}, {size}, is greater than maximum allowed, {limit}"
            )
            self.report.error(self._at(name), "too-many", message, "split the template into nested stacks")

    def _name(self, section: str, name: Any, word: str) -> None:
        at = self.positions.key(self.section(section), name)
        if not ALPHANUMERIC.match(str(name)):
            message = f"Template format error: {word} name {name} is non alphanumeric."
            plain = re.sub(r"[^A-Za-z0-9]", "", str(name))
            self.report.error(at, "invalid-name", message, f"use letters and digits only: '{plain}'")
        elif len(str(name)) > NAME_MAX:
            message = f"Template format error: {word} name {str(name)[:20]}... is longer than {NAME_MAX} characters."
            self.report.error(at, "invalid-name", message, "shorten it")

    # Resources

    def _resources(self) -> None:
        resources = self.section("Resources")
        for name, resource in resources.items():
            if str(name).startswith("Fn::ForEach::"):
                at = self.positions.key(resources, name)
                message = f"Template format error: [/Resources/{name}] resource definition is malformed"
                self.report.error(at, "foreach-without-transform", message, f"add 'Transform: {EXTENSIONS}'")
                continue
            self._name("Resources", name, "Resource")
            if not isinstance(resource, dict):
                at = self._value_at(resources, name)
                message = "Template format error: Any Resources member must be an object."
                self.report.error(at, "wrong-type", message, f"write Type and Properties under {name}")
                continue
            self._type(name, resource)
            self._members(name, resource)

    def _type(self, name: str, resource: dict[str, Any]) -> None:
        type_ = resource.get("Type")
        if type_ is None:
            at = self.positions.key(self.section("Resources"), name)
            message = f"Template format error: [/Resources/{name}] Every Resources object must contain a Type member."
            near = next((key for key in resource if str(key).lower() == "type"), None)
            hint = (
                f"did you mean 'Type' instead of '{near}'?" if near else "add Type, such as AWS::Serverless::Function"
            )
            self.report.error(at, "missing-type", message, hint)
            return
        at = self._value_at(resource, "Type")
        if not isinstance(type_, str):
            message = f"Template format error: [/Resources/{name}/Type] must be a string."
            self.report.error(at, "wrong-type", message, "name a resource type; functions do not work here")
        elif type_.startswith("AWS::Serverless::"):
            self._serverless_type(type_, at)
        elif type_info(type_) is None:
            self._unknown_type(type_, at)

    def _serverless_type(self, type_: str, at: Position) -> None:
        if type_ not in SERVERLESS:
            self._unknown_type(type_, at)
        elif not self.sam:
            message = f"Template format error: Unrecognized resource types: [{type_}]"
            self.report.error(at, "unknown-type", message, f"add 'Transform: {SAM}' at the top of the file")

    def _unknown_type(self, type_: str, at: Position) -> None:
        message = f"Template format error: Unrecognized resource types: [{type_}]"
        if type_ not in self.near and len(self.near) < NEAR_MAX:
            self.near[type_] = did_you_mean(type_, type_names())
        hint = self.near.get(type_) or "see the list of AWS resource types"
        self.report.error(at, "unknown-type", message, hint)

    def _members(self, name: str, resource: dict[str, Any]) -> None:
        serverless = str(resource.get("Type")).startswith("AWS::Serverless::")
        # SAM takes its own two attributes on any resource.
        allowed = RESOURCE_MEMBERS + (SAM_MEMBERS if self.sam or serverless else ())
        for key, value in resource.items():
            at = self.positions.key(resource, key)
            if key not in allowed:
                message = f"Invalid template resource property '{key}'"
                hint = did_you_mean(str(key), allowed)
                hint = hint or f"put it under Properties, or use one of {', '.join(RESOURCE_MEMBERS)}"
                # The SAM transform drops what it does not know, before CloudFormation could refuse it.
                found = self.report.warning if serverless and not _slip(str(key)) else self.report.error
                found(at, "unknown-attribute", message, hint)
            elif key in ("Properties", "Metadata", "UpdatePolicy", "CreationPolicy"):
                self._must_be_object(name, key, value, at)
        self._policies(name, resource)
        self._depends_shape(resource)

    def _must_be_object(self, name: str, key: str, value: Any, at: Position) -> None:
        if value is None:
            message = f"[/Resources/{name}/{key}] 'null' values are not allowed in templates"
            self.report.warning(at, "null-value", message, f"remove {key}, or write something under it")
        elif not isinstance(value, dict):
            message = f"Template format error: [/Resources/{name}/{key}] must be an object."
            self.report.error(at, "wrong-type", message, f"write 'Name: value' lines under {key}")

    def _policies(self, name: str, resource: dict[str, Any]) -> None:
        for key in ("DeletionPolicy", "UpdateReplacePolicy"):
            policy = resource.get(key)
            if policy is None or (isinstance(policy, dict) and self.extensions):
                continue
            at = self._value_at(resource, key)
            if policy not in DELETION_POLICIES:
                message = f"Template format error: Unrecognized {key} {policy} for resource {name}"
                hint = did_you_mean(str(policy), DELETION_POLICIES) or f"allowed: {', '.join(DELETION_POLICIES)}"
                if isinstance(policy, dict):
                    hint = f"functions work here only with 'Transform: {EXTENSIONS}'"
                self.report.error(at, "invalid-value", message, hint)
            elif policy == "Snapshot" and resource.get("Type") not in SNAPSHOTS:
                message = (
                    f"Template error: resource type {resource.get('Type')} does not support deletion policy Snapshot"
                )
                self.report.error(at, "invalid-value", message, "use Delete or Retain")

    def _depends_shape(self, resource: dict[str, Any]) -> None:
        depends = resource.get("DependsOn")
        if depends is None:
            return
        for index, item in enumerate(depends if isinstance(depends, list) else [depends]):
            if not isinstance(item, str):
                at = (
                    self._value_at(depends, index)
                    if isinstance(depends, list)
                    else self._value_at(resource, "DependsOn")
                )
                message = "Template format error: DependsOn must be a string or list of strings."
                self.report.error(at, "wrong-type", message, "name resources; functions do not work here")

    # Outputs and mappings

    def _outputs(self) -> None:
        outputs = self.section("Outputs")
        for name, output in outputs.items():
            if str(name).startswith("Fn::"):
                continue
            self._name("Outputs", name, "Output")
            if not isinstance(output, dict):
                message = "Template format error: Every Outputs member must contain a Value object"
                at = self._value_at(outputs, name)
                self.report.error(at, "missing-property", message, f"write 'Value: ...' under {name}")
                continue
            for key in output:
                if key not in OUTPUT_MEMBERS:
                    at = self.positions.key(output, key)
                    hint = did_you_mean(str(key), OUTPUT_MEMBERS) or f"allowed: {', '.join(OUTPUT_MEMBERS)}"
                    self.report.error(at, "unknown-property", f"Invalid output property or properties [{key}]", hint)
            self._output_value(outputs, name, output)

    def _output_value(self, outputs: dict[str, Any], name: str, output: dict[str, Any]) -> None:
        if output.get("Value") is None:
            at = self.positions.key(output, "Value") if "Value" in output else self.positions.key(outputs, name)
            message = "Template format error: Every Outputs member must contain a Value object"
            if "Value" in output:
                message = f"[/Outputs/{name}/Value] 'null' values are not allowed in templates"
            self.report.error(at, "missing-property", message, "add Value")
        description = output.get("Description")
        if isinstance(description, dict | list):
            at = self._value_at(output, "Description")
            message = "Template format error: Every Description member must be a string."
            self.report.error(at, "wrong-type", message, "write plain text; functions do not work here")
        export = output.get("Export")
        if export is not None and (not isinstance(export, dict) or "Name" not in export):
            at = self._value_at(output, "Export")
            message = f"Template format error: Output {name} is malformed: Export must contain a Name."
            self.report.error(at, "missing-property", message, "write 'Export: {Name: ...}'")

    def _mappings(self) -> None:
        mappings = self.section("Mappings")
        for name, mapping in mappings.items():
            if str(name).startswith("Fn::"):
                continue
            self._name("Mappings", name, "Mapping")
            if not isinstance(mapping, dict):
                at = self._value_at(mappings, name)
                message = f"Template format error: Every Mappings member {name} must be a map"
                self.report.error(at, "wrong-type", message, "a mapping has two levels of keys")
                continue
            for top, second in mapping.items():
                if not isinstance(second, dict):
                    at = self._value_at(mapping, top)
                    message = f"Template format error: Every Mappings member {top} must be a map"
                    self.report.error(at, "wrong-type", message, "a mapping has two levels of keys")
                elif not str(top).startswith("Fn::"):
                    self._mapping_values(second)

    def _mapping_values(self, second: dict[str, Any]) -> None:
        for key, value in second.items():
            nested = isinstance(value, dict) or (
                isinstance(value, list) and any(isinstance(item, dict | list) for item in value)
            )
            if (nested or value is None) and not str(key).startswith("Fn::"):
                at = self._value_at(second, key)
                message = "Template format error: Every Mappings attribute must be a String or a List."
                self.report.error(at, "wrong-type", message, "write a literal; functions do not work in Mappings")

    def _same_names(self) -> None:
        parameters, resources = self.section("Parameters"), self.section("Resources")
        for name in parameters:
            if name in resources:
                message = (
                    f"Template error: all resources and parameters must have unique names. Common name(s):[{name}]"
                )
                note = Note(self.positions.key(parameters, name), "the parameter stands here")
                at = self.positions.key(resources, name)
                self.report.error(at, "same-name", message, "rename one of them", note)


def _slip(key: str) -> bool:
    """True for a misspelt Properties or Type: without them nothing is left of a resource."""
    return nearest(key, ("Properties", "Type")) is not None
