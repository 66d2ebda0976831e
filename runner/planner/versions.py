"""Which published version each `AWS::Lambda::Version` of a stack means: one that stands, or the next number.

AWS publishes a version only if code or configuration changed since the last one; SAM's `AutoPublishAlias` asks for
one at every deployment, a plain `AWS::Lambda::Version` only when the resource itself is new or changed.
Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-versions.html
        https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/automating-updates-to-serverless-apps.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from runner.model.function import FunctionVersion, ProvisionedConcurrencyConfig, Version
from runner.model.names import LATEST, function_reference
from runner.model.stack import Resource
from runner.model.state import Deployed, State
from runner.planner.changes import Reason


@dataclass(frozen=True, slots=True)
class Publication:
    """The version a declaration stands for. `reasons` is empty where it stands already."""

    logical_id: str
    version: FunctionVersion
    reasons: tuple[Reason, ...]


Published = Sequence[Deployed[FunctionVersion]]
"""The published versions of one function, without `$LATEST`."""


def published_by_function(state: State) -> Mapping[str, Published]:
    """All published versions, by their function's name."""
    found: dict[str, list[Deployed[FunctionVersion]]] = {}
    for deployed in state.of(FunctionVersion).values():
        if deployed.noun.version != LATEST:
            found.setdefault(deployed.noun.name, []).append(deployed)
    return found


def newest(published: Published) -> FunctionVersion | None:
    """The one with the highest number."""
    return max((d.noun for d in published), key=lambda version: int(version.version), default=None)


def last_published(state: State, name: str) -> FunctionVersion | None:
    """The highest published version of a function."""
    return newest(published_by_function(state).get(name, ()))


def change_reasons(before: FunctionVersion, after: FunctionVersion) -> tuple[Reason, ...]:
    """Why two versions are not the same; empty if they are."""
    old, new = before.identity(), after.identity()
    code = old["artifact"] != new["artifact"] or old["layers"] != new["layers"]
    configuration = old["config"] != new["config"]
    return tuple(reason for reason, holds in ((Reason.CODE, code), (Reason.CONFIGURATION, configuration)) if holds)


def publish(
    latest: FunctionVersion,
    description: str | None = None,
    provisioned: ProvisionedConcurrencyConfig | None = None,
) -> FunctionVersion:
    """`$LATEST` as the next published version."""
    return latest.model_copy(
        update={
            "version": str(latest.next_version),
            "description": latest.config.description if description is None else description,
            "next_version": 1,
            "provisioned": provisioned,
            "updated_at": 0.0,
        }
    )


def publication(
    resource: Resource, declared: Version, latest: FunctionVersion, published: Published, owner: str
) -> Publication:
    """The version that a declaration stands for, given the `$LATEST` that the same plan deploys."""
    mine = newest([deployed for deployed in published if deployed.owner == owner])
    last = newest(published)
    automatic = re.fullmatch(r".+Version[0-9a-f]{10}", resource.logical_id) is not None
    if mine is not None and not automatic and mine.description == (declared.description or mine.description):
        return Publication(resource.logical_id, mine, ())
    if last is not None and not (reasons := change_reasons(last, latest)):
        return Publication(resource.logical_id, last, ())
    if last is None:
        reasons = (Reason.NOT_DEPLOYED,)
    return Publication(resource.logical_id, publish(latest, declared.description), reasons)


def function_of(declared: Version) -> str:
    return function_reference(declared.function_name)[0]
