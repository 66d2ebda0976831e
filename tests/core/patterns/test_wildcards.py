"""The little grammar of wildcards, held against regular expressions, and AWS's measure of complexity."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.patterns.wildcards import complexity, matches, parse

MEASURED = [
    ("*", 2),
    ("/Users/*/doc.txt", 2),
    ("arn:aws:events:us-east-1:*:event-bus/*", 3),
    ("*:*:event-bus/*", 5),
    ("a*b*c*d*e*f", 6),
    ("/Users/*/dir/dir/dir/dir/dir/doc.txt", 7),
    ("*.*.*.*", 7),
    ("*:*:*:*:event-bus/*", 9),
    ("h*llo", 3),
    ("hel*lo", 2),
]


@pytest.mark.parametrize(("text", "expected"), MEASURED)
def test_complexity_is_event_rulers(text: str, expected: int) -> None:
    assert complexity([parse(text)]) == expected


@given(st.lists(st.sampled_from(["a", "b", "*"]), max_size=8), st.text(alphabet="ab", max_size=10))
def test_a_wildcard_is_the_regular_expression_it_looks_like(pieces: list[str], value: str) -> None:
    text = re.sub(r"\*+", "*", "".join(pieces))
    assert matches(parse(text), value) == bool(re.fullmatch(text.replace("*", ".*"), value, re.DOTALL))
