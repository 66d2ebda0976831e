"""What AWS's recordings say of topics and HTTP endpoints: confirmations, notifications, and goodbyes."""

from __future__ import annotations

import json
import threading
import urllib.error
import urllib.parse
import urllib.request
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.bench.recorded import Replay, Scenario
from tests.bench.recorded_rooms import until
from tests.bench.recorded_sns_calls import call, shown, topic

Posts = list[tuple[dict[str, str], str]]


@contextmanager
def endpoint() -> Iterator[tuple[str, Posts]]:
    """A server that keeps what it is sent: headers and bodies."""
    posts: Posts = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            posts.append(({name.title(): value for name, value in self.headers.items()}, body))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/sns-endpoint", posts
        server.shutdown()


def ask(r: Replay, **fields: str) -> Any:
    """A GET of a URL that a message named, answered in XML."""
    try:
        with urllib.request.urlopen(f"{r.scene.live.endpoint}/?{urllib.parse.urlencode(fields)}") as answer:
            text, status = answer.read().decode(), answer.status
    except urllib.error.HTTPError as error:
        text, status = error.read().decode(), error.code
    root = ET.fromstring(text)
    return {root.tag.rpartition("}")[2]: {**_fields(root), "ResponseMetadata": {"HTTPStatusCode": status}}}


def _fields(element: ET.Element) -> dict[str, Any]:
    return {one.tag.rpartition("}")[2]: _fields(one) if len(one) else one.text for one in element}


def subscribed(r: Replay) -> None:
    raw = r.variant == "True"
    arn = topic(r)
    with endpoint() as (address, posts):
        given = {"TopicArn": arn, "Protocol": "http", "Endpoint": address, "ReturnSubscriptionArn": True}
        attributes = {"RawMessageDelivery": str(raw).lower()}
        subscription = r.client.subscribe(**given, Attributes=attributes)["SubscriptionArn"]
        told(r, posts, 1, "subscription-confirmation", "http-confirm-sub-headers")
        token = json.loads(posts[0][1])["Token"]
        confirm = {"Action": "ConfirmSubscription", "TopicArn": arn, "Token": token}
        r.see("broken-topic-arn-confirm", lambda: ask(r, **confirm | {"TopicArn": "arn:aws:sns:us-east-1:nobody"}))
        r.see("broken-token-confirm", lambda: ask(r, **confirm | {"Token": "abc123"}))
        foreign = arn.replace("us-east-1", "us-west-2")
        r.see("different-region-arn-confirm", lambda: ask(r, **confirm | {"TopicArn": foreign}))
        r.see("confirm-subscribe", lambda: ask(r, **confirm))
        r.client.publish(TopicArn=arn, Message="test_external_http_endpoint")
        told(r, posts, 2, "http-message", "http-message-headers-raw" if raw else "http-message-headers")
        goodbye = {"Action": "Unsubscribe", "SubscriptionArn": subscription}
        r.see("unsubscribe-response", lambda: ask(r, **goodbye))
        told(r, posts, 3, "unsubscribe-request", "")


def told(r: Replay, posts: Posts, count: int, step: str, headers: str) -> None:
    until(lambda: len(posts) >= count)
    if step in r.recorded:  # raw messages are no documents
        r.see(step, lambda: json.loads(posts[count - 1][1]))
    r.see(headers, lambda: {name: value for name, value in posts[count - 1][0].items() if name != "Host"} | HOST)


HOST = {"Host": "127.0.0.1"}


def typed(r: Replay) -> None:
    raw = r.variant == "True"
    default = {"http": {"defaultRequestPolicy": {"headerContentType": "application/json"}}}
    own: dict[str, Any] = {"requestPolicy": {"headerContentType": "text/csv"}}
    if not raw:
        own = {"healthyRetryPolicy": {"minDelayTarget": 1, "maxDelayTarget": 1, "numRetries": 0}}
        own |= {"throttlePolicy": {"maxReceivesPerSecond": 1000}}
    arn = topic(r, **({} if raw else {"DeliveryPolicy": json.dumps(default)}))
    r.see("topic-attrs", call(r, "get_topic_attributes", TopicArn=arn))
    with endpoint() as (address, posts):
        given = {"TopicArn": arn, "Protocol": "http", "Endpoint": address, "ReturnSubscriptionArn": True}
        attributes = {"RawMessageDelivery": str(raw).lower(), "DeliveryPolicy": json.dumps(own)}
        r.bound["host:1"] = "127.0.0.1"
        subscription = r.client.subscribe(**given, Attributes=attributes)["SubscriptionArn"]
        r.bound["host:1"] = urllib.parse.urlsplit(address).netloc
        shown(r, "sub-attrs", subscription)
        r.bound["host:1"] = "127.0.0.1"
        told(r, posts, 1, "subscription-confirmation", "http-confirm-sub-headers")
        token = json.loads(posts[0][1])["Token"]
        r.client.confirm_subscription(TopicArn=arn, Token=token)
        r.client.publish(TopicArn=arn, Message="test_external_http_endpoint")
        told(r, posts, 2, "http-message", "http-message-headers-raw" if raw else "http-message-headers")


HTTP: dict[str, Scenario] = {
    "test_subscribe_external_http_endpoint": subscribed,
    "test_subscribe_external_http_endpoint_content_type": typed,
}
