"""The connection that our own runtimes are given: HTTP like any other, with a short way for what comes all the time.

An invocation that goes well is one message each way, always of the same form: such a message is recognised by a single
expression and handed over at once. Anything else goes to the HTTP server as it came.
"""

from __future__ import annotations

import re

from runner.host.http import Connection, Shortcut
from runner.runtime.functions.runtime_api import RuntimeApi

FORM = re.compile(
    rb"POST /2018-06-01/runtime/invocation/([^/ ]+)/response HTTP/1\.1\r\nHost: runtime\r\nRunner-Next: 1\r\n"
    rb"Content-Type: ([^\r]*)\r\nContent-Length: (\d+)\r\n\r\n"
)


class Channel(Shortcut):
    """One connection of one of our own runtimes."""

    def __init__(self, inner: Connection, api: RuntimeApi) -> None:
        super().__init__(inner)
        self._api = api

    def data_received(self, data: bytes) -> None:
        found = FORM.match(data)
        if found is not None and self.inner.at_rest:
            request_id, content_type, size = found.groups()
            body = data[found.end() :]
            if len(body) == int(size) and self._api.answer_and_ask(request_id, content_type, body, self):
                return
        self.inner.data_received(data)
