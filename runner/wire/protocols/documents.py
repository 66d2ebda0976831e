"""JSON documents to members and back, compiled per shape: the body of the json and rest-json protocols.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from runner.wire.models import Shape
from runner.wire.protocols.message import Members, malformed
from runner.wire.protocols.scalars import BITS_64, TIMESTAMP_FORMATS, epoch, parse_base64, parse_timestamp, to_base64

Parse = Callable[[Any], Any]
Write = Callable[[Any], Any]

_ENCODE = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode
_ENCODE_ASCII = json.JSONEncoder(separators=(",", ":")).encode
NOT_EXPECTED = {
    dict: "Start of structure or map found where not expected.",
    list: "Start of list found where not expected",
}
TOKENS: dict[type, str] = {str: "STRING_VALUE", int: "NUMBER_VALUE", float: "NUMBER_VALUE", bool: "BOOLEAN_VALUE"}


def _no_constant(name: str) -> Any:
    raise ValueError(name)


_DECODE = json.JSONDecoder(parse_constant=_no_constant).decode


def encode(document: Any) -> bytes:
    """Compact UTF-8 JSON; lone surrogates, which UTF-8 cannot hold, stay escaped."""
    try:
        return _ENCODE(document).encode()
    except UnicodeEncodeError:
        return _ENCODE_ASCII(document).encode()


def decode(body: bytes) -> Any:
    """Raises ApiError for what is no JSON; NaN and Infinity are none."""
    try:
        return _DECODE(body.decode())
    except (ValueError, RecursionError):
        raise malformed("Could not parse the request body as JSON") from None


def wrong_type(value: Any, wanted: str) -> Exception:
    """What AWS's JSON reader says of a value of another type than the model's."""
    kind: type = type(value)
    if kind in NOT_EXPECTED:
        return malformed(NOT_EXPECTED[kind])
    return malformed(f"{TOKENS.get(kind, 'NULL_VALUE')} can not be converted to {wanted}")


class Documents:
    """Compiles parsers and writers, each shape once."""

    def __init__(self) -> None:
        self._parsers: dict[str, Parse] = {}
        self._writers: dict[str, Write] = {}

    def parser(self, shape: Shape) -> Parse:
        if shape.is_document:
            return same
        if shape.type not in ("structure", "list", "map"):
            return self.scalar_parser(shape)
        known = self._parsers.get(shape.name)
        if known is None:
            # A shape may hold itself: what is compiled meanwhile looks the finished parser up when called.
            self._parsers[shape.name] = lambda value: self._parsers[shape.name](value)
            build = {"structure": self._structure_parser, "list": self._list_parser, "map": self._map_parser}
            known = self._parsers[shape.name] = build[shape.type](shape)
        return known

    def writer(self, shape: Shape) -> Write:
        if shape.is_document:
            return same
        if shape.type not in ("structure", "list", "map"):
            return self.scalar_writer(shape)
        known = self._writers.get(shape.name)
        if known is None:
            self._writers[shape.name] = lambda value: self._writers[shape.name](value)
            build = {"structure": self._structure_writer, "list": self._list_writer, "map": self._map_writer}
            known = self._writers[shape.name] = build[shape.type](shape)
        return known

    def scalar_parser(self, shape: Shape) -> Parse:
        return PARSERS[shape.type]

    def scalar_writer(self, shape: Shape) -> Write:
        if shape.type == "timestamp":
            form = shape.traits.get("timestampFormat", "unixTimestamp")
            return epoch if form == "unixTimestamp" else TIMESTAMP_FORMATS[form]
        return to_base64 if shape.type == "blob" else same

    def members_parser(self, members: dict[str, Shape]) -> Callable[[Any], dict[str, Any]]:
        """Of some members of a structure: those that stand in the body."""
        table = {shape.wire_name or name: (name, self.parser(shape)) for name, shape in members.items()}
        find = table.get

        def parse(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong_type(value, "a structure")
            found = {}
            for key, item in value.items():
                known = find(key)
                if known is not None and item is not None:
                    found[known[0]] = known[1](item)
            return found

        return parse

    def members_writer(self, members: dict[str, Shape]) -> Callable[[Members], dict[str, Any]]:
        table = [(name, shape.wire_name or name, self.writer(shape)) for name, shape in members.items()]

        def write(value: Members) -> dict[str, Any]:
            get = value.get
            written = {}
            for name, wire, item_writer in table:
                item = get(name)
                if item is not None:
                    written[wire] = item_writer(item)
            return written

        return write

    def _structure_parser(self, shape: Shape) -> Parse:
        return self.members_parser(shape.members)

    def _structure_writer(self, shape: Shape) -> Write:
        return self.members_writer(shape.members)

    def _list_parser(self, shape: Shape) -> Parse:
        parse = self.parser(shape.member)

        def parse_list(value: Any) -> list[Any]:
            if type(value) is not list:
                raise wrong_type(value, "a list")
            return [parse(item) for item in value]

        return parse_list

    def _list_writer(self, shape: Shape) -> Write:
        write = self.writer(shape.member)
        return list if write is same else lambda value: [write(item) for item in value]

    def _map_parser(self, shape: Shape) -> Parse:
        parse = self.parser(shape.value)

        def parse_map(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise wrong_type(value, "a map")
            return {key: parse(item) for key, item in value.items() if item is not None}

        return parse_map

    def _map_writer(self, shape: Shape) -> Write:
        write = self.writer(shape.value)
        return dict if write is same else lambda value: {key: write(item) for key, item in value.items()}


def same(value: Any) -> Any:
    return value


def _string(value: Any) -> str:
    if type(value) is not str:
        raise wrong_type(value, "a String")
    return value


def _integer(value: Any) -> int:
    if type(value) is int and -BITS_64 <= value < BITS_64:
        return value
    if type(value) is float and abs(value) < BITS_64:  # cut, as AWS does
        return int(value)
    raise wrong_type(value, "an Integer")


def _float(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return value
    if value in ("NaN", "Infinity", "-Infinity"):
        return float(value)
    raise wrong_type(value, "a Double")


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise wrong_type(value, "a Boolean")
    return value


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise wrong_type(value, "a Blob")
    return parse_base64(value)


PARSERS: dict[str, Parse] = {
    "string": _string,
    "character": _string,
    "integer": _integer,
    "long": _integer,
    "float": _float,
    "double": _float,
    "boolean": _boolean,
    "timestamp": parse_timestamp,
    "blob": _blob,
}
