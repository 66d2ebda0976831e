"""One table says what becomes of every property: it agrees with the models, and with what is made of it."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from runner.cli.main import main
from runner.loader.loading import load
from runner.loader.nouns import NOUNS
from runner.loader.schema import schema
from runner.loader.shapes import Property, part, type_info
from runner.loader.shapes.table import PARTS, RUN, registered
from runner.loader.support import support_matrix
from runner.model.names import Place
from runner.model.noun import Noun

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "schemas" / "stack.schema.json"


def _inner(annotation: Any) -> type[Noun] | None:
    """The noun inside an annotation, whatever is around it."""
    if isinstance(annotation, type) and issubclass(annotation, Noun):
        return annotation
    for argument in typing.get_args(annotation):
        found = _inner(argument)
        if found is not None:
            return found
    return None


def _members(model: type[Noun], table: typing.Mapping[str, Property], path: str) -> Iterator[str]:
    """Where a model and its table do not say the same."""
    hints = typing.get_type_hints(model, include_extras=True)
    for name, field in model.model_fields.items():
        alias = field.alias or name
        if alias not in table and path in NOUNS and not _in_registry(path, alias):
            continue  # what only the API can say
        if alias not in table:
            yield f"{path}.{alias} is in the model and not in the table"
            continue
        entry = table[alias]
        if field.is_required() and not entry.required:
            yield f"{path}.{alias} is required by the model and not by the table"
        inner = _inner(hints[name])
        kind = entry.kind.item or entry.kind
        if inner is not None:
            yield from _members(inner, part(kind.part), f"{path}.{alias}")
        yield from _limits(field.metadata, entry, f"{path}.{alias}")
    known = {field.alias or name for name, field in model.model_fields.items()}
    yield from (f"{path}.{alias} is in the table and not in the model" for alias in table if alias not in known)


def _in_registry(name: str, key: str) -> bool:
    info = registered(name)
    return info is not None and key in info.properties


def _limits(metadata: list[Any], entry: Property, path: str) -> Iterator[str]:
    """The model may be laxer than the table, never stricter: what is checked must load."""
    for limit in metadata:
        low = getattr(limit, "ge", getattr(limit, "min_length", None))
        high = getattr(limit, "le", getattr(limit, "max_length", None))
        minimum, maximum = entry.kind.minimum, entry.kind.maximum
        if entry.kind.choices and entry.kind.name == "int":
            continue
        if low is not None and (minimum is None or minimum < low):
            yield f"{path} may be smaller by the table ({minimum}) than by the model ({low})"
        if high is not None and (maximum is None or maximum > high):
            yield f"{path} may be larger by the table ({maximum}) than by the model ({high})"


@pytest.mark.parametrize("name", sorted(NOUNS))
def test_every_property_of_a_model_is_in_the_table(name: str) -> None:
    info = type_info(name)
    assert info is not None
    assert list(_members(NOUNS[name], info.properties, name)) == []


OURS = ("AWS::Lambda::Permission.StatementId",)
"""What is ours, and not in AWS's registry."""


@pytest.mark.parametrize("name", sorted(RUN))
def test_every_property_that_aws_registers_is_in_the_table_and_no_other(name: str) -> None:
    info, theirs = type_info(name), registered(name)
    assert info is not None
    assert theirs is not None
    extra = {key for key in info.properties if f"{name}.{key}" not in OURS}
    assert extra ^ set(theirs.properties) == set()


def test_every_type_that_runs_has_a_model() -> None:
    assert set(RUN) == set(NOUNS)


def test_every_entry_of_the_table_can_be_read_and_says_what_it_is() -> None:
    tables: dict[str, typing.Mapping[str, Property]] = {name: part(name) for name in PARTS}
    for name in RUN:
        info = type_info(name)
        assert info is not None
        tables[name] = info.properties
    for name, table in tables.items():
        for key, entry in table.items():
            assert entry.description, f"{name}.{key} has no description"
            assert entry.kind.name in KINDS, f"{name}.{key}"
            inner = entry.kind.item or entry.kind
            assert not inner.part or inner.part in PARTS, f"{name}.{key}"


KINDS = ("text", "int", "num", "bool", "enum", "json", "pattern", "object", "map", "any", "part", "list")


def test_every_part_is_used() -> None:
    text = json.dumps([*RUN.values(), *PARTS.values()])
    assert [name for name in PARTS if f"{{{name}}}" not in text] == []


def test_the_written_schema_is_current() -> None:
    assert json.loads(SCHEMA.read_text()) == schema(), "write it again: runner schema > schemas/stack.schema.json"


def test_the_command_prints_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["schema"]) == 0
    assert capsys.readouterr().out == SCHEMA.read_text()


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft7Validator.check_schema(schema())


def test_every_property_in_the_schema_has_a_description() -> None:
    missing = []

    def walk(node: Any, path: str) -> None:
        if not isinstance(node, dict):
            return
        for name, member in (node.get("properties") or {}).items():
            conditional = path.endswith(("/if", "/then"))
            if not conditional and isinstance(member, dict) and "description" not in member:
                missing.append(f"{path}/{name}")
        for key, value in node.items():
            for number, item in enumerate(value if isinstance(value, list) else [value]):
                walk(item, f"{path}/{key}" + (f"/{number}" if isinstance(value, list) else ""))

    walk(schema(), "")
    assert missing == []


@pytest.mark.slow
@pytest.mark.parametrize("stack", sorted((ROOT / "stacks").glob("*/*.yaml")), ids=lambda path: path.parent.name)
def test_the_stacks_here_are_sound_by_schema_and_checks(stack: Path) -> None:
    loaded = load(stack, place=Place())
    assert loaded.stack is not None, loaded.diagnostics
    document = json.loads(json.dumps(loaded.checked.document.root, default=str))  # type: ignore[union-attr]
    assert [error.message for error in jsonschema.Draft7Validator(schema()).iter_errors(document)] == []


def test_the_support_matrix_names_every_type_and_property() -> None:
    matrix = support_matrix()
    for name in RUN:
        assert f"`{name}`" in matrix
        for key in RUN[name]:
            assert key in matrix
