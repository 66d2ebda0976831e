"""What leaves an asynchronous invocation: the record for its destination, the attributes of its dead letter.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-retain-records.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from runner.core.retry import Condition

ERROR_MESSAGE_BYTES = 1024  # a dead letter's ErrorMessage is cut to this
OK = 200  # an invocation whose function failed was still answered with 200
DETAIL_TYPE = "Lambda Function Invocation Result - "

# ErrorCode and ErrorMessage of a dead letter whose function did not run.
NOT_RUN: Mapping[Condition, tuple[int, str]] = {
    Condition.ZERO_RESERVED_CONCURRENCY: (
        429,
        "Function not invoked. Function is configured with zero reserved concurrent executions",
    ),
    Condition.EVENT_AGE_EXCEEDED: (429, "Rate Exceeded."),
    Condition.RECURSIVE_INVOCATION: (
        400,
        "Lambda has detected the function being invoked in a recursive loop and stopped it.",
    ),
}


@dataclass(frozen=True, slots=True)
class Response:
    """What the last attempt that ran came to. `payload` is JSON as the function gave it."""

    version: str
    payload: bytes
    function_error: str | None = None


@dataclass(frozen=True, slots=True)
class Ended:
    """An asynchronous invocation that is over. `function_arn` is qualified; `response` is None if it never ran."""

    request_id: str
    function_arn: str
    condition: Condition
    attempts: int
    payload: bytes
    response: Response | None = None

    @property
    def succeeded(self) -> bool:
        return self.condition is Condition.SUCCESS


def destination_record(ended: Ended, *, at: float) -> bytes:
    """The JSON that a destination of any kind receives; payloads are embedded as they are, not re-serialised."""
    context = {
        "requestId": ended.request_id,
        "functionArn": ended.function_arn,
        "condition": ended.condition.value,
        "approximateInvokeCount": ended.attempts,
    }
    parts = [
        b'"version":"1.0"',
        b'"timestamp":' + _json(timestamp(at)),
        b'"requestContext":' + _json(context),
        b'"requestPayload":' + _embedded(ended.payload),
    ]
    if ended.response is not None:
        answer: dict[str, object] = {"statusCode": OK, "executedVersion": ended.response.version}
        if ended.response.function_error is not None:
            answer["functionError"] = ended.response.function_error
        parts += [b'"responseContext":' + _json(answer), b'"responsePayload":' + _embedded(ended.response.payload)]
    return b"{" + b",".join(parts) + b"}"


def detail_type(ended: Ended) -> str:
    """Of the event that a bus receives as destination."""
    return DETAIL_TYPE + ("Success" if ended.succeeded else "Failure")


def dead_letter_attributes(ended: Ended) -> dict[str, tuple[str, str]]:
    """Message attributes of the original event in a dead-letter queue or topic: name -> (data type, value)."""
    code, message = NOT_RUN.get(ended.condition, (OK, ""))
    if ended.response is not None:
        code, message = OK, error_message(ended.response.payload)
    attributes = {"RequestID": ("String", ended.request_id), "ErrorCode": ("Number", str(code))}
    if message:  # an attribute without a value is refused by SQS and SNS
        attributes["ErrorMessage"] = ("String", message)
    return attributes


def error_message(payload: bytes) -> str:
    """`errorMessage` of a function's error payload, cut to what a dead letter carries."""
    try:
        document = json.loads(payload)
    except ValueError:
        return ""
    message = document.get("errorMessage") if isinstance(document, dict) else None
    return str(message or "").encode()[:ERROR_MESSAGE_BYTES].decode(errors="ignore")


def timestamp(at: float) -> str:
    """Epoch seconds as ISO 8601 in UTC with three digits of milliseconds."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


def _embedded(payload: bytes) -> bytes:
    """A payload as part of a JSON document: itself where it is JSON, otherwise as a string; nothing is `null`."""
    if not payload.strip():
        return b"null"
    try:
        json.loads(payload)
    except ValueError:
        return _json(payload.decode(errors="replace"))
    return payload.strip()
