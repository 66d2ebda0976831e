# mypy: ignore-errors
"""The trace of the invocation at hand in the environment. Runs on Python 3.9 and later.

What `os.environ` is given goes to the C library, for the programs that a handler starts; and that keeps every value it
ever had, which after a million invocations is a lot. So it is given one piece of memory, which is then overwritten.
"""

import os

try:
    import ctypes
except ImportError:  # an interpreter that was built without
    ctypes = None

NAME = "_X_AMZN_TRACE_ID"
KEY = NAME.encode()
START = len(KEY) + 1
ROOM = 4096  # bytes; a trace that needs more goes the usual way


class Trace:
    def __init__(self):
        self.environ = os.environ
        self.values = getattr(os.environ, "_data", None)
        self.memory = ctypes.create_string_buffer(KEY + b"=", ROOM) if ctypes is not None else None
        self.shown = (ctypes.c_char * (ROOM - START)).from_buffer(self.memory, START) if ctypes is not None else None
        self.put = ctypes.CDLL(None).putenv if ctypes is not None else None
        self.last = None  # what `os.environ` was given here
        self.size = -1  # of that, while the C library has our memory for it

    def set(self, trace):
        """`trace`: bytes; None where the invocation has none."""
        values = self.values
        if (
            trace is None
            or len(trace) != self.size
            or os.environ is not self.environ
            or values.get(KEY) is not self.last
        ):
            self.set_anew(trace)
            return
        self.shown.value = values[KEY] = self.last = trace

    def set_anew(self, trace):
        """The same where it is not as long as the last one, or somebody else has changed it meanwhile."""
        self.size = -1
        values = getattr(os.environ, "_data", None)
        if trace is None:
            os.environ.pop(NAME, None)
        elif values is None:  # it is no longer Python's own
            os.environ[NAME] = os.fsdecode(trace)
        elif self.memory is None or START + len(trace) + 1 > ROOM or b"\0" in trace:
            os.putenv(KEY, trace)
            values[KEY] = trace
        else:
            self.shown.value = values[KEY] = self.last = trace
            self.put(self.memory)
            self.environ, self.values, self.size = os.environ, values, len(trace)
