"""Whether an invocation's payload is JSON, and if not, why: in the words of the parser that Lambda uses.

A payload that is JSON costs one pass of the C decoder. Only one that is not is looked at again, for the message.

Source: errors recorded from AWS; the wording is that of Jackson 2.17 and later, whose messages the Invoke API relays.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from json.scanner import make_scanner
from typing import Any, NoReturn, cast

PREFIX = "Could not parse request body into json: Could not parse payload into json: "
SOURCE = "[Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); line: {}, column: {}]"
VALUE = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
TOKEN = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
TOO_DEEP = (
    "Document nesting depth (1001) exceeds the maximum allowed "
    "(1000, from `StreamReadConstraints.getMaxNestingDepth()`)"
)
SPACE = b" \t\r\n"
DIGITS = b"0123456789"
LITERALS = {ord("n"): b"null", ord("t"): b"true", ord("f"): b"false"}


def _not_standard(name: str) -> NoReturn:
    raise ValueError(name)


DECODER = json.JSONDecoder(parse_constant=_not_standard)
SCAN: Callable[[str, int], tuple[object, int]] = make_scanner(cast(Any, DECODER))


def problem(payload: bytes) -> str | None:
    """None if the payload is one JSON value (or empty); else the message of InvalidRequestContentException."""
    if not payload:
        return None
    try:
        text = payload.decode()
        if SCAN(text, 0)[1] == len(text):  # as nearly always: nothing around the value
            return None
    except (StopIteration, ValueError, RecursionError):
        pass
    try:
        DECODER.decode(payload.decode())
    except ValueError:
        return PREFIX + _explain(payload)
    except RecursionError:
        return PREFIX + TOO_DEEP
    return None


def _explain(payload: bytes) -> str:
    scanner = _Scanner(payload)
    try:
        scanner.value()
        scanner.end()
    except _Found as found:
        return str(found)
    except RecursionError:
        return TOO_DEEP
    return scanner.at(f"Unexpected end of a value that was {TOKEN.removeprefix('was ')}", scanner.position)


class _Found(Exception):
    """The first error; its text is the message."""


class _Scanner:
    """Reads JSON only to find out where it stops being JSON."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.position = 3 if text[:3] == b"\xef\xbb\xbf" else 0

    def at(self, message: str, position: int) -> str:
        return f"{message}\n at {self._place(position)}"

    def _place(self, position: int) -> str:
        line = self.text.count(b"\n", 0, position) + 1
        return SOURCE.format(line, position - (self.text.rfind(b"\n", 0, position) + 1) + 1)

    def fail(self, message: str, position: int | None = None) -> NoReturn:
        raise _Found(self.at(message, self.position if position is None else position))

    def unexpected(self, why: str) -> NoReturn:
        self.fail(f"Unexpected character ({_name(self._character())}): {why}")

    def _character(self) -> int:
        """The code of the character here; of its first byte where it is not to be decoded."""
        first = self.text[self.position]
        if first < 0xC2:
            return first
        for length in (2, 3, 4):
            try:
                return ord(self.text[self.position : self.position + length].decode())
            except (UnicodeDecodeError, TypeError):
                continue
        return first

    def space(self) -> bool:
        """Skip white space; False at the end of the text."""
        while self.position < len(self.text) and self.text[self.position] in SPACE:
            self.position += 1
        return self.position < len(self.text)

    def end(self) -> None:
        if self.space():
            self.value()
            self.fail("Trailing token found after value")

    def value(self) -> None:
        if not self.space():
            self.fail("No content to map due to end-of-input")
        byte = self.text[self.position]
        if byte == ord("{"):
            self._object()
        elif byte == ord("["):
            self._array()
        elif byte == ord('"'):
            self._string(": was expecting closing quote for a string value")
        elif byte == ord("-") or byte in DIGITS:
            self._number()
        elif byte in LITERALS:
            self._literal(LITERALS[byte])
        elif chr(byte).isalpha() and byte < 128:
            self._token("")
        else:
            self.unexpected(VALUE)

    def _object(self) -> None:
        start = self.position
        self.position += 1
        self._inside("Object", start)
        if self.text[self.position] == ord("}"):
            self.position += 1
            return
        while True:
            if self.text[self.position] != ord('"'):
                self.unexpected("was expecting double-quote to start field name")
            self._string(" in field name")
            self._between("Object")
            if self.text[self.position] != ord(":"):
                self.unexpected("was expecting a colon to separate field name and value")
            self.position += 1
            self._between("Object")
            self.value()
            if self._closed("Object", start, ord("}")):
                return

    def _array(self) -> None:
        start = self.position
        self.position += 1
        self._inside("Array", start)
        if self.text[self.position] == ord("]"):
            self.position += 1
            return
        while True:
            self.value()
            if self._closed("Array", start, ord("]")):
                return

    def _closed(self, kind: str, start: int, closer: int) -> bool:
        """After an entry: True at the closing mark, False after a comma with another entry behind it."""
        self._inside(kind, start)
        byte = self.text[self.position]
        if byte == closer:
            self.position += 1
            return True
        if byte != ord(","):
            self.unexpected(f"was expecting comma to separate {kind} entries")
        self.position += 1
        self._between(kind)
        return False

    def _inside(self, kind: str, start: int) -> None:
        if not self.space():
            marker = self._place(start)
            self.fail(f"Unexpected end-of-input: expected close marker for {kind} (start marker at {marker})")

    def _between(self, kind: str) -> None:
        if not self.space():
            self.fail(f"Unexpected end-of-input within/between {kind} entries")

    def _string(self, unfinished: str) -> None:
        self.position += 1
        while self.position < len(self.text):
            byte = self.text[self.position]
            if byte == ord('"'):
                self.position += 1
                return
            if byte < 0x20:
                why = "has to be escaped using backslash to be included in string value"
                self.fail(f"Illegal unquoted character ({_name(byte)}): {why}")
            if byte == ord("\\"):
                self._escape()
            elif byte < 0x80:
                self.position += 1
            else:
                self._multibyte()
        self.fail(f"Unexpected end-of-input{unfinished}")

    def _escape(self) -> None:
        following = self.text[self.position + 1 : self.position + 2]
        if following == b"u":
            digits = self.text[self.position + 2 : self.position + 6]
            for offset, digit in enumerate(digits):
                if chr(digit) not in "0123456789abcdefABCDEF":
                    self.position += 2 + offset
                    self.unexpected("expected a hex-digit for character escape sequence")
            self.position += 2 + len(digits)
        elif following and following not in b'"\\/bfnrt':
            self.position += 1
            self.fail(f"Unrecognized character escape {_name(self._character())}", self.position + 1)
        else:
            self.position += 2

    def _multibyte(self) -> None:
        first = self.text[self.position]
        length = 2 if 0xC0 <= first < 0xE0 else 3 if 0xE0 <= first < 0xF0 else 4 if 0xF0 <= first < 0xF8 else 0
        if not length:
            self.fail(f"Invalid UTF-8 start byte 0x{first:x}", self.position + 1)
        for offset in range(1, length):
            if self.position + offset >= len(self.text):
                break
            byte = self.text[self.position + offset]
            if byte & 0xC0 != 0x80:
                self.fail(f"Invalid UTF-8 middle byte 0x{byte:x}", self.position + offset + 1)
        self.position += length

    def _number(self) -> None:
        minus = self.text[self.position] == ord("-")
        self.position += minus
        start = self.position
        self._digits()
        if self.position == start:
            if start >= len(self.text):
                self.fail("Unexpected end-of-input in numeric value")
            why = "in numeric value: expected digit (0-9) to follow minus sign, for valid numeric value"
            self.fail(f"Unexpected character ({_name(self._character())}) {why}")
        if self.text[start] == ord("0") and self.position > start + 1:
            self.fail("Invalid numeric value: Leading zeroes not allowed", start + 1)
        if self._skip(b"."):
            self._digits("Decimal point not followed by a digit")
        if self._skip(b"eE"):
            self._skip(b"+-")
            self._digits("Exponent indicator not followed by a digit")

    def _skip(self, any_of: bytes) -> bool:
        found = self.position < len(self.text) and self.text[self.position] in any_of
        self.position += found
        return found

    def _digits(self, else_fail: str = "") -> None:
        start = self.position
        while self.position < len(self.text) and self.text[self.position] in DIGITS:
            self.position += 1
        if else_fail and self.position == start:
            if start >= len(self.text):
                self.fail("Unexpected end-of-input in numeric value")
            self.fail(f"Unexpected character ({_name(self._character())}) in numeric value: {else_fail}")

    def _literal(self, word: bytes) -> None:
        start = self.position
        while (
            self.position - start < len(word)
            and self.text[self.position : self.position + 1] == word[self.position - start : self.position - start + 1]
        ):
            self.position += 1
        following = self.text[self.position : self.position + 1]
        if self.position - start < len(word) or (following.isalnum() and following < b"\x80"):
            self._token(self.text[start : self.position].decode())

    def _token(self, read: str) -> NoReturn:
        """A word that is none of JSON's."""
        while self.position < len(self.text):
            byte = self.text[self.position]
            if byte >= 0x80:
                self._multibyte()
                continue
            self.position += 1
            if not (chr(byte).isalnum() or byte in b"_$"):
                break
            read += chr(byte)
        self.fail(f"Unrecognized token '{read}': {TOKEN}")


def _name(code: int) -> str:
    """A character as the messages name it."""
    if code < 0x20 or 0x7F <= code < 0xA0:
        return f"(CTRL-CHAR, code {code})"
    return f"'{chr(code)}' (code {code}" + (f" / 0x{code:x})" if code > 255 else ")")
