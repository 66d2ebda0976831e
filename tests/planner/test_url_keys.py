"""A function URL is deployed under the function, or the alias, that it leads to."""

from __future__ import annotations

from pathlib import Path

import pytest

from runner.model.function import Url
from runner.model.stack import Position, Resource, Stack
from runner.planner.desired import wanted

FUNCTION = "arn:aws:lambda:us-east-1:000000000000:function:work"


@pytest.mark.parametrize(
    ("target", "qualifier", "key"),
    [
        ("work", None, "work"),
        (FUNCTION, None, "work"),
        (FUNCTION, "live", "work:live"),
        (f"{FUNCTION}:live", None, "work:live"),
        (f"{FUNCTION}:live", "live", "work:live"),
    ],
    ids=["a name", "an ARN", "a qualifier", "an alias's ARN", "both"],
)
def test_a_url_is_kept_under_what_it_leads_to(target: str, qualifier: str | None, key: str) -> None:
    noun = Url(auth_type="NONE", target_function_arn=target, qualifier=qualifier)
    resource = Resource("Url", "AWS::Lambda::Url", {}, noun, "url", Position("stack.yaml", 1, 1))
    (item,) = wanted(Stack("shop", Path("stack.yaml"), {"Url": resource}))
    assert item.key == key
