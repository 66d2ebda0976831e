"""Versions that no alias points to are given up soon after they were last used."""

from __future__ import annotations

from runner.model.function import Alias, RoutingConfig, VersionWeight
from runner.model.state import Deployed, State
from runner.runtime.functions.service import aliased_versions


def test_every_version_that_an_alias_sends_traffic_to_is_current() -> None:
    weights = RoutingConfig(weights=(VersionWeight(function_version="3", weight=0.1),))
    arn = "arn:aws:lambda:us-east-1:000000000000:function:work"
    aliases = [
        Alias(function_name="work", name="live", function_version="2", routing=weights),
        Alias(function_name=arn, name="old", function_version="1"),
    ]
    state = State().with_changes(Deployed(f"work:{alias.name}", alias) for alias in aliases)
    assert aliased_versions(state) == {("work", "1"), ("work", "2"), ("work", "3")}
