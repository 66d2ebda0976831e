"""The extensions of one environment and their API: register, next, errors.

External extensions are programs in `/opt/extensions`, started with the runtime; internal ones register from within it.
The Telemetry API is answered as not supported, in the words of AWS's own emulator.

Source: https://docs.aws.amazon.com/lambda/latest/dg/runtimes-extensions-api.html
"""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from runner.core.environment_extension import LIMIT, STEPS, State, Step, invalid_event
from runner.host.exchange import Exchange
from runner.runtime.functions.invocation import Invocation
from runner.runtime.functions.runtime_api import ACCEPTED, JSON, refuse

PREFIX = "/2020-01-01/extension/"
IDENTIFIER = "lambda-extension-identifier"
ERROR_HEADER = "Lambda-Extension-Function-Error-Type"
NOT_SUPPORTED = {
    "/2022-07-01/telemetry": ("Telemetry.NotSupported", "Telemetry API is not supported"),
    "/2020-08-15/logs": ("Logs.NotSupported", "Logs API is not supported"),
}
NOT_ALLOWED = "State transition is not allowed"


class Events(Protocol):
    """What the environment is told."""

    def on_extension_ready(self) -> None:
        """An extension waits for an event."""

    def on_extension_registered(self, name: str, events: tuple[str, ...]) -> None: ...

    def on_extension_error(self, kind: str, message: str) -> None:
        """An extension reported that it cannot go on."""


@dataclass(slots=True)
class Extension:
    """One extension. `waiting` is its `next`, while it waits for an event."""

    name: str
    external: bool
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    state: State = State.STARTED
    events: tuple[str, ...] = ()
    waiting: Exchange | None = None


