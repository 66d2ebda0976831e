"""The door of log groups: an event becomes a line of a stream that is kept for deliveries.

Source: https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-targets.html
        AWS names the streams by ids of its own making; here a group has one stream for everything delivered to it
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from runner.model.errors import ApiError
from runner.model.names import Arn, derived_uuid
from runner.runtime.doors import Letter, Undeliverable
from runner.runtime.logs import LogService

EXISTS = "ResourceAlreadyExistsException"


class LogDoor:
    """Accepts letters for log groups that exist."""

    def __init__(self, logs: LogService) -> None:
        self._logs = logs

    async def accept(self, arn: Arn, letter: Letter) -> None:
        [refused] = await self.accept_all(arn, [letter])
        if refused is not None:
            raise refused

    async def accept_all(self, arn: Arn, letters: Sequence[Letter]) -> Sequence[Undeliverable | None]:
        """Append all of them in one commit."""
        group = arn.resource.removeprefix("log-group:").removesuffix(":*")
        stream = derived_uuid("deliveries", group)
        try:
            await self._logs.create_stream(group, stream)
        except ApiError as error:
            if error.code != EXISTS:
                return [Undeliverable("NO_RESOURCE", error.message or error.code)] * len(letters)
        await self._logs.put(group, stream, [_line(letter) for letter in letters])
        return [None] * len(letters)


def _line(letter: Letter) -> tuple[float, str]:
    """When and what: of an event its own time; a template gives `{"timestamp": ..., "message": ...}`."""
    text = letter.body.decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        return letter.at, text
    if parsed.keys() == {"timestamp", "message"}:
        message = parsed["message"]
        return _at(parsed["timestamp"], letter.at), message if isinstance(message, str) else json.dumps(message)
    return _at(parsed.get("time"), letter.at), text


def _at(value: Any, otherwise: float) -> float:
    """Epoch seconds of milliseconds or of an ISO date."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value / 1000
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError):
        return otherwise
