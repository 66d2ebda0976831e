"""What the engine keeps of one SQS message: its body and everything that travels with it, as bytes that never change.

The form is one line of JSON and then the body as it came, so that a large body is neither escaped nor parsed.

Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
"""

from __future__ import annotations

import base64
import hashlib
import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

TRACE_HEADER = "AWSTraceHeader"


@dataclass(frozen=True, slots=True)
class Attribute:
    """One message attribute: its data type with any custom suffix; text, or bytes where the type is Binary."""

    type: str
    value: str | bytes

    @property
    def kind(self) -> str:
        """`String`, `Number` or `Binary`, without the custom suffix."""
        return self.type.split(".", 1)[0]

    @property
    def data(self) -> bytes:
        return self.value if isinstance(self.value, bytes) else self.value.encode()


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message as it was sent. `sent_at` is when it was first sent, also in a dead-letter queue.

    `receives` counts the receives in queues it came from; `source` is the ARN of the queue that gave it up.
    """

    message_id: str
    body: str
    sent_at: float
    sender: str
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    trace: str | None = None
    group: str | None = None
    deduplication: str | None = None
    sequence: str | None = None
    receives: int = 0
    source: str | None = None

    def encode(self) -> bytes:
        head = {
            "id": self.message_id,
            "at": self.sent_at,
            "sender": self.sender,
            "attributes": {name: _written(attribute) for name, attribute in self.attributes.items()},
            "trace": self.trace,
            "group": self.group,
            "deduplication": self.deduplication,
            "sequence": self.sequence,
            "receives": self.receives,
            "source": self.source,
        }
        text = json.dumps({key: value for key, value in head.items() if value}, separators=(",", ":"))
        return f"{text}\n{self.body}".encode()

    @classmethod
    def decode(cls, data: bytes) -> Envelope:
        line, _, body = data.partition(b"\n")
        head = json.loads(line)
        return cls(
            head["id"],
            body.decode(),
            head.get("at", 0.0),
            head.get("sender", ""),
            {name: _read(*written) for name, written in head.get("attributes", {}).items()},
            head.get("trace"),
            head.get("group"),
            head.get("deduplication"),
            head.get("sequence"),
            head.get("receives", 0),
            head.get("source"),
        )


def body_md5(body: str) -> str:
    """The digest of a body that SDKs check."""
    return hashlib.md5(body.encode(), usedforsecurity=False).hexdigest()


def _written(attribute: Attribute) -> tuple[str, str]:
    value = attribute.value
    return attribute.type, base64.b64encode(value).decode() if isinstance(value, bytes) else value


def _read(data_type: str, written: str) -> Attribute:
    return Attribute(data_type, base64.b64decode(written) if data_type.split(".", 1)[0] == "Binary" else written)


def attributes_md5(attributes: Mapping[str, Attribute]) -> str | None:
    """The digest that SDKs check; None without attributes.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-message-metadata.html
    """
    if not attributes:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    for name in sorted(attributes):
        attribute = attributes[name]
        for part in (name.encode(), attribute.type.encode()):
            digest.update(struct.pack(">I", len(part)) + part)
        digest.update(b"\x02" if attribute.kind == "Binary" else b"\x01")
        digest.update(struct.pack(">I", len(attribute.data)) + attribute.data)
    return digest.hexdigest()


def size(body: str, attributes: Mapping[str, Attribute]) -> int:
    """Bytes of a message as the limits count them: the body, and each attribute's name, type and value."""
    return len(body.encode(errors="surrogatepass")) + sum(
        len(name.encode()) + len(attribute.type.encode()) + len(attribute.data)
        for name, attribute in attributes.items()
    )
