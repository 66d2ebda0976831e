"""Where `Code.Location` leads: the code of a version as a zip archive. `GET /_runner/code?artifact=<id>`."""

from __future__ import annotations

import asyncio
import logging
import re
from urllib.parse import parse_qs

from runner.host.exchange import Exchange
from runner.runtime.functions.code import CodeStore

log = logging.getLogger(__name__)

PATH = "/_runner/code"
ARTIFACT = re.compile(r"[0-9a-f]{64}")


class Downloads:
    """Answers each exchange in a task of its own."""

    def __init__(self, code: CodeStore) -> None:
        self._code = code
        self._tasks: set[asyncio.Task[None]] = set()

    def answer(self, exchange: Exchange) -> None:
        artifact = parse_qs(exchange.query).get("artifact", [""])[0]
        if not ARTIFACT.fullmatch(artifact) or not self._code.path(artifact).is_dir():
            exchange.respond(404)
            return
        task = asyncio.get_running_loop().create_task(self._send(exchange, artifact))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _send(self, exchange: Exchange, artifact: str) -> None:
        try:
            body = await self._code.archive(artifact)
        except OSError:
            log.exception("An artifact could not be packed.", extra={"action": "download_failed"})
            exchange.respond(500)
        else:
            exchange.respond(200, [("content-type", "application/zip")], body)
