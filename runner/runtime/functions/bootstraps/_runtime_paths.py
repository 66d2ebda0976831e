# ruff: noqa: UP031
# mypy: ignore-errors
"""Folders as Lambda names them: what is told of an error says `/var/task/...`, wherever the code really lies.

Only what the runtime formats is renamed, and only when it is formatted; `__file__`, the working directory and what
functions print themselves stay as they are.
"""

import os
import re
import sys

FRAME = re.compile(r'(?m)^([ |]*File ")([^"\n]+)(?=")')


class Shown:
    """The real folders and their names on Lambda, longest first; empty where nothing is to be renamed."""

    folders = ()


def show_as(folders):
    """`folders`: real folder -> its name on Lambda. The interpreter's own library is added."""
    if folders:
        version = "%d.%d" % sys.version_info[:2]
        library = {os.path.dirname(os.__file__): "/var/lang/lib/python" + version}
        pairs = {**library, **folders}.items()
        Shown.folders = tuple(sorted(((real + "/", name + "/") for real, name in pairs), reverse=True))


def as_shown(text):
    """A path, or a message that holds some."""
    for real, name in Shown.folders:
        text = text.replace(real, name)
    return text


def frames_as_shown(text):
    """A formatted traceback: its frames are renamed, its messages and source lines are not."""
    return FRAME.sub(lambda match: match[1] + as_shown(match[2]), text) if Shown.folders else text
