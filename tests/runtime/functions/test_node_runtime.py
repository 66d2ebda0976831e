# ruff: noqa: E501 (tables of sentences)
"""What Node functions come to, each in a real process: payload, error type, log lines. The ids are the sentences."""

from __future__ import annotations

import json
import re
import shutil
from typing import Any

import pytest

from tests.runtime.functions.conftest import Theatre

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")

NEVER_SETTLED = (
    "The Lambda runtime client detected an unexpected Node.js exit code. This is most commonly caused by a Promise that "
    "was never settled. For more information, see https://nodejs.org/docs/latest/api/process.html#exit-codes"
)

# fmt: off
ANSWERS: list[tuple[str, dict[str, str], str, Any, bytes]] = [
    # sentence                                        files                                                                             handler            event        answer
    ("an async handler's result is compact",          {"index.js": "exports.handler = async (e) => ({ a: [1, 2], e })"},                "index.handler",   {"x": 1},    b'{"a":[1,2],"e":{"x":1}}'),
    ("nothing is null",                               {"index.js": "exports.handler = async () => {}"},                                 "index.handler",   {},          b"null"),
    ("a callback's result",                           {"index.js": "exports.handler = (e, c, cb) => { setTimeout(() => cb(null, 7), 5) }"}, "index.handler", {},        b"7"),
    ("an empty event loop is waited for",             {"index.js": "let n = 0; exports.handler = (e, c, cb) => { setTimeout(() => { n++ }, 20); cb(null, 'x') }; exports.count = async () => n"}, "index.handler", {}, b'"x"'),
    ("unless the handler does not want to",           {"index.js": "exports.handler = (e, c, cb) => { c.callbackWaitsForEmptyEventLoop = false; setTimeout(() => {}, 60000); cb(null, 1) }"}, "index.handler", {}, b"1"),
    ("a callback that is never called is null",       {"index.js": "exports.handler = (e, c, cb) => {}"},                               "index.handler",   {},          b"null"),
    ("what a plain function returns is not a result", {"index.js": "exports.handler = () => 5"},                                        "index.handler",   {},          b"null"),
    ("a promise of a plain function is",              {"index.js": "exports.handler = () => Promise.resolve(5)"},                       "index.handler",   {},          b"5"),
    ("context.succeed",                               {"index.js": "exports.handler = (e, c) => c.succeed({ ok: true })"},              "index.handler",   {},          b'{"ok":true}'),
    ("context.done",                                  {"index.js": "exports.handler = (e, c) => c.done(null, 3)"},                      "index.handler",   {},          b"3"),
    ("an ES module by its name",                      {"index.mjs": "export const handler = async () => import.meta.url.startsWith('file:')"}, "index.handler", {},       b"true"),
    ("an ES module by its package",                   {"index.js": "export const handler = async () => 'esm'", "package.json": '{"type": "module"}'}, "index.handler", {}, b'"esm"'),
    ("top-level await is part of init",               {"index.mjs": "const v = await Promise.resolve(8); export const handler = async () => v"}, "index.handler", {},     b"8"),
    ("a CommonJS module by its name",                 {"index.cjs": "exports.handler = async () => 'cjs'"},                             "index.handler",   {},          b'"cjs"'),
    ("a file without an extension",                   {"index": "exports.handler = async () => 'bare'"},                                "index.handler",   {},          b'"bare"'),
    ("a handler in a folder, nested in an export",    {"src/app.js": "exports.a = { b: { run: async () => 'deep' } }"},                 "src/app.a.b.run", {},          b'"deep"'),
    ("a module of node_modules",                      {"index.js": "exports.handler = async () => require('dep').v", "node_modules/dep/index.js": "exports.v = 'dep'"}, "index.handler", {}, b'"dep"'),
    ("an event may be any JSON",                      {"index.js": "exports.handler = async (e) => e"},                                 "index.handler",   [1, None],   b"[1,null]"),
]

