"""A compiled pattern."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from runner.core.patterns.compiler import Branch, compile_branches
from runner.core.patterns.fields import Fields, Wanted, meets, take
from runner.core.patterns.values import parse_event


class Pattern(NamedTuple):
    """One compiled pattern. `paths` are the fields it names, `text` what it was compiled from."""

    text: str
    branches: tuple[Branch, ...]
    paths: tuple[str, ...]
    wanted: Wanted

    def matches(self, event: bytes | str | Mapping[str, Any]) -> bool:
        """Whether an event matches: its JSON, or what `parse_event` made of it. Raises ValueError if it is no JSON."""
        parsed = parse_event(event) if isinstance(event, bytes | str) else event
        return self.meets(take(parsed, self.wanted))

    def meets(self, fields: Fields) -> bool:
        """Whether fields that were taken apart elsewhere match."""
        return any(meets(fields, branch) for branch in self.branches)


def pattern_text(document: Mapping[str, Any] | str) -> str:
    """A pattern's JSON text as CloudFormation hands it on where a stack file has the document itself."""
    return document if isinstance(document, str) else json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def compile_pattern(pattern: Mapping[str, Any] | str) -> Pattern:
    """Compile a pattern, JSON text or the document itself. Raises PatternError with EventBridge's own message."""
    text = pattern_text(pattern)
    branches, paths = compile_branches(text)
    return Pattern(text, branches, paths, Wanted(paths))
