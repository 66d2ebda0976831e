"""What one stack file comes to once it is checked, and how it is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.loader.reading import Document
from runner.loader.sam import Origin
from runner.loader.sections import Sections
from runner.model.diagnostic import Diagnostic, Position
from runner.model.names import Place


@dataclass(slots=True)
class Resolved:
    """One resource after SAM and intrinsics; `properties` are checked and of the right types."""

    logical_id: str
    type: str
    properties: dict[str, Any]
    physical_id: Any
    at: Position
    resource: dict[str, Any]
    origin: Origin | None = None
    metadata: Any = None
    runnable: bool = True
    retain: bool = False
    folder: Path = Path()  # that relative paths start from: of the file itself, or of a nested stack's


@dataclass(slots=True)
class Checked:
    """What one file came to. `failed`: there are errors, and nothing can be deployed from it."""

    path: Path
    name: str
    document: Document | None = None
    sections: Sections | None = None
    resources: dict[str, Resolved] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, Any] = field(default_factory=dict)
    template: dict[str, Any] = field(default_factory=dict)
    assumed_code: frozenset[str] = frozenset()
    files: list[Path] = field(default_factory=list)
    diagnostics: tuple[Diagnostic, ...] = ()
    failed: bool = False
    texts: dict[str, str] = field(default_factory=dict)
    place: Place = field(default_factory=Place)

    @property
    def is_stack(self) -> bool:
        """False for a file that is no stack file at all, whatever else it is."""
        return self.document is None or self.document.looks_like_stack


@dataclass(frozen=True, slots=True)
class Options:
    """How a file is checked. `deploy`: parameters must have values; `template_only`: look at nothing but the file."""

    parameters: Mapping[str, str] = field(default_factory=dict)
    place: Place = field(default_factory=Place)
    stack_name: str = ""
    template_only: bool = False
    deploy: bool = False
    parents: tuple[Path, ...] = ()  # the files that this one is nested in
    prefix: str = ""  # of logical ids, where it is nested
