"""The Lambda room behind a real server, with a real store and code store, and a clock that tests move."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from runner.host.clock import Clock
from runner.model.messaging import Queue
from runner.model.names import Place
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.functions.code import CodeStore
from runner.runtime.invoking import Answer, Call, Done
from runner.store import SqliteStore, StateStore
from runner.wire.lambda_ import Lambda
from tests.wire.live import Live

PLACE = Place()
ROLE = f"arn:aws:iam::{PLACE.account}:role/r"


class SteppedClock(Clock):
    """Stands still until it is moved."""

    def __init__(self) -> None:
        super().__init__()
        self.at = 1_764_000_000.0

    def now(self) -> float:
        return self.at


class Functions:
    """Stands for the environments: answers calls by a script, and keeps them."""

    def __init__(self) -> None:
        self.calls: list[Call] = []
        self.accepted: list[tuple[str, str | None, bytes, str]] = []
        self.script: Callable[[Call], Answer] = lambda call: Answer(call.payload, "$LATEST")

    def begin(self, call: Call, done: Done) -> None:
        self.calls.append(call)
        try:
            answer = self.script(call)
        except Exception as error:
            done(error)
        else:
            done(answer)

    async def accept(
        self, function: str, qualifier: str | None, payload: bytes, *, request_id: str, trace: str | None = None
    ) -> None:
        self.accepted.append((function, qualifier, payload, request_id))


class Scene:
    """`with Scene(tmp_path) as scene: scene.client().create_function(...)`."""

    def __init__(self, folder: Path) -> None:
        self.clock = SteppedClock()
        self.store = SqliteStore.open(folder / "state.db", clock=self.clock)
        self.deployment = Deployment(StateStore(self.store), State())
        self.code = CodeStore(folder / "artifacts")
        self.functions = Functions()
        room = Lambda(self.deployment, self.code, self.functions, self.functions, PLACE, self.clock)
        self.live = Live([room])

    def client(self, **config: Any) -> Any:
        return self.live.client("lambda", **config)

    def settle(self, by_s: float = 1.0) -> None:
        """Let what was begun take effect."""
        self.clock.at += by_s

    def deploy(self, key: str, noun: Noun, owner: str = "stack/Some") -> None:
        """As a stack file would."""
        deployed = Deployed(key, noun, owner, self.clock.at, self.clock.at, f"revision-{key}")
        self.live.run(self.deployment.change(lambda state: state.with_changes([deployed])))

    def queue(self, name: str, **properties: Any) -> str:
        self.deploy(name, Queue.model_validate({"QueueName": name, **properties}))
        return PLACE.queue(name)

    def function(self, name: str = "f", **given: Any) -> Any:
        """Create a function through the API, and let it become active."""
        given = {"Runtime": "python3.12", "Handler": "handler.handler", "Role": ROLE, **given}
        created = self.client().create_function(FunctionName=name, Code={"ZipFile": archive()}, **given)
        self.settle()
        return created

    def __enter__(self) -> Self:
        self.live.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.live.run(self.store.aclose())
        self.live.__exit__(kind, error, trace)


def archive(text: str = "def handler(event, context):\n    return event\n", name: str = "handler.py") -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as opened:
        opened.writestr(zipfile.ZipInfo(name), text)
    return buffer.getvalue()
