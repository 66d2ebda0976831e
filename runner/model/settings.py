"""What a person asked for on the command line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from runner.model.names import DEFAULT_ACCOUNT, DEFAULT_REGION, Place


@dataclass(frozen=True, slots=True)
class Settings:
    """`stack`: its file; `folder`: the state folder; `debug`: function -> port; `pace`: how much faster time runs."""

    stack: Path
    folder: Path
    parameters: Mapping[str, str] = field(default_factory=dict)
    region: str = DEFAULT_REGION
    account: str = DEFAULT_ACCOUNT
    port: int = 4566
    pace: float = 1.0
    watch: bool = True
    debug: Mapping[str, int] = field(default_factory=dict)

    @property
    def database(self) -> Path:
        return self.folder / "runner.db"

    @property
    def artifacts(self) -> Path:
        return self.folder / "artifacts"

    def place(self, endpoint: str) -> Place:
        """Where everything of this runner lives."""
        return Place(self.account, self.region, endpoint)
