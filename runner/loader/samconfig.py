"""`samconfig.toml` beside a stack file: the stack's name and the values of its parameters, as `sam deploy` uses them.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.model.diagnostic import Position

NAME = "samconfig.toml"
_PAIR = re.compile(r"ParameterKey=(?P<key>[^,\s]+),ParameterValue=(?P<value>.*)\Z", re.DOTALL)


@dataclass(frozen=True, slots=True)
class SamConfig:
    """What is taken from the file. `overrides` are values of parameters; `file` is empty where there is none."""

    file: str = ""
    path: Path | None = None
    stack_name: str = ""
    overrides: Mapping[str, str] = field(default_factory=dict)


def read_samconfig(folder: Path, shown: str, report: Report) -> SamConfig:
    """Read the file beside a stack. What is wrong with it is a warning: the stack file itself may be right."""
    path = folder / NAME
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return SamConfig()
    except (OSError, UnicodeDecodeError) as error:
        report.warning(Position(shown, 1, 1), "samconfig-unreadable", f"{NAME} cannot be read: {error}", "repair it")
        return SamConfig(shown, path)
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"at line (\d+), column (\d+)", str(error))
        at = Position(shown, int(match[1]), int(match[2])) if match else Position(shown, 1, 1)
        report.warning(at, "samconfig-syntax", f"{NAME} is not TOML: {error}", "repair it; its values are not used")
        return SamConfig(shown, path)
    found = _parameters(document, "global") | _parameters(document, "deploy")
    name = found.get("stack_name")
    overrides = _overrides(found.get("parameter_overrides"))
    return SamConfig(shown, path, name if isinstance(name, str) else "", overrides)


def _parameters(document: Mapping[str, Any], command: str) -> dict[str, Any]:
    found: Any = document
    for key in ("default", command, "parameters"):
        found = found.get(key) if isinstance(found, Mapping) else None
    return dict(found) if isinstance(found, Mapping) else {}


def _overrides(value: Any) -> dict[str, str]:
    """`K=V K2=V2` in one string, a list of such, `ParameterKey=K,ParameterValue=V`, or a table."""
    if isinstance(value, Mapping):
        return {str(key): text_of(item) for key, item in value.items()}
    texts = value if isinstance(value, list) else [value] if isinstance(value, str) else []
    found: dict[str, str] = {}
    for text in texts:
        for word in _words(str(text)):
            pair = _PAIR.match(word)
            if pair is not None:
                found[pair["key"]] = pair["value"].strip("\"'")
            elif "=" in word:
                key, _, item = word.partition("=")
                found[key] = item
    return found


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()
