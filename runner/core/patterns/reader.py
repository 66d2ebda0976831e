"""Reads a pattern's JSON token by token, standing after each token exactly where AWS's parser stands.

EventBridge compiles patterns with event-ruler over Jackson, and its answers give the reader's place: strings are read
lazily, a field's name is returned when the first character of its value (or the whole literal or number) is consumed.
Errors carry Jackson's texts. Python's own `json` gives neither.

Source: https://github.com/aws/event-ruler and https://github.com/FasterXML/jackson-core (behaviour)
"""

from __future__ import annotations

import re
from enum import Enum
from typing import NoReturn

from runner.core.patterns.errors import PatternError, Place

BREAKS = re.compile(r"\r\n|\r|\n")
PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?")
TOKENS = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
ESCAPES = {'"': '"', "\\": "\\", "/": "/", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
HEX = frozenset("0123456789abcdefABCDEF")
NAN = "enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow"
PLUS = (
    "JSON spec does not allow numbers to have plus signs: "
    "enable `JsonReadFeature.ALLOW_LEADING_PLUS_SIGN_FOR_NUMBERS` to allow"
)


class Token(Enum):
    START_OBJECT = "{"
    END_OBJECT = "}"
    START_ARRAY = "["
    END_ARRAY = "]"
    NAME = "name"
    STRING = "string"
    NUMBER = "number"
    TRUE = "true"
    FALSE = "false"
    NULL = "null"
    END = "end"


LITERALS = {"t": ("true", Token.TRUE), "f": ("false", Token.FALSE), "n": ("null", Token.NULL)}
SCALARS = frozenset({Token.STRING, Token.NUMBER, Token.TRUE, Token.FALSE, Token.NULL})


class Reader:
    """A cursor over one JSON text. `token` is the current one; `name` the name of the current field."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.token = Token.END
        self.name = ""
        self._at = 0  # index of the next unread character
        self._value: Token | None = None  # the value whose first character was read with its name
        self._lazy = False  # the current string is not read yet
        self._text = ""
        self._open: list[tuple[str, int, bool]] = [("root", 0, False)]  # kind, where it starts, has entries

    def place(self) -> Place:
        """Where the reader stands: the next unread character."""
        return self._place(self._at)

    def next(self) -> Token:
        """Go to the next token. Raises PatternError where the text is not JSON."""
        self.token = self._advance()
        if self.token in (Token.END_OBJECT, Token.END_ARRAY):
            self._open.pop()
        return self.token

    def text(self) -> str:
        """The current token's text, decoded; reads a string to its end."""
        if self.token is Token.STRING and self._lazy:
            self._lazy = False
            self._text = self._string("string value", ": was expecting closing quote for a string value")
        if self.token is Token.NAME:
            return self.name
        return self._text if self.token in SCALARS else self.token.value

    def _advance(self) -> Token:
        if self._value is not None:
            token, self._value = self._value, None
            return self._enter(token)
        if self._lazy:
            self.text()
        char = self._skip_space()
        if not char:
            return self._end()
        if char in "]}":
            return self._close(char)
        kind, start, used = self._open[-1]
        if used and kind != "root":
            char = self._comma(char, kind)
        self._open[-1] = (kind, start, True)
        if kind != "Object":
            return self._enter(self._begin(char))
        if char != '"':
            self._unexpected(char, "was expecting double-quote to start field name")
        self.name = self._string("name", " in field name")
        self._value = self._begin(self._colon())
        return Token.NAME

    def _enter(self, token: Token) -> Token:
        if token is Token.START_OBJECT:
            self._open.append(("Object", self._started, False))
        elif token is Token.START_ARRAY:
            self._open.append(("Array", self._started, False))
        return token

    def _begin(self, char: str) -> Token:
        """Consume what Jackson consumes of a value at once, its first character being read already."""
        self._started = self._at - 1
        if char == '"':
            self._lazy = True
            return Token.STRING
        if char == "{":
            return Token.START_OBJECT
        if char == "[":
            return Token.START_ARRAY
        if char in LITERALS:
            return self._literal(*LITERALS[char])
        if char == "-" or "0" <= char <= "9":
            return self._number()
        return self._odd(char)

    def _end(self) -> Token:
        kind, start, _ = self._open[-1]
        if kind != "root":
            opened = self._place(start)
            self._fail(f"Unexpected end-of-input: expected close marker for {kind} (start marker at {opened})")
        return Token.END

    def _close(self, char: str) -> Token:
        kind, start, _ = self._open[-1]
        expected = {"Object": "}", "Array": "]"}.get(kind, "]" if char == "}" else "}")
        if char == expected and kind != "root":
            return Token.END_OBJECT if char == "}" else Token.END_ARRAY
        opened = self._place(start)
        return self._fail(f"Unexpected close marker '{char}': expected '{expected}' (for {kind} starting at {opened})")

    def _comma(self, char: str, kind: str) -> str:
        if char != ",":
            self._unexpected(char, f"was expecting comma to separate {kind} entries")
        return self._skip_space() or self._fail(f"Unexpected end-of-input within/between {kind} entries")

    def _colon(self) -> str:
        for expected in (True, False):
            char = self._skip_space() or self._fail("Unexpected end-of-input within/between Object entries")
            if expected and char != ":":
                self._unexpected(char, "was expecting a colon to separate field name and value")
        return char

    def _skip_space(self) -> str:
        """The next character that is no white space, consumed; empty at the end."""
        source = self.source
        while self._at < len(source):
            char = source[self._at]
            self._at += 1
            if char not in " \t\r\n":
                if char < " ":
                    self._fail(
                        f"Illegal character ({_described(char)}): "
                        "only regular white space (\\r, \\n, \\t) is allowed between tokens"
                    )
                return char
        return ""

    def _literal(self, word: str, token: Token) -> Token:
        source = self.source
        for index in range(1, len(word)):
            if source[self._at : self._at + 1] != word[index]:
                self._invalid_token(word[:index])
            self._at += 1
        if _identifier(source[self._at : self._at + 1]):
            self._invalid_token(word)
        self._text = word
        return token

    def _number(self) -> Token:
        start = self._at - 1
        found = NUMBER.match(self.source, start)
        if found is None:
            self._at += 1
            self._unexpected_in_number(start + 1, "expected digit (0-9) to follow minus sign, for valid numeric value")
        self._at = end = found.end()
        self._text = found.group()
        after = self.source[end : end + 1]
        if after.isdecimal() and self._text.lstrip("-") == "0":
            self._fail("Invalid numeric value: Leading zeroes not allowed")
        if after == "." and not set(".eE") & set(self._text):
            self._at = end + 2
            self._unexpected_in_number(end + 1, "Decimal point not followed by a digit")
        if after in ("e", "E") and not set("eE") & set(self._text):
            signed = self.source[end + 1 : end + 2] in ("+", "-")
            self._at = end + 2 + signed
            self._unexpected_in_number(end + 1 + signed, "Exponent indicator not followed by a digit")
        return Token.NUMBER

    def _odd(self, char: str) -> NoReturn:
        if char == "N" or char == "I":
            word = "NaN" if char == "N" else "Infinity"
            self._literal(word, Token.NULL)
            self._fail(f"Non-standard token '{word}': {NAN}")
        if char == "+":
            self._at += 1
            self._fail(f"Unexpected character ('+' (code 43)) in numeric value: {PLUS}")
        if _identifier(char) and not char.isdecimal():
            self._invalid_token(char)
        self._unexpected(char, f"expected a valid value {TOKENS}")

    def _string(self, what: str, unfinished: str) -> str:
        """The rest of a string whose opening quote is consumed, up to and with its closing quote."""
        source, parts = self.source, []
        while True:
            found = PLAIN.match(source, self._at)
            assert found is not None
            parts.append(found.group())
            self._at = found.end() + 1
            char = source[found.end() : found.end() + 1]
            if char == '"':
                break
            if not char:
                self._at = len(source)
                self._fail("Unexpected end-of-input" + unfinished)
            if char != "\\":
                self._fail(
                    f"Illegal unquoted character ({_described(char)}): "
                    f"has to be escaped using backslash to be included in {what}"
                )
            parts.append(self._escape())
        text = "".join(parts)
        # Escaped surrogate pairs are one character, as they are for Java.
        return (
            text if text.isascii() else text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")
        )

    def _escape(self) -> str:
        char = self._read("Unexpected end-of-input in character escape sequence")
        if char in ESCAPES:
            return ESCAPES[char]
        if char != "u":
            self._fail(f"Unrecognized character escape {_described(char)}")
        digits = ""
        for _ in range(4):
            digit = self._read("Unexpected end-of-input in character escape sequence")
            if digit not in HEX:
                self._unexpected(digit, "expected a hex-digit for character escape sequence")
            digits += digit
        return chr(int(digits, 16))

    def _read(self, at_end: str) -> str:
        char = self.source[self._at : self._at + 1]
        if not char:
            self._fail(at_end)
        self._at += 1
        return char

    def _invalid_token(self, begun: str) -> NoReturn:
        end = self._at
        while _identifier(self.source[end : end + 1]):
            end += 1
        word = begun + self.source[self._at : end]
        self._at = end
        self._fail(f"Unrecognized token '{word}': was expecting {TOKENS}")

    def _unexpected(self, char: str, comment: str) -> NoReturn:
        self._fail(f"Unexpected character ({_described(char)}): {comment}")

    def _unexpected_in_number(self, index: int, comment: str) -> NoReturn:
        char = self.source[index : index + 1]
        if not char:
            self._at = len(self.source)
            self._fail("Unexpected end-of-input" + comment)
        self._fail(f"Unexpected character ({_described(char)}) in numeric value: {comment}")

    def _fail(self, message: str) -> NoReturn:
        raise PatternError(message, self.place(), syntax=True)

    def _place(self, index: int) -> Place:
        read = self.source[:index]
        breaks = list(BREAKS.finditer(read))
        line = read[breaks[-1].end() :] if breaks else read
        return Place(self.source, len(breaks) + 1, len(line.encode("utf-16-le", "surrogatepass")) // 2 + 1)


def _joined(text: str) -> str:
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "surrogatepass")


def _described(char: str) -> str:
    code = ord(char)
    if code < 0x20 or 0x7F <= code <= 0x9F:
        return f"(CTRL-CHAR, code {code})"
    return f"'{char}' (code {code} / 0x{code:x})" if code > 255 else f"'{char}' (code {code})"


def _identifier(char: str) -> bool:
    return bool(char) and (char.isalnum() or char in "_$")
