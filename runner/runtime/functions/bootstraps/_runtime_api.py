# ruff: noqa: UP031
# mypy: ignore-errors
"""The Runtime API over one kept connection. Runs on Python 3.9 and later.

After a pause every function and object that is touched has to come from memory again. So what happens for each
invocation is one straight line: `answer` posts a result and reads the next event in the one form that it mostly comes
in. What comes in any other form, or in pieces, is read by `Connection.read`.
"""

import os
import re

API = "/2018-06-01/runtime"
EVENT = re.compile(
    rb"HTTP/1\.1 200 OK\r\ncontent-type: application/json\r\n"
    rb"lambda-runtime-aws-request-id: (\S[^\r]*)\r\nlambda-runtime-deadline-ms: ([0-9]+)\r\n"
    rb"lambda-runtime-invoked-function-arn: (\S[^\r]*)\r\nlambda-runtime-trace-id: ([!-~]+)\r\n"
    rb"content-length: ([0-9]+)\r\n\r\n"
)
AT_ONCE = 65536


def pipe_writer(file):
    """`write(data)` that writes all of it. Once is enough unless there is no room."""
    put = os.write

    def write(data):
        count = put(file, data)
        if count < len(data):
            rest = memoryview(data)[count:]
            while rest:
                rest = rest[put(file, rest) :]

    return write


class Connection:
    """HTTP/1.1 over a kept connection: just what the Runtime API needs.

    `recv(n)` returns at most n bytes, none at the end; `sendall` sends all that it is given.
    """

    def __init__(self, recv, sendall):
        self.recv = recv
        self.sendall = sendall
        self.buffer = b""

    def send(self, head, body=b""):
        if len(body) < AT_ONCE:
            self.sendall(head + body)
        else:
            self.sendall(head)
            self.sendall(body)

    def read(self):
        """An answer: (status, headers in lower case, body)."""
        end = self.buffer.find(b"\r\n\r\n")
        while end < 0:
            self.more()
            end = self.buffer.find(b"\r\n\r\n")
        lines = self.buffer[:end].decode("latin-1").split("\r\n")
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        size = int(headers.get("content-length", 0))
        rest = self.buffer[end + 4 :]
        if len(rest) < size:
            pieces, have = [rest], len(rest)
            while have < size:
                piece = self.recv(min(size - have, AT_ONCE))
                if not piece:
                    raise ConnectionError("the runtime API is gone")
                pieces.append(piece)
                have += len(piece)
            rest = b"".join(pieces)
        self.buffer = rest[size:]
        return int(lines[0].split(" ", 2)[1]), headers, rest[:size]

    def more(self):
        data = self.recv(AT_ONCE)
        if not data:
            raise ConnectionError("the runtime API is gone")
        self.buffer += data


class Api:
    """The Runtime API as this runtime calls it.

    An invocation is (request id, deadline in ms, ARN, trace, client context, identity, tenant, content type, body):
    trace and body are bytes, the deadline is a number, the others are text; what the event does not tell is None.
    """

    def __init__(self, connection):
        self.connection = connection

    def next(self):
        self.connection.send(self._head("GET", "/invocation/next", 0))
        return self._read()

    def answer(self, request_id, content_type, body):
        """Post the result and wait for the next invocation. The other side knows this form."""
        head = (
            f"POST {API}/invocation/{request_id}/response HTTP/1.1\r\nHost: runtime\r\nRunner-Next: 1\r\n"
            f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
        ).encode("latin-1")
        connection = self.connection
        connection.send(head, body)
        if connection.buffer:
            return self._read()
        data = connection.recv(AT_ONCE)
        found = EVENT.match(data)
        if found is not None:
            request_id, deadline, arn, trace, size = found.groups()
            body = data[found.end() :]
            if len(body) == int(size):
                kind = "application/json"
                return request_id.decode(), int(deadline), arn.decode(), trace, None, None, None, kind, body
        connection.buffer = data
        return self._read()

    def fail(self, request_id, kind, body, fault):
        """Post an error and wait for the next invocation."""
        lines = [
            "Content-Type: application/json",
            "Lambda-Runtime-Function-Error-Type: " + one_line(kind),
            "Runner-Next: 1",
        ]
        if len(fault) < 1 << 20:
            lines.append("Lambda-Runtime-Function-XRay-Error-Cause: " + one_line(fault))
        self.connection.send(self._head("POST", "/invocation/" + request_id + "/error", len(body), *lines), body)
        return self._read()

    def fail_init(self, kind, body):
        kind = "Lambda-Runtime-Function-Error-Type: " + one_line(kind)
        self.connection.send(self._head("POST", "/init/error", len(body), "Content-Type: application/json", kind), body)
        self.connection.read()

    def _head(self, method, path, size, *lines):
        head = "%s %s%s HTTP/1.1\r\nHost: runtime\r\nContent-Length: %d\r\n" % (method, API, path, size)
        for line in lines:
            head += line + "\r\n"
        return (head + "\r\n").encode("latin-1", "backslashreplace")

    def _read(self):
        """The next invocation, in whatever form it comes."""
        status, headers, body = self.connection.read()
        if status != 200:  # the answer was refused: ask for the next as if it had been posted
            return self.next()
        trace = headers.get("lambda-runtime-trace-id")
        return (
            headers["lambda-runtime-aws-request-id"],
            int(headers.get("lambda-runtime-deadline-ms", 0)),
            headers.get("lambda-runtime-invoked-function-arn"),
            os.fsencode(trace) if trace is not None else None,
            headers.get("lambda-runtime-client-context"),
            headers.get("lambda-runtime-cognito-identity"),
            headers.get("lambda-runtime-aws-tenant-id"),
            headers.get("content-type"),
            body,
        )


def one_line(text):
    return text.replace("\r", " ").replace("\n", " ")
