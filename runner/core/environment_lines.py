"""The lines that Lambda itself writes to a function's log, in both formats, and which lines are kept.

Source: https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-advanced.html
"""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, Protocol

from runner.model.function import LoggingConfig

Level = Literal["TRACE", "DEBUG", "INFO", "WARN", "ERROR", "FATAL"]

RANKS = {"TRACE": 0, "DEBUG": 1, "INFO": 2, "WARN": 3, "WARNING": 3, "ERROR": 4, "FATAL": 5, "CRITICAL": 5}


class PlatformLine(Protocol):
    """One line of Lambda's own."""

    @property
    def level(self) -> Level: ...

    def text(self) -> str | None:
        """As a line of the text format; None if that format does not have it."""
        ...

    def event(self) -> tuple[str, dict[str, Any]]:
        """As an event of the JSON format: type and record."""
        ...


@dataclass(frozen=True, slots=True)
class InitStart:
    """`runtime` as the stack file names it (`python3.13`, `provided.al2023`)."""

    runtime: str
    region: str
    kind: str = "on-demand"
    level: Level = "INFO"

    def text(self) -> str:
        return f"INIT_START Runtime Version: {self._version}\tRuntime Version ARN: {self._arn}"

    def event(self) -> tuple[str, dict[str, Any]]:
        record = {
            "initializationType": self.kind,
            "phase": "init",
            "runtimeVersion": self._version,
            "runtimeVersionArn": self._arn,
        }
        return "platform.initStart", record

    @property
    def _version(self) -> str:
        return f"{runtime_family(self.runtime)}.v1"

    @property
    def _arn(self) -> str:
        digest = hashlib.sha256(self.runtime.encode()).hexdigest()
        return f"arn:aws:lambda:{self.region}::runtime:{digest}"


@dataclass(frozen=True, slots=True)
class InitReport:
    """How an init phase ended that went wrong, or that nobody waited for. `phase`: `init`, or `invoke` (suppressed)."""

    duration_ms: float
    phase: str = "init"
    status: str = "success"
    error_type: str = ""
    kind: str = "on-demand"

    @property
    def level(self) -> Level:
        return "DEBUG" if self.status == "success" else "WARN"

    def text(self) -> str:
        line = f"INIT_REPORT Init Duration: {self.duration_ms:.2f} ms\tPhase: {self.phase}"
        if self.status != "success":
            line += f"\tStatus: {self.status}"
        return line + (f"\tError Type: {self.error_type}" if self.error_type else "")

    def event(self) -> tuple[str, dict[str, Any]]:
        record: dict[str, Any] = {"initializationType": self.kind, "phase": self.phase, "status": self.status}
        if self.error_type:
            record["errorType"] = self.error_type
        record["metrics"] = {"durationMs": round(self.duration_ms, 3)}
        return "platform.initReport", record


@dataclass(frozen=True, slots=True)
class Start:
    request_id: str
    version: str
    level: Level = "INFO"

    def text(self) -> str:
        return start_text(self.request_id, self.version)

    def event(self) -> tuple[str, dict[str, Any]]:
        return "platform.start", {"requestId": self.request_id, "version": self.version}


@dataclass(frozen=True, slots=True)
class End:
    """`END` in text; in JSON the event that says what the runtime came to."""

    request_id: str
    duration_ms: float
    status: str = "success"
    error_type: str = ""

    @property
    def level(self) -> Level:
        return "DEBUG" if self.status == "success" else "WARN"

    def text(self) -> str:
        return end_text(self.request_id)

    def event(self) -> tuple[str, dict[str, Any]]:
        record: dict[str, Any] = {"requestId": self.request_id, "status": self.status}
        if self.error_type:
            record["errorType"] = self.error_type
        record["metrics"] = {"durationMs": round(self.duration_ms, 3)}
        return "platform.runtimeDone", record


