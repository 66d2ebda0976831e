"""The support matrix of the README: every type that is known by hand, and what becomes of each property."""

from __future__ import annotations

from collections.abc import Iterator

from runner.loader.shapes import Tier, type_info
from runner.loader.shapes.notation import Property
from runner.loader.shapes.table import PARTS, RUN, part
from runner.loader.shapes.types import INERT_BECAUSE, REFUSED


def support_matrix() -> str:
    """A Markdown table of the types that run, and lists of those that are inert or refused."""
    rows = ["| Type | Honoured | Accepted, but does nothing here |", "| --- | --- | --- |"]
    for name in sorted(RUN):
        honoured, inert = _split(name)
        rows.append(f"| `{name}` | {', '.join(honoured)} | {', '.join(inert) or '–'} |")
    inert_types = [f"- `{name}`: {why}" for name, why in sorted(INERT_BECAUSE.items())]
    refused = [f"- `{name}`: {why}" for name, why in sorted(REFUSED.items())]
    return "\n".join(
        [
            *rows,
            "",
            "Accepted, with one notice a resource, and not run:",
            "",
            *inert_types,
            "- every other type of AWS, custom resources and private types: it is not created",
            "",
            "Refused; the rest of the stack runs without it:",
            "",
            *refused,
            "- functions from container images, from code in S3, or of a runtime without a counterpart on the machine",
            "",
        ]
    )


def _split(name: str) -> tuple[list[str], list[str]]:
    info = type_info(name)
    assert info is not None, "the table knows its own types"
    found = list(_properties("", info.properties.items()))
    honoured = [path for path, tier in found if tier is Tier.RUN]
    return honoured, [path for path, tier in found if tier is not Tier.RUN]


def _properties(prefix: str, properties: object) -> Iterator[tuple[str, Tier]]:
    for name, found in properties:  # type: ignore[attr-defined]
        yield f"{prefix}{name}", found.tier
        inner = _part_of(found)
        if inner and found.tier is Tier.RUN:
            for nested, member in part(inner).items():
                if member.tier is not Tier.RUN:
                    yield f"{prefix}{name}.{nested}", member.tier


def _part_of(found: Property) -> str:
    kind = found.kind.item or found.kind
    return kind.part if kind.part in PARTS else ""
