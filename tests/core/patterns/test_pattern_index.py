"""The index agrees with matching pattern by pattern, whatever the patterns and the events."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from runner.core.patterns import Index, compile_pattern, compile_rules

NAMES = st.sampled_from(["a", "b", "c", "a.b", "d"])
SCALARS = st.sampled_from(["x", "y", "xy", "10.0.0.1", "", 0, 1, 1.0, 1.5, True, False, None, 2**60])
TEXTS = st.sampled_from(["x", "y", "xy", "X"])
OPERATORS = st.one_of(
    SCALARS,
    TEXTS.map(lambda text: {"prefix": text}),
    TEXTS.map(lambda text: {"suffix": text}),
    TEXTS.map(lambda text: {"equals-ignore-case": text}),
    TEXTS.map(lambda text: {"anything-but": text}),
    TEXTS.map(lambda text: {"anything-but": {"prefix": text}}),
    TEXTS.map(lambda text: {"wildcard": f"*{text}"}),
    st.booleans().map(lambda there: {"exists": there}),
    st.just({"numeric": [">", 0, "<=", 1]}),
    st.just({"cidr": "10.0.0.0/8"}),
)
LEAVES = st.lists(OPERATORS, min_size=1, max_size=3)


def _pattern(children: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    fields = st.dictionaries(NAMES, children, min_size=1, max_size=3)
    either = st.lists(fields, min_size=2, max_size=2).map(lambda two: {"$or": two})
    return st.one_of(fields, either, st.tuples(fields, either).map(lambda both: both[0] | both[1]))


PATTERNS = _pattern(st.recursive(LEAVES, lambda inner: st.one_of(inner, _pattern(inner)), max_leaves=4))
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=3)),
    max_leaves=8,
)
EVENTS = st.dictionaries(NAMES, VALUES, max_size=4)


@given(st.lists(PATTERNS, max_size=6), EVENTS)
def test_the_index_finds_what_each_pattern_finds(patterns: list[Any], event: dict[str, Any]) -> None:
    text = json.dumps(event)
    compiled = {f"rule{number}": compile_pattern(pattern) for number, pattern in enumerate(patterns)}
    assert compile_rules(compiled).match(text) == [name for name, one in compiled.items() if one.matches(text)]


CHANGES = st.lists(st.tuples(st.integers(0, 4), st.one_of(st.none(), PATTERNS)), max_size=12)


@given(st.lists(PATTERNS, max_size=5), CHANGES, st.lists(EVENTS, min_size=1, max_size=3))
def test_an_index_that_was_changed_finds_what_a_new_one_finds(
    patterns: list[Any], changes: list[tuple[int, Any]], events: list[dict[str, Any]]
) -> None:
    now = {number: compile_pattern(pattern) for number, pattern in enumerate(patterns)}
    index = Index(now)
    for number, pattern in changes:
        if pattern is None:
            now.pop(number, None)
            index.drop(number)
        else:
            now[number] = compile_pattern(pattern)
            index.put(number, now[number])
    for event in events:
        text = json.dumps(event)
        assert index.match(text) == [number for number, one in now.items() if one.matches(text)]
    for number in list(now):
        index.drop(number)
    assert len(index) == 0
    assert all(not content for name, content in vars(index).items() if isinstance(content, dict)), vars(index)


@given(st.lists(PATTERNS, min_size=1, max_size=4), EVENTS)
def test_the_order_of_fields_changes_nothing_but_overriding(patterns: list[Any], event: dict[str, Any]) -> None:
    text = json.dumps(event)
    for pattern in patterns:
        if "$or" not in json.dumps(pattern):
            turned = json.dumps(pattern, sort_keys=True)
            if not _repeats(pattern):
                assert compile_pattern(pattern).matches(text) == compile_pattern(turned).matches(text)


def _repeats(pattern: dict[str, Any]) -> bool:
    """Whether two spellings of one path (`a.b` and `a`/`b`) occur, where the later overrides."""
    paths: list[str] = []

    def walk(value: Any, path: str) -> None:
        if isinstance(value, dict):
            for key, child in value.items():
                walk(child, f"{path}.{key}")
        else:
            paths.append(path)

    walk(pattern, "")
    return len(paths) != len(set(paths))


def test_many_rules_are_matched_in_the_order_given() -> None:
    rules = {n: {"source": ["shop" if n % 2 else "bank"], "detail": {"n": [n % 10]}} for n in range(1000)}
    found = compile_rules(rules).match('{"source": "shop", "detail": {"n": 7}}')
    assert found == [n for n in range(1000) if n % 10 == 7]
