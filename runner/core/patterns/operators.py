"""The operators of the pattern language: `{name: operand}` in a field's list, read into what they test.

The order of checks and the texts are AWS's; the table at the end is the whole language.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NoReturn

from runner.core.patterns.errors import PatternError
from runner.core.patterns.predicates import (
    AnythingBut,
    Cidr,
    Numeric,
    Predicate,
    Prefix,
    Present,
    Suffix,
    Wildcard,
    ignore_case,
)
from runner.core.patterns.reader import Reader, Token
from runner.core.patterns.values import IPV4, IPV6, Value, address, number_key
from runner.core.patterns.wildcards import WildcardError, parse

Operand = Predicate | frozenset[Value] | None
"""What an operator comes to: a test, literal values, or None: the field must be absent."""

INFINITY = float("inf")
ONE_KEY = "Only one key allowed in match expression"
TOO_MANY = "Too many elements in numeric expression"
BUT_VALUE = "Value of anything-but must be an array or single string/number value."


def read(reader: Reader) -> Operand:
    """One operator, the reader being just inside its object. Raises PatternError."""
    if reader.next() is not Token.NAME:
        _refuse(reader, "Match expression name not found")
    operator = OPERATORS.get(reader.name)
    if operator is None:
        _refuse(reader, f"Unrecognized match type {reader.name}")
    return operator(reader)


def _refuse(reader: Reader, reason: str) -> NoReturn:
    raise PatternError(reason, reader.place())


def _close(reader: Reader, otherwise: str = ONE_KEY) -> None:
    if reader.next() is not Token.END_OBJECT:
        _refuse(reader, otherwise)


def _exactly(reader: Reader) -> Operand:
    if reader.next() is not Token.STRING:
        _refuse(reader, "exact match pattern must be a string")
    text = reader.text()
    _close(reader)
    return frozenset({text})


def _affix(reader: Reader) -> Operand:
    """`prefix` and `suffix`: a string, or `{equals-ignore-case: string}`."""
    name = reader.name
    token = reader.next()
    if token is Token.START_OBJECT:
        if reader.next() is not Token.NAME:
            _refuse(reader, f"{name.capitalize()} expression name not found")
        if reader.name != "equals-ignore-case":
            _refuse(reader, f"Unsupported {name} pattern: {reader.name}")
        if reader.next() is not Token.STRING:
            _refuse(reader, "equals-ignore-case match pattern must be a string")
        text = reader.text()
        _close(reader)
        _close(reader)
        return ignore_case(text, name)
    if token is not Token.STRING:
        _refuse(reader, f"{name} match pattern must be a string")
    text = reader.text()
    _close(reader)
    return Prefix(text) if name == "prefix" else Suffix(text)


def _ignore_case(reader: Reader) -> Operand:
    if reader.next() is not Token.STRING:
        _refuse(reader, "equals-ignore-case match pattern must be a string")
    text = reader.text()
    _close(reader)
    return ignore_case(text)


def _wildcard(reader: Reader) -> Operand:
    if reader.next() is not Token.STRING:
        _refuse(reader, "wildcard match pattern must be a string")
    wildcard = _parsed(reader)
    _close(reader)
    return wildcard


def _parsed(reader: Reader) -> Wildcard:
    text = reader.text()
    try:
        return Wildcard(text, parse(text))
    except WildcardError as error:
        _refuse(reader, str(error))


def _exists(reader: Reader) -> Operand:
    token = reader.next()
    if token not in (Token.TRUE, Token.FALSE):
        _refuse(reader, "exists match pattern must be either true or false.")
    _close(reader)
    return Present() if token is Token.TRUE else None


def _cidr(reader: Reader) -> Operand:
    if reader.next() is not Token.STRING:
        _refuse(reader, "prefix match pattern must be a string")  # AWS's own slip
    network = _network(reader.text())
    _close(reader)
    return network


def _network(text: str) -> Cidr:
    """A network's base and mask; AWS gives these errors no location."""
    parts = text.split("/")
    if len(parts) != 2:
        raise PatternError("Malformed CIDR, one '/' required")
    try:
        mask = int(parts[1]) if parts[1].isascii() and "_" not in parts[1] and parts[1].strip() == parts[1] else None
    except ValueError:
        mask = None
    if mask is None:
        raise PatternError("Malformed CIDR, mask bits must be an integer")
    if mask < 0:
        raise PatternError("Malformed CIDR, mask bits must not be negative")
    if not IPV4.fullmatch(parts[0]) and not IPV6.fullmatch(parts[0]):
        raise PatternError(f"Nonstandard IP address: {parts[0]}")
    base = address(parts[0])
    if base is None:
        raise PatternError(f"Invalid IP address: {parts[0]}")
    bits, number = base
    if mask >= bits:
        raise PatternError(f"IPv{4 if bits == 32 else 6} mask bits must be < {bits}")
    return Cidr(bits, number, mask)


def _double(reader: Reader, *, located: bool) -> float:
    """The current number as a double. Raises PatternError where none is exactly it."""
    key = number_key(reader.text())
    if isinstance(key, int | float):
        return float(key)
    raise PatternError(f"Cannot compare number : {reader.text()}", reader.place() if located else None)


