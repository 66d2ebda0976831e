"""HTTP and HTTPS subscribers: messages posted to an endpoint, tried again, and given up to a dead-letter queue.

A post is a message of the engine queue `sns-http/<subscription>`; a loop a queue makes it, again by the subscription's
delivery policy. What is answered with 4xx is not tried again.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-delivery-retries.html
        https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html
"""

from __future__ import annotations

import asyncio
import json
import logging
import urllib.error
import urllib.request
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field

from runner.host.clock import Clock
from runner.runtime.doors import Doors, Letter, Undeliverable
from runner.runtime.topics.delivery_policy import RetryPolicy
from runner.runtime.topics.loops import QueueLoops
from runner.store.ports import Lease, Message, Queues

log = logging.getLogger(__name__)

PREFIX = "sns-http/"
ANSWER_S = 15.0  # real seconds that an endpoint has to answer
LEASE_S = 30.0  # real seconds: longer than an answer may take
BATCH = 8
THREADS = 32  # posts under way at once
WAIT_S = 60.0
WEB = frozenset({"http", "https"})  # the protocols
USUAL = {"Accept-Encoding": "gzip,deflate", "User-Agent": "Amazon Simple Notification Service Agent"}


@dataclass(frozen=True, slots=True)
class Post:
    """One request to make. `dead_letters` is the queue's ARN that gets the body in the end."""

    id: str
    endpoint: str
    headers: Mapping[str, str]
    body: str
    dead_letters: str | None = None
    retries: RetryPolicy = field(default_factory=RetryPolicy)

    def encode(self) -> bytes:
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, data: bytes) -> Post:
        document = json.loads(data)
        return cls(**{**document, "retries": RetryPolicy(**document["retries"])})


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a post did not arrive; `final` if trying again is of no use."""

    reason: str
    final: bool


class Webhooks:
    """Every post that is still to be made."""

    def __init__(self, store: Queues, doors: Doors, clock: Clock) -> None:
        self._store = store
        self._doors = doors
        self._clock = clock
        self._loops = QueueLoops(store, PREFIX, self.step)
        self._threads = ThreadPoolExecutor(THREADS, "sns-http")  # of its own: slow endpoints hold up nobody else

    async def accept(self, subscription: str, post: Post) -> None:
        """Returns once the post is durable; handing in the same id twice is harmless."""
        now, queue = self._clock.now(), PREFIX + subscription
        await self._store.send(queue, [Message(post.id, post.encode(), now)], now=now)
        self._loops.start(queue)

    async def run(self) -> None:
        """Make what posts there are and will be, until cancelled."""
        await self._loops.run()

    async def step(self, queue: str, *, wait_s: float = WAIT_S) -> int:
        """Make the posts that are due; returns how many were tried."""
        now = self._clock.now()
        until = now + LEASE_S * self._clock.pace
        leases = await self._store.lease(queue, limit=BATCH, now=now, until=until, wait_s=wait_s)
        await asyncio.gather(*(self._try(lease) for lease in leases))
        return len(leases)

    async def _try(self, lease: Lease) -> None:
        post = Post.decode(lease.body)
        refused = await asyncio.get_running_loop().run_in_executor(self._threads, send, post)
        delay_s = post.retries.delay_s(lease.deliveries)
        if refused is not None and not refused.final and delay_s is not None:
            await self._store.release(lease.queue, lease.receipt, visible_at=self._clock.now() + delay_s)
            return
        if refused is not None:
            await self._give_up(post, refused)
        await self._store.ack(lease.queue, [lease.receipt])

    async def _give_up(self, post: Post, refused: Refused) -> None:
        if post.dead_letters is not None:
            letter = Letter(f"{post.id}/dead", post.body.encode(), self._clock.now())
            try:
                await self._doors.deliver(post.dead_letters, letter)
            except Undeliverable as lost:
                refused = Refused(f"{refused.reason}; its dead letter was lost too: {lost.message}", final=True)
            else:
                return
        log.warning(
            "A message for %s was lost: %s.",
            post.endpoint,
            refused.reason,
            extra={"action": "notification_gave_up", "endpoint": post.endpoint},
        )


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """A redirect is an answer like any other: SNS does not follow it."""

    def redirect_request(self, *_: object) -> None:
        return None


def send(post: Post) -> Refused | None:
    """Make one request; None if it was answered with 2xx. Blocks until then."""
    opener = urllib.request.build_opener(_NoRedirects)
    request = urllib.request.Request(post.endpoint, post.body.encode(), {**USUAL, **post.headers})
    try:
        with opener.open(request, timeout=ANSWER_S):
            return None
    except urllib.error.HTTPError as error:
        error.close()
        return Refused(f"it answered {error.code}", final=400 <= error.code < 500 and error.code != 429)
    except (OSError, ValueError) as error:
        return Refused(str(error), final=isinstance(error, ValueError))
