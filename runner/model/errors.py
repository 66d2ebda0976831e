"""Every error that a person or an SDK is meant to see. Any other exception is a bug and keeps its traceback."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class RunnerError(Exception):
    """Something a person can act on.

    `message` says what is wrong, `hint` what to do about it; `exit_code` is the process's (1 input, 3 environment).
    """

    exit_code = 3

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class InputError(RunnerError):
    """What the user wrote or passed is wrong."""

    exit_code = 1


class StateError(RunnerError):
    """The state folder cannot be used as it is: newer, broken, or held by another process."""


class PortInUse(RunnerError):
    """The endpoint's port is taken."""


class Conflict(Exception):
    """A compare-and-set lost: the stored revision is not the expected one."""


class ApiError(Exception):
    """An answer of an AWS API that is an error: code, message and HTTP status exactly as AWS gives them.

    `members` are further fields of the modelled error shape (`Reason`, `Type`, ...).
    """

    def __init__(
        self, code: str, message: str | None, status: int = 400, *, members: Mapping[str, Any] | None = None
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.members: Mapping[str, Any] = members or {}

    @property
    def sender_fault(self) -> bool:
        """True where the caller is to blame, as the query protocol's `Type` member says."""
        return self.status < 500
