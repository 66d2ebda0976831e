"""`Fn::ForEach`: a fragment written out once for every item of a list, before anything else is read.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/intrinsic-function-reference-foreach.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.resolving import Resolver
from runner.loader.scalars import text_of
from runner.loader.values import contains_unknown
from runner.model.diagnostic import Note, Position

LOOP = "Fn::ForEach::"
SECTIONS = ("Conditions", "Resources", "Outputs")
MADE_MAX = 20_000  # members of all loops together; loops within loops multiply
LAYOUT = "Transform AWS::LanguageExtensions failed with: Fn::ForEach layout is incorrect"
COLLECTION = (
    "Transform AWS::LanguageExtensions failed with: Could not find a collection or could not be resolved for "
    "Fn::ForEach"
)
_PLACEHOLDER = re.compile(r"([$&])\{([A-Za-z0-9]+)\}")


class Loops:
    """Writes loops out."""

    def __init__(self, resolver: Resolver, positions: Positions, report: Report) -> None:
        self.resolver = resolver
        self.positions = positions
        self.report = report
        self.made = 0

    def template(self, root: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.positions.copy(root)
        for name in SECTIONS:
            if isinstance(root.get(name), dict):
                made[name] = self.value(root[name], {})
        return made

    def value(self, node: Any, items: Mapping[str, str]) -> Any:
        """A copy with loops written out and the identifiers of `items` replaced."""
        if isinstance(node, str):
            return self.text(node, items)
        if isinstance(node, list):
            made = self.positions.copy(node)
            made[:] = [self.value(item, items) for item in node]
            return made
        if not isinstance(node, dict):
            return node
        if len(node) == 1 and isinstance(node.get("Ref"), str) and node["Ref"] in items:
            return items[node["Ref"]]
        return self.members(node, items)

    def members(self, node: dict[Any, Any], items: Mapping[str, str]) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        self.positions.adopt(made, self.positions.of(node))
        for key, value in node.items():
            if isinstance(key, str) and key.startswith(LOOP):
                self.loop(made, node, key, items)
                continue
            name = self.text(key, items) if isinstance(key, str) else key
            self.put(made, name, self.value(value, items), node, key)
        return made

    def put(self, made: dict[Any, Any], name: Any, value: Any, node: dict[Any, Any], key: Any) -> None:
        if name in made:
            first = Note(self.positions.key(made, name), f"'{name}' is made here first")
            message = f"Transform AWS::LanguageExtensions failed with: Duplicate key '{name}' from Fn::ForEach"
            at = self.positions.key(node, key)
            self.report.error(at, "duplicate-key", message, "put the identifier into the key: ${Name}", first)
        made[name] = value
        self.positions.transfer(made, name, node, key)

    def loop(self, made: dict[Any, Any], node: dict[Any, Any], key: str, items: Mapping[str, str]) -> None:
        """Put what one loop makes into `made`."""
        at = self.positions.key(node, key)
        body = node[key]
        right = isinstance(body, list) and len(body) == 3 and isinstance(body[0], str) and isinstance(body[2], dict)
        if not right or not key[len(LOOP) :].isalnum():
            self.report.error(
                at, "invalid-foreach", LAYOUT, "write Fn::ForEach::Name: [Identifier, list, {key: value}]"
            )
            return
        identifier, _, fragment = body
        collection = self.collection(body, items)
        for item in collection:
            self.made += len(fragment)
            if self.made > MADE_MAX:
                message = f"Fn::ForEach makes more than {MADE_MAX:,} members."
                self.report.error(at, "too-many", message, "loop over less")
                return
            self.fragment(made, fragment, {**items, identifier: item}, identifier)

    def fragment(
        self, made: dict[Any, Any], fragment: dict[Any, Any], items: Mapping[str, str], identifier: str
    ) -> None:
        for name, value in fragment.items():
            if isinstance(name, str) and name.startswith(LOOP):
                self.loop(made, fragment, name, items)
                continue
            self.put(made, self.text(str(name), items), self.value(value, items), fragment, name)

    def collection(self, body: list[Any], items: Mapping[str, str]) -> list[str]:
        """The items of a loop; none where they cannot be told, which is reported."""
        at: Position = self.positions.value(body, 1)
        found = self.resolver.value(self.value(body[1], items))
        if isinstance(found, list):
            for index, item in enumerate(found):
                if isinstance(item, dict | list) or item is None:
                    place = self.positions.value(body[1], index) if isinstance(body[1], list) else at
                    self.report.error(place, "invalid-foreach", COLLECTION, "the items are strings")
                    return []
        if contains_unknown(found) and self.unset(body[1]):
            message = "Fn::ForEach is left out: the parameter that it loops over has no value."
            self.report.warning(at, "unexpanded-foreach", message, "give the parameter a Default to check the loop")
            return []
        if not isinstance(found, list) or contains_unknown(found):
            hint = "loop over a list, or a parameter of type CommaDelimitedList"
            self.report.error(at, "invalid-foreach", COLLECTION, hint)
            return []
        return [text_of(item) for item in found]

    def unset(self, node: Any) -> bool:
        """True if a value hangs on a parameter that nobody gave a value."""
        if isinstance(node, list):
            return any(self.unset(item) for item in node)
        if not isinstance(node, dict):
            return False
        name = node.get("Ref")
        missing = isinstance(name, str) and name in self.resolver.scope.missing
        return missing or any(self.unset(item) for item in node.values())

    def text(self, text: str, items: Mapping[str, str]) -> str:
        """`${Name}` becomes the item, `&{Name}` the item without what a logical id may not have."""
        if not items or "{" not in text:
            return text

        def replacement(match: re.Match[str]) -> str:
            sign, name = match.groups()
            if name not in items:
                return match.group(0)
            return items[name] if sign == "$" else re.sub(r"[^A-Za-z0-9]", "", items[name])

        return _PLACEHOLDER.sub(replacement, text)
