"""JSON Schema of SAM's resource types and of `Globals`, made of the tables that the transform checks by.

For editors: a schema says what may stand where and what for; a one-key map passes for an intrinsic wherever the
transform takes one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.loader.sam.checks import alternatives, required
from runner.loader.sam.events.shapes import EVENT_SHAPES, EXECUTION_SHAPES
from runner.loader.sam.globals import PREFIX, SECTIONS
from runner.loader.sam.parts import EVENT_PARTS, PARTS
from runner.loader.sam.shapes import SHAPES
from runner.loader.sam.values import Json

TYPES = {
    "str": "string",
    "map": "object",
    "list": "array",
    "bool": "boolean",
    "int": "integer",
    "float": "number",
}
INTRINSIC: Json = {"type": "object", "minProperties": 1, "maxProperties": 1}
EVENTS = {"AWS::Serverless::Function": EVENT_SHAPES, "AWS::Serverless::StateMachine": EXECUTION_SHAPES}


def resource_schemas() -> dict[str, Json]:
    """The schema of the `Properties` of every SAM type that the transform knows."""
    return {type_: _properties(type_) for type_ in SHAPES}


def globals_schema() -> Json:
    """The schema of the `Globals` section."""
    sections = {
        section: {
            "type": "object",
            "properties": {name: found for name, found in _known(section).items() if name in names},
            "additionalProperties": False,
        }
        for section, names in SECTIONS.items()
        if PREFIX + section in SHAPES
    }
    return {"type": "object", "properties": sections}


def _known(section: str) -> Json:
    properties: Json = _properties(PREFIX + section)["properties"]
    return properties


def _properties(type_: str) -> Json:
    schema = _shape(SHAPES[type_], PARTS.get(type_, {}))
    if type_ in EVENTS:
        schema["properties"]["Events"] = {
            "description": SHAPES[type_]["Events"].partition("; ")[2],
            "type": "object",
            "additionalProperties": {"anyOf": [_event(name, shape) for name, shape in EVENTS[type_].items()]},
        }
    return schema


def _event(name: str, shape: Mapping[str, str]) -> Json:
    properties = _shape(shape, EVENT_PARTS.get(name, {}))
    needed = ["Type", "Properties"] if properties.get("required") else ["Type"]
    return {
        "type": "object",
        "properties": {"Type": {"const": name}, "Properties": properties},
        "required": needed,
    }


def _shape(shape: Mapping[str, str], parts: Mapping[str, Mapping[str, str]], path: str = "") -> Json:
    properties = {}
    for name, rule in shape.items():
        inner = f"{path}.{name}" if path else name
        properties[name] = _property(rule)
        if inner in parts:
            properties[name] = _with_part(properties[name], _shape(parts[inner], parts, inner))
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    needed = required(shape)
    return {**schema, "required": needed} if needed else schema


def _with_part(schema: Json, part: Json) -> Json:
    """A map whose parts are known; what else may stand there still may."""
    description = {"description": schema["description"]}
    others = [item for item in schema.get("anyOf", []) if item.get("type") != "object" or item == INTRINSIC]
    if not others:
        others = [INTRINSIC]
    return {**description, "anyOf": [{**part, "additionalProperties": True}, *others]}


def _property(rule: str) -> Json:
    kind, _, description = rule.partition("; ")
    plain = kind.rstrip("!~")
    schemas = [_kind(one) for one in alternatives(plain)]
    if plain == "any":
        return {"description": description}
    if "~" not in kind:
        schemas.append(INTRINSIC)
    return {"description": description, **(schemas[0] if len(schemas) == 1 else {"anyOf": schemas})}


def _kind(kind: str) -> Json:
    outer, _, inner = kind.partition("<")
    if outer == "any":
        return {}
    schema: Json = {"type": TYPES[outer]}
    if inner:
        items: Any = [_kind(one) for one in alternatives(inner[:-1])]
        schema["items" if outer == "list" else "additionalProperties"] = (
            items[0] if len(items) == 1 else {"anyOf": items}
        )
    return schema
