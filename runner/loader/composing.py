"""YAML events of the C parser to dicts and lists with places: anchors, merge keys, short tags, duplicate keys."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from ruamel.yaml import events as yaml
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]
from ruamel.yaml.error import YAMLError

from runner.loader.positions import Positions, Span
from runner.loader.report import Report
from runner.loader.scalars import NULL, plain
from runner.loader.suggest import did_you_mean
from runner.model.diagnostic import Note, Position

DEPTH_MAX = 100  # levels; hand-written templates stay under 30
NODES_MAX = 250_000  # nodes after every alias is expanded
FUNCTIONS = (
    "Base64",
    "Cidr",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "ImportValue",
    "Join",
    "Select",
    "Split",
    "Sub",
    "Transform",
    "If",
    "And",
    "Or",
    "Not",
    "Equals",
    "Length",
    "ToJsonString",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "RefAll",
    "ValueOf",
    "ValueOfAll",
    "GetStackOutput",
)
TAGS = {"!Ref": "Ref", "!Condition": "Condition"} | {f"!{name}": f"Fn::{name}" for name in FUNCTIONS}
CORE = "tag:yaml.org,2002:"
COLON = "\ue010"  # private use: stands for a colon inside a word
MARK = "\ue011"  # private use: stands for a lone question mark, as in cron expressions
PLAIN_PROBLEMS = ("found unexpected ':'", "did not find expected ',' or")
INNER_MARK = re.compile(r"(?<=[^\s,\[{:-] )\?(?= [^\s])")
INNER_COLON = re.compile(r"(?<=[^\s\"'\]}:]):(?=[^\s,\[\]{}\"'])|(?<=:):(?=[^\s,\[\]{}\"':])")


class Stopped(Exception):
    """Reading cannot go on; the reason is reported."""


@dataclass(slots=True)
class Frame:
    """A collection that is being read."""

    container: Any
    at: Position
    tag: str | None
    anchor: str | None
    first_node: int
    values: dict[Any, Span] = field(default_factory=dict)
    keys: dict[Any, Span] = field(default_factory=dict)
    key: str | None = None
    key_at: Span | None = None
    merges: list[Any] = field(default_factory=list)


def compose(text: str, name: str, positions: Positions, report: Report) -> Any:
    """The document in `text`; None where there is none or it cannot be read, which is reported."""
    try:
        return _Composer(text, name, positions, report).document()
    except Stopped:
        return None
    except YAMLError as error:
        masked = _masked(text) if any(problem in str(error) for problem in PLAIN_PROBLEMS) else text
        if masked == text:
            _report_syntax(error, text, name, report)
            return None
        return _compose_masked(masked, text, name, positions, report)


def _masked(text: str) -> str:
    return INNER_MARK.sub(MARK, INNER_COLON.sub(COLON, text))


def _compose_masked(masked: str, text: str, name: str, positions: Positions, report: Report) -> Any:
    """A second try for `[!Ref AWS::Region]`: the parser takes no colon, nor a lone `?`, in a word between brackets.

    AWS does, so colons inside words are hidden from the parser; nothing moves, as one letter stands for one.
    """
    try:
        return _Composer(masked, name, positions, report, masked=True).document()
    except Stopped:
        return None
    except YAMLError as error:
        _report_syntax(error, text, name, report)
        return None


class _Composer:
    def __init__(self, text: str, name: str, positions: Positions, report: Report, *, masked: bool = False) -> None:
        self.parser = CParser(text)
        self.masked = masked
        self.name = name
        self.positions = positions
        self.report = report
        self.frames: list[Frame] = []
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.nodes = 0
        self.root: Any = None
        self.documents = 0

    def document(self) -> Any:
        handlers = {
            yaml.ScalarEvent: self.scalar,
            yaml.MappingStartEvent: self.start,
            yaml.SequenceStartEvent: self.start,
            yaml.MappingEndEvent: self.end,
            yaml.SequenceEndEvent: self.end,
            yaml.AliasEvent: self.alias,
            yaml.DocumentStartEvent: self.begin,
        }
        parser = self.parser
        while parser.check_event():
            event = parser.get_event()
            handler = handlers.get(type(event))
            if handler is not None:
                handler(event)
        return self.root

    def begin(self, event: Any) -> None:
        self.documents += 1
        if self.documents > 1:
            hint = "keep one document in the file"
            self.fail(self.position(event), "several-documents", "A stack file is one YAML document.", hint)

    def fail(self, at: Position, code: str, message: str, hint: str = "", *notes: Note) -> None:
        self.report.error(at, code, message, hint, *notes)
        raise Stopped

    def position(self, event: Any) -> Position:
        return Position(self.name, *span_of(event))

    def count(self, event: Any, nodes: int = 1) -> None:
        self.nodes += nodes
        if self.nodes > NODES_MAX:
            message = f"The template has more than {NODES_MAX:,} nodes once its aliases are expanded."
            self.fail(self.position(event), "too-many-nodes", message, "write out less, or share less by anchors")

    # Nodes

    def scalar(self, event: Any) -> None:
        self.count(event)
        if self.masked:
            event.value = event.value.replace(COLON, ":").replace(MARK, "?")
        frame = self.frames[-1] if self.frames else None
        if frame is not None and type(frame.container) is dict and frame.key is None:
            self.take_key(frame, event)
            return
        value = self.tagged_scalar(event)
        if event.anchor is not None:
            self.anchors[event.anchor] = (value, 1)
        self.add(value, span_of(event), event)

    def take_key(self, frame: Frame, event: Any) -> None:
        span = span_of(event)
        if event.implicit[0] and event.value in NULL:
            self.report.error(Position(self.name, *span), "invalid-key", "A key is empty.", "give it a name")
        frame.key, frame.key_at = event.value, span

    def tagged_scalar(self, event: Any) -> Any:
        tag = event.tag
        if tag is None:
            return plain(event.value) if event.implicit[0] else event.value
        if tag in TAGS:
            return self.function(TAGS[tag], event.value, self.position(event))
        if tag.startswith(CORE):
            kind = tag[len(CORE) :]
            if kind == "str":
                return event.value
            if kind in ("int", "float", "bool", "null"):
                return plain(event.value)
        self.unknown_tag(tag, event)
        return event.value

    def unknown_tag(self, tag: str, event: Any) -> None:
        shown = tag.replace(CORE, "!!")
        hint = did_you_mean(tag, TAGS) or f"the functions are {', '.join(list(TAGS)[:17])}"
        self.report.error(self.position(event), "unknown-tag", f"CloudFormation has no tag '{shown}'.", hint)

    def function(self, name: str, argument: Any, at: Position) -> Any:
        """The long form of a tagged node."""
        if name == "Fn::GetAtt" and isinstance(argument, str):
            argument = self.split_attribute(argument, at)
        made = {name: argument}
        self.positions.mark(made, at, {name: at}, {name: at})
        return made

    def split_attribute(self, text: str, at: Position) -> Any:
        if "." not in text:
            return text
        parts = list(text.split(".", 1))
        self.positions.mark(parts, at, {0: at, 1: at})
        return parts

    def start(self, event: Any) -> None:
        self.count(event)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and type(frame.container) is dict and frame.key is None:
            self.fail(self.position(event), "invalid-key", "A key must be a string, not a list or a map.", "quote it")
        if len(self.frames) >= DEPTH_MAX:
            message = f"The template is nested more than {DEPTH_MAX} levels deep."
            self.fail(self.position(event), "too-deep", message, "flatten it")
        tag = event.tag if event.tag is not None else None
        if tag is not None and tag not in TAGS and tag not in (CORE + "map", CORE + "seq"):
            self.unknown_tag(tag, event)
        container: Any = {} if type(event) is yaml.MappingStartEvent else []
        self.frames.append(Frame(container, self.position(event), tag, event.anchor, self.nodes))

    def end(self, event: Any) -> None:
        frame = self.frames.pop()
        container = frame.container
        for merged in reversed(frame.merges):
            self.merge(frame, merged)
        self.positions.mark(container, frame.at, frame.values, frame.keys)
        if type(container) is dict and len(container) == 1 and type(container.get("Fn::GetAtt")) is str:
            at = self.positions.value(container, "Fn::GetAtt")
            container["Fn::GetAtt"] = self.split_attribute(container["Fn::GetAtt"], at)
        if frame.tag in TAGS:
            container = self.function(TAGS[frame.tag], container, frame.at)
        if frame.anchor is not None:
            self.anchors[frame.anchor] = (container, self.nodes - frame.first_node + 1)
        at = frame.at
        self.add(container, (at.line, at.column, at.end_column), event)

    def alias(self, event: Any) -> None:
        if event.anchor not in self.anchors:
            hint = f"define it before with &{event.anchor}"
            message = f"There is no finished anchor '{event.anchor}' before this alias."
            self.fail(self.position(event), "unknown-anchor", message, hint)
        value, size = self.anchors[event.anchor]
        self.count(event, size)
        frame = self.frames[-1] if self.frames else None
        if frame is not None and type(frame.container) is dict and frame.key is None:
            if not isinstance(value, str):
                self.fail(self.position(event), "invalid-key", "A key must be a string.", "write it out")
            frame.key, frame.key_at = value, span_of(event)
            return
        self.add(value, span_of(event), event)

    def add(self, value: Any, span: Span, event: Any) -> None:
        """Put a finished node where it belongs."""
        if not self.frames:
            self.root = value
            return
        frame = self.frames[-1]
        container = frame.container
        if type(container) is list:
            frame.values[len(container)] = span
            container.append(value)
            return
        key, key_at = frame.key, frame.key_at
        frame.key = frame.key_at = None
        assert key is not None
        assert key_at is not None
        if key == "<<":
            frame.merges.append((value, Position(self.name, *key_at)))
            return
        if key in container:
            first = Note(Position(self.name, *frame.keys[key]), f"'{key}' stands here first")
            message = f"Duplicate key '{key}': AWS keeps only the last one."
            found = self.report.warning if container[key] == value else self.report.error
            found(Position(self.name, *key_at), "duplicate-key", message, "remove or rename one", first)
        container[key] = value
        frame.values[key], frame.keys[key] = span, key_at

    def merge(self, frame: Frame, merged: tuple[Any, Position]) -> None:
        """`<<`: keys that are not written themselves come from one map or several."""
        value, at = merged
        for source in value if isinstance(value, list) else [value]:
            if not isinstance(source, dict):
                self.report.error(at, "invalid-merge", "'<<' takes a map, or a list of maps.", "merge an anchored map")
                continue
            for key, item in source.items():
                if key not in frame.container:
                    frame.container[key] = item
                    place = self.positions.value(source, key)
                    key_place = self.positions.key(source, key)
                    frame.values[key] = (place.line, place.column, place.end_column)
                    frame.keys[key] = (key_place.line, key_place.column, key_place.end_column)


def span_of(event: Any) -> Span:
    start, end = event.start_mark, event.end_mark
    line = start.line
    return line + 1, start.column + 1, end.column + 1 if end.line == line else 0


def _report_syntax(error: Any, text: str, name: str, report: Report) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", None) or getattr(error, "reason", None) or error).splitlines()[0]
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else _offset(error, text)
    at = Position(name, line, column)
    message = f"YAML not well-formed. (line {line}, column {column}): {problem}"
    lines = text.splitlines()
    shown = lines[line - 1] if 0 < line <= len(lines) else ""
    indent = shown[: len(shown) - len(shown.lstrip())]
    if "\t" in indent or "'\\t'" in problem or shown[column - 1 : column] == "\t":
        column = shown.find("\t") + 1 or column
        report.error(Position(name, line, column), "yaml-tab", message, "indent with spaces; YAML takes no tabs here")
        return
    context = getattr(error, "context_mark", None)
    notes: tuple[Note, ...] = ()
    if context is not None and (context.line + 1, context.column + 1) != (line, column):
        notes = (Note(Position(name, context.line + 1, context.column + 1), str(error.context)),)
    report.error(at, "yaml-syntax", message, _syntax_hint(problem), *notes)


def _offset(error: Any, text: str) -> tuple[int, int]:
    offset = getattr(error, "position", 0) or 0
    before = text[: int(offset)]
    return before.count("\n") + 1, len(before) - (before.rfind("\n") + 1) + 1


def _syntax_hint(problem: str) -> str:
    if "mapping values are not allowed" in problem:
        return "quote the value if it holds ': ', or check the indentation"
    if "could not find expected ':'" in problem:
        return "write 'key: value', with a space after the colon"
    if "did not find expected" in problem:
        return "check the indentation, and that brackets and quotes are closed"
    if "control characters" in problem:
        return "remove the control character"
    return "check quotes, brackets and indentation around here"
