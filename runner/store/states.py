"""State in the store: one row per deployed resource, replaced by one compare-and-set on the revision.

A swap compares tables by identity and writes only the rows that differ, so one rule among ten thousand is one row.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from runner.model.errors import Conflict, StateError
from runner.model.noun import Noun
from runner.model.state import EMPTY, TABLES, Deployed, State
from runner.store.sqlite import SqliteStore

NAMES: dict[type[Noun], str] = {noun: name for name, noun in TABLES.items()}
WRITE = "INSERT OR REPLACE INTO deployed VALUES (?, ?, ?, ?, ?, ?, ?)"
READ = "SELECT noun, key, owner, created_at, modified_at, revision_id, document FROM deployed"

Row = tuple[str, str, str, float, float, str, str]


class StateStore:
    """Durable State, as `runtime.deployment.States` asks for it."""

    def __init__(self, store: SqliteStore) -> None:
        self._store = store

    async def load(self) -> State:
        """Raises StateError where a row does not fit the models of this version."""
        revision, rows = await self._store.submit(_read)
        tables: dict[type[Noun], dict[str, Deployed[Any]]] = {}
        for name, key, owner, created_at, modified_at, revision_id, document in rows:
            noun = _noun(name, key, document)
            deployed = Deployed(key, noun, owner, created_at, modified_at, revision_id)
            tables.setdefault(type(noun), {})[key] = deployed
        return State(revision, tables)

    async def swap(self, before: State, after: State) -> None:
        """One commit, or Conflict if `before` is not what is stored."""
        put = [_row(deployed) for deployed in _written(before, after)]
        gone = list(_deleted(before, after))
        await self._store.submit(lambda db: _swap(db, before.revision, after.revision, put, gone))


def _read(db: sqlite3.Connection) -> tuple[int, list[Row]]:
    (revision,) = db.execute("SELECT revision FROM state").fetchone()
    return revision, db.execute(READ).fetchall()


def _swap(db: sqlite3.Connection, expected: int, revision: int, put: list[Row], gone: list[tuple[str, str]]) -> None:
    if db.execute("UPDATE state SET revision = ? WHERE revision = ?", (revision, expected)).rowcount != 1:
        raise Conflict(f"State is not at revision {expected}.")
    db.executemany("DELETE FROM deployed WHERE noun = ? AND key = ?", gone)
    db.executemany(WRITE, put)


def _row(deployed: Deployed[Any]) -> Row:
    # What was left out stays left out: plans compare what was declared, not the defaults of a version of ours.
    document = deployed.noun.model_dump_json(by_alias=True, exclude_unset=True)
    name = NAMES[type(deployed.noun)]
    return name, deployed.key, deployed.owner, deployed.created_at, deployed.modified_at, deployed.revision_id, document


def _noun(name: str, key: str, document: str) -> Noun:
    try:
        return TABLES[name].model_validate_json(document)
    except (KeyError, ValidationError) as error:
        raise StateError(
            f"The state holds {name} {key!r} in a form that this version does not know: {error}",
            hint="Use the version of runner that wrote it, or start from an empty state folder.",
        ) from error


def _changed_tables(
    before: State, after: State
) -> Iterator[tuple[str, Mapping[str, Deployed[Any]], Mapping[str, Deployed[Any]]]]:
    for noun in {*before.tables, *after.tables}:
        old, new = before.tables.get(noun, EMPTY), after.tables.get(noun, EMPTY)
        if old is not new:
            yield NAMES[noun], old, new


def _written(before: State, after: State) -> Iterator[Deployed[Any]]:
    for _, old, new in _changed_tables(before, after):
        yield from (deployed for key, deployed in new.items() if old.get(key) is not deployed)


def _deleted(before: State, after: State) -> Iterator[tuple[str, str]]:
    for name, old, new in _changed_tables(before, after):
        yield from ((name, key) for key in old if key not in new)