def _numeric(reader: Reader) -> Operand:
    if reader.next() is not Token.START_ARRAY:
        _refuse(reader, "Value of numeric must be an array.")
    if reader.next() is not Token.STRING:
        _refuse(reader, f"Invalid member in numeric match: {reader.text()}")
    operator = reader.text()
    token = reader.next()
    if operator not in ("=", "<", "<=", ">", ">="):
        _refuse(reader, f"Unrecognized numeric range operator: {operator}")
    if token is not Token.NUMBER:
        _refuse(reader, f"Value of {'equals' if operator == '=' else operator} must be numeric")
    number = _double(reader, located=True)
    token = reader.next()
    if operator[0] == ">":
        low_open = operator == ">"
        if token is Token.END_ARRAY:
            numeric = Numeric(number, INFINITY, low_open)
        else:
            numeric = _range(reader, token, number, low_open)
    else:
        if token is not Token.END_ARRAY:
            _refuse(reader, TOO_MANY)
        if operator == "=":
            numeric = Numeric(number, number)
        else:
            numeric = Numeric(-INFINITY, number, high_open=operator == "<")
    _close(reader, TOO_MANY)
    return numeric


def _range(reader: Reader, token: Token, low: float, low_open: bool) -> Numeric:
    """The upper half of a range, the reader being at its operator."""
    if token is not Token.STRING:
        _refuse(reader, f"Bad value in numeric range: {reader.text()}")
    operator = reader.text()
    if operator not in ("<", "<="):
        _refuse(reader, f"Bad numeric range operator: {operator}")
    if reader.next() is not Token.NUMBER:
        _refuse(reader, f"Value of {operator} must be numeric")
    high = _double(reader, located=True)
    if reader.next() is not Token.END_ARRAY:
        _refuse(reader, "Too many terms in numeric range expression")
    if not low < high:
        _refuse(reader, "Bottom must be less than top")
    return Numeric(low, high, low_open, operator == "<")


def _anything_but(reader: Reader) -> Operand:
    token, kind = reader.next(), ""
    if token is Token.START_OBJECT:
        if reader.next() is not Token.NAME:
            _refuse(reader, "Anything-But expression name not found")
        kind = reader.name
        if kind not in BUT_TEXTS:
            _refuse(reader, f"Unsupported anything-but pattern: {kind}")
        token = reader.next()
    if token not in (Token.START_ARRAY, Token.STRING, Token.NUMBER):
        _refuse(reader, BUT_VALUE)
    if token is Token.START_ARRAY:
        try:
            operand = _but_list(reader) if not kind else _but_texts(reader, kind)
        except PatternError as error:
            raise _again(reader, error) from error
        if operand is None:
            _refuse(
                reader,
                "Inside anything but list, either all values are number or string, mixed type is not supported",
            )
    else:
        operand = _but_one(reader, token) if not kind else AnythingBut(predicates=(_but_text(reader, token, kind),))
    _close(reader, TOO_MANY)
    if kind:
        _close(reader, TOO_MANY)
    return operand


def _again(reader: Reader, error: PatternError) -> PatternError:
    """AWS catches what goes wrong inside a list and throws it again with the location once more."""
    if error.place is None:
        return PatternError(error.reason, reader.place(), syntax=error.syntax)
    return PatternError(error.reason, error.place, syntax=error.syntax, repeats=error.repeats + 1)


def _but_one(reader: Reader, token: Token) -> AnythingBut:
    if token is Token.NUMBER:
        return AnythingBut(frozenset({_double(reader, located=False)}))
    return AnythingBut(frozenset({reader.text()}))


def _but_list(reader: Reader) -> AnythingBut | None:
    """All strings or all numbers; None where they are mixed or missing."""
    texts: set[Value] = set()
    numbers: set[Value] = set()
    while (token := reader.next()) is not Token.END_ARRAY:
        if token is Token.STRING:
            texts.add(reader.text())
        elif token is Token.NUMBER:
            numbers.add(_double(reader, located=False))
        else:
            _refuse(reader, "Inside anything but list, start|null|boolean is not supported.")
    return None if bool(texts) == bool(numbers) else AnythingBut(frozenset(texts or numbers))


def _but_texts(reader: Reader, kind: str) -> AnythingBut:
    predicates = []
    while (token := reader.next()) is not Token.END_ARRAY:
        predicates.append(_but_text(reader, token, kind))
    return AnythingBut(predicates=tuple(predicates))


def _but_text(reader: Reader, token: Token, kind: str) -> Predicate:
    if token is not Token.STRING:
        _refuse(reader, BUT_TEXTS[kind])
    if kind == "wildcard":
        return _parsed(reader)
    text = reader.text()
    if kind == "equals-ignore-case":
        return ignore_case(text)
    if not text:
        _refuse(reader, "Null prefix/suffix not allowed")
    return Prefix(text) if kind == "prefix" else Suffix(text)


BUT_TEXTS: Mapping[str, str] = {
    "prefix": "prefix/suffix match pattern must be a string",
    "suffix": "prefix/suffix match pattern must be a string",
    "equals-ignore-case": "Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.",
    "wildcard": "wildcard match pattern must be a string",
}
"""What `anything-but` takes by name, and what it says of an operand that is no string."""

OPERATORS: Mapping[str, Callable[[Reader], Operand]] = {
    "exactly": _exactly,
    "prefix": _affix,
    "suffix": _affix,
    "equals-ignore-case": _ignore_case,
    "wildcard": _wildcard,
    "anything-but": _anything_but,
    "numeric": _numeric,
    "exists": _exists,
    "cidr": _cidr,
}
