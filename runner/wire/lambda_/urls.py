"""Function URLs, as far as they are configured: Create-, Get-, Update-, Delete-, ListFunctionUrlConfigs.

Source: https://docs.aws.amazon.com/lambda/latest/dg/urls-configuration.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from runner.model.function import Cors, Url
from runner.model.names import Place, derived_uuid
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import Desk, page
from runner.wire.lambda_.errors import conflict, not_found
from runner.wire.lambda_.functions import function_of
from runner.wire.lambda_.names import Reference, resolve
from runner.wire.operation import Context, Members, Operation

NO_FUNCTION = "Function does not exist"
EXISTS = (
    "Failed to create function url config for [functionArn = {}]. "
    "Error message:  FunctionUrlConfig exists for this Lambda function"
)


class Urls:
    """One configuration for a function, and one for each of its aliases."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "CreateFunctionUrlConfig": self.create,
            "GetFunctionUrlConfig": self.get,
            "UpdateFunctionUrlConfig": self.update,
            "DeleteFunctionUrlConfig": self.delete,
            "ListFunctionUrlConfigs": self.list,
        }

    async def create(self, members: Members, context: Context) -> Members:
        desk, wanted = self._desk, self._desk.reference(members)
        key = _key(wanted)

        def decide(state: State) -> State:
            if resolve(state, wanted) is None:
                raise not_found(NO_FUNCTION)
            if state.get(Url, key) is not None:
                raise conflict(EXISTS.format(wanted.arn(desk.place)))
            noun = Url(target_function_arn=wanted.name, qualifier=wanted.qualifier, **_given(members))
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        deployed = (await desk.deployment.change(decide)).of(Url)[key]
        shape = self._shape(deployed)
        del shape["LastModifiedTime"]
        if members.get("InvokeMode") is None:
            del shape["InvokeMode"]
        return shape

    async def get(self, members: Members, context: Context) -> Members:
        return self._shape(self._found(self._desk.state, self._desk.reference(members)))

    async def update(self, members: Members, context: Context) -> Members:
        desk, wanted = self._desk, self._desk.reference(members)

        def decide(state: State) -> State:
            if resolve(state, wanted) is None:
                raise not_found(NO_FUNCTION)
            before = self._found(state, wanted)
            noun = before.noun.model_copy(update=_given(members))
            return state.with_changes([desk.changed(before, noun, state, desk.now())])

        return self._shape((await desk.deployment.change(decide)).of(Url)[_key(wanted)])

    async def delete(self, members: Members, context: Context) -> Members:
        wanted = self._desk.reference(members)

        def decide(state: State) -> State:
            return state.with_changes((), [(Url, self._found(state, wanted).key)])

        await self._desk.deployment.change(decide)
        return {}

    async def list(self, members: Members, context: Context) -> Members:
        desk, name = self._desk, self._desk.reference(members).name
        if desk.state.version(name) is None:
            raise not_found(NO_FUNCTION)
        urls = sorted(desk.state.of(Url).items())
        shapes = [(key, self._shape(deployed)) for key, deployed in urls if function_of(key) == name]
        shown, more = page(shapes, members)
        return {"FunctionUrlConfigs": shown, **more}

    def _found(self, state: State, wanted: Reference) -> Deployed[Url]:
        deployed = state.get(Url, _key(wanted))
        if deployed is None or state.version(wanted.name) is None:
            raise not_found()
        return deployed

    def _shape(self, deployed: Deployed[Url]) -> dict[str, Any]:
        noun, place = deployed.noun, self._desk.place
        shape: dict[str, Any] = {
            "FunctionUrl": url(deployed, place),
            "FunctionArn": place.function(function_of(deployed.key), qualifier_of(deployed)),
            "AuthType": noun.auth_type,
            "CreationTime": _time_text(deployed.created_at),
            "LastModifiedTime": _time_text(deployed.modified_at),
            "InvokeMode": noun.invoke_mode,
        }
        if noun.cors is not None:
            shape["Cors"] = noun.cors.document()
        return shape


def _key(wanted: Reference) -> str:
    return ":".join(part for part in (wanted.name, wanted.qualifier) if part)


def _given(members: Members) -> dict[str, Any]:
    fields = {"AuthType": "auth_type", "InvokeMode": "invoke_mode"}
    given = {field: members[name] for name, field in fields.items() if members.get(name) is not None}
    if members.get("Cors") is not None:
        given["cors"] = Cors.model_validate(members["Cors"])
    return given


def qualifier_of(deployed: Deployed[Url]) -> str | None:
    """The alias that a URL leads to; None for the function itself."""
    return deployed.key.partition(":")[2] or None


def url_id(deployed: Deployed[Url]) -> str:
    """The first label of a function URL's host: 32 letters and digits, the same for every run.

    Of a URL in a stack file it is what `GetAtt FunctionUrl` gave when the file was loaded.
    """
    stack, _, logical_id = deployed.owner.partition("/")
    if logical_id:
        return derived_uuid(stack, logical_id).replace("-", "")
    return base64.b32encode(hashlib.sha256(deployed.key.encode()).digest()).decode().lower()[:32]


def url(deployed: Deployed[Url], place: Place) -> str:
    """Where the function answers: AWS's host under `localhost`, at the endpoint's port."""
    scheme, _, rest = place.endpoint.partition("://")
    port = rest.rpartition(":")[2].rstrip("/")
    return f"{scheme}://{url_id(deployed)}.lambda-url.{place.region}.localhost:{port}/"


def _time_text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
