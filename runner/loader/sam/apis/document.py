"""An OpenAPI document that is being edited: its paths, their methods, and the conditions around them.

Source: https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-swagger-extensions.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from runner.loader.sam.apis.deployment_hash import Written, reinsert, reinsert_keys, table_order
from runner.loader.sam.values import Json, intrinsic_argument, is_no_value, no_value, ref

ANY = "x-amazon-apigateway-any-method"
INTEGRATION = "x-amazon-apigateway-integration"
SECURITY_HEADER_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", ANY)

PATHS_MAX = 600
"""Twice what API Gateway takes; more paths are left in the order in which they came, to bound the work."""

LATE = ("securityDefinitions", "x-amazon-apigateway-gateway-responses", "definitions")
"""Parts of a document that are put into it when a step of editing is over."""

_PARAMETER = r"\{[a-zA-Z0-9._-]+\+?\}"


def swagger_skeleton() -> Json:
    """The document that SAM starts a REST API with."""
    return {"swagger": "2.0", "info": {"version": "1.0", "title": ref("AWS::StackName")}, "paths": {}}


def openapi_skeleton() -> Json:
    """The document that SAM starts an HTTP API with."""
    return {"openapi": "3.0.1", "info": {"version": "1.0", "title": ref("AWS::StackName")}, "paths": {}}


def method_key(method: Any) -> Any:
    """A method as OpenAPI and its extension for all methods spell it."""
    if not isinstance(method, str):
        return method
    lower = method.lower()
    if lower == "any":
        return ANY
    return Written(lower) if isinstance(method, Written) else lower


def branches(value: Any) -> list[Json]:
    """The maps that stand behind a `Fn::If`; the value itself where there is none."""
    found = intrinsic_argument(value, "Fn::If")
    if isinstance(found, list) and len(found) == 3:
        return [item for branch in found[1:] if not is_no_value(branch) for item in branches(branch)]
    return [value] if isinstance(value, dict) else []


def conditional(condition: str | None, value: Any) -> Any:
    """A value that is there only under a condition."""
    return value if condition is None else {"Fn::If": [condition, value, no_value()]}


def resource_path(path: str) -> str:
    """A path as the resource of a permission: parameters are wildcards, no slash at the end."""
    wild = re.sub(_PARAMETER, "*", path)
    return wild if wild == "/" else wild.rstrip("/")


class Document:
    """One document. Methods may be wrapped in conditions, as may path items and integrations."""

    def __init__(self, body: Json) -> None:
        self.body = body
        self._copies = 0
        self._copied_paths = 0  # copies that the order of the paths has been through
        self._copied_items: dict[str, int] = {}  # the same for the items of each path

    @contextmanager
    def editing(self, path: str | None = None) -> Iterator[None]:
        """One step of editing, of one path alone where it is given.

        AWS copies the document before and after each step, which changes the order in it. What no step touches is
        brought into its order when it is needed next.
        """
        self.copy()
        for item in self.paths if path is None else (path,):
            self._catch_up(item)
        before = set(self.body)
        yield
        for name in LATE:
            if name in self.body and name not in before:
                self.body[name] = self.body.pop(name)
        self.copy()

    def copy(self) -> None:
        """What a copy does to the order."""
        self._copies += 1
        for name, value in self.body.items():
            if name != "paths":
                reinsert(value)
        reinsert_keys(self.body)

    def _catch_up(self, path: str) -> None:
        item = self.paths.get(path)
        if item is not None:
            reinsert(item, self._copies - self._copied_items.get(path, 0))
            self._copied_items[path] = self._copies

    def finish(self) -> Json:
        """The body, everything in its order."""
        for path in self.paths:
            self._catch_up(path)
        self._order_paths()
        return self.body

    def ordered_paths(self) -> list[str]:
        """The paths in the order in which AWS goes through them."""
        self._order_paths()
        return table_order(self.paths)

    def _order_paths(self) -> None:
        if len(self.paths) <= PATHS_MAX:
            reinsert_keys(self.paths, self._copies - self._copied_paths)
        self._copied_paths = self._copies

    def open(self, path: str) -> Any:
        """The item of a path, which is made where it is not there."""
        paths = _child(self.body, "paths")
        if paths.get(path) is None:
            self._order_paths()
            paths[path] = {}
            self._copied_items[path] = self._copies
        return paths[path]

    @property
    def valid(self) -> bool:
        """True for a document that SAM edits: one with paths and a version."""
        known = bool(self.body.get("swagger")) or self.is_openapi3
        return isinstance(self.body.get("paths"), dict) and known

    @property
    def is_openapi3(self) -> bool:
        return str(self.body.get("openapi", "")).startswith("3")

    @property
    def paths(self) -> Json:
        paths = self.body.get("paths")
        return paths if isinstance(paths, dict) else {}

    def items(self, path: str) -> list[Json]:
        """The path items of a path, one a branch of its condition."""
        return branches(self.paths.get(path))

    def has(self, path: str, method: str) -> bool:
        return any(method_key(method) in item for item in self.items(path))

    def has_integration(self, path: str, method: str) -> bool:
        """True if the method is there and something answers it."""
        return any(INTEGRATION in operation for operation in self.operations(path, method))

    def add(self, path: str, method: str) -> None:
        """Make sure that path and method are there."""
        self.open(path)
        for item in self.items(path):
            if item.get(method_key(method)) is None:
                item[method_key(method)] = {}

    def operations(self, path: str, method: str) -> Iterator[Json]:
        """The definitions of one method."""
        for item in self.items(path):
            yield from branches(item.get(method_key(method)))

    def all_operations(self, path: str) -> Iterator[tuple[str, Json]]:
        """Every method of a path with its definitions."""
        for item in self.items(path):
            for method, definition in list(item.items()):
                if method_key(method) in SECURITY_HEADER_METHODS:
                    for operation in branches(definition):
                        yield method, operation

    def make_conditional(self, path: str, condition: str) -> None:
        self.paths[path] = conditional(condition, self.paths[path])

    def integrate(
        self, path: str, method: str, integration: Json, condition: str | None, responses: Json | None = None
    ) -> None:
        """Answer a method by an integration, whose whole definition is there under the condition."""
        self.add(path, method)
        key = method_key(method)
        for item in self.items(path):
            for operation in branches(item[key]):
                operation[INTEGRATION] = dict(integration)
                operation.setdefault("responses", responses or {})
            item[key] = conditional(condition, item[key])

    def schemes(self) -> Json:
        """Where a Swagger document keeps its security schemes."""
        return _child(self.body, "securityDefinitions")

    def component(self, name: str) -> Json:
        """Components of a kind, in an OpenAPI 3 document."""
        return _child(_child(self.body, "components"), name)


def _child(container: Json, key: str) -> Json:
    found = container.get(key)
    if not isinstance(found, dict):
        found = container[key] = {}
    return found
