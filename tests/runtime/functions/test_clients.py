# ruff: noqa: E501 (tables of sentences)
"""Runtime clients that are not ours, unmodified: AWS's for Python, a script over curl, a compiled program."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.runtime.functions.conftest import Theatre

CALLS = 1000
AWS_CLIENT = f"""#!/bin/sh
exec {sys.executable} -m awslambdaric app.handler
"""
CURL = """#!/bin/sh
API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
HEADERS="$TMPDIR/headers"
while true; do
  EVENT=$(curl -sS -D "$HEADERS" "$API/next")
  ID=$(grep -i lambda-runtime-aws-request-id "$HEADERS" | tr -d '\\r' | cut -d: -f2 | tr -d ' ')
  echo "event $EVENT"
  curl -sS -o /dev/null -d "{\\"got\\": $EVENT}" "$API/$ID/response"
done
"""
COMPILED = r"""
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

static char buffer[1 << 16];

static long receive(int fd, char **body, char *id) {
  long have = 0;
  char *end;
  while (1) {
    long got = read(fd, buffer + have, sizeof buffer - 1 - have);
    if (got <= 0) exit(1);
    have += got;
    buffer[have] = 0;
    if ((end = strstr(buffer, "\r\n\r\n"))) break;
  }
  long size = 0;
  for (char *line = buffer; line < end; line = strstr(line, "\r\n") + 2) {
    if (!strncasecmp(line, "content-length:", 15)) size = atol(line + 15);
    if (id && !strncasecmp(line, "lambda-runtime-aws-request-id:", 30)) sscanf(line + 30, " %63[^\r]", id);
  }
  *body = end + 4;
  while (have - (*body - buffer) < size) {
    long got = read(fd, buffer + have, sizeof buffer - 1 - have);
    if (got <= 0) exit(1);
    have += got;
  }
  return size;
}

