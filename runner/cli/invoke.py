"""`runner invoke`: one invocation of a function of a running stack, as the Invoke API makes it."""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPResponse
from pathlib import Path
from urllib.parse import quote, urlencode, urlsplit

import click

from runner.cli.render import safe
from runner.cli.target import refusal, running, settings_for, state_option
from runner.model.errors import InputError, RunnerError

NAME_PATH = "/_runner/function"
TIMEOUT_S = 960.0  # longer than any function may run


@click.command()
@click.argument("function")
@click.option("--payload", "-p", default=None, help="JSON text, @FILE, or - for standard input. Default: {}.")
@click.option("--qualifier", "-q", default=None, help="A version or an alias.")
@click.option("--async", "asynchronous", is_flag=True, help="Hand it in and do not wait for it.")
@click.option("--stack", type=click.Path(path_type=Path), help="The stack file, if not in this folder.")
@state_option
@click.option("--quiet", is_flag=True, help="Do not show the end of the log.")
def invoke(
    function: str,
    payload: str | None,
    qualifier: str | None,
    asynchronous: bool,
    stack: Path | None,
    state: Path | None,
    quiet: bool,
) -> int:
    """Invoke FUNCTION (its name, its logical id, or an ARN) and print its answer; the end of its log goes to standard
    error. Exit 1 if it failed."""
    endpoint = running(settings_for(stack, state)).endpoint
    headers = {"X-Amz-Invocation-Type": "Event" if asynchronous else "RequestResponse", "X-Amz-Log-Type": "Tail"}
    path = f"/2015-03-31/functions/{quote(_name(endpoint, function), safe=':')}/invocations"
    if qualifier:
        path += f"?Qualifier={quote(qualifier)}"
    response, body = _ask(endpoint, "POST", path, _body(payload), headers)
    if response.status >= 400:
        raise _refused(response, body)
    if (log := response.headers.get("X-Amz-Log-Result")) and not quiet:
        click.echo(safe(base64.b64decode(log).decode(errors="replace")), err=True)
    if body:
        sys.stdout.buffer.write(body + b"\n")
        sys.stdout.buffer.flush()
    return 1 if response.headers.get("X-Amz-Function-Error") else 0


def _name(endpoint: str, function: str) -> str:
    """The function's own name, with the version or alias that was written behind it. Raises InputError."""
    name, colon, qualifier = function.partition(":")
    if ":" in qualifier:  # an ARN, or the end of one
        return function
    response, body = _ask(endpoint, "GET", f"{NAME_PATH}?{urlencode({'name': name})}")
    if response.status != 200:
        raise refusal(body, f"{endpoint} does not know its functions: status {response.status}.")
    return f"{json.loads(body)['name']}{colon}{qualifier}"


def _refused(response: HTTPResponse, body: bytes) -> InputError:
    """What the API answered, as a sentence."""
    code = response.headers.get("x-amzn-errortype", str(response.status)).partition(":")[0]
    try:
        told = json.loads(body)
        message = str(told.get("Message") or told.get("message") or told)
    except (ValueError, AttributeError):
        message = body.decode(errors="replace")
    return InputError(f"{code}: {message}")


def _body(payload: str | None) -> bytes:
    if payload is None:
        return b"{}"
    if payload == "-":
        return sys.stdin.buffer.read()
    if payload.startswith("@"):
        try:
            return Path(payload[1:]).read_bytes()
        except OSError as error:
            raise InputError(f"Cannot read {payload[1:]}: {error.strerror}.") from None
    return payload.encode()


def _ask(
    endpoint: str, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] | None = None
) -> tuple[HTTPResponse, bytes]:
    address = urlsplit(endpoint)
    connection = HTTPConnection(address.hostname or "127.0.0.1", address.port, timeout=TIMEOUT_S)
    try:
        connection.request(method, path, body, dict(headers or {}))
        response = connection.getresponse()
        return response, response.read()
    except (OSError, HTTPException) as error:
        raise RunnerError(f"{endpoint} does not answer: {error}.") from None
    finally:
        connection.close()
