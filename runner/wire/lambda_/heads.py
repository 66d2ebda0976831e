"""The head of a plain Invoke: which function it is for and how long its body is, read from its bytes.

A plain request is one that asks for nothing special. Every other is not read here, nor is one that could be read in
more than one way: None, always, is the answer that is safe.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import compress
from operator import ne

REQUEST = re.compile(
    rb"POST /2015-03-31/functions/([a-zA-Z0-9_-]{1,64})/invocations"
    rb"(?:\?Qualifier=([a-zA-Z0-9_-]{1,128}|(?:\$|%24)LATEST))? HTTP/1\.1\r"
)
SPECIAL = (
    "connection|content-encoding|content-length|expect|host|origin|sec-fetch-site|transfer-encoding|upgrade"
    "|x-amz-client-context|x-amz-durable-execution-name|x-amz-invocation-type|x-amz-log-type|x-amz-tenant-id"
    "|x-amzn-trace-id"
)
"""Headers that say how a request is to be read, or ask for something."""

HEADERS = re.compile(
    rb"(?:\n(?:host:[ \t]*([^\r\n\0]*)|content-length:[ \t]*([0-9]{1,12})|connection:[ \t]*keep-alive"
    rb"|(x-amz-invocation-type):[ \t]*requestresponse|(?!(?:%b):)[a-z0-9-]+:[^\r\n\0]*)\r)+" % SPECIAL.encode()
)
"""All headers of a plain request, in lower case. (Possessive groups would do, but lose captures before Python 3.12.)"""

HOST, SIZE, TYPE = b"\nhost:", b"\ncontent-length:", b"\nx-amz-invocation-type:"
SYNCHRONOUS = re.compile(rb"\n(?i:x-amz-invocation-type):[ \t]*RequestResponse\r")
END = b"\r\n\r\n"
LINE = b"\r\n"
CR, LF, NUL = b"\r\n\0"  # as numbers, which are looked for faster
FREE = re.compile(rb"(?!(?i:%b):)[^:]+:" % SPECIAL.encode())
NO_NAME = b"\r"  # what no line begins with


@dataclass(slots=True)
class Head:
    """What a request said, and what the next one may say differently and still mean the same.

    `host` as it was sent, in lower case; None where there was none. `size` is that of the body.
    """

    text: bytes
    name: bytes
    qualifier: bytes | None
    host: bytes | None
    size: int
    lines: list[bytes]
    free: list[bytes]  # with what each line has to begin, whatever else it says

    def alike(self, data: bytes) -> int:
        """Where the body of a request begins whose head means the same; 0 if that is not certain.

        Clients send the same again and again, or the same but for dates and signatures.
        """
        if data.startswith(self.text):
            return len(self.text)
        end = data.find(END)
        lines = data[:end].split(LINE)
        if end < 0 or len(lines) != len(self.lines):
            return 0
        differ = list(map(ne, lines, self.lines))
        if not all(map(bytes.startswith, compress(lines, differ), compress(self.free, differ))):
            return 0
        others = b"".join(compress(lines, differ))
        if CR in others or LF in others or NUL in others:
            return 0
        return end + len(END)


def read(data: bytes) -> Head | None:
    """The head of a plain request, if it is one and all of it is there."""
    asked = REQUEST.match(data)
    end = data.find(END)
    if asked is None or end < 0:
        return None
    line = asked.end()
    text = data[line : end + 1].lower()
    found = HEADERS.fullmatch(text)
    if found is None or text.count(HOST) > 1 or text.count(SIZE) > 1:
        return None
    host, size, typed = found.groups()
    if typed is not None and (text.count(TYPE) > 1 or SYNCHRONOUS.search(data, line, end + 1) is None):
        return None
    lines = data[:end].split(LINE)
    names = [FREE.match(one) for one in lines[1:]]
    free = [NO_NAME, *(NO_NAME if found is None else found[0] for found in names)]
    name, qualifier = asked.groups()
    return Head(data[: end + len(END)], name, qualifier, host, int(size or 0), lines, free)
