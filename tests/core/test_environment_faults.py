# ruff: noqa: E501 (tables of sentences)
"""What callers are told, byte for byte."""

from __future__ import annotations

import pytest

from runner.core import environment_faults as faults
from runner.core.environment_faults import Fault

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"

# fmt: off
TABLE = [
    ("a timeout names the function's own in seconds",    faults.timed_out(ID, 3.0),              b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: %b Error: Task timed out after 3.00 seconds"}'),
    ("an exit without an error gives no reason",         faults.exited(ID, 0),                   b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %b Error: Runtime exited without providing a reason"}'),
    ("another exit gives its status",                    faults.exited(ID, 127),                 b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %b Error: Runtime exited with error: exit status 127"}'),
    ("a signal is named as Go names it",                 faults.exited(ID, -11),                 b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %b Error: Runtime exited with error: signal: segmentation fault"}'),
    ("so is an abort",                                   faults.exited(ID, -6),                  b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %b Error: Runtime exited with error: signal: aborted"}'),
    ("a signal without a name keeps its number",         faults.exited(ID, -40),                 b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %b Error: Runtime exited with error: signal: 40"}'),
    ("out of memory is a kill to the caller",            faults.out_of_memory(ID),               b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: %b Error: Runtime exited with error: signal: killed"}'),
    ("a missing bootstrap lists where it was looked for", faults.no_entry_point(ID, ["/var/task/bootstrap", "/opt/bootstrap"]), b'{"errorType":"Runtime.InvalidEntrypoint","errorMessage":"RequestId: %b Error: Couldn\'t find valid bootstrap(s): [/var/task/bootstrap /opt/bootstrap]"}'),
    ("an answer that is too large says the limit",       faults.too_large(),                     b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).","errorType":"Function.ResponseSizeTooLarge"}'),
]
# fmt: on


@pytest.mark.parametrize(("fault", "payload"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_payload(fault: Fault, payload: bytes) -> None:
    assert fault.payload == payload.replace(b"%b", ID.encode())


def test_the_log_knows_more_than_the_caller() -> None:
    assert faults.out_of_memory(ID).type == "Runtime.OutOfMemory"
    assert faults.timed_out(ID, 1).status == "timeout"
    assert faults.exited(ID, 1).status == "error"
