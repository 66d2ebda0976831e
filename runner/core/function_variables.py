"""Which environment variables a function may be given, and what Lambda answers otherwise.

Source: https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

from collections.abc import Iterable

MAX_BYTES = 4096  # of all names and values
RESERVED = frozenset(
    (
        "_HANDLER",
        "_X_AMZN_TRACE_ID",
        "AWS_ACCESS_KEY",
        "AWS_ACCESS_KEY_ID",
        "AWS_DEFAULT_REGION",
        "AWS_EXECUTION_ENV",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
        "AWS_LAMBDA_FUNCTION_NAME",
        "AWS_LAMBDA_FUNCTION_VERSION",
        "AWS_LAMBDA_INITIALIZATION_TYPE",
        "AWS_LAMBDA_LOG_GROUP_NAME",
        "AWS_LAMBDA_LOG_STREAM_NAME",
        "AWS_LAMBDA_RUNTIME_API",
        "AWS_REGION",
        "AWS_SECRET_ACCESS_KEY",
        "AWS_SESSION_TOKEN",
        "LAMBDA_RUNTIME_DIR",
        "LAMBDA_TASK_ROOT",
    )
)
"""Lambda sets these itself."""

REFUSAL = (
    "Lambda was unable to configure your environment variables because the environment variables you have provided {}"
)


def reserved_among(names: Iterable[str]) -> str | None:
    """Lambda's words for names that are reserved; None if none is."""
    found = sorted(RESERVED.intersection(names))
    if not found:
        return None
    return REFUSAL.format(
        "contains reserved keys that are currently not supported for modification. "
        f"Reserved keys used in this request: {', '.join(found)}"
    )