ERRORS: list[tuple[str, str, str, str]] = [
    # sentence                                   handler's file                                                                  error type    message
    ("an error that is thrown",                  "exports.handler = async () => { throw new TypeError('boom') }",                "TypeError",  "boom"),
    ("a rejection",                              "exports.handler = () => Promise.reject(new Error('no'))",                      "Error",      "no"),
    ("an error given to the callback",           "exports.handler = (e, c, cb) => cb(new RangeError('far'))",                    "RangeError", "far"),
    ("an error thrown by a plain function",      "exports.handler = () => { throw new Error('sync') }",                          "Error",      "sync"),
    ("a string that is thrown",                  "exports.handler = async () => { throw 'text' }",                               "string",     "text"),
    ("context.fail without an error",            "exports.handler = (e, c) => c.fail()",                                         "string",     "handled"),
    ("an error of a class of its own",           "class Odd extends Error { constructor() { super('o'); this.name = 'Odd' } }\nexports.handler = async () => { throw new Odd() }", "Odd", "o"),
]

FATAL: list[tuple[str, str, str, str]] = [
    ("a promise that nobody waits for",          "exports.handler = async () => { Promise.reject(new Error('lost')); await new Promise((r) => setTimeout(r, 1000)) }", "Runtime.UnhandledPromiseRejection", "Error: lost"),
    ("an error outside the handler",             "exports.handler = async () => { setTimeout(() => { throw new Error('late') }, 1); await new Promise((r) => setTimeout(r, 1000)) }", "Error", "late"),
    ("a promise that never settles",             "exports.handler = async () => new Promise(() => {})",                          "Runtime.NodeJsExit", NEVER_SETTLED),
    ("a result with a cycle",                    "exports.handler = async () => { const a = {}; a.a = a; return a }",            "Error",      "Unable to stringify response body"),
    ("a result with a big integer",              "exports.handler = async () => 5n",                                             "Error",      "Unable to stringify response body"),
]

INIT_ERRORS: list[tuple[str, dict[str, str], str, str, str]] = [
    ("the handler's module is missing",          {"other.js": ""},                            "index.handler",     "Runtime.ImportModuleError",   "Error: Cannot find module 'index'\nRequire stack:\n- /var/runtime/index.mjs"),
    ("a module is missing",                      {"index.js": "require('nope')"},             "index.handler",     "Runtime.ImportModuleError",   "Error: Cannot find module 'nope'"),
    ("an ES module is missing",                  {"index.mjs": "import 'nope'"},              "index.handler",     "Runtime.ImportModuleError",   "Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'nope'"),
    ("a syntax error",                           {"index.js": "const x = ;"},                 "index.handler",     "Runtime.UserCodeSyntaxError", "SyntaxError: Unexpected token ';'"),
    ("an export that is not there",              {"index.js": "exports.other = 1"},           "index.handler",     "Runtime.HandlerNotFound",     "index.handler is undefined or not exported"),
    ("an export that is no function",            {"index.js": "exports.handler = 1"},         "index.handler",     "Runtime.HandlerNotFound",     "index.handler is not a function"),
    ("a handler name without a dot",             {"index.js": ""},                            "handler",           "Runtime.MalformedHandlerName", "Bad handler"),
    ("a handler name that goes up",              {"index.js": ""},                            "../index.handler",  "Runtime.MalformedHandlerName", "'../index.handler' is not a valid handler name. Use absolute paths when specifying root directories in handler names."),
    ("an error at load",                         {"index.js": "throw new RangeError('at load')"}, "index.handler", "RangeError",                  "at load"),
]
# fmt: on


def ids(rows: list[Any]) -> list[str]:
    return [row[0] for row in rows]


async def deploy(theatre: Theatre, files: dict[str, str] | str, **config: Any) -> str:
    name = theatre.name()
    if isinstance(files, str):
        files = {"index.js": files}
    options = {"Runtime": "nodejs20.x", "Handler": "index.handler", "MemorySize": 512, "Timeout": 10, **config}
    await theatre.stage.deploy(name, files, **options)
    return name


@pytest.mark.parametrize(("files", "handler", "event", "answer"), [row[1:] for row in ANSWERS], ids=ids(ANSWERS))
def test_results(theatre: Theatre, files: dict[str, str], handler: str, event: Any, answer: bytes) -> None:
    name = theatre.run(deploy(theatre, files, Handler=handler))
    for _ in range(2):
        got = theatre.run(theatre.stage.invoke(name, event))
        assert (got.payload, got.function_error) == (answer, None)


