"""Members to XML, compiled per shape: the answers of the query protocol.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html#response-serialization
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from runner.wire.models import Shape
from runner.wire.protocols.scalars import TIMESTAMP_FORMATS, to_base64

Write = Callable[[Any, str, list[str]], None]
"""Appends the element `tag` of a value to the pieces."""

FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")  # XML 1.0 cannot hold these at all
SPECIAL = re.compile("[&<>\\r]")
REFERENCES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"}  # a carriage return survives only as a reference


def text(value: str) -> str:
    """Escaped character data."""
    if SPECIAL.search(value):
        value = SPECIAL.sub(lambda found: REFERENCES[found[0]], value)
    return FORBIDDEN.sub("\ufffd", value)


class XmlWriters:
    """Compiles writers, each shape once."""

    def __init__(self) -> None:
        self._known: dict[str, Write] = {}

    def writer(self, shape: Shape) -> Write:
        if shape.type not in ("structure", "list", "map"):
            return _scalar_writer(shape)
        key = f"{shape.name}*" if shape.flattened else shape.name
        known = self._known.get(key)
        if known is None:
            self._known[key] = lambda value, tag, out: self._known[key](value, tag, out)
            build = {"structure": self._structure, "list": self._list, "map": self._map}
            known = self._known[key] = build[shape.type](shape)
        return known

    def members(self, shape: Shape) -> Callable[[Any, list[str]], None]:
        """Of a structure, without an element around them."""
        table = [(name, _tag(name, member), self.writer(member)) for name, member in shape.members.items()]

        def write(value: Any, out: list[str]) -> None:
            for name, tag, item_writer in table:
                item = value.get(name)
                if item is not None:
                    item_writer(item, tag, out)

        return write

    def _structure(self, shape: Shape) -> Write:
        members = self.members(shape)

        def write(value: Any, tag: str, out: list[str]) -> None:
            out.append(f"<{tag}>")
            members(value, out)
            out.append(f"</{tag}>")

        return write

    def _list(self, shape: Shape) -> Write:
        item_writer = self.writer(shape.member)
        item_tag = shape.member.wire_name or "member"

        def write_flat(value: Any, tag: str, out: list[str]) -> None:
            for item in value:
                item_writer(item, tag, out)

        def write(value: Any, tag: str, out: list[str]) -> None:
            out.append(f"<{tag}>")
            for item in value:
                item_writer(item, item_tag, out)
            out.append(f"</{tag}>")

        return write_flat if shape.flattened else write

    def _map(self, shape: Shape) -> Write:
        key_tag, value_tag = shape.key.wire_name or "key", shape.value.wire_name or "value"
        key_writer, value_writer = self.writer(shape.key), self.writer(shape.value)

        def entries(value: Any, tag: str, out: list[str]) -> None:
            for key, item in value.items():
                out.append(f"<{tag}>")
                key_writer(key, key_tag, out)
                value_writer(item, value_tag, out)
                out.append(f"</{tag}>")

        def write(value: Any, tag: str, out: list[str]) -> None:
            out.append(f"<{tag}>")
            entries(value, "entry", out)
            out.append(f"</{tag}>")

        return entries if shape.flattened else write


def _tag(name: str, member: Shape) -> str:
    if member.type == "list" and member.flattened and member.member.wire_name:
        return member.member.wire_name
    return member.wire_name or name


def _scalar_writer(shape: Shape) -> Write:
    to_text = _to_text(shape)

    def write(value: Any, tag: str, out: list[str]) -> None:
        out.append(f"<{tag}>{to_text(value)}</{tag}>")

    return write


def _to_text(shape: Shape) -> Callable[[Any], str]:
    match shape.type:
        case "boolean":
            return lambda value: "true" if value else "false"
        case "timestamp":
            return TIMESTAMP_FORMATS[shape.traits.get("timestampFormat", "iso8601")]
        case "blob":
            return to_base64
        case "string" | "character":
            return text
        case _:
            return str
