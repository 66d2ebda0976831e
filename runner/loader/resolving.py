"""Intrinsic functions to values, as CloudFormation evaluates them.

Shapes and names were checked before (`functions.py`), so whatever is malformed here gives an unknown value, silently;
what only evaluation finds out (an index out of range, a key missing from a map) is reported.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable
from typing import Any

from runner.loader.conditions import Conditions
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.scope import Resources, Scope
from runner.loader.values import NO_VALUE, Unknown, contains_unknown, is_unknown
from runner.model.diagnostic import Position

SUB_VARIABLE = re.compile(r"\$\{(!?)([^{}]*)\}")
UNRESOLVED = "Template format error: Unresolved resource dependencies [{}] in the {} block of the template"
ZONES = "abc"


class Resolver:
    """Evaluates functions anywhere below a value. `block` names the section in messages."""

    def __init__(
        self, scope: Scope, conditions: Conditions, resources: Resources, positions: Positions, report: Report
    ) -> None:
        self.scope = scope
        self.conditions = conditions
        self.resources = resources
        self.positions = positions
        self.report = report
        self.block = "Resources"
        self.deploy = False
        self.functions: dict[str, Callable[[Any, Position], Any]] = {
            "Ref": self.ref,
            "Fn::GetAtt": self.get_att,
            "Fn::Sub": self.sub,
            "Fn::Join": self.join,
            "Fn::If": self.if_,
            "Fn::Select": self.select,
            "Fn::Split": self.split,
            "Fn::FindInMap": self.find_in_map,
            "Fn::Base64": self.base64,
            "Fn::Cidr": self.cidr,
            "Fn::GetAZs": self.get_azs,
            "Fn::ImportValue": self.import_value,
            "Fn::Length": self.length,
            "Fn::ToJsonString": self.to_json_string,
            "Fn::GetStackOutput": lambda argument, at: Unknown("${Fn::GetStackOutput}"),
        }

    def value(self, node: Any) -> Any:
        """A value without functions; a new container that stands where the old one stood."""
        if isinstance(node, dict):
            if len(node) == 1:
                ((name, argument),) = node.items()
                function = self.functions.get(name)
                if function is not None:
                    return self.placed(function(argument, self.positions.of(node)), node)
                if isinstance(name, str) and name.startswith("Fn::"):
                    return Unknown(f"${{{name}}}")
            return self.members(node)
        if isinstance(node, list):
            return self.items(node)
        return node

    def placed(self, value: Any, node: Any) -> Any:
        """A container that a function gave, at the function's place."""
        if isinstance(value, dict | list) and not self.positions.known(value):
            self.positions.adopt(value, self.positions.of(node))
        return value

    def members(self, node: dict[Any, Any]) -> dict[Any, Any]:
        made: dict[Any, Any] = self.positions.copy(node)
        for key, item in node.items():
            value = self.value(item)
            if value is NO_VALUE:
                del made[key]
            else:
                made[key] = value
        return made

    def items(self, node: list[Any]) -> list[Any]:
        made: list[Any] = []
        self.positions.adopt(made, self.positions.of(node))
        for index, item in enumerate(node):
            value = self.value(item)
            if value is not NO_VALUE:
                self.positions.place(made, len(made), self.positions.value(node, index))
                made.append(value)
        return made

    def unresolved(self, name: str, at: Position) -> Unknown:
        hint = f"'{name}' is left out by its condition; give this the same condition, or use Fn::If"
        self.report.error(at, "unresolved-reference", UNRESOLVED.format(name, self.block), hint)
        return Unknown(f"${{{name}}}")

    # Names

    def ref(self, name: Any, at: Position) -> Any:
        if not isinstance(name, str):
            name = self.value(name)
        if not isinstance(name, str):
            return Unknown("${Ref}")
        if self.scope.is_parameter(name):
            return self.scope.parameter(name)
        if self.resources.exists(name):
            return self.resources.ref(name)
        return self.unresolved(name, at) if self.resources.declared(name) else Unknown(f"${{{name}}}")

    def get_att(self, argument: Any, at: Position) -> Any:
        parts = self.value(argument)
        if isinstance(parts, str):
            parts = parts.split(".", 1)
        if not isinstance(parts, list) or len(parts) < 2 or not all(isinstance(part, str) for part in parts):
            return Unknown("${Fn::GetAtt}")
        name, attribute = parts[0], ".".join(parts[1:])
        if self.resources.exists(name):
            return self.resources.attribute(name, attribute)
        if self.resources.declared(name):
            return self.unresolved(name, at)
        return Unknown(f"${{{name}.{attribute}}}")

    def sub(self, argument: Any, at: Position) -> Any:
        text, own = argument, {}
        if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[1], dict):
            text, own = argument[0], {key: self.value(item) for key, item in argument[1].items()}
        if not isinstance(text, str):
            return Unknown("${Fn::Sub}")
        unknown = isinstance(text, Unknown)

        def replacement(match: re.Match[str]) -> str:
            nonlocal unknown
            literal, name = match.groups()
            if literal:
                return f"${{{name}}}"
            name = name.strip()
            value = own[name] if name in own else self.variable(name, at)
            unknown = unknown or is_unknown(value)
            if isinstance(value, list):
                return ",".join(text_of(item) for item in value)
            return "" if value is NO_VALUE else text_of(value)

        made = SUB_VARIABLE.sub(replacement, text)
        return Unknown(made) if unknown else made

    def variable(self, name: str, at: Position) -> Any:
        if not self.scope.is_parameter(name) and "." in name:
            return self.get_att(name.split(".", 1), at)
        return self.ref(name, at)

    def import_value(self, argument: Any, at: Position) -> Any:
        name = self.value(argument)
        if isinstance(name, str) and name in self.scope.exports:
            return self.scope.exports[name]
        return Unknown(f"${{import {name}}}")

    # Text and lists

    def join(self, argument: Any, at: Position) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            return Unknown("${Fn::Join}")
        delimiter, items = self.value(argument[0]), self.value(argument[1])
        if isinstance(items, Unknown) or not isinstance(items, list) or not isinstance(delimiter, str):
            return Unknown(f"${{Fn::Join {items}}}")
        made = delimiter.join(text_of(item) for item in items)
        return Unknown(made) if contains_unknown(items) else made

    def split(self, argument: Any, at: Position) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            return Unknown("${Fn::Split}")
        delimiter, text = self.value(argument[0]), self.value(argument[1])
        if isinstance(text, Unknown) or not isinstance(text, str) or not isinstance(delimiter, str) or not delimiter:
            return Unknown(f"${{Fn::Split {text}}}")
        return list(text.split(delimiter))

    def select(self, argument: Any, at: Position) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            return Unknown("${Fn::Select}")
        index, items = self.value(argument[0]), self.value(argument[1])
        if isinstance(index, Unknown) or isinstance(items, Unknown) or not isinstance(items, list):
            return Unknown(f"${{Fn::Select {items}}}")
        try:
            number = int(index)
        except (TypeError, ValueError):
            return Unknown("${Fn::Select}")
        if 0 <= number < len(items):
            return items[number]
        if contains_unknown(items) or number < 0:
            return Unknown(f"${{Fn::Select {index}}}")
        message = f"Template error: Fn::Select cannot select nonexistent value at index {number}"
        hint = f"the list has {len(items)} items; the first is 0"
        self.report.error(self.positions.value(argument, 0), "select-out-of-range", message, hint)
        return Unknown("${Fn::Select}")

    def length(self, argument: Any, at: Position) -> Any:
        items = self.value(argument)
        return len(items) if isinstance(items, list) else Unknown("${Fn::Length}")

    def to_json_string(self, argument: Any, at: Position) -> Any:
        value = self.value(argument)
        made = json.dumps(value, separators=(",", ":"), ensure_ascii=False, default=str)
        return Unknown(made) if contains_unknown(value) else made

    def base64(self, argument: Any, at: Position) -> Any:
        text = self.value(argument)
        if isinstance(text, Unknown | dict | list):
            return Unknown("${Fn::Base64}")
        return base64.b64encode(text_of(text).encode("utf-8", "surrogatepass")).decode("ascii")

    def cidr(self, argument: Any, at: Position) -> Any:
        parts = self.value(argument)
        if not isinstance(parts, list) or not 2 <= len(parts) <= 3 or contains_unknown(parts):
            return Unknown("${Fn::Cidr}")
        try:
            block = ipaddress.ip_network(str(parts[0]), strict=False)
            count, bits = int(parts[1]), int(parts[2]) if len(parts) > 2 else 0
            prefix = block.max_prefixlen - bits if bits else block.prefixlen + (count - 1).bit_length()
            if not 1 <= count <= 256 or not block.prefixlen <= prefix <= block.max_prefixlen:
                raise ValueError(f"{block} has no {count} blocks of {bits} bits")
            size = 1 << (block.max_prefixlen - prefix)
            if size * count > block.num_addresses:
                raise ValueError(f"{block} has no room for {count} blocks of {bits} bits")
            first = int(block.network_address)
            kind = type(block.network_address)
            return [f"{kind(first + index * size)}/{prefix}" for index in range(count)]
        except (TypeError, ValueError) as error:
            self.report.error(at, "invalid-cidr", f"Template error: Fn::Cidr: {error}", "give a larger block")
            return Unknown("${Fn::Cidr}")

    def get_azs(self, argument: Any, at: Position) -> Any:
        region = self.value(argument)
        if isinstance(region, Unknown) or not isinstance(region, str):
            return [Unknown(f"${{Fn::GetAZs}}{zone}") for zone in ZONES]
        return [f"{region or self.scope.place.region}{zone}" for zone in ZONES]

    # Choices

    def if_(self, argument: Any, at: Position) -> Any:
        if not isinstance(argument, list) or len(argument) != 3 or not isinstance(argument[0], str):
            return Unknown("${Fn::If}")
        outcome = self.conditions.holds(argument[0])
        value = self.value(argument[1] if outcome is not False else argument[2])
        if outcome is None and isinstance(value, str):
            return Unknown(value)
        return value

    def find_in_map(self, argument: Any, at: Position) -> Any:
        if not isinstance(argument, list) or len(argument) not in (3, 4):
            return Unknown("${Fn::FindInMap}")
        keys = [self.value(item) for item in argument[:3]]
        if any(isinstance(key, Unknown | dict | list) for key in keys):
            return Unknown("${Fn::FindInMap}")
        found: Any = self.scope.mappings
        for key in keys:
            found = found.get(text_of(key)) if isinstance(found, dict) else None
        if found is not None:
            return list(found) if isinstance(found, list) else found
        if len(argument) == 4 and isinstance(argument[3], dict) and "DefaultValue" in argument[3]:
            return self.value(argument[3]["DefaultValue"])
        if text_of(keys[0]) not in self.scope.mappings:
            return Unknown("${Fn::FindInMap}")
        path = "::".join(text_of(key) for key in keys)
        message = f"Template error: Unable to get mapping for {path}"
        # Whoever deploys chooses the region, the account and the stack's name: elsewhere it may well be right.
        found_out = self.report.warning if "AWS::" in str(argument) and not self.deploy else self.report.error
        found_out(at, "unknown-mapping-key", message, "add the key to the mapping, or look up another one")
        return Unknown("${Fn::FindInMap}")
