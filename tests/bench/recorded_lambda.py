"""Replays what AWS's recorded answers say of Lambda's API against the room, and tells how much agrees.

    python -m tests.bench.recorded_lambda FOLDER [NAME]

FOLDER holds `lambda.jsonl`: one scenario a line, `{"test": ..., "recorded": {step: answer}}`, ids and times masked
as `<uuid:1>` and the like. The same mask must stand for the same value throughout a scenario. NAME picks scenarios.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

from tests.bench import recorded_lambda_scenarios
from tests.wire.lambda_.scene import Scene

MASK = re.compile(r"<([a-z0-9_.\- ]+(?::[0-9a-zA-Z_.\-:]+)?)>", re.IGNORECASE)
ANYTHING = ("code-sha256", "date", "datetime", "function-url", "lambda-url", "timestamp")


class Replay:
    """One scenario: makes its calls, and compares each answer with the recorded one."""

    def __init__(self, scene: Scene, recorded: dict[str, Any], variant: str) -> None:
        self.scene = scene
        self.client = scene.client(parameter_validation=False)
        self.recorded = recorded
        self.variant = variant
        self.bound: dict[str, str] = {}
        self.agreed: list[str] = []
        self.differing: list[str] = []

    def see(self, step: str, call: Callable[[], Any], pick: Callable[[Any], Any] = lambda answer: answer) -> Any:
        """Make a call; compare its answer if the step was recorded."""
        try:
            answer = pick(call())
        except ClientError as error:
            answer = error.response
        except ParamValidationError as error:
            answer = {"Refused": str(error)}
        if step in self.recorded:
            differences = list(self._differences(self.recorded[step], answer, step))
            (self.differing if differences else self.agreed).extend(differences or [step])
        return answer

    def _differences(self, wanted: Any, got: Any, path: str) -> Any:
        if isinstance(got, str) and isinstance(wanted, dict):
            got = json.loads(got)
        if isinstance(wanted, dict) and isinstance(got, dict):
            for key in sorted({*wanted, *got}):
                if key == "ResponseMetadata":
                    status = wanted.get(key, {}).get("HTTPStatusCode"), got.get(key, {}).get("HTTPStatusCode")
                    if status[0] is not None and status[0] != status[1]:
                        yield f"{path}: status {status[0]} expected, {status[1]} given"
                elif key not in got:
                    yield f"{path}.{key}: missing, {json.dumps(wanted[key])[:80]} expected"
                elif key not in wanted:
                    yield f"{path}.{key}: {str(got[key])[:80]} is not in the recording"
                else:
                    yield from self._differences(wanted[key], got[key], f"{path}.{key}")
        elif isinstance(wanted, list) and isinstance(got, list):
            if len(wanted) != len(got):
                yield f"{path}: {len(wanted)} items expected, {len(got)} given"
            for index, pair in enumerate(zip(wanted, got, strict=False)):
                yield from self._differences(*pair, f"{path}[{index}]")
        elif not self._same(wanted, got):
            yield f"{path}: {str(wanted)[:240]!r} expected, {str(got)[:240]!r} given"

    def _same(self, wanted: Any, got: Any) -> bool:
        if wanted in ANYTHING or (
            isinstance(wanted, str) and re.fullmatch(r"<[^<>]*>", wanted) and not isinstance(got, str)
        ):
            return True
        if not isinstance(wanted, str) or not isinstance(got, str):
            return bool(wanted == got)
        template = wanted.replace("111111111111", "000000000000")
        pattern, names, end = "", [], 0
        for mask in MASK.finditer(template):
            pattern += re.escape(template[end : mask.start()])
            known = self.bound.get(mask[1])
            pattern += re.escape(known) if known is not None else "(.+?)"
            names += [] if known is not None else [mask[1]]
            end = mask.end()
        found = re.fullmatch(pattern + re.escape(template[end:]), got, re.DOTALL)
        if found is None:
            return False
        for name, value in zip(names, found.groups(), strict=True):
            if name.startswith("uuid") and value in (v for n, v in self.bound.items() if n.startswith("uuid")):
                return False
            if re.search(r":\d+$", name):
                self.bound[name] = value
        return True


def main() -> None:
    folder, wanted = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    rows = [json.loads(line) for line in (folder / "lambda.jsonl").read_text().splitlines()]
    agreed = differing = played = 0
    for row in rows:
        name = row["test"].rpartition("::")[2]
        base, _, variant = name.partition("[")
        scenario = recorded_lambda_scenarios.SCENARIOS.get(base)
        if scenario is None or wanted not in row["test"]:
            continue
        with tempfile.TemporaryDirectory() as scratch, Scene(Path(scratch)) as scene:
            replay = Replay(scene, row["recorded"], variant.rstrip("]"))
            scenario(replay)
            played += 1
            agreed += len(replay.agreed)
            differing += len({text.split(":")[0].split(".")[0].split("[")[0] for text in replay.differing})
            missed = set(row["recorded"]) - set(replay.agreed) - {re.split(r"[:.\[]", t)[0] for t in replay.differing}
            for text in [*replay.differing, *(f"{step}: not replayed" for step in sorted(missed) if wanted)]:
                print(f"{name}\n    {text}")
    print(f"{played} scenarios replayed: {agreed} answers agree, {differing} differ.")


if __name__ == "__main__":
    main()
