"""Pages of lists, with tokens that name the place to go on from."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from runner.model.errors import ApiError
from runner.wire.operation import Members


def page(name: str, items: Sequence[Any], members: Members, size: int) -> dict[str, Any]:
    """One page under `name`. Raises ApiError for a token that was not given out."""
    start = _read(members.get("nextToken"))
    end = start + int(members.get("limit", size))
    answer: dict[str, Any] = {name: list(items[start:end])}
    if end < len(items):
        answer["nextToken"] = base64.b64encode(f"at/{end}".encode()).decode()
    return answer


def _read(token: str | None) -> int:
    if token is None:
        return 0
    try:
        return int(base64.b64decode(token, validate=True).decode().removeprefix("at/"))
    except ValueError:
        raise ApiError("InvalidParameterException", "The specified nextToken is invalid.", 400) from None
