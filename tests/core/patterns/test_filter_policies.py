"""SNS filter policies: over attributes, over bodies, and their limits.

Source: https://docs.aws.amazon.com/sns/latest/dg/subscription-filter-policy-constraints.html
"""

from __future__ import annotations

import pytest

from runner.core.patterns import PatternError, compile_filter_policy, policy_message

ATTRIBUTES = {
    "store": ("String", "example"),
    "price": ("Number", "100.50"),
    "interests": ("String.Array", '["soccer", "rugby", true, 7]'),
    "blob": ("Binary", "AAA="),
    "not_a_list": ("String.Array", "soccer"),
}

TABLE = [
    ("strings compare as strings", '{"store": ["example"]}', True),
    ("numbers compare as numbers", '{"price": [{"numeric": ["=", 100.5]}]}', True),
    ("a number is no string", '{"price": ["100.50"]}', False),
    ("any element of an array", '{"interests": ["rugby"]}', True),
    ("booleans in arrays", '{"interests": [true]}', True),
    ("numbers in arrays", '{"interests": [{"numeric": [">", 6]}]}', True),
    ("anything-but takes one that differs", '{"interests": [{"anything-but": ["soccer"]}]}', True),
    ("an array that is none matches nothing", '{"not_a_list": [{"exists": true}]}', False),
    ("binary attributes are not looked at", '{"blob": [{"exists": true}]}', False),
    ("a missing attribute fails", '{"event": ["x"]}', False),
    ("unless it must be missing", '{"event": [{"exists": false}]}', True),
    ("keys must all match", '{"store": ["example"], "event": ["x"]}', False),
    ("$or", '{"$or": [{"event": ["x"]}, {"store": ["example"]}]}', True),
    ("the empty policy takes all", "{}", True),
]


@pytest.mark.parametrize(("policy", "passes"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_attributes(policy: str, passes: bool) -> None:
    assert compile_filter_policy(policy).matches("ignored", ATTRIBUTES) is passes


BODIES = [
    ('{"a": {"b": ["x"]}}', '{"a": [{"b": "x"}]}', True),
    ('{"a": {"b": ["x"]}}', '{"a": {"b": "y"}}', False),
    ('{"a": [{"exists": false}]}', "no json", False),
    ('{"a": [{"exists": false}]}', '["x"]', False),
    ("{}", "no json", True),
]


@pytest.mark.parametrize(("policy", "body", "passes"), BODIES)
def test_bodies(policy: str, body: str, passes: bool) -> None:
    assert compile_filter_policy(policy, "MessageBody").matches(body, {}) is passes


BAD = [
    ('{"key":[]}', 'Empty arrays are not allowed\n at [Source: (String)"{"key":[]}"; line: 1, column: 10]'),
    ('{"key":[{"cidr":"x"}]}', "Malformed CIDR, one '/' required"),
    (
        "invalid",
        "failed to parse JSON. Unrecognized token 'invalid': was expecting (JSON String, Number, Array, Object or "
        "token 'null', 'true' or 'false')\n "
        "at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
        "line: 1, column: 8]",
    ),
    ('{"a":{"b":["x"]}}', "Filter policy scope MessageAttributes does not support nested filter policy"),
    ('{"a":[1],"b":[1],"c":[1],"d":[1],"e":[1],"f":[1]}', "Filter policy can not have more than 5 keys"),
    ('{"a":[1,2,3,4,5,6],"b":[1,2,3,4,5,6],"c":[1,2,3,4,5,6]}', "Filter policy is too complex"),
]


@pytest.mark.parametrize(("policy", "message"), BAD, ids=[row[0] for row in BAD])
def test_a_bad_policy(policy: str, message: str) -> None:
    with pytest.raises(PatternError) as caught:
        compile_filter_policy(policy)
    assert policy_message(caught.value) == message
