"""The order and the spelling of Python 2.7, on which the ids of API deployments rest."""

from __future__ import annotations

from typing import Any

import pytest

from runner.loader.sam.apis.deployment_hash import Table, Written, reinsert, settle, text_of, unmark

# Orders as Python 2.7 printed them.
ORDERS = [
    (["swagger", "info", "paths"], ["info", "paths", "swagger"]),
    (["type", "httpMethod", "uri"], ["httpMethod", "type", "uri"]),
    (["/{proxy+}", "/{proxy++}"], ["/{proxy++}", "/{proxy+}"]),
    (["/{proxy++}", "/{proxy+}"], ["/{proxy+}", "/{proxy++}"]),
]


@pytest.mark.parametrize(("inserted", "expected"), ORDERS)
def test_order(inserted: list[str], expected: list[str]) -> None:
    assert Table(inserted).order() == expected


def test_copying_can_swap_entries_that_collide() -> None:
    paths = {"/{proxy+}": 1, "/{proxy++}": 2}
    reinsert(paths)
    assert Table(paths).order() == ["/{proxy+}", "/{proxy++}"]


def test_a_deleted_entry_leaves_room_for_the_next() -> None:
    body = {"swagger": "2.0", "info": {}, "paths": {}, "openapi": "3.0.1"}
    table = Table(["swagger", "info", "paths"])
    table.delete("swagger")
    table.insert("openapi")
    assert set(table.order()) == {"info", "paths", "openapi"}
    assert list(settle(body, table)) == table.order()


TEXTS: list[tuple[Any, str]] = [
    ({Written("a"): "b"}, "{u'a': 'b'}"),
    (Written("it's"), 'u"it\'s"'),
    ("'\"", "'\\'\"'"),
    (Written("é\n‘"), "u'\\xe9\\n\\u2018'"),
    ([True, None, 2, 2.5], "[True, None, 2, 2.5]"),
]


@pytest.mark.parametrize(("value", "expected"), TEXTS)
def test_text(value: Any, expected: str) -> None:
    assert text_of(value) == expected


def test_marks_do_not_reach_the_output() -> None:
    value = {Written("a"): [Written("b"), {"c": Written("d")}]}
    assert unmark(value) is value
    assert [type(key) for key in value] == [str]
    assert {type(value["a"][0]), type(value["a"][1]["c"])} == {str}
