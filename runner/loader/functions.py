"""The shapes of intrinsic functions, and the names they use: checked everywhere, in branches not taken too.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference.html
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from runner.loader.conditions import CONDITION_FUNCTIONS, Conditions
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.resolving import SUB_VARIABLE, UNRESOLVED
from runner.loader.scope import PSEUDO
from runner.loader.shapes import type_info
from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Position

JOIN = (
    "Template error: every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings "
    "to be joined or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)
SPLIT = (
    "Template error: every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be "
    "split or a function that returns a string to be split."
)
SELECT = "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
SUB = (
    "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. Specify a string as "
    "first argument, and an optional second argument to specify a mapping of values to replace in the string"
)
SUB_NAMES = (
    "Template error: variable names in Fn::Sub syntax must contain only alphanumeric characters, underscores, "
    "periods, and colons"
)
GET_ATT = (
    "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource "
    "attribute"
)
FIND_IN_MAP = (
    "Template error: every Fn::FindInMap object requires three parameters, the map name, map key and the attribute "
    "for return value"
)
IF = "Template error: Fn::If requires a list argument with three parameters"
EQUALS = "Template error: every Fn::Equals object requires a list of 2 string parameters."
SEVERAL = "Template error: every {} object requires a list of at least 2 and at most 10 boolean parameters."
NOT = "Template error: every Fn::Not object requires a list with exactly 1 boolean parameter."
BOOLEAN = "Template format error: Conditions can only be boolean operations on parameters and other conditions"
VARIABLE = re.compile(r"[A-Za-z0-9_.:]+\Z")
INDEX = re.compile(r"[0-9]{1,9}\Z")
EXTENSION_ONLY = ("Fn::Length", "Fn::ToJsonString")
RULE_FUNCTIONS = (
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
    "Fn::RefAll",
    "Fn::ValueOf",
    "Fn::ValueOfAll",
)


class Functions:
    """Walks values and reports malformed functions and unknown names. `block` names the section in messages."""

    def __init__(
        self,
        template: Mapping[str, Any],
        conditions: Conditions,
        positions: Positions,
        report: Report,
        *,
        extensions: bool = False,
        forgiven: Callable[[str], bool] = lambda name: False,
    ) -> None:
        self.parameters: Mapping[str, Any] = _section(template, "Parameters")
        self.resources: Mapping[str, Any] = _section(template, "Resources")
        self.mappings: Mapping[str, Any] = _section(template, "Mappings")
        self.conditions = conditions
        self.positions = positions
        self.report = report
        self.extensions = extensions
        self.forgiven = forgiven
        self.block = "Resources"
        self.checks: dict[str, Callable[[Any, Position], None]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Split": self._split,
            "Fn::Select": self._select,
            "Fn::If": self._if,
            "Fn::FindInMap": self._find_in_map,
            "Fn::Base64": self._base64,
            "Fn::Cidr": self._cidr,
            "Fn::GetAZs": self._one,
            "Fn::ImportValue": self._one,
            "Fn::Transform": self._any,
            "Fn::Length": self._one,
            "Fn::ToJsonString": self._one,
            "Fn::GetStackOutput": self._one,
        }

    def walk(self, node: Any) -> None:
        """Check every function at any depth."""
        if isinstance(node, dict):
            if len(node) == 1:
                ((name, argument),) = node.items()
                if isinstance(name, str) and (name == "Ref" or name.startswith("Fn::")):
                    self.function(name, argument, self.positions.of(node))
                    return
            for key, item in node.items():
                if isinstance(key, str) and key.startswith("Fn::") and key != "Fn::Transform":
                    self._has_siblings(node, key)
                self.walk(item)
        elif isinstance(node, list):
            for item in node:
                self.walk(item)

    def _has_siblings(self, node: dict[str, Any], name: str) -> None:
        if name in self.checks or name in CONDITION_FUNCTIONS:
            message = f"A function object has exactly one key, but '{name}' has others beside it."
            at = self.positions.key(node, name)
            self.report.error(at, "invalid-function", message, "put the function into an object of its own")

    def function(self, name: str, argument: Any, at: Position) -> None:
        check = self.checks.get(name)
        if check is not None:
            if name in EXTENSION_ONLY and not self.extensions:
                message = f"Template error: {name} needs the AWS::LanguageExtensions transform"
                self.report.error(at, "needs-transform", message, "add 'Transform: AWS::LanguageExtensions'")
            check(argument, at)
        elif name in CONDITION_FUNCTIONS:
            message = f"{name} gives a boolean, which only Conditions can use."
            self.report.error(at, "misplaced-function", message, "move it to Conditions, and use Fn::If here")
        elif name not in RULE_FUNCTIONS:
            known = [*self.checks, *CONDITION_FUNCTIONS]
            message = f"Template error: unknown function {name}"
            hint = did_you_mean(name, known) or f"the functions are {', '.join(known)}"
            self.report.error(at, "unknown-function", message, hint)

    def wrong(self, at: Position, message: str, hint: str) -> None:
        self.report.error(at, "invalid-function", message, hint)

    # Names

    def known(self, name: str) -> bool:
        return name in self.parameters or name in self.resources or name in PSEUDO or self.forgiven(name)

    def unresolved(self, name: str, at: Position) -> None:
        hint = self.report.suggest(name, [*self._names(), *PSEUDO]) or "declare it under Resources or Parameters"
        if name in self.mappings or name in self.conditions.declared:
            hint = "it is a mapping" if name in self.mappings else "it is a condition"
            hint += ", which Ref cannot refer to"
        self.report.error(at, "unresolved-reference", UNRESOLVED.format(name, self.block), hint)

    def _names(self) -> Iterable[str]:
        yield from self.resources
        yield from self.parameters

    def _ref(self, argument: Any, at: Position) -> None:
        if isinstance(argument, dict) and self.extensions:
            self.walk(argument)
        elif not isinstance(argument, str):
            message = "Template error: every Ref object must have a single String value."
            self.wrong(at, message, "name a parameter or a resource")
        elif not self.known(argument):
            self.unresolved(argument, at)

    def _get_att(self, argument: Any, at: Position) -> None:
        if isinstance(argument, str):
            hint = f"write {argument}.Arn, or another attribute" if argument else "write Name.Attribute"
            self.wrong(at, GET_ATT, hint)
            return
        if not isinstance(argument, list) or len(argument) < 2 or not all(argument[:2]):
            self.wrong(at, GET_ATT, "write [Name, Attribute], or Name.Attribute")
            return
        for item in argument:
            if not isinstance(item, str):
                self.walk(item)
        name = argument[0]
        if isinstance(name, str) and all(isinstance(item, str) for item in argument[1:]):
            self._attribute(name, ".".join(argument[1:]), at)
        elif isinstance(name, str) and not self.known(name):
            self.unresolved(name, at)

    def _attribute(self, name: str, attribute: str, at: Position) -> None:
        resource = self.resources.get(name)
        if resource is None:
            if self.forgiven(name):
                return
            message = f"Template error: instance of Fn::GetAtt references undefined resource {name}"
            hint = self.report.suggest(name, self.resources) or "declare it under Resources"
            if name in self.parameters:
                hint = "it is a parameter; use Ref"
            self.report.error(at, "unresolved-reference", message, hint)
            return
        type_ = resource.get("Type") if isinstance(resource, dict) else None
        info = type_info(type_) if isinstance(type_, str) else None
        if info is None or info.attributes is None or attribute in info.attributes:
            return
        if any(attribute.startswith(f"{known}.") for known in info.attributes):
            return
        message = f"Template error: resource {name} does not support attribute type {attribute} in Fn::GetAtt"
        hint = did_you_mean(attribute, info.attributes)
        offered = sorted(info.attributes)
        hint = hint or (f"{type_} has {', '.join(offered[:12])}" if offered else f"{type_} has no attributes; use Ref")
        self.report.error(at, "unknown-attribute", message, hint)

    def _sub(self, argument: Any, at: Position) -> None:
        text, own = argument, {}
        if isinstance(argument, list):
            if len(argument) != 2 or not isinstance(argument[1], dict):
                self.wrong(at, SUB, "write the text, or [text, {Name: value}]")
                return
            text, own = argument
            for item in own.values():
                self.walk(item)
        if not isinstance(text, str):
            self.wrong(at, SUB, "write the text, or [text, {Name: value}]")
            return
        for literal, name in SUB_VARIABLE.findall(text):
            if not literal and name.strip() not in own:
                self._variable(name.strip(), at)

    def _variable(self, name: str, at: Position) -> None:
        if not VARIABLE.match(name):
            self.wrong(at, SUB_NAMES, f"write ${{!{name}}} if ${{{name}}} is meant literally")
        elif name in self.parameters or name in PSEUDO or name in self.resources:
            return
        elif "." in name:
            resource, _, attribute = name.partition(".")
            self._attribute(resource, attribute, at)
        elif not self.forgiven(name):
            hint = self.report.suggest(name, [*self._names(), *PSEUDO])
            hint = hint or f"declare it, or write ${{!{name}}} if it is meant literally"
            self.report.error(at, "unresolved-reference", UNRESOLVED.format(name, self.block), hint)

    # Shapes

    def _any(self, argument: Any, at: Position) -> None:
        return

    def _one(self, argument: Any, at: Position) -> None:
        self.walk(argument)

    def _base64(self, argument: Any, at: Position) -> None:
        if isinstance(argument, list) or (isinstance(argument, dict) and len(argument) != 1) or argument is None:
            message = "Template error: every Fn::Base64 object must have a String-typed value."
            self.wrong(at, message, "give a string")
        self.walk(argument)

    def _pair(self, argument: Any, at: Position, message: str, hint: str) -> bool:
        good = isinstance(argument, list) and len(argument) == 2
        if not good:
            self.wrong(at, message, hint)
        if isinstance(argument, list):
            for item in argument:
                self.walk(item)
        return good

    def _join(self, argument: Any, at: Position) -> None:
        if not self._pair(argument, at, JOIN, 'write ["delimiter", [a, b]]'):
            return
        delimiter, items = argument
        if isinstance(delimiter, list | dict) or not isinstance(items, list | dict):
            self.wrong(at, JOIN, 'write ["delimiter", [a, b]]')

    def _split(self, argument: Any, at: Position) -> None:
        if not self._pair(argument, at, SPLIT, 'write ["delimiter", text]'):
            return
        delimiter, text = argument
        if not isinstance(delimiter, str) or not delimiter or isinstance(text, list):
            self.wrong(at, SPLIT, 'write ["delimiter", text]')

    def _select(self, argument: Any, at: Position) -> None:
        if not self._pair(argument, at, SELECT, "write [0, list]"):
            return
        index, items = argument
        numeric = isinstance(index, dict) or INDEX.match(str(index)) is not None
        if isinstance(index, bool) or not numeric or not isinstance(items, list | dict):
            self.wrong(at, SELECT, "write [0, list]; the index counts from 0")
        elif isinstance(items, list) and not isinstance(index, dict) and int(index) >= len(items):
            message = f"Template error: Fn::Select cannot select nonexistent value at index {index}"
            hint = f"the list has {len(items)} items; the first is 0"
            self.report.error(self.positions.value(argument, 0), "select-out-of-range", message, hint)

    def _if(self, argument: Any, at: Position) -> None:
        if not isinstance(argument, list) or len(argument) != 3:
            self.wrong(at, IF, "write [Condition, value if true, value if false]")
            if isinstance(argument, list):
                for item in argument[1:]:
                    self.walk(item)
            return
        if isinstance(argument[0], str) or not isinstance(argument[0], dict):
            self.conditions.check_name(argument[0], self.positions.value(argument, 0), "Fn::If")
        elif "Condition" not in argument[0]:
            self.wrong(at, IF, "the first is the name of a condition")
        for item in argument[1:]:
            self.walk(item)

    def _find_in_map(self, argument: Any, at: Position) -> None:
        most = 4 if self.extensions else 3
        if not isinstance(argument, list) or not 3 <= len(argument) <= most:
            hint = "write [Map, TopKey, SecondKey]"
            if isinstance(argument, list) and len(argument) == 4:
                hint = "a default value needs 'Transform: AWS::LanguageExtensions'"
            self.wrong(at, FIND_IN_MAP, hint)
            return
        for item in argument:
            self.walk(item)
        name = argument[0]
        if isinstance(name, str) and name not in self.mappings:
            message = f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
            hint = did_you_mean(name, self.mappings) or "declare it under Mappings"
            self.report.error(self.positions.value(argument, 0), "unknown-mapping", message, hint)

    def _cidr(self, argument: Any, at: Position) -> None:
        if isinstance(argument, list) and not 2 <= len(argument) <= 3:
            self.wrong(
                at, "Template error: every Fn::Cidr object requires a block, a count and bits.", "write [block, 6, 8]"
            )
        self.walk(argument)

    # Conditions

    def condition(self, node: Any, at: Position) -> None:
        """Check a condition: a boolean function, or the name of another."""
        if not isinstance(node, dict) or len(node) != 1:
            self.report.error(at, "invalid-condition", BOOLEAN, "use Fn::Equals, Fn::And, Fn::Or, Fn::Not or Condition")
            return
        ((name, argument),) = node.items()
        here = self.positions.of(node)
        match name:
            case "Condition":
                self.conditions.check_name(argument, here, "Conditions")
            case "Fn::Equals":
                if not isinstance(argument, list) or len(argument) != 2:
                    self.wrong(here, EQUALS, "write [one, other]")
                else:
                    for item in argument:
                        self.operand(item)
            case "Fn::Not" | "Fn::And" | "Fn::Or":
                self._combination(name, argument, here)
            case _ if name in RULE_FUNCTIONS and self.block == "Rules":
                return
            case _:
                hint = did_you_mean(str(name), CONDITION_FUNCTIONS) or "use Fn::Equals, Fn::And, Fn::Or or Fn::Not"
                self.report.error(here, "invalid-condition", BOOLEAN, hint)

    def _combination(self, name: str, argument: Any, at: Position) -> None:
        right = isinstance(argument, list) and (len(argument) == 1 if name == "Fn::Not" else 2 <= len(argument) <= 10)
        if not right:
            hint = "write [condition]" if name == "Fn::Not" else "write [condition, condition]"
            self.wrong(at, NOT if name == "Fn::Not" else SEVERAL.format(name), hint)
        for index, item in enumerate(argument if isinstance(argument, list) else []):
            self.condition(item, self.positions.value(argument, index))

    def operand(self, node: Any) -> None:
        """Check one side of a comparison: parameters only."""
        if isinstance(node, dict) and len(node) == 1:
            ((name, argument),) = node.items()
            at = self.positions.of(node)
            if name == "Ref" and isinstance(argument, str) and argument in self.resources:
                self._resource_in_condition(argument, at)
                return
            if name == "Fn::GetAtt":
                target = argument[0] if isinstance(argument, list) and argument else argument
                self._resource_in_condition(target, at)
                return
        self.walk(node)

    def _resource_in_condition(self, name: Any, at: Position) -> None:
        message = (
            f"Template format error: Unresolved dependencies [{name}]. Cannot reference resources in the Conditions "
            "block of the template"
        )
        self.report.error(at, "resource-in-condition", message, "compare parameters or pseudo parameters")


def _section(template: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = template.get(name)
    return found if isinstance(found, dict) else {}
