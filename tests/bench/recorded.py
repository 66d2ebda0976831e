"""Replays what AWS's recorded answers say of a service's API against our rooms, and tells how much agrees.

A recording is a line of `<service>.jsonl`: `{"test": ..., "recorded": {step: answer}}`, ids and times masked as
`<uuid:1>` and the like. The same mask must stand for the same value throughout a scenario.
"""

from __future__ import annotations

import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError, ParamValidationError

MASK = re.compile(r"<([a-z0-9_.\- ]+(?::[0-9a-zA-Z_.\-:]+)?)>", re.IGNORECASE)
ANYTHING = (
    *("code-sha256", "date", "datetime", "function-url", "lambda-url", "timestamp", "id", "last-updated-time"),
    *("too-old-log-event-end-index", "content--length", "connection"),
)
LOOSE = ("Detail", "message")  # members of errors that only some recordings kept
OURS, THEIRS = "000000000000", "111111111111"  # accounts

Scenario = Callable[["Replay"], None]


class Replay:
    """One scenario: makes its calls, and compares each answer with the recorded one."""

    def __init__(self, scene: Any, client: Any, recorded: dict[str, Any], variant: str) -> None:
        self.scene = scene
        self.client = client
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

    def steps_differing(self) -> set[str]:
        return {step for step in self.recorded if any(_is_of(text, step) for text in self.differing)}

    def steps_missed(self) -> set[str]:
        return set(self.recorded) - set(self.agreed) - self.steps_differing()

    def _differences(self, wanted: Any, got: Any, path: str) -> Iterator[str]:
        if isinstance(got, str) and isinstance(wanted, dict):
            got = json.loads(got)
        if isinstance(wanted, dict) and isinstance(got, dict):
            for key in sorted({*wanted, *got}):
                yield from self._member(wanted, got, key, path)
        elif isinstance(wanted, list) and isinstance(got, list):
            if len(wanted) != len(got):
                yield f"{path}: {len(wanted)} items expected, {len(got)} given"
            for index, (one, other) in enumerate(zip(wanted, got, strict=False)):
                yield from self._differences(one, other, f"{path}[{index}]")
        elif not self._same(wanted, got):
            yield f"{path}: {str(wanted)[:240]!r} expected, {str(got)[:240]!r} given"

    def _member(self, wanted: Mapping[str, Any], got: Mapping[str, Any], key: str, path: str) -> Iterator[str]:
        if key == "ResponseMetadata":
            status = wanted.get(key, {}).get("HTTPStatusCode"), got.get(key, {}).get("HTTPStatusCode")
            if status[0] is not None and status[0] != status[1]:
                yield f"{path}: status {status[0]} expected, {status[1]} given"
        elif key.startswith("_") or (key in LOOSE and (key not in wanted or key not in got)):
            return
        elif key not in got:
            yield f"{path}.{key}: missing, {json.dumps(wanted[key])[:80]} expected"
        elif key not in wanted:
            yield f"{path}.{key}: {str(got[key])[:80]} is not in the recording"
        else:
            yield from self._differences(wanted[key], got[key], f"{path}.{key}")

    def _same(self, wanted: Any, got: Any) -> bool:
        if wanted in ANYTHING or (
            isinstance(wanted, str) and re.fullmatch(r"<[^<>]*>", wanted) and not isinstance(got, str)
        ):
            return True
        if isinstance(got, bytes):
            got = f"{got!r}"
        if not isinstance(wanted, str) or not isinstance(got, str):
            return bool(wanted == got)
        template = wanted.replace(THEIRS, OURS)
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


def _is_of(text: str, step: str) -> bool:
    return text.startswith(step) and text[len(step) : len(step) + 1] in (":", ".", "[")


def play(
    service: str,
    scenarios: Mapping[str, Scenario],
    open_scene: Callable[[Path], AbstractContextManager[Any]],
    client: Callable[[Any, str], Any],
) -> None:
    """Arguments of the command line: FOLDER, which holds the recordings, and optionally part of a scenario's name."""
    folder, wanted = Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else ""
    rows = [json.loads(line) for line in (folder / f"{service}.jsonl").read_text().splitlines()]
    agreed = differing = played = 0
    for row in rows:
        name = row["test"].rpartition("::")[2]
        base, _, variant = name.partition("[")
        scenario = scenarios.get(base)
        if scenario is None or wanted not in row["test"]:
            continue
        variant = variant.rstrip("]")
        with tempfile.TemporaryDirectory() as scratch, open_scene(Path(scratch)) as scene:
            replay = Replay(scene, client(scene, variant), row["recorded"], variant)
            scenario(replay)
        played += 1
        agreed += len(replay.agreed)
        differing += len(replay.steps_differing())
        missed = sorted(replay.steps_missed()) if wanted else []
        for text in [*replay.differing, *(f"{step}: not replayed" for step in missed)]:
            print(f"{name}\n    {text}")
    print(f"{service}: {played} of {len(rows)} scenarios replayed: {agreed} answers agree, {differing} differ.")
