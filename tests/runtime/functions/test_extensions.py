# ruff: noqa: E501 (code of functions)
"""Extensions beside the runtime, as real programs: register, events, shutdown, crashes, and the errors of the API."""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import pytest

from tests.runtime.functions.conftest import Theatre
from tests.runtime.functions.test_life import until
from tests.runtime.functions.test_runtime_api import Client, deploy

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
API = "/2020-01-01/extension"
PROGRAM = f"""#!{sys.executable}
import http.client, json, os, sys, time
api = http.client.HTTPConnection(os.environ["AWS_LAMBDA_RUNTIME_API"])

def ask(method, path, body=None, **headers):
    api.request(method, "/2020-01-01/extension" + path, body, {{k.replace("_", "-"): v for k, v in headers.items()}})
    answer = api.getresponse()
    return answer.status, dict((k.lower(), v) for k, v in answer.getheaders()), json.loads(answer.read())

def say(*words):
    print("extension:", *words, flush=True)

name = os.path.basename(sys.argv[0])
status, headers, body = ask("POST", "/register", json.dumps({{"events": EVENTS}}), Lambda_Extension_Name=name,
                            Lambda_Extension_Accept_Feature="accountId")
say(status, json.dumps(body, sort_keys=True), sorted(n for n in os.environ if n in ("_HANDLER", "AWS_EXECUTION_ENV", "MINE")))
me = headers["lambda-extension-identifier"]
WHEN_REGISTERED
while True:
    status, headers, event = ask("GET", "/event/next", Lambda_Extension_Identifier=me)
    say(event["eventType"], event.get("requestId", event.get("shutdownReason")), event["deadlineMs"] > time.time() * 1000)
    WHEN_TOLD
    if event["eventType"] == "SHUTDOWN":
        time.sleep(0.05)
        say("bye")
        sys.exit(0)
"""
HANDLER = "def handler(event, context):\n    return 1\n"


def program(events: list[str], registered: str = "", told: str = "") -> str:
    return (
        PROGRAM.replace("EVENTS", json.dumps(events)).replace("WHEN_REGISTERED", registered).replace("WHEN_TOLD", told)
    )


async def with_extension(theatre: Theatre, text: str, code: str = HANDLER, **config: Any) -> str:
    name = theatre.name()
    layer = theatre.stage.write({"extensions/watcher": text})
    options = {
        "Runtime": RUNTIME,
        "Timeout": 20,
        "Environment": {"Variables": {"MINE": "1"}},
        "MemorySize": 512,
        **config,
    }
    await theatre.stage.deploy(name, code, layers=(layer,), **options)
    return name


def told(theatre: Theatre, name: str) -> list[str]:
    return [line.removeprefix("extension: ") for line in theatre.stage.lines.of(name) if line.startswith("extension:")]


def test_an_extension_is_told_of_invocations_and_of_the_end(theatre: Theatre) -> None:
    async def scene() -> None:
        name = await with_extension(theatre, program(["INVOKE", "SHUTDOWN"]))
        lines = theatre.stage.lines
        for request_id in ("id-1", "id-2"):
            await theatre.stage.invoke(name, request_id=request_id)
        await lines.until(name, "EXTENSION\tName: watcher\tState: Ready\tEvents: \\[INVOKE,SHUTDOWN\\]")
        await lines.until(name, "extension: INVOKE id-2 True")
        theatre.stage.functions.expire(idle_s=0)
        await lines.until(name, "extension: bye")
        about = '{"accountId": "000000000000", "functionName": "%s", "functionVersion": "$LATEST", "handler": "app.handler"}'
        assert told(theatre, name) == [
            f"200 {about % name} ['MINE']",
            "INVOKE id-1 True",
            "INVOKE id-2 True",
            "SHUTDOWN spindown True",
            "bye",
        ]
        await until(lambda: not theatre.stage.functions.fleet(name).environments)

    theatre.run(scene())


def test_the_next_invocation_waits_for_the_extension(theatre: Theatre) -> None:
    async def scene() -> None:
        name = await with_extension(theatre, program(["INVOKE"], told="time.sleep(0.3)"))
        for _ in range(2):
            await theatre.stage.invoke(name)
        assert len({stream for function, _, stream, _, _ in theatre.stage.lines.all if function == name}) >= 1
        await theatre.stage.lines.until(name, "extension: INVOKE")

    theatre.run(scene())


def test_a_timeout_is_a_reason_to_shut_down(theatre: Theatre) -> None:
    async def scene() -> None:
        name = await with_extension(
            theatre, program(["SHUTDOWN"]), "import time\ndef handler(e, c): time.sleep(60)\n", Timeout=1
        )
        answer = await theatre.stage.invoke(name)
        assert answer.error_type == "Sandbox.Timedout"
        await theatre.stage.lines.until(name, "extension: SHUTDOWN timeout True")
        await theatre.stage.lines.until(name, "extension: bye")

    theatre.run(scene())


