"""JSON as EventBridge writes it on: compact, keys in order, nothing escaped that need not be."""

from __future__ import annotations

import json
import re
from typing import Any

SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')
DELICATE = re.compile(r"[0-9]{16}|[eE][+-]?[0-9]{3}|[0-9]\.[0-9]{14}")  # numbers that a double may not give back
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def compact(value: Any) -> str:
    """A parsed value as compact JSON. Raises ValueError for what JSON cannot say."""
    return _ENCODER.encode(value)


def compacted(text: str, parsed: Any) -> str:
    """JSON text made compact; `parsed` is what it says. Numbers that Python would round keep their digits."""
    if DELICATE.search(text):
        return SPACE.sub(r"\1", text)
    return compact(parsed)


def no_constant(name: str) -> Any:
    """For `parse_constant`: NaN and the infinities are no JSON."""
    raise ValueError(f"{name} is no JSON value")