@pytest.mark.parametrize(("code", "kind", "message"), [row[1:] for row in ERRORS], ids=ids(ERRORS))
def test_errors(theatre: Theatre, code: str, kind: str, message: str) -> None:
    name = theatre.run(deploy(theatre, code))
    answer = theatre.run(theatre.stage.invoke(name, request_id="the-id", tail=True))
    found = json.loads(answer.payload)
    assert list(found) == ["errorType", "errorMessage", "trace"]
    assert (found["errorType"], found["errorMessage"]) == (kind, message)
    assert (answer.function_error, answer.error_type) == ("Unhandled", kind)
    if kind != "string":
        assert found["trace"][0] == f"{kind}: {message}"
    else:
        assert found["trace"] == []
    line = next(line for line in answer.log_tail.decode().split("\n") if "\tERROR\t" in line)
    stamp, request_id, level, text = line.split("\t", 3)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", stamp)
    assert (request_id, level) == ("the-id", "ERROR")
    assert text.startswith("Invoke Error \t{")
    assert json.loads(text.split("\t", 1)[1])["errorMessage"] == message
    pid = theatre.run(theatre.stage.invoke(name)).function_error  # the environment lives on
    assert pid == "Unhandled"


@pytest.mark.parametrize(("code", "kind", "message"), [row[1:] for row in FATAL], ids=ids(FATAL))
def test_errors_that_end_the_process(theatre: Theatre, code: str, kind: str, message: str) -> None:
    name = theatre.run(deploy(theatre, f"console.log(`pid ${{process.pid}}`)\n{code}"))
    for _ in range(2):
        answer = theatre.run(theatre.stage.invoke(name))
        found = json.loads(answer.payload)
        assert (found["errorType"], found["errorMessage"]) == (kind, message)
        assert answer.function_error == "Unhandled"
    starts = {line for line in theatre.stage.lines.of(name) if "pid " in line}
    assert len(starts) >= 1


@pytest.mark.parametrize(
    ("files", "handler", "kind", "message"), [row[1:] for row in INIT_ERRORS], ids=ids(INIT_ERRORS)
)
def test_init_errors(theatre: Theatre, files: dict[str, str], handler: str, kind: str, message: str) -> None:
    name = theatre.run(deploy(theatre, files, Handler=handler))
    answer = theatre.run(theatre.stage.invoke(name))
    found = json.loads(answer.payload)
    assert found["errorType"] == kind
    assert found["errorMessage"].startswith(message)
    assert "\n".join(found["trace"]).startswith(f"{kind}: {message}")
    assert (answer.function_error, answer.error_type) == ("Unhandled", kind)
    theatre.run(theatre.stage.lines.until(name, "^REPORT"))
    lines = theatre.stage.lines.of(name)
    assert sum("\tundefined\tERROR\tUncaught Exception \t{" in line for line in lines) == 2
    assert [line.split(" ")[0] for line in lines if "\t" not in line or line.startswith(("INIT", "REPORT"))] == [
        "INIT_START", "INIT_REPORT", "START", "INIT_REPORT", "END", "REPORT",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "message"),
    [("process.exit(0)", "Runtime exited without providing a reason"), ("process.exit(4)", "Runtime exited with error: exit status 4"), ("process.abort()", "Runtime exited with error: signal: aborted")],
)  # fmt: skip
def test_exits(theatre: Theatre, code: str, message: str) -> None:
    name = theatre.run(deploy(theatre, f"exports.handler = async () => {{ {code} }}"))
    answer = theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    assert json.loads(answer.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": f"RequestId: the-id Error: {message}",
    }


def test_the_context_is_complete(theatre: Theatre) -> None:
    name = theatre.run(deploy(theatre, "exports.handler = async (e, c) => [c, c.getRemainingTimeInMillis(), process.env._X_AMZN_TRACE_ID, process.cwd() === process.env.LAMBDA_TASK_ROOT]"))  # fmt: skip
    client = json.dumps({"custom": {"k": "ä"}}, ensure_ascii=False)
    context, left, trace, home = theatre.run(
        theatre.stage.result(name, request_id="the-id", client_context=client, trace="Root=1-2-3")
    )
    stream = context.pop("logStreamName")
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", stream)
    assert context == {
        "callbackWaitsForEmptyEventLoop": True,
        "functionVersion": "$LATEST",
        "functionName": name,
        "memoryLimitInMB": "512",
        "logGroupName": f"/aws/lambda/{name}",
        "clientContext": {"custom": {"k": "ä"}},
        "invokedFunctionArn": f"arn:aws:lambda:us-east-1:000000000000:function:{name}",
        "awsRequestId": "the-id",
    }
    assert 0 < left <= 10_000
    assert (trace, home) == ("Root=1-2-3", True)


