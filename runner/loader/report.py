"""Everything found in one load, collected as it is met: all problems at once, never only the first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Diagnostic, Note, Position, Severity

SUGGESTIONS_MAX = 50
LIMIT = 200
"""More findings than anyone reads; a bound for broken generated files."""


FALLBACK_HINTS: Mapping[str, str] = {
    "unknown-property": "remove it, or move it to where it belongs",
    "missing-property": "add it",
    "wrong-type": "write it as the documentation of the property shows",
    "invalid-property": "correct the property, or remove it",
    "invalid-event": "see the documentation of this event source",
    "invalid-reference": "name a resource of this template",
    "invalid-globals": "see the documentation of the Globals section",
    "unknown-global": "set it on each resource instead",
    "invalid-attribute": "correct the attribute, or remove it",
    "invalid-policy": "name a managed policy, a policy template, or write a document",
    "duplicate-route": "give each route a path or a method of its own",
    "duplicate-logical-id": "rename one of the two",
}
"""What to do where whoever found something had nothing better to say than what is wrong."""


class Report:
    """Collects diagnostics; the same finding at the same place counts once."""

    def __init__(self) -> None:
        self._found: dict[tuple[Position, str, str], Diagnostic] = {}
        self._errors = 0
        self._ignored: dict[str, Mapping[int, frozenset[str]]] = {}

    def suppress(self, file: str, ignored: Mapping[int, frozenset[str]]) -> None:
        """Leave out what comments in a file say: codes by line, under 0 for all of it."""
        if ignored:
            self._ignored[file] = ignored

    def _suppressed(self, found: Diagnostic) -> bool:
        ignored = self._ignored.get(found.at.file)
        if ignored is None:
            return False
        return found.code in ignored.get(found.at.line, ()) or found.code in ignored.get(0, ())

    def error(self, at: Position, code: str, message: str, hint: str = "", *notes: Note) -> None:
        """What AWS would refuse."""
        self._add(Diagnostic(at, Severity.ERROR, code, message, hint, notes))

    def warning(self, at: Position, code: str, message: str, hint: str = "", *notes: Note) -> None:
        """What AWS would accept and its owner regret."""
        self._add(Diagnostic(at, Severity.WARNING, code, message, hint, notes))

    def notice(self, at: Position, code: str, message: str, hint: str = "", *notes: Note) -> None:
        """What will not happen here, though it would on AWS."""
        self._add(Diagnostic(at, Severity.NOTICE, code, message, hint, notes))

    def _add(self, found: Diagnostic) -> None:
        if not found.hint and found.severity is not Severity.NOTICE:
            found = replace(found, hint=FALLBACK_HINTS.get(found.code, "see the documentation of AWS"))
        key = (found.at, found.code, found.message)
        if key in self._found or len(self._found) >= LIMIT or self._suppressed(found):
            return
        self._found[key] = found
        self._errors += found.severity is Severity.ERROR

    def has(self, at: Position, code: str) -> bool:
        """True if there is a finding of that code at that place."""
        return any(key[:2] == (at, code) for key in self._found)

    def suggest(self, name: str, allowed: Iterable[str]) -> str:
        """A hint that names the nearest allowed name; nothing once there are more findings than anyone corrects."""
        return did_you_mean(name, allowed) if len(self._found) < SUGGESTIONS_MAX else ""

    def take(self, diagnostics: Iterable[Diagnostic]) -> None:
        """Add what another report found."""
        for found in diagnostics:
            self._add(found)

    @property
    def failed(self) -> bool:
        """True once there is an error."""
        return self._errors > 0

    @property
    def errors(self) -> int:
        return self._errors

    def diagnostics(self) -> tuple[Diagnostic, ...]:
        """All findings in the order of the text."""
        return tuple(sorted(self._found.values(), key=lambda found: (found.at, found.code, found.message)))
