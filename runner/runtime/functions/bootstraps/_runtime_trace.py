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
ROOM = 4096  # bytes; a trace that needs more goes the usual way


class Trace:
    def __init__(self):
        self.memory = ctypes.create_string_buffer(ROOM) if ctypes is not None else None
        self.put = ctypes.CDLL(None).putenv if ctypes is not None else None
        self.last = None  # what `os.environ` was given here, while the C library has our memory for it

    def set(self, trace):
        """`trace`: bytes; None where the invocation has none."""
        values = getattr(os.environ, "_data", None)
        if trace is None:
            os.environ.pop(NAME, None)
        elif values is None:  # it is no longer Python's own
            os.environ[NAME] = os.fsdecode(trace)
        elif self.memory is None or len(trace) + len(KEY) + 2 > ROOM or b"\0" in trace:
            os.putenv(KEY, trace)
            values[KEY] = trace
            self.last = None
        else:
            self.memory.value = KEY + b"=" + trace
            if self.last is None or values.get(KEY) is not self.last:
                self.put(self.memory)
            values[KEY] = self.last = trace
