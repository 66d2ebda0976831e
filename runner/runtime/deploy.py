"""Applies a Plan: artifacts first, then one compare-and-set. The only path by which a stack file becomes State."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from runner.host.clock import Clock
from runner.model.stack import Resource, Stack
from runner.model.state import State
from runner.planner import CodeDigest, Plan, plan, plan_removal
from runner.runtime.deployment import Deployment


class Code(Protocol):
    """Makes immutable snapshots of code."""

    async def snapshot(self, resource: Resource, base: Path) -> CodeDigest:
        """The snapshot of a function's or layer's code; `base` is the stack file's folder. Raises InputError."""
        ...


class Deployer:
    """Plans stacks over the State in force, and applies the plans."""

    def __init__(self, deployment: Deployment, code: Code, clock: Clock) -> None:
        self._deployment = deployment
        self._code = code
        self._clock = clock

    async def plan(self, stack: Stack) -> Plan:
        """What applying `stack` now would do. Raises InputError; changes nothing but the artifact store."""
        return plan(stack, self._deployment.state, await self._snapshots(stack), now=self._clock.now())

    async def apply(self, stack: Stack) -> Plan:
        """Bring State to what `stack` says; returns the plan that was carried out. Raises InputError."""
        code = await self._snapshots(stack)
        carried_out: list[Plan] = []

        def decide(state: State) -> State:
            carried_out.append(plan(stack, state, code, now=self._clock.now()))
            return carried_out[-1].after

        await self._deployment.change(decide)
        return carried_out[-1]

    async def remove(self, name: str) -> Plan:
        """Remove all that stack `name` deployed."""
        carried_out: list[Plan] = []

        def decide(state: State) -> State:
            carried_out.append(plan_removal(name, state))
            return carried_out[-1].after

        await self._deployment.change(decide)
        return carried_out[-1]

    async def _snapshots(self, stack: Stack) -> Mapping[str, CodeDigest]:
        base = stack.path.parent
        coded = [r for r in stack.resources.values() if r.noun is not None and _has_code(r)]
        digests = await asyncio.gather(*(self._code.snapshot(resource, base) for resource in coded))
        return {resource.logical_id: digest for resource, digest in zip(coded, digests, strict=True)}


def _has_code(resource: Resource) -> bool:
    return resource.type in ("AWS::Lambda::Function", "AWS::Lambda::LayerVersion")
