"""The short way of a plain Invoke: from the bytes of the request to the bytes of the answer, in as few steps as can be.

Nothing is decided here that the long way would decide otherwise. A request is taken only if it is one that the long
way would take without a word: a function and qualifier that are there, a body that is JSON, headers that ask for
nothing special, from a welcome host. All else goes the long way as it came, and so does every answer but a good one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from runner.core.lineage import beginning
from runner.core.payload import problem
from runner.host.clock import Clock
from runner.host.exchange import LARGE, Exchange
from runner.host.http import Connection, Shortcut
from runner.model.function import Alias, FunctionVersion
from runner.model.names import Place
from runner.model.state import State
from runner.runtime.deployment import Deployment
from runner.runtime.invoking import NO_CALL, Answer, Call, DirectInvoker
from runner.wire.lambda_.beginnings import Beginnings
from runner.wire.lambda_.heads import Head, read
from runner.wire.lambda_.invoke import SYNC_LIMIT, respond
from runner.wire.lambda_.names import Reference, resolve
from runner.wire.lambda_.status import pending
from runner.wire.stamps import Date


class Lane(NamedTuple):
    """What is the same for every plain invocation of a function, or of one qualifier of it."""

    function: str
    qualifier: str | None
    lineage: str


NOWHERE = Lane("", None, "")


Lanes = dict[tuple[bytes, bytes | None], Lane]
"""By function and qualifier, as they stand in a request."""


class Express:
    """Opens a lane for what is invoked the plain way; `around` is the endpoint's shortcut.

    `plain_host` says whether a host is welcome and means nothing special.
    """

    def __init__(
        self,
        deployment: Deployment,
        invoker: DirectInvoker,
        place: Place,
        clock: Clock,
        *,
        date: Date,
        plain_host: Callable[[str], bool],
    ) -> None:
        self.invoker = invoker
        self.clock = clock
        self.beginnings = Beginnings(clock)
        self.date = date
        self.plain_host = plain_host
        self.lanes: Lanes = {}
        self._deployment = deployment
        self._place = place
        deployment.subscribe(self._deployed)

    def around(self, connection: Connection) -> Shortcut:
        return _Rider(self, connection)

    def lane(self, name: bytes, qualifier: bytes | None) -> Lane | None:
        """None where there is something to be said about the function, now or always."""
        function = name.decode()
        wanted = Reference(function, qualifier.decode().replace("%24", "$") if qualifier is not None else None)
        deployed = resolve(self._deployment.state, wanted)
        if deployed is None or pending(deployed, self.clock.now()):
            return None
        lane = Lane(function, wanted.qualifier, beginning(self._place.function(function)))
        self.lanes[name, qualifier] = lane
        return lane

    def _deployed(self, before: State, after: State) -> None:
        if before.of(FunctionVersion) is not after.of(FunctionVersion) or before.of(Alias) is not after.of(Alias):
            self.lanes = {}


class _Rider(Shortcut):
    """One connection of the endpoint. One invocation at a time is under way on it; what follows waits in `inner`."""

    def __init__(self, express: Express, inner: Connection) -> None:
        super().__init__(inner)
        self._express = express
        self._host: bytes | None = b"\0"  # the last one that was found welcome; not one yet
        self._call = NO_CALL  # what is under way
        self._head: Head | None = None  # the last one
        self._lane = NOWHERE  # which it takes, while the lanes are these
        self._lanes: Lanes = {}
        self._held: list[bytes] = []  # pieces of a request whose body is not complete
        self._missing = 0  # bytes of it
        self._start = 0  # where its body begins

    def data_received(self, data: bytes) -> None:
        if self._missing:
            self._more(data)
        elif not (self.inner.at_rest and self._take(data)):
            self.inner.data_received(data)

    def _take(self, data: bytes) -> bool:
        """Take a request if it can go the short way. False if it cannot."""
        head = self._head
        start = head.alike(data) if head is not None and self._lanes is self._express.lanes else 0
        if not start:
            head = self._head = self._read(data)
            start = len(head.text) if head is not None else 0
        if head is None:
            return False
        missing = start + head.size - len(data)
        if missing == 0:
            return self._ride(data[start:])
        if missing < 0 or head.size > SYNC_LIMIT:
            return False
        self._missing, self._start = missing, start
        self._held.append(data)
        return True

    def _read(self, data: bytes) -> Head | None:
        """The head of a request that can go the short way; then `_lane` is its lane."""
        head = read(data)
        if head is None:
            return None
        if head.host != self._host:
            if not self._express.plain_host((head.host or b"").decode("latin-1")):
                return None
            self._host = head.host
        self._lanes = self._express.lanes
        lane = self._lanes.get((head.name, head.qualifier)) or self._express.lane(head.name, head.qualifier)
        self._lane = lane or NOWHERE
        return head if lane is not None else None

    def _more(self, data: bytes) -> None:
        """More of a body."""
        self._held.append(data)
        self._missing -= len(data)
        if self._missing > 0:
            return
        whole = b"".join(self._held)
        self._held.clear()
        too_much, self._missing = self._missing < 0, 0
        if too_much or not self._ride(whole[self._start :]):
            self.inner.data_received(whole)

    def _ride(self, payload: bytes) -> bool:
        """Invoke. False if the payload has to be talked about."""
        if len(payload) > SYNC_LIMIT or problem(payload) is not None:
            return False
        function, qualifier, lineage = self._lane
        request_id, trace = self._express.beginnings.next(lineage)
        call = self._call = Call(function, qualifier, payload or b"{}", request_id, None, trace, False, None, True)
        self.inner.current = self
        try:
            self._express.invoker.begin(call, self._answered)
        except Exception as error:
            self._answered(error)
        return True

    def _answered(self, outcome: Answer | Exception) -> None:
        inner, call = self.inner, self._call
        self._call = NO_CALL
        if self.transport is None:
            return
        if not isinstance(outcome, Answer) or outcome.function_error is not None or inner.retiring:
            inner.current = exchange = Exchange(inner)
            exchange.date = self._express.date.line()
            respond(exchange, call, outcome)
            return
        payload = outcome.payload
        text = (
            f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-amzn-requestid: {call.request_id}\r\n"
            f"x-amzn-remapped-content-length: 0\r\nx-amzn-trace-id: {call.trace}\r\n"
            f"x-amz-executed-version: {outcome.version}\r\ncontent-length: {len(payload)}\r\n"
        )
        head = b"%b%b\r\n" % (text.encode(), self._express.date.line())
        if len(payload) < LARGE:
            self.transport.write(head + payload)
        else:
            self.transport.write(head)
            self.transport.write(payload)
        inner.done(self)
