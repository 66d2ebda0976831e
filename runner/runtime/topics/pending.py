"""Subscriptions that wait for their endpoint to confirm them: kept as records until it does.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-subscribe-https-s-endpoints-to-topic.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import uuid4

from runner.host.clock import Clock
from runner.model.messaging import Subscription
from runner.model.names import Place, derived_uuid
from runner.runtime.topics.notice import CONFIRMATION, GOODBYE, Notice
from runner.runtime.topics.webhooks import WEB, Post, Webhooks
from runner.store.ports import Records

PREFIX = "sns-pending/"
VALID_S = 2 * 86_400.0  # how long a token can be used


@dataclass(frozen=True, slots=True)
class Pending:
    """One subscription to be. `document` is the noun in AWS's spelling."""

    token: str
    arn: str
    document: Mapping[str, Any]
    at: float
    confirmed: bool = False
    parted: bool = False  # it was in force, and its endpoint was told how to have it back

    @property
    def noun(self) -> Subscription:
        return Subscription.model_validate(self.document)


class PendingSubscriptions:
    """Asks endpoints for confirmation and remembers whom it asked."""

    def __init__(self, records: Records, webhooks: Webhooks, place: Place, clock: Clock) -> None:
        self._records = records
        self._webhooks = webhooks
        self._place = place
        self._clock = clock

    async def ask(self, arn: str, noun: Subscription) -> None:
        """Remember the subscription, and post the question to its endpoint if that is a web address."""
        pending = await self._remember(arn, noun, parted=False)
        if noun.protocol in WEB:
            notice = self._notice(pending)
            await self._post(pending, notice, CONFIRMATION, notice.confirmation(pending.token, self._place))

    async def part(self, arn: str, noun: Subscription) -> None:
        """Tell a web address that its subscription is over, and how to have it back."""
        pending = await self._remember(arn, noun, parted=True)
        notice = self._notice(pending)
        await self._post(pending, notice, GOODBYE, notice.goodbye(pending.token, arn, self._place))

    async def _remember(self, arn: str, noun: Subscription, *, parted: bool) -> Pending:
        document = noun.model_dump(by_alias=True, exclude_unset=True)
        pending = Pending(uuid4().hex * 4, arn, document, self._clock.now(), parted=parted)
        await self._records.put(PREFIX + pending.token, _encoded(pending), expected=0)
        return pending

    @staticmethod
    def _notice(pending: Pending) -> Notice:
        message_id = derived_uuid("sns-confirmation", pending.token)
        return Notice(message_id, pending.document["TopicArn"], {}, pending.at, ())

    async def _post(self, pending: Pending, notice: Notice, kind: str, body: str) -> None:
        endpoint, headers = pending.noun.endpoint or "", notice.headers(kind, pending.arn)
        await self._webhooks.accept(pending.arn, Post(f"{pending.token}/confirmation", endpoint, headers, body))

    async def find(self, token: str) -> Pending | None:
        """Whom a token belongs to, also once it was used; None if it is too old or never was."""
        record = await self._records.get(PREFIX + token)
        pending = _decoded(record.value) if record else None
        return pending if pending is not None and self._clock.now() - pending.at < VALID_S else None

    async def confirmed(self, pending: Pending) -> None:
        """Remember that the token was used."""
        record = await self._records.get(PREFIX + pending.token)
        if record is not None:
            value = _encoded(replace(pending, confirmed=True))
            await self._records.put(record.key, value, expected=record.revision)

    async def of(self, topic_arn: str | None = None) -> list[Pending]:
        """What still waits, of one topic or of all; what is too old is forgotten on the way."""
        waiting = []
        for record in await self._records.scan(PREFIX):
            pending = _decoded(record.value)
            if self._clock.now() - pending.at >= VALID_S:
                await self._records.delete(record.key, expected=record.revision)
            elif not pending.confirmed and not pending.parted and topic_arn in (None, pending.document["TopicArn"]):
                waiting.append(pending)
        return sorted(waiting, key=lambda one: one.arn)


def _encoded(pending: Pending) -> bytes:
    return json.dumps(asdict(pending)).encode()


def _decoded(value: bytes) -> Pending:
    return Pending(**json.loads(value))
