"""What is found in a stack file: a place, how bad it is, a stable code, a message and a hint.

Apart from `stack.py` because checking a file needs no typed models, and `validate` starts faster without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """A place in a file; line and column count from 1. `end_column` is exclusive, on the same line; 0 if unknown."""

    file: str
    line: int
    column: int
    end_column: int = 0

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"
    NOTICE = "notice"


@dataclass(frozen=True, slots=True)
class Note:
    """The second place where two disagree."""

    at: Position
    message: str


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding in a stack file. `code` is stable and kebab-case, wording is free, `hint` is an instruction."""

    at: Position
    severity: Severity
    code: str
    message: str
    hint: str = ""
    notes: tuple[Note, ...] = ()
