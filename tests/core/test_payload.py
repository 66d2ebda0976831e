"""The messages for payloads that are not JSON; the first two rows are recorded from AWS."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.payload import PREFIX, SOURCE, problem

VALUE = "expected a valid value (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"
TOKEN = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

BAD = {
    "a byte that starts no character": (b"n\x87r\x9e\xe9\xb5\xd7I\xee\x9bmt", "Invalid UTF-8 start byte 0x87", 1, 3),
    "a control character": (b"\x99\xeb,j\x07\xa1zYh", f"Unexpected character ((CTRL-CHAR, code 153)): {VALUE}", 1, 1),
    "a name without quotes": (
        b"{bad",
        "Unexpected character ('b' (code 98)): was expecting double-quote to start field name",
        1,
        2,
    ),
    "a bare word": (b"foo", f"Unrecognized token 'foo': {TOKEN}", 1, 4),
    "a word that begins like a literal": (b"nulls", f"Unrecognized token 'nulls': {TOKEN}", 1, 6),
    "not a number": (b"[NaN]", f"Unrecognized token 'NaN': {TOKEN}", 1, 6),
    "single quotes": (b"'a'", f"Unexpected character (''' (code 39)): {VALUE}", 1, 1),
    "no colon": (
        b'{"a"\n 1}',
        "Unexpected character ('1' (code 49)): was expecting a colon to separate field name and value",
        2,
        2,
    ),
    "no comma": (b"[1 2]", "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 1, 4),
    "an unfinished text": (b'"abc', "Unexpected end-of-input: was expecting closing quote for a string value", 1, 5),
    "an unfinished name": (b'{"a', "Unexpected end-of-input in field name", 1, 4),
    "no value": (b'{"a":', "Unexpected end-of-input within/between Object entries", 1, 6),
    "a leading zero": (b"01", "Invalid numeric value: Leading zeroes not allowed", 1, 2),
    "a line break in a text": (
        b'"a\nb"',
        "Illegal unquoted character ((CTRL-CHAR, code 10)): has to be escaped using backslash to be included in "
        "string value",
        1,
        3,
    ),
    "an unknown escape": (b'"\\x"', "Unrecognized character escape 'x' (code 120)", 1, 4),
    "a broken character": (b'"\xc3("', "Invalid UTF-8 middle byte 0x28", 1, 4),
}


@pytest.mark.parametrize(("payload", "message", "line", "column"), BAD.values(), ids=BAD)
def test_the_first_error_is_named_with_its_place(payload: bytes, message: str, line: int, column: int) -> None:
    assert problem(payload) == f"{PREFIX}{message}\n at {SOURCE.format(line, column)}"


def test_an_open_object_is_named_with_its_start() -> None:
    start = SOURCE.format(1, 1)
    expected = f"Unexpected end-of-input: expected close marker for Object (start marker at {start})"
    assert problem(b'{"a":1') == f"{PREFIX}{expected}\n at {SOURCE.format(1, 7)}"


@pytest.mark.parametrize("payload", [b"", b"null", b" 1 ", b'"x"', b"[]", b'{"a":[1.5e3,true]}', '"\u00e9"'.encode()])
def test_any_json_value_is_a_payload(payload: bytes) -> None:
    assert problem(payload) is None


def test_a_bottomless_document_is_refused() -> None:
    assert "nesting depth" in (problem(b"[" * 100_000) or "")


@given(st.binary(max_size=40))
def test_it_agrees_with_the_decoder_on_any_bytes(payload: bytes) -> None:
    try:
        json.loads(payload.decode() or "0", parse_constant=lambda _: 1 / 0)
        good = True
    except (ValueError, ZeroDivisionError):
        good = False
    assert (problem(payload) is None) is good


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(JSON, st.data())
def test_every_way_to_spoil_a_document_has_a_message(document: object, data: st.DataObject) -> None:
    text = json.dumps(document, ensure_ascii=False).encode(errors="replace")
    assert problem(text) is None
    cut = data.draw(st.integers(0, len(text)))
    spoiled = text[:cut] + data.draw(st.binary(min_size=1, max_size=2)) + text[cut + 1 :]
    message = problem(spoiled)
    assert message is None or message.startswith(PREFIX)
