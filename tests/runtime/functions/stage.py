"""Functions on a stage of their own: real processes, State in memory, code written by the test, log lines collected."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import textwrap
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from runner.host.clock import Clock
from runner.model.function import Alias, Function, FunctionVersion
from runner.model.names import Place
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.functions import Functions
from runner.runtime.invoking import Answer, Call

DEADLINE_S = 30.0  # a bound on waiting, never a measurement


class MemoryStates:
    """State that is kept nowhere; swaps always succeed, as nobody else writes."""

    async def load(self) -> State:
        return State()

    async def swap(self, before: State, after: State) -> None:
        return None


class Folders:
    """Code folders by their names."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def path(self, artifact: str) -> Path:
        return self.folder / artifact


class Lines:
    """A log sink that keeps everything."""

    def __init__(self) -> None:
        self.all: list[tuple[str, str, str, float, str]] = []
        self.news = asyncio.Event()

    def write(self, function: str, group: str, stream: str, lines: Sequence[tuple[float, str]]) -> None:
        self.all.extend((function, group, stream, at, line) for at, line in lines)
        self.news.set()

    def of(self, function: str) -> list[str]:
        return [line for name, _, _, _, line in self.all if name == function]

    async def until(self, function: str, pattern: str) -> str:
        """The first line that matches, once it is there."""

        async def wait() -> str:
            while True:
                found = next((line for line in self.of(function) if re.search(pattern, line)), None)
                if found is not None:
                    return found
                self.news.clear()
                await self.news.wait()

        try:
            return await asyncio.wait_for(wait(), DEADLINE_S)
        except TimeoutError:
            raise AssertionError(f"no line matches {pattern!r}:\n" + "\n".join(self.of(function))) from None


class Stage:
    """`deploy` functions, `invoke` them, read `lines`."""

    def __init__(self, folder: Path, functions: Functions, deployment: Deployment, lines: Lines, place: Place) -> None:
        self.folder = folder
        self.functions = functions
        self.deployment = deployment
        self.lines = lines
        self.place = place
        self._artifacts = 0

    def write(self, files: Mapping[str, str | bytes], *, executable: bool = False) -> str:
        """A new artifact with these files; returns its name."""
        self._artifacts += 1
        artifact = f"a{self._artifacts}"
        for name, content in files.items():
            path = self.folder / "artifacts" / artifact / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if isinstance(content, bytes):
                path.write_bytes(content)
            else:
                path.write_text(textwrap.dedent(content).lstrip("\n"))
            if executable or name.startswith("extensions/") or name == "bootstrap":
                path.chmod(0o755)
        return artifact

    async def deploy(
        self,
        name: str,
        files: Mapping[str, str | bytes] | str,
        *,
        version: str = "$LATEST",
        layers: tuple[str, ...] = (),
        provisioned: int | None = None,
        **config: Any,
    ) -> FunctionVersion:
        """Deploy a function. `files`: its code, or the text of `app.py`; `config` in CloudFormation's names."""
        if isinstance(files, str):
            files = {"app.py": files}
        config = {"Code": {}, "Runtime": "python3.11", "Handler": "app.handler", **config}
        noun = FunctionVersion(
            name=name,
            version=version,
            config=Function.model_validate(config),
            artifact=self.write(files),
            layers=layers,
            provisioned={"ProvisionedConcurrentExecutions": provisioned} if provisioned else None,
        )
        await self.put(name if version == "$LATEST" else f"{name}:{version}", noun)
        return noun

    async def alias(self, function: str, name: str, version: str, **members: Any) -> None:
        noun = Alias.model_validate({"FunctionName": function, "Name": name, "FunctionVersion": version, **members})
        await self.put(f"{function}:{name}", noun)

    async def put(self, key: str, noun: Any) -> None:
        await self.deployment.change(lambda state: state.with_changes([Deployed(key, noun)]))

    async def delete(self, kind: type[Any], key: str) -> None:
        await self.deployment.change(lambda state: state.with_changes([], [(kind, key)]))

    def begin(self, name: str, event: Any = None, **members: Any) -> asyncio.Future[Answer]:
        """An invocation; the future is the caller's to await."""
        payload = event if isinstance(event, bytes) else json.dumps({} if event is None else event).encode()
        call = {"qualifier": None, "request_id": str(uuid.uuid4()), **members}
        return self.functions.invoke(Call(function=name, payload=payload, **call))

    async def invoke(self, name: str, event: Any = None, **members: Any) -> Answer:
        return await asyncio.wait_for(self.begin(name, event, **members), DEADLINE_S)

    async def result(self, name: str, event: Any = None, **members: Any) -> Any:
        """The parsed answer of an invocation that has to succeed."""
        answer = await self.invoke(name, event, **members)
        assert answer.function_error is None, answer.payload.decode()
        return json.loads(answer.payload)


@asynccontextmanager
async def stage(folder: Path, **options: Any) -> AsyncIterator[Stage]:
    """A stage that is up; everything on it has ended afterwards."""
    clock = Clock()
    place = Place()
    lines = Lines()
    deployment = Deployment(MemoryStates(), State())
    code = Folders(folder / "artifacts")
    functions = Functions(deployment, code, lines, place, clock, folder=folder / "environments", **options)
    running = asyncio.create_task(functions.run())
    try:
        yield Stage(folder, functions, deployment, lines, place)
    finally:
        await functions.close()
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
