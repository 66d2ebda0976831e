"""Runs the input transformer corpus and prints how far it agrees.

python tests/bench/corpus_transformers.py CORPUS_FOLDER
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from runner.core.json_text import compact
from runner.core.transformer import Facts, compile_transform, input_problem
from runner.model.events import Target

FACTS = Facts("arn:<partition>:events:<region>:111111111111:rule/<bus-name>/<rule-name>", "<rule-name>", "date")


def agrees(row: dict[str, Any]) -> tuple[bool, object]:
    options: dict[str, Any] = {"Id": "target-id", "Arn": "arn:aws:sqs:us-east-1:111111111111:queue"}
    for name in ("Input", "InputPath"):
        if row.get(name) is not None:
            options[name] = row[name]
    if row.get("InputTemplate") is not None:
        options["InputTransformer"] = {"InputPathsMap": row["InputPathsMap"], "InputTemplate": row["InputTemplate"]}
    target = Target.model_validate(options)
    if row["error"]:
        problem = (input_problem(target) or "").replace("target target-id", "target <target-id>")
        return problem == (row["error"].get("message") or row["error"].get("Message")), problem
    event = {
        "version": "0",
        "id": "<uuid:2>",
        "detail-type": row.get("detail-type"),
        "source": row.get("source"),
        "account": "111111111111",
        "time": "date",
        "region": "<region>",
        "resources": [],
        "detail": row["detail"],
    }
    body = compile_transform(target)(event, compact(event).encode(), FACTS)
    wanted = row["expected_body"]
    if body is None or wanted is None:
        return body is wanted, body
    text = body.decode()
    return wanted in (text, json.loads(text) if text[:1] in "{[" else text), text


def main() -> None:
    lines = (Path(sys.argv[1]) / "input_transformers.jsonl").read_text().splitlines()
    good = 0
    for line in lines:
        row = json.loads(line)
        same, got = agrees(row)
        good += same
        if not same:
            print("DIFFERS", row["name"], "\n   want", row["expected_body"], row["error"], "\n   got ", got)
    print(f"{good} of {len(lines)}")


if __name__ == "__main__":
    main()
