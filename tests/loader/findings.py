"""Bad stack files as tables: the text with a mark where the finding must stand, the code, and nothing else."""

from __future__ import annotations

from pathlib import Path

from runner.loader.checked import Checked, Options
from runner.loader.checking import check
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.names import Place

MARK = "«"
SAM = "Transform: AWS::Serverless-2016-10-31\n"
EXTENSIONS = "Transform: AWS::LanguageExtensions\n"
QUEUE = "Resources:\n  Q: {Type: 'AWS::SQS::Queue'}\n"
"""The smallest stack, for what stands beside its resources."""


def marked(text: str) -> tuple[str, int, int]:
    """The text without its mark, and the line and column of the mark."""
    before, mark, after = text.partition(MARK)
    assert mark, "the case has no mark"
    return before + after, before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def check_text(folder: Path, text: str | bytes, name: str = "stack.yaml", **options: object) -> Checked:
    """Check a text as the file of that name in a folder."""
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return check(path, Options(**{"place": Place(), **options}))  # type: ignore[arg-type]


def of(checked: Checked, *severities: Severity) -> list[Diagnostic]:
    return [found for found in checked.diagnostics if found.severity in severities]


def assert_one(folder: Path, code: str, text: str, severity: Severity, name: str = "stack.yaml") -> Diagnostic:
    """Exactly one finding of that severity, with that code, at the mark, with a hint."""
    plain, line, column = marked(text)
    checked = check_text(folder, plain, name)
    found = of(checked, severity)
    shown = [(str(one.code), one.at.line, one.at.column) for one in found]
    assert shown == [(code, line, column)], "\n".join(f"{one.at} {one.code}: {one.message}" for one in found)
    assert found[0].hint, f"no hint: {found[0].message}"
    return found[0]
