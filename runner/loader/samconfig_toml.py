"""The TOML of a `samconfig.toml`, apart because most stacks have none and the parser takes time to load."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Mapping
from typing import Any

from runner.loader.scalars import text_of

_PAIR = re.compile(r"ParameterKey=(?P<key>[^,\s]+),ParameterValue=(?P<value>.*)\Z", re.DOTALL)
_PLACE = re.compile(r"at line (\d+), column (\d+)")


class Broken(ValueError):
    """It is no TOML; `line` and `column` count from 1."""

    def __init__(self, message: str, line: int, column: int) -> None:
        super().__init__(message)
        self.line = line
        self.column = column


def settings(text: str) -> tuple[str, dict[str, str]]:
    """The stack's name (empty if there is none) and the values of its parameters. Raises Broken."""
    try:
        document = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        match = _PLACE.search(str(error))
        raise Broken(str(error), int(match[1]) if match else 1, int(match[2]) if match else 1) from None
    found = _parameters(document, "global") | _parameters(document, "deploy")
    name = found.get("stack_name")
    return (name if isinstance(name, str) else ""), _overrides(found.get("parameter_overrides"))


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
