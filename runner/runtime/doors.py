"""The doors at which deliveries are made. Delivering appends at the target's door; it never invokes.

Every arrow of the system is one `Letter` handed to one `Door`: a rule's target, a schedule, a subscription, a
destination, a dead letter, a hop from bus to bus. A door accepts by committing the letter to the store under the
letter's id, so handing the same letter in twice is harmless.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from runner.model.names import Arn


@dataclass(frozen=True, slots=True)
class Letter:
    """What is delivered. `id` is derived (`<event>/<rule>/<target>`), never random; `body` is the payload's bytes.

    `attributes` are message attributes: name -> (data type, value), for queues and topics. `group` and
    `deduplication` serve FIFO targets. `trace` is the X-Ray header. `event_bridge` carries source and detail-type
    for a bus that receives something that is not yet an event. `at` is when it was accepted, epoch seconds.
    """

    id: str
    body: bytes
    at: float
    attributes: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    subject: str | None = None
    group: str | None = None
    deduplication: str | None = None
    trace: str | None = None
    source: str | None = None
    detail_type: str | None = None
    resources: tuple[str, ...] = ()
    partition_key: str | None = None
    hops: int = 0


class Undeliverable(Exception):
    """The door will never take this letter: no such target, wrong kind. `code` is EventBridge's ERROR_CODE."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


class Door(Protocol):
    """One kind of target. `accept` returns once the letter is durable; raises Undeliverable if it can never be."""

    async def accept(self, arn: Arn, letter: Letter) -> None: ...


@runtime_checkable
class WideDoor(Protocol):
    """A door that takes many letters for one target in one commit; worth having where events come by the thousand."""

    async def accept_all(self, arn: Arn, letters: Sequence[Letter]) -> Sequence[Undeliverable | None]:
        """As `accept` for each; the answers are in the order of the letters, None for what is durable now."""
        ...


class Doors:
    """Finds the door of an ARN by its service."""

    def __init__(self) -> None:
        self._doors: dict[str, Door] = {}

    def open(self, service: str, door: Door) -> None:
        """Called by the composition root only, before anything runs."""
        self._doors[service] = door

    async def deliver(self, arn: str, letter: Letter) -> None:
        """Append `letter` at the door of `arn`. Raises Undeliverable."""
        target = Arn.parse(arn)
        door = self._doors.get(target.service) if target else None
        if target is None or door is None:
            raise Undeliverable("UNSUPPORTED_TARGET", f"Nothing here can receive deliveries for {arn!r}.")
        await door.accept(target, letter)

    async def deliver_all(self, arn: str, letters: Sequence[Letter]) -> Sequence[BaseException | None]:
        """Append letters at one door, each on its own: what came of each, None for what is durable now."""
        target = Arn.parse(arn)
        door = self._doors.get(target.service) if target else None
        if target is not None and isinstance(door, WideDoor):
            try:
                return await door.accept_all(target, letters)
            except Exception as error:
                return [error] * len(letters)
        return await asyncio.gather(*(self.deliver(arn, letter) for letter in letters), return_exceptions=True)
