"""Receipt handles: opaque to callers, readable to us, bound to one queue and one lease."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from runner.runtime.queues import errors


@dataclass(frozen=True, slots=True)
class Receipt:
    """`lease` is the engine's receipt; `at` and `until` are when the lease was made and when it was to end."""

    queue: str
    message_id: str
    lease: str
    at: float
    until: float

    @property
    def handle(self) -> str:
        text = f"{self.queue} {self.message_id} {self.lease} {self.at:.6f} {self.until:.6f}"
        return base64.b64encode(text.encode()).decode()


def parse_handle(handle: str, queue: str) -> Receipt:
    """Raises ReceiptHandleIsInvalid for a handle that never was one of `queue`."""
    try:
        name, message_id, lease, at, until = base64.b64decode(handle, validate=True).decode().split(" ")
        receipt = Receipt(name, message_id, lease, float(at), float(until))
    except (ValueError, binascii.Error):
        raise _never_was(handle) from None
    if receipt.queue != queue:
        raise _never_was(handle)
    return receipt


def _never_was(handle: str) -> Exception:
    return errors.error("ReceiptHandleIsInvalid", f'The input receipt handle "{handle}" is not a valid receipt handle.')
