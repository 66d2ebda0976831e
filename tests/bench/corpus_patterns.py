"""Runs the pattern corpora through the compiler and prints how far it agrees, by tier.

python tests/bench/corpus_patterns.py CORPUS_FOLDER [-v]
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runner.core.patterns import (
    Pattern,
    PatternError,
    check_mapping_filter,
    compile_filter_policy,
    compile_mapping_filter,
    compile_pattern,
    compile_rules,
)

Case = tuple[str, str, bool, str]  # corpus, tier, agrees, what


def rows(folder: Path, name: str) -> Iterator[dict[str, Any]]:
    for line in (folder / f"{name}.jsonl").read_text().splitlines():
        yield json.loads(line)


def masked(text: str) -> str:
    """Recorded answers have partition and region masked."""
    return text.replace("arn:<partition>:", "arn:aws:").replace("<region>", "us-east-1")


def event_patterns(folder: Path) -> Iterator[Case]:
    for row in rows(folder, "event_patterns"):
        label = f"{row['name']}: {row['pattern_text'][:100]} ~ {str(row['event_text'])[:100]}"
        try:
            compiled: Pattern | None = compile_pattern(row["pattern_text"])
        except PatternError as error:
            compiled = None
            got = error
        if row["expected"] == "exception":
            wanted = row.get("error") or {}
            if wanted.get("code") == "ValidationException":
                yield "event_patterns", row["tier"], compiled is not None, label
                continue
            if compiled is not None:
                yield "event_patterns", row["tier"], False, f"{label} compiled"
                continue
            text = wanted.get("message_raw") or wanted.get("message", "")
            mine = got.message if "message_raw" in wanted else got.reason
            fits = text in (mine, got.message.split("\n")[0]) or masked(text) == mine
            yield "event_patterns", row["tier"], fits, f"{label}\n   want {text!r}\n   got  {mine!r}"
        elif compiled is None:
            yield "event_patterns", row["tier"], False, f"{label} refused: {got.reason}"
        else:
            found = compiled.matches(row["event_text"])
            same = found == bool(compile_rules({"rule": compiled}).match(row["event_text"]))
            yield "event_patterns", row["tier"], found == row["expected"] and same, f"{label} gave {found}"


def mapping_filters(folder: Path) -> Iterator[Case]:
    for row in rows(folder, "esm_filters"):
        if "pattern_text" in row:
            if row["pattern_text"] is not None:
                agrees = check_mapping_filter(row["pattern_text"]) is not None
                yield "esm_filters", row["tier"], agrees, row["name"]
            continue
        try:
            found = compile_mapping_filter([json.dumps(row["pattern"])]).matches(row["record"])
        except PatternError as error:
            yield "esm_filters", row["tier"], False, f"{row['name']} refused: {error.reason}"
        else:
            yield "esm_filters", row["tier"], found == row["expected"], f"{row['name']} gave {found}"


def filter_policies(folder: Path) -> Iterator[Case]:
    for row in rows(folder, "sns_filter_policies"):
        try:
            policy = compile_filter_policy(json.dumps(row["policy"]), row["scope"])
        except PatternError as error:
            yield "sns_filter_policies", row["tier"], False, f"{row['name']} refused: {error.reason}"
            continue
        attributes = {name: (one["Type"], str(one["Value"])) for name, one in (row.get("attributes") or {}).items()}
        body = row.get("body")
        found = policy.matches(body if isinstance(body, str) else json.dumps(body), attributes)
        yield (
            "sns_filter_policies",
            row["tier"],
            found == row["expected"],
            f"{row['name']} gave {found}",
        )


CORPORA = (event_patterns, mapping_filters, filter_policies)


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit("usage: python -m tests.bench.corpus_patterns FOLDER")
    folder = Path(sys.argv[1])
    total: Counter[tuple[str, str]] = Counter()
    good: Counter[tuple[str, str]] = Counter()
    for corpus in CORPORA:
        for name, tier, agrees, what in corpus(folder):
            total[name, tier] += 1
            good[name, tier] += agrees
            if not agrees and "-v" in sys.argv:
                print("DIFFERS", name, tier, what)
    for key, count in sorted(total.items()):
        print(f"{key[0]:24} {key[1]:24} {good[key]:5} of {count:5}  {good[key] / count:.2%}")


if __name__ == "__main__":
    main()
