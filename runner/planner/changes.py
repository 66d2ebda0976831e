"""A change is a value with reasons: what a plan prints and what a test asserts on."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Action(StrEnum):
    CREATE = "create"
    UPDATE = "update"
    REPLACE = "replace"
    DELETE = "delete"
    PUBLISH = "publish"  # a new immutable function version
    RETAIN = "retain"  # left in place although the stack file no longer declares it


class Reason(StrEnum):
    NOT_DEPLOYED = "not deployed yet"
    PROPERTIES = "properties changed"
    CODE = "code changed"
    CONFIGURATION = "configuration changed"
    NEW_NAME = "its name changed"
    NEW_VERSION = "a new version is published"
    NOT_DECLARED = "no longer in the stack file"
    STACK_REMOVED = "the stack is removed"
    DELETION_POLICY = "its DeletionPolicy is Retain"


@dataclass(frozen=True, slots=True)
class Difference:
    """One property that differs; `before` or `after` is None where it is absent."""

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan. `name` is what the resource is called in State."""

    action: Action
    type: str
    logical_id: str
    name: str
    reasons: tuple[Reason, ...]
    differences: tuple[Difference, ...] = ()


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[Difference, ...]:
    """The leaves at which two documents differ, by dotted path."""
    flat_before, flat_after = dict(_leaves(before)), dict(_leaves(after))
    paths = [*flat_before, *(path for path in flat_after if path not in flat_before)]
    return tuple(
        Difference(path, flat_before.get(path), flat_after.get(path))
        for path in paths
        if flat_before.get(path) != flat_after.get(path)
    )


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for key, inner in value.items():
            yield from _leaves(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        for index, inner in enumerate(value):
            yield from _leaves(inner, f"{path}[{index}]")
    else:
        yield path, value
