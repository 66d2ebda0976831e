"""What a name means while functions are evaluated: parameters, mappings, conditions, resources, exports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from runner.loader.values import NO_VALUE, Unknown
from runner.model.names import Place, derived_uuid


class Resources(Protocol):
    """What resources are called once they are deployed."""

    def exists(self, logical_id: str) -> bool:
        """True if there is such a resource and its condition does not leave it out."""
        ...

    def declared(self, logical_id: str) -> bool:
        """True if there is such a resource, whatever its condition says."""
        ...

    def ref(self, logical_id: str) -> Any: ...

    def attribute(self, logical_id: str, name: str) -> Any: ...


class NoResources:
    """Where functions are evaluated before there are any resources."""

    def exists(self, logical_id: str) -> bool:
        return False

    def declared(self, logical_id: str) -> bool:
        return False

    def ref(self, logical_id: str) -> Any:
        return Unknown(f"${{{logical_id}}}")

    def attribute(self, logical_id: str, name: str) -> Any:
        return Unknown(f"${{{logical_id}.{name}}}")


@dataclass(slots=True)
class Scope:
    """Everything that a template's functions may name. `parameters` lacks those without a value."""

    place: Place
    stack_name: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    missing: Mapping[str, Any] = field(default_factory=dict)  # parameters without a value -> what stands for them
    mappings: Mapping[str, Any] = field(default_factory=dict)
    exports: Mapping[str, str] = field(default_factory=dict)
    extensions: bool = False

    @property
    def pseudo(self) -> dict[str, Any]:
        return pseudo_parameters(self.place, self.stack_name)

    def parameter(self, name: str) -> Any:
        """The value of a parameter or pseudo parameter. Raises KeyError if there is none of that name."""
        if name in self.parameters:
            return self.parameters[name]
        if name in self.missing:
            return self.missing[name]
        return self.pseudo[name]

    def is_parameter(self, name: str) -> bool:
        return name in self.parameters or name in self.missing or name in PSEUDO


PSEUDO = (
    "AWS::AccountId",
    "AWS::Region",
    "AWS::Partition",
    "AWS::URLSuffix",
    "AWS::StackName",
    "AWS::StackId",
    "AWS::NotificationARNs",
    "AWS::NoValue",
)


def pseudo_parameters(place: Place, stack: str) -> dict[str, Any]:
    """Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/pseudo-parameter-reference.html"""
    stack_id = place.arn("cloudformation", f"stack/{stack}/{derived_uuid('stack', stack)}")
    return {
        "AWS::AccountId": place.account,
        "AWS::Region": place.region,
        "AWS::Partition": place.partition,
        "AWS::URLSuffix": place.url_suffix,
        "AWS::StackName": stack,
        "AWS::StackId": stack_id,
        "AWS::NotificationARNs": [],
        "AWS::NoValue": NO_VALUE,
    }


def unknown_parameter(name: str, type_: str) -> Any:
    """What stands for a parameter without a value."""
    text = Unknown(f"${{{name}}}")
    return [text] if "List" in type_ else text
