# ruff: noqa: UP031
# mypy: ignore-errors
"""JSON as AWS's runtime reads and writes it. Runs on Python 3.9 and later."""

import decimal
import json
import os

from _runtime_faults import Fault

CONTAINERS = {dict, list, tuple}
SCALARS = {str, int, float, bool, type(None)}


class Marshaller:
    """Results and errors as JSON, the way AWS's runtime writes them: decimals as numbers, named tuples as objects.

    Since Python 3.12 text outside ASCII stays as it is.
    """

    def __init__(self, version):
        encoder = json.JSONEncoder(ensure_ascii=version < (3, 12), default=self._other)
        self.markers = {}
        self.encode = prepared(encoder, self.markers)
        self.scan = json.JSONDecoder().scan_once
        self.numbers = {}

    def dumps(self, value):
        try:
            if type(value) in CONTAINERS and has_named(value):
                value = plain(value)
        except RecursionError:
            pass  # it contains itself; the encoder says so
        text = "".join(self.encode(value, 0))
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
        """What json.loads makes of it. Raises Fault."""
        try:
            text = body.decode()
            value, end = self.scan(text, 0)
            if end == len(text) or not text[end:].strip(" \t\r\n"):
                return value
        except Exception:
            pass  # json.loads takes a little more, and says what is wrong
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
            self.markers.clear()
            raise Fault("Runtime.MarshalError", "Unable to marshal response: %s" % error) from None


def prepared(encoder, markers):
    """`encode(value, 0)`: pieces of text, as of `encoder`, which makes anew for each value what is made once here.

    Whoever calls it empties `markers` after an error: they are the containers that it was in.
    """
    escape = json.encoder.encode_basestring_ascii if encoder.ensure_ascii else json.encoder.encode_basestring
    form = (encoder.indent, encoder.key_separator, encoder.item_separator)
    rules = (encoder.sort_keys, encoder.skipkeys, encoder.allow_nan)
    try:
        return json.encoder.c_make_encoder(markers, encoder.default, escape, *form, *rules)
    except TypeError:  # not there, or made otherwise, in this Python
        return lambda value, level: (encoder.encode(value),)


def has_named(value):
    """True if a dict, list or tuple holds named tuples."""
    for one in value.values() if isinstance(value, dict) else value:
        kind = type(one)
        if kind in SCALARS:
            continue
        if kind not in CONTAINERS and isinstance(one, (list, tuple)) and hasattr(one, "_asdict"):
            return True
        if isinstance(one, (dict, list, tuple)) and has_named(one):
            return True
    return False


def plain(value):
    """A copy in which named tuples are dicts."""
    if hasattr(value, "_asdict") and isinstance(value, tuple):
        value = value._asdict()
    if isinstance(value, dict):
        return {key: plain(one) for key, one in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(one) for one in value]
    return value