@dataclass(frozen=True, slots=True)
class Report:
    """`max_memory_mb` is the environment's so far."""

    request_id: str
    duration_ms: float
    memory_mb: int
    max_memory_mb: int
    init_ms: float | None = None
    status: str = "success"
    error_type: str = ""

    @property
    def level(self) -> Level:
        return "INFO" if self.status == "success" else "WARN"

    @property
    def billed_ms(self) -> int:
        return billed_ms(self.duration_ms, self.init_ms)

    def text(self) -> str:
        return report_text(
            self.request_id,
            self.duration_ms,
            self.memory_mb,
            self.max_memory_mb,
            self.init_ms,
            self.status,
            self.error_type,
        )

    def event(self) -> tuple[str, dict[str, Any]]:
        metrics: dict[str, Any] = {
            "durationMs": round(self.duration_ms, 3),
            "billedDurationMs": self.billed_ms,
            "memorySizeMB": self.memory_mb,
            "maxMemoryUsedMB": self.max_memory_mb,
        }
        if self.init_ms is not None:
            metrics["initDurationMs"] = round(self.init_ms, 3)
        record: dict[str, Any] = {"requestId": self.request_id, "metrics": metrics, "status": self.status}
        if self.error_type:
            record["errorType"] = self.error_type
        return "platform.report", record


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension that registered."""

    name: str
    events: tuple[str, ...]
    state: str = "Ready"
    level: Level = "INFO"

    def text(self) -> str:
        return f"EXTENSION\tName: {self.name}\tState: {self.state}\tEvents: [{','.join(self.events)}]"

    def event(self) -> tuple[str, dict[str, Any]]:
        return "platform.extension", {"name": self.name, "state": self.state, "events": list(self.events)}


@dataclass(frozen=True, slots=True)
class Format:
    """How one function's log is written."""

    json: bool = False
    application: int = RANKS["INFO"]
    system: int = RANKS["INFO"]

    @classmethod
    def of(cls, config: LoggingConfig) -> Format:
        return cls(
            config.log_format == "JSON",
            RANKS[config.application_log_level or "INFO"],
            RANKS[config.system_log_level or "INFO"],
        )

    def platform(self, line: PlatformLine, at: float) -> str | None:
        """Lambda's line in this format; None if it is below the level. Levels are of the JSON format only."""
        if not self.json:
            return line.text()
        if RANKS[line.level] < self.system:
            return None
        kind, record = line.event()
        return json.dumps({"time": iso(at), "type": kind, "record": record}, separators=(",", ":"))

    def keeps(self, line: str) -> bool:
        """Whether a line of the function's own is kept: in the JSON format, one that says its level is held to it."""
        if not self.json or not line.startswith("{"):
            return True
        try:
            found = json.loads(line)
        except ValueError:
            return True
        if not isinstance(found, dict) or "level" not in found or "timestamp" not in found:
            return True
        return RANKS.get(str(found["level"]).upper(), RANKS["INFO"]) >= self.application


def start_text(request_id: str, version: str) -> str:
    return f"START RequestId: {request_id} Version: {version}"


def end_text(request_id: str) -> str:
    return f"END RequestId: {request_id}"


def report_text(
    request_id: str,
    duration_ms: float,
    memory_mb: int,
    max_memory_mb: int,
    init_ms: float | None,
    status: str,
    error_type: str,
) -> str:
    """The line that ends every invocation; written for thousands a second, so without anything in between."""
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {billed_ms(duration_ms, init_ms)} ms\tMemory Size: {memory_mb} MB\t"
        f"Max Memory Used: {max_memory_mb} MB\t"
    )
    if init_ms is not None:
        line += f"Init Duration: {init_ms:.2f} ms\t"
    if status != "success":
        line += f"Status: {status}\t"
    if error_type and status == "error":
        line += f"Error Type: {error_type}\t"
    return line


def billed_ms(duration_ms: float, init_ms: float | None) -> int:
    """A cold start's init is billed too."""
    return math.ceil(duration_ms + (init_ms or 0.0))


def iso(at: float) -> str:
    """Epoch seconds as `2024-03-13T18:56:24.046Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def runtime_family(runtime: str) -> str:
    """`python:3.13`, `nodejs:22`, `provided:al2023`: a runtime as INIT_START names it."""
    for family in ("python", "nodejs", "java", "ruby", "dotnet"):
        if runtime.startswith(family):
            return f"{family}:{runtime.removeprefix(family).removesuffix('.x')}"
    return runtime.replace(".", ":", 1)