STANDS_FOR_IT = """
    exports.handler = (e, c, cb) => {
      const keys = Reflect.ownKeys(c)
      const { proto, proxy } = { proto: Object.create(c), proxy: new Proxy(c, {}) }
      const seen = [c, proto, proxy].map((it) => it.callbackWaitsForEmptyEventLoop)
      const one = e.by === 'heir' ? proto : e.by === 'proxy' ? proxy : c
      one.callbackWaitsForEmptyEventLoop = false
      seen.push(c.callbackWaitsForEmptyEventLoop, c.constructor === Object)
      setTimeout(() => {}, 60000)
      cb(null, [keys, seen])
    }
    """


@pytest.mark.parametrize("by", ["itself", "heir", "proxy"])
def test_a_context_may_be_wrapped(theatre: Theatre, by: str) -> None:
    name = theatre.run(deploy(theatre, {"index.js": STANDS_FOR_IT}))
    for _ in range(2):
        keys, seen = theatre.run(theatre.stage.result(name, {"by": by}))
        assert " ".join(keys) == (
            "callbackWaitsForEmptyEventLoop succeed fail done functionVersion functionName memoryLimitInMB logGroupName "
            "logStreamName clientContext identity invokedFunctionArn awsRequestId tenantId getRemainingTimeInMillis"
        )
        assert seen == [True, True, True, False, True]


def test_a_context_is_that_of_its_invocation(theatre: Theatre) -> None:
    code = """
        let first
        exports.handler = async (e, c) => {
          first ??= c
          first.callbackWaitsForEmptyEventLoop = false
          return [first.callbackWaitsForEmptyEventLoop, c.callbackWaitsForEmptyEventLoop]
        }
        """
    name = theatre.run(deploy(theatre, {"index.js": code}))
    assert theatre.run(theatre.stage.result(name)) == [False, False]
    assert theatre.run(theatre.stage.result(name)) == [False, True]


def test_every_event_brings_all_that_it_has(theatre: Theatre) -> None:
    name = theatre.run(
        deploy(theatre, "exports.handler = async (e, c) => [e, c.clientContext, process.env._X_AMZN_TRACE_ID]")
    )
    clients: list[Any] = [None, {"custom": {"k": "ä"}}, {"custom": {"k": "x" * 3000}}]
    traces = ["Root=1-2-3", "Root=1-2-3;Parent=4;Sampled=1"]
    for text in ("", "ä€😀", "x" * 70_000, "€" * 30_000, "ä" * 65_534):
        event = json.dumps(text, ensure_ascii=False).encode()
        for client in clients:
            given = None if client is None else json.dumps(client, ensure_ascii=False)
            for trace in traces:
                got = theatre.run(theatre.stage.result(name, event, client_context=given, trace=trace))
                assert got == [text, client, trace]


def test_callbacks_are_gone_in_node_24(theatre: Theatre) -> None:
    name = theatre.run(
        deploy(theatre, "exports.handler = async (e, c, cb) => [typeof cb, 'done' in c]", Runtime="nodejs24.x")
    )
    assert theatre.run(theatre.stage.result(name)) == ["undefined", False]


