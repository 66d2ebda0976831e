"""Frames of Amazon's event stream encoding, in which streamed answers are sent.

A frame: total length, length of the headers, checksum of both; headers; payload; checksum of all that. Numbers are
big-endian; every header here is a string (type 7).

Source: https://smithy.io/2.0/aws/amazon-eventstream.html
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

STRING = 7
OVERHEAD = 16  # lengths and checksums


def frame(headers: Mapping[str, str], payload: bytes) -> bytes:
    """One message."""
    encoded = b"".join(_header(name, value) for name, value in headers.items())
    prelude = struct.pack("!II", len(encoded) + len(payload) + OVERHEAD, len(encoded))
    body = prelude + struct.pack("!I", zlib.crc32(prelude)) + encoded + payload
    return body + struct.pack("!I", zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return struct.pack(f"!B{len(key)}sBH{len(text)}s", len(key), key, STRING, len(text), text)
