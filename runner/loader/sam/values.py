"""What every part of the transform says: intrinsics as values, hashes of logical ids, parameter look-ups."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

Json = dict[str, Any]

NO_VALUE: Mapping[str, str] = {"Ref": "AWS::NoValue"}

_SUB_NAME = r"\$\{([A-Za-z0-9:]+)\}"

PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-iso-", "aws-iso"),
    ("us-isob", "aws-iso-b"),
    ("us-gov", "aws-us-gov"),
    ("eu-isoe", "aws-iso-e"),
    ("us-isof", "aws-iso-f"),
    ("eusc-", "aws-eusc"),
)


def partition_of(region: str) -> str:
    """The partition that SAM writes literally into ARNs, by the region's prefix."""
    return next((partition for prefix, partition in PARTITIONS if region.startswith(prefix)), "aws")


def ref(logical_id: str) -> Json:
    return {"Ref": logical_id}


def get_att(logical_id: str, attribute: str = "Arn") -> Json:
    return {"Fn::GetAtt": [logical_id, attribute]}


def no_value() -> Json:
    return dict(NO_VALUE)


def is_no_value(value: Any) -> bool:
    return isinstance(value, dict) and value == NO_VALUE


def is_intrinsic(value: Any) -> bool:
    """A map of one key that is `Ref`, `Condition` or `Fn::` something."""
    if not isinstance(value, dict) or len(value) != 1:
        return False
    key = next(iter(value))
    return isinstance(key, str) and (key in {"Ref", "Condition"} or key.startswith("Fn::"))


def is_loose_intrinsic(value: Any) -> bool:
    """A map of one key, whatever the key: what SAM's type checks let pass as an intrinsic."""
    return isinstance(value, dict) and len(value) == 1


def intrinsic_argument(value: Any, name: str) -> Any:
    """What stands under an intrinsic's only key, if it is that intrinsic; else None."""
    return value[name] if isinstance(value, dict) and len(value) == 1 and name in value else None


def canonical(value: Any) -> str:
    """What SAM hashes for a value that is not a string: compact JSON, keys sorted."""
    return json.dumps(value, separators=(",", ":"), sort_keys=True, default=str)


def short_hash(value: Any) -> str:
    """The first ten hex digits of SHA-1, SAM's suffix of generated ids; a string is hashed as it is."""
    text = value if isinstance(value, str) else canonical(value)
    return hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()[:10]


def suffix_of(text: Any) -> str:
    """A name as the end of a logical id: itself if it is alphanumeric, else its hash; nothing for nothing."""
    if not text:
        return ""
    return text if isinstance(text, str) and text.isalnum() else short_hash(text)


def resolve(value: Any, parameters: Mapping[str, Any]) -> Any:
    """A copy with references to known parameters replaced; the same object where there are none.

    `Fn::Sub` stays an intrinsic, with the names of parameters in its text replaced by their values.
    """
    if isinstance(value, list):
        items = [resolve(item, parameters) for item in value]
        return items if any(new is not old for new, old in zip(items, value, strict=True)) else value
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        (name,) = value
        if name == "Ref":
            target = value[name]
            return parameters[target] if isinstance(target, str) and target in parameters else value
        if name == "Fn::Sub":
            return _resolve_sub(value, parameters)
    changed = {key: resolve(item, parameters) for key, item in value.items()}
    return changed if any(changed[key] is not value[key] for key in value) else value


def _resolve_sub(value: Json, parameters: Mapping[str, Any]) -> Json:
    argument = value["Fn::Sub"]
    if isinstance(argument, str):
        text = _replace_names(argument, parameters)
        return value if text == argument else {"Fn::Sub": text}
    if isinstance(argument, list) and len(argument) == 2 and isinstance(argument[0], str):
        own = argument[1] if isinstance(argument[1], dict) else {}
        known = {name: found for name, found in parameters.items() if name not in own}
        return {"Fn::Sub": [_replace_names(argument[0], known), resolve(argument[1], parameters)]}
    return value


def _replace_names(text: str, parameters: Mapping[str, Any]) -> str:
    def replacement(match: re.Match[str]) -> str:
        name = match.group(1)
        value = parameters.get(name)
        return match.group(0) if value is None or isinstance(value, list | dict) else str(value)

    return re.sub(_SUB_NAME, replacement, text) if "${" in text else text


def find_in_map(value: Any, mappings: Mapping[str, Any], parameters: Mapping[str, Any]) -> Any:
    """What a `Fn::FindInMap` finds, its keys being strings or parameters; the value itself where it finds nothing."""
    arguments = intrinsic_argument(value, "Fn::FindInMap")
    if not isinstance(arguments, list) or len(arguments) != 3:
        return value
    found: Any = mappings
    for argument in arguments:
        key = resolve(argument, parameters)
        if not isinstance(key, str) or not isinstance(found, Mapping) or key not in found:
            return value
        found = found[key]
    return found


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]