def test_logging_in_text(theatre: Theatre) -> None:
    code = """
        console.log('at load')
        exports.handler = async () => {
          console.info('a\\nb %s', 1, { o: { p: [1] } })
          console.debug('d'); console.warn('w'); console.error('e'); console.trace('t')
          process.stdout.write('raw\\n')
        }
        """
    name = theatre.run(deploy(theatre, {"index.js": code}))
    theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    theatre.run(theatre.stage.lines.until(name, "^REPORT"))
    lines = [
        re.sub(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", "<time>", line) for line in theatre.stage.lines.of(name)
    ]
    assert lines[0].startswith("INIT_START Runtime Version: nodejs:20.v1")
    assert lines[1:9] == [
        "<time>\tundefined\tINFO\tat load",
        "START RequestId: the-id Version: $LATEST",
        "<time>\tthe-id\tINFO\ta\rb 1 { o: { p: [ 1 ] } }",
        "<time>\tthe-id\tDEBUG\td",
        "<time>\tthe-id\tWARN\tw",
        "<time>\tthe-id\tERROR\te",
        "<time>\tthe-id\tTRACE\tt",
        "raw",
    ]


def test_logging_in_json(theatre: Theatre) -> None:
    code = """
        exports.handler = async () => {
          console.debug('dropped'); console.log({ order: 7 }); console.warn('two', 'words'); console.error('bad', new Error('x'))
        }
        """
    config = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO"}
    name = theatre.run(deploy(theatre, {"index.js": code}, LoggingConfig=config))
    theatre.run(theatre.stage.invoke(name, request_id="the-id"))
    theatre.run(theatre.stage.lines.until(name, "platform.report"))
    lines = [json.loads(line) for line in theatre.stage.lines.of(name)]
    own = [line for line in lines if "level" in line]
    assert [(line["level"], line["message"], line["requestId"]) for line in own[:2]] == [
        ("INFO", {"order": 7}, "the-id"),
        ("WARN", "two words", "the-id"),
    ]
    assert (own[2]["errorType"], own[2]["errorMessage"]) == ("Error", "x")
    assert [line["type"] for line in lines if "type" in line] == [
        "platform.initStart",
        "platform.start",
        "platform.report",
    ]


def test_a_streamed_answer_comes_in_pieces(theatre: Theatre) -> None:
    code = """
        exports.handler = awslambda.streamifyResponse(async (event, out, context) => {
          out.setContentType('text/plain')
          for (const part of event.parts) { out.write(part); await new Promise((r) => setTimeout(r, 5)) }
          if (event.fail) throw new TypeError('mid')
          out.end()
        })
        """
    name = theatre.run(deploy(theatre, {"index.js": code}))
    for event, error in (({"parts": ["a", "bc"]}, None), ({"parts": ["a"], "fail": True}, "TypeError"), ({"parts": [], "fail": True}, "TypeError"), ({"parts": ["z"]}, None)):  # fmt: skip
        pieces: list[bytes] = []
        answer = theatre.run(theatre.stage.invoke(name, event, stream=pieces.append))
        assert [piece for piece in pieces if piece] == [part.encode() for part in event["parts"]]
        assert answer.error_type == (error or "")
        if error is not None:
            assert json.loads(answer.payload)["errorMessage"] == "mid"
    whole = theatre.run(theatre.stage.invoke(name, {"parts": ["a", "b"]}))
    assert whole.payload == b"ab"


def test_a_streamed_http_answer_begins_with_its_prelude(theatre: Theatre) -> None:
    code = """
        exports.handler = awslambda.streamifyResponse(async (event, out) => {
          out = awslambda.HttpResponseStream.from(out, { statusCode: 201, headers: { a: 'b' } })
          out.write('body'); out.end(); await new Promise((r) => out.on('finish', r))
        })
        """
    name = theatre.run(deploy(theatre, {"index.js": code}))
    pieces: list[bytes] = []
    theatre.run(theatre.stage.invoke(name, stream=pieces.append))
    assert b"".join(pieces) == b'{"statusCode":201,"headers":{"a":"b"}}' + bytes(8) + b"body"


def test_large_payloads_pass_both_ways(theatre: Theatre) -> None:
    name = theatre.run(deploy(theatre, "exports.handler = async (e) => e"))
    text = "x" * 5_000_000
    assert theatre.run(theatre.stage.result(name, text)) == text


def test_nothing_runs_between_invocations(theatre: Theatre) -> None:
    code = "let n = 0\nsetInterval(() => { n++ }, 1).unref()\nexports.handler = async () => n"
    name = theatre.run(deploy(theatre, code))
    first = theatre.run(theatre.stage.result(name))
    again = theatre.run(theatre.stage.result(name))
    assert again - first <= 3
