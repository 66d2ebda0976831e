"""What PutTargets refuses of a target's input options; light enough for checking a file without any model.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_Target.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping

from runner.core.paths import PathError, parse_path
from runner.core.patterns.values import no_constant

PLACEHOLDER = re.compile(r"<([A-Za-z0-9_.\-]+)>")
EVENT_JSON = "aws.events.event.json"
RESERVED = (
    "aws.events.rule-arn",
    "aws.events.rule-name",
    "aws.events.event.ingestion-time",
    "aws.events.event",
    EVENT_JSON,
)


def check_input(
    target_id: str,
    *,
    constant: str | None = None,
    path: str | None = None,
    paths: Mapping[str, str] | None = None,
    template: str | None = None,
) -> str | None:
    """What PutTargets says of `Input`, `InputPath`, `InputPathsMap` and `InputTemplate`; None if they are fine."""
    if sum(one is not None for one in (constant, path, template)) > 1:
        return f"Only one of Input, InputPath, or InputTransformer must be provided for target {target_id}."
    if constant is not None and not is_json(constant):
        return f"JSON syntax error in input for target {target_id}."
    given = {} if paths is None else paths
    for text in ([] if path is None else [path], given.values()):
        if not all(map(_is_path, text)):
            return f"InputPath for target {target_id} is invalid."
    return None if template is None else _check_template(target_id, given, template)


def _check_template(target_id: str, paths: Mapping[str, str], template: str) -> str | None:
    for name in PLACEHOLDER.findall(template):
        if name not in paths and name not in RESERVED:
            return f"InputTemplate for target {target_id} contains invalid placeholder {name}."
        if name == EVENT_JSON and not is_object_template(template):
            stem = f"InputTemplate for target {target_id} contains placeholder"
            return f"{stem} {EVENT_JSON} valid only for JSON template."
    return None


def is_object_template(template: str) -> bool:
    """The first character that is not blank decides what kind of template it is."""
    return template.lstrip().startswith("{")


def is_json(text: str) -> bool:
    try:
        json.loads(text, parse_constant=no_constant)
    except (ValueError, RecursionError):
        return False
    return True


def _is_path(text: str) -> bool:
    try:
        parse_path(text)
    except PathError:
        return False
    return True
