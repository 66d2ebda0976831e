"""Values that a file alone does not give, and the absence of one."""

from __future__ import annotations

from typing import Any, Final


class Unknown(str):
    """Stands for a value that only a deployment knows, or that a missing parameter would give.

    As text it is what it stands for, in `${}`. Whatever it goes into is unknown too, and is not checked.
    """

    __slots__ = ()


class _NoValue:
    """`AWS::NoValue`: whoever holds it drops it."""

    def __repr__(self) -> str:
        return "AWS::NoValue"


NO_VALUE: Final = _NoValue()


def is_unknown(value: Any) -> bool:
    """True for an unknown value, or a list that holds one."""
    if isinstance(value, list):
        return any(is_unknown(item) for item in value)
    return isinstance(value, Unknown)


def contains_unknown(value: Any) -> bool:
    """True if anything at any depth is unknown."""
    if isinstance(value, dict):
        return any(contains_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(contains_unknown(item) for item in value)
    return isinstance(value, Unknown)
