"""Filter patterns, as the CloudWatch Logs guide describes them."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.log_filter import BadFilter, compile_filter

DOC = json.dumps(
    {
        "level": "ERROR",
        "status": 503,
        "ok": False,
        "none": None,
        "ip": "10.0.0.7",
        "user": {"id": 1, "tags": ["a", "b"]},
        "items": [{"n": 1}, {"n": 5}],
    }
)
LINE = '127.0.0.1 frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'

CASES = [
    ("", "anything", True),
    (" ", "anything", True),
    ("ERROR", "[ERROR] boom", True),
    ("ERROR", "[error] boom", False),
    ("ERROR ARGUMENTS", "ARGUMENTS have ERROR", True),
    ("ERROR ARGUMENTS", "ERROR only", False),
    ("?ERROR ?WARN", "WARN it is", True),
    ("?ERROR ?WARN", "INFO it is", False),
    ("ERROR -EXIT", "ERROR here", True),
    ("ERROR -EXIT", "ERROR and EXIT", False),
    ("-START", "END", True),
    ("-START", "START", False),
    ('"timed out after"', "Task timed out after 3.00 seconds", True),
    ('"timed out after"', "timed after out", False),
    ('-"health check"', "GET health check", False),
    ('"say \\"hi\\""', 'they say "hi"', True),
    ("%ERR[A-Z]+%", "x ERROR", True),
    ("%^ERR%", "x ERROR", False),
    ('{ $.level = "ERROR" }', DOC, True),
    ("{ $.level = ERROR }", DOC, True),
    ('{ $.level = "ERR*" }', DOC, True),
    ('{ $.level != "INFO" }', DOC, True),
    ("{ $.status >= 500 }", DOC, True),
    ("{ $.status = 503 && $.user.id = 1 }", DOC, True),
    ("{ $.status = 200 || $.user.id = 1 }", DOC, True),
    ("{ ($.status = 200 || $.user.id = 1) && $.level = INFO }", DOC, False),
    ("{ $.none IS NULL }", DOC, True),
    ("{ $.ok IS FALSE }", DOC, True),
    ("{ $.ok IS TRUE }", DOC, False),
    ("{ $.missing NOT EXISTS }", DOC, True),
    ("{ $.level EXISTS }", DOC, True),
    ('{ $.user.tags[1] = "b" }', DOC, True),
    ("{ $.items[*].n > 4 }", DOC, True),
    ("{ $.ip = 10.0.* }", DOC, True),
    ("{ $.ip = %^10[.]% }", DOC, True),
    ('{ $.["level"] = "ERROR" }', DOC, True),
    ('{ $.level = "ERROR" }', "no document", False),
    ("[ip, user, time, request, status, size]", LINE, True),
    ("[ip, user, time, request, status = 404, size > 1000]", LINE, True),
    ("[ip, user, time, request, status = 4*, size]", LINE, True),
    ("[ip, ..., status = 500, size]", LINE, False),
    ("[..., size < 2000]", LINE, True),
    ("[ip, user]", LINE, False),
]


@pytest.mark.parametrize(("pattern", "message", "expected"), CASES, ids=[f"{p} on {m[:20]}" for p, m, _ in CASES])
def test_a_pattern_selects_messages(pattern: str, message: str, expected: bool) -> None:
    assert compile_filter(pattern)(message) is expected


@pytest.mark.parametrize("pattern", ["{ $.a = ", "{ $.a }", "{ a = 1 }", "{ ($.a = 1 }", "{ $.a > x }", "%[%", "[a, b"])
def test_what_cannot_be_read_is_refused(pattern: str) -> None:
    with pytest.raises(BadFilter):
        compile_filter(pattern)


@given(st.text(), st.text())
def test_no_pattern_and_no_message_breaks_it(pattern: str, message: str) -> None:
    try:
        matches = compile_filter(pattern)
    except BadFilter:
        return
    assert matches(message) in (True, False)
