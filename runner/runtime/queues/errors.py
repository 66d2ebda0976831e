"""SQS's errors, word for word.

`code` is what SDKs show and what the query protocol sends; the wire names the type of the JSON protocol after it.
"""

from __future__ import annotations

from runner.model.errors import ApiError

NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


def error(code: str, message: str) -> ApiError:
    """An error of the service under the code that SDKs show."""
    return ApiError(code, message)


def batch_error(name: str, message: str) -> ApiError:
    """An error of a whole batch: `EmptyBatchRequest`, ..."""
    return error(f"AWS.SimpleQueueService.{name}", message)


def no_queue() -> ApiError:
    return error(NO_QUEUE, "The specified queue does not exist.")


def invalid(message: str) -> ApiError:
    return error("InvalidParameterValue", message)


def invalid_value(value: object, parameter: str, reason: str) -> ApiError:
    return invalid(f"Value {value} for parameter {parameter} is invalid. Reason: {reason}")


def missing(parameter: str) -> ApiError:
    return error("MissingParameter", f"The request must contain the parameter {parameter}.")
