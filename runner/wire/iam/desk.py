"""What IAM's operations share: finding things in State, changing it, names, ids, tags and pages."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from runner.host.clock import Clock
from runner.model.access import ManagedPolicy, PolicyHistory, Role
from runner.model.errors import ApiError
from runner.model.function import Tag
from runner.model.names import Arn, Place, derived_uuid
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.wire.operation import Members

T = TypeVar("T")

PLAIN_NAME = re.compile(r"[\w+=,.@-]+", re.ASCII)
PLAIN_PATH = re.compile(r"/|/[\x21-\x7f]+/")
MAX_TAGS = 50
DEFAULT_PAGE = 100
ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


class Desk:
    """State as IAM sees it."""

    def __init__(self, deployment: Deployment, place: Place, clock: Clock) -> None:
        self.deployment = deployment
        self.place = place
        self.clock = clock

    @property
    def state(self) -> State:
        return self.deployment.state

    async def change(self, decide: Callable[[State], State]) -> State:
        """One compare-and-set; `decide` may raise ApiError."""
        return await self.deployment.change(decide)

    def made(self, key: str, noun: Noun) -> Deployed[Any]:
        """A new resource of the API's."""
        now = self.clock.now()
        return Deployed(key, noun, "", now, now, derived_uuid("iam", key, str(now)))

    def changed(self, before: Deployed[Any], noun: Noun) -> Deployed[Any]:
        now = self.clock.now()
        return replace(before, noun=noun, modified_at=now, revision_id=derived_uuid("iam", before.key, str(now)))

    async def update(self, find: Callable[[State], Deployed[Any]], edit: Callable[[Any], Noun]) -> None:
        """Replace one noun by an edited one; nothing is written where nothing differs."""

        def decide(state: State) -> State:
            before = find(state)
            after = edit(before.noun)
            return state if after == before.noun else state.with_changes([self.changed(before, after)])

        await self.change(decide)


def role_of(state: State, name: str) -> Deployed[Role]:
    """Raises ApiError. Names are compared without regard to case, as IAM does."""
    found = state.get(Role, name)
    if found is None:
        lower = name.lower()
        found = next((deployed for key, deployed in state.of(Role).items() if key.lower() == lower), None)
    if found is None:
        raise no_such_entity(f"The role with name {name} cannot be found.")
    return found


def policy_of(state: State, arn: str, told: str = "was not found.") -> Deployed[ManagedPolicy]:
    """A customer's managed policy. Raises ApiError."""
    checked_arn(arn)
    found = state.get(ManagedPolicy, arn)
    if found is None:
        raise no_such_entity(f"Policy {arn} {told}")
    return found


def history_of(state: State, arn: str) -> PolicyHistory:
    found = state.get(PolicyHistory, arn)
    return PolicyHistory() if found is None else found.noun


def checked_arn(text: str) -> Arn:
    """Raises ApiError for what is no ARN."""
    arn = Arn.parse(text)
    if arn is None or arn.service != "iam" or not arn.resource.startswith("policy/"):
        raise ApiError("ValidationError", "Invalid ARN:  Could not be parsed!", 400)
    return arn


def is_aws_managed(arn: Arn) -> bool:
    return arn.account == "aws"


def no_such_entity(message: str) -> ApiError:
    return ApiError("NoSuchEntity", message, 404)


def checked_name(name: str, member: str) -> str:
    if PLAIN_NAME.fullmatch(name):
        return name
    allowed = "It must contain only alphanumeric characters and/or the following: +=,.@_-"
    raise ApiError("ValidationError", f"The specified value for {member} is invalid. {allowed}", 400)


def checked_path(members: Members) -> str:
    path = str(members.get("Path", "/"))
    if PLAIN_PATH.fullmatch(path) and len(path) <= 512:
        return path
    told = "It must begin and end with / and contain only alphanumeric characters and/or / characters."
    raise ApiError("ValidationError", f"The specified value for path is invalid. {told}", 400)


def tags_of(given: Iterable[Members]) -> tuple[Tag, ...]:
    """Tags of a request. Raises ApiError for repeated keys and too many."""
    tags = tuple(Tag(key=tag["Key"], value=tag.get("Value", "")) for tag in given)
    if len({tag.key.lower() for tag in tags}) < len(tags):
        raise ApiError("InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive.", 400)
    return bounded(tags)


def bounded(tags: tuple[Tag, ...]) -> tuple[Tag, ...]:
    if len(tags) > MAX_TAGS:
        raise ApiError("LimitExceeded", f"The number of tags has reached the maximum limit: {MAX_TAGS}.", 409)
    return tags


def with_tags(tags: Sequence[Tag], given: Iterable[Members]) -> tuple[Tag, ...]:
    """`tags` with those given added, or replaced under their key."""
    added = tags_of(given)
    keys = {tag.key.lower() for tag in added}
    return bounded((*(tag for tag in tags if tag.key.lower() not in keys), *added))


def without_tags(tags: Sequence[Tag], keys: Iterable[str]) -> tuple[Tag, ...]:
    gone = {key.lower() for key in keys}
    return tuple(tag for tag in tags if tag.key.lower() not in gone)


def tag_members(tags: Iterable[Tag]) -> list[dict[str, str]]:
    return [{"Key": tag.key, "Value": tag.value} for tag in tags]


def page(name: str, items: Sequence[T], members: Members) -> dict[str, Any]:
    """One page of a list under `name`. Raises ApiError for a marker that was not given out."""
    start = _read_marker(members.get("Marker"))
    end = start + int(members.get("MaxItems", DEFAULT_PAGE))
    answer: dict[str, Any] = {name: list(items[start:end]), "IsTruncated": end < len(items)}
    if end < len(items):
        answer["Marker"] = base64.b64encode(str(end).encode()).decode()
    return answer


def _read_marker(marker: str | None) -> int:
    if marker is None:
        return 0
    try:
        return max(0, int(base64.b64decode(marker, validate=True)))
    except ValueError:
        raise ApiError("ValidationError", "Invalid Marker.", 400) from None


def unique_id(prefix: str, deployed: Deployed[Any]) -> str:
    """IAM's opaque id: four letters of its kind, seventeen more; the same as long as the resource lives."""
    digest = hashlib.sha256(f"{deployed.key}/{deployed.created_at}".encode()).digest()
    return prefix + "".join(ALPHABET[byte % 32] for byte in digest[:17])
