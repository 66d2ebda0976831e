"""Bytes to plain dicts and lists, with the place of every key and value; YAML and JSON by one parser each.

Short tags become long forms. Bounds keep hostile files cheap: size, nesting, and what aliases expand to.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.loader.composing import compose
from runner.loader.jsontext import compose_json
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.model.diagnostic import Position

SIZE_MAX = 1_000_000  # bytes, AWS's limit of a template in S3

SECTIONS = (
    "AWSTemplateFormatVersion",
    "Description",
    "Metadata",
    "Parameters",
    "Rules",
    "Mappings",
    "Conditions",
    "Transform",
    "Globals",
    "Resources",
    "Outputs",
    "Hooks",
)
MARKS = ("Resources", "AWSTemplateFormatVersion", "Transform", "Globals")
"""A mapping that has one of these is meant as a stack file."""

FOREIGN = ("service", "provider", "kind", "apiVersion")
"""Keys at the top of other tools' files that speak of AWS too."""

_LOOKS = re.compile(r"^\s*[\"']?(?:AWSTemplateFormatVersion|Resources|Transform)[\"']?\s*:|AWS::[A-Z]", re.MULTILINE)
_IGNORE = re.compile(r"#\s*runner:\s*ignore(-file)?\b[: ]*([a-z0-9,\- ]+)")


@dataclass(slots=True)
class Document:
    """One file as read. `root` is None where it could not be; `text` is empty where it is no text."""

    file: str
    text: str
    root: Any
    looks_like_stack: bool
    ignored: dict[int, frozenset[str]] = field(default_factory=dict)  # line -> codes; 0: the whole file


def read(path: Path, name: str, positions: Positions, report: Report) -> Document:
    """Read one file. Everything that is wrong with it as a file is reported; OSError is the caller's."""
    raw = path.read_bytes()
    if len(raw) > SIZE_MAX:
        message = f"The template has {len(raw):,} bytes; AWS takes at most {SIZE_MAX:,}."
        text = raw[:SIZE_MAX].decode("utf-8", "replace")
        report.error(Position(name, 1, 1), "template-too-large", message, "split it into nested stacks")
        return Document(name, text, None, _looks_like_stack(text, None))
    return parse(raw, name, positions, report)


def parse(raw: bytes, name: str, positions: Positions, report: Report) -> Document:
    """Parse the bytes of a file."""
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = raw[: error.start]
        at = Position(name, before.count(b"\n") + 1, len(before) - (before.rfind(b"\n") + 1) + 1)
        message = f"The file is not UTF-8: byte 0x{raw[error.start]:02x} cannot stand here."
        shown = raw.decode("utf-8", "replace")
        report.error(at, "invalid-encoding", message, "save the file as UTF-8")
        return Document(name, shown, None, _looks_like_stack(shown, None))
    ignored = suppressions(text)
    report.suppress(name, ignored)
    if text.lstrip()[:1] == "{" and (not _yaml_name(name) or _is_json(text)):
        root = compose_json(text, name, positions, report)
    else:
        root = compose(text, name, positions, report)
    return Document(name, text, root, _looks_like_stack(text, root), ignored)


def _yaml_name(name: str) -> bool:
    return name.endswith((".yaml", ".yml"))


def _is_json(text: str) -> bool:
    """A cheap guess for YAML files that hold JSON: flow mappings of YAML seldom quote their first key."""
    return text.lstrip()[1:].lstrip()[:1] == '"' and "!" not in text


def _looks_like_stack(text: str, root: Any) -> bool:
    if root is None:
        return _LOOKS.search(text) is not None
    if not isinstance(root, dict):
        return False
    if any(mark in root for mark in MARKS):
        return True
    if "AWS::" not in text or any(key in root for key in FOREIGN):
        return False
    return any(key in root for key in SECTIONS) or any(str(key).lower() == "resources" for key in root)


def suppressions(text: str) -> dict[int, frozenset[str]]:
    """`# runner: ignore CODE[, CODE]` by the line it speaks of: its own, or the next if it stands alone."""
    found: dict[int, frozenset[str]] = {}
    if "runner:" not in text:
        return found
    for number, line in enumerate(text.splitlines(), 1):
        match = _IGNORE.search(line)
        if match is None:
            continue
        codes = frozenset(re.findall(r"[a-z0-9\-]+", match.group(2)))
        alone = line.lstrip().startswith("#")
        target = 0 if match.group(1) else number + alone
        found[target] = found.get(target, frozenset()) | codes
    return found
