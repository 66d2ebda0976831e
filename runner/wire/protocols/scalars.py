"""Timestamps and blobs: the scalars whose form depends on where they stand.

Inside, a timestamp is epoch seconds (a float, or an int where it is whole) and a blob is bytes.

Source: https://smithy.io/2.0/spec/protocol-traits.html#timestampformat-trait
"""

from __future__ import annotations

import base64
import binascii
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from runner.wire.protocols.message import malformed

Number = int | float
END_OF_TIME = 253_402_300_799  # the last second of the year 9999
BITS_64 = 2**63


def whole(value: Number) -> Number:
    """The same number, as an int if it is whole."""
    return int(value) if value == int(value) else value


def epoch(value: object) -> Number:
    """Epoch seconds of what a room gave: a number, or an aware datetime."""
    if isinstance(value, datetime):
        return whole(value.timestamp())
    if isinstance(value, int | float):
        return whole(value)
    raise TypeError(f"not a timestamp: {value!r}")


def to_iso8601(value: object) -> str:
    seconds = epoch(value)
    moment = datetime.fromtimestamp(seconds, UTC)
    if isinstance(seconds, int):
        return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}Z"


def to_rfc822(value: object) -> str:
    return datetime.fromtimestamp(int(epoch(value)), UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def to_unix(value: object) -> str:
    return str(epoch(value))


TIMESTAMP_FORMATS = {"iso8601": to_iso8601, "rfc822": to_rfc822, "unixTimestamp": to_unix}


def parse_timestamp(value: object) -> Number:
    """Epoch seconds of any form that AWS reads: a number, ISO 8601, or an HTTP date. Raises ApiError."""
    if isinstance(value, datetime):
        return epoch(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _within_time(value)
    if not isinstance(value, str):
        raise malformed("Unexpected field type")
    try:
        seconds = float(value)
    except ValueError:
        return whole(_parse_text(value).timestamp())
    return _within_time(seconds)


def _within_time(seconds: Number) -> Number:
    if not -END_OF_TIME <= seconds <= END_OF_TIME:
        raise malformed(f"Invalid timestamp: {str(seconds)[:40]}")
    return whole(seconds)


def parse_integer(text: str) -> int:
    """A whole number of at most 64 bits. Raises ValueError."""
    if len(text) > 20 or not -BITS_64 <= (number := int(text)) < BITS_64:
        raise ValueError("too large")
    return number


def _parse_text(value: str) -> datetime:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        try:
            moment = parsedate_to_datetime(value)
        except ValueError:
            raise malformed(f"Invalid timestamp: {value}") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def to_base64(value: bytes | str) -> str:
    raw = value.encode() if isinstance(value, str) else value
    return base64.b64encode(raw).decode("ascii")


def parse_base64(value: str) -> bytes:
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise malformed("Invalid base64 in a blob") from None
