"""Looking types up: those that run are written out by hand, all others come from the catalogue of AWS's registry.

`catalogue.txt` holds one type a line: name without `AWS::`, required properties, attributes, primary identifier,
properties; parts by `|`, names by spaces.
Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/resource-type-schemas.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from runner.loader.shapes import access, events, functions, messaging
from runner.loader.shapes.notation import Kind, Property, Tier, parse
from runner.loader.shapes.types import ATTRIBUTES, INERT_BECAUSE, REFUSED, SERVERLESS

RUN: Mapping[str, Mapping[str, str]] = functions.TYPES | events.TYPES | messaging.TYPES | access.TYPES
PARTS: Mapping[str, Mapping[str, str]] = functions.PARTS | events.PARTS | messaging.PARTS | access.PARTS
CUSTOM = re.compile(r"Custom::[A-Za-z0-9_@\-]{1,60}\Z")
THIRD_PARTY = re.compile(r"[A-Za-z0-9]{2,64}(::[A-Za-z0-9]{2,64}){2}(::MODULE)?\Z")


@dataclass(frozen=True, slots=True)
class TypeInfo:
    """What is known of a resource type.

    `properties` is empty where anything may stand (custom resources, private types). `attributes` are what
    `Fn::GetAtt` gives; None where any name may do. `identifier`: the members of the primary identifier.
    """

    name: str
    tier: Tier
    properties: Mapping[str, Property]
    attributes: frozenset[str] | None
    identifier: tuple[str, ...] = ()
    because: str = ""  # of an inert type: what will not happen

    @property
    def required(self) -> Iterable[str]:
        return (name for name, found in self.properties.items() if found.required)


@cache
def type_info(name: str) -> TypeInfo | None:
    """What is known of a type; None where AWS has no such type."""
    if name in RUN:
        properties = {key: parse(text) for key, text in RUN[name].items()}
        return TypeInfo(name, Tier.RUN, properties, frozenset(ATTRIBUTES[name]))
    if name in SERVERLESS:
        return TypeInfo(name, Tier.INERT, {}, None, because="it is not created")
    if name == "AWS::CloudFormation::CustomResource" or CUSTOM.match(name):
        properties = {}
        return TypeInfo(name, Tier.INERT, properties, None, because="no request is sent to its provider")
    if name.startswith("AWS::"):
        return _from_catalogue(name)
    if THIRD_PARTY.match(name):
        return TypeInfo(name, Tier.INERT, {}, None, because="it is not created")
    return None


def registered(name: str) -> TypeInfo | None:
    """What AWS's registry says of a type, also of one that is written out by hand."""
    return _from_catalogue(name)


def _from_catalogue(name: str) -> TypeInfo | None:
    text = _catalogue()
    start = text.find(f"\n{name[5:]}|")
    if start < 0:
        return None
    _, required, attributes, identifier, properties = text[start + 1 : text.index("\n", start + 1)].split("|")
    tier = Tier.REFUSED if name in REFUSED else Tier.INERT
    open_ended = name in ("AWS::CloudFormation::Stack", "AWS::CloudFormation::WaitConditionHandle")
    wanted = () if open_ended else required.split()
    anything = Kind("any")
    table = {key: Property(anything, Tier.RUN, key in wanted) for key in properties.split()}
    given = frozenset(attributes.split()) | frozenset(table)
    because = INERT_BECAUSE.get(name) or REFUSED.get(name) or "it is not created"
    return TypeInfo(name, tier, table, None if open_ended else given, tuple(identifier.split()), because)


@cache
def part(name: str) -> Mapping[str, Property]:
    """The properties of a named part."""
    return {key: parse(text) for key, text in PARTS[name].items()}


@cache
def _catalogue() -> str:
    return "\n" + (Path(__file__).parent / "catalogue.txt").read_text(encoding="ascii")


def type_names() -> list[str]:
    """Every type there is, for suggestions."""
    listed = [f"AWS::{line.partition('|')[0]}" for line in _catalogue().splitlines() if line]
    return [*RUN, *SERVERLESS, *listed]
