"""How values of events and patterns are told apart: one hashable key a value, equal exactly where AWS finds them equal.

Strings stand for themselves; numbers compare as IEEE doubles where the decimal is one exactly as printed, and as text
otherwise; true, false and null are sentinels, because Python takes `True` for 1.
"""

from __future__ import annotations

import json
import re
from decimal import Decimal
from typing import Any

Value = str | int | float | tuple[str, ...]

TRUE: Value = ("true",)
FALSE: Value = ("false",)
NULL: Value = ("null",)

EXACT_INT = 2**53  # every integer up to here is a double
IPV4 = re.compile(r"[0-9]+\.[0-9]+\.[0-9]+\.[0-9]+", re.ASCII)
IPV6 = re.compile(r"[0-9a-fA-F:]*:[0-9a-fA-F:]*")
MAPPED = 0xFFFF << 32  # an IPv4 address spelled as IPv6 counts as IPv4, as in Java


class Inexact:
    """A number of a parsed event that no double represents; it equals only its own digits."""

    __slots__ = ("text",)

    def __init__(self, text: str) -> None:
        self.text = text


def parse_number(text: str) -> float | Inexact:
    """A JSON number as a double if one holds it as written, else its text."""
    value = float(text)
    if len(text) <= 15 and "e" not in text and "E" not in text:
        return value
    if value in (float("inf"), float("-inf")) or Decimal(repr(value)) != Decimal(text):
        return Inexact(text)
    return value


def no_constant(name: str) -> Any:
    """NaN and the infinities are no JSON."""
    raise ValueError(f"{name} is no JSON value")


_DECODER = json.JSONDecoder(parse_float=parse_number, parse_constant=no_constant)


def parse_event(text: bytes | str) -> Any:
    """JSON text as Python values; fractions as `parse_number` has them. Raises ValueError."""
    if isinstance(text, bytes):
        text = text.decode()
    return _DECODER.decode(text)


def key_of(value: Any) -> Value:
    """The key of a scalar of a parsed event."""
    if isinstance(value, str):
        return value
    if value is True:
        return TRUE
    if value is False:
        return FALSE
    if value is None:
        return NULL
    if isinstance(value, int) and not -EXACT_INT <= value <= EXACT_INT:
        return number_key(str(value))
    if isinstance(value, Inexact):
        return ("number", value.text)
    return value  # type: ignore[no-any-return]


def number_key(text: str) -> Value:
    """The key of a number written as `text`."""
    number = parse_number(text)
    return ("number", number.text) if isinstance(number, Inexact) else number


def address(text: str) -> tuple[int, int] | None:
    """An IP address as (bits, value), or None: decimal or hexadecimal groups only, leading zeros allowed."""
    if IPV4.fullmatch(text):
        value = 0
        for part in text.split("."):
            if len(part) > 10 or int(part) > 255:
                return None
            value = value << 8 | int(part)
        return 32, value
    return _address6(text) if IPV6.fullmatch(text) else None


def _address6(text: str) -> tuple[int, int] | None:
    head, gap, tail = text.partition("::")
    if ":::" in text or "::" in tail:
        return None
    before = head.split(":") if head else []
    after = tail.split(":") if tail else []
    missing = 8 - len(before) - len(after)
    if (missing < 1) if gap else (missing != 0):
        return None
    value = 0
    for group in [*before, *["0"] * missing, *after]:
        if not 1 <= len(group) <= 4:
            return None
        value = value << 16 | int(group, 16)
    return (32, value & 0xFFFFFFFF) if value >> 32 == MAPPED >> 32 else (128, value)
