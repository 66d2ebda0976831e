"""Recursive loop detection: how often a chain of invocations has come through a function, told by its trace header.

The X-Ray header travels with everything a handler sends through an AWS SDK. Its `Lineage` field counts, for each
function of the chain, how often it was invoked in it: `<invocations so far>:<function>:<times before this>`, several
joined by `|`. The function is named by eight hexadecimal digits of a checksum of its ARN.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

LOOP_LIMIT = 16  # AWS: "approximately 16" invocations in the same chain; the next one is stopped
LINEAGE_MAX = 32  # functions remembered in one header; a longer chain forgets its oldest
KEY = "Lineage"


class Step(NamedTuple):
    """One more invocation in a chain: the header that it runs under, and whether it must not run."""

    header: str
    looping: bool


@dataclass(frozen=True, slots=True)
class _Seen:
    """A function of the chain: the chain's length when it last ran, and how often it had run before that."""

    hop: int
    times: int


def step(trace: str | None, function_arn: str, *, request_id: str, now: float) -> Step:
    """The header of an invocation of `function_arn` (unqualified) that was caused under the header `trace`.

    Without a trace a new one begins; its ids are derived from the request id, so that a repeated step agrees.
    """
    if trace is None:
        return Step(first(_hex(request_id), now, beginning(function_arn)), looping=False)
    name = _name(function_arn)
    fields = _fields(trace)
    seen = _seen(fields.pop(KEY, ""))
    times = seen[name].times + 1 if name in seen else 0
    hop = max((one.hop for one in seen.values()), default=0) + 1
    seen.pop(name, None)
    seen[name] = _Seen(hop, times)
    kept = list(seen.items())[-LINEAGE_MAX:]
    for key, value in _fields(first(_hex(request_id), now, "")).items():
        fields.setdefault(key, value)
    text = "|".join(f"{one.hop}:{name}:{one.times}" for name, one in kept)
    header = ";".join(f"{key}={value}" for key, value in [*fields.items(), (KEY, text)])
    return Step(header, looping=times >= LOOP_LIMIT)


def longest(traces: Iterable[str | None], function_arn: str) -> str | None:
    """Of several headers the one under which the function was invoked most often; None where there is none.

    A batch runs under one header; this is the one that can be a loop.
    """
    present = [trace for trace in traces if trace]
    return max(present, key=lambda trace: invocations(trace, function_arn), default=None)


def invocations(trace: str | None, function_arn: str) -> int:
    """How often the function was invoked in the chain so far."""
    seen = _seen(_fields(trace).get(KEY, "")).get(_name(function_arn))
    return 0 if seen is None else seen.times + 1


def first(digits: str, now: float, lineage: str) -> str:
    """The header of an invocation without a cause. `digits`: 32 hexadecimal ones; `lineage`: from `beginning`."""
    return f"{dated(now)}{undated(digits)}{lineage}"


def dated(now: float) -> str:
    """What it begins with."""
    return f"Root={_date(now)}"


def undated(digits: str) -> str:
    """What stands between that and the lineage."""
    return f"-{digits[:24]};Parent={digits[-16:]};Sampled=0;"


def beginning(function_arn: str) -> str:
    """The field that says: this function, for the first time."""
    return f"{KEY}=1:{_name(function_arn)}:0"


def root(request_id: str, now: float) -> str:
    """The id of a new trace: `1-<8 hex of epoch seconds>-<24 hex>`."""
    return f"{_date(now)}-{_hex(request_id)[:24]}"


def _date(now: float) -> str:
    return f"1-{int(now):08x}"


def _fields(trace: str | None) -> dict[str, str]:
    pairs = (part.strip().partition("=") for part in (trace or "").split(";"))
    return {key: value for key, equals, value in pairs if key and equals}


def _seen(text: str) -> dict[str, _Seen]:
    """The functions of a lineage in the order they last ran; what cannot be read is left out.

    The older form without the first number is read too.
    """
    seen: dict[str, _Seen] = {}
    for part in text.split("|"):
        numbers = part.split(":")
        if len(numbers) not in (2, 3) or not numbers[-1].isdecimal() or not numbers[-2]:
            continue
        hop = int(numbers[0]) if len(numbers) == 3 and numbers[0].isdecimal() else len(seen) + 1
        seen[numbers[-2]] = _Seen(hop, int(numbers[-1]))
    return seen


def _name(function_arn: str) -> str:
    return f"{zlib.crc32(function_arn.encode()):08x}"


def _hex(request_id: str) -> str:
    """32 hexadecimal digits: a UUID's own, which saves the hot path a digest."""
    plain = request_id.replace("-", "")
    return plain if len(plain) == 32 else hashlib.sha256(request_id.encode()).hexdigest()[:32]