@pytest.mark.parametrize(
    ("registered", "kind", "message"),
    [
        ("sys.exit(1)", "Extension.Crash", "exit code 1"),
        ("sys.exit(0)", "Extension.Crash", "exit code 0"),
        ("ask('POST', '/init/error', '{}', Lambda_Extension_Identifier=me, Lambda_Extension_Function_Error_Type='Extension.Mine'); sys.exit(1)", "Extension.InitError", "Extension.Mine"),
    ],
)  # fmt: skip
def test_an_extension_that_ends_fails_the_init(theatre: Theatre, registered: str, kind: str, message: str) -> None:
    async def scene() -> None:
        name = await with_extension(theatre, program(["INVOKE"], registered=registered))
        answer = await theatre.stage.invoke(name, request_id="the-id")
        assert json.loads(answer.payload) == {
            "errorType": kind,
            "errorMessage": f"RequestId: the-id Error: {message}",
        }
        await theatre.stage.lines.until(name, f"^INIT_REPORT .*\tPhase: init\tStatus: error\tError Type: {kind}")

    theatre.run(scene())


def test_an_extension_that_ends_in_an_invocation_fails_it(theatre: Theatre) -> None:
    async def scene() -> None:
        name = await with_extension(
            theatre, program(["INVOKE"], told="os._exit(3)"), "import time\ndef handler(e, c): time.sleep(5)\n"
        )
        answer = await theatre.stage.invoke(name, request_id="the-id")
        assert json.loads(answer.payload)["errorMessage"] == "RequestId: the-id Error: exit code 3"
        assert answer.error_type == "Extension.Crash"

    theatre.run(scene())


def test_an_internal_extension_and_the_errors_of_the_api(theatre: Theatre) -> None:
    async def scene() -> None:
        name = await deploy(theatre)
        future = theatre.stage.begin(name, request_id="id-1")
        line = await theatre.stage.lines.until(name, "^api ")
        host, port = line.split(" ")[1].split(":")
        runtime, inner = [Client(*await asyncio.open_connection(host, int(port))) for _ in range(2)]

        async def refused(method: str, path: str, body: bytes = b"", **headers: str) -> tuple[int, str, str]:
            reply = await inner.ask(method, API + path, body, **headers)
            found = json.loads(reply.body)
            return reply.status, found["errorType"], found["errorMessage"]

        assert await refused("POST", "/register", b"{}") == (
            403,
            "Extension.InvalidExtensionName",
            "Empty extension name",
        )
        assert (await refused("POST", "/register", b"{", Lambda_Extension_Name="x"))[1] == "InvalidRequestFormat"
        assert (await refused("POST", "/register", b'{"events":["SHUTDOWN"]}', Lambda_Extension_Name="x"))[1:] == (
            "Extension.InvalidEventType",
            "SHUTDOWN: ShutdownEventNotSupportedForInternalExtension",
        )
        assert (await refused("GET", "/event/next"))[1] == "Extension.MissingExtensionIdentifier"
        assert (await refused("GET", "/event/next", Lambda_Extension_Identifier="x"))[
            1
        ] == "Extension.InvalidExtensionIdentifier"
        unknown = "8476a536-e9f4-11e8-9739-2dfe598c3fcd"
        assert (await refused("GET", "/event/next", Lambda_Extension_Identifier=unknown))[1:] == (
            "Extension.UnknownExtensionIdentifier",
            f"Unknown extension {unknown}",
        )
        reply = await inner.ask("POST", f"{API}/register", b'{"events":["INVOKE"]}', Lambda_Extension_Name="x")
        assert reply.status == 200
        me = reply.headers["lambda-extension-identifier"]
        again = await refused("POST", "/register", b'{"events":[]}', Lambda_Extension_Name="x")
        assert again[1:] == ("Extension.InvalidExtensionState", "Extension with this name already registered")
        assert (await refused("POST", "/exit/error", Lambda_Extension_Identifier=me))[1:] == (
            "Extension.MissingHeader",
            "Lambda-Extension-Function-Error-Type not found",
        )
        telemetry = await inner.ask("PUT", "/2022-07-01/telemetry", b"{}", Lambda_Extension_Identifier=me)
        assert (telemetry.status, json.loads(telemetry.body)["errorType"]) == (202, "Telemetry.NotSupported")
        inner.send("GET", f"{API}/event/next", headers={"Lambda-Extension-Identifier": me})
        runtime.send("GET", "/2018-06-01/runtime/invocation/next")
        event = json.loads((await inner.receive()).body)
        assert (event["eventType"], event["requestId"]) == ("INVOKE", "id-1")
        late = await refused("POST", "/register", b'{"events":[]}', Lambda_Extension_Name="y")
        assert late[1:] == ("Extension.RegistrationClosed", "Extension registration closed already")
        await runtime.receive()
        await runtime.ask("POST", "/2018-06-01/runtime/invocation/id-1/response", b"1")
        assert (await future).payload == b"1"
        for client in (runtime, inner):
            client.writer.close()
            await client.writer.wait_closed()

    theatre.run(scene())
