"""A stack file after loading: typed, resolved, every value with its place in the text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.model.diagnostic import Diagnostic, Note, Position, Severity
from runner.model.noun import Noun

__all__ = [
    "VERSION_TOKEN",
    "Diagnostic",
    "Note",
    "Output",
    "Position",
    "Resource",
    "Severity",
    "Stack",
]

VERSION_TOKEN = "\ue000version:{}\ue001"
"""Stands in any string for the number of the version that the `AWS::Lambda::Version` with that logical id publishes.

The only value that a stack file cannot know before it is applied; the planner puts the number in its place.
"""


@dataclass(frozen=True, slots=True)
class Resource:
    """One CloudFormation resource after SAM and intrinsics.

    `noun` is None where the type is accepted as inert. `physical_id` is what `Ref` gives, except for published
    versions, whose number only a plan knows. `code` is the absolute path of local code (functions and layers).
    """

    logical_id: str
    type: str
    properties: Mapping[str, Any]
    noun: Noun | None
    physical_id: str
    at: Position
    code: Path | None = None
    retain: bool = False  # DeletionPolicy: Retain
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Output:
    value: str
    description: str = ""
    export: str | None = None


@dataclass(frozen=True, slots=True)
class Stack:
    """What a stack file means. `files` are all files it was read from (includes, nested stacks), for the watcher."""

    name: str
    path: Path
    resources: Mapping[str, Resource]
    outputs: Mapping[str, Output] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    description: str = ""
    files: tuple[Path, ...] = ()
