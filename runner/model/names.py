"""Names, ARNs and the ids that would be random on AWS and are derived here, so that every run agrees.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

DEFAULT_ACCOUNT = "000000000000"
DEFAULT_REGION = "us-east-1"
LATEST = "$LATEST"
SUFFIX_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"


@dataclass(frozen=True, slots=True)
class Place:
    """Where everything of one runner lives: partition, account, region; `endpoint` is what SDKs are pointed at."""

    account: str = DEFAULT_ACCOUNT
    region: str = DEFAULT_REGION
    endpoint: str = "http://127.0.0.1:4566"

    @property
    def partition(self) -> str:
        if self.region.startswith("cn-"):
            return "aws-cn"
        return "aws-us-gov" if self.region.startswith("us-gov-") else "aws"

    @property
    def url_suffix(self) -> str:
        return "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"

    def arn(self, service: str, resource: str) -> str:
        return f"arn:{self.partition}:{service}:{self.region}:{self.account}:{resource}"

    def function(self, name: str, qualifier: str | None = None) -> str:
        return self.arn("lambda", f"function:{name}" + (f":{qualifier}" if qualifier else ""))

    def bus(self, name: str) -> str:
        return self.arn("events", f"event-bus/{name}")

    def rule(self, bus: str, name: str) -> str:
        return self.arn("events", f"rule/{name}" if bus == "default" else f"rule/{bus}/{name}")

    def queue(self, name: str) -> str:
        return self.arn("sqs", name)

    def queue_url(self, name: str) -> str:
        return f"{self.endpoint}/{self.account}/{name}"

    def topic(self, name: str) -> str:
        return self.arn("sns", name)

    def role(self, name: str, path: str = "/") -> str:
        return f"arn:{self.partition}:iam::{self.account}:role{path}{name}"

    def policy(self, name: str, path: str = "/") -> str:
        return f"arn:{self.partition}:iam::{self.account}:policy{path}{name}"

    def log_group(self, name: str) -> str:
        return self.arn("logs", f"log-group:{name}")


@dataclass(frozen=True, slots=True)
class Arn:
    """The six parts of an ARN; `resource` is everything after the account."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    @classmethod
    def parse(cls, text: str) -> Arn | None:
        """The ARN in `text`, or None if it is not one."""
        parts = text.split(":", 5)
        if len(parts) != 6 or parts[0] != "arn" or not parts[2] or not parts[5]:
            return None
        return cls(*parts[1:])

    @property
    def name(self) -> str:
        """The last name: a queue's, a topic's, a bus's; a function's without its qualifier."""
        if self.service == "lambda":
            return self.resource.split(":")[1] if ":" in self.resource else self.resource
        return self.resource.rsplit("/", 1)[-1].rsplit(":", 1)[-1]

    @property
    def qualifier(self) -> str | None:
        """Of a function ARN: the version or alias; None if unqualified."""
        parts = self.resource.split(":")
        return parts[2] if self.service == "lambda" and len(parts) > 2 else None


def function_reference(text: str) -> tuple[str, str | None]:
    """The function's name and qualifier in any form AWS takes: name, `name:qualifier`, `account:function:name`, ARN.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    parts = text.split(":")
    if text.startswith("arn:"):
        parts = parts[6:]
    elif len(parts) >= 3 and parts[1] == "function":
        parts = parts[2:]
    elif len(parts) >= 2 and parts[0] == "function":
        parts = parts[1:]
    return (parts[0] if parts else text), (parts[1] if len(parts) > 1 else None)


def physical_name(stack: str, logical_id: str, limit: int = 64) -> str:
    """The name CloudFormation would generate: stack, logical id and a suffix, cut to `limit` characters.

    The suffix is derived, not random, so that the same stack file always means the same resources.
    """
    digest = hashlib.sha256(f"{stack}/{logical_id}".encode()).digest()
    suffix = "".join(SUFFIX_ALPHABET[byte % 36] for byte in digest[:12])
    room = limit - len(suffix) - 2
    head = stack[: max(1, room - min(len(logical_id), room // 2))]
    return f"{head}-{logical_id[: room - len(head)]}-{suffix}"


def derived_uuid(*parts: str) -> str:
    """A lower-case UUID (version 5 form) derived from `parts`."""
    raw = bytearray(hashlib.sha256("/".join(parts).encode()).digest()[:16])
    raw[6] = raw[6] & 0x0F | 0x50
    raw[8] = raw[8] & 0x3F | 0x80
    text = raw.hex()
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
