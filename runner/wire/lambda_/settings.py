"""What is set beside the configuration: account settings, recursion, runtime updates."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from runner.core.pool_admission import ACCOUNT_LIMIT
from runner.model.function import FunctionVersion, LayerCode, RuntimeManagementConfig
from runner.model.names import LATEST
from runner.model.state import State
from runner.wire.lambda_.concurrency import unreserved
from runner.wire.lambda_.desk import Desk
from runner.wire.operation import Context, Members, Operation

TOTAL_CODE_SIZE = 80_530_636_800  # bytes
CODE_SIZE_UNZIPPED = 262_144_000
CODE_SIZE_ZIPPED = 52_428_800


class Settings:
    """GetAccountSettings; Get- and PutFunctionRecursionConfig; Get- and PutRuntimeManagementConfig."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self.operations: Mapping[str, Operation] = {
            "GetAccountSettings": self.account,
            "GetFunctionRecursionConfig": self.recursion,
            "PutFunctionRecursionConfig": self.set_recursion,
            "GetRuntimeManagementConfig": self.runtime,
            "PutRuntimeManagementConfig": self.set_runtime,
        }

    async def account(self, members: Members, context: Context) -> Members:
        state = self._desk.state
        versions = [deployed.noun for deployed in state.of(FunctionVersion).values()]
        used = sum(noun.code_size for noun in versions)
        used += sum(deployed.noun.code_size for deployed in state.of(LayerCode).values())
        return {
            "AccountLimit": {
                "TotalCodeSize": TOTAL_CODE_SIZE,
                "CodeSizeUnzipped": CODE_SIZE_UNZIPPED,
                "CodeSizeZipped": CODE_SIZE_ZIPPED,
                "ConcurrentExecutions": ACCOUNT_LIMIT,
                "UnreservedConcurrentExecutions": unreserved(state),
            },
            "AccountUsage": {
                "TotalCodeSize": used,
                "FunctionCount": sum(noun.version == LATEST for noun in versions),
            },
        }

    async def recursion(self, members: Members, context: Context) -> Members:
        latest = self._desk.latest(self._desk.state, self._desk.reference(members).name)
        return {"RecursiveLoop": latest.noun.config.recursive_loop}

    async def set_recursion(self, members: Members, context: Context) -> Members:
        await self._set(members, {"recursive_loop": members["RecursiveLoop"]})
        return {"RecursiveLoop": members["RecursiveLoop"]}

    async def runtime(self, members: Members, context: Context) -> Members:
        wanted = self._desk.reference(members)
        config = self._desk.found(self._desk.state, wanted).noun.config.runtime_management_config
        shape: dict[str, Any] = {
            "UpdateRuntimeOn": config.update_runtime_on if config is not None else "Auto",
            "FunctionArn": wanted.arn(self._desk.place),
        }
        if config is not None and config.runtime_version_arn:
            shape["RuntimeVersionArn"] = config.runtime_version_arn
        return shape

    async def set_runtime(self, members: Members, context: Context) -> Members:
        config = RuntimeManagementConfig(
            update_runtime_on=members["UpdateRuntimeOn"], runtime_version_arn=members.get("RuntimeVersionArn")
        )
        await self._set(members, {"runtime_management_config": config})
        return await self.runtime(members, context)

    async def _set(self, members: Members, update: Mapping[str, Any]) -> None:
        desk, wanted = self._desk, self._desk.reference(members)

        def decide(state: State) -> State:
            before = desk.found(state, wanted)
            config = before.noun.config.model_copy(update=dict(update))
            return state.with_changes([replace(before, noun=before.noun.model_copy(update={"config": config}))])

        await desk.deployment.change(decide)
