"""Deliveries of events to targets: made at once, or held durably for a retry, or dead-lettered, or dropped.

`deliver` returns when each delivery is durable somewhere: at its target's door, in the queue `deliveries/retries`, or
at the door of its dead-letter queue. So a caller may acknowledge what the deliveries came from. Everything goes under
derived ids; repeating is harmless.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-rule-dlq.html
        https://docs.aws.amazon.com/scheduler/latest/UserGuide/configuring-schedule-dlq.html
"""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from runner.core.redelivery import Again, Exhausted, Policy, decide
from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.names import Arn
from runner.runtime.doors import Doors, Letter, Undeliverable
from runner.store.ports import Lease, Message, Queues

log = logging.getLogger(__name__)

QUEUE = "deliveries/retries"
LEASE_S = 10.0  # real seconds
WAIT_S = 60.0  # real seconds that the idle loop stays
BATCH = 64
BACK_OFF_S = 1.0  # real seconds after an error of our own
DEFAULT_POLICY = Policy()
API_CODES = {
    ("lambda", "NO_RESOURCE"): "ResourceNotFoundException",
    ("sqs", "NO_RESOURCE"): "AWS.SimpleQueueService.NonExistentQueue",
    ("sns", "NO_RESOURCE"): "NotFound",
    ("events", "NO_RESOURCE"): "ResourceNotFoundException",
}


@dataclass(frozen=True, slots=True)
class Delivery:
    """One letter to one target. `failed` is what a dead letter holds (the event itself, untransformed).

    `told` are attributes of the dead letter that name its origin (`RULE_ARN`, `SCHEDULE_ARN`, ...).
    """

    arn: str
    letter: Letter
    failed: bytes
    told: Mapping[str, str] = field(default_factory=dict)
    policy: Policy = DEFAULT_POLICY
    dead_letters: str | None = None


@dataclass(frozen=True, slots=True)
class _Failure:
    """What went wrong: the code and text that a dead letter tells, whether trying again cannot help."""

    code: str
    message: str
    lasting: bool


class Deliveries:
    """Delivers for buses and schedules. `chance` gives the jitter of retries, from 0 to 1."""

    def __init__(
        self, store: Queues, doors: Doors, clock: Clock, *, chance: Callable[[], float] = random.random
    ) -> None:
        self._store = store
        self._doors = doors
        self._clock = clock
        self._chance = chance

    async def deliver(self, deliveries: Sequence[Delivery]) -> None:
        """Make each delivery as far as it can be made now. Raises only what the store raises."""
        targets: dict[str, list[Delivery]] = {}
        for delivery in deliveries:
            targets.setdefault(delivery.arn, []).append(delivery)
        await asyncio.gather(*(self._to_target(arn, group) for arn, group in targets.items()))

    async def run(self) -> None:
        """Make retries when they are due, until cancelled."""
        while True:
            try:
                await self.step()
            except Exception:
                log.exception("Retries of deliveries went on after an error")
                await asyncio.sleep(BACK_OFF_S)

    async def step(self, *, wait_s: float = WAIT_S) -> int:
        """Make the retries that are due; returns how many were."""
        now = self._clock.now()
        until = now + LEASE_S * self._clock.pace
        leases = await self._store.lease(QUEUE, limit=BATCH, now=now, until=until, wait_s=wait_s)
        await asyncio.gather(*(self._retry_one(lease) for lease in leases))
        return len(leases)

    async def _retry_one(self, lease: Lease) -> None:
        """One that cannot be retried now does not keep the others back; its lease runs out, then it is seen again."""
        try:
            await self._retry(lease)
        except Exception:
            log.exception("Retry of delivery %s went on after an error", lease.id)

    async def _to_target(self, arn: str, group: Sequence[Delivery]) -> None:
        results = await self._doors.deliver_all(arn, [delivery.letter for delivery in group])
        failed = [(delivery, error) for delivery, error in zip(group, results, strict=True) if error is not None]
        if not failed:
            return
        retries = []
        for delivery, error in failed:
            if isinstance(error, asyncio.CancelledError):
                raise error
            failure = _failure(delivery, error)
            decision = self._decide(delivery, failure, attempts=1)
            if isinstance(decision, Again):
                retries.append(Message(delivery.letter.id, _encode(delivery), decision.at))
            else:
                await self._give_up(delivery, failure, decision, attempts=1)
        if retries:
            await self._store.send(QUEUE, retries, now=self._clock.now())

    async def _retry(self, lease: Lease) -> None:
        delivery = _decode(lease.body)
        attempts = lease.deliveries + 1  # the first was made before the letter came here
        [error] = await self._doors.deliver_all(delivery.arn, [delivery.letter])
        if isinstance(error, asyncio.CancelledError):
            raise error
        if error is not None:
            failure = _failure(delivery, error)
            decision = self._decide(delivery, failure, attempts=attempts)
            if isinstance(decision, Again):
                await self._store.release(QUEUE, lease.receipt, visible_at=decision.at)
                return
            await self._give_up(delivery, failure, decision, attempts=attempts)
        await self._store.ack(QUEUE, [lease.receipt])

    def _decide(self, delivery: Delivery, failure: _Failure, *, attempts: int) -> Again | Exhausted | None:
        """None: it is over without any limit being reached, for no retry can help."""
        if failure.lasting:
            return None
        return decide(
            delivery.policy,
            attempts=attempts,
            accepted_at=delivery.letter.at,
            now=self._clock.now(),
            chance=self._chance(),
        )

    async def _give_up(
        self, delivery: Delivery, failure: _Failure, exhausted: Exhausted | None, *, attempts: int
    ) -> None:
        """To the dead-letter queue, if there is one; a letter that cannot be put there now is retried as any other."""
        log.warning(
            "Delivery of %s to %s was given up after %d attempts: %s",
            delivery.letter.id,
            delivery.arn,
            attempts,
            failure.message,
            extra={"action": "delivery_given_up", "target": delivery.arn, "code": failure.code},
        )
        if delivery.dead_letters is None:
            return
        told = {
            **delivery.told,
            "TARGET_ARN": delivery.arn,
            "ERROR_CODE": failure.code,
            "ERROR_MESSAGE": failure.message,
            "RETRY_ATTEMPTS": str(attempts - 1),
        }
        if exhausted is not None:
            told["EXHAUSTED_RETRY_CONDITION"] = exhausted
        attributes = {name: ("String", value) for name, value in sorted(told.items()) if value}
        letter = Letter(f"{delivery.letter.id}/dead-letter", delivery.failed, self._clock.now(), attributes)
        [error] = await self._doors.deliver_all(delivery.dead_letters, [letter])
        if error is None:
            return
        if isinstance(error, asyncio.CancelledError):
            raise error
        if _lasting(error):
            log.error("%s could not be put into %s and is lost: %s", letter.id, delivery.dead_letters, error)
            return
        again = Delivery(delivery.dead_letters, letter, delivery.failed)
        decision = self._decide(again, _failure(again, error), attempts=1)
        if isinstance(decision, Again):
            await self._store.send(QUEUE, [Message(letter.id, _encode(again), decision.at)], now=self._clock.now())


