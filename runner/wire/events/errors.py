"""What EventBridge answers when it refuses, word for word.

Source: https://docs.aws.amazon.com/eventbridge/latest/APIReference/CommonErrors.html and recorded answers
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import ValidationError

from runner.core.patterns import PatternError
from runner.model.errors import ApiError


def validation(message: str) -> ApiError:
    return ApiError("ValidationException", message)


def not_found(message: str) -> ApiError:
    return ApiError("ResourceNotFoundException", message)


def no_bus(name: str) -> ApiError:
    return not_found(f"Event bus {name} does not exist.")


def no_rule(name: str, bus: str) -> ApiError:
    return not_found(f"Rule {name} does not exist on EventBus {bus}.")


def exists(message: str) -> ApiError:
    return ApiError("ResourceAlreadyExistsException", message)


def limit() -> ApiError:
    return ApiError("LimitExceededException", "The requested resource exceeds the maximum number allowed.")


def bad_pattern(error: PatternError) -> ApiError:
    return ApiError("InvalidEventPatternException", error.message)


def constraints(found: Sequence[str]) -> ApiError:
    """One or more members that break the request's model."""
    errors = "1 validation error" if len(found) == 1 else f"{len(found)} validation errors"
    return validation(f"{errors} detected: {'; '.join(found)}")


def constraint(value: object, at: str, rule: str) -> str:
    shown = "null" if value is None else f"'{value}'"
    return f"Value {shown} at '{at}' failed to satisfy constraint: {rule}"


def broken_model(error: ValidationError, prefix: str = "") -> ApiError:
    """Members that do not fit a noun, as the request's model would have refused them."""
    return constraints([_constraint(one, prefix) for one in error.errors()])


def _constraint(error: Any, prefix: str) -> str:
    path = [str(step)[:1].lower() + str(step)[1:] for step in error["loc"] if not isinstance(step, int)]
    context = error.get("ctx") or {}
    rules = {
        "string_pattern_mismatch": "Member must satisfy regular expression pattern: {pattern}",
        "string_too_long": "Member must have length less than or equal to {max_length}",
        "string_too_short": "Member must have length greater than or equal to {min_length}",
        "too_long": "Member must have length less than or equal to {max_length}",
        "less_than_equal": "Member must have value less than or equal to {le}",
        "greater_than_equal": "Member must have value greater than or equal to {ge}",
        "literal_error": "Member must satisfy enum value set: [{expected}]",
        "missing": "Member must not be null",
    }
    rule = rules.get(error["type"], "Member is not valid").format_map(_Limits(context))
    value = None if error["type"] == "missing" else error.get("input")
    return constraint(value, ".".join([prefix, *path] if prefix else path), rule)


class _Limits(dict[str, object]):
    """The limits of a constraint as AWS prints them."""

    def __init__(self, context: dict[str, Any]) -> None:
        super().__init__(context)
        if isinstance(context.get("pattern"), str):
            self["pattern"] = context["pattern"].removeprefix("^").removesuffix("$")
        if isinstance(context.get("expected"), str):
            self["expected"] = context["expected"].replace("'", "").replace(" or ", ", ")

    def __missing__(self, key: str) -> str:
        return "?"
