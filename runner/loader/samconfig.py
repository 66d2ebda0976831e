"""`samconfig.toml` beside a stack file: the stack's name and the values of its parameters, as `sam deploy` uses them.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-cli-config.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from runner.loader.report import Report
from runner.model.diagnostic import Position

NAME = "samconfig.toml"


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
    module = import_module("runner.loader.samconfig_toml")
    try:
        name, overrides = module.settings(text)
    except ValueError as error:
        at = Position(shown, getattr(error, "line", 1), getattr(error, "column", 1))
        report.warning(at, "samconfig-syntax", f"{NAME} is not TOML: {error}", "repair it; its values are not used")
        return SamConfig(shown, path)
    return SamConfig(shown, path, name, overrides)
