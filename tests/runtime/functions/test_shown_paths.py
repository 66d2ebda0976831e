"""Errors name the folders that Lambda has, in payloads and in the log, whatever they are called on this machine."""

from __future__ import annotations

import json
import re
import shutil
import sys
from typing import Any

import pytest

from tests.runtime.functions.conftest import Theatre

VERSION = f"{sys.version_info[0]}.{sys.version_info[1]}"
PYTHON = f"python{VERSION}"
needs_node = pytest.mark.skipif(shutil.which("node") is None, reason="needs Node")


async def put(theatre: Theatre, files: dict[str, str], layer: dict[str, str] | None = None, **config: Any) -> str:
    name = theatre.name()
    layers = (theatre.stage.write(layer),) if layer else ()
    await theatre.stage.deploy(name, files, layers=layers, **config)
    return name


def failed(theatre: Theatre, name: str) -> tuple[dict[str, Any], str]:
    """The payload of an invocation that fails, and what it left in the log."""
    payload = json.loads(theatre.run(theatre.stage.invoke(name, request_id="the-id")).payload)
    theatre.run(theatre.stage.lines.until(name, "^REPORT|platform.report"))
    return payload, "\n".join(theatre.stage.lines.of(name))


def test_python_frames_in_the_function_its_layer_and_the_library(theatre: Theatre) -> None:
    code = "import json, shared\ndef handler(e, c):\n    shared.call(json.loads)\n"
    layer = {"python/shared.py": "def call(f):\n    f('no')\n"}
    name = theatre.run(put(theatre, {"app.py": code}, layer, Runtime=PYTHON))
    payload, lines = failed(theatre, name)
    frames = payload.pop("stackTrace")
    assert payload == {
        "errorMessage": "Expecting value: line 1 column 1 (char 0)",
        "errorType": "JSONDecodeError",
        "requestId": "the-id",
    }
    assert frames[:2] == [
        '  File "/var/task/app.py", line 3, in handler\n    shared.call(json.loads)\n',
        "  File \"/opt/python/shared.py\", line 2, in call\n    f('no')\n",
    ]
    assert frames[2].startswith(f'  File "/var/lang/lib/python{VERSION}/json/__init__.py", line ')
    assert str(theatre.stage.folder) not in lines
    assert '\r\u00a0\u00a0File "/var/task/app.py", line 3, in handler\r' in lines


def test_python_frames_at_import_begin_in_the_library(theatre: Theatre) -> None:
    name = theatre.run(put(theatre, {"app.py": "raise ValueError('at import')\n"}, Runtime=PYTHON))
    frames = failed(theatre, name)[0]["stackTrace"]
    assert frames[0].startswith(f'  File "/var/lang/lib/python{VERSION}/importlib/__init__.py", line ')
    assert frames[-1] == "  File \"/var/task/app.py\", line 1, in <module>\n    raise ValueError('at import')\n"


def test_python_names_files_in_import_errors(theatre: Theatre) -> None:
    files = {"app.py": "from other import gone\n", "other.py": ""}
    name = theatre.run(put(theatre, files, Runtime=PYTHON))
    assert failed(theatre, name)[0] == {
        "errorMessage": "Unable to import module 'app': cannot import name 'gone' from 'other' (/var/task/other.py)",
        "errorType": "Runtime.ImportModuleError",
        "requestId": "",
        "stackTrace": [],
    }
    files["app.py"] = "def handler(e, c):\n    from other import gone\n"
    payload = failed(theatre, theatre.run(put(theatre, files, Runtime=PYTHON)))[0]
    assert payload["errorMessage"] == "cannot import name 'gone' from 'other' (/var/task/other.py)"


def test_python_messages_are_the_functions_own(theatre: Theatre) -> None:
    code = "def handler(e, c):\n    raise ValueError(__file__)\n"
    name = theatre.run(put(theatre, {"app.py": code}, Runtime=PYTHON))
    assert failed(theatre, name)[0]["errorMessage"].startswith(str(theatre.stage.folder))


@pytest.mark.parametrize("form", ["Text", "JSON"])
def test_python_logged_tracebacks(theatre: Theatre, form: str) -> None:
    code = """
        import logging
        def handler(e, c):
            try:
                1 / 0
            except ZeroDivisionError:
                logging.exception("failed")
        """
    name = theatre.run(put(theatre, {"app.py": code}, Runtime=PYTHON, LoggingConfig={"LogFormat": form}))
    lines = failed(theatre, name)[1]
    assert "/var/task/app.py" in lines
    assert str(theatre.stage.folder) not in lines


