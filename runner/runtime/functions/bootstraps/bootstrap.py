# ruff: noqa: PLC0415, SIM115, T100, UP031
# mypy: ignore-errors
"""The Python runtime: loads the handler, asks for invocations, calls it, answers. Runs on Python 3.9 and later, alone.

It behaves as AWS's own runtime does, to the wording of errors and the layout of log lines, and speaks the same Runtime
API, but over a connection that is there from the start, with one small addition: an answer sent with the header
`Runner-Next` is itself the request for the next invocation.

Two ways in: `become`, in a fork of the launcher, and as a program (`python bootstrap.py`) that finds the API by
`AWS_LAMBDA_RUNTIME_API`.
"""

import functools
import gc
import importlib
import importlib.machinery
import json
import logging
import os
import socket
import sys
import time
import traceback

from _runtime_api import Api, Connection, pipe_writer
from _runtime_context import LambdaContext, of_environment
from _runtime_faults import Fault
from _runtime_json import Marshaller
from _runtime_logging import log_error, set_up_logging
from _runtime_paths import as_shown, show_as
from _runtime_trace import Trace

WARNING = (
    "LAMBDA_WARNING: Unhandled exception. The most likely cause is an issue in the function code. However, in rare "
    "cases, a Lambda runtime update can cause unexpected function behavior. For functions using managed runtimes, "
    "runtime updates can be triggered by a function change, or can be applied automatically. To determine if the "
    "runtime has been updated, check the runtime version in the INIT_START log entry. If this error correlates with a "
    "change in the runtime version, you may be able to mitigate this error by temporarily rolling back to the previous "
    "runtime version. For more information, see https://docs.aws.amazon.com/lambda/latest/dg/runtimes-update.html\r"
)
EVENTS, ANSWERS = 3, 4  # the pipes to the runner, where a process is forked for a function
BASE = set()  # modules that are there before any of the function's code, as on Lambda
BUNDLED = {"boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3"}


# Errors


def error_of(kind, message, trace, request_id=""):
    return {"errorMessage": message or "", "errorType": kind or "", "requestId": request_id, "stackTrace": trace or []}


def frames_of(trace):
    """The traceback without the runtime's own frames before the function's first, its files as Lambda names them."""
    frames = [(as_shown(one.filename), one.lineno, one.name, one.line) for one in traceback.extract_tb(trace)]
    theirs = (index for index, frame in enumerate(frames) if "/bootstrap.py" not in frame[0])
    return frames[next(theirs, 0) :]


def raised(request_id=""):
    """The error in hand, and what X-Ray would be told of it."""
    kind, value, trace = sys.exc_info()
    frames = frames_of(trace)
    # Python names files in these by itself; all other messages are the function's own.
    message = as_shown(str(value)) if isinstance(value, (ImportError, SyntaxError)) else str(value)
    return (
        error_of(kind.__name__, message, traceback.format_list(frames), request_id),
        fault_of(kind.__name__, message, frames),
    )


def fault_of(kind, message, frames):
    stack = [{"label": name, "path": path, "line": line} for path, line, name, _ in frames]
    exceptions = [{"message": message, "type": kind, "stack": stack}]
    paths = sorted({frame[0] for frame in frames})
    return {"working_directory": os.getcwd(), "exceptions": exceptions, "paths": paths}


# The life of the runtime


def load_handler(handler):
    try:
        module_name, name = handler.rsplit(".", 1)
    except ValueError as error:
        raise Fault("Runtime.MalformedHandlerName", "Bad handler '%s': %s" % (handler, error)) from None
    try:
        if module_name.split(".")[0] in sys.builtin_module_names:
            message = "Cannot use built-in module %s as a handler module" % module_name
            raise Fault("Runtime.BuiltInModuleConflict", message)
        module = importlib.import_module(module_name.replace("/", "."))
    except ImportError as error:
        message = "Unable to import module '%s': %s" % (module_name, as_shown(str(error)))
        raise Fault("Runtime.ImportModuleError", message) from None
    except SyntaxError as error:
        trace = ['  File "%s" Line %s\n    %s' % (as_shown(str(error.filename)), error.lineno, error.text)]
        message = "Syntax error in module '%s': %s" % (module_name, error)
        raise Fault("Runtime.UserCodeSyntaxError", message, trace) from None
    if not hasattr(module, name):
        raise Fault("Runtime.HandlerNotFound", "Handler '%s' missing on module '%s'" % (name, module_name))
    return getattr(module, name)


def handle_event_request(request_handler, marshaller, fixed, invocation):
    """One invocation: (None, result, content type), or (error type, error, what X-Ray is told)."""
    request_id, content_type, body = invocation[0], invocation[7], invocation[8]
    try:
        lambda_context = LambdaContext(fixed, invocation)
        event = marshaller.loads(body) if content_type == "application/json" else body
        response = request_handler(event, lambda_context)
        result, content_type = marshaller.result(response)
        return None, result, content_type
    except Fault as fault:
        error = error_of(fault.kind, fault.message, fault.trace, request_id)
        cause = fault_of("LambdaValidationError", fault.message, [])
    except Exception:
        error, cause = raised(request_id)
    log_error(error, marshaller)
    return error["errorType"], marshaller.dumps(error).encode("utf-8"), marshaller.dumps(cause)


