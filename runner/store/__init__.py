"""What outlives the process: narrow ports and their SQLite implementation. All SQL lives here."""

from runner.store.sqlite import SqliteStore
from runner.store.states import StateStore

__all__ = ["SqliteStore", "StateStore"]
