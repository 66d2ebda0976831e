"""Botocore's service models, read straight from its data files: shapes, operations and the traits that drive the wire.

Botocore itself is not imported: its loader takes ten times as long as reading one file, and `up` must start fast.
A model is read at its first use and kept.

Source: the Smithy and legacy traits in `botocore/data/<service>/<version>/service-2.json`.
"""

from __future__ import annotations

import gzip
import importlib.util
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

NOT_TRAITS = frozenset(("shape", "documentation"))


class Shape:
    """A shape as one reference sees it: the shape's own traits, and over them those of the reference."""

    def __init__(self, model: ServiceModel, reference: Mapping[str, Any]) -> None:
        self.model = model
        self.name: str = reference["shape"]
        own = model.shapes[self.name]
        self.traits: dict[str, Any] = {
            **own,
            **{key: value for key, value in reference.items() if key not in NOT_TRAITS},
        }
        self.type: str = own["type"]
        self.location: str | None = reference.get("location")
        self.required: tuple[str, ...] = tuple(own.get("required", ()))

    def __repr__(self) -> str:
        return f"<{self.type} {self.name}>"

    @property
    def wire_name(self) -> str | None:
        name = self.traits.get("locationName")
        return None if name is None else str(name)

    @property
    def flattened(self) -> bool:
        return bool(self.traits.get("flattened"))

    @property
    def is_document(self) -> bool:
        """Any JSON value, passed on as it is."""
        return bool(self.traits.get("document"))

    @property
    def is_event_stream(self) -> bool:
        return bool(self.traits.get("eventstream"))

    @property
    def is_streaming(self) -> bool:
        return bool(self.traits.get("streaming"))

    @cached_property
    def members(self) -> dict[str, Shape]:
        return {name: Shape(self.model, reference) for name, reference in self.traits.get("members", {}).items()}

    @cached_property
    def member(self) -> Shape:
        """A list's element."""
        return Shape(self.model, self.traits["member"])

    @cached_property
    def key(self) -> Shape:
        return Shape(self.model, self.traits["key"])

    @cached_property
    def value(self) -> Shape:
        return Shape(self.model, self.traits["value"])

    @cached_property
    def payload(self) -> str | None:
        """The member that is the HTTP body, if one is."""
        name = self.traits.get("payload")
        return None if name is None else str(name)


class OperationModel:
    """One operation: its HTTP binding, input, output and modelled errors."""

    def __init__(self, model: ServiceModel, name: str, raw: Mapping[str, Any]) -> None:
        self.model = model
        self.name = name
        self.method: str = raw["http"]["method"]
        self.uri: str = raw["http"]["requestUri"]
        self.status: int = raw["http"].get("responseCode", 200)
        self.input = Shape(model, raw["input"]) if "input" in raw else None
        self.output = Shape(model, raw["output"]) if "output" in raw else None
        self.result_wrapper: str | None = raw.get("output", {}).get("resultWrapper")


@dataclass(frozen=True, slots=True)
class ErrorShape:
    """A modelled error: `code` as it goes over the wire, `status` if the model gives one."""

    shape: Shape
    code: str
    status: int | None


class ServiceModel:
    """One service's model. Raises KeyError for an operation it does not have."""

    def __init__(self, name: str, raw: Mapping[str, Any]) -> None:
        self.name = name
        self.metadata: Mapping[str, Any] = raw["metadata"]
        self.shapes: Mapping[str, Mapping[str, Any]] = raw["shapes"]
        self.raw_operations: Mapping[str, Any] = raw["operations"]
        self._known: dict[str, OperationModel] = {}

    @property
    def protocol(self) -> str:
        return str(self.metadata["protocol"])

    @property
    def protocols(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("protocols", (self.protocol,)))

    def operation(self, name: str) -> OperationModel:
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = OperationModel(self, name, self.raw_operations[name])
        return known

    @cached_property
    def routes(self) -> dict[str, tuple[str, str]]:
        """Operation name -> (HTTP method, request URI with `{labels}`)."""
        return {name: (raw["http"]["method"], raw["http"]["requestUri"]) for name, raw in self.raw_operations.items()}

    @cached_property
    def errors(self) -> dict[str, ErrorShape]:
        """Modelled errors by their shape's name and by their code."""
        found: dict[str, ErrorShape] = {}
        for name, raw in self.shapes.items():
            if not raw.get("exception"):
                continue
            trait = raw.get("error", {})
            error = ErrorShape(Shape(self, {"shape": name}), trait.get("code", name), trait.get("httpStatusCode"))
            found[name] = error
            found.setdefault(error.code, error)
        return found


class Models:
    """Every model botocore ships, each read once, at its first use."""

    def __init__(self) -> None:
        self._loaded: dict[str, ServiceModel] = {}

    def get(self, service: str) -> ServiceModel:
        """The newest model of `service` (botocore's name). Raises KeyError if there is none."""
        model = self._loaded.get(service)
        if model is None:
            model = self._loaded[service] = ServiceModel(service, _read(service))
        return model

    def has(self, service: str) -> bool:
        if service in self._loaded:
            return True
        return service.replace("-", "").isalnum() and (data_folder() / service).is_dir()


def data_folder() -> Path:
    """Where botocore keeps its models; found without importing it."""
    spec = importlib.util.find_spec("botocore")
    if spec is None or spec.origin is None:
        raise KeyError("botocore")
    return Path(spec.origin).parent / "data"


def _read(service: str) -> Mapping[str, Any]:
    if not service.replace("-", "").isalnum():
        raise KeyError(service)
    for folder in sorted((data_folder() / service).glob("????-??-??"), reverse=True):
        packed, plain = folder / "service-2.json.gz", folder / "service-2.json"
        if packed.exists():
            return _without_texts(json.loads(gzip.decompress(packed.read_bytes())))
        if plain.exists():
            return _without_texts(json.loads(plain.read_bytes()))
    raise KeyError(service)


def _without_texts(raw: dict[str, Any]) -> dict[str, Any]:
    """Two thirds of a model are documentation, which nobody reads here."""
    for operation in raw["operations"].values():
        operation.pop("documentation", None)
    for shape in raw["shapes"].values():
        shape.pop("documentation", None)
        for reference in shape.get("members", {}).values():
            reference.pop("documentation", None)
    return raw
