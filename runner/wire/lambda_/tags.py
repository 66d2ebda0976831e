"""Tags of functions and event source mappings: TagResource, UntagResource, ListTags."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from runner.model.errors import ApiError
from runner.model.function import Tag
from runner.model.mapping import EventSourceMapping
from runner.model.state import Deployed, State
from runner.wire.lambda_.create import check_tags
from runner.wire.lambda_.desk import Desk
from runner.wire.lambda_.errors import invalid, no_function, not_found, validation
from runner.wire.operation import Context, Members, Operation

ONLY_FUNCTIONS = "Tags on function aliases and versions are not supported. Please specify a function ARN."
NO_KEYS = "1 validation error detected: Value null at 'tagKeys' failed to satisfy constraint: Member must not be null"
NO_TAGS = "An error occurred and the request cannot be processed."

PATTERN = (
    r"arn:(aws[a-zA-Z-]*):lambda:(eusc-)?[a-z]{2}((-gov)|(-iso([a-z]?)))?-[a-z]+-\d{1}:\d{12}:"
    r"(function:[a-zA-Z0-9-_]+(:(\$LATEST|[a-zA-Z0-9-_]+))?|layer:([a-zA-Z0-9-_]+)|"
    r"code-signing-config:csc-[a-z0-9]{17}|event-source-mapping:[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-"
    r"[0-9a-fA-F]{4}-[0-9a-fA-F]{12}|capacity-provider:[a-zA-Z0-9-_]+)"
)
RESOURCE = re.compile(PATTERN)

Change = Callable[[dict[str, str]], dict[str, str]]


class Tags:
    """Tags belong to the resource, not to a version of it: no revision changes."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTags": self.list,
        }

    async def tag(self, members: Members, context: Context) -> Members:
        added: dict[str, str] = dict(members.get("Tags") or {})
        if not added:
            raise invalid(NO_TAGS)
        await self._change(members["Resource"], lambda tags: tags | added)
        return {}

    async def untag(self, members: Members, context: Context) -> Members:
        keys = set(members.get("TagKeys") or ())
        if not keys:
            raise ApiError("ValidationException", NO_KEYS)
        await self._change(members["Resource"], lambda tags: {k: v for k, v in tags.items() if k not in keys})
        return {}

    async def list(self, members: Members, context: Context) -> Members:
        return {"Tags": _tags(self._found(self._desk.state, members["Resource"]))}

    async def _change(self, arn: str, change: Change) -> None:
        def decide(state: State) -> State:
            before = self._found(state, arn)
            after = change(_tags(before))
            check_tags(after)
            return state.with_changes([_with(before, after)])

        await self._desk.deployment.change(decide)

    def _found(self, state: State, arn: str) -> Deployed[Any]:
        if not RESOURCE.fullmatch(arn):
            raise validation([(arn, "resource", f"Member must satisfy regular expression pattern: {PATTERN}")])
        kind, _, name = arn.split(":", 5)[5].partition(":")
        match kind:
            case "function":
                if ":" in name:
                    raise invalid(ONLY_FUNCTIONS)
                function = state.version(name)
                if function is None:
                    raise no_function(arn)
                return function
            case "event-source-mapping":
                mapping = state.get(EventSourceMapping, name)
                if mapping is None:
                    raise not_found(f"Event source mapping not found: {arn}")
                return mapping
            case "capacity-provider":
                raise not_found(f"Capacity provider not found: {arn}")
            case "code-signing-config":
                raise not_found(f"Code signing config not found: {arn}")
            case _:
                raise not_found()


def _tags(deployed: Deployed[Any]) -> dict[str, str]:
    noun = deployed.noun
    tags = noun.tags if isinstance(noun, EventSourceMapping) else noun.config.tags
    return {tag.key: tag.value for tag in tags}


def _with(deployed: Deployed[Any], tags: Mapping[str, str]) -> Deployed[Any]:
    noun = deployed.noun
    update = {"tags": tuple(Tag(key=key, value=value) for key, value in tags.items())}
    if isinstance(noun, EventSourceMapping):
        return replace(deployed, noun=noun.model_copy(update=update))
    return replace(deployed, noun=noun.model_copy(update={"config": noun.config.model_copy(update=update)}))
