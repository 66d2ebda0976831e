"""PublishVersion, by the rules of the planner: no new number unless code or configuration changed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from runner.model.function import FunctionVersion
from runner.model.state import Deployed, State
from runner.planner.versions import change_reasons, last_published, publish
from runner.wire.lambda_.desk import Desk, revision
from runner.wire.lambda_.errors import invalid
from runner.wire.lambda_.names import Reference
from runner.wire.lambda_.shapes import configuration
from runner.wire.lambda_.status import check_updatable
from runner.wire.operation import Context, Members, Operation

OTHER_CODE = (
    "CodeSHA256 ({}) is different from current CodeSHA256 in $LATEST ({}). "
    "Please try again with the CodeSHA256 in $LATEST."
)


class Versions:
    """Publishes versions."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {"PublishVersion": self.publish}

    async def publish(self, members: Members, context: Context) -> Members:
        desk = self._desk
        name = desk.reference(members).name
        number = ""

        def decide(state: State) -> State:
            nonlocal number
            latest = desk.latest(state, name)
            check_updatable(latest, desk.place.function(name), desk.now())
            desk.check_revision(members.get("RevisionId"), latest)
            sha256 = members.get("CodeSha256")
            if sha256 and sha256 != latest.noun.code_sha256:
                raise invalid(OTHER_CODE.format(sha256, latest.noun.code_sha256))
            after, number = published_state(desk, state, latest, members.get("Description"))
            return after

        state = await desk.deployment.change(decide)
        wanted = Reference(name, number)
        return configuration(desk.found(state, wanted), wanted, state, desk.place, desk.now())


def published_state(
    desk: Desk,
    state: State,
    latest: Deployed[FunctionVersion],
    description: str | None,
    *,
    pending: bool = False,
) -> tuple[State, str]:
    """State with `latest` published, and the number; State as it is where the last version is the same.

    `latest` may be newer than State's. `pending`: the version shows as being created, as one that an update publishes.
    """
    last = last_published(state, latest.noun.name)
    if last is not None and not change_reasons(last, latest.noun):
        return (state if state.version(latest.noun.name) is latest else state.with_changes([latest]), last.version)
    version = publish(latest.noun, description)
    now = desk.now()
    if pending:
        version = version.model_copy(update={"updated_at": now})
    key = f"{version.name}:{version.version}"
    following = latest.noun.model_copy(update={"next_version": latest.noun.next_version + 1})
    bumped = replace(latest, noun=following, revision_id=revision(latest.key, state, now))
    return state.with_changes([bumped, desk.new(key, version, state, now)]), version.version
