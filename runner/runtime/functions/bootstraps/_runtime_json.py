# ruff: noqa: UP031
# mypy: ignore-errors
"""JSON as AWS's runtime reads and writes it. Runs on Python 3.9 and later."""

import decimal
import json
import os

from _runtime_faults import Fault


class Marshaller:
    """Results and errors as JSON, the way AWS's runtime writes them: decimals as numbers, named tuples as objects.

    Since Python 3.12 text outside ASCII stays as it is.
    """

    def __init__(self, version):
        self.ascii = version < (3, 12)
        self.encoder = json.JSONEncoder(ensure_ascii=self.ascii, default=self._other)
        self.numbers = {}

    def dumps(self, value):
        if type(value) in (dict, list, tuple):
            value = plain(value)
        text = self.encoder.encode(value)
        if self.numbers:
            numbers, self.numbers = self.numbers, {}
            for token, number in numbers.items():
                text = text.replace('"' + token + '"', number)
        return text

    def _other(self, value):
        if isinstance(value, decimal.Decimal):
            if value.is_nan():
                return float("nan")
            token = "@%s@%d@" % (os.urandom(8).hex(), len(self.numbers))
            self.numbers[token] = str(value)
            return token
        if isinstance(value, bytes):
            return value.decode("utf-8")
        raise TypeError("Object of type %s is not JSON serializable" % value.__class__.__name__)

    def loads(self, body):
        try:
            return json.loads(body)
        except Exception as error:
            raise Fault("Runtime.UnmarshalError", "Unable to unmarshal input: %s" % error) from None

    def result(self, value):
        """(body, content type). Raises Fault."""
        if isinstance(value, bytes):
            return value, "application/unknown"
        try:
            return self.dumps(value).encode("utf-8"), "application/json"
        except Exception as error:
            self.numbers = {}
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None


def plain(value):
    """The value itself, or a copy of it where it holds named tuples."""
    try:
        return _plain(value) if _has_named(value) else value
    except RecursionError:  # it contains itself; the encoder says so
        return value


def _has_named(value):
    if isinstance(value, dict):
        return any(_has_named(one) for one in value.values() if isinstance(one, (dict, list, tuple)))
    if type(value) is not list and type(value) is not tuple and hasattr(value, "_asdict"):
        return True
    return any(_has_named(one) for one in value if isinstance(one, (dict, list, tuple)))


def _plain(value):
    if hasattr(value, "_asdict") and isinstance(value, tuple):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(one) for one in value]
    return value