def serve(api, handler):
    lines = set_up_logging()
    marshaller = Marshaller(execution_version())
    error = None
    try:
        request_handler = load_handler(handler)
    except Fault as fault:
        error = error_of(fault.kind, fault.message, fault.trace)
    except Exception:
        error = raised()[0]
    if error is not None:
        logging.warning(WARNING)
        log_error(error, marshaller)
        sys.stdout.flush()
        api.fail_init(error["errorType"], marshaller.dumps(error).encode("utf-8"))
        sys.exit(1)
    fixed = of_environment()
    shown_trace = Trace()
    invocation = api.next()
    while True:
        request_id, _, _, trace, _, _, lines.tenant_id, _, _ = invocation
        lines.request_id = request_id
        shown_trace.set(trace)
        kind, result, extra = handle_event_request(request_handler, marshaller, fixed, invocation)
        sys.stdout.flush()
        sys.stderr.flush()
        if kind is None:
            invocation = api.answer(request_id, extra, result)
        else:
            invocation = api.fail(request_id, kind, result, extra)


def execution_version():
    """The version that the function asked for, which decides how results are written."""
    name = os.environ.get("AWS_EXECUTION_ENV", "").rpartition("python")[2]
    major, _, minor = name.partition(".")
    return (int(major), int(minor)) if major.isdigit() and minor.isdigit() else sys.version_info[:2]


def take_over_streams():
    """Standard streams as a fresh interpreter has them, but for the output, which goes line by line."""
    sys.stdin = sys.__stdin__ = open(0, encoding="utf-8", closefd=False)
    sys.stdout = sys.__stdout__ = open(1, "w", encoding="utf-8", buffering=1, closefd=False)
    sys.stderr = sys.__stderr__ = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)


def take_over_path(job):
    """Search paths in Lambda's order: the function, its layers, PYTHONPATH, the interpreter, the SDK."""
    asked = [one for one in job["env"].get("PYTHONPATH", "").split(":") if one]
    theirs = [*job["python"]["path"], *asked]
    sys.path[:0] = theirs
    sys.argv[:] = ["/var/runtime/bootstrap.py"]
    keep_bytecode(job["python"]["path"], job["python"]["bytecode"])
    forget_shadowed(theirs)


def keep_bytecode(path, folder):
    """Compiled modules of the function are kept under `folder`: its own code is never written to."""
    details = [
        (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
        (lambda name, path: BytecodeApart(name, path, folder), importlib.machinery.SOURCE_SUFFIXES),
        (importlib.machinery.SourcelessFileLoader, importlib.machinery.BYTECODE_SUFFIXES),
    ]

    def finder(entry):
        if not any(entry == one or entry.startswith(one + os.sep) for one in path) or not os.path.isdir(entry):
            raise ImportError("not the function's")
        return importlib.machinery.FileFinder(entry, *details)

    sys.path_hooks.insert(0, finder)


class BytecodeApart(importlib.machinery.SourceFileLoader):
    """Loads source files; their compiled form lies under a folder of its own."""

    def __init__(self, name, path, folder):
        super().__init__(name, path)
        self.folder = folder

    def apart(self, path):
        return os.path.join(self.folder, os.path.abspath(path).lstrip(os.sep))

    def get_data(self, path):
        return super().get_data(self.apart(path) if path.endswith(".pyc") else path)

    def _cache_bytecode(self, source_path, bytecode_path, data):
        super()._cache_bytecode(source_path, self.apart(bytecode_path), data)


def forget_shadowed(path):
    """Forget what was imported ahead where the function brings a module of the same name.

    Lambda's runtime has not imported it by then either, and the function's own comes first on the path.
    """
    ahead = {name.partition(".")[0] for name in sys.modules} - BASE
    for folder in path:
        try:
            names = {name.partition(".")[0] for name in os.listdir(folder)}
        except OSError:
            continue
        if names & (ahead | BUNDLED):
            for name in [name for name in sys.modules if name not in BASE]:
                if name not in ("__main__", "bootstrap"):
                    del sys.modules[name]
            return


def become(job):
    """Go on as the runtime of one environment, in a process forked for it."""
    os.environ.clear()
    os.environ.update(job["env"])
    time.tzset()
    take_over_streams()
    os.chdir(job["cwd"])
    take_over_path(job)
    show_as(job["python"].get("shown"))
    debug = job["python"].get("debug")
    if debug:
        wait_for_debugger(debug)
    serve(Api(Connection(functools.partial(os.read, EVENTS), pipe_writer(ANSWERS))), job["python"]["handler"])


def wait_for_debugger(debug):
    sys.path.append(debug["path"])
    os.environ["PYDEVD_DISABLE_FILE_VALIDATION"] = "1"
    import debugpy

    debugpy.listen(("127.0.0.1", debug["port"]))
    debugpy.wait_for_client()


def main():
    """As a program of its own, behind a wrapper or in a fresh interpreter."""
    host, _, port = os.environ["AWS_LAMBDA_RUNTIME_API"].rpartition(":")
    sock = socket.create_connection((host, int(port)))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    take_over_streams()
    sys.path.remove(os.path.dirname(os.path.abspath(__file__)))
    sys.path[:0] = [one for one in os.environ.pop("RUNNER_PYTHON_PATH", "").split(":") if one]
    sys.path.extend(one for one in os.environ.pop("RUNNER_SDK_PATH", "").split(":") if one)
    show_as(json.loads(os.environ.pop("RUNNER_SHOWN", "{}")))
    gc.enable()
    serve(Api(Connection(sock.recv, sock.sendall)), os.environ["_HANDLER"])


if __name__ == "__main__":
    main()
