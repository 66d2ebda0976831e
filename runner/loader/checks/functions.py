"""Rules of functions that no single property shows.

Source: https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
        https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
"""

from __future__ import annotations

import re

from runner.core.function_variables import MAX_BYTES, REFUSAL, reserved_among
from runner.loader.checks.context import FUNCTION, Context, Item, plain
from runner.loader.checks.runtimes import KNOWN
from runner.loader.values import Unknown
from runner.model.diagnostic import Note

TIMEOUT_MAX = 900
MEMORY_MAX = 10240
STORAGE_MAX = 10240
VARIABLE = re.compile(r"[a-zA-Z][a-zA-Z0-9_]+\Z")
ROLE = re.compile(r"arn:(aws[a-zA-Z-]*)?:iam::\d{12}:role/?[a-zA-Z_0-9+=,.@\-_/]+\Z")
INVOKE_CONFIG = "AWS::Lambda::EventInvokeConfig"


def check_functions(context: Context) -> None:
    """Check every function, and the configurations of their asynchronous invocations."""
    for item in context.of(FUNCTION):
        _limits(context, item)
        _environment(context, item)
        _logging(context, item)
        _role(context, item)
        _handler(context, item)
    for item in context.of(INVOKE_CONFIG):
        _nowhere(context, item)


def _limits(context: Context, item: Item) -> None:
    if "CapacityProviderConfig" in item.properties:
        return
    for name, most in (("Timeout", TIMEOUT_MAX), ("MemorySize", MEMORY_MAX)):
        value = item.properties.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and value > most:
            message = f"#/{name}: {value} is not less or equal to {most}"
            unit = "seconds" if name == "Timeout" else "MB"
            context.report.error(context.at(item, name), "out-of-range", message, f"allowed: up to {most} {unit}")


def _environment(context: Context, item: Item) -> None:
    environment = item.properties.get("Environment")
    variables = environment.get("Variables") if isinstance(environment, dict) else None
    if not isinstance(variables, dict):
        return
    size = 0
    for name, value in variables.items():
        at = context.positions.key(variables, name)
        if (message := reserved_among([name])) is not None:
            context.report.error(at, "reserved-variable", message, "give it another name; Lambda sets this one")
        elif not VARIABLE.match(str(name)):
            message = f"#/Environment/Variables: '{name}' is no name of a variable"
            context.report.error(at, "invalid-name", message, "a letter, then letters, digits and underscores")
        size += len(str(name).encode()) + len(str(value).encode("utf-8", "replace"))
    unknown = any(isinstance(value, Unknown) for value in variables.values())
    if size > MAX_BYTES and not unknown:
        message = REFUSAL.format(f"exceeded the 4KB limit: {size} bytes")
        context.report.error(context.at(item, "Environment"), "out-of-range", message, "move large values elsewhere")


def _logging(context: Context, item: Item) -> None:
    config = item.properties.get("LoggingConfig")
    if not isinstance(config, dict) or config.get("LogFormat", "Text") != "Text":
        return
    for name in ("ApplicationLogLevel", "SystemLogLevel"):
        if name in config:
            message = f"#/LoggingConfig: {name} is not allowed with LogFormat Text"
            at = context.positions.key(config, name)
            context.report.error(at, "invalid-combination", message, "set LogFormat: JSON, or remove the level")


def _role(context: Context, item: Item) -> None:
    role = plain(item.properties.get("Role"))
    if "Role" not in item.properties:
        message = "Properties validation failed: required key [Role] of AWS::Lambda::Function not found"
        context.report.error(item.at, "missing-property", message, "add Role: the ARN of the execution role")
    elif role is not None and not ROLE.match(role):
        message = f"#/Role: '{role}' is no ARN of a role"
        context.report.error(context.at(item, "Role"), "invalid-value", message, "use !GetAtt Role.Arn")


def _handler(context: Context, item: Item) -> None:
    handler, runtime = plain(item.properties.get("Handler")), plain(item.properties.get("Runtime"))
    if handler is None or runtime is None:
        return
    if runtime.startswith(("python", "nodejs")) and "." not in handler:
        message = f"The handler '{handler}' of '{item.logical_id}' names no function."
        context.report.warning(context.at(item, "Handler"), "missing-handler", message, f"write {handler}.handler")
    code = item.properties.get("Code")
    if isinstance(code, dict) and "ZipFile" in code:
        _inline(context, item, code, handler, runtime)


def _inline(context: Context, item: Item, code: dict[str, object], handler: str, runtime: str) -> None:
    at = context.positions.value(code, "ZipFile")
    if runtime in KNOWN and not runtime.startswith(("python", "nodejs")):
        message = f"#/Code/ZipFile: inline code is for Python and Node, not for {runtime}"
        context.report.error(at, "invalid-combination", message, "put the code into a folder, and name it in CodeUri")
    elif not handler.startswith("index."):
        message = f"Inline code becomes a file named index, but the handler is '{handler}'."
        note = Note(at, "the inline code stands here")
        context.report.warning(context.at(item, "Handler"), "missing-handler", message, "write index.handler", note)


def _nowhere(context: Context, item: Item) -> None:
    """Retries that end nowhere: a failure is lost without a destination or a dead-letter queue."""
    properties = item.properties
    configured = next(
        (name for name in ("MaximumRetryAttempts", "MaximumEventAgeInSeconds") if name in properties), None
    )
    destinations = properties.get("DestinationConfig")
    if configured is None or (isinstance(destinations, dict) and "OnFailure" in destinations):
        return
    function = context.function(properties.get("FunctionName"))
    if function is None or "DeadLetterConfig" in function.properties:
        return
    message = f"Events of '{function.logical_id}' that fail for good are lost: there is nowhere for them to go."
    hint = "add an OnFailure destination, or a DeadLetterQueue to the function"
    context.report.warning(context.at(item, configured), "no-failure-destination", message, hint)
