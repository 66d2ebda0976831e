"""Lambda's errors in Lambda's words.

Two families of error bodies differ in the case of `message`; the engine takes it from the model, the operations that
answer by themselves from the table here. Sources: answers recorded from AWS, and the service model.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from runner.host.exchange import Exchange
from runner.model.errors import ApiError

UPPER_CASE = frozenset(
    {
        "AccessDeniedException",
        "CodeSigningConfigNotFoundException",
        "NoPublishedVersionException",
        "RecursiveInvocationException",
        "ResourceInUseException",
        "ResourceNotFoundException",
        "ServiceException",
    }
)
"""Errors whose body says `Message`; all others say `message`."""

USER = {"Type": "User"}
QUALIFIER_MISMATCH = "The derived qualifier from the function name does not match the specified qualifier."
NO_RESOURCE = "The resource you requested does not exist."
STALE = (
    "The Revision Id provided does not match the latest Revision Id. Call the {} API to retrieve the latest Revision Id"
)


def invalid(message: str) -> ApiError:
    return ApiError("InvalidParameterValueException", message, 400, members=USER)


def untyped(message: str) -> ApiError:
    """An invalid parameter of the few that AWS answers without `Type`."""
    return ApiError("InvalidParameterValueException", message, 400, members={"Type": None})


def invalid_content(message: str) -> ApiError:
    return ApiError("InvalidRequestContentException", message, 400, members=USER)


def not_found(message: str = NO_RESOURCE) -> ApiError:
    return ApiError("ResourceNotFoundException", message, 404, members=USER)


def no_function(arn: str) -> ApiError:
    return not_found(f"Function not found: {arn}")


def looping() -> ApiError:
    """The wording is ours: AWS publishes only the code."""
    message = "Lambda has detected your function being invoked in a recursive loop and has stopped it."
    return ApiError("RecursiveInvocationException", message, 400, members=USER)


def no_alias(arn: str) -> ApiError:
    return not_found(f"Cannot find alias arn: {arn}")


def conflict(message: str) -> ApiError:
    return ApiError("ResourceConflictException", message, 409, members=USER)


def stale(read_with: str = "GetFunction/GetAlias") -> ApiError:
    """The caller's RevisionId is not the current one; `read_with` names the call that gives it."""
    return ApiError("PreconditionFailedException", STALE.format(read_with), 412, members=USER)


def too_large(message: str) -> ApiError:
    return ApiError("RequestEntityTooLargeException", message, 413)


def internal() -> ApiError:
    message = "An error occurred and the request cannot be processed."
    return ApiError("ServiceException", message, 500, members={"Type": "Service"})


def validation(problems: Iterable[tuple[str, str, str]]) -> ApiError:
    """Constraint violations, each as (value, member, constraint)."""
    texts = [f"Value '{value}' at '{member}' failed to satisfy constraint: {rule}" for value, member, rule in problems]
    plural = "error" if len(texts) == 1 else "errors"
    return ApiError("ValidationException", f"{len(texts)} validation {plural} detected: {'; '.join(texts)}")


def answer(exchange: Exchange, error: ApiError, request_id: str) -> None:
    """Answer an exchange with an error, as rest-json does."""
    body: dict[str, object] = dict(error.members)
    body["Message" if error.code in UPPER_CASE else "message"] = error.message
    headers = [
        ("content-type", "application/json"),
        ("x-amzn-requestid", request_id),
        ("x-amzn-errortype", error.code),
    ]
    if "retryAfterSeconds" in body:
        headers.append(("retry-after", str(body.pop("retryAfterSeconds"))))
    exchange.respond(error.status, headers, json.dumps(body, separators=(",", ":")).encode())
