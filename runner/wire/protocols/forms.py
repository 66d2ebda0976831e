"""Form fields to members, compiled per shape: the requests of the query protocol.

`Entries.member.1.Id=a` is read into a tree of its dotted parts first; a shape then takes what it knows of the tree.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

from runner.model.errors import ApiError
from runner.wire.models import Shape
from runner.wire.protocols.scalars import parse_base64, parse_integer, parse_timestamp

Node = dict[str, Any]  # of Node and str
Read = Callable[[Any], Any]
MAX_DEPTH = 32  # no modelled request nests deeper

OWN_VALUE = ""  # where a node has both a value and children


def fields(encoded: str) -> dict[str, str]:
    """The fields of a form or query string; the last of equal names wins."""
    found = {}
    for pair in encoded.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            found[_decoded(name)] = _decoded(value)
    return found


def _decoded(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    return unquote(text) if "%" in text else text


def tree(flat: dict[str, str]) -> Node:
    """The fields by the parts of their dotted names."""
    root: Node = {}
    for name, value in flat.items():
        parts = name.split(".", MAX_DEPTH)
        node = root
        for part in parts[:-1]:
            below = node.get(part)
            if not isinstance(below, dict):
                below = node[part] = {} if below is None else {OWN_VALUE: below}
            node = below
        there = node.get(parts[-1])
        if isinstance(there, dict):
            there[OWN_VALUE] = value
        else:
            node[parts[-1]] = value
    return root


class FormReaders:
    """Compiles readers, each shape once."""

    def __init__(self) -> None:
        self._known: dict[str, Read] = {}

    def reader(self, shape: Shape) -> Read:
        if shape.type not in ("structure", "list", "map"):
            return SCALARS[shape.type]
        key = f"{shape.name}*" if shape.flattened else shape.name
        known = self._known.get(key)
        if known is None:
            self._known[key] = lambda node: self._known[key](node)
            build = {"structure": self._structure, "list": self._list, "map": self._map}
            known = self._known[key] = build[shape.type](shape)
        return known

    def _structure(self, shape: Shape) -> Read:
        table = [(_field(name, member), name, self.reader(member)) for name, member in shape.members.items()]

        def read(node: Any) -> dict[str, Any]:
            if not isinstance(node, dict):
                return {}
            return {name: reader(node[field]) for field, name, reader in table if field in node}

        return read

    def _list(self, shape: Shape) -> Read:
        reader = self.reader(shape.member)
        below = None if shape.flattened else shape.member.wire_name or "member"

        def read(node: Any) -> list[Any]:
            items = node if below is None or not isinstance(node, dict) else node.get(below, {})
            return [reader(item) for item in _numbered(items)]

        return read

    def _map(self, shape: Shape) -> Read:
        key_field, value_field = shape.key.wire_name or "key", shape.value.wire_name or "value"
        value_reader = self.reader(shape.value)
        below = None if shape.flattened else "entry"

        def read(node: Any) -> dict[str, Any]:
            entries = node if below is None or not isinstance(node, dict) else node.get(below, {})
            found = {}
            for entry in _numbered(entries):
                if isinstance(entry, dict) and isinstance(entry.get(key_field), str):
                    found[entry[key_field]] = value_reader(entry.get(value_field, ""))
            return found

        return read


def _numbered(node: Any) -> list[Any]:
    """The children `1`, `2`, ... in order; gaps close up."""
    if not isinstance(node, dict):
        return []
    return [node[key] for key in sorted((key for key in node if key.isdecimal()), key=int)]


def _field(name: str, member: Shape) -> str:
    if member.type == "list" and member.flattened and member.member.wire_name:
        return member.member.wire_name
    return member.wire_name or name


def _text(node: Any) -> str:
    return node if isinstance(node, str) else str(node.get(OWN_VALUE, ""))


def _number(read: Callable[[str], Any]) -> Read:
    def number(node: Any) -> Any:
        value = _text(node)
        try:
            return read(value)
        except ValueError:
            raise ApiError("MalformedInput", f'For input string: "{value[:200]}"', 400) from None

    return number


def _flag(node: Any) -> bool:
    value = _text(node)
    if value not in ("true", "false"):
        raise ApiError("MalformedInput", f"Invalid boolean value: {value}", 400)
    return value == "true"


SCALARS: dict[str, Read] = {
    "string": _text,
    "character": _text,
    "integer": _number(parse_integer),
    "long": _number(parse_integer),
    "float": _number(float),
    "double": _number(float),
    "boolean": _flag,
    "timestamp": lambda node: parse_timestamp(_text(node)),
    "blob": lambda node: parse_base64(_text(node)),
}
