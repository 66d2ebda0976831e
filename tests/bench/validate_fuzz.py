"""Break a stack file many times and check what is left: no traceback, no hang, nothing above two seconds.

    PYTHONPATH=. python tests/bench/validate_fuzz.py [--cases 10000] [--seed 1] [--everywhere]

With --everywhere, each of some forty values stands at each place of the file in turn instead.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.loader.checked import Options
from runner.loader.checking import check
from runner.loader.loading import load
from runner.model.names import Place
from tests.loader.mutations import SEED, everywhere, mutate, mutate_structure

SLOW_S = 2.0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--everywhere", action="store_true")
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    codes: Counter[str] = Counter()
    failures: Counter[str] = Counter()
    slowest, total, count = 0.0, 0.0, 0
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "stack.yaml"
        path.write_text(SEED, encoding="utf-8")
        seed = check(path).document
        assert seed is not None
        cases = everywhere(seed.root) if arguments.everywhere else _random(chance, arguments.cases, seed.root)
        for number, raw in enumerate(cases):
            count = number + 1
            path.write_bytes(raw)
            started = time.perf_counter()
            try:
                codes.update({found.code for found in check(path, Options()).diagnostics})
                if number % 10 == 0:
                    load(path, place=Place())
            except Exception:
                text = traceback.format_exc()
                key = text.strip().splitlines()[-1] + " | " + " > ".join(text.strip().splitlines()[-4:-1])
                if key not in failures:
                    Path(tempfile.gettempdir(), f"fuzz-{arguments.seed}-{number}.yaml").write_bytes(raw)
                    print(f"case {number}:\n{text}")
                failures[key] += 1
            took = time.perf_counter() - started
            slowest, total = max(slowest, took), total + took
    print(f"{count} cases, {sum(failures.values())} tracebacks ({len(failures)} kinds)")
    print(f"slowest {slowest * 1000:.0f} ms, mean {total / count * 1000:.1f} ms, bound {SLOW_S * 1000:.0f} ms")
    print(f"codes met: {', '.join(f'{code} {count}' for code, count in codes.most_common())}")
    return int(bool(failures) or slowest > SLOW_S)


def _random(chance: random.Random, cases: int, document: Any) -> Iterator[bytes]:
    """Half of them broken as text, half as what the text means."""
    for number in range(cases):
        yield mutate_structure(chance, document) if number % 2 else mutate(chance)


if __name__ == "__main__":
    raise SystemExit(main())
