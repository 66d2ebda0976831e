# ruff: noqa: E501 (tables of sentences)
"""What Python functions come to, each in a real process: payload, error type, log lines. The ids are the sentences."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest

from tests.runtime.functions.conftest import Theatre
from tests.runtime.functions.stage import Lines

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
UUID = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"

# fmt: off
ANSWERS: list[tuple[str, str, bytes, bytes]] = [
    # sentence                                      handler's expression                                  event             answer
    ("a result is dumped with Python's separators", "{'a': [1, 2], 'b': None}",                           b"{}",            b'{"a": [1, 2], "b": null}'),
    ("nothing is null",                             "None",                                               b"{}",            b"null"),
    ("an event may be any JSON",                    "event",                                              b'[1,"a",null]',  b'[1, "a", null]'),
    ("decimals are numbers",                        "{'n': __import__('decimal').Decimal('1.10')}",       b"{}",            b'{"n": 1.10}'),
    ("a decimal that is no number is NaN",          "__import__('decimal').Decimal('nan')",               b"{}",            b"NaN"),
    ("infinity is let through",                     "float('inf')",                                       b"{}",            b"Infinity"),
    ("named tuples are objects",                    "[__import__('collections').namedtuple('P', 'x y')(1, 2)]", b"{}",      b'[{"x": 1, "y": 2}]'),
    ("tuples are arrays",                           "(1, (2,))",                                          b"{}",            b"[1, [2]]"),
    ("bytes within a result are text",              "{'b': b'x'}",                                        b"{}",            b'{"b": "x"}'),
    ("a result of bytes is passed on as it is",     "b'\\x00raw'",                                        b"{}",            b"\x00raw"),
    ("keys that are numbers become text",           "{1: True}",                                          b"{}",            b'{"1": true}'),
]

ERRORS: list[tuple[str, str, str, dict[str, Any]]] = [
    # sentence                              code                                                            handler          error
    ("an exception keeps its frames",       "def handler(e, c):\n    raise Exception('Handler fails')\n",   "app.handler",   {"errorMessage": "Handler fails", "errorType": "Exception", "stackTrace": ["  File \"/var/task/app.py\", line 2, in handler\n    raise Exception('Handler fails')\n"]}),
    ("a class of its own is its type",      "class Odd(Exception): pass\ndef handler(e, c):\n    raise Odd()\n", "app.handler", {"errorMessage": "", "errorType": "Odd", "stackTrace": ["  File \"/var/task/app.py\", line 3, in handler\n    raise Odd()\n"]}),
    ("a result that is no JSON",            "def handler(e, c):\n    return {1, 2}\n",                      "app.handler",   {"errorMessage": "Unable to marshal response: Object of type set is not JSON serializable", "errorType": "Runtime.MarshalError", "stackTrace": []}),
    ("a result that contains itself",       "def handler(e, c):\n    a = []\n    a.append(a)\n    return a\n", "app.handler", {"errorMessage": "Unable to marshal response: Circular reference detected", "errorType": "Runtime.MarshalError", "stackTrace": []}),
    ("a handler with too few arguments",    "def handler(e):\n    return 1\n",                              "app.handler",   {"errorMessage": "handler() takes 1 positional argument but 2 were given", "errorType": "TypeError", "stackTrace": ["  File \"/var/runtime/bootstrap.py\", line {n}, in handle_event_request\n    response = request_handler(event, lambda_context)\n"]}),
]

INIT_ERRORS: list[tuple[str, str, str, dict[str, Any]]] = [
    ("a module that is missing",            "import nope\n",                                                "app.handler",   {"errorMessage": "Unable to import module 'app': No module named 'nope'", "errorType": "Runtime.ImportModuleError", "stackTrace": []}),
    ("the handler's module is missing",     "",                                                             "other.handler", {"errorMessage": "Unable to import module 'other': No module named 'other'", "errorType": "Runtime.ImportModuleError", "stackTrace": []}),
    ("a syntax error shows its line",       "def handler(e, c):\n    return (\n",                           "app.handler",   {"errorMessage": "Syntax error in module 'app': '(' was never closed (app.py, line 2)", "errorType": "Runtime.UserCodeSyntaxError", "stackTrace": ["  File \"/var/task/app.py\" Line 2\n        return (\n"]}),
    ("a handler that is not there",         "def other(e, c): pass\n",                                      "app.handler",   {"errorMessage": "Handler 'handler' missing on module 'app'", "errorType": "Runtime.HandlerNotFound", "stackTrace": []}),
    ("a handler name without a dot",        "def handler(e, c): pass\n",                                    "handler",       {"errorMessage": "Bad handler 'handler': not enough values to unpack (expected 2, got 1)", "errorType": "Runtime.MalformedHandlerName", "stackTrace": []}),
    ("a module of Python's own",            "",                                                             "sys.exit",      {"errorMessage": "Cannot use built-in module sys as a handler module", "errorType": "Runtime.BuiltInModuleConflict", "stackTrace": []}),
]

CRASHES = [
    # sentence                        handler's statements                                     message
    ("exit 0 gives no reason",        "__import__('sys').exit(0)",                             "Runtime exited without providing a reason"),
    ("exit 3 is a status",            "__import__('sys').exit(3)",                             "Runtime exited with error: exit status 3"),
    ("a hard exit too",               "__import__('os')._exit(7)",                             "Runtime exited with error: exit status 7"),
    ("a crash is a signal",           "__import__('os').kill(__import__('os').getpid(), 11)",  "Runtime exited with error: signal: segmentation fault"),
    ("so is an abort",                "__import__('os').abort()",                              "Runtime exited with error: signal: aborted"),
    ("and a kill",                    "__import__('os').kill(__import__('os').getpid(), 9)",   "Runtime exited with error: signal: killed"),
]
# fmt: on


def ids(rows: list[Any]) -> list[str]:
    return [row[0] for row in rows]


@pytest.fixture(scope="module")
def echo(theatre: Theatre) -> str:
    code = "def handler(event, context):\n    return eval(event['code'], {'event': event.get('event'), 'context': context})\n"
    theatre.run(theatre.stage.deploy("echo", code, Runtime=RUNTIME))
    return "echo"


@pytest.mark.parametrize(("code", "event", "answer"), [row[1:] for row in ANSWERS], ids=ids(ANSWERS))
def test_results(theatre: Theatre, echo: str, code: str, event: bytes, answer: bytes) -> None:
    request = json.dumps({"code": code, "event": json.loads(event)}).encode()
    assert theatre.run(theatre.stage.invoke(echo, request)).payload == answer


@pytest.mark.parametrize(("runtime", "answer"), [("python3.11", b'"\\u00e9"'), ("python3.12", '"é"'.encode())])
def test_text_outside_ascii_is_escaped_before_python_3_12_only(theatre: Theatre, runtime: str, answer: bytes) -> None:
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, "def handler(e, c): return 'é'\n", Runtime=runtime))
    assert theatre.run(theatre.stage.invoke(name)).payload == answer


@pytest.mark.parametrize(("code", "handler", "error"), [row[1:] for row in ERRORS], ids=ids(ERRORS))
def test_errors(theatre: Theatre, code: str, handler: str, error: dict[str, Any]) -> None:
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME, Handler=handler))
    answer = theatre.run(theatre.stage.invoke(name, tail=True))
    found = json.loads(answer.payload)
    assert list(found) == ["errorMessage", "errorType", "requestId", "stackTrace"]
    assert re.fullmatch(UUID, found.pop("requestId"))
    assert without_numbers(found) == error
    assert answer.function_error == "Unhandled"
    assert answer.error_type == error["errorType"]
    lines = answer.log_tail.decode().split("\n")
    block = next(line for line in lines if line.startswith("[ERROR]"))
    shown = f"[ERROR] {error['errorType']}" + (f": {error['errorMessage']}" if error["errorMessage"] else "")
    assert block.split("\r")[:2] == [shown, "Traceback (most recent call last):"]
    for line in block.split("\r")[2:]:
        assert line.startswith("\u00a0\u00a0")


@pytest.mark.parametrize(("code", "handler", "error"), [row[1:] for row in INIT_ERRORS], ids=ids(INIT_ERRORS))
def test_init_errors_are_tried_again_inside_the_invocation(
    theatre: Theatre, code: str, handler: str, error: dict[str, Any]
) -> None:
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME, Handler=handler))
    answer = theatre.run(theatre.stage.invoke(name))
    found = json.loads(answer.payload)
    assert found.pop("requestId") == ""
    assert without_numbers(found) == error
    assert (answer.function_error, answer.error_type) == ("Unhandled", error["errorType"])
    theatre.run(theatre.stage.lines.until(name, "^REPORT"))
    assert kinds(theatre.stage.lines, name) == [
        "INIT_START", "[WARNING]", "[ERROR]", "INIT_REPORT", "START", "[WARNING]", "[ERROR]", "INIT_REPORT", "END", "REPORT",
    ]  # fmt: skip
    again = theatre.run(theatre.stage.invoke(name))
    assert json.loads(again.payload)["errorType"] == error["errorType"]


def test_an_exception_at_import_shows_the_way_to_it(theatre: Theatre) -> None:
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, "raise ValueError('at import')\n", Runtime=RUNTIME))
    found = json.loads(theatre.run(theatre.stage.invoke(name)).payload)
    assert (found["errorType"], found["errorMessage"], found["requestId"]) == ("ValueError", "at import", "")
    assert found["stackTrace"][0].rstrip().endswith("return _bootstrap._gcd_import(name[level:], package, level)")
    assert "in import_module" in found["stackTrace"][0]
    assert found["stackTrace"][-1].endswith("in <module>\n    raise ValueError('at import')\n")


@pytest.mark.parametrize(("code", "message"), [row[1:] for row in CRASHES], ids=ids(CRASHES))
def test_crashes(theatre: Theatre, code: str, message: str) -> None:
    name = theatre.name()
    theatre.run(
        theatre.stage.deploy(name, f"import os\ndef handler(e, c):\n    print('before')\n    {code}\n", Runtime=RUNTIME)
    )
    for _ in range(2):
        answer = theatre.run(theatre.stage.invoke(name, request_id="the-id", tail=True))
        assert answer.payload == (
            b'{"errorType":"Runtime.ExitError","errorMessage":"RequestId: the-id Error: ' + message.encode() + b'"}'
        )
        assert (answer.function_error, answer.error_type) == ("Unhandled", "Runtime.ExitError")
        report = answer.log_tail.decode().rstrip("\n").split("\n")[-1]
        assert report.endswith("\tStatus: error\tError Type: Runtime.ExitError\t")


def test_an_exit_at_import(theatre: Theatre) -> None:
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, "import sys\nsys.exit(0)\n", Runtime=RUNTIME))
    answer = theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    assert answer.payload == (
        b'{"errorType":"Runtime.ExitError","errorMessage":'
        b'"RequestId: the-id Error: Runtime exited without providing a reason"}'
    )


def test_the_context_is_complete(theatre: Theatre) -> None:
    name = theatre.name()
    code = """
        def handler(event, context):
            before = context.get_remaining_time_in_millis()
            client = context.client_context
            return {
                "names": [context.function_name, context.function_version, context.memory_limit_in_mb],
                "id": context.aws_request_id, "arn": context.invoked_function_arn,
                "log": [context.log_group_name, context.log_stream_name],
                "client": [client.custom, client.env, client.client.app_title],
                "identity": [context.identity.cognito_identity_id, context.identity.cognito_identity_pool_id],
                "left": before, "tenant": context.tenant_id,
            }
        """
    theatre.run(theatre.stage.deploy(name, {"app.py": code}, Runtime=RUNTIME, Timeout=30, MemorySize=192))
    client = json.dumps({"custom": {"k": "ä"}, "env": {"e": 1}, "client": {"app_title": "t"}}, ensure_ascii=False)
    found = theatre.run(theatre.stage.result(name, request_id="the-id", client_context=client))
    assert found["names"] == [name, "$LATEST", "192"]
    assert found["id"] == "the-id"
    assert found["arn"] == f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
    assert found["log"][0] == f"/aws/lambda/{name}"
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", found["log"][1])
    assert found["client"] == [{"k": "ä"}, {"e": 1}, "t"]
    assert found["identity"] == [None, None]
    assert 0 < found["left"] <= 30_000
    assert found["tenant"] is None


def test_a_bad_client_context(theatre: Theatre, echo: str) -> None:
    answer = theatre.run(theatre.stage.invoke(echo, client_context="{bad"))
    found = json.loads(answer.payload)
    assert found["errorType"] == "Runtime.LambdaContextUnmarshalError"
    assert found["errorMessage"].startswith("Unable to parse Client Context JSON: ")


def test_the_trace_is_set_for_each_invocation(theatre: Theatre, echo: str) -> None:
    code = {"code": "__import__('os').environ.get('_X_AMZN_TRACE_ID')"}
    assert theatre.run(theatre.stage.result(echo, code, trace="Root=1-2-3;Sampled=1")) == "Root=1-2-3;Sampled=1"
    assert theatre.run(theatre.stage.result(echo, code, trace="Root=1-5-6")) == "Root=1-5-6"


def test_logging_in_text(theatre: Theatre) -> None:
    name = theatre.name()
    code = """
        import logging, sys
        print("at import")
        def handler(event, context):
            print("printed")
            print("to stderr", file=sys.stderr)
            logging.getLogger("x").warning("warned %s", 1)
            logging.getLogger().info("not shown")
            sys.stdout.write("no line end")
        """
    theatre.run(theatre.stage.deploy(name, {"app.py": code}, Runtime=RUNTIME))
    theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    theatre.run(theatre.stage.lines.until(name, "^REPORT"))
    lines = theatre.stage.lines.of(name)
    assert lines[0].startswith("INIT_START Runtime Version: python:")
    assert lines[1] == "at import"
    assert lines[2] == "START RequestId: the-id Version: $LATEST"
    assert lines[3:5] == ["printed", "to stderr"]
    assert re.fullmatch(r"\[WARNING\]\t\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z\tthe-id\twarned 1", lines[5])
    theatre.run(theatre.stage.invoke(name, request_id="the-id-2"))
    theatre.run(theatre.stage.lines.until(name, "END RequestId: the-id-2"))
    assert "no line endprinted" in theatre.stage.lines.of(name)


def test_logging_in_json(theatre: Theatre) -> None:
    name = theatre.name()
    code = """
        import logging
        def handler(event, context):
            log = logging.getLogger("shop")
            log.debug("dropped")
            log.info("kept %d", 1, extra={"order": 7})
            try:
                1 / 0
            except ZeroDivisionError:
                log.exception("failed")
            raise KeyError("gone")
        """
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "DEBUG"}
    theatre.run(theatre.stage.deploy(name, {"app.py": code}, Runtime=RUNTIME, LoggingConfig=config))
    theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    theatre.run(theatre.stage.lines.until(name, "platform.report"))
    lines = [json.loads(line) for line in theatre.stage.lines.of(name)]
    assert [line.get("type") or line["level"] for line in lines] == [
        "platform.initStart", "platform.start", "INFO", "ERROR", "ERROR", "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    info, caught, raised = lines[2:5]
    assert (info["message"], info["logger"], info["requestId"], info["order"]) == ("kept 1", "shop", "the-id", 7)
    assert (caught["errorType"], caught["errorMessage"]) == ("ZeroDivisionError", "division by zero")
    assert caught["location"].endswith(":handler:9")
    assert (raised["errorType"], raised["requestId"]) == ("KeyError", "the-id")
    assert lines[6]["record"]["metrics"]["memorySizeMB"] == 128


def test_handlers_in_packages_and_paths(theatre: Theatre) -> None:
    files = {
        "pkg/__init__.py": "",
        "pkg/sub/__init__.py": "",
        "pkg/sub/mod.py": "from pkg import sub\ndef run(e, c): return 1\n",
    }
    for handler in ("pkg/sub/mod.run", "pkg.sub.mod.run"):
        name = theatre.name()
        theatre.run(theatre.stage.deploy(name, files, Runtime=RUNTIME, Handler=handler))
        assert theatre.run(theatre.stage.result(name)) == 1


def test_module_state_lives_as_long_as_the_environment(theatre: Theatre) -> None:
    name = theatre.name()
    code = (
        "import os\ncount = 0\ndef handler(e, c):\n    global count\n    count += 1\n    return [count, os.getpid()]\n"
    )
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME))
    found = [theatre.run(theatre.stage.result(name)) for _ in range(3)]
    assert [count for count, _ in found] == [1, 2, 3]
    assert len({pid for _, pid in found}) == 1


def test_the_sdk_is_there_and_the_functions_own_comes_first(theatre: Theatre) -> None:
    name = theatre.name()
    code = "import boto3, urllib3\ndef handler(e, c): return [boto3.client('sqs').meta.region_name, getattr(urllib3, 'OURS', None)]\n"
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME, Timeout=60))
    assert theatre.run(theatre.stage.result(name)) == ["us-east-1", None]
    name = theatre.name()
    code = "import six\ndef handler(e, c): return six.OURS\n"
    theatre.run(theatre.stage.deploy(name, {"app.py": code, "six.py": "OURS = 1\n"}, Runtime=RUNTIME))
    assert theatre.run(theatre.stage.result(name)) == 1


@pytest.mark.parametrize("module", ["queue", "calendar", "select", "resource", "email", "http"])
def test_a_module_may_be_named_like_one_of_pythons(theatre: Theatre, module: str) -> None:
    name = theatre.name()
    files = {f"{module}.py": "def handler(e, c): return 'mine'\n"}
    theatre.run(theatre.stage.deploy(name, files, Runtime=RUNTIME, Handler=f"{module}.handler"))
    assert theatre.run(theatre.stage.result(name)) == "mine"


def test_large_payloads_pass_both_ways(theatre: Theatre, echo: str) -> None:
    text = "x" * 5_000_000
    assert theatre.run(theatre.stage.result(echo, {"code": "event", "event": text})) == text


def test_an_answer_that_is_too_large(theatre: Theatre, echo: str) -> None:
    answer = theatre.run(theatre.stage.invoke(echo, {"code": "'x' * (6 * 1024 * 1024 + 100)"}, tail=True))
    assert answer.payload == (
        b'{"errorMessage":"Response payload size exceeded maximum allowed payload size (6291556 bytes).",'
        b'"errorType":"Function.ResponseSizeTooLarge"}'
    )
    assert answer.error_type == "Function.ResponseSizeTooLarge"
    assert len(theatre.run(theatre.stage.result(echo, {"code": "'x' * (6 * 1024 * 1024 + 98)"}))) == 6291554


def without_numbers(error: dict[str, Any]) -> dict[str, Any]:
    trace = [re.sub(r'bootstrap.py", line \d+', 'bootstrap.py", line {n}', line) for line in error["stackTrace"]]
    # Newer versions of Python underline what went wrong.
    trace = [re.sub(r"\n +[\^~]+\n$", "\n", line) for line in trace]
    return {**error, "stackTrace": trace}


def kinds(lines: Lines, name: str) -> list[str]:
    return [line.split(" ")[0].split("\t")[0] for line in lines.of(name)]
