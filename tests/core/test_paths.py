"""The JSON paths of input paths and transformers."""

from __future__ import annotations

from typing import Any

import pytest

from runner.core.paths import MISSING, PathError, parse_path

EVENT: dict[str, Any] = {
    "detail-type": "x",
    "detail": {"a": [{"b": 1}, {"b": 2}, {"c": 3}], "null": None, "d/e": "slash", "n_1": {"x": "y"}},
}

FOUND = [
    ("$", EVENT),
    ("$.detail-type", "x"),
    ("$.detail.n_1.x", "y"),
    ("$.detail.d/e", "slash"),
    ("$.detail.a[0]", {"b": 1}),
    ("$.detail.a[1].b", 2),
    ("$.detail.a[*].b", [1, 2]),
    ("$.detail.n_1.*", ["y"]),
    ("$.detail.null", None),
    ("$.detail.a[9]", MISSING),
    ("$.detail.nothing.at.all", MISSING),
    ("$.detail-type.x", MISSING),
    ("$.detail.a.b", MISSING),
    ("$.detail.a[*].z", MISSING),
]


@pytest.mark.parametrize(("path", "value"), FOUND, ids=[row[0] for row in FOUND])
def test_what_a_path_selects(path: str, value: Any) -> None:
    found = parse_path(path).select(EVENT)
    assert found is value if value is MISSING else found == value


@pytest.mark.parametrize(
    "path", ["", "detail", "$detail", "$.detail['k']", '$.a["k"]', "$.", "$..a", "$.a[", "$.a[-1]", "$. a"]
)
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(PathError):
        parse_path(path)
