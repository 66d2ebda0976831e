"""The runner's own way to read and follow logs: one JSON object a line, `{"function", "group", "at", "message"}`.

`GET /_runner/logs?name=&filter=&since_ms=&follow=1`, for `runner logs`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from urllib.parse import parse_qsl

from runner.host.exchange import Exchange
from runner.model.errors import ApiError, InputError
from runner.runtime.log_tail import LogTail
from runner.runtime.logs import LogEvent, Search

log = logging.getLogger(__name__)

PATH = "/_runner/logs"
BACKLOG = 1 << 20  # bytes that a slow reader may leave untaken before it is waited for
LINES = [("content-type", "application/x-ndjson")]
JSON = [("content-type", "application/json")]


class LogLines:
    """Answers each exchange in a task of its own, until the client is gone."""

    def __init__(self, tail: LogTail) -> None:
        self._tail = tail
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, exchange: Exchange) -> None:
        task = asyncio.get_running_loop().create_task(self._answer(exchange))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

        def lost() -> None:
            task.cancel()

        exchange.on_lost = lost

    def end(self) -> None:
        """Answers that follow would never end by themselves: they end now."""
        for task in self._tasks:
            task.cancel()

    async def _answer(self, exchange: Exchange) -> None:
        query = dict(parse_qsl(exchange.query))
        started = False
        try:
            events = self._tail.events(query.get("name"), search_of(query), follow=query.get("follow") == "1")
            async for event in events:
                if not started:
                    exchange.start(200, LINES)
                    started = True
                exchange.write(line_of(event))
                if exchange.backlog > BACKLOG:
                    await exchange.drained()
        except (ApiError, InputError) as error:
            if not started:
                hint = error.hint if isinstance(error, InputError) else ""
                exchange.respond(400, JSON, json.dumps({"error": error.message, "hint": hint}).encode())
                return
        except asyncio.CancelledError:
            log.debug("A reader of logs is gone, or told that this is the end.", extra={"action": "log_tail_ended"})
        except Exception:
            log.exception("Logs could not be read.", extra={"action": "log_tail_failed"})
        if not started:
            exchange.start(200, LINES)
        exchange.finish()


def search_of(query: Mapping[str, str]) -> Search:
    since = query.get("since_ms")
    return Search(pattern=query.get("filter", ""), from_ms=int(since) if since and since.isdecimal() else None)


def line_of(event: LogEvent) -> bytes:
    document = {"function": event.function, "group": event.group, "at": event.at, "message": event.message}
    return json.dumps(document).encode() + b"\n"
