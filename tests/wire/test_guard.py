"""Who may talk to the endpoint."""

from __future__ import annotations

import pytest

from runner.wire.guard import Guard

WELCOME = {
    "by address": {"host": "127.0.0.1:4566"},
    "by name": {"host": "localhost:4566"},
    "by name with a final dot": {"host": "LOCALHOST.:80"},
    "by IPv6 address": {"host": "[::1]:4566"},
    "below localhost": {"host": "sqs.us-east-1.localhost:4566"},
    "under AWS's own name, through a proxy": {"host": "lambda.us-east-1.amazonaws.com"},
    "without a host, as HTTP/1.0 may": {},
    "from a page served here": {"host": "localhost:4566", "origin": "http://localhost:3000"},
    "from the address bar": {"host": "localhost:4566", "sec-fetch-site": "none"},
}
REFUSED = {
    "a name that was made to resolve here": {"host": "evil.example:4566"},
    "a name that only looks local": {"host": "localhost.evil.example"},
    "a name that only contains an address": {"host": "127.0.0.1.evil.example:4566"},
    "a name that only ends like one of AWS": {"host": "evilamazonaws.com"},
    "another machine's address": {"host": "192.168.1.1:4566"},
    "a foreign page": {"host": "127.0.0.1:4566", "origin": "https://evil.example"},
    "a page in a bucket of somebody's": {"host": "127.0.0.1:4566", "origin": "http://evil.s3.amazonaws.com"},
    "a page without an origin": {"host": "127.0.0.1:4566", "origin": "null"},
    "an image in a foreign page": {"host": "127.0.0.1:4566", "sec-fetch-site": "cross-site"},
}


@pytest.mark.parametrize("headers", WELCOME.values(), ids=WELCOME.keys())
def test_local_programs_are_welcome(headers: dict[str, str]) -> None:
    guard = Guard()
    assert guard.refusal(headers) is None
    assert guard.refusal(headers) is None


@pytest.mark.parametrize("headers", REFUSED.values(), ids=REFUSED.keys())
def test_pages_and_foreign_names_are_refused(headers: dict[str, str]) -> None:
    guard = Guard()
    assert guard.refusal({"host": "localhost"}) is None
    assert guard.refusal(headers)
