"""Code signing configurations, as records: kept, shown, attached to functions. No signature is ever checked.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runner.model.errors import ApiError
from runner.model.function import CodeSigningConfig, FunctionVersion
from runner.model.names import LATEST
from runner.model.state import Deployed, State
from runner.wire.lambda_.desk import Desk, date_text, page
from runner.wire.lambda_.errors import USER, not_found
from runner.wire.operation import Context, Members, Operation

NOT_THERE = "The Lambda code signing configuration {} can not be found."
GONE = "The code signing configuration cannot be found. Check that the provided configuration is not deleted: {}."


class Signing:
    """The configurations themselves, and which function has which."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "CreateCodeSigningConfig": self.create,
            "GetCodeSigningConfig": self.get,
            "UpdateCodeSigningConfig": self.update,
            "DeleteCodeSigningConfig": self.delete,
            "ListCodeSigningConfigs": self.list,
            "ListFunctionsByCodeSigningConfig": self.list_functions,
            "PutFunctionCodeSigningConfig": self.attach,
            "GetFunctionCodeSigningConfig": self.attached,
            "DeleteFunctionCodeSigningConfig": self.detach,
        }

    async def create(self, members: Members, context: Context) -> Members:
        desk, key = self._desk, ""

        def decide(state: State) -> State:
            nonlocal key
            key = f"csc-{hashlib.sha256(f'{state.revision}/{desk.now()!r}'.encode()).hexdigest()[:17]}"
            noun = CodeSigningConfig.model_validate(_given(members))
            return state.with_changes([desk.new(key, noun, state, desk.now())])

        return {"CodeSigningConfig": self._shape((await desk.deployment.change(decide)).of(CodeSigningConfig)[key])}

    async def get(self, members: Members, context: Context) -> Members:
        return {"CodeSigningConfig": self._shape(_found(self._desk.state, members["CodeSigningConfigArn"]))}

    async def update(self, members: Members, context: Context) -> Members:
        desk, arn = self._desk, members["CodeSigningConfigArn"]

        def decide(state: State) -> State:
            before = _found(state, arn)
            noun = before.noun.model_copy(update=_given(members))
            return state.with_changes([desk.changed(before, noun, state, desk.now())])

        return {"CodeSigningConfig": self._shape(_found(await desk.deployment.change(decide), arn))}

    async def delete(self, members: Members, context: Context) -> Members:
        arn = members["CodeSigningConfigArn"]
        await self._desk.deployment.change(
            lambda state: state.with_changes((), [(CodeSigningConfig, _found(state, arn).key)])
        )
        return {}

    async def list(self, members: Members, context: Context) -> Members:
        shapes = [(key, self._shape(one)) for key, one in sorted(self._desk.state.of(CodeSigningConfig).items())]
        shown, more = page(shapes, members)
        return {"CodeSigningConfigs": shown, **more}

    async def list_functions(self, members: Members, context: Context) -> Members:
        desk, arn = self._desk, members["CodeSigningConfigArn"]
        _found(desk.state, arn)
        names = sorted(
            one.noun.name
            for one in desk.state.of(FunctionVersion).values()
            if one.noun.version == LATEST and one.noun.config.code_signing_config_arn == arn
        )
        shown, more = page([(name, desk.place.function(name)) for name in names], members)
        return {"FunctionArns": shown, **more}

    async def attach(self, members: Members, context: Context) -> Members:
        arn = members["CodeSigningConfigArn"]
        name = await self._set(members, arn)
        return {"CodeSigningConfigArn": arn, "FunctionName": name}

    async def attached(self, members: Members, context: Context) -> Members:
        name = self._desk.reference(members).name
        arn = self._desk.latest(self._desk.state, name).noun.config.code_signing_config_arn
        return {"CodeSigningConfigArn": arn, "FunctionName": name} if arn else {}

    async def detach(self, members: Members, context: Context) -> Members:
        await self._set(members, None)
        return {}

    async def _set(self, members: Members, arn: str | None) -> str:
        desk, name = self._desk, self._desk.reference(members).name

        def decide(state: State) -> State:
            if arn is not None and state.get(CodeSigningConfig, _id(arn)) is None:
                raise ApiError("CodeSigningConfigNotFoundException", GONE.format(arn), 404, members=USER)
            latest = desk.latest(state, name)
            config = latest.noun.config.model_copy(update={"code_signing_config_arn": arn})
            return state.with_changes([replace(latest, noun=latest.noun.model_copy(update={"config": config}))])

        await desk.deployment.change(decide)
        return name

    def _shape(self, deployed: Deployed[CodeSigningConfig]) -> dict[str, Any]:
        noun = deployed.noun
        return {
            "CodeSigningConfigId": deployed.key,
            "CodeSigningConfigArn": self._desk.place.arn("lambda", f"code-signing-config:{deployed.key}"),
            "Description": noun.description,
            "AllowedPublishers": {"SigningProfileVersionArns": list(noun.allowed_publishers)},
            "CodeSigningPolicies": {"UntrustedArtifactOnDeployment": noun.untrusted_artifact},
            "LastModified": date_text(deployed.modified_at),
        }


def _given(members: Members) -> dict[str, Any]:
    """What a request sets; what is left out stays, or is the default."""
    given: dict[str, Any] = {}
    if members.get("Description") is not None:
        given["description"] = members["Description"]
    if members.get("AllowedPublishers") is not None:
        given["allowed_publishers"] = tuple(members["AllowedPublishers"]["SigningProfileVersionArns"])
    if members.get("CodeSigningPolicies") is not None:
        given["untrusted_artifact"] = members["CodeSigningPolicies"]["UntrustedArtifactOnDeployment"]
    return given


def _id(arn: str) -> str:
    return arn.rpartition(":")[2]


def _found(state: State, arn: str) -> Deployed[CodeSigningConfig]:
    deployed = state.get(CodeSigningConfig, _id(arn))
    if deployed is None:
        raise not_found(NOT_THERE.format(arn))
    return deployed
