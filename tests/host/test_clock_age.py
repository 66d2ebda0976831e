"""The age of a process, against one whose start was seen."""

from __future__ import annotations

import subprocess
import sys
import time

SLACK_S = 0.02  # a tick of the kernel's clock, and some


def test_a_process_is_as_old_as_it_was_seen_to_be() -> None:
    before = time.monotonic()
    code = "from runner.host.clock import process_age_s; print(process_age_s(), flush=True)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert 0 < float(told.stdout) <= time.monotonic() - before + SLACK_S
