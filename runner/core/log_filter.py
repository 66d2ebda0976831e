"""Filter patterns of CloudWatch Logs: terms, phrases, regular expressions, JSON selectors, space-delimited fields.

A term matches wherever it stands in a message; case counts. Where optional terms (`?`) stand beside others they are
ignored, as on AWS.

Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/FilterAndPatternSyntax.html
"""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from collections.abc import Callable, Mapping
from typing import Any

Matches = Callable[[str], bool]
Test = Callable[[Any], bool]


class BadFilter(ValueError):
    """The pattern cannot be read; the message says why."""


TERM = re.compile(r'\s*([-?]?)(?:"((?:[^"\\]|\\.)*)"|%([^%]*)%|(\S+))')
TOKEN = re.compile(
    r"""\s*(?:(?P<operator>&&|\|\||!=|>=|<=|[()=<>])|(?P<selector>\$(?:\.[\w\-]+|\.?\[[^\]]*\])*)"""
    r"""|"(?P<text>(?:[^"\\]|\\.)*)"|%(?P<regex>[^%]*)%|(?P<word>[^\s()=<>!&|]+))"""
)
STEP = re.compile(r"\.([\w\-]+)|\.?\[(?:\"([^\"]*)\"|'([^']*)'|(\d+)|\*)\]")
FIELD = re.compile(r'"((?:[^"\\]|\\.)*)"|\[([^\]]*)\]|(\S+)')
CONDITION = re.compile(r"^\s*([\w.]*)\s*(!=|>=|<=|=|>|<)\s*(.+?)\s*$")
ORDERED: Mapping[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
IS: Mapping[str, Test] = {
    "NULL": lambda value: value is None,
    "TRUE": lambda value: value is True,
    "FALSE": lambda value: value is False,
}


def compile_filter(pattern: str | None) -> Matches:
    """The predicate of a pattern. Raises BadFilter."""
    text = (pattern or "").strip()
    if text.startswith("{"):
        if not text.endswith("}"):
            raise BadFilter("a JSON pattern ends with '}'")
        return _json_pattern(text[1:-1])
    if text.startswith("["):
        if not text.endswith("]"):
            raise BadFilter("a pattern of fields ends with ']'")
        return _field_pattern(text[1:-1])
    return _terms(text)


def _terms(text: str) -> Matches:
    wanted: list[Matches] = []
    unwanted: list[Matches] = []
    optional: list[Matches] = []
    kinds = {"": wanted, "-": unwanted, "?": optional}
    for sign, phrase, expression, word in TERM.findall(text):
        kinds[sign].append(_found(_regex(expression)) if expression else _contains(_unescaped(phrase) or word))
    if optional and not wanted and not unwanted:
        return lambda message: any(matches(message) for matches in optional)
    return lambda message: all(m(message) for m in wanted) and not any(m(message) for m in unwanted)


def _contains(term: str) -> Matches:
    return lambda message: term in message


def _found(expression: re.Pattern[str]) -> Matches:
    return lambda message: expression.search(message) is not None


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text)


def _regex(expression: str) -> re.Pattern[str]:
    try:
        return re.compile(expression)
    except re.error as error:
        raise BadFilter(f"not a regular expression: {error}") from error


# JSON: { ($.level = "ERROR" || $.status >= 500) && $.user.id EXISTS }


def _json_pattern(text: str) -> Matches:
    tokens = _tokens(text)
    reader = _Reader(tokens)
    test = reader.either()
    if reader.position != len(tokens):
        raise BadFilter("something is left over after the condition")

    def matches(message: str) -> bool:
        try:
            document = json.loads(message)
        except ValueError:
            return False
        return isinstance(document, dict | list) and test(document)

    return matches


def _tokens(text: str) -> list[re.Match[str]]:
    tokens, position, end = [], 0, len(text.rstrip())
    while position < end:
        found = TOKEN.match(text, position)
        if found is None:
            raise BadFilter(f"unexpected {text[position:].strip()[:10]!r}")
        tokens.append(found)
        position = found.end()
    return tokens


