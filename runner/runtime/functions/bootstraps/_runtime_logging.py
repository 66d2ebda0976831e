# ruff: noqa: UP031
# mypy: ignore-errors
"""Log lines in both of Lambda's formats. Runs on Python 3.9 and later."""

import json
import logging
import os
import sys
import time
import traceback

from _runtime_paths import as_shown, frames_as_shown

TIME_FORMAT = "%Y-%m-%dT%H:%M:%S"
NO_BREAK_SPACE = "\u00a0"
UNWRAPPED = {"name", "msg", "args", "levelname", "levelno", "pathname", "filename", "module", "exc_info", "exc_text"}
UNWRAPPED |= {"stack_info", "lineno", "funcName", "created", "msecs", "relativeCreated", "thread", "threadName"}
UNWRAPPED |= {"processName", "process", "taskName", "aws_request_id", "tenant_id"}


class LogHandler(logging.Handler):
    def emit(self, record):
        sys.stdout.write(self.format(record))


class LogFilter(logging.Filter):
    """Marks log records with the invocation that they belong to."""

    request_id = ""
    tenant_id = None

    def filter(self, record):
        record.aws_request_id = self.request_id
        record.tenant_id = self.tenant_id
        return True


class TextFormatter(logging.Formatter):
    def formatException(self, info):
        return frames_as_shown(super().formatException(info))

    def formatStack(self, stack):
        return frames_as_shown(super().formatStack(stack))


class JsonFormatter(logging.Formatter):
    def format(self, record):
        level = min(50, max(0, record.levelno)) // 10 * 10
        trace = record.exc_info
        whole = isinstance(record.msg, dict) and not record.args
        line = {
            "timestamp": self.formatTime(record, TIME_FORMAT + "Z"),
            "level": logging.getLevelName(level),
            "message": record.msg if whole else record.getMessage(),
            "logger": record.name,
            "stackTrace": [frames_as_shown(one) for one in traceback.format_tb(trace[2])] if trace else None,
            "errorType": trace[0].__name__ if trace and trace[0] else None,
            "errorMessage": str(trace[1]) if trace else None,
            "requestId": getattr(record, "aws_request_id", None),
            "location": "%s:%s:%d" % (as_shown(record.pathname), record.funcName, record.lineno) if trace else None,
            "tenantId": getattr(record, "tenant_id", None),
        }
        for key, value in record.__dict__.items():
            if key not in UNWRAPPED and key not in line:
                line[key] = value
        kept = {key: value for key, value in line.items() if value is not None}
        return json.dumps(kept, ensure_ascii=False, default=str) + "\n"


def set_up_logging():
    """The filter, which is to be told of each invocation."""
    logging.Formatter.converter = time.gmtime
    handler = LogHandler()
    if as_json():
        handler.setFormatter(JsonFormatter())
    else:
        form = "[%(levelname)s]\t%(asctime)s.%(msecs)03dZ\t%(aws_request_id)s\t%(message)s\n"
        handler.setFormatter(TextFormatter(form, TIME_FORMAT))
    invocations = LogFilter()
    handler.addFilter(invocations)
    root = logging.getLogger()
    level = os.environ.get("AWS_LAMBDA_LOG_LEVEL", "").upper()
    level = {"TRACE": "DEBUG", "WARN": "WARNING", "FATAL": "CRITICAL"}.get(level, level)
    if isinstance(logging.getLevelName(level), int):
        root.setLevel(level)
    root.addHandler(handler)
    return invocations


def as_json():
    return os.environ.get("AWS_LAMBDA_LOG_FORMAT", "").upper() == "JSON"


def log_error(error, marshaller):
    """What an unhandled error leaves in the log: one event, line breaks as carriage returns."""
    if as_json():
        stamped = {"timestamp": time.strftime(TIME_FORMAT + "Z", time.gmtime()), "level": "ERROR"}
        sys.stdout.write(marshaller.dumps({**stamped, **error}) + "\n")
        return
    first = "[ERROR]"
    if error["errorType"]:
        first += " " + error["errorType"]
    if error["errorMessage"]:
        first += (": " if error["errorType"] else " ") + error["errorMessage"]
    lines = [first, "Traceback (most recent call last):"]
    for entry in error["stackTrace"]:
        for line in entry.splitlines() or [""]:
            body = line.lstrip(" ")
            lines.append(NO_BREAK_SPACE * (len(line) - len(body)) + body)
    sys.stdout.write("\r".join(lines) + "\n")