def _failure(delivery: Delivery, error: BaseException) -> _Failure:
    """A door's refusal lasts; what an API throttled or broke on does not, nor does an error of our own.

    A rule's dead letter has one of EventBridge's codes, a schedule's the code of the API that was called.
    """
    scheduled = "SCHEDULE_ARN" in delivery.told
    if isinstance(error, Undeliverable):
        code = API_CODES.get((target_service(delivery.arn), error.code)) if scheduled else None
        return _Failure(code or error.code, error.message, lasting=True)
    if isinstance(error, ApiError):
        code = "THROTTLING" if _throttled(error) else "ERROR_FROM_TARGET"
        return _Failure(error.code if scheduled else code, error.message or error.code, _lasting(error))
    log.error("Delivery of %s to %s failed", delivery.letter.id, delivery.arn, exc_info=error)
    code = "AWS.Scheduler.InternalServerError" if scheduled else "INTERNAL_ERROR"
    return _Failure(code, str(error) or type(error).__name__, lasting=False)


def _lasting(error: BaseException) -> bool:
    """Whether trying again cannot help."""
    if isinstance(error, ApiError):
        return error.status < 500 and not _throttled(error)
    return isinstance(error, Undeliverable)


def _throttled(error: ApiError) -> bool:
    return error.status == 429 or "Throttl" in error.code


def _encode(delivery: Delivery) -> bytes:
    document = asdict(delivery)
    document["letter"]["body"] = base64.b64encode(delivery.letter.body).decode()
    document["failed"] = base64.b64encode(delivery.failed).decode()
    return json.dumps(document).encode()


def _decode(body: bytes) -> Delivery:
    document: dict[str, Any] = json.loads(body)
    letter = document.pop("letter")
    letter["body"] = base64.b64decode(letter["body"])
    letter["attributes"] = {name: tuple(value) for name, value in letter["attributes"].items()}
    letter["resources"] = tuple(letter["resources"])
    document["failed"] = base64.b64decode(document["failed"])
    return Delivery(letter=Letter(**letter), policy=Policy(**document.pop("policy")), **document)


def target_service(arn: str) -> str:
    """The service that an ARN belongs to, empty where it is none."""
    parsed = Arn.parse(arn)
    return parsed.service if parsed else ""