class _Reader:
    """Reads a condition by recursive descent: `||` binds less than `&&`."""

    def __init__(self, tokens: list[re.Match[str]]) -> None:
        self.tokens = tokens
        self.position = 0

    def _peek(self, group: str) -> str | None:
        return self.tokens[self.position][group] if self.position < len(self.tokens) else None

    def _take(self, group: str, *expected: str) -> str | None:
        found = self._peek(group)
        if found is None or (expected and found.upper() not in expected):
            return None
        self.position += 1
        return found

    def either(self) -> Test:
        tests = [self._both()]
        while self._take("operator", "||"):
            tests.append(self._both())
        return tests[0] if len(tests) == 1 else lambda document: any(test(document) for test in tests)

    def _both(self) -> Test:
        tests = [self._one()]
        while self._take("operator", "&&"):
            tests.append(self._one())
        return tests[0] if len(tests) == 1 else lambda document: all(test(document) for test in tests)

    def _one(self) -> Test:
        if self._take("operator", "("):
            inner = self.either()
            if not self._take("operator", ")"):
                raise BadFilter("')' is missing")
            return inner
        selector = self._take("selector")
        if selector is None:
            raise BadFilter("a selector such as $.level is missing")
        return self._condition(_path(selector))

    def _condition(self, path: list[str | int | None]) -> Test:
        if self._take("word", "EXISTS"):
            return lambda document: bool(_select(document, path))
        if self._take("word", "NOT"):
            if not self._take("word", "EXISTS"):
                raise BadFilter("NOT is followed by EXISTS")
            return lambda document: not _select(document, path)
        if self._take("word", "IS"):
            holds = IS.get((self._take("word") or "").upper())
            if holds is None:
                raise BadFilter("IS is followed by NULL, TRUE or FALSE")
            return _any(path, holds)
        comparison = self._take("operator", "=", "!=", ">", "<", ">=", "<=")
        if comparison is None:
            raise BadFilter("a comparison is missing")
        return _any(path, self._value(comparison))

    def _value(self, comparison: str) -> Test:
        if self.position >= len(self.tokens):
            raise BadFilter("a value is missing")
        token = self.tokens[self.position]
        self.position += 1
        if token["regex"] is not None:
            expression = _regex(token["regex"])
            return _negated(comparison, lambda value: isinstance(value, str) and bool(expression.search(value)))
        if token["text"] is not None:
            return _comparison(comparison, _unescaped(token["text"]), quoted=True)
        if token["word"] is not None:
            return _comparison(comparison, token["word"], quoted=False)
        raise BadFilter("a value is missing")


def _any(path: list[str | int | None], test: Test) -> Test:
    return lambda document: any(test(value) for value in _select(document, path))


def _comparison(comparison: str, wanted: str, *, quoted: bool) -> Test:
    number = None if quoted else _number(wanted)
    if comparison in ORDERED:
        if number is None:
            raise BadFilter(f"{comparison} compares numbers")
        bound, ordered = number, ORDERED[comparison]
        return lambda value: (found := _number(value)) is not None and ordered(found, bound)
    if number is not None:
        return _negated(comparison, lambda value: _number(value) == number or value == wanted)
    expression = re.compile(fnmatch.translate(wanted.replace("[", "[[]")))
    return _negated(comparison, lambda value: isinstance(value, str | int) and expression.match(str(value)) is not None)


def _negated(comparison: str, test: Test) -> Test:
    return (lambda value: not test(value)) if comparison == "!=" else test


def _number(value: Any) -> float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    try:
        return float(value) if isinstance(value, str) else None
    except ValueError:
        return None


def _path(selector: str) -> list[str | int | None]:
    """The steps of a selector: names, indexes, None for `[*]`."""
    steps: list[str | int | None] = []
    for name, double, single, index in STEP.findall(selector[1:]):
        steps.append(name or double or single or (int(index) if index else None))
    return steps


def _select(document: Any, path: list[str | int | None]) -> list[Any]:
    """The values that a path leads to."""
    found = [document]
    for step in path:
        if step is None:
            found = [item for value in found if isinstance(value, list) for item in value]
        elif isinstance(step, int):
            found = [value[step] for value in found if isinstance(value, list) and step < len(value)]
        else:
            found = [value[step] for value in found if isinstance(value, dict) and step in value]
    return found


# Fields: [ip, user, ..., status=4*, size>1000]


def _field_pattern(text: str) -> Matches:
    parts = [part.strip() for part in text.split(",")] if text.strip() else []
    gap = parts.index("...") if "..." in parts else None
    before = [_field(part) for part in parts[:gap]]
    after = [_field(part) for part in parts[gap + 1 :]] if gap is not None else []

    def matches(message: str) -> bool:
        fields = [quoted or bracketed or plain for quoted, bracketed, plain in FIELD.findall(message)]
        if len(fields) < len(before) + len(after) or (gap is None and len(fields) != len(before)):
            return False
        tail = fields[len(fields) - len(after) :]
        return all(test(field) for test, field in zip([*before, *after], [*fields[: len(before)], *tail], strict=True))

    return matches


def _field(part: str) -> Test:
    found = CONDITION.match(part)
    if found is None:
        return lambda field: True
    value = found[3]
    if value.startswith("%") and value.endswith("%"):
        expression = _regex(value[1:-1])
        return _negated(found[2], lambda field: bool(expression.search(field)))
    quoted = value.startswith('"') and value.endswith('"') and len(value) > 1
    return _comparison(found[2], _unescaped(value[1:-1]) if quoted else value, quoted=quoted)