def test_python_as_a_program_of_its_own(theatre: Theatre) -> None:
    code = "import os\ndef handler(e, c):\n    raise Exception([n for n in os.environ if n.startswith('RUNNER')])\n"
    variables = {"Variables": {"PYTHONHASHSEED": "1"}}
    name = theatre.run(put(theatre, {"app.py": code}, Runtime=PYTHON, Environment=variables))
    payload = failed(theatre, name)[0]
    assert payload["errorMessage"] == "[]"
    assert [frame.split("\n")[0] for frame in payload["stackTrace"]] == [
        '  File "/var/task/app.py", line 3, in handler'
    ]


def node(theatre: Theatre, files: dict[str, str], layer: dict[str, str] | None = None, **config: Any) -> Any:
    options = {"Runtime": "nodejs20.x", "Handler": "index.handler", "MemorySize": 512, "Timeout": 10, **config}
    payload, lines = failed(theatre, theatre.run(put(theatre, files, layer, **options)))
    assert str(theatre.stage.folder) not in lines + json.dumps(payload)
    assert "node.cjs" not in lines + json.dumps(payload)
    return payload, lines


def without_places(lines: list[str]) -> list[str]:
    return [re.sub(r"(index\.mjs):\d+:\d+", r"\1:L:C", line) for line in lines]


@needs_node
def test_node_frames_in_a_module_and_its_layer(theatre: Theatre) -> None:
    code = "const shared = require('shared')\nexports.handler = () => { shared.call() }\n"
    layer = {
        "nodejs/node_modules/shared/index.js": "exports.call = function call() {\n  throw new TypeError('no')\n}\n"
    }
    payload, lines = node(theatre, {"index.js": code}, layer)
    assert (payload["errorType"], payload["errorMessage"]) == ("TypeError", "no")
    trace = without_places(payload["trace"])
    assert [trace[0], *(line.partition("(")[2] or line for line in trace[1:])] == [
        "TypeError: no",
        "/opt/nodejs/node_modules/shared/index.js:2:9)",
        "/var/task/index.js:2:34)",
        "file:///var/runtime/index.mjs:L:C)",
    ]
    assert trace[-1] == "    at Runtime.handleOnceNonStreaming (file:///var/runtime/index.mjs:L:C)"
    logged = json.loads(next(line for line in lines.split("\n") if "Invoke Error" in line).split("\t")[-1])
    assert logged["stack"] == payload["trace"]


@needs_node
def test_node_frames_of_es_modules_are_addresses(theatre: Theatre) -> None:
    code = "export const handler = async () => {\n  throw new Error('some_error_msg')\n}\n"
    payload = node(theatre, {"index.mjs": code})[0]
    assert {**payload, "trace": without_places([payload["trace"][0], *payload["trace"][2:]])} == {
        "errorType": "Error",
        "errorMessage": "some_error_msg",
        "trace": [
            "Error: some_error_msg",
            "    at Runtime.handleOnceNonStreaming (file:///var/runtime/index.mjs:L:C)",
        ],
    }
    assert payload["trace"][1] == "    at Runtime.handler (file:///var/task/index.mjs:2:9)"


@needs_node
def test_node_names_files_in_import_errors(theatre: Theatre) -> None:
    payload = node(theatre, {"index.js": "require('nope')"})[0]
    message = "Error: Cannot find module 'nope'\nRequire stack:\n- /var/task/index.js\n- /var/runtime/index.mjs"
    assert payload["errorMessage"] == message
    assert "\n".join(payload["trace"]).startswith(f"Runtime.ImportModuleError: {message}\n    at ")
    payload = node(theatre, {"index.mjs": "import 'nope'"})[0]
    assert payload["errorMessage"].endswith("Cannot find package 'nope' imported from /var/task/index.mjs")
    payload = node(theatre, {"index.js": "exports.handler = async () => { require('nope') }"})[0]
    assert payload["errorMessage"] == message.removeprefix("Error: ")


@needs_node
@pytest.mark.parametrize("form", ["Text", "JSON"])
def test_node_errors_on_the_console(theatre: Theatre, form: str) -> None:
    code = "exports.handler = () => { console.error('it:', Object.assign(new Error('caught'), { size: 1 })) }"
    lines = node(theatre, {"index.js": code}, LoggingConfig={"LogFormat": form})[1]
    assert "(/var/task/index.js:1:" in lines
    assert "(file:///var/runtime/index.mjs:" in lines
    assert "size: 1" in lines
