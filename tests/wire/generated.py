"""Members generated from a service model, always the same for the same seed, and how the wire would change them."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any

from runner.wire.models import Shape

TEXTS = (
    *("plain", "", "ünïcödé ☃ 𝄞", "a b+c&d=e%/?#", "<tag attr='x'>&amp;", '{"json": [1, "two"]}'),
    "line\nbreak\ttab\rreturn",
)
HEADER_TEXTS = ("plain", "a-b_c", "with space", "x=1;y=2")
LABEL_TEXTS = ("plain", "with space", "a:b$c", "arn:aws:x:::y", "ü+&?#%", "name.fifo")
MAX_DEPTH = 4


class Generator:
    """`everything` fills every member; otherwise about half of the optional ones."""

    def __init__(self, seed: str, *, everything: bool) -> None:
        self._random = random.Random(seed)
        self._everything = everything

    def value(self, shape: Shape, depth: int = 0) -> Any:
        match shape.type:
            case "structure" if shape.is_document:
                return {"any": ["thing", 1, None, True]}
            case "structure":
                return self._structure(shape, depth)
            case "list":
                size = self._random.choice((1, 2, 3)) if depth < MAX_DEPTH else 1
                return [self.value(shape.member, depth + 1) for _ in range(size)]
            case "map":
                return {self._key(shape.key, number): self.value(shape.value, depth + 1) for number in range(2)}
            case _:
                return self._scalar(shape)

    def _structure(self, shape: Shape, depth: int) -> dict[str, Any]:
        names = [name for name, member in shape.members.items() if not member.is_event_stream]
        if shape.traits.get("union"):
            names = names[:1] if depth >= MAX_DEPTH else [self._random.choice(names)]
        made = {}
        for name in names:
            member = shape.members[name]
            optional = name not in shape.required and not shape.traits.get("union")
            if depth >= MAX_DEPTH and member.type in ("structure", "list", "map") and optional:
                continue
            if optional and not self._everything and self._random.random() < 0.5:
                continue
            made[name] = self.value(member, depth + 1)
        return made

    def _key(self, shape: Shape, number: int) -> str:
        enum = shape.traits.get("enum")
        return str(enum[number % len(enum)]) if enum else f"key {number} ä"

    def _scalar(self, shape: Shape) -> Any:
        pick = self._random
        match shape.type:
            case "integer" | "long":
                return pick.choice((1, 0, -1, 2**31 - 1))
            case "float" | "double":
                return pick.choice((0.5, -1.25, 1e10))
            case "boolean":
                return pick.random() < 0.5
            case "timestamp":
                return datetime.fromtimestamp(pick.randrange(1, 2_000_000_000), UTC)
            case "blob":
                return pick.choice((b"\x00\xffbytes", b"text", b"x"))
            case _:
                return self._text(shape)

    def _text(self, shape: Shape) -> str:
        if shape.traits.get("enum"):
            return str(self._random.choice(shape.traits["enum"]))
        table = {"uri": LABEL_TEXTS, "header": HEADER_TEXTS, "headers": HEADER_TEXTS}.get(shape.location or "", TEXTS)
        return self._random.choice(table)


def inside(value: Any) -> Any:
    """Members as rooms see them: timestamps are epoch seconds."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, dict):
        return {key: inside(item) for key, item in value.items()}
    if isinstance(value, list):
        return [inside(item) for item in value]
    return value
