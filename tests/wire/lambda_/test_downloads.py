"""What `Code.Location` leads to, and the runner's own way to read logs, over HTTP."""

from __future__ import annotations

import http.client
import io
import json
import zipfile

from runner.host.clock import Clock
from runner.runtime.log_tail import LogTail
from runner.runtime.logs import LogService
from runner.wire import log_lines
from runner.wire.lambda_ import downloads
from tests.wire.lambda_.scene import Scene


def get(scene: Scene, path: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", scene.live.port, timeout=30)
    try:
        connection.request("GET", path)
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_code_can_be_fetched_from_its_location(scene: Scene) -> None:
    scene.function()
    scene.live.front.mount_raw("GET", downloads.PATH, downloads.Downloads(scene.code).answer)
    location = scene.client().get_function(FunctionName="f")["Code"]["Location"]
    status, body = get(scene, location[location.index("/_runner") :])
    assert status == 200
    with zipfile.ZipFile(io.BytesIO(body)) as opened:
        assert opened.namelist() == ["handler.py"]
    for other in ("", "?artifact=", "?artifact=../..", f"?artifact={'0' * 64}"):
        assert get(scene, downloads.PATH + other)[0] == 404


def test_logs_are_one_object_a_line(scene: Scene) -> None:
    async def written() -> LogTail:
        logs = LogService(scene.store, scene.deployment, Clock())
        for number in range(3):
            logs.write("f", "/aws/lambda/f", "s", [(1000.0 + number, f"line {number}")])
        return LogTail(logs, scene.deployment)

    tail = scene.live.run(written())
    scene.live.front.mount_raw("GET", log_lines.PATH, log_lines.LogLines(tail).answer)
    status, body = get(scene, f"{log_lines.PATH}?name=f&filter=line&since_ms=1001000")
    lines = [json.loads(line) for line in body.splitlines()]
    assert (status, [line["message"] for line in lines]) == (200, ["line 1\n", "line 2\n"])
    assert {line["function"] for line in lines} == {"f"}
    status, body = get(scene, f"{log_lines.PATH}?name=nobody")
    assert (status, json.loads(body)["error"]) == (400, "There is no function and no log group 'nobody'.")
    assert get(scene, f"{log_lines.PATH}?filter=%7B+%24.a")[0] == 400
