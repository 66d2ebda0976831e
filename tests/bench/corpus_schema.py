"""How often the schema of stack files complains about real ones that the checks accept.

python tests/bench/corpus_schema.py CORPUS.jsonl [--verbose]
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import jsonschema

from runner.loader.checked import Options
from runner.loader.checking import check as check_stack
from runner.loader.positions import Positions
from runner.loader.reading import parse
from runner.loader.report import Report
from runner.loader.schema import schema
from runner.model.diagnostic import Position, Severity


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("corpus", type=Path)
    parser.add_argument("--verbose", action="store_true")
    arguments = parser.parse_args()
    validator = jsonschema.Draft7Validator(schema())
    total = alarms = 0
    for line in arguments.corpus.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        path = Path("/dev/shm") / f"corpus-schema-{total}.yaml"
        path.write_text(case["text"], encoding="utf-8")
        checked = check_stack(path, Options(template_only=True))
        path.unlink()
        if any(found.severity is Severity.ERROR for found in checked.diagnostics):
            continue
        total += 1
        report = Report()
        document = parse(case["text"].encode(), "t.yaml", Positions(Position("t.yaml", 1, 1)), report)
        errors = list(validator.iter_errors(json.loads(json.dumps(document.root, default=str))))
        alarms += bool(errors)
        for error in errors:
            print(f"{case['repo']}/{case['path']}: {'/'.join(map(str, error.absolute_path))}: {error.message[:160]}")
            if arguments.verbose:
                for inner in error.context or ():
                    print(f"    {'/'.join(map(str, inner.absolute_path))}: {inner.message[:160]}")
    print(f"\n{alarms} of {total} sound stack files give an alarm ({alarms / total:.1%})")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
