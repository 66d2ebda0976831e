"""Patterns that are valid and still match nothing that a bus carries."""

from __future__ import annotations

import pytest

from runner.core.patterns import compile_pattern, never_matches

NEVER = [
    ('{"detailType": ["x"]}', "detailType"),
    ('{"order": {"id": ["x"]}}', "order.id"),
    ('{"source": {"x": ["y"]}}', "source.x"),
    ('{"detail": ["x"]}', "detail"),
    ('{"account": [123456789012]}', "account"),
    ('{"account": ["123"]}', "account"),
    ('{"version": ["1"]}', "version"),
    ('{"source": [{"exists": false}]}', "source"),
    ('{"source": [{"numeric": ["=", 1]}]}', "source"),
    ('{"source": ["x"], "$or": [{"a": ["x"]}, {"detail-type": [1]}]}', "a"),
]
MAYBE = [
    '{"source": ["x"], "detail": {"a": [1]}}',
    '{"detail-type": [{"prefix": "x"}]}',
    '{"replay-name": [{"exists": false}], "detail": {"a": [{"exists": false}]}}',
    '{"a": [{"exists": false}]}',
    '{"resources": ["arn"]}',
    '{"$or": [{"a": ["x"]}, {"source": ["x"]}]}',
    '{"account": ["123456789012"], "version": ["0"], "detail.a.b": [1]}',
    '{"detail-type.x": [{"exists": false}]}',
]


@pytest.mark.parametrize(("pattern", "path"), NEVER)
def test_never(pattern: str, path: str) -> None:
    assert never_matches(compile_pattern(pattern))[0].path == path


@pytest.mark.parametrize("pattern", MAYBE)
def test_maybe(pattern: str) -> None:
    assert never_matches(compile_pattern(pattern)) == ()
