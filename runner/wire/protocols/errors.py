"""Errors as JSON: the body's members and what the model adds, for json, rest-json and rpc-v2-cbor.

Lambda's errors carry `Type` and spell the message's name in two ways; both come from the modelled shapes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from runner.model.errors import ApiError
from runner.wire.models import ErrorShape, ServiceModel, Shape

FAULT_TYPE = {True: "User", False: "Service"}


def status_of(error: ApiError, shape: ErrorShape | None) -> int:
    """The room's status, unless it left the default and the model knows better."""
    if shape is not None and shape.status is not None and error.status == 400:
        return shape.status
    return error.status


def error_members(model: ServiceModel, error: ApiError, default_name: str = "message") -> tuple[Mapping[str, Any], int]:
    """The members of an error's document, by their wire names, and its status."""
    shape = model.errors.get(error.code)
    status = status_of(error, shape)
    members: dict[str, Any] = {}
    known = shape.shape.members if shape is not None else {}
    message_name = next((name for name in known if name.lower() == "message"), default_name)
    if "Type" in known:
        members["Type"] = FAULT_TYPE[status < 500]
    if error.message is not None or shape is None:
        members[message_name] = error.message
    members |= {name: value for name, value in error.members.items() if not _elsewhere(known.get(name))}
    for name, value in error.members.items():
        if value is None:  # a room knows that the service leaves it out
            members.pop(name, None)
    return members, status


def _elsewhere(member: Shape | None) -> bool:
    """True for members that the model binds to headers."""
    return member is not None and member.location is not None


def error_headers(model: ServiceModel, error: ApiError) -> list[tuple[str, str]]:
    """Members of the error that the model binds to headers, such as Retry-After."""
    shape = model.errors.get(error.code)
    if shape is None:
        return []
    return [
        (str(member.wire_name or name).lower(), str(error.members[name]))
        for name, member in shape.shape.members.items()
        if member.location == "header" and error.members.get(name) is not None
    ]
