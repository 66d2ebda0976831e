"""Each row is one sentence of the pattern language; the id is the sentence.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-create-pattern-operators.html
"""

from __future__ import annotations

import pytest

from runner.core.patterns import compile_pattern, compile_rules

TABLE = [
    ("a literal string is equal", '{"a":["x"]}', '{"a":"x"}', True),
    ("case matters", '{"a":["x"]}', '{"a":"X"}', False),
    ("keys are case-sensitive too", '{"A":["x"]}', '{"a":"x"}', False),
    ("values of one field are alternatives", '{"a":["x","y"]}', '{"a":"y"}', True),
    ("fields must all match", '{"a":["x"],"b":["y"]}', '{"a":"x"}', False),
    ("fields not named are ignored", '{"a":["x"]}', '{"a":"x","b":[{}]}', True),
    ("no folding of accents", '{"a":["é"]}', '{"a":"e\\u0301"}', False),
    ("escapes are decoded first", '{"a":["\\u00e9\\ud83d\\ude80"]}', '{"a":"é🚀"}', True),
    ("300 is 300.0", '{"a":[300]}', '{"a":300.0}', True),
    ("300 is 3.0e2", '{"a":[3.0e2]}', '{"a":300}', True),
    ("300 is not the string", '{"a":[300]}', '{"a":"300"}', False),
    ("zero has no sign", '{"a":[-0.0]}', '{"a":0}', True),
    ("long numbers equal their own digits", '{"a":[123456789012345678]}', '{"a":123456789012345678}', True),
    ("and no other spelling", '{"a":[123456789012345678]}', '{"a":1.23456789012345678e17}', False),
    ("nor a neighbour that shares the double", '{"a":[123456789012345678]}', '{"a":123456789012345679}', False),
    ("a number too large for a double is text", '{"a":[1e400]}', '{"a":1e400}', True),
    ("true is not 1", '{"a":[1]}', '{"a":true}', False),
    ("1 is not true", '{"a":[true]}', '{"a":1}', False),
    ("true is not its text", '{"a":["true"]}', '{"a":true}', False),
    ("null is null", '{"a":[null]}', '{"a":null}', True),
    ("null is not absence", '{"a":[null]}', "{}", False),
    ("null is not an empty array", '{"a":[null]}', '{"a":[]}', False),
    ("an empty string is not null", '{"a":[""]}', '{"a":null}', False),
    ("arrays are transparent", '{"a":[1]}', '{"a":[[0],[1]]}', True),
    ("objects in arrays are, too", '{"a":{"b":[1]}}', '{"a":[[{"b":1}]]}', True),
    ("fields come from the same element", '{"a":{"b":[1],"c":[2]}}', '{"a":[{"b":1},{"c":2}]}', False),
    ("which may be any element", '{"a":{"b":[1],"c":[2]}}', '{"a":[{"b":1},{"b":1,"c":2}]}', True),
    ("scalars of one array are independent", '{"a":{"b":[1],"c":[2]}}', '{"a":{"b":[1,9],"c":[0,2]}}', True),
    (
        "different arrays are independent",
        '{"a":{"x":[1]},"b":{"x":[1]}}',
        '{"a":[{"x":0},{"x":1}],"b":[{"x":1}]}',
        True,
    ),
    (
        "inner arrays count as well",
        '{"l":{"x":[1],"m":{"y":[2]}}}',
        '{"l":[{"x":1,"m":[{"y":1}]},{"x":2,"m":[{"y":2}]}]}',
        False,
    ),
    ("a dot joins keys in the event", '{"a":{"b":[1]}}', '{"a.b":1}', True),
    ("and in the pattern", '{"a.b":[1]}', '{"a":{"b":1}}', True),
    ("JSON in a string is a string", '{"d":{"a":["x"]}}', '{"d":"{\\"a\\":\\"x\\"}"}', False),
    ("the last of two keys counts in a pattern", '{"a":[1],"a":[2]}', '{"a":1}', False),
    ("what follows the object is ignored", '{"a":[1]} x', '{"a":1}', True),
    ("prefix", '{"a":[{"prefix":"ab"}]}', '{"a":"abc"}', True),
    ("the empty prefix takes any string", '{"a":[{"prefix":""}]}', '{"a":""}', True),
    ("but no number", '{"a":[{"prefix":""}]}', '{"a":1}', False),
    ("prefix ignoring case", '{"a":[{"prefix":{"equals-ignore-case":"ÉC"}}]}', '{"a":"éco"}', True),
    ("suffix", '{"a":[{"suffix":"雨"}]}', '{"a":"大雨"}', True),
    ("suffix ignoring case", '{"a":[{"suffix":{"equals-ignore-case":".png"}}]}', '{"a":"x.PNG"}', True),
    (
        "suffix ignoring case needs the end",
        '{"a":[{"suffix":{"equals-ignore-case":".png"}}]}',
        '{"a":"x.PNG.b"}',
        False,
    ),
    ("ignoring case", '{"a":[{"equals-ignore-case":"AbC"}]}', '{"a":"aBc"}', True),
    ("ignoring case takes the whole", '{"a":[{"equals-ignore-case":"ab"}]}', '{"a":"abc"}', False),
    ("case is folded by the pattern's characters", '{"a":[{"equals-ignore-case":"straße"}]}', '{"a":"STRASSE"}', True),
    ("and not by the event's", '{"a":[{"equals-ignore-case":"STRASSE"}]}', '{"a":"straße"}', False),
    ("the Kelvin sign is no k", '{"a":[{"equals-ignore-case":"K"}]}', '{"a":"\\u212a"}', False),
    ("a star takes nothing", '{"a":[{"wildcard":"a*b"}]}', '{"a":"ab"}', True),
    ("and lines", '{"a":[{"wildcard":"a*b"}]}', '{"a":"a\\nb"}', True),
    ("pieces do not overlap", '{"a":[{"wildcard":"aba*aba"}]}', '{"a":"ababa"}', False),
    ("middle pieces come in order", '{"a":[{"wildcard":"*b*a*"}]}', '{"a":"xaxb"}', False),
    ("an escaped star is a star", '{"a":[{"wildcard":"a\\\\*b"}]}', '{"a":"a*b"}', True),
    ("and nothing else", '{"a":[{"wildcard":"a\\\\*b"}]}', '{"a":"axb"}', False),
    ("a wildcard takes no number", '{"a":[{"wildcard":"*"}]}', '{"a":1}', False),
    ("the empty wildcard takes the empty string", '{"a":[{"wildcard":""}]}', '{"a":""}', True),
    ("and no other", '{"a":[{"wildcard":""}]}', '{"a":"x"}', False),
    ("anything but", '{"a":[{"anything-but":"x"}]}', '{"a":"x"}', False),
    ("takes other types", '{"a":[{"anything-but":"x"}]}', '{"a":null}', True),
    ("needs the field", '{"a":[{"anything-but":"x"}]}', '{"a":[]}', False),
    ("one differing element is enough", '{"a":[{"anything-but":"x"}]}', '{"a":["x","y"]}', True),
    ("compares numbers as numbers", '{"a":[{"anything-but":[1,2]}]}', '{"a":2e0}', False),
    ("but a number", '{"a":[{"anything-but":1}]}', '{"a":"1"}', True),
    ("but a prefix", '{"a":[{"anything-but":{"prefix":["x","y"]}}]}', '{"a":"yz"}', False),
    ("but a prefix, other types", '{"a":[{"anything-but":{"prefix":"x"}}]}', '{"a":5}', True),
    ("but a suffix", '{"a":[{"anything-but":{"suffix":".txt"}}]}', '{"a":"a.txt"}', False),
    ("but ignoring case", '{"a":[{"anything-but":{"equals-ignore-case":["A","b"]}}]}', '{"a":"B"}', False),
    ("but a wildcard", '{"a":[{"anything-but":{"wildcard":"*/x/*"}}]}', '{"a":"1/x/2"}', False),
    ("two of them are an alternative", '{"a":[{"anything-but":"a"},{"anything-but":"b"}]}', '{"a":"a"}', True),
    ("numeric range, bottom open", '{"a":[{"numeric":[">",0,"<=",5]}]}', '{"a":0}', False),
    ("numeric range, top closed", '{"a":[{"numeric":[">",0,"<=",5]}]}', '{"a":5.0}', True),
    ("numeric takes no strings", '{"a":[{"numeric":[">",0]}]}', '{"a":"7"}', False),
    ("numeric takes no true", '{"a":[{"numeric":["=",1]}]}', '{"a":true}', False),
    ("numeric takes only doubles", '{"a":[{"numeric":[">",0]}]}', '{"a":123456789012345678}', False),
    ("exists, and null does", '{"a":[{"exists":true}]}', '{"a":null}', True),
    ("only leaves exist", '{"a":[{"exists":true}]}', '{"a":{"b":1}}', False),
    ("an empty array is nothing", '{"a":[{"exists":false}]}', '{"a":[]}', True),
    ("an object is no leaf", '{"a":[{"exists":false}]}', '{"a":{"b":1}}', True),
    ("absent or equal", '{"a":[{"exists":false},1]}', '{"a":1}', True),
    ("absent or equal, neither", '{"a":[{"exists":false},1]}', '{"a":2}', False),
    ("absent in all elements", '{"a":{"b":[{"exists":false}]}}', '{"a":[{"b":1},{"c":1}]}', False),
    ("absent in the element found before", '{"a":{"b":[1],"c":[{"exists":false}]}}', '{"a":[{"b":1},{"c":1}]}', True),
    ("cidr", '{"a":[{"cidr":"10.0.0.77/24"}]}', '{"a":"10.0.0.255"}', True),
    ("cidr is no text", '{"a":[{"cidr":"10.0.0.0/24"}]}', '{"a":"10.0.0.256"}', False),
    ("cidr of version 6", '{"a":[{"cidr":"2001:db8::/64"}]}', '{"a":"2001:0db8:0:0::9"}', True),
    ("mask 0 takes both families", '{"a":[{"cidr":"::/0"}]}', '{"a":"1.2.3.4"}', True),
    ("addresses are compared by value", '{"a":["::1"]}', '{"a":"0:0:0:0:0:0:0:1"}', True),
    ("leading zeros included", '{"a":["10.0.0.1"]}', '{"a":"010.0.0.1"}', True),
    ("what only looks like one is text", '{"a":["12:30"]}', '{"a":"12:30"}', True),
    ("$or is an alternative", '{"$or":[{"a":[1]},{"b":[2]}]}', '{"b":2}', True),
    ("beside what must hold", '{"x":[1],"$or":[{"a":[1]},{"b":[2]}]}', '{"x":2,"b":2}', False),
    ("within an object", '{"d":{"$or":[{"a":[1]},{"b":[2]}]}}', '{"d":{"b":2}}', True),
    ("within itself", '{"$or":[{"$or":[{"a":[1]},{"b":[1]}]},{"c":[1]}]}', '{"b":1}', True),
    ("a later field overrides a branch", '{"$or":[{"a":[2]},{"b":[3]}],"a":[1]}', '{"a":2,"b":3}', False),
    ("a branch overrides an earlier field", '{"a":[1],"$or":[{"a":[2]},{"b":[3]}]}', '{"a":2}', True),
    ("no field under an inner empty key", '{"a":{"":[1]}}', '{"a":{"":1}}', False),
]


@pytest.mark.parametrize(("pattern", "event", "matches"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_a_pattern_and_an_event(pattern: str, event: str, matches: bool) -> None:
    compiled = compile_pattern(pattern)
    assert compiled.matches(event) is matches
    assert compiled.matches(event.encode()) is matches
    assert compile_rules({"only": compiled}).match(event) == (["only"] if matches else [])


def test_a_document_is_a_pattern() -> None:
    assert compile_pattern({"detail": {"a": [{"prefix": "é"}]}}).matches('{"detail": {"a": "été"}}')


def test_an_event_that_is_no_object_matches_nothing() -> None:
    assert not compile_pattern('{"a":[{"exists":false}],"b":[1]}').matches("[1]")


def test_broken_events_are_the_callers_affair() -> None:
    with pytest.raises(ValueError, match="Expecting"):
        compile_pattern('{"a":[1]}').matches("{")