int main(void) {
  char *api = getenv("AWS_LAMBDA_RUNTIME_API");
  struct sockaddr_in to = {.sin_family = AF_INET};
  to.sin_port = htons(atoi(strchr(api, ':') + 1));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  if (connect(fd, (struct sockaddr *)&to, sizeof to)) return 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  printf("compiled\n");
  fflush(stdout);
  for (;;) {
    static char out[1 << 16];
    char id[64], *body;
    dprintf(fd, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: x\r\n\r\n");
    long size = receive(fd, &body, id);
    int n = sprintf(out, "{\"got\": %.*s}", (int)size, body);
    dprintf(fd, "POST /2018-06-01/runtime/invocation/%s/response HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", id, n, out);
    receive(fd, &body, 0);
  }
}
"""


async def call(theatre: Theatre, name: str, count: int) -> None:
    for number in range(count):
        assert (await theatre.stage.result(name, {"n": number}))["got"] == {"n": number}


@pytest.mark.slow
def test_the_aws_client_for_python_serves_a_thousand_invocations(theatre: Theatre) -> None:
    pytest.importorskip("awslambdaric")
    code = """
        import logging
        def handler(event, context):
            if event.get("fail"):
                raise ValueError("on purpose")
            logging.warning("warned")
            return {"got": event, "context": [context.aws_request_id, context.invoked_function_arn]}
        """
    files = {"app.py": code, "bootstrap": AWS_CLIENT}
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, files, Runtime="provided.al2023", MemorySize=256, Timeout=30))
    theatre.run(call(theatre, name, CALLS))
    answer = theatre.run(theatre.stage.invoke(name, {"fail": 1}, request_id="the-id", tail=True))
    assert json.loads(answer.payload)["errorMessage"] == "on purpose"
    assert (answer.function_error, answer.error_type) == ("Unhandled", "ValueError")
    assert "[ERROR] ValueError: on purpose" in answer.log_tail.decode()
    found = theatre.run(theatre.stage.result(name, {}, request_id="the-id-2"))
    assert found["context"] == ["the-id-2", f"arn:aws:lambda:us-east-1:000000000000:function:{name}"]
    processes = {stream for function, _, stream, _, _ in theatre.stage.lines.all if function == name}
    assert len(processes) == 1


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")
def test_a_script_over_curl_serves_a_hundred_invocations(theatre: Theatre) -> None:
    names = [theatre.name() for _ in range(2)]

    async def both() -> None:
        for name in names:
            await theatre.stage.deploy(name, {"bootstrap": CURL}, Runtime="provided.al2", Timeout=30)
        await asyncio.gather(*(call(theatre, name, CALLS // 20) for name in names))

    theatre.run(both())
    theatre.run(theatre.stage.lines.until(names[0], r'^event \{"n": 0\}'))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler")
def test_a_compiled_program_serves_a_thousand_invocations(theatre: Theatre, tmp_path: Path) -> None:
    source = tmp_path / "bootstrap.c"
    source.write_text(COMPILED)
    subprocess.run(["cc", "-O1", "-w", "-o", str(tmp_path / "bootstrap"), str(source)], check=True)
    name = theatre.name()
    files = {"bootstrap": (tmp_path / "bootstrap").read_bytes()}
    theatre.run(theatre.stage.deploy(name, files, Runtime="provided.al2023", Timeout=30))
    theatre.run(call(theatre, name, CALLS))
    assert "compiled" in theatre.stage.lines.of(name)


# fmt: off
BAD = [
    ("no bootstrap",              {"other": ""},                          "Runtime.InvalidEntrypoint", "Couldn't find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"),
    ("no program",                {"bootstrap": b"\x00\x01\x02\x03"},     "Runtime.InvalidEntrypoint", "fork/exec /var/task/bootstrap: exec format error"),
    ("no interpreter",            {"bootstrap": "#!/nowhere/sh\n"},       "Runtime.InvalidEntrypoint", "fork/exec /var/task/bootstrap: no such file or directory"),
    ("ends before it asks",       {"bootstrap": "#!/bin/sh\nexit 5\n"},   "Runtime.ExitError",         "Runtime exited with error: exit status 5"),
]
# fmt: on


@pytest.mark.parametrize(("files", "kind", "message"), [row[1:] for row in BAD], ids=[row[0] for row in BAD])
def test_bad_entry_points(theatre: Theatre, files: dict[str, str | bytes], kind: str, message: str) -> None:
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, files, Runtime="provided.al2023"))
    answer = theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    assert json.loads(answer.payload) == {"errorType": kind, "errorMessage": f"RequestId: the-id Error: {message}"}


def test_a_bootstrap_that_may_not_be_executed_is_none(theatre: Theatre) -> None:
    name = theatre.name()
    version = theatre.run(theatre.stage.deploy(name, {"bootstrap": "#!/bin/sh\n"}, Runtime="provided.al2023"))
    os.chmod(theatre.stage.folder / "artifacts" / version.artifact / "bootstrap", 0o644)
    answer = theatre.run(theatre.stage.invoke(name))
    assert answer.error_type == "Runtime.InvalidEntrypoint"


def test_a_bootstrap_may_come_from_a_layer(theatre: Theatre) -> None:
    layer = theatre.stage.write({"bootstrap": CURL})
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, {"x": ""}, layers=(layer,), Runtime="provided.al2023"))
    theatre.run(call(theatre, name, 1))


def test_what_a_custom_runtime_posts_is_passed_on_byte_for_byte(theatre: Theatre) -> None:
    script = """#!/bin/sh
    API="http://$AWS_LAMBDA_RUNTIME_API/2018-06-01/runtime/invocation"
    while true; do
      curl -sS -D "$TMPDIR/h" -o "$TMPDIR/e" "$API/next"
      ID=$(grep -i lambda-runtime-aws-request-id "$TMPDIR/h" | tr -d '\\r' | cut -d: -f2 | tr -d ' ')
      if grep -q fail "$TMPDIR/e"; then
        curl -sS -o /dev/null -H 'Lambda-Runtime-Function-Error-Type: Function.Odd' -d 'not { json' "$API/$ID/error"
      else
        curl -sS -o /dev/null -d 'no json either' "$API/$ID/response"
      fi
    done
    """
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, {"bootstrap": script}, Runtime="provided.al2023", Timeout=30))
    good = theatre.run(theatre.stage.invoke(name))
    assert (good.payload, good.function_error) == (b"no json either", None)
    bad = theatre.run(theatre.stage.invoke(name, {"fail": 1}))
    assert (bad.payload, bad.function_error, bad.error_type) == (b"not { json", "Unhandled", "Function.Odd")
