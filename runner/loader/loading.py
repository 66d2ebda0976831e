"""Text to Stack: what `plan` and `up` start from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.loader.checked import Checked, Options
from runner.loader.checking import check
from runner.loader.nouns import build
from runner.model.diagnostic import Diagnostic, Severity
from runner.model.errors import InputError
from runner.model.names import Place
from runner.model.stack import Stack


@dataclass(frozen=True, slots=True)
class LoadResult:
    """What a file came to. `stack` is None where there are errors; `texts` are the files as read, by shown name."""

    stack: Stack | None
    diagnostics: tuple[Diagnostic, ...]
    checked: Checked
    texts: Mapping[str, str] = field(default_factory=dict)


def load(
    path: Path,
    *,
    place: Place,
    parameters: Mapping[str, str] | None = None,
    stack_name: str = "",
    template_only: bool = False,
) -> LoadResult:
    """Load a stack file for deployment: every parameter must have a value.

    What cannot run here is a notice, and the rest of the stack is loaded. Raises InputError if there is no such file.
    """
    options = Options(parameters or {}, place, stack_name, template_only=template_only, deploy=True)
    try:
        checked = check(path, options)
    except OSError as error:
        raise InputError(f"Cannot read {path}: {error.strerror or error}.", hint="Name a stack file.") from None
    diagnostics = [_for_deployment(found) for found in checked.diagnostics]
    if checked.failed:
        return LoadResult(None, tuple(diagnostics), checked, checked.texts)
    stack, refused = build(checked)
    diagnostics = sorted([*diagnostics, *refused], key=lambda found: (found.at, found.code, found.message))
    failed = any(found.severity is Severity.ERROR for found in refused)
    return LoadResult(None if failed else stack, tuple(diagnostics), checked, checked.texts)


def _for_deployment(found: Diagnostic) -> Diagnostic:
    """What cannot run is news while checking, and a fact while running."""
    if found.code != "not-runnable" or found.severity is not Severity.WARNING:
        return found
    return Diagnostic(found.at, Severity.NOTICE, found.code, found.message, found.hint, found.notes)
