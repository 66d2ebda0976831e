"""Nested stacks whose template is a local file: checked with the stack they are nested in, and part of what it means.

Their resources are listed under `Parent.LogicalId`, and named after a stack called `stack-Parent`.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from runner.loader.checked import Checked, Options
from runner.loader.identities import Identities
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.values import Unknown, is_unknown
from runner.model.diagnostic import Note, Position

STACK = "AWS::CloudFormation::Stack"
DEPTH_MAX = 5
ELSEWHERE = ("http://", "https://", "s3://")


class NestedStacks:
    """The nested stacks of one template, each checked when it is first asked for."""

    def __init__(
        self,
        path: Path,
        options: Options,
        positions: Positions,
        report: Report,
        check: Callable[[Path, Options], Checked],
    ) -> None:
        self.path = path
        self.options = options
        self.positions = positions
        self.report = report
        self.check = check
        self.found: dict[str, Checked | None] = {}

    def of(self, logical_id: str, identities: Identities) -> Checked | None:
        """The nested stack of a resource; None where it is not a local file, or cannot be read, which is reported."""
        if logical_id not in self.found:
            self.found[logical_id] = None  # while it is checked
            self.found[logical_id] = self._load(logical_id, identities)
        return self.found[logical_id]

    def output(self, logical_id: str, name: str, identities: Identities) -> Any:
        """What `Outputs.Name` of a nested stack gives; None where that is not known."""
        nested = self.of(logical_id, identities)
        output = nested.outputs.get(name) if nested is not None else None
        return output.get("Value") if isinstance(output, dict) else None

    def _load(self, logical_id: str, identities: Identities) -> Checked | None:
        url = identities.property(logical_id, "TemplateURL")
        if self.options.template_only or not isinstance(url, str) or isinstance(url, Unknown):
            return None
        if url.startswith(ELSEWHERE) or "\0" in url:
            return None
        path = self.path.parent / url
        at = self._at(logical_id, identities)
        parents = (*self.options.parents, self.path.absolute())
        if path.absolute() in parents or len(parents) > DEPTH_MAX:
            message = f"The nested stack '{logical_id}' is nested in itself, or more than {DEPTH_MAX} levels deep."
            self.report.error(at, "circular-nesting", message, "nest another template")
            return None
        options = replace(
            self.options,
            parameters=_parameters(identities.property(logical_id, "Parameters")),
            stack_name=f"{identities.stack}-{logical_id}",
            parents=parents,
            prefix=f"{self.options.prefix}{logical_id}.",
        )
        try:
            return self.check(path, options)
        except OSError as error:
            message = f"The template of '{logical_id}' cannot be read: {url}: {error.strerror or error}"
            self.report.error(at, "missing-template", message, "paths start from the folder of the stack file")
            return None

    def _at(self, logical_id: str, identities: Identities) -> Position:
        properties = identities.resources[logical_id].get("Properties")
        return self.positions.value(properties, "TemplateURL")

    def merge(self, checked: Checked) -> None:
        """Put what nested stacks mean into what the whole means, and their findings to the others."""
        for logical_id, nested in self.found.items():
            if nested is None:
                continue
            parent = checked.resources.get(logical_id)
            for name, resolved in nested.resources.items():
                prefixed = f"{logical_id}.{name}"
                checked.resources[prefixed] = replace(resolved, logical_id=prefixed)
            checked.texts.update(nested.texts)
            checked.files.extend(nested.files)
            note = (Note(parent.at, f"nested as '{logical_id}'"),) if parent is not None else ()
            self.report.take(replace(found, notes=(*found.notes, *note)) for found in nested.diagnostics)


def _parameters(given: Any) -> dict[str, str]:
    """The values that a nested stack's parameters get; what is unknown stays so."""
    if not isinstance(given, dict):
        return {}
    values: dict[str, str] = {}
    for name, value in given.items():
        if isinstance(value, list):
            text = ",".join(text_of(item) for item in value)
            values[name] = Unknown(text) if is_unknown(value) else text
        elif not isinstance(value, dict) and value is not None:
            values[name] = value if isinstance(value, Unknown) else text_of(value)
    return values
