"""A small world around a loop of the runtime: a real store and State, a scripted function, doors that keep letters."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.function import Alias, EventInvokeConfig, Function, FunctionVersion
from runner.model.names import LATEST, Arn, Place
from runner.model.noun import Noun
from runner.model.state import Deployed, State
from runner.runtime.deployment import Deployment
from runner.runtime.doors import Letter
from runner.runtime.invoking import Answer, Call
from runner.store import SqliteStore, StateStore

PLACE = Place()
LIMIT_S = 30.0  # a bound on waiting, never a measurement
THROTTLE = ApiError("TooManyRequestsException", "Rate Exceeded.", 429)
RAISED = b'{"errorMessage": "Failing per design", "errorType": "Exception"}'


def failure(payload: bytes = RAISED, version: str = LATEST) -> Answer:
    return Answer(payload, version, "Unhandled", "Exception")


def success(payload: bytes = b'{"done": true}', version: str = LATEST) -> Answer:
    return Answer(payload, version)


def function(name: str = "f", version: str = LATEST, **config: Any) -> FunctionVersion:
    return FunctionVersion(
        name=name, version=version, config=Function.model_validate({"Code": {}, **config}), artifact="a"
    )


def invoke_config(name: str = "f", qualifier: str = LATEST, **config: Any) -> EventInvokeConfig:
    return EventInvokeConfig.model_validate({"FunctionName": name, "Qualifier": qualifier, **config})


def alias(name: str, version: str, of: str = "f") -> Alias:
    return Alias.model_validate({"FunctionName": of, "Name": name, "FunctionVersion": version})


def _key(noun: Noun) -> str:
    match noun:
        case FunctionVersion():
            return noun.name if noun.version == LATEST else f"{noun.name}:{noun.version}"
        case Alias():
            return f"{noun.function_name}:{noun.name}"
        case EventInvokeConfig():
            return f"{noun.function_name}:{noun.qualifier}"
    raise TypeError(noun)


def deployed(*nouns: Noun, keys: dict[str, Noun] | None = None) -> State:
    """A State that holds `nouns` under the keys they have by their nature, and others under the `keys` given."""
    pairs = [(_key(noun), noun) for noun in nouns] + list((keys or {}).items())
    return State().with_changes([Deployed(key, noun) for key, noun in pairs])


async def in_force(store: SqliteStore, state: State) -> Deployment:
    """A deployment over the real State store, with `state` in force."""
    states = StateStore(store)
    deployment = Deployment(states, await states.load())
    await deployment.change(lambda _: state)
    return deployment


Script = Callable[[Call], Awaitable[Answer] | Answer]


@dataclass
class ScriptedFunction:
    """Stands for the environments: answers each call by the script, and keeps the calls with their times."""

    clock: Clock
    script: Script
    calls: list[tuple[float, Call]] = field(default_factory=list)

    def invoke(self, call: Call) -> asyncio.Future[Answer]:
        self.calls.append((self.clock.now(), call))
        return asyncio.ensure_future(self._answer(call))

    async def _answer(self, call: Call) -> Answer:
        answer = self.script(call)
        return answer if isinstance(answer, Answer) else await answer


def one_after_the_other(*answers: Answer | ApiError) -> Script:
    """Answers calls in turn, then keeps giving the last answer."""
    left = list(answers)

    def script(_: Call) -> Answer:
        answer = left.pop(0) if len(left) > 1 else left[0]
        if isinstance(answer, ApiError):
            raise answer
        return answer

    return script


@dataclass
class Letterbox:
    """A door that keeps what it accepted, once for each id, as every durable door does."""

    letters: dict[str, tuple[str, Letter]] = field(default_factory=dict)
    came: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def accept(self, arn: Arn, letter: Letter) -> None:
        async with self.came:
            self.letters.setdefault(letter.id, (arn.name, letter))
            self.came.notify_all()

    def at(self, name: str) -> list[Letter]:
        return [letter for target, letter in self.letters.values() if target == name]


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop run until `condition` holds; the test's own time limit ends it otherwise."""
    while not condition():
        await asyncio.sleep(0.001)
