"""Functions that cannot run here: container images, code in S3, runtimes without a counterpart.

Source: https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtimes.html
"""

from __future__ import annotations

import re
from typing import Any

from runner.loader.checks.context import FUNCTION, Context, Item
from runner.loader.report import Report
from runner.loader.suggest import did_you_mean
from runner.loader.values import Unknown

LAYER = "AWS::Lambda::LayerVersion"
RUNNABLE = re.compile(r"python[23]\.\d+\Z|nodejs\d*(\.x|\.\d+)?\Z|provided(\.al2|\.al2023)?\Z")
KNOWN = (
    *(f"python3.{minor}" for minor in range(6, 16)),
    *(f"nodejs{major}.x" for major in range(10, 27, 2)),
    "python2.7",
    "nodejs",
    "nodejs4.3",
    "nodejs4.3-edge",
    "nodejs6.10",
    "nodejs8.10",
    "java8",
    "java8.al2",
    "java11",
    "java17",
    "java21",
    "java25",
    "dotnetcore1.0",
    "dotnetcore2.0",
    "dotnetcore2.1",
    "dotnetcore3.1",
    "dotnet5.0",
    "dotnet6",
    "dotnet8",
    "dotnet10",
    "go1.x",
    "ruby2.5",
    "ruby2.7",
    "ruby3.2",
    "ruby3.3",
    "ruby3.4",
    "ruby4.0",
    "provided",
    "provided.al2",
    "provided.al2023",
)


def check_runtimes(context: Context) -> None:
    """Mark what cannot run, and say so; report runtimes that there are not."""
    report = context.report
    for resource in context.resources.values():
        if resource.type == FUNCTION:
            _check_function(resource, context)
        elif resource.type == LAYER and not _local(resource.properties.get("Content")):
            resource.runnable = False
            message = f"'{resource.logical_id}' is not used: its content is not on this machine."
            report.warning(resource.at, "not-runnable", message, "point ContentUri to a local folder or archive")


def _local(source: Any) -> bool:
    return isinstance(source, dict) and ("Path" in source or "ZipFile" in source)


def _check_function(resource: Item, context: Context) -> None:
    properties, report = resource.properties, context.report
    code = properties.get("Code")
    code = code if isinstance(code, dict) else {}
    if properties.get("PackageType") == "Image" or "ImageUri" in code:
        _not_runnable(resource, report, "container images are not run", "package it as a zip to run it here")
        return
    if not _required(resource, report):
        return
    runtime = properties.get("Runtime")
    if isinstance(runtime, Unknown) or not isinstance(runtime, str):
        return
    if runtime not in KNOWN:
        hint = did_you_mean(runtime, KNOWN) or "see the list of Lambda runtimes"
        message = f"Value {runtime} at 'runtime' failed to satisfy constraint: it is no Lambda runtime"
        report.error(context.positions.value(properties, "Runtime"), "unknown-runtime", message, hint)
    elif not RUNNABLE.match(runtime):
        _not_runnable(resource, report, f"there is no counterpart of {runtime}", "run it in python, nodejs or provided")
    elif not _local(code):
        _not_runnable(resource, report, "its code is in S3", "point CodeUri to a local folder or archive")


def _required(resource: Item, report: Report) -> bool:
    """A zip package has a handler and a runtime."""
    missing = [name for name in ("Runtime", "Handler") if name not in resource.properties]
    if report.has(resource.at, "missing-property"):
        return not missing  # the transform has said so
    for name in missing:
        message = f"{name} of '{resource.logical_id}' is required for a function with PackageType Zip."
        report.error(resource.at, "missing-property", message, f"add {name}")
    return not missing


def _not_runnable(resource: Item, report: Report, why: str, hint: str) -> None:
    resource.runnable = False
    report.warning(resource.at, "not-runnable", f"'{resource.logical_id}' cannot run here: {why}.", hint)
