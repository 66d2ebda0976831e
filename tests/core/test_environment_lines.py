# ruff: noqa: E501 (tables of sentences)
"""Lambda's own log lines in both formats, and which lines a function's log keeps."""

from __future__ import annotations

import json
from typing import Any

import pytest

from runner.core.environment_lines import (
    End,
    Extension,
    Format,
    InitReport,
    InitStart,
    PlatformLine,
    Report,
    Start,
    runtime_family,
)
from runner.model.function import LoggingConfig

ID = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
AT = 1710356184.046

# fmt: off
TEXT: list[tuple[str, PlatformLine, str]] = [
    ("START names the version",           Start(ID, "$LATEST"),                                f"START RequestId: {ID} Version: $LATEST"),
    ("END names the request",             End(ID, 3.0),                                        f"END RequestId: {ID}"),
    ("REPORT ends with a tab",            Report(ID, 3.011, 128, 36),                          f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 4 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\t"),
    ("a cold start's init is billed too", Report(ID, 3.011, 128, 36, init_ms=110.1),           f"REPORT RequestId: {ID}\tDuration: 3.01 ms\tBilled Duration: 114 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tInit Duration: 110.10 ms\t"),
    ("a timeout is a status",             Report(ID, 1000.0, 128, 36, status="timeout", error_type="Sandbox.Timedout"), f"REPORT RequestId: {ID}\tDuration: 1000.00 ms\tBilled Duration: 1000 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: timeout\t"),
    ("a crash has a type",                Report(ID, 1.0, 128, 36, status="error", error_type="Runtime.ExitError"), f"REPORT RequestId: {ID}\tDuration: 1.00 ms\tBilled Duration: 1 ms\tMemory Size: 128 MB\tMax Memory Used: 36 MB\tStatus: error\tError Type: Runtime.ExitError\t"),
    ("INIT_REPORT of a slow init",        InitReport(10000.0, status="timeout"),               "INIT_REPORT Init Duration: 10000.00 ms\tPhase: init\tStatus: timeout"),
    ("INIT_REPORT of a failed one",       InitReport(1236.04, status="error", error_type="Extension.Crash"), "INIT_REPORT Init Duration: 1236.04 ms\tPhase: init\tStatus: error\tError Type: Extension.Crash"),
    ("EXTENSION lists its events",        Extension("x", ("INVOKE", "SHUTDOWN")),              "EXTENSION\tName: x\tState: Ready\tEvents: [INVOKE,SHUTDOWN]"),
]

JSON: list[tuple[str, PlatformLine, str, dict[str, Any]]] = [
    ("start",  Start(ID, "7"),                     "platform.start",  {"requestId": ID, "version": "7"}),
    ("report", Report(ID, 101.51, 128, 33, 100.5), "platform.report", {"requestId": ID, "metrics": {"durationMs": 101.51, "billedDurationMs": 203, "memorySizeMB": 128, "maxMemoryUsedMB": 33, "initDurationMs": 100.5}, "status": "success"}),
    ("a failed run", End(ID, 1.0, "error", "Runtime.ExitError"), "platform.runtimeDone", {"requestId": ID, "status": "error", "errorType": "Runtime.ExitError", "metrics": {"durationMs": 1.0}}),
]

KEPT = [
    ("plain text is kept",                           "hello",                                                              True),
    ("JSON without a level is kept",                 '{"a": 1}',                                                           True),
    ("a level without a time is kept",               '{"level": "DEBUG"}',                                                 True),
    ("below the level is dropped",                   '{"level": "DEBUG", "timestamp": "2024-03-13T18:56:24Z"}',            False),
    ("at the level is kept",                         '{"level": "info", "timestamp": "2024-03-13T18:56:24Z"}',             True),
    ("an unknown level counts as INFO",              '{"level": "LOUD", "timestamp": "2024-03-13T18:56:24Z"}',             True),
    ("what only looks like JSON is kept",            "{oops",                                                              True),
]
# fmt: on


@pytest.mark.parametrize(("line", "text"), [row[1:] for row in TEXT], ids=[row[0] for row in TEXT])
def test_text(line: PlatformLine, text: str) -> None:
    assert Format().platform(line, AT) == text


@pytest.mark.parametrize(("line", "kind", "record"), [row[1:] for row in JSON], ids=[row[0] for row in JSON])
def test_json(line: PlatformLine, kind: str, record: dict[str, Any]) -> None:
    text = Format(json=True).platform(line, AT)
    assert text is not None
    assert json.loads(text) == {"time": "2024-03-13T18:56:24.046Z", "type": kind, "record": record}


@pytest.mark.parametrize(("line", "kept"), [row[1:] for row in KEPT], ids=[row[0] for row in KEPT])
def test_which_of_its_own_lines_a_function_keeps(line: str, kept: bool) -> None:
    assert Format(json=True).keeps(line) is kept
    assert Format().keeps(line)


def test_system_level() -> None:
    quiet = Format.of(LoggingConfig.model_validate({"LogFormat": "JSON", "SystemLogLevel": "WARN"}))
    assert quiet.platform(Start(ID, "1"), AT) is None
    assert quiet.platform(Report(ID, 1.0, 128, 1, status="timeout"), AT) is not None
    loud = Format.of(LoggingConfig.model_validate({"LogFormat": "JSON", "SystemLogLevel": "DEBUG"}))
    assert loud.platform(End(ID, 1.0), AT) is not None


@pytest.mark.parametrize(
    ("runtime", "family"),
    [
        ("python3.13", "python:3.13"),
        ("nodejs22.x", "nodejs:22"),
        ("provided.al2023", "provided:al2023"),
        ("provided", "provided"),
    ],
)
def test_family(runtime: str, family: str) -> None:
    assert runtime_family(runtime) == family
    text = InitStart(runtime, "us-east-1").text()
    assert text.startswith(
        f"INIT_START Runtime Version: {family}.v1\tRuntime Version ARN: arn:aws:lambda:us-east-1::runtime:"
    )
