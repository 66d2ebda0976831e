"""A published message: how it is kept, and what each kind of subscriber gets to see of it.

Source: https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html
        https://docs.aws.amazon.com/lambda/latest/dg/with-sns.html
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any

from runner.model.names import Place
from runner.runtime.queues import Attribute

CERTIFICATE = "SimpleNotificationService-0000000000000000000000.pem"
NOTIFICATION = "Notification"
CONFIRMATION = "SubscriptionConfirmation"
GOODBYE = "UnsubscribeConfirmation"
Written = tuple[str, str]  # data type; value, base64 where the type is Binary


@dataclass(frozen=True, slots=True)
class Notice:
    """One published message. `messages` has the text for each protocol, `default` for all others.

    `recipients` are the ARNs of the subscriptions whose filters it passed when it was published.
    """

    message_id: str
    topic: str
    messages: Mapping[str, str]
    at: float
    recipients: tuple[str, ...]
    subject: str | None = None
    attributes: Mapping[str, Written] = field(default_factory=dict)
    group: str | None = None
    deduplication: str | None = None
    sequence: str | None = None
    trace: str | None = None

    def encode(self) -> bytes:
        return json.dumps(asdict(self), separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes) -> Notice:
        document = json.loads(data)
        document["recipients"] = tuple(document["recipients"])
        document["attributes"] = {name: (kind, value) for name, (kind, value) in document["attributes"].items()}
        return cls(**document)

    def text(self, protocol: str) -> str:
        return self.messages.get(protocol, self.messages["default"])

    @property
    def timestamp(self) -> str:
        return (
            datetime.fromtimestamp(self.at, UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{int(self.at * 1000) % 1000:03d}Z"
        )

    def notification(self, subscription: str, protocol: str, place: Place) -> str:
        """The JSON envelope that queues get, in AWS's layout; a FIFO topic's carries no signature.

        The signature is a digest and verifies nothing: the private key is AWS's.
        """
        lines: dict[str, str] = {"Type": NOTIFICATION, "MessageId": self.message_id}
        if self.sequence is not None:
            lines["SequenceNumber"] = self.sequence
        lines["TopicArn"] = self.topic
        if self.subject is not None:
            lines["Subject"] = self.subject
        lines |= {"Message": self.text(protocol), "Timestamp": self.timestamp}
        if self.sequence is None:
            lines |= {"SignatureVersion": "1", "Signature": self._signature, "SigningCertURL": _certificate(place)}
        lines["UnsubscribeURL"] = _unsubscribe(place, subscription)
        written = [f'  "{name}" : {_quoted(value)}' for name, value in lines.items()]
        if self.attributes:
            inner = [f"    {_quoted(name)} : {_attribute(value)}" for name, value in self.attributes.items()]
            written.append('  "MessageAttributes" : {\n' + ",\n".join(inner) + "\n  }")
        return "{\n" + ",\n".join(written) + "\n}"

    def lambda_event(self, subscription: str, place: Place) -> str:
        """The event that a function is invoked with: one record."""
        record = {
            "Type": NOTIFICATION,
            "MessageId": self.message_id,
            "TopicArn": self.topic,
            "Subject": self.subject,
            "Message": self.text("lambda"),
            "Timestamp": self.timestamp,
            "SignatureVersion": "1",
            "Signature": self._signature,
            "SigningCertUrl": _certificate(place),
            "UnsubscribeUrl": _unsubscribe(place, subscription),
            "MessageAttributes": {
                name: {"Type": kind, "Value": value} for name, (kind, value) in self.attributes.items()
            },
        }
        event: dict[str, Any] = {
            "EventSource": "aws:sns",
            "EventVersion": "1.0",
            "EventSubscriptionArn": subscription,
            "Sns": record,
        }
        return json.dumps({"Records": [event]}, ensure_ascii=False, separators=(",", ":"))

    def headers(
        self, kind: str, subscription: str, *, raw: bool = False, content_type: str = "text/plain; charset=UTF-8"
    ) -> dict[str, str]:
        """The headers of a post to an HTTP endpoint; `kind` is the envelope's Type."""
        headers = {
            "Content-Type": content_type,
            "x-amz-sns-message-type": kind,
            "x-amz-sns-message-id": self.message_id,
            "x-amz-sns-topic-arn": self.topic,
        }
        if kind != CONFIRMATION:
            headers["x-amz-sns-subscription-arn"] = subscription
        return headers | ({"x-amz-sns-rawdelivery": "true"} if raw else {})

    def confirmation(self, token: str, place: Place) -> str:
        """What asks an HTTP endpoint to confirm its subscription."""
        text = (
            f"You have chosen to subscribe to the topic {self.topic}.\n"
            "To confirm the subscription, visit the SubscribeURL included in this message."
        )
        return self._question(CONFIRMATION, token, text, place)

    def goodbye(self, token: str, subscription: str, place: Place) -> str:
        """What tells an HTTP endpoint that its subscription ended, and how to have it back."""
        text = (
            f"You have chosen to deactivate subscription {subscription}.\n"
            "To cancel this operation and restore the subscription, visit the SubscribeURL included in this message."
        )
        return self._question(GOODBYE, token, text, place)

    def _question(self, kind: str, token: str, text: str, place: Place) -> str:
        url = f"{place.endpoint}/?Action=ConfirmSubscription&TopicArn={self.topic}&Token={token}"
        lines = {
            "Type": kind,
            "MessageId": self.message_id,
            "Token": token,
            "TopicArn": self.topic,
            "Message": text,
            "SubscribeURL": url,
            "Timestamp": self.timestamp,
            "SignatureVersion": "1",
            "Signature": self._signature,
            "SigningCertURL": _certificate(place),
        }
        return "{\n" + ",\n".join(f'  "{name}" : {_quoted(value)}' for name, value in lines.items()) + "\n}"

    @property
    def _signature(self) -> str:
        return base64.b64encode(hashlib.sha256(f"{self.message_id}\n{self.topic}".encode()).digest()).decode()


def written(attributes: Mapping[str, Attribute]) -> dict[str, Written]:
    """Attributes as a notice keeps them."""
    return {
        name: (one.type, base64.b64encode(one.value).decode() if isinstance(one.value, bytes) else one.value)
        for name, one in attributes.items()
    }


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _attribute(value: Written) -> str:
    return json.dumps({"Type": value[0], "Value": value[1]}, ensure_ascii=False, separators=(",", ":"))


def _certificate(place: Place) -> str:
    return f"https://sns.{place.region}.{place.url_suffix}/{CERTIFICATE}"


def _unsubscribe(place: Place, subscription: str) -> str:
    return f"{place.endpoint}/?Action=Unsubscribe&SubscriptionArn={subscription}"
