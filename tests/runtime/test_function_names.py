"""A function is found by its name, or by its logical id; the choice that there is, is told."""

from __future__ import annotations

import pytest

from runner.model.function import Function, FunctionVersion
from runner.model.state import Deployed, State
from runner.runtime.function_names import called, known


def function(name: str, owner: str, version: str = "$LATEST") -> Deployed[FunctionVersion]:
    noun = FunctionVersion(name=name, version=version, config=Function.model_validate({"Code": {}}), artifact="a")
    return Deployed(name if version == "$LATEST" else f"{name}:{version}", noun, owner)


THERE = State().with_changes(
    [
        function("orders-place", "orders/PlaceFunction"),
        function("orders-place", "orders/PlaceFunction", "1"),
        function("Charge", "orders/Charge"),
        function("by-hand", ""),
        function("swapped", "orders/by-hand"),  # its logical id is another one's name
    ]
)
CALLED = {
    "orders-place": "orders-place",
    "PlaceFunction": "orders-place",
    "Charge": "Charge",
    "by-hand": "by-hand",
    "swapped": "swapped",
    "placefunction": None,
    "orders": None,
    "": None,
}


@pytest.mark.parametrize(("name", "found"), CALLED.items(), ids=CALLED)
def test_a_function_is_called(name: str, found: str | None) -> None:
    function = called(THERE, name)
    assert (function.name if function is not None else None) == found
    assert function is None or function.version == "$LATEST"


def test_the_choice_is_told() -> None:
    assert known(THERE) == "Functions: Charge, by-hand, orders-place (PlaceFunction), swapped (by-hand)."
    assert known(State()) == "Functions: none is deployed."
