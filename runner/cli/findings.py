"""Diagnostics for people and machines: the source line with a caret span, JSON, GitHub annotations, SARIF.

One renderer for `validate`, `plan`, `up` and reloads. Nothing here is imported that `validate` would wait for.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Any, Protocol

from runner.model.diagnostic import Diagnostic, Position, Severity

COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTICE: "36"}
LINE_MAX = 160  # characters of a source line that are shown
LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "notice"}
SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTICE: "note"}
SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Found(Protocol):
    """What a file came to: findings, and the texts to show them in."""

    @property
    def diagnostics(self) -> tuple[Diagnostic, ...]: ...

    @property
    def texts(self) -> Mapping[str, str]: ...


@dataclass(frozen=True, slots=True)
class Paint:
    """Colours, or none."""

    on: bool

    def __call__(self, text: str, code: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.on else text


def colours(stream: IO[str]) -> Paint:
    """Colours only on terminals."""
    return Paint(stream.isatty())


def print_findings(loaded: Found, stream: IO[str] | None = None) -> None:
    """Findings as text, on standard error by default."""
    out = stream or sys.stderr
    text = render(loaded.diagnostics, loaded.texts, colours(out))
    if text:
        out.write(text)
        out.flush()


def render(diagnostics: Iterable[Diagnostic], texts: Mapping[str, str], paint: Paint) -> str:
    """Each finding with its source line, and a last line that counts them."""
    found = list(diagnostics)
    lines = {file: text.splitlines() for file, text in texts.items()}
    blocks = [render_one(diagnostic, lines, paint) for diagnostic in found]
    if not blocks:
        return ""
    return "\n".join(blocks) + f"\n{summary(found)}\n"


def render_one(found: Diagnostic, lines: Mapping[str, Sequence[str]], paint: Paint) -> str:
    """`file:line:column severity[code] message`, the line, a caret span, notes and the hint."""
    colour = COLOURS[found.severity]
    head = f"{paint(str(found.at), '1')} {paint(f'{found.severity}[{found.code}]', colour)} {clean(found.message)}"
    parts = [head, *_excerpt(found.at, lines, paint, colour)]
    parts.extend(f"  {paint('note:', '1')} {note.at}: {clean(note.message)}" for note in found.notes)
    if found.hint:
        parts.append(f"  {paint('hint:', '1')} {clean(found.hint)}")
    return "\n".join(parts) + "\n"


def _excerpt(at: Position, lines: Mapping[str, Sequence[str]], paint: Paint, colour: str) -> list[str]:
    """The source line, and a caret line under the span."""
    source = lines.get(at.file, ())
    if not 0 < at.line <= len(source):
        return []
    line = source[at.line - 1]
    start = min(at.column - 1, len(line))
    end = min(at.end_column - 1, len(line)) if at.end_column > at.column else len(line.rstrip())
    first = max(0, start - LINE_MAX // 2) if len(line) > LINE_MAX else 0
    shown = clean(line[first : first + LINE_MAX])
    width = max(1, min(end, first + LINE_MAX) - start)
    number = str(at.line)
    gutter = " " * len(number)
    # A tab before the caret keeps its width on the caret's line.
    pad = "".join("\t" if letter == "\t" else " " for letter in line[first:start])
    caret = paint("^" * width, colour)
    return [f" {paint(number, '2')} {paint('|', '2')} {shown}", f" {gutter} {paint('|', '2')} {pad}{caret}"]


def clean(text: str) -> str:
    """Text that moves no cursor and colours nothing: control characters of a hostile file are spelled out."""
    return "".join(letter if letter.isprintable() or letter == "\t" else f"\\x{ord(letter):02x}" for letter in text)


def summary(found: Sequence[Diagnostic]) -> str:
    """How many of each, worst first."""
    counts = [(kind, sum(1 for one in found if one.severity is kind)) for kind in Severity]
    return ", ".join(f"{count} {kind}{'s' if count != 1 else ''}" for kind, count in counts if count)


def as_json(found: Iterable[Diagnostic]) -> str:
    return json.dumps([document(one) for one in found], indent=2)


def document(found: Diagnostic) -> dict[str, Any]:
    """One finding as JSON: `{file, line, column, end_column, severity, code, message, hint, notes}`."""
    return {
        **_place(found.at),
        "severity": str(found.severity),
        "code": found.code,
        "message": found.message,
        "hint": found.hint,
        "notes": [{**_place(note.at), "message": note.message} for note in found.notes],
    }


def _place(at: Position) -> dict[str, Any]:
    return {"file": at.file, "line": at.line, "column": at.column, "end_column": at.end_column or None}


def as_github(found: Iterable[Diagnostic]) -> str:
    """Workflow commands that annotate a pull request.

    Source: https://docs.github.com/en/actions/using-workflows/workflow-commands-for-github-actions
    """
    return "\n".join(_annotation(one) for one in found)


def _annotation(found: Diagnostic) -> str:
    properties = {"file": found.at.file, "line": str(found.at.line), "col": str(found.at.column)}
    if found.at.end_column:
        properties["endColumn"] = str(found.at.end_column)
    properties["title"] = found.code
    joined = ",".join(f"{name}={_escaped(value, property_=True)}" for name, value in properties.items())
    message = found.message + (f"\nhint: {found.hint}" if found.hint else "")
    return f"::{LEVELS[found.severity]} {joined}::{_escaped(message)}"


def _escaped(text: str, *, property_: bool = False) -> str:
    text = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return text.replace(":", "%3A").replace(",", "%2C") if property_ else text


def as_sarif(found: Iterable[Diagnostic]) -> str:
    """One run of SARIF 2.1.0. Source: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html"""
    listed = list(found)
    rules = sorted({one.code for one in listed})
    results = [_result(one, rules) for one in listed]
    driver = {
        "name": "runner",
        "rules": [{"id": code, "shortDescription": {"text": code.replace("-", " ")}} for code in rules],
    }
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _result(found: Diagnostic, rules: Sequence[str]) -> dict[str, Any]:
    text = found.message + (f" ({found.hint})" if found.hint else "")
    result: dict[str, Any] = {
        "ruleId": found.code,
        "ruleIndex": rules.index(found.code),
        "level": SARIF_LEVELS[found.severity],
        "message": {"text": text},
        "locations": [_location(found.at)],
    }
    if found.notes:
        result["relatedLocations"] = [{**_location(note.at), "message": {"text": note.message}} for note in found.notes]
    return result


def _location(at: Position) -> dict[str, Any]:
    region: dict[str, Any] = {"startLine": at.line, "startColumn": at.column}
    if at.end_column:
        region["endColumn"] = at.end_column
    return {"physicalLocation": {"artifactLocation": {"uri": at.file.replace("\\", "/")}, "region": region}}
