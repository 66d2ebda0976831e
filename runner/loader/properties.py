"""Checks the resolved properties of a resource against the table, and turns scalars into the types AWS turns them into.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.shapes import Kind, Property, Tier, part
from runner.loader.suggest import nearest
from runner.loader.values import Unknown
from runner.model.diagnostic import Position

WORDS = {
    "text": "a string",
    "int": "a whole number",
    "num": "a number",
    "bool": "true or false",
    "enum": "a string",
    "json": "an object, or JSON text",
    "pattern": "an object, or JSON text",
    "object": "an object",
    "map": "an object of strings",
    "part": "an object",
    "list": "a list",
}
LOCAL_CODE = ("Code", "LayerContent")
"""Parts for which a local path may stand, as in templates that are packaged before they are deployed."""

PATTERN_MAX = 2048  # characters; nothing with a pattern may be longer, and what is too long is said already
_INTEGER = re.compile(r"[-+]?[0-9]+\Z")
_NUMBER = re.compile(r"[-+]?[0-9]*\.?[0-9]+([eE][-+]?[0-9]+)?\Z")


@dataclass(slots=True)
class Checker:
    """Checks the properties of one resource. Values are put right in place: the containers are the loader's own."""

    type: str
    positions: Positions
    report: Report
    inert: dict[str, Position]  # `Type.Property` -> its first place, across the whole template

    def members(self, container: dict[str, Any], table: Mapping[str, Property], at: Position, path: str = "") -> None:
        """Every member is known and of its kind; every required one is there. `at` is where a missing one is missed."""
        for name in list(container):
            found = table.get(name)
            if found is None:
                self._unknown(container, name, table, path)
                continue
            if container[name] is None:
                self._null(container, name, path)
                continue
            self._tier(found, container, name, path)
            container[name] = self.value(found.kind, container, name, f"{path}/{name}")
        for name, found in table.items():
            if found.required and name not in container:
                where = f" of {path[1:]}" if path else ""
                message = f"Properties validation failed: required key [{name}]{where} of {self.type} not found"
                self.report.error(at, "missing-property", message, f"add {name}: {found.description}".rstrip(": "))

    def _unknown(self, container: dict[str, Any], name: Any, table: Mapping[str, Property], path: str) -> None:
        at = self.positions.key(container, name)
        where = f"{path[1:]} of " if path else ""
        message = f"'{name}' is not a property of {where}{self.type}: extraneous key [{name}] is not permitted"
        hint = self.report.suggest(str(name), table) or f"the properties are {_listed(table)}"
        self.report.error(at, "unknown-property", message, hint)

    def _null(self, container: dict[str, Any], name: str, path: str) -> None:
        at = self.positions.value(container, name)
        message = f"[{path}/{name}] 'null' values are not allowed in templates"
        self.report.error(at, "null-value", message, "give it a value, or remove it")

    def _tier(self, found: Property, container: dict[str, Any], name: str, path: str) -> None:
        if found.tier is Tier.RUN:
            return
        key = f"{self.type}{path}/{name}"
        if found.tier is Tier.INERT and not any(key.startswith(f"{other}/") for other in self.inert):
            self.inert.setdefault(key, self.positions.key(container, name))

    def value(self, kind: Kind, container: Any, key: Any, path: str) -> Any:
        """A value of a kind, put right; whatever is wrong is reported and left as it is."""
        value = container[key]
        if isinstance(value, Unknown) or kind.name == "any":
            return value
        checked = getattr(self, f"_{kind.name}")(kind, value, container, key, path)
        return value if checked is None else checked

    def _at(self, container: Any, key: Any) -> Position:
        return self.positions.value(container, key)

    def _wrong(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> None:
        message = f"#{path}: expected type: {_aws_name(kind)}, found: {_aws_type(value)}"
        hint = f"write {WORDS[kind.name]}"
        if kind.name == "list" and not isinstance(value, dict | list):
            hint = f"write a list: [{_shown(value)}]"
        self.report.error(self._at(container, key), "wrong-type", message, hint)

    def _text(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if isinstance(value, dict | list) or value is None:
            return self._wrong(kind, value, container, key, path)
        text = text_of(value)
        self._length(kind, len(text), "Length", value, container, key, path)
        if kind.pattern and len(text) <= PATTERN_MAX and not re.search(kind.pattern, text):
            message = f"#{path}: '{_shown(value)}' failed validation constraint for keyword [pattern]"
            self.report.error(self._at(container, key), "invalid-value", message, f"it must match {kind.pattern}")
        return text

    def _length(self, kind: Kind, size: int, word: str, value: Any, container: Any, key: Any, path: str) -> None:
        low, high = kind.minimum, kind.maximum
        if (low is None or size >= low) and (high is None or size <= high):
            return
        too_long = high is not None and size > high
        bound = f"{high if too_long else low:.0f}"
        message = f"#{path}: expected {'max' if too_long else 'min'}{word}: {bound}, actual: {size}"
        hint = f"give at {'most' if too_long else 'least'} {bound} {'characters' if word == 'Length' else 'items'}"
        self.report.error(self._at(container, key), "out-of-range", message, hint)

    def _enum(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if isinstance(value, dict | list) or value is None:
            return self._wrong(kind, value, container, key, path)
        text = text_of(value)
        if text not in kind.choices:
            message = f"#{path}: {_shown(value)} is not a valid enum value"
            near = nearest(text, kind.choices)
            hint = f"did you mean '{near}'? " if near else ""
            hint += f"allowed: {', '.join(kind.choices)}"
            self.report.error(self._at(container, key), "invalid-value", message, hint)
        return text

    def _int(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        number = _integer(value)
        if number is None:
            return self._wrong(kind, value, container, key, path)
        if kind.choices and str(number) not in kind.choices:
            message = f"#{path}: {number} is not a valid enum value"
            hint = f"allowed: {', '.join(kind.choices)}"
            self.report.error(self._at(container, key), "invalid-value", message, hint)
        self._range(kind, number, container, key, path)
        return number

    def _num(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if isinstance(value, bool) or not (
            isinstance(value, int | float) or (isinstance(value, str) and _NUMBER.match(value))
        ):
            return self._wrong(kind, value, container, key, path)
        number = float(value)
        self._range(kind, number, container, key, path)
        return number

    def _range(self, kind: Kind, number: float, container: Any, key: Any, path: str) -> None:
        low, high = kind.minimum, kind.maximum
        hint = f"from {low:g}" if low is not None else ""
        hint += f" to {_plain(high)}" if high is not None else " up" if hint else ""
        if low is not None and number < low:
            message = f"#{path}: {_plain(number)} is not greater or equal to {_plain(low)}"
        elif high is not None and number > high:
            message = f"#{path}: {_plain(number)} is not less or equal to {_plain(high)}"
        else:
            return
        self.report.error(self._at(container, key), "out-of-range", message, f"allowed: {hint.strip()}")

    def _bool(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if isinstance(value, bool):
            return value
        if isinstance(value, str) and value.lower() in ("true", "false"):
            return value.lower() == "true"
        return self._wrong(kind, value, container, key, path)

    def _object(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        return value if isinstance(value, dict) else self._wrong(kind, value, container, key, path)

    def _map(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if not isinstance(value, dict):
            return self._wrong(kind, value, container, key, path)
        text = Kind("text")
        for name in value:
            value[name] = self.value(text, value, name, f"{path}/{name}")
        return value

    def _json(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if isinstance(value, dict):
            return value
        if not isinstance(value, str):
            return self._wrong(kind, value, container, key, path)
        try:
            document = json.loads(value)
        except (ValueError, RecursionError) as error:
            message = f"#{path}: the text is not JSON: {error}"
            self.report.error(self._at(container, key), "invalid-json", message, "write an object, or valid JSON text")
            return None
        if not isinstance(document, dict):
            return self._wrong(kind, document, container, key, path)
        self.positions.adopt(document, self._at(container, key))
        return document

    def _pattern(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        return value if isinstance(value, dict | str) else self._wrong(kind, value, container, key, path)

    def _part(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if isinstance(value, str) and kind.part in LOCAL_CODE:
            at = self._at(container, key)
            value = {"Path": value}
            self.positions.mark(value, at, {"Path": at}, {"Path": at})
            return value
        if not isinstance(value, dict):
            return self._wrong(kind, value, container, key, path)
        self.members(value, part(kind.part), self.positions.key(container, key), path)
        return value

    def _list(self, kind: Kind, value: Any, container: Any, key: Any, path: str) -> Any:
        if not isinstance(value, list):
            return self._wrong(kind, value, container, key, path)
        self._length(kind, len(value), "Items", value, container, key, path)
        assert kind.item is not None
        for index, item in enumerate(value):
            if item is None:
                self._null_item(value, index, path)
            else:
                value[index] = self.value(kind.item, value, index, f"{path}/{index}")
        return value

    def _null_item(self, value: list[Any], index: int, path: str) -> None:
        message = f"[{path}/{index}] 'null' values are not allowed in templates"
        self.report.error(self._at(value, index), "null-value", message, "give it a value, or remove it")


def _integer(value: Any) -> int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    if isinstance(value, float):
        return int(value) if value.is_integer() else None
    return int(value) if isinstance(value, str) and len(value) < 20 and _INTEGER.match(value) else None


def _aws_name(kind: Kind) -> str:
    names = {"int": "Integer", "num": "Number", "bool": "Boolean", "list": "JSONArray", "text": "String"}
    return names.get(kind.name, "String" if kind.name == "enum" else "JSONObject")


def _aws_type(value: Any) -> str:
    match value:
        case dict():
            return "JSONObject"
        case list():
            return "JSONArray"
        case bool():
            return "Boolean"
        case int():
            return "Integer"
        case float():
            return "Number"
        case None:
            return "Null"
        case _:
            return "String"


def _shown(value: Any) -> str:
    text = text_of(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _plain(number: float) -> str:
    return f"{number:.0f}" if float(number).is_integer() else f"{number:g}"


def _listed(table: Mapping[str, Property]) -> str:
    names = list(table)
    return ", ".join(names) if len(names) <= 12 else ", ".join(names[:12]) + f" and {len(names) - 12} more"
