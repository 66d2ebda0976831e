"""Whether the properties of a SAM resource or event are known, present and of the right kind.

The rules are the transform's own, which are laxer than CloudFormation's: a map of one key passes for an intrinsic.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.loader.sam.values import Json, is_intrinsic, is_loose_intrinsic
from runner.loader.sam.work import Work
from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Position

KINDS: dict[str, type | tuple[type, ...]] = {
    "str": str,
    "map": dict,
    "list": list,
    "bool": bool,
    "int": int,
    "float": float,
}
SINGLE = {"str": "a string", "str|float": "a string", "map": "a map"}
"""Kinds that the transform's error names, where no other kind may stand in their place."""


def check_properties(work: Work, shape: Mapping[str, str], type_: str, properties: Json, at: Position) -> Json:
    """The properties without those that are reported. `at` is where a missing one is missed."""
    bad = []
    for name, value in properties.items():
        rule = shape.get(name)
        if rule is None:
            message = f"property {name} not defined for resource of type {type_}"
            hint = did_you_mean(str(name), shape)
            work.report.error(work.key_at(properties, name), "unknown-property", message, hint)
            bad.append(name)
        elif value is not None and not _fits(rule, value):
            _report_kind(work, rule, properties, name)
            bad.append(name)
    for name in required(shape):
        if properties.get(name) is None:
            work.report.error(at, "missing-property", f"Missing required property '{name}'.", f"add {name}")
    if not bad:
        return properties
    good: Json = work.copy(properties)
    for name in bad:
        del good[name]
    return good


def check_parts(work: Work, parts: Mapping[str, Mapping[str, str]], type_: str, properties: Json) -> Json:
    """What stands within maps. The properties without those that hold something of the wrong kind."""
    bad = []
    for path, shape in parts.items():
        names = path.split(".")
        part: Any = properties
        for name in names:
            part = part.get(name) if isinstance(part, dict) else None
        if not isinstance(part, dict) or is_intrinsic(part):
            continue
        for name, value in part.items():
            rule = shape.get(name)
            if rule is None:
                message = f"property {name} not defined for {path} of {type_}; AWS ignores it"
                work.report.warning(
                    work.key_at(part, name), "unknown-property", message, did_you_mean(str(name), shape)
                )
            elif value is not None and not _fits(rule, value):
                _report_kind(work, rule, part, name, f"{path}.")
                bad.append(names[0])
    if not bad:
        return properties
    good: Json = work.copy(properties)
    for name in bad:
        good.pop(name, None)
    return good


def required(shape: Mapping[str, str]) -> list[str]:
    """The properties that must be there."""
    return [name for name, rule in shape.items() if "!" in rule.partition(";")[0]]


def _fits(rule: str, value: Any) -> bool:
    kind = rule.partition(";")[0]
    if "~" not in kind and is_loose_intrinsic(value):
        return True
    return _is_kind(kind.rstrip("!~"), value)


def _is_kind(kind: str, value: Any) -> bool:
    return any(_is_one_kind(one, value) for one in alternatives(kind))


def _is_one_kind(kind: str, value: Any) -> bool:
    if kind == "any":
        return True
    outer, _, inner = kind.partition("<")
    items: Any = value
    if not isinstance(value, KINDS[outer]) or (outer == "int" and isinstance(value, bool)):
        return False
    if not inner:
        return True
    if outer == "map":
        items = items.values()
    return all(_is_kind(inner[:-1], item) for item in items)


def alternatives(kind: str) -> list[str]:
    """The kinds that `|` joins outside of brackets."""
    found, depth, start = [], 0, 0
    for index, letter in enumerate(kind):
        depth += (letter == "<") - (letter == ">")
        if letter == "|" and not depth:
            found.append(kind[start:index])
            start = index + 1
    return [*found, kind[start:]]


def _report_kind(work: Work, rule: str, properties: Json, name: str, prefix: str = "") -> None:
    kind = rule.partition(";")[0].rstrip("!~")
    message = f"Type of property '{prefix}{name}' is invalid."
    if kind in SINGLE:
        message = f"Property '{prefix}{name}' should be {SINGLE[kind]}."
    work.report.error(work.positions.value(properties, name), "wrong-type", message, f"expected {kind}")