class Extensions:
    """The extensions of one generation of processes. `about` is what register answers."""

    def __init__(self, events: Events, about: Mapping[str, Any], account: str, names: list[str]) -> None:
        self._events = events
        self._about = dict(about)
        self._account = account
        self.all = {name: Extension(name, external=True) for name in names}
        self.open = True  # new internal ones may register until init is over
        self._routes: dict[tuple[str, str], Callable[[Exchange, Extension], None]] = {
            ("GET", "event/next"): self._next,
            ("POST", "init/error"): lambda exchange, one: self._error(exchange, one, Step.INIT_ERROR),
            ("POST", "exit/error"): lambda exchange, one: self._error(exchange, one, Step.EXIT_ERROR),
        }

    @property
    def ready(self) -> bool:
        """True once every extension waits for an event."""
        return not self.all or all(one.state is State.READY for one in self.all.values())

    @property
    def wants_shutdown(self) -> bool:
        return any("SHUTDOWN" in one.events for one in self.all.values())

    def invoke(self, invocation: Invocation) -> None:
        """Tell those that want to know of an invocation."""
        call = invocation.call
        body: dict[str, Any] = {
            "eventType": "INVOKE",
            "deadlineMs": invocation.deadline_ms,
            "requestId": call.request_id,
            "invokedFunctionArn": invocation.arn,
        }
        if call.trace is not None:
            body["tracing"] = {"type": "X-Amzn-Trace-Id", "value": call.trace}
        self._tell("INVOKE", body)

    def shutdown(self, reason: str, deadline_ms: int) -> None:
        """Tell those that want to know of the end. `reason`: `spindown`, `timeout` or `failure`."""
        self._tell("SHUTDOWN", {"eventType": "SHUTDOWN", "deadlineMs": deadline_ms, "shutdownReason": reason})

    def _tell(self, event: str, body: dict[str, Any]) -> None:
        data = json.dumps(body, separators=(",", ":")).encode()
        for one in self.all.values():
            waiting = one.waiting
            if waiting is None or event not in one.events:
                continue
            one.waiting = None
            one.state = STEPS[one.state][Step.EVENT]
            waiting.respond(200, [*JSON, ("lambda-extension-event-identifier", str(uuid.uuid4()))], data)

    # from the extensions

    def handle(self, exchange: Exchange) -> bool:
        """True if the request was for here."""
        target = exchange.target
        if target in NOT_SUPPORTED and exchange.method == "PUT":
            refuse(exchange, 202, *NOT_SUPPORTED[target])
            return True
        if not target.startswith(PREFIX):
            return False
        verb = target.removeprefix(PREFIX)
        if (exchange.method, verb) == ("POST", "register"):
            self._register(exchange)
            return True
        route = self._routes.get((exchange.method, verb))
        if route is None:
            return False
        found = self._identified(exchange)
        if found is not None:
            route(exchange, found)
        return True

    def _identified(self, exchange: Exchange) -> Extension | None:
        identifier = exchange.headers.get(IDENTIFIER, "")
        if not identifier:
            refuse(exchange, 403, "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header")
            return None
        try:
            uuid.UUID(identifier)
        except ValueError:
            refuse(exchange, 403, "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier")
            return None
        found = next((one for one in self.all.values() if one.id == identifier), None)
        if found is None:
            refuse(exchange, 403, "Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")
        return found

    def _register(self, exchange: Exchange) -> None:
        name = exchange.headers.get("lambda-extension-name", "")
        if not name:
            refuse(exchange, 403, "Extension.InvalidExtensionName", "Empty extension name")
            return
        try:
            events = tuple(str(event) for event in json.loads(exchange.body).get("events") or ())
        except (ValueError, AttributeError, TypeError) as error:
            refuse(exchange, 403, "InvalidRequestFormat", str(error))
            return
        one = self._find(exchange, name, events)
        if one is None or not self._step(exchange, one, Step.REGISTER):
            return
        one.events = events
        body = dict(self._about)
        features = exchange.headers.get("lambda-extension-accept-feature", "").split(",")
        if "accountId" in [feature.strip() for feature in features]:
            body["accountId"] = self._account
        data = json.dumps(body, separators=(",", ":")).encode() + b"\n"
        exchange.respond(200, [*JSON, (IDENTIFIER, one.id)], data)
        self._events.on_extension_registered(name, events)

    def _find(self, exchange: Exchange, name: str, events: tuple[str, ...]) -> Extension | None:
        """The extension that registers: one whose program was started, or a new internal one."""
        one = self.all.get(name)
        external = one is not None and one.external
        wrong = next((why for why in (invalid_event(event, external=external) for event in events) if why), None)
        if wrong is not None:
            refuse(exchange, 403, "Extension.InvalidEventType", wrong)
        elif one is not None and external:
            return one
        elif not self.open:
            refuse(exchange, 403, "Extension.RegistrationClosed", "Extension registration closed already")
        elif one is not None:
            refuse(exchange, 403, "Extension.InvalidExtensionState", "Extension with this name already registered")
        elif len(self.all) >= LIMIT:
            refuse(exchange, 403, "Extension.TooManyExtensions", f"Extension limit ({LIMIT}) reached")
        else:
            one = self.all[name] = Extension(name, external=False)
            return one
        return None

    def _next(self, exchange: Exchange, one: Extension) -> None:
        if self._step(exchange, one, Step.NEXT, one.id):
            one.waiting = exchange
            self._events.on_extension_ready()

    def _error(self, exchange: Exchange, one: Extension, step: Step) -> None:
        kind = exchange.headers.get(ERROR_HEADER.lower(), "")
        if not kind:
            refuse(exchange, 403, "Extension.MissingHeader", f"{ERROR_HEADER} not found")
            return
        if self._step(exchange, one, step, one.id):
            exchange.respond(202, JSON, ACCEPTED)
            name = "Extension.InitError" if step is Step.INIT_ERROR else "Extension.ExitError"
            self._events.on_extension_error(name, kind)

    def _step(self, exchange: Exchange, one: Extension, step: Step, called: str = "") -> bool:
        """Take a step of the extension's life; False, and refused, if it is not for now."""
        after = STEPS[one.state].get(step)
        if after is None:
            message = f"State transition from {one.state} to {step} failed for extension {called or one.name}."
            refuse(exchange, 403, "Extension.InvalidExtensionState", f"{message} Error: {NOT_ALLOWED}")
            return False
        one.state = after
        return True


def programs(opt: Path | None) -> list[Path]:
    """The external extensions that layers bring."""
    folder = opt / "extensions" if opt is not None else None
    if folder is None or not folder.is_dir():
        return []
    found = [entry for entry in sorted(folder.iterdir()) if entry.is_file() and os.access(entry, os.X_OK)]
    return found[:LIMIT]
