"""SNS's errors, word for word."""

from __future__ import annotations

from runner.model.errors import ApiError


def invalid(what: str) -> ApiError:
    return ApiError("InvalidParameter", f"Invalid parameter: {what}")


def invalid_attribute_value(message: str) -> ApiError:
    return ApiError("ParameterValueInvalid", message)


def no_topic() -> ApiError:
    return ApiError("NotFound", "Topic does not exist", 404)


def no_subscription() -> ApiError:
    return ApiError("NotFound", "Subscription does not exist", 404)


def null(path: str) -> ApiError:
    return ApiError(
        "ValidationError",
        f"1 validation error detected: Value null at '{path}' failed to satisfy constraint: Member must not be null",
    )


def short_arn(parameter: str, text: str) -> ApiError:
    return invalid(f"{parameter} Reason: An ARN must have at least 6 elements, not {len(text.split(':'))}")


def unsupported(what: str) -> ApiError:
    """What this machine cannot do is said, not pretended."""
    return ApiError("NotImplemented", f"{what} is not supported here.", 501)
