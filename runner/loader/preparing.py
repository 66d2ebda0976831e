"""What happens to a template before anything else: includes and loops, which write more template.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/create-reusable-transform-function-snippets-and-add-to-your-template-with-aws-include-transform.html
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Protocol

from runner.loader.conditions import Conditions
from runner.loader.loops import Loops
from runner.loader.positions import Positions
from runner.loader.reading import parse
from runner.loader.report import Report
from runner.loader.resolving import Resolver
from runner.loader.scope import NoResources, Scope
from runner.loader.sections import INCLUDE
from runner.model.diagnostic import Position

INCLUDES_MAX = 20  # files; an include may include, and a circle must end
_NAMES = re.compile(r"\$\{!?\s*([A-Za-z0-9]+)")


class Reading(Protocol):
    """Where files that are read on the way are noted."""

    files: list[Path]
    texts: dict[str, str]


def prepare(
    root: dict[str, Any],
    folder: Path | None,
    scope: Scope,
    positions: Positions,
    report: Report,
    reading: Reading,
) -> dict[str, Any]:
    """The template with includes put in and loops written out; the same object where there are none.

    Without a `folder` no other file is read, and includes stay what they are.
    """
    found = _uses(root)
    if not found:
        return root
    resolver = Resolver(scope, Conditions({}, positions, Report()), NoResources(), positions, Report())
    if "Fn::Transform" in found and folder is not None:
        root = _Includes(folder, positions, report, reading, resolver).template(root)
    if scope.extensions and "Fn::ForEach" in found | _uses(root):
        root = Loops(resolver, positions, report).template(root)
    return root


def _uses(root: dict[str, Any]) -> set[str]:
    """Which of the two a template uses anywhere."""
    found: set[str] = set()
    transform = root.get("Transform")
    for item in transform if isinstance(transform, list) else [transform]:
        if isinstance(item, dict) and item.get("Name") == INCLUDE:
            found.add("Fn::Transform")
    work: list[Any] = [root]
    while work:
        node = work.pop()
        if isinstance(node, dict):
            for key in node:
                if str(key).startswith(("Fn::ForEach::", "Fn::Transform")):
                    found.add("Fn::ForEach" if str(key).startswith("Fn::ForEach") else "Fn::Transform")
            work.extend(node.values())
        elif isinstance(node, list):
            work.extend(node)
    return found


class _Includes:
    """Puts the content of local files where `AWS::Include` names them."""

    def __init__(
        self, folder: Path, positions: Positions, report: Report, reading: Reading, resolver: Resolver
    ) -> None:
        self.folder = folder
        self.positions = positions
        self.report = report
        self.reading = reading
        self.resolver = resolver
        self.count = 0

    def template(self, root: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.positions.copy(root)
        transform = root.get("Transform")
        for item in transform if isinstance(transform, list) else [transform]:
            if isinstance(item, dict) and item.get("Name") == INCLUDE:
                self.merge(made, self.load(item, self.positions.of(item)) or {})
        return self.members(made)

    def value(self, node: Any) -> Any:
        if isinstance(node, dict):
            return self.members(node)
        if isinstance(node, list):
            items = [self.value(item) for item in node]
            if all(new is old for new, old in zip(items, node, strict=True)):
                return node
            made = self.positions.copy(node)
            made[:] = items
            return made
        return node

    def members(self, node: dict[str, Any]) -> dict[str, Any]:
        made: dict[str, Any] = self.positions.copy(node)
        for key, item in node.items():
            if key != "Fn::Transform":
                made[key] = self.value(item)
                continue
            for one in item if isinstance(item, list) else [item]:
                included = None
                if isinstance(one, dict) and one.get("Name") == INCLUDE:
                    included = self.load(one, self.positions.key(node, key))
                if included is not None:
                    made.pop(key, None)
                    self.merge(made, included)
        return made

    def merge(self, made: dict[str, Any], included: dict[str, Any]) -> None:
        """Sections of both come together; elsewhere what is written in the file itself stays."""
        for key, item in included.items():
            if key not in made:
                made[key] = item
                self.positions.transfer(made, key, included, key)
            elif isinstance(made[key], dict) and isinstance(item, dict):
                made[key] = self.positions.copy(made[key])
                self.merge(made[key], item)

    def load(self, include: dict[str, Any], at: Position) -> dict[str, Any] | None:
        """The members that an include stands for; None where it cannot be read, which is reported."""
        parameters = include.get("Parameters")
        location = self.resolver.value(parameters.get("Location")) if isinstance(parameters, dict) else None
        if not isinstance(location, str):
            message = "Transform AWS::Include failed with: Location is missing."
            self.report.error(at, "invalid-include", message, "add Parameters: {Location: FILE}")
            return None
        if location.startswith("s3://") or "${" in location:
            message = f"The include {location} is not on this machine; the template is read without it."
            self.report.warning(at, "not-runnable", message, "name a local file to include it")
            return None
        self.count += 1
        if self.count > INCLUDES_MAX:
            message = f"Transform AWS::Include failed with: more than {INCLUDES_MAX} files."
            self.report.error(at, "invalid-include", message, "a file may not include itself")
            return None
        return self.read(location, at)

    def read(self, location: str, at: Position) -> dict[str, Any] | None:
        path = self.folder / location
        shown = str(path)
        try:
            raw = path.read_bytes()
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else str(error)
            message = f"Transform AWS::Include failed with: {location} cannot be read: {reason}"
            self.report.error(at, "missing-include", message, "paths start from the folder of the stack file")
            return None
        self.reading.files.append(path)
        document = parse(raw, shown, self.positions, self.report)
        self.reading.texts[shown] = document.text
        if not isinstance(document.root, dict):
            if document.root is not None:
                message = f"Transform AWS::Include failed with: {location} is no map."
                self.report.error(at, "invalid-include", message, "a snippet is a map of members")
            return None
        return self.members(document.root)


def used_names(root: Any) -> set[str]:
    """Every name that `Ref` or `Fn::Sub` uses anywhere."""
    used: set[str] = set()
    work = [root]
    while work:
        node = work.pop()
        if isinstance(node, dict):
            for key, item in node.items():
                if key in ("Ref", "Fn::ValueOf", "Fn::GetAtt") and isinstance(item, str | list):
                    used.update(name for name in (item if isinstance(item, list) else [item]) if isinstance(name, str))
                elif key == "Fn::Sub":
                    text = item[0] if isinstance(item, list) and item else item
                    if isinstance(text, str):
                        used.update(_NAMES.findall(text))
                if isinstance(item, dict | list):
                    work.append(item)
        elif isinstance(node, list):
            work.extend(item for item in node if isinstance(item, dict | list))
    return used
