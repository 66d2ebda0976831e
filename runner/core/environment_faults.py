"""What a caller is told when an invocation came to no answer of its own: error types and payloads, byte for byte.

Source: answers recorded from AWS; the wording of exits is that of the process that watches the runtime on Lambda.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

RESPONSE_LIMIT = 6 * 1024 * 1024 + 100  # bytes of a buffered answer

SIGNALS = {
    1: "hangup",
    2: "interrupt",
    3: "quit",
    4: "illegal instruction",
    5: "trace/breakpoint trap",
    6: "aborted",
    7: "bus error",
    8: "floating point exception",
    9: "killed",
    10: "user defined signal 1",
    11: "segmentation fault",
    12: "user defined signal 2",
    13: "broken pipe",
    14: "alarm clock",
    15: "terminated",
}
"""Signals by their numbers on Linux, as the watching process words them."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Why there is no answer. `type` is the error type of the REPORT line; `payload` the body of the Invoke answer.

    `status` is `timeout` or `error`, as the REPORT line says.
    """

    type: str
    payload: bytes
    status: str = "error"


def timed_out(request_id: str, timeout_s: float) -> Fault:
    message = f"Task timed out after {timeout_s:.2f} seconds"
    return Fault("Sandbox.Timedout", _payload("Sandbox.Timedout", request_id, message), "timeout")


def exited(request_id: str, status: int) -> Fault:
    """The runtime ended without an answer. `status` as a shell's: 0 to 255, or minus the signal's number."""
    return Fault("Runtime.ExitError", _payload("Runtime.ExitError", request_id, exit_text(status)))


def out_of_memory(request_id: str) -> Fault:
    """Killed for its memory: the caller is told of the signal, the log of the reason."""
    return Fault("Runtime.OutOfMemory", _payload("Runtime.ExitError", request_id, exit_text(-9)))


def exit_text(status: int) -> str:
    if status == 0:
        return "Runtime exited without providing a reason"
    if status < 0:
        return f"Runtime exited with error: signal: {SIGNALS.get(-status, str(-status))}"
    return f"Runtime exited with error: exit status {status}"


def no_entry_point(request_id: str, tried: Sequence[str]) -> Fault:
    return bad_entry_point(request_id, f"Couldn't find valid bootstrap(s): [{' '.join(tried)}]")


def bad_entry_point(request_id: str, message: str) -> Fault:
    return Fault("Runtime.InvalidEntrypoint", _payload("Runtime.InvalidEntrypoint", request_id, message))


def too_large() -> Fault:
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT} bytes)."
    body = {"errorMessage": message, "errorType": "Function.ResponseSizeTooLarge"}
    return Fault("Function.ResponseSizeTooLarge", _compact(body))


def truncated(request_id: str) -> Fault:
    """A streamed answer that broke off."""
    return Fault("Runtime.TruncatedResponse", _payload("Runtime.TruncatedResponse", request_id, "Response truncated"))


def extension(request_id: str, kind: str, message: str) -> Fault:
    """An extension kept the environment from starting, or ended: `Extension.Crash`, `Extension.LaunchError`, ..."""
    return Fault(kind, _payload(kind, request_id, message))


def _payload(kind: str, request_id: str, message: str) -> bytes:
    return _compact({"errorType": kind, "errorMessage": f"RequestId: {request_id} Error: {message}"})


def _compact(body: dict[str, str]) -> bytes:
    return json.dumps(body, separators=(",", ":")).encode()
