"""What a plain YAML scalar means to CloudFormation: YAML 1.1, without its surprises.

Dates, times of day and numbers with a leading zero stay the text that was written, as the service keeps them.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-formats.html
"""

from __future__ import annotations

import re
from typing import Any

TRUE = frozenset(("yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"))
FALSE = frozenset(("no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"))
NULL = frozenset(("", "~", "null", "Null", "NULL"))

_NUMERIC = frozenset("0123456789+-.")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9_]*)\Z")
_FLOAT = re.compile(r"[-+]?(?:(?:0|[1-9][0-9_]*)\.[0-9_]*|\.[0-9][0-9_]*)(?:[eE][-+]?[0-9]+)?\Z")
_HEX = re.compile(r"[-+]?0x[0-9a-fA-F_]+\Z")
LONGEST_NUMBER = 40  # digits; longer runs are text in every template that has them


class Decimal(float):
    """A number with a fraction that remembers how it was written: `1.10` is `1.10` where it becomes a string."""

    text: str

    def __new__(cls, text: str) -> Decimal:
        number = super().__new__(cls, text.replace("_", ""))
        number.text = text
        return number

    def __str__(self) -> str:
        return self.text


def plain(text: str) -> Any:
    """The value of an unquoted scalar."""
    if text and text[0] not in _NUMERIC:
        if text in TRUE:
            return True
        if text in FALSE:
            return False
        return None if text in NULL else text
    if text in NULL:
        return None
    if len(text) > LONGEST_NUMBER:
        return text
    if _INT.match(text):
        return int(text.replace("_", ""))
    if _FLOAT.match(text):
        return Decimal(text)
    return int(text.replace("_", ""), 16) if _HEX.match(text) else text


def text_of(value: Any) -> str:
    """A scalar as CloudFormation writes it into a string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
