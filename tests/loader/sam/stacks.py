"""Small SAM stacks through the transform: text or dicts in, the template and the findings out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from runner.loader.positions import Positions
from runner.loader.reading import parse
from runner.loader.report import Report
from runner.loader.sam import Expansion, expand
from runner.model.diagnostic import Diagnostic, Position, Severity
from runner.model.names import Place

Json = dict[str, Any]
BASE: Json = {"Handler": "h", "Runtime": "python3.12", "CodeUri": "s3://b/k"}


@dataclass(frozen=True, slots=True)
class Result:
    expansion: Expansion
    positions: Positions
    diagnostics: tuple[Diagnostic, ...]

    @property
    def resources(self) -> Json:
        found: Json = self.expansion.template["Resources"]
        return found

    @property
    def errors(self) -> list[Diagnostic]:
        return [found for found in self.diagnostics if found.severity is Severity.ERROR]


def transform_dict(template: Json, parameters: Json | None = None, region: str = "us-east-1") -> Result:
    """A template that was never text: every position is the file's start."""
    positions, report = Positions(Position("stack.yaml", 1, 1)), Report()
    place = Place(region=region)
    found = expand(template, positions=positions, parameters=parameters or {}, place=place, report=report)
    return Result(found, positions, report.diagnostics())


def transform_text(text: str, parameters: Json | None = None) -> Result:
    """A template as a user writes it, with positions."""
    positions, report = Positions(Position("stack.yaml", 1, 1)), Report()
    document = parse(text.encode(), "stack.yaml", positions, report)
    found = expand(document.root, positions=positions, parameters=parameters or {}, place=Place(), report=report)
    return Result(found, positions, report.diagnostics())


def function(change: Json | None = None, event: Json | None = None, **attributes: Any) -> Json:
    """A function resource: the base, changed; None removes a property. One event is called `Ev`."""
    properties = {**BASE, **(change or {})}
    if event is not None:
        properties["Events"] = {"Ev": event}
    kept = {name: value for name, value in properties.items() if value is not None}
    return {"Type": "AWS::Serverless::Function", "Properties": kept, **attributes}


def stack(resources: Json | None = None, /, **sections: Any) -> Json:
    return {"Resources": resources or {}, **sections}
