"""Parameters: their declarations, and the values they have from overrides, `samconfig.toml` or defaults.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/parameters-section-structure.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.loader.patience import matches
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.scope import unknown_parameter
from runner.loader.suggest import did_you_mean
from runner.loader.values import Unknown
from runner.model.diagnostic import Note, Position

MEMBERS = (
    "Type",
    "Default",
    "Description",
    "AllowedValues",
    "AllowedPattern",
    "ConstraintDescription",
    "MinLength",
    "MaxLength",
    "MinValue",
    "MaxValue",
    "NoEcho",
)
AWS_TYPES = (
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::Volume::Id",
    "AWS::EC2::VPC::Id",
    "AWS::Route53::HostedZone::Id",
)
SINGLE = ("String", "Number", *AWS_TYPES, "AWS::SSM::Parameter::Name")
LISTS = ("CommaDelimitedList", "List<Number>", "List<String>", *(f"List<{name}>" for name in AWS_TYPES))
VALUES = tuple(f"AWS::SSM::Parameter::Value<{name}>" for name in (*SINGLE[:-1], *LISTS))
TYPES = (*SINGLE, *LISTS, *VALUES)
VALUE_MAX = 4096  # bytes


class Parameters:
    """The declared parameters of a template. `values` lacks those that have none; `missing` has their stand-ins."""

    def __init__(self, declared: Mapping[str, Any], positions: Positions, report: Report) -> None:
        self.declared = declared
        self.positions = positions
        self.report = report
        self.values: dict[str, Any] = {}
        self.missing: dict[str, Any] = {}

    def at(self, name: str) -> Position:
        assert isinstance(self.declared, dict)
        return self.positions.key(self.declared, name)

    def check(self) -> None:
        """Check every declaration."""
        for name, parameter in self.declared.items():
            if not re.fullmatch(r"[A-Za-z0-9]{1,255}", str(name)):
                message = f"Template format error: Parameter name {name} is non alphanumeric."
                plain = re.sub(r"[^A-Za-z0-9]", "", str(name))
                self.report.error(self.at(name), "invalid-name", message, f"use letters and digits only: '{plain}'")
            if not isinstance(parameter, dict):
                message = "Template format error: Every Parameters object must contain a Type member."
                self.report.error(self.at(name), "missing-type", message, f"write 'Type: String' under {name}")
                continue
            self._members(name, parameter)
            if self._type(name, parameter):
                self._constraints(name, parameter)

    def _members(self, name: str, parameter: dict[str, Any]) -> None:
        for key, value in parameter.items():
            at = self.positions.key(parameter, key)
            if key not in MEMBERS:
                hint = did_you_mean(str(key), MEMBERS) or f"allowed: {', '.join(MEMBERS)}"
                self.report.error(at, "unknown-property", f"Invalid template parameter property '{key}'", hint)
            elif key == "AllowedValues":
                self._allowed_values(parameter, value, at)
            elif isinstance(value, dict | list):
                message = f"Template format error: Every {key} member must be a string."
                hint = "write a literal; functions do not work in Parameters"
                if isinstance(value, list):
                    hint = "write the items in one string, separated by commas"
                self.report.error(self.positions.value(parameter, key), "wrong-type", message, hint)

    def _allowed_values(self, parameter: dict[str, Any], value: Any, at: Position) -> None:
        if not isinstance(value, list):
            message = "Template format error: AllowedValues must be a list."
            self.report.error(self.positions.value(parameter, "AllowedValues"), "wrong-type", message, "write [a, b]")
            return
        for index, item in enumerate(value):
            if isinstance(item, dict | list) or item is None:
                message = "Template format error: Every AllowedValues value must be a string."
                self.report.error(self.positions.value(value, index), "wrong-type", message, "write literals")

    def _type(self, name: str, parameter: dict[str, Any]) -> bool:
        type_ = parameter.get("Type")
        if type_ is None:
            message = "Template format error: Every Parameters object must contain a Type member."
            self.report.error(self.at(name), "missing-type", message, f"write 'Type: String' under {name}")
            return False
        if type_ in TYPES:
            return True
        at = self.positions.value(parameter, "Type")
        message = f"Template format error: Unrecognized parameter type: {type_}"
        hint = did_you_mean(str(type_), TYPES) or "the plain types are String, Number and CommaDelimitedList"
        self.report.error(at, "invalid-value", message, hint)
        return False

    def _constraints(self, name: str, parameter: dict[str, Any]) -> None:
        number = parameter["Type"] == "Number"
        wrong = ("AllowedPattern", "MinLength", "MaxLength") if number else ("MinValue", "MaxValue")
        for key in wrong:
            if key in parameter:
                kind = "String" if number else "Number"
                message = f"Template error: Parameter '{name}' {key} must be on a parameter of type {kind}"
                at = self.positions.key(parameter, key)
                self.report.error(at, "invalid-constraint", message, f"remove {key}, or change the type")
        for key in ("MinLength", "MaxLength", "MinValue", "MaxValue"):
            if key in parameter and _number(parameter[key]) is None:
                message = f"Template format error: {key} of parameter {name} must be a number."
                self.report.error(self.positions.value(parameter, key), "wrong-type", message, "write a number")
        self._range(name, parameter, "MinLength", "MaxLength")
        self._range(name, parameter, "MinValue", "MaxValue")
        pattern = parameter.get("AllowedPattern")
        if isinstance(pattern, str) and _compiled(pattern) is None:
            at = self.positions.value(parameter, "AllowedPattern")
            message = f"Template error: AllowedPattern of parameter {name} is not a regular expression"
            self.report.warning(at, "invalid-regex", message, "check brackets and escapes")
        default = parameter.get("Default")
        if default is not None and not isinstance(default, dict | list):
            self.constrain(name, text_of(default), self.positions.value(parameter, "Default"))

    def _range(self, name: str, parameter: dict[str, Any], low: str, high: str) -> None:
        minimum, maximum = _number(parameter.get(low)), _number(parameter.get(high))
        if minimum is not None and maximum is not None and minimum > maximum:
            note = Note(self.positions.value(parameter, low), f"{low} stands here")
            message = f"Template format error: {high} of parameter {name} is less than {low}."
            self.report.error(self.positions.value(parameter, high), "out-of-range", message, "swap them", note)

    def constrain(self, name: str, value: str, at: Position) -> bool:
        """Check one value against the constraints of its parameter; True if it meets them."""
        parameter = self.declared[name]
        if isinstance(value, Unknown):
            return True
        problem = self._problem(name, parameter, value)
        if problem is None:
            return True
        message, hint, key = problem
        notes: tuple[Note, ...] = ()
        if key in parameter:
            notes = (Note(self.positions.value(parameter, key), f"{key} stands here"),)
        described = parameter.get("ConstraintDescription")
        if isinstance(described, str):
            message = f"Parameter {name} failed to satisfy constraint: {described}"
        self.report.error(at, "invalid-parameter", message, hint, *notes)
        return False

    def _problem(self, name: str, parameter: dict[str, Any], value: str) -> tuple[str, str, str] | None:
        type_ = str(parameter.get("Type"))
        items = value.split(",") if type_ in LISTS else [value]
        items = [item.strip() for item in items] if type_ in LISTS else items
        if type_ in ("Number", "List<Number>") and any(_number(item) is None for item in items):
            return f"Parameter '{name}' must be a number.", f"'{value}' is none", "Type"
        allowed = parameter.get("AllowedValues")
        if isinstance(allowed, list):
            texts = [text_of(item) for item in allowed]
            if any(item not in texts for item in items):
                hint = did_you_mean(value, texts) or f"allowed: {', '.join(texts)}"
                return f"Parameter '{name}' must be one of AllowedValues", hint, "AllowedValues"
        pattern = _compiled(parameter.get("AllowedPattern"))
        if pattern is not None and type_ != "Number" and not all(matches(pattern, item) for item in items):
            message = f"Parameter '{name}' must match pattern {parameter['AllowedPattern']}"
            return message, f"'{value}' does not", "AllowedPattern"
        return _beyond(name, parameter, value)

    def resolve(self, given: Mapping[str, str], local: Mapping[str, Any], origin: str) -> None:
        """Find the value of every parameter: `given` by the caller, else its default.

        `local` holds what Systems Manager would, for parameters of its types.
        """
        assert isinstance(self.declared, dict)
        for name, parameter in self.declared.items():
            type_ = str(parameter.get("Type", "String")) if isinstance(parameter, dict) else "String"
            text = given.get(name)
            if text is None and isinstance(parameter, dict):
                default = parameter.get("Default")
                text = None if default is None or isinstance(default, dict | list) else text_of(default)
            elif text is not None and isinstance(parameter, dict):
                self.constrain(name, text, Position(origin, 1, 1) if origin else self.at(name))
            if text is None:
                self.missing[name] = unknown_parameter(name, type_)
            elif type_.startswith("AWS::SSM::Parameter::Value<"):
                self._fetched(name, type_, text, local)
            else:
                self.values[name] = _split(text) if type_ in LISTS else text

    def _fetched(self, name: str, type_: str, key: str, local: Mapping[str, Any]) -> None:
        """A value that Systems Manager holds under `key`: known from the local file, else unknown."""
        listed = "List" in type_
        if key in local:
            found = local[key]
            text = ",".join(map(text_of, found)) if isinstance(found, list) else text_of(found)
            self.values[name] = _split(text) if listed else text
        else:
            stand_in = Unknown(f"{{{{resolve:ssm:{key}}}}}")
            self.values[name] = [stand_in] if listed else stand_in

    def require(self) -> None:
        """Report every parameter without a value, as a deployment does."""
        for name in self.missing:
            message = f"Parameters: [{name}] must have values"
            hint = f"give --parameter-overrides {name}=VALUE, or a Default"
            self.report.error(self.at(name), "missing-parameter-value", message, hint)

    def undeclared(self, given: Mapping[str, str], at: Position) -> None:
        """Report values for parameters that the template does not have."""
        for name in given:
            if name not in self.declared:
                message = f"Parameters: [{name}] do not exist in the template"
                hint = did_you_mean(name, self.declared) or "remove it, or declare the parameter"
                self.report.error(at, "unknown-parameter", message, hint)

    def unused(self, used: set[str]) -> None:
        for name in self.declared:
            if name not in used:
                message = f"Parameter '{name}' is not used anywhere."
                self.report.warning(self.at(name), "unused-parameter", message, "remove it, or refer to it")


def _split(text: str) -> list[str]:
    return [item.strip() for item in text.split(",")]


def _beyond(name: str, parameter: dict[str, Any], value: str) -> tuple[str, str, str] | None:
    if len(value.encode("utf-8", "replace")) > VALUE_MAX:
        return f"Parameter '{name}' must contain at most {VALUE_MAX} characters", "shorten it", "MaxLength"
    if parameter.get("Type") == "Number":
        number = _number(value)
        low, high = _number(parameter.get("MinValue")), _number(parameter.get("MaxValue"))
        if number is not None and low is not None and number < low:
            return f"Parameter '{name}' must be a number not less than {parameter['MinValue']}", "raise it", "MinValue"
        if number is not None and high is not None and number > high:
            message = f"Parameter '{name}' must be a number not greater than {parameter['MaxValue']}"
            return message, "lower it", "MaxValue"
        return None
    low, high = _number(parameter.get("MinLength")), _number(parameter.get("MaxLength"))
    if low is not None and len(value) < low:
        return f"Parameter '{name}' must contain at least {low:g} characters", f"it has {len(value)}", "MinLength"
    if high is not None and len(value) > high:
        return f"Parameter '{name}' must contain at most {high:g} characters", f"it has {len(value)}", "MaxLength"
    return None


def _number(value: Any) -> float | None:
    if isinstance(value, bool) or value is None or isinstance(value, dict | list):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _compiled(pattern: Any) -> re.Pattern[str] | None:
    if not isinstance(pattern, str) or len(pattern) > VALUE_MAX:
        return None
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError):
        return None
