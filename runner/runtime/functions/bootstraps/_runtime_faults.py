# mypy: ignore-errors
"""Errors that are the runtime's own."""


class Fault(Exception):
    """An error that is the runtime's, not the handler's."""

    def __init__(self, kind, message, trace=None):
        super().__init__(message)
        self.kind = kind
        self.message = message
        self.trace = trace
