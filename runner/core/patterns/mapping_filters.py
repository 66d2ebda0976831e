"""The filters of event source mappings: the same language, over records whose payload is decoded first.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from runner.core.patterns.errors import PatternError
from runner.core.patterns.fields import Wanted, take
from runner.core.patterns.pattern import Pattern, compile_pattern
from runner.core.patterns.values import parse_event

INVALID = "Invalid filter pattern definition."
PAYLOADS = ("body", "data", "value")  # SQS and MQ; Kinesis; Kafka
ENCODED = ("data", "value")  # base64 in the record


class MappingFilter(NamedTuple):
    """Filters of one mapping: a record passes if any of them matches; without filters every record does."""

    patterns: tuple[Pattern, ...]
    wanted: Wanted

    def matches(self, record: Mapping[str, Any]) -> bool:
        """Whether a record, as the function would receive it, is to be handed over."""
        if not self.patterns:
            return True
        fields = take(_decoded(record, self.wanted), self.wanted)
        return any(pattern.meets(fields) for pattern in self.patterns)


def compile_mapping_filter(patterns: Sequence[str]) -> MappingFilter:
    """Compile the `Pattern` texts of a mapping's filters. Raises PatternError; Lambda's answer is `INVALID`."""
    compiled = tuple(compile_pattern(text) for text in patterns)
    return MappingFilter(compiled, Wanted(path for pattern in compiled for path in pattern.paths))


def check_mapping_filter(text: str | None) -> str | None:
    """What Lambda says of one filter's text: its message, or None where it is fine."""
    try:
        compile_pattern(text or "")
    except PatternError:
        return INVALID
    return None


def _decoded(record: Mapping[str, Any], wanted: Wanted) -> dict[str, Any]:
    """The record with its payload as JSON where it is JSON, as text otherwise, if some filter looks at it."""
    decoded = dict(record)
    for name in PAYLOADS:
        payload = record.get(name)
        if isinstance(payload, str) and (name in wanted.ways or name in wanted.leaves):
            decoded[name] = _payload(payload, encoded=name in ENCODED)
    kinesis = record.get("kinesis")
    if isinstance(kinesis, Mapping) and isinstance(kinesis.get("data"), str):
        decoded["data"] = _payload(kinesis["data"], encoded=True)
    return decoded


def _payload(text: str, *, encoded: bool) -> Any:
    if encoded:
        try:
            text = base64.b64decode(text, validate=True).decode()
        except (binascii.Error, UnicodeDecodeError):
            return text
    try:
        return parse_event(text)
    except (ValueError, RecursionError):
        return text
