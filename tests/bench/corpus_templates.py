"""Load a corpus of real stack files and print every error: each is a false one until it is explained.

    python tests/bench/corpus_templates.py CORPUS.jsonl [--show CODE]

Each line of the corpus is a JSON object with `repo`, `path` and `text`. Nothing but the templates is looked at.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
import traceback
from collections import Counter
from pathlib import Path

from runner.loader.checked import Options
from runner.loader.checking import check
from runner.model.diagnostic import Severity


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--show", default="", help="print findings of this code, whatever their severity")
    arguments = parser.parse_args()
    codes: Counter[str] = Counter()
    total = failed = 0
    slowest = 0.0
    with tempfile.TemporaryDirectory() as folder:
        for line in arguments.corpus.read_text(encoding="utf-8").splitlines():
            case = json.loads(line)
            total += 1
            name = "template.json" if case["text"].lstrip().startswith("{") else "template.yaml"
            path = Path(folder) / name
            path.write_text(case["text"], encoding="utf-8")
            started = time.perf_counter()
            try:
                checked = check(path, Options(template_only=True))
            except Exception:
                failed += 1
                print(f"TRACEBACK {case.get('repo')}/{case.get('path')}\n{traceback.format_exc()}")
                continue
            slowest = max(slowest, time.perf_counter() - started)
            errors = [found for found in checked.diagnostics if found.severity is Severity.ERROR]
            failed += bool(errors)
            codes.update({found.code for found in checked.diagnostics})
            for found in checked.diagnostics:
                if found.severity is Severity.ERROR or found.code == arguments.show:
                    where = f"{case.get('repo')}/{case.get('path')}:{found.at.line}:{found.at.column}"
                    print(f"{where} {found.severity}[{found.code}] {found.message} | {found.hint}")
    print(f"\n{total - failed} of {total} load ({(total - failed) / total:.1%}); slowest {slowest * 1000:.0f} ms")
    for code, count in codes.most_common():
        print(f"  {code}: in {count} templates")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
