"""How the table of properties is written: `[+] [TIER] KIND [LIMITS]; DESCRIPTION`.

`+` is required. TIER is `inert` (accepted, does nothing here) or `refused`; without one the property is honoured.
KIND: `text`, `int`, `num`, `bool`, `enum A|B`, `json` (an object, or JSON text), `pattern` (an event pattern, object or
text), `object` (anything in it), `map` (to text), `any`, `{Part}` (a named part), `[KIND]` (a list).
LIMITS: `1..64` (length, items or value), `=1|3|5` (allowed numbers), `~REGEX`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

_LIMITS = re.compile(r"(-?[0-9.]*?)\.\.(-?[0-9.]*)\Z")


class Tier(StrEnum):
    """What becomes of a type or a property."""

    RUN = "run"
    INERT = "inert"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Kind:
    """What a value must be. `name` is a word of the notation, `part` or `list`."""

    name: str
    minimum: float | None = None
    maximum: float | None = None
    pattern: str = ""
    choices: tuple[str, ...] = ()
    part: str = ""
    item: Kind | None = None


@dataclass(frozen=True, slots=True)
class Property:
    kind: Kind
    tier: Tier = Tier.RUN
    required: bool = False
    description: str = ""


def parse(text: str) -> Property:
    """One entry of the table."""
    head, _, description = text.partition("; ")
    head = head.strip()
    required = head.startswith("+")
    head = head.removeprefix("+").strip()
    tier = Tier.RUN
    for word in (Tier.INERT, Tier.REFUSED):
        if head.startswith(f"{word} "):
            tier, head = word, head[len(word) + 1 :]
    return Property(parse_kind(head), tier, required, description.strip())


def parse_kind(text: str) -> Kind:
    """A kind with its limits."""
    text = text.strip()
    if text.startswith("["):
        inner, _, limits = text[1:].rpartition("]")
        return _limited("list", limits, item=parse_kind(inner))
    if text.startswith("{"):
        return Kind("part", part=text[1 : text.index("}")])
    name, _, limits = text.partition(" ")
    if name == "enum":
        return Kind("enum", choices=tuple(limits.split("|")))
    return _limited(name, limits)


def _limited(name: str, limits: str, item: Kind | None = None) -> Kind:
    minimum = maximum = None
    pattern = ""
    choices: tuple[str, ...] = ()
    rest = limits.strip()
    if "~" in rest:
        rest, _, pattern = rest.partition("~")
    for word in rest.split():
        if word.startswith("="):
            choices = tuple(word[1:].split("|"))
            continue
        match = _LIMITS.match(word)
        if match is None:
            raise ValueError(f"{limits!r} in the table of properties")
        minimum = float(match.group(1)) if match.group(1) else None
        maximum = float(match.group(2)) if match.group(2) else None
    return Kind(name, minimum, maximum, pattern, choices, item=item)
