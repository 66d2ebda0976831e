"""What AWS answers to patterns it does not take: reason and place. The place is where its reader stands."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.patterns import PatternError, compile_pattern

TOKENS = "(JSON String, Number, Array, Object or token 'null', 'true' or 'false')"

BAD = [
    ('{"int": 42}', '"int" must be an object or an array', 11, ("int",)),
    ('{"string": "my-value"}', '"string" must be an object or an array', 13, ("string",)),
    ('{"resources": []}', "Empty arrays are not allowed", 17, ("resources",)),
    ('{"a": {}}', "Empty objects are not allowed", 9, ("a",)),
    ("{}", "Empty objects are not allowed", 3, ()),
    ('["not"]', "Filter is not an object", 2, ()),
    ("", "Filter is not an object", 1, ()),
    ('{"a": [[1]]}', "Match value must be String, number, true, false, or null", 9, ("a", 0)),
    ('{"a": [{}]}', "Match expression name not found", 10, ("a", 0)),
    ('{"my_key": [{"EXISTS": true}]}', "Unrecognized match type EXISTS", 28, ("my_key", 0)),
    ('{"a": [1, {"prefix": 3}]}', "prefix match pattern must be a string", 23, ("a", 1)),
    ('{"a": [{"prefix": "x", "b": 1}]}', "Only one key allowed in match expression", 30, ("a", 0)),
    ('{"a": [{"prefix": {"foo": 1}}]}', "Unsupported prefix pattern: foo", 28, ("a", 0)),
    ('{"a": [{"suffix": {}}]}', "Suffix expression name not found", 21, ("a", 0)),
    ('{"a": [{"exists": 1}]}', "exists match pattern must be either true or false.", 20, ("a", 0)),
    ('{"a": [{"cidr": ["x"]}]}', "prefix match pattern must be a string", 18, ("a", 0)),
    ('{"a": [{"numeric": 10}]}', "Value of numeric must be an array.", 22, ("a", 0)),
    ('{"a": [{"numeric": []}]}', "Invalid member in numeric match: ]", 22, ("a", 0)),
    ('{"a": [{"numeric": ["==", 1]}]}', "Unrecognized numeric range operator: ==", 28, ("a", 0)),
    ('{"a": [{"numeric": ["=", "1"]}]}', "Value of equals must be numeric", 27, ("a", 0)),
    ('{"a": [{"numeric": ["<", 1, ">", 0]}]}', "Too many elements in numeric expression", 30, ("a", 0)),
    ('{"c": [{"numeric": [">", 0, ">", 0]}]}', "Bad numeric range operator: >", 32, ("c", 0)),
    ('{"c": [{"numeric": [">", 0, 2]}]}', "Bad value in numeric range: 2", 30, ("c", 0)),
    ('{"c": [{"numeric": [">", 5, "<", 5]}]}', "Bottom must be less than top", 36, ("c", 0)),
    ('{"c": [{"numeric": [">", 1e400]}]}', "Cannot compare number : 1e400", 31, ("c", 0)),
    ('{"c": [{"anything-but": 123456789012345678}]}', "Cannot compare number : 123456789012345678", None, ("c", 0)),
    (
        '{"s": [{"anything-but": null}]}',
        "Value of anything-but must be an array or single string/number value.",
        29,
        ("s", 0),
    ),
    ('{"s": [{"anything-but": {"cidr": "x"}}]}', "Unsupported anything-but pattern: cidr", 35, ("s", 0)),
    ('{"s": [{"anything-but": {"prefix": ""}}]}', "Null prefix/suffix not allowed", 38, ("s", 0)),
    ('{"s": [{"wildcard": "a**b"}]}', "Consecutive wildcard characters at pos 2", 27, ("s", 0)),
    ('{"s": [{"wildcard": "é\\\\x"}]}', "Invalid escape character at pos 3", 27, ("s", 0)),
    ('{"s": [{"cidr": "1.2.3.4"}]}', "Malformed CIDR, one '/' required", None, ("s", 0)),
    ('{"s": [{"cidr": "1.2.3.4/x"}]}', "Malformed CIDR, mask bits must be an integer", None, ("s", 0)),
    ('{"s": [{"cidr": "1.2.3.4/-1"}]}', "Malformed CIDR, mask bits must not be negative", None, ("s", 0)),
    ('{"s": [{"cidr": "1.2.3.4/32"}]}', "IPv4 mask bits must be < 32", None, ("s", 0)),
    ('{"s": [{"cidr": "::1/128"}]}', "IPv6 mask bits must be < 128", None, ("s", 0)),
    ('{"s": [{"cidr": "xx.1/8"}]}', "Nonstandard IP address: xx.1", None, ("s", 0)),
    ('{"s": [{"cidr": "10.0.0.999/8"}]}', "Invalid IP address: 10.0.0.999", None, ("s", 0)),
    ('{"$or": {"a": [1]}}', "It must be an Array followed with $or.", 10, ("$or",)),
    ('{"$or": [1, 2]}', "Only JSON object is allowed in array of $or relationship.", 11, ("$or",)),
    ('{"$or": [{"a": [1]}]}', "There must have at least 2 Objects in $or relationship.", 21, ("$or",)),
    (
        '{"$or": [{"cidr": [1]}, {}]}',
        "cidr is Ruler reserved fieldName which cannot be used inside $or.",
        20,
        ("$or", 0, "cidr"),
    ),
    ("this is no json", f"Unrecognized token 'this': was expecting {TOKENS}", 5, ()),
    ('{"not": closed mark"', f"Unrecognized token 'closed': was expecting {TOKENS}", 15, ()),
    ("{'a': [1]}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 3, ()),
    ('{"a": [1],}', "Unexpected character ('}' (code 125)): was expecting double-quote to start field name", 12, ()),
    ('{"a": [1,]}', f"Unexpected character (']' (code 93)): expected a valid value {TOKENS}", 11, ("a",)),
    (
        '{"a" [1]}',
        "Unexpected character ('[' (code 91)): was expecting a colon to separate field name and value",
        7,
        (),
    ),
    ('{"a": [01]}', "Invalid numeric value: Leading zeroes not allowed", 9, ("a",)),
    (
        '{"a": [1.]}',
        "Unexpected character (']' (code 93)) in numeric value: Decimal point not followed by a digit",
        11,
        ("a",),
    ),
    (
        '{"a": [NaN]}',
        "Non-standard token 'NaN': enable JsonParser.Feature.ALLOW_NON_NUMERIC_NUMBERS to allow",
        11,
        ("a",),
    ),
    (
        '{"a": ["x\ty"]}',
        "Illegal unquoted character ((CTRL-CHAR, code 9)): "
        "has to be escaped using backslash to be included in string value",
        11,
        ("a", 0),
    ),
    ('{"a": ["\\q"]}', "Unrecognized character escape 'q' (code 113)", 11, ("a", 0)),
    ('{"a": [1 2]}', "Unexpected character ('2' (code 50)): was expecting comma to separate Array entries", 11, ("a",)),
]


@pytest.mark.parametrize(("pattern", "reason", "column", "path"), BAD, ids=[row[0] or "empty" for row in BAD])
def test_a_bad_pattern(pattern: str, reason: str, column: int | None, path: tuple[str | int, ...]) -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    error = caught.value
    assert (error.reason, error.column, error.path) == (reason, column, path)
    located = "" if column is None else f'\n at [Source: (String)"{_shown(pattern)}"; line: 1, column: {column}]'
    assert error.message == f"Event pattern is not valid. Reason: {reason}{located}"


def _shown(pattern: str) -> str:
    return pattern.replace("\t", "\\u0009")


def test_lines_are_counted() -> None:
    with pytest.raises(PatternError) as caught:
        compile_pattern('{\n  "source": ["x"],\r\n  "detail": {}\n}')
    assert (caught.value.line, caught.value.column) == (3, 15)


def test_what_goes_wrong_inside_an_anything_but_list_is_located_twice() -> None:
    pattern = '{"detail": {"state": [{"anything-but": ["stopped", null]}]}}'
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    place = f'\n at [Source: (String)"{pattern}"; line: 1, column: 56]'
    assert caught.value.message == (
        "Event pattern is not valid. Reason: Inside anything but list, start|null|boolean is not supported." + place * 2
    )


def test_an_unclosed_object_names_its_start() -> None:
    with pytest.raises(PatternError, match=r"expected close marker for Object \(start marker at \[Source: .*column: 1"):
        compile_pattern('{"a": [1]')


def test_a_long_pattern_is_cut_in_its_error() -> None:
    pattern = '{"a": ["' + "x" * 600 + '"], "b": 1}'
    with pytest.raises(PatternError) as caught:
        compile_pattern(pattern)
    assert f'(String)"{pattern[:500]}"[truncated {len(pattern) - 500} chars]; line: 1' in caught.value.message


def test_a_wildcard_can_be_too_complex() -> None:
    compile_pattern('{"a":[{"wildcard":"*:*:*:event-bus/*"}]}')
    with pytest.raises(PatternError) as caught:
        compile_pattern('{"a":[{"wildcard":"*:*:*:*:*:event-bus/*"}]}')
    assert caught.value.message == (
        "Event pattern is not valid. Reason: Rule is too complex - try using fewer wildcard characters or fewer "
        "repeating character sequences after a wildcard character"
    )


def test_alternatives_multiply_up_to_a_thousand() -> None:
    def pattern(choices: int) -> dict[str, Any]:
        either = [{f"f{number}": [1]} for number in range(choices)]
        return {"$or": [{"a": {"$or": either}}, {"b": {"$or": either}}]}

    assert len(compile_pattern(pattern(400)).branches) == 800
    with pytest.raises(PatternError, match="too many"):
        compile_pattern(pattern(600))


def test_a_pattern_can_be_nested_too_deeply() -> None:
    with pytest.raises(PatternError, match="nesting depth"):
        compile_pattern('{"a":' * 5000)


@given(st.text(alphabet='{}[]",:0123.e-+ \\unltrfabce*', max_size=60))
def test_any_text_compiles_or_is_refused(text: str) -> None:
    with suppress(PatternError):
        compile_pattern(text)
