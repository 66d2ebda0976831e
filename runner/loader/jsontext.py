"""JSON templates: the standard grammar, with the place of every key and value, which the library does not keep."""

from __future__ import annotations

import re
from json.decoder import JSONDecodeError, scanstring  # type: ignore[attr-defined]
from typing import Any

from runner.loader.composing import DEPTH_MAX, NODES_MAX, Stopped
from runner.loader.positions import Positions, Span
from runner.loader.report import Report
from runner.loader.scalars import Decimal
from runner.model.diagnostic import Note, Position

_SPACE = re.compile(r"[ \t\r\n]*")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORDS = {"true": True, "false": False, "null": None}


def compose_json(text: str, name: str, positions: Positions, report: Report) -> Any:
    """The value in `text`; None where it is not JSON, which is reported."""
    reader = _Reader(text, name, positions, report)
    try:
        value, _ = reader.value(reader.skip(0), 0)
        end = reader.skip(reader.at)
        if end < len(text):
            reader.fail(end, "there is more after the end of the template")
        return value
    except Stopped:
        return None


class _Reader:
    def __init__(self, text: str, name: str, positions: Positions, report: Report) -> None:
        self.text, self.name, self.positions, self.report = text, name, positions, report
        self.at = 0
        self.nodes = 0
        self.line, self.line_start, self.line_end = 1, 0, self._end_of_line(0)

    def _end_of_line(self, start: int) -> int:
        found = self.text.find("\n", start)
        return len(self.text) if found < 0 else found

    def place(self, offset: int) -> tuple[int, int]:
        """Line and column of an offset; offsets come in ascending order but for small steps back."""
        if offset < self.line_start:
            before = self.text[:offset]
            return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1
        while offset > self.line_end:
            self.line += 1
            self.line_start = self.line_end + 1
            self.line_end = self._end_of_line(self.line_start)
        return self.line, offset - self.line_start + 1

    def span(self, start: int, end: int) -> Span:
        line, column = self.place(start)
        return line, column, column + end - start if end <= self.line_end else 0

    def fail(self, offset: int, problem: str, code: str = "json-syntax", hint: str = "") -> None:
        line, column = self.place(offset)
        message = f"JSON not well-formed. (line {line}, column {column}): {problem}"
        hint = hint or "check commas, quotes and brackets around here"
        self.report.error(Position(self.name, line, column), code, message, hint)
        raise Stopped

    def skip(self, offset: int) -> int:
        match = _SPACE.match(self.text, offset)
        return match.end() if match else offset

    def value(self, start: int, depth: int) -> tuple[Any, Span]:
        """The value at an offset and where it stands; `self.at` is behind it."""
        self.nodes += 1
        if depth > DEPTH_MAX or self.nodes > NODES_MAX:
            problem = f"more than {DEPTH_MAX} levels" if depth > DEPTH_MAX else f"more than {NODES_MAX:,} values"
            self.fail(start, problem, "too-deep" if depth > DEPTH_MAX else "too-many-nodes", "flatten the template")
        letter = self.text[start : start + 1]
        if letter == "{":
            return self.object(start, depth)
        if letter == "[":
            return self.array(start, depth)
        if letter == '"':
            text = self.string(start)
            return text, self.span(start, self.at)
        return self.literal(start)

    def string(self, start: int) -> str:
        try:
            value, self.at = scanstring(self.text, start + 1, True)
        except JSONDecodeError as error:
            self.fail(error.pos, error.msg)
        return str(value)

    def literal(self, start: int) -> tuple[Any, Span]:
        for word, value in _WORDS.items():
            if self.text.startswith(word, start):
                self.at = start + len(word)
                return value, self.span(start, self.at)
        match = _NUMBER.match(self.text, start)
        if match is None or not match.group(0) or len(match.group(0)) > 400:
            self.fail(start, "a value is expected here")
            raise Stopped
        self.at = match.end()
        written = match.group(0)
        number = Decimal(written) if match.group(1) or match.group(2) else int(written)
        return number, self.span(start, self.at)

    def object(self, start: int, depth: int) -> tuple[Any, Span]:
        made: dict[str, Any] = {}
        values: dict[Any, Span] = {}
        keys: dict[Any, Span] = {}
        here = Position(self.name, *self.span(start, start + 1))
        offset = self.skip(start + 1)
        while self.text[offset : offset + 1] != "}":
            if self.text[offset : offset + 1] != '"':
                self.fail(offset, "a key in double quotes is expected here")
            key = self.string(offset)
            key_span = self.span(offset, self.at)
            offset = self.skip(self.at)
            if self.text[offset : offset + 1] != ":":
                self.fail(offset, "':' is expected after a key")
            value, values[key] = self.value(self.skip(offset + 1), depth + 1)
            if key in made:
                self.duplicate(key, key_span, keys[key], made[key] == value)
            made[key] = value
            keys[key] = key_span
            offset = self.following(self.skip(self.at), "}")
        self.at = offset + 1
        if len(made) == 1 and isinstance(made.get("Fn::GetAtt"), str) and "." in made["Fn::GetAtt"]:
            parts = made["Fn::GetAtt"].split(".", 1)
            at = Position(self.name, *values["Fn::GetAtt"])
            self.positions.mark(parts, at, {0: at, 1: at})
            made["Fn::GetAtt"] = parts
        self.positions.mark(made, here, values, keys)
        return made, (here.line, here.column, here.end_column)

    def duplicate(self, key: str, span: Span, first: Span, same: bool) -> None:
        note = Note(Position(self.name, *first), f"'{key}' stands here first")
        message = f"Duplicate key '{key}': AWS keeps only the last one."
        found = self.report.warning if same else self.report.error
        found(Position(self.name, *span), "duplicate-key", message, "remove or rename one", note)

    def array(self, start: int, depth: int) -> tuple[Any, Span]:
        made: list[Any] = []
        values: dict[Any, Span] = {}
        here = Position(self.name, *self.span(start, start + 1))
        offset = self.skip(start + 1)
        while self.text[offset : offset + 1] != "]":
            value, values[len(made)] = self.value(offset, depth + 1)
            made.append(value)
            offset = self.following(self.skip(self.at), "]")
        self.at = offset + 1
        self.positions.mark(made, here, values)
        return made, (here.line, here.column, here.end_column)

    def following(self, offset: int, closing: str) -> int:
        """Behind a member: a comma and the next one, or the end."""
        letter = self.text[offset : offset + 1]
        if letter == closing:
            return offset
        if letter != ",":
            self.fail(offset, f"',' or '{closing}' is expected here")
        offset = self.skip(offset + 1)
        if self.text[offset : offset + 1] == closing:
            self.fail(offset, "a comma stands before the end", hint="remove the last comma")
        return offset
