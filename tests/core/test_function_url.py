"""Payload format 2.0 of function URLs, both ways; rows of `reply` are recorded from AWS."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner.core.function_url import (
    FAILED,
    Endpoint,
    Prelude,
    Reply,
    Request,
    allows,
    cors_headers,
    event,
    reply,
)
from runner.model.function import Cors

JSON = ("content-type", "application/json")


def made(path: str = "/", query: str = "", body: bytes = b"", **headers: str) -> dict[str, Any]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    request = Request("POST", path, query, named, body)
    endpoint = Endpoint("abc", "abc.lambda-url.us-east-1.localhost", port="4566")
    document: dict[str, Any] = json.loads(event(request, endpoint, request_id="r", trace="Root=1-2-3", now=1.5))
    return document


def test_a_request_becomes_an_event() -> None:
    document = made("/pa2%Fth/1", "q=query&multi=foo&multi=%2Fbar", b'{"foo":"bar"}', content_type="application/json")
    assert document["version"] == "2.0"
    assert document["rawPath"] == document["requestContext"]["http"]["path"] == "/pa2%Fth/1"
    assert document["queryStringParameters"] == {"q": "query", "multi": "foo,/bar"}
    assert (document["body"], document["isBase64Encoded"]) == ('{"foo":"bar"}', False)
    assert document["headers"]["x-forwarded-port"] == "4566"
    context = document["requestContext"]
    assert (context["accountId"], context["apiId"], context["requestId"]) == ("anonymous", "abc", "r")
    assert (context["time"], context["timeEpoch"]) == ("01/Jan/1970:00:00:01 +0000", 1500)


def test_what_is_empty_is_left_out() -> None:
    document = made()
    assert not {"cookies", "queryStringParameters", "body"} & set(document)
    assert (document["rawQueryString"], document["isBase64Encoded"]) == ("", False)


def test_cookies_have_a_member_of_their_own() -> None:
    document = made(cookie="a=1; b=2")
    assert document["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in document["headers"]


@pytest.mark.parametrize(
    ("kind", "body", "text"),
    [
        ("text/plain; charset=utf-8", b"x", True),
        ("application/problem+json", b"{}", True),
        ("multipart/form-data; boundary=x", b"x", False),
        ("application/x-www-form-urlencoded", b"a=b", False),
        ("application/json", b"\xff", False),
    ],
    ids=["text", "a suffix", "a form with files", "a form", "no text after all"],
)
def test_bodies_that_are_no_text_are_encoded(kind: str, body: bytes, text: bool) -> None:
    document = made(body=body, content_type=kind)
    assert document["isBase64Encoded"] is not text
    assert document["body"] == (body.decode() if text else base64.b64encode(body).decode())


REPLIES: dict[str, tuple[Any, Reply]] = {
    "an object": ({"hello": "world"}, Reply(200, (JSON,), b'{"hello":"world"}')),
    "a list": (["hello", 3, True], Reply(200, (JSON,), b'["hello",3,true]')),
    "a text": ("hello", Reply(200, (JSON,), b"hello")),
    "a number": (3, Reply(200, (JSON,), b"3")),
    "a fraction": (3.1, Reply(200, (JSON,), b"3.1")),
    "a truth": (True, Reply(200, (JSON,), b"true")),
    "nothing": (None, Reply(200, (JSON,), b"null")),
    "a shape": ({"statusCode": 200, "body": "body123"}, Reply(200, (JSON,), b"body123")),
    "a status in words": ({"statusCode": "418", "body": ""}, Reply(418, (JSON,), b"")),
    "headers": (
        {"statusCode": 201, "headers": {"Content-Type": "text/html", "X-A": 1, "content-length": "9"}, "body": "x"},
        Reply(201, (("content-type", "text/html"), ("x-a", "1")), b"x"),
    ),
    "cookies": (
        {"statusCode": 200, "cookies": ["a=1; Max-Age=5", "b=2"]},
        Reply(200, (JSON, ("set-cookie", "a=1; Max-Age=5"), ("set-cookie", "b=2")), b""),
    ),
    "an encoded body": ({"statusCode": 200, "body": "eA==", "isBase64Encoded": True}, Reply(200, (JSON,), b"x")),
    "a header that would be two": (
        {"statusCode": 200, "headers": {"x": "a\r\nset-cookie: b"}},
        Reply(200, (("x", "aset-cookie: b"), JSON), b""),
    ),
    "a bad status": ({"statusCode": "fine"}, FAILED),
    "a bad encoding": ({"statusCode": 200, "body": "!", "isBase64Encoded": True}, FAILED),
}


@pytest.mark.parametrize(("answer", "expected"), REPLIES.values(), ids=REPLIES)
def test_an_answer_becomes_a_response(answer: Any, expected: Reply) -> None:
    assert reply(json.dumps(answer).encode()) == expected


def test_an_answer_that_is_no_json_is_passed_on() -> None:
    assert reply(b"<html>").body == b"<html>"


@given(st.binary(max_size=60))
def test_no_answer_breaks_it(payload: bytes) -> None:
    assert 100 <= reply(payload).status <= 599


@given(st.binary(min_size=1, max_size=30), st.lists(st.integers(1, 5), max_size=20))
def test_a_prelude_is_found_however_it_is_cut(body: bytes, cuts: list[int]) -> None:
    whole = b'{"statusCode":418,"headers":{"x-a":"b"}}' + bytes(8) + body
    prelude, head, rest = Prelude(), None, b""
    for size in [*cuts, len(whole)]:
        piece, whole = whole[:size], whole[size:]
        if head is None:
            head = prelude.feed(piece)
        else:
            rest += piece
    assert head is not None
    assert (head.status, head.headers[0], head.body + rest) == (418, ("x-a", "b"), body)


def test_a_stream_without_a_prelude_is_all_body() -> None:
    assert Prelude().feed(b"plain") == Reply(200, (("content-type", "application/octet-stream"),), b"plain")
    unfinished = Prelude()
    assert unfinished.feed(b'{"a": 1}') is None
    assert unfinished.end().body == b'{"a": 1}'


def test_cors() -> None:
    cors = Cors(
        allow_origins=("https://a.example", "http://*"), allow_methods=("GET",), allow_headers=("x",), max_age_s=5
    )
    assert allows(cors, "https://a.example")
    assert allows(cors, "http://anything")
    assert not allows(cors, "https://b.example")
    assert not allows(None, "https://a.example")
    assert list(cors_headers(cors, "https://b.example", preflight=True)) == []
    assert dict(cors_headers(cors, "https://a.example", preflight=True)) == {
        "access-control-allow-origin": "https://a.example",
        "vary": "Origin",
        "access-control-allow-methods": "GET",
        "access-control-allow-headers": "x",
        "access-control-max-age": "5",
    }
    everyone = Cors(allow_origins=("*",), expose_headers=("y",))
    assert dict(cors_headers(everyone, "https://x", preflight=False)) == {
        "access-control-allow-origin": "*",
        "access-control-expose-headers": "y",
    }
