"""How long each hostile or huge file takes: none may take two seconds.

PYTHONPATH=. python tests/bench/validate_bounds.py
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

from tests.loader.findings import check_text
from tests.loader.test_bounds import CASES

BOUND_S = 2.0


def main() -> int:
    worst = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for name, make in CASES.items():
            text = make()
            started = time.process_time()
            checked = check_text(Path(folder), text)
            took = time.process_time() - started
            worst = max(worst, took)
            mark = "  TOO LONG" if took > BOUND_S else ""
            codes = sorted({found.code for found in checked.diagnostics})
            print(f"{took * 1000:7.0f} ms  {name}: {', '.join(codes)[:80]}{mark}", flush=True)
    print(f"worst {worst * 1000:.0f} ms of processor time, bound {BOUND_S * 1000:.0f} ms")
    return int(worst > BOUND_S)


if __name__ == "__main__":
    raise SystemExit(main())
