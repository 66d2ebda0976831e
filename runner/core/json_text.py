"""JSON as EventBridge writes it on: compact, keys in order, nothing escaped that need not be."""

from __future__ import annotations

import json
import re
from typing import Any

from runner.core.patterns.values import Inexact

SPACE = re.compile(r'("(?:[^"\\]|\\.)*")|[ \t\r\n]+')
DELICATE = re.compile(r"[0-9]{16}|[eE][+-]?[0-9]{3}|[0-9]\.[0-9]{14}")  # numbers that a double may not give back


def _lossy(value: Any) -> float:
    """A number with more digits than a double holds, cut out of its text: the nearest double."""
    if isinstance(value, Inexact):
        return float(value.text)
    raise TypeError(f"{type(value).__name__} is nothing that JSON can say")


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False, default=_lossy)


def compact(value: Any) -> str:
    """A parsed value as compact JSON. Raises ValueError for what JSON cannot say."""
    return _ENCODER.encode(value)


def compacted(text: str, parsed: Any) -> str:
    """JSON text made compact; `parsed` is what it says. Numbers that Python would round keep their digits."""
    if DELICATE.search(text):
        return SPACE.sub(r"\1", text)
    return compact(parsed)
