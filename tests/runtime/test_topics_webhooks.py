"""HTTP subscribers, with a real server at the other end: what is posted, when again, and when no more."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from runner.model.errors import ApiError
from runner.model.messaging import Subscription
from runner.model.state import Deployed
from runner.runtime.topics.delivery_policy import RetryPolicy
from runner.runtime.topics.webhooks import PREFIX
from tests.runtime.messaging import PLACE, World, told

pytestmark = pytest.mark.slow


class Endpoint:
    """A server that keeps what it is sent, and answers with the next of `answers`, 200 once they are used up."""

    def __init__(self) -> None:
        self.posts: list[tuple[dict[str, str], str]] = []
        self.answers: list[int] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"])).decode()
                outer.posts.append(({name.lower(): value for name, value in self.headers.items()}, body))
                self.send_response(outer.answers.pop(0) if outer.answers else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    made = Endpoint()
    thread = threading.Thread(target=made.server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


async def posted(it: World) -> None:
    for queue in await it.store.queues(PREFIX):
        await it.topics.webhooks.step(queue, wait_s=0)


async def confirmed(it: World, endpoint: Endpoint, **attributes: str) -> str:
    members: dict[str, Any] = {"Protocol": "http", "Endpoint": endpoint.url, "Attributes": attributes}
    assert await it.sns("Subscribe", "t", **members) == {"SubscriptionArn": "pending confirmation"}
    await posted(it)
    token = json.loads(endpoint.posts.pop()[1])["Token"]
    return str((await it.sns("ConfirmSubscription", "t", Token=token))["SubscriptionArn"])


def test_an_endpoint_confirms_and_is_told(tmp_path: Path, endpoint: Endpoint) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        members = {"Protocol": "http", "Endpoint": endpoint.url, "ReturnSubscriptionArn": True}
        arn = (await it.sns("Subscribe", "t", **members))["SubscriptionArn"]
        (row,) = (await it.sns("ListSubscriptionsByTopic", "t"))["Subscriptions"]
        assert row["SubscriptionArn"] == "PendingConfirmation"
        shown = (await it.sns("GetSubscriptionAttributes", SubscriptionArn=arn))["Attributes"]
        assert shown["PendingConfirmation"] == "true"
        assert (await it.sns("GetTopicAttributes", "t"))["Attributes"]["SubscriptionsPending"] == "1"
        await it.publish("t", "before it confirmed")
        await posted(it)
        ((headers, body),) = endpoint.posts
        question = json.loads(body)
        assert list(question) == [
            *("Type", "MessageId", "Token", "TopicArn", "Message", "SubscribeURL", "Timestamp", "SignatureVersion"),
            *("Signature", "SigningCertURL"),
        ]
        assert headers["x-amz-sns-message-type"] == question["Type"] == "SubscriptionConfirmation"
        assert headers["content-type"] == "text/plain; charset=UTF-8"
        assert headers["user-agent"] == "Amazon Simple Notification Service Agent"
        assert "x-amz-sns-subscription-arn" not in headers
        assert question["SubscribeURL"].endswith(f"TopicArn={PLACE.topic('t')}&Token={question['Token']}")
        for _ in range(2):
            answer = await it.sns("ConfirmSubscription", "t", Token=question["Token"])
            assert answer == {"SubscriptionArn": arn}
        assert (await it.sns("GetTopicAttributes", "t"))["Attributes"]["SubscriptionsPending"] == "0"
        await it.publish("t", "afterwards", Subject="News")
        await posted(it)
        headers, body = endpoint.posts[-1]
        assert headers["x-amz-sns-subscription-arn"] == arn
        assert headers["x-amz-sns-message-id"] == json.loads(body)["MessageId"]
        assert (json.loads(body)["Type"], json.loads(body)["Message"]) == ("Notification", "afterwards")
        assert len(endpoint.posts) == 2

    told(history, tmp_path)


def test_raw_posts_say_so(tmp_path: Path, endpoint: Endpoint) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        await confirmed(it, endpoint, RawMessageDelivery="true")
        await it.publish("t", "as it is")
        await posted(it)
        ((headers, body),) = endpoint.posts
        assert (headers["x-amz-sns-rawdelivery"], body) == ("true", "as it is")

    told(history, tmp_path)


@pytest.mark.parametrize(
    ("answers", "tries", "dead"),
    [([500, 503], 3, False), ([500] * 9, 4, True), ([429, 429], 3, False), ([404], 1, True), ([302], 4, True)],
    ids=["errors pass", "errors do not pass", "throttled", "a refusal is final", "redirects are not followed"],
)
def test_posts_are_tried_again_and_given_up(
    tmp_path: Path, endpoint: Endpoint, answers: list[int], tries: int, dead: bool
) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        await it.queue("dead")
        await confirmed(it, endpoint, RedrivePolicy=json.dumps({"deadLetterTargetArn": PLACE.queue("dead")}))
        endpoint.answers = answers * (4 if answers == [302] else 1)
        await it.publish("t", "hello")
        for _ in range(6):
            await posted(it)
            await it.clock.advance(21)
        assert len(endpoint.posts) == tries
        messages = await it.receive("dead")
        assert [json.loads(message["Body"])["Message"] for message in messages] == (["hello"] if dead else [])

    told(history, tmp_path)


def test_a_delivery_policy_is_kept_to(tmp_path: Path, endpoint: Endpoint) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        retries = {"numRetries": 2, "numNoDelayRetries": 1, "minDelayTarget": 5, "maxDelayTarget": 5}
        policy = {"healthyRetryPolicy": retries, "requestPolicy": {"headerContentType": "application/json"}}
        arn = await confirmed(it, endpoint, DeliveryPolicy=json.dumps(policy))
        shown = (await it.sns("GetSubscriptionAttributes", SubscriptionArn=arn))["Attributes"]
        assert json.loads(shown["DeliveryPolicy"])["healthyRetryPolicy"].items() >= retries.items()
        assert json.loads(shown["EffectiveDeliveryPolicy"])["requestPolicy"] == policy["requestPolicy"]
        endpoint.answers = [500] * 9
        await it.publish("t")
        tried = []
        for _ in range(9):
            before = len(endpoint.posts)
            await posted(it)
            tried.append(len(endpoint.posts) - before)
            await it.clock.advance(1)
        assert tried == [1, 1, 0, 0, 0, 0, 1, 0, 0]
        assert endpoint.posts[0][0]["content-type"] == "application/json"
        with pytest.raises(ApiError, match="DeliveryPolicy: numRetries must be between 0 and 100"):
            await confirmed(it, endpoint, DeliveryPolicy='{"healthyRetryPolicy": {"numRetries": 101}}')

    told(history, tmp_path)


PHASES = RetryPolicy(10, 50, retries=9, at_once=1, at_min=2, at_max=1)


@pytest.mark.parametrize(
    ("policy", "delays"),
    [
        (RetryPolicy(), [20, 20, 20]),
        (PHASES, [0, 10, 10, 10, 20, 30, 40, 50, 50]),
        (replace(PHASES, function="exponential"), [0, 10, 10, 10, 12.7, 18, 28.7, 50, 50]),
        (replace(PHASES, function="geometric"), [0, 10, 10, 10, 12.5, 20, 32.5, 50, 50]),
        (replace(PHASES, function="arithmetic"), [0, 10, 10, 10, 14, 22, 34, 50, 50]),
        (RetryPolicy(retries=0), []),
    ],
    ids=["by default", "linear", "exponential", "geometric", "arithmetic", "never"],
)
def test_delays_grow_by_the_policy(policy: RetryPolicy, delays: list[float]) -> None:
    assert [policy.delay_s(failures) for failures in range(1, len(delays) + 1)] == pytest.approx(delays, abs=0.05)
    assert policy.delay_s(len(delays) + 1) is None


def test_an_endpoint_that_is_not_there_is_said(
    tmp_path: Path, endpoint: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        noun = Subscription.model_validate(
            {"TopicArn": PLACE.topic("t"), "Protocol": "http", "Endpoint": "http://127.0.0.1:1/nobody"}
        )
        await it.deployment.change(lambda state: state.with_changes([Deployed("arn:sub", noun)]))
        await it.publish("t")
        for _ in range(4):
            await posted(it)
            await it.clock.advance(21)

    told(history, tmp_path)
    assert "A message for http://127.0.0.1:1/nobody was lost" in caplog.text


def test_old_and_foreign_tokens_confirm_nothing(tmp_path: Path, endpoint: Endpoint) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        await it.topic("other")
        await it.sns("Subscribe", "t", Protocol="http", Endpoint=endpoint.url)
        await posted(it)
        token = json.loads(endpoint.posts[0][1])["Token"]
        with pytest.raises(ApiError, match="Invalid parameter: Token"):
            await it.sns("ConfirmSubscription", "other", Token=token)
        await it.clock.advance(3 * 86_400)
        with pytest.raises(ApiError, match="Invalid parameter: Token"):
            await it.sns("ConfirmSubscription", "t", Token=token)
        assert (await it.sns("ListSubscriptions"))["Subscriptions"] == []

    told(history, tmp_path)


def test_running_topics_post_by_themselves(tmp_path: Path, endpoint: Endpoint) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        running = asyncio.ensure_future(it.topics.run())
        await it.sns("Subscribe", "t", Protocol="http", Endpoint=endpoint.url)
        while not endpoint.posts:
            await asyncio.sleep(0.001)
        await it.sns("ConfirmSubscription", "t", Token=json.loads(endpoint.posts[0][1])["Token"])
        await it.sns("Publish", "t", Message="x")
        while len(endpoint.posts) < 2:
            await asyncio.sleep(0.001)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    told(history, tmp_path)


def test_an_endpoint_is_told_of_the_end_and_can_have_its_subscription_back(tmp_path: Path, endpoint: Endpoint) -> None:
    async def history(it: World) -> None:
        await it.topic("t")
        arn = await confirmed(it, endpoint)
        before = len(endpoint.posts)
        await it.sns("Unsubscribe", SubscriptionArn=arn)
        await posted(it)
        assert len(endpoint.posts) == before + 1
        goodbye = json.loads(endpoint.posts[-1][1])
        assert goodbye["Type"] == "UnsubscribeConfirmation"
        assert goodbye["Message"].startswith(f"You have chosen to deactivate subscription {arn}.\n")
        assert (await it.sns("ListSubscriptionsByTopic", "t"))["Subscriptions"] == []
        assert (await it.sns("GetTopicAttributes", "t"))["Attributes"]["SubscriptionsPending"] == "0"
        restored = await it.sns("ConfirmSubscription", "t", Token=goodbye["Token"])
        assert restored["SubscriptionArn"] == arn
        assert len((await it.sns("ListSubscriptionsByTopic", "t"))["Subscriptions"]) == 1

    told(history, tmp_path)
