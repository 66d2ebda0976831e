"""The JSON Schema of stack files, made of the same tables that check them; for editors.

Wherever a function may stand, an object of one key passes. Types that do not run here are left open.
Source: https://json-schema.org/draft-07/json-schema-release-notes
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.loader.parameters import TYPES as PARAMETER_TYPES
from runner.loader.sam.events.shapes import EVENT_SHAPES
from runner.loader.sam.globals import SECTIONS as GLOBALS
from runner.loader.sam.policy_templates import TEMPLATES
from runner.loader.sam.shapes import SHAPES as SAM_SHAPES
from runner.loader.sections import DELETION_POLICIES, TRANSFORMS
from runner.loader.shapes import Kind, Property, Tier
from runner.loader.shapes.notation import parse
from runner.loader.shapes.table import PARTS, RUN

Json = dict[str, Any]
DRAFT = "http://json-schema.org/draft-07/schema#"
IDENTITY = "urn:runner:stack"
FUNCTION: Json = {"$ref": "#/definitions/Function"}
SAM_KINDS: Mapping[str, Json] = {
    "str": {"type": ["string", "number", "boolean"]},
    "map": {"type": "object"},
    "list": {"type": "array"},
    "bool": {"type": ["boolean", "string"]},
    "int": {"type": ["integer", "string"]},
    "float": {"type": "number"},
}
TIERS = {Tier.INERT: " (accepted, but does nothing here)", Tier.REFUSED: " (refused here)"}
SAM_FUNCTION = "AWS::Serverless::Function"


def schema() -> Json:
    """The whole schema."""
    return {
        "$schema": DRAFT,
        "$id": IDENTITY,
        "title": "Stack file of runner: AWS SAM and CloudFormation",
        "type": "object",
        "properties": _sections(),
        "required": ["Resources"],
        "patternProperties": {"^Fn::": {}},
        "additionalProperties": False,
        "definitions": _definitions(),
    }


def _sections() -> Json:
    named = "^[A-Za-z0-9]+$|^Fn::"
    outputs = {"$ref": "#/definitions/Output"}
    return {
        "AWSTemplateFormatVersion": {"description": "Version of the template language", "enum": ["2010-09-09"]},
        "Description": {"description": "What the stack is for, up to 1024 bytes", "type": "string", "maxLength": 1024},
        "Metadata": {"description": "Anything about the template", "type": "object"},
        "Parameters": _members("Values that are given at deployment", {"$ref": "#/definitions/Parameter"}, named),
        "Rules": {"description": "Checks of parameters before anything is deployed", "type": "object"},
        "Mappings": {"description": "Constants by two levels of keys", "type": "object"},
        "Conditions": {"description": "Booleans made of parameters", "type": "object"},
        "Transform": {
            "description": "Macros that rewrite the template; SAM types want AWS::Serverless-2016-10-31",
            "anyOf": [_transform(), {"type": "array", "items": _transform()}],
        },
        "Globals": _globals(),
        "Resources": _members("What the stack consists of", {"$ref": "#/definitions/Resource"}, named),
        "Outputs": _members("What the stack tells once it is deployed", outputs, named),
        "Hooks": {"description": "Blue/green deployments", "type": "object"},
    }


def _members(description: str, member: Json, names: str) -> Json:
    return {
        "description": description,
        "type": ["object", "null"],
        "propertyNames": {"pattern": names},
        "patternProperties": {"^Fn::": {}},
        "additionalProperties": member,
    }


def _transform() -> Json:
    return {
        "anyOf": [
            {"type": "string", "enum": list(TRANSFORMS)},
            {"type": "string"},
            {"type": "object", "required": ["Name"]},
        ]
    }


def _globals() -> Json:
    sections: Json = {}
    for name, allowed in GLOBALS.items():
        table = SAM_SHAPES.get(f"AWS::Serverless::{name}", {})
        properties = {key: _sam_property(name, key, table.get(key, f"any; {key} of the resource")) for key in allowed}
        sections[name] = {
            "description": f"Properties that every AWS::Serverless::{name} takes from here",
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }
    return {
        "description": "Properties that resources of a SAM type have in common",
        "type": "object",
        "properties": sections,
        "additionalProperties": False,
    }


def _definitions() -> Json:
    made: Json = {
        "Function": {
            "description": "An intrinsic function, in its long form",
            "type": "object",
            "minProperties": 1,
            "maxProperties": 1,
            "propertyNames": {"pattern": "^(Ref|Condition|Fn::.+)$"},
        },
        "Parameter": _parameter(),
        "Output": _output(),
        "Resource": _resource(),
        "Event": _event(),
    }
    for name, table in RUN.items():
        made[name] = _object({key: parse(text) for key, text in table.items()})
    for name, table in SAM_SHAPES.items():
        made[name] = _sam_object(name.rpartition("::")[2], table)
    for name, table in PARTS.items():
        made[f"part.{name}"] = _object({key: parse(text) for key, text in table.items()})
    for name, table in EVENT_SHAPES.items():
        made[f"event.{name}"] = _sam_object("", table)
    return made


def _parameter() -> Json:
    text = {"type": ["string", "number", "boolean"]}
    limits = {
        "MinLength": "Fewest characters",
        "MaxLength": "Most characters",
        "MinValue": "Smallest number",
        "MaxValue": "Largest number",
    }
    return {
        "type": "object",
        "required": ["Type"],
        "properties": {
            "Type": {"description": "Type of the value", "enum": list(PARAMETER_TYPES)},
            "Default": {"description": "Value where none is given", **text},
            "Description": {"description": "What the parameter is for", "type": "string", "maxLength": 4000},
            "AllowedValues": {"description": "Values that may be given", "type": "array", "items": text},
            "AllowedPattern": {"description": "Regular expression that the value must match", "type": "string"},
            "ConstraintDescription": {"description": "What is said if the value is refused", "type": "string"},
            "NoEcho": {"description": "Whether the value is masked", "type": ["boolean", "string"]},
            **{name: {"description": text, "type": ["number", "string"]} for name, text in limits.items()},
        },
        "additionalProperties": False,
    }


def _output() -> Json:
    return {
        "type": "object",
        "required": ["Value"],
        "properties": {
            "Value": {"description": "What is told"},
            "Description": {"description": "What it means", "type": "string", "maxLength": 1024},
            "Condition": {"description": "Condition without which it is left out", "type": "string"},
            "Export": {
                "description": "Name under which other stacks can import it",
                "type": "object",
                "required": ["Name"],
                "properties": {"Name": {"description": "Name of the export"}},
            },
        },
        "additionalProperties": False,
    }


def _resource() -> Json:
    policy = {"anyOf": [{"enum": list(DELETION_POLICIES)}, FUNCTION]}
    detailed = [*SAM_SHAPES, *RUN]
    conditional = [
        {
            "if": {"properties": {"Type": {"const": name}}},
            "then": {"properties": {"Properties": {"$ref": f"#/definitions/{name}"}}},
        }
        for name in detailed
    ]
    return {
        "type": "object",
        "required": ["Type"],
        "properties": {
            "Type": {
                "description": "Type of the resource",
                "anyOf": [{"enum": detailed}, {"type": "string", "pattern": "^[A-Za-z0-9]+::"}],
            },
            "Properties": {"description": "Properties of the resource", "type": ["object", "null"]},
            "DependsOn": {
                "description": "Resources that must be there before",
                "anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}],
            },
            "Condition": {"description": "Condition without which the resource is left out", "type": "string"},
            "Metadata": {"description": "Anything about the resource", "type": ["object", "null"]},
            "DeletionPolicy": {"description": "What happens when the resource is removed", **policy},
            "UpdateReplacePolicy": {"description": "What happens to the old one when it is replaced", **policy},
            "UpdatePolicy": {"description": "How updates are carried out", "type": "object"},
            "CreationPolicy": {"description": "When creation is done", "type": "object"},
            "Version": {"description": "Version of a custom resource"},
            "Description": {"description": "What the resource is for", "type": "string"},
            "Connectors": {"description": "What the resource may access, by names of your choice", "type": "object"},
            "IgnoreGlobals": {"description": "Globals that the resource does without; * for all"},
        },
        "allOf": conditional,
    }


def _event() -> Json:
    return {
        "type": "object",
        "required": ["Type"],
        "properties": {
            "Type": {"description": "Kind of event source", "enum": list(EVENT_SHAPES)},
            "Properties": {"description": "Properties of the event source", "type": ["object", "null"]},
        },
        "allOf": [
            {
                "if": {"properties": {"Type": {"const": name}}},
                "then": {"properties": {"Properties": {"$ref": f"#/definitions/event.{name}"}}},
            }
            for name in EVENT_SHAPES
        ],
    }


# CloudFormation's types


def _object(table: Mapping[str, Property]) -> Json:
    made: Json = {
        "type": "object",
        "properties": {name: _property(found) for name, found in table.items()},
        "patternProperties": {"^Fn::": {}},
        "additionalProperties": False,
    }
    required = [name for name, found in table.items() if found.required]
    if required:
        # A function may stand for all members at once.
        made["anyOf"] = [{"required": required}, {"patternProperties": {"^Fn::": {}}, "additionalProperties": False}]
    return made


def _property(found: Property) -> Json:
    described = {"description": found.description + TIERS.get(found.tier, "")}
    kind = _kind(found.kind)
    return {**described, "anyOf": [kind, FUNCTION]} if kind else described


def _kind(kind: Kind) -> Json:
    match kind.name:
        case "text":
            limits = {"minLength": kind.minimum, "maxLength": kind.maximum}
            pattern = {"pattern": kind.pattern} if kind.pattern else {}
            return {"type": ["string", "number", "boolean"], **_limits(limits), **pattern}
        case "enum":
            return {"enum": [*kind.choices, *_boolean(kind.choices)]}
        case "int" | "num":
            if kind.choices:
                numbers = [int(choice) for choice in kind.choices]
                return {"enum": [*numbers, *kind.choices]}
            number = {"type": "integer" if kind.name == "int" else "number"}
            limits = {"minimum": kind.minimum, "maximum": kind.maximum}
            return {"anyOf": [{**number, **_limits(limits)}, {"type": "string", "pattern": "^[-+]?[0-9.]+$"}]}
        case "bool":
            return {"enum": [True, False, "true", "false", "True", "False"]}
        case "json" | "pattern":
            return {"type": ["object", "string"]}
        case "object":
            return {"type": "object"}
        case "map":
            scalar = {"type": ["string", "number", "boolean"]}
            return {"type": "object", "additionalProperties": {"anyOf": [scalar, FUNCTION]}}
        case "part":
            alone = [{"type": "string"}] if kind.part in ("Code", "LayerContent") else []
            part = {"$ref": f"#/definitions/part.{kind.part}"}
            return {"anyOf": [part, *alone]} if alone else part
        case "list":
            assert kind.item is not None
            limits = {"minItems": kind.minimum, "maxItems": kind.maximum}
            item = _kind(kind.item)
            return {"type": "array", "items": {"anyOf": [item, FUNCTION]} if item else {}, **_limits(limits)}
        case _:
            return {}


def _limits(limits: Mapping[str, float | None]) -> Json:
    plain = {name: value for name, value in limits.items() if value is not None}
    return {name: int(value) if float(value).is_integer() else value for name, value in plain.items()}


def _boolean(choices: tuple[str, ...]) -> list[bool]:
    """Words that YAML reads as booleans, such as the OFF of a time window."""
    return [False] if "OFF" in choices else []


# SAM's types


def _sam_object(section: str, table: Mapping[str, str]) -> Json:
    made: Json = {
        "type": "object",
        "properties": {name: _sam_property(section, name, text) for name, text in table.items()},
        "patternProperties": {"^Fn::": {}},
        "additionalProperties": False,
    }
    required = [name for name, text in table.items() if "!" in text.partition(";")[0]]
    return {**made, "required": required} if required else made


def _sam_property(section: str, name: str, text: str) -> Json:
    rule, _, description = text.partition(";")
    described: Json = {"description": description.strip()}
    if name == "Events" and section == "Function":
        return {**described, "type": "object", "additionalProperties": {"$ref": "#/definitions/Event"}}
    if name == "Policies":
        one = {"anyOf": [{"type": "string"}, _policy_templates()]}
        return {**described, "anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]}
    own = RUN["AWS::Lambda::Function"].get(name) if section == "Function" else None
    rule = rule.rstrip("!~")
    if own is not None and rule in ("any", "map"):
        kind = _kind(parse(own).kind)
        if name in ("Code", "Tags", "EventInvokeConfig") or not kind:
            return described
        # SAM takes more than CloudFormation would: what it passes on is checked after it ran.
        return {**described, "anyOf": [kind, FUNCTION, {"type": "null"}]}
    kinds = [_sam_kind(one) for one in _alternatives(rule)]
    return described if not all(kinds) else {**described, "anyOf": [*kinds, FUNCTION, {"type": "null"}]}


def _policy_templates() -> Json:
    """An object that may be a policy template by name; a policy document and a function pass too."""
    templates: Json = {}
    for name, (parameters, *_) in TEMPLATES.items():
        wanted = f"; takes {', '.join(parameters.split())}" if parameters else ""
        templates[name] = {"description": f"Policy template{wanted}", "type": "object"}
    return {"type": "object", "properties": templates}


def _sam_kind(rule: str) -> Json:
    outer, _, inner = rule.partition("<")
    if outer == "any":
        return {}
    made = dict(SAM_KINDS[outer])
    if inner and outer == "list":
        kinds = [_sam_kind(one) for one in _alternatives(inner[:-1])]
        made["items"] = {"anyOf": kinds} if all(kinds) else {}
    return made


def _alternatives(rule: str) -> list[str]:
    """The kinds that `|` joins outside of brackets."""
    found, depth, start = [], 0, 0
    for index, letter in enumerate(rule):
        depth += (letter == "<") - (letter == ">")
        if letter == "|" and not depth:
            found.append(rule[start:index])
            start = index + 1
    return [*found, rule[start:]]
