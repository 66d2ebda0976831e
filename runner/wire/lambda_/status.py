"""The states of a function that the API made or changed: pending for a moment, then active.

Nothing here takes as long as on AWS, so the moment is short; but it exists, because waiters, revision ids and the
refusal of overlapping updates are part of what callers see. It is computed from when the change was made, not kept:
what a stack file deploys is active at once.

Source: https://docs.aws.amazon.com/lambda/latest/dg/functions-states.html
"""

from __future__ import annotations

from runner.host.clock import Clock
from runner.model.function import FunctionVersion
from runner.model.names import LATEST, derived_uuid
from runner.model.state import Deployed
from runner.wire.lambda_.errors import conflict

SETTLE_S = 0.3
CREATING = "The function is being created."
NOT_NOW = "The operation cannot be performed at this time. {}"


def settling(changed_at: float, now: float) -> bool:
    """Whether a change made through the API at that time (0: there was none) still takes effect."""
    return 0.0 < changed_at <= now < changed_at + SETTLE_S


def pending(deployed: Deployed[FunctionVersion], now: float) -> bool:
    """Whether the function (or version) is still being created; what a stack file made was made at once."""
    made_here = not deployed.owner and deployed.noun.updated_at == deployed.created_at
    return made_here and settling(deployed.noun.updated_at, now)


def updating(deployed: Deployed[FunctionVersion], now: float) -> bool:
    """Whether an update is in progress."""
    return settling(deployed.noun.updated_at, now) and not pending(deployed, now)


def revision_id(deployed: Deployed[FunctionVersion], now: float) -> str:
    """It changes with every update, and once more when the update has taken effect."""
    noun = deployed.noun
    if noun.updated_at <= 0.0 or settling(noun.updated_at, now):
        return deployed.revision_id
    return derived_uuid(deployed.revision_id, "settled")


def state_members(deployed: Deployed[FunctionVersion], now: float) -> dict[str, str]:
    """`State` and `LastUpdateStatus` with their reasons."""
    if pending(deployed, now):
        return {"State": "Pending", "StateReason": CREATING, "StateReasonCode": "Creating"}
    if updating(deployed, now):
        return {
            "State": "Active",
            "LastUpdateStatus": "InProgress",
            "LastUpdateStatusReason": CREATING,
            "LastUpdateStatusReasonCode": "Creating",
        }
    return {"State": "Active", "LastUpdateStatus": "Successful"}


def check_invocable(deployed: Deployed[FunctionVersion], clock: Clock) -> None:
    """A function that is being created cannot be invoked yet."""
    if deployed.noun.updated_at and deployed.noun.version == LATEST and pending(deployed, clock.now()):
        raise conflict(NOT_NOW.format("The function is currently in the following state: Pending"))


def check_updatable(deployed: Deployed[FunctionVersion], arn: str, now: float) -> None:
    """One update at a time."""
    if pending(deployed, now):
        raise conflict(NOT_NOW.format("The function is currently in the following state: Pending"))
    if updating(deployed, now):
        raise conflict(NOT_NOW.format(f"An update is in progress for resource: {arn}"))
