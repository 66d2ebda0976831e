# ruff: noqa: E501 (code of functions)
"""The life of environments, in real processes: limits, resets, freezing, draining, isolation, and their end."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import uvloop

from runner.core.environment import Life
from runner.model.errors import ApiError
from runner.model.function import FunctionVersion
from tests.runtime.functions.conftest import Theatre
from tests.runtime.functions.stage import DEADLINE_S, Stage, stage

RUNTIME = f"python{sys.version_info[0]}.{sys.version_info[1]}"
SLEEPER = """
import os, time
def handler(event, context):
    if event.get("wait"):
        open(event["wait"] + ".began", "w").close()
        while not os.path.exists(event["wait"]):
            time.sleep(0.002)
    return [os.getpid(), os.environ["AWS_LAMBDA_LOG_STREAM_NAME"], os.environ["AWS_LAMBDA_INITIALIZATION_TYPE"]]
"""


async def until(condition: Any) -> None:
    """Wait for a condition, with an end."""
    deadline = time.monotonic() + DEADLINE_S
    while not condition():
        assert time.monotonic() < deadline, "it never became true"
        await asyncio.sleep(0.002)


def environments(stage: Stage, name: str, version: str = "$LATEST") -> list[Any]:
    return list(stage.functions.fleet(name, version).environments)


# limits


def test_a_timeout_resets_the_environment(theatre: Theatre, tmp_path: Path) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME, Timeout=1)
        first = await stage.result(name)
        answer = await stage.invoke(name, {"wait": str(tmp_path / "never")}, request_id="the-id", tail=True)
        assert answer.payload == (
            b'{"errorType":"Sandbox.Timedout","errorMessage":"RequestId: the-id Error: Task timed out after 1.00 seconds"}'
        )
        assert (answer.function_error, answer.error_type) == ("Unhandled", "Sandbox.Timedout")
        report = answer.log_tail.decode().rstrip("\n").split("\n")[-1]
        assert report.endswith("\tStatus: timeout\t")
        assert "Init Duration" not in report
        await until(lambda: not psutil.pid_exists(first[0]))
        second = await stage.result(name)
        assert second[0] != first[0]
        assert second[1] == first[1]  # the same environment, so the same log stream
        reports = [line for line in stage.lines.of(name) if line.startswith("INIT_START")]
        assert len(reports) == 1

    theatre.run(scene())


def test_a_process_that_cannot_be_asked_to_end_is_ended(theatre: Theatre) -> None:
    code = (
        "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\ndef handler(e, c):\n    while True: pass\n"
    )
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME, Timeout=1))
    assert theatre.run(theatre.stage.invoke(name)).error_type == "Sandbox.Timedout"


@pytest.mark.slow
def test_an_init_that_never_ends_counts_towards_the_function_timeout_then(tmp_path: Path) -> None:
    async def scene() -> None:
        async with stage(tmp_path, init_limit_s=0.3) as on:
            await on.deploy("f", "print('init')\nwhile True: pass\n", Runtime=RUNTIME, Timeout=1)
            answer = await on.invoke("f", request_id="the-id")
            assert json.loads(answer.payload) == {
                "errorType": "Sandbox.Timedout",
                "errorMessage": "RequestId: the-id Error: Task timed out after 1.00 seconds",
            }
            await on.lines.until("f", "^REPORT")
            lines = [re.sub(r"[\d.]+ ms", "<ms>", line) for line in on.lines.of("f")]
            assert lines[1:5] == [
                "init",
                "INIT_REPORT Init Duration: <ms>\tPhase: init\tStatus: timeout",
                "START RequestId: the-id Version: $LATEST",
                "init",
            ]

    uvloop.run(scene())


def test_the_memory_limit_ends_the_process(theatre: Theatre) -> None:
    code = "def handler(e, c):\n    keep = []\n    while True: keep.append(bytearray(8 << 20))\n"
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME, MemorySize=128, Timeout=30))
    answer = theatre.run(theatre.stage.invoke(name, request_id="the-id", tail=True))
    assert json.loads(answer.payload) == {
        "errorType": "Runtime.ExitError",
        "errorMessage": "RequestId: the-id Error: Runtime exited with error: signal: killed",
    }
    report = answer.log_tail.decode().rstrip("\n").split("\n")[-1]
    assert "\tMemory Size: 128 MB\tMax Memory Used: 128 MB\t" in report
    assert report.endswith("\tStatus: error\tError Type: Runtime.OutOfMemory\t")


def test_memory_is_reported_as_used(theatre: Theatre) -> None:
    code = "def handler(e, c):\n    return len(b'x' * (e['mb'] << 20))\n"
    name = theatre.name()
    theatre.run(theatre.stage.deploy(name, code, Runtime=RUNTIME, MemorySize=512))
    figures = []
    for size in (1, 100, 1):
        tail = theatre.run(theatre.stage.invoke(name, {"mb": size}, tail=True)).log_tail.decode()
        found = re.search(r"Max Memory Used: (\d+) MB", tail)
        assert found
        figures.append(int(found[1]))
    assert figures[1] >= figures[0] + 90
    assert figures[2] == figures[1]  # the most so far


# freezing


def test_an_idle_environment_is_frozen_and_thawed(theatre: Theatre) -> None:
    code = """
        import os, threading, time
        ticks = 0
        def tick():
            global ticks
            while True:
                time.sleep(0.001)
                ticks += 1
        threading.Thread(target=tick, daemon=True).start()
        def handler(event, context):
            return [os.getpid(), ticks]
        """

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, {"app.py": code}, Runtime=RUNTIME)
        pid, before = await stage.result(name)
        await until(lambda: environments(stage, name)[0].life is Life.FROZEN)
        await until(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED)
        frozen_at = (await stage.result(name))[1]
        await until(lambda: environments(stage, name)[0].life is Life.FROZEN)
        await asyncio.sleep(0.2)
        again = await stage.result(name)
        assert again[0] == pid
        assert again[1] - frozen_at < 150  # not the 200 that 0.2 s would have been
        assert frozen_at >= before

    theatre.run(scene())


def test_a_process_killed_while_frozen_is_replaced(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME)
        first = await stage.result(name)
        await until(lambda: environments(stage, name)[0].life is Life.FROZEN)
        os.kill(first[0], signal.SIGKILL)
        await until(lambda: environments(stage, name)[0].life is Life.RESET)
        second = await stage.result(name)
        assert second[0] != first[0]
        assert second[1] == first[1]

    theatre.run(scene())


def test_what_is_idle_for_long_is_ended(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME)
        pid = (await stage.result(name))[0]
        stage.functions.expire(idle_s=0)
        await until(lambda: not psutil.pid_exists(pid) and not environments(stage, name))
        assert (await stage.result(name))[0] != pid

    theatre.run(scene())


# new code


def test_new_code_drains_the_old_and_cuts_nothing(theatre: Theatre, tmp_path: Path) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME, Timeout=30)
        held = stage.begin(name, {"wait": str(tmp_path / "go")})
        await until((tmp_path / "go.began").exists)
        old = environments(stage, name)[0]
        await stage.deploy(name, "def handler(e, c): return 'new'\n", Runtime=RUNTIME)
        assert await stage.result(name) == "new"
        assert old.life is Life.DRAINING
        (tmp_path / "go").touch()
        answer = await asyncio.wait_for(held, DEADLINE_S)
        pid = json.loads(answer.payload)[0]
        await until(lambda: old.life is Life.GONE and not psutil.pid_exists(pid))

    theatre.run(scene())


def test_what_does_not_change_the_version_does_not_drain_it(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        noun = await stage.deploy(name, SLEEPER, Runtime=RUNTIME)
        first = await stage.result(name)
        tagged = noun.config.model_copy(update={"reserved_concurrency": 5})
        await stage.put(name, noun.model_copy(update={"config": tagged}))
        assert (await stage.result(name))[0] == first[0]

    theatre.run(scene())


def test_invocations_that_wait_move_on_with_the_code(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, "import time\ntime.sleep(0.5)\ndef handler(e, c): return 'old'\n", Runtime=RUNTIME)
        waiting = [stage.begin(name) for _ in range(5)]
        await stage.deploy(name, "def handler(e, c): return 'new'\n", Runtime=RUNTIME)
        answers = await asyncio.wait_for(asyncio.gather(*waiting), DEADLINE_S)
        assert {answer.payload for answer in answers} == {b'"new"'}
        await stage.delete(FunctionVersion, name)
        with pytest.raises(ApiError) as error:
            await stage.invoke(name)
        assert error.value.code == "ResourceNotFoundException"
        assert (
            error.value.message == f"Function not found: arn:aws:lambda:us-east-1:000000000000:function:{name}:$LATEST"
        )

    theatre.run(scene())


# versions and aliases


def test_versions_and_aliases(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        code = "def handler(e, c): return [c.function_version, c.invoked_function_arn]\n"
        for version in ("$LATEST", "1", "2"):
            await stage.deploy(name, code, version=version, Runtime=RUNTIME)
        await stage.alias(name, "live", "2")
        arn = f"arn:aws:lambda:us-east-1:000000000000:function:{name}"
        for qualifier, version, suffix in (
            (None, "$LATEST", ""),
            ("$LATEST", "$LATEST", ":$LATEST"),
            ("1", "1", ":1"),
            ("live", "2", ":live"),
        ):
            answer = await stage.invoke(name, qualifier=qualifier)
            assert json.loads(answer.payload) == [version, arn + suffix]
            assert answer.version == version
        with pytest.raises(ApiError) as error:
            await stage.invoke(name, qualifier="nope")
        assert error.value.message == f"Function not found: {arn}:nope"

    theatre.run(scene())


def test_an_alias_splits_traffic_by_weight(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        for version in ("1", "2"):
            await stage.deploy(name, "def handler(e, c): return c.function_version\n", version=version, Runtime=RUNTIME)
        weights = {"AdditionalVersionWeights": [{"FunctionVersion": "2", "FunctionWeight": 0.3}]}
        await stage.alias(name, "live", "1", RoutingConfig=weights)
        seen = [(await stage.invoke(name, qualifier="live")).version for _ in range(400)]
        assert 60 < seen.count("2") < 180

    theatre.run(scene())


# concurrency


def test_reserved_concurrency_throttles_with_its_reason(theatre: Theatre, tmp_path: Path) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME, ReservedConcurrentExecutions=2, Timeout=30)
        held = [stage.begin(name, {"wait": str(tmp_path / "go")}) for _ in range(2)]
        with pytest.raises(ApiError) as error:
            await stage.invoke(name)
        assert (error.value.code, error.value.status, error.value.message) == (
            "TooManyRequestsException",
            429,
            "Rate Exceeded.",
        )
        reason = "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert dict(error.value.members) == {"Reason": reason, "Type": "User"}
        (tmp_path / "go").touch()
        await asyncio.wait_for(asyncio.gather(*held), DEADLINE_S)
        assert len(await stage.result(name)) == 3

    theatre.run(scene())


def test_a_herd_is_served_without_an_environment_for_each(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME, Timeout=30)
        answers = await asyncio.wait_for(asyncio.gather(*(stage.begin(name) for _ in range(300))), DEADLINE_S)
        assert all(answer.function_error is None for answer in answers)
        assert len(environments(stage, name)) < 150

    theatre.run(scene())


def test_provisioned_concurrency(theatre: Theatre, tmp_path: Path) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, version="1", provisioned=2, Runtime=RUNTIME, Timeout=30)
        await until(lambda: stage.functions.provisioned(name, "1") == (2, ""))
        lines = stage.lines.of(name)
        assert not any(line.startswith("START") for line in lines)
        held = [stage.begin(name, {"wait": str(tmp_path / "go")}, qualifier="1") for _ in range(3)]
        await until(lambda: len(stage.functions.fleet(name, "1").pool.busy) == 3)
        (tmp_path / "go").touch()
        answers = await asyncio.wait_for(asyncio.gather(*held), DEADLINE_S)
        kinds = sorted(json.loads(answer.payload)[2] for answer in answers)
        assert kinds == ["on-demand", "provisioned-concurrency", "provisioned-concurrency"]
        stage.functions.expire(idle_s=0)
        await until(lambda: len(environments(stage, name, "1")) == 2)

    theatre.run(scene())


def test_provisioned_concurrency_that_cannot_be_initialised_gives_up(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, "raise SystemExit(1)\n", version="1", provisioned=1, Runtime=RUNTIME)
        await until(lambda: stage.functions.provisioned(name, "1") == (0, "FUNCTION_ERROR_INIT_FAILURE"))
        await until(lambda: sum(line.startswith("INIT_START") for line in stage.lines.of(name)) == 6)

    theatre.run(scene())


# what starts the processes


def test_a_launcher_that_is_lost_costs_no_more_than_what_was_in_flight(theatre: Theatre, tmp_path: Path) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME, Timeout=30)
        held = stage.begin(name, {"wait": str(tmp_path / "never")}, request_id="the-id")
        await until((tmp_path / "never.began").exists)
        pid = environments(stage, name)[0].pid
        os.kill(psutil.Process(pid).ppid(), signal.SIGKILL)
        answer = await asyncio.wait_for(held, DEADLINE_S)
        assert json.loads(answer.payload)["errorMessage"].endswith("Runtime exited with error: signal: killed")
        assert (await stage.result(name))[0] != pid
        await until(lambda: not alive(pid))

    theatre.run(scene())


# isolation


def test_a_function_sees_only_its_own(theatre: Theatre, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RUNNER_SECRET_OF_OURS", "1")
    code = """
        import os, resource, sys
        def handler(event, context):
            return {
                "names": sorted(os.environ), "initial": open("/proc/self/environ", "rb").read().decode() if sys.platform == "linux" else "",
                "cwd": os.getcwd(), "argv": sys.argv, "group": os.getpgrp() == os.getpid(),
                "files": {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}")} if sys.platform == "linux" else {},
                "limit": resource.getrlimit(resource.RLIMIT_NOFILE)[0], "own": os.environ["MY_OWN"],
                "endpoint": os.environ["AWS_ENDPOINT_URL"], "tmp": os.environ["TMPDIR"], "main": sys.modules["__main__"].__name__,
                "path": sys.path[0],
            }
        """

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        variables = {"Variables": {"MY_OWN": "é=1\n2"}}
        version = await stage.deploy(name, {"app.py": code}, Runtime=RUNTIME, Environment=variables)
        found = await stage.result(name)
        task = str(stage.folder / "artifacts" / version.artifact)
        assert "RUNNER_SECRET_OF_OURS" not in found["names"]
        assert "RUNNER_SECRET_OF_OURS" not in found["initial"]
        assert not {"HOME", "USER", "VIRTUAL_ENV"} & set(found["names"])
        assert {"AWS_ACCESS_KEY_ID", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "_HANDLER", "TZ"} <= set(
            found["names"]
        )
        assert found["own"] == "é=1\n2"
        assert (found["cwd"], found["path"]) == (task, task)
        assert found["argv"] == ["/var/runtime/bootstrap.py"]
        assert found["group"]
        assert found["limit"] == 1024
        assert found["endpoint"] == "http://127.0.0.1:4566"
        assert set(found["files"]) <= {"0", "1", "2", "3", "4"}
        assert Path(found["tmp"]).is_dir()

    theatre.run(scene())


def test_tmp_is_kept_within_an_environment_and_goes_with_it(theatre: Theatre) -> None:
    code = "import os, tempfile\ndef handler(e, c):\n    d = tempfile.gettempdir()\n    open(d + '/f', 'a').write('x')\n    return [d, os.path.getsize(d + '/f')]\n"

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, code, Runtime=RUNTIME)
        first = await stage.result(name)
        assert await stage.result(name) == [first[0], 2]
        stage.functions.expire(idle_s=0)
        await until(lambda: not Path(first[0]).parent.exists())

    theatre.run(scene())


def test_processes_that_a_function_leaves_behind_are_ended(theatre: Theatre) -> None:
    code = "import subprocess\ndef handler(e, c):\n    return subprocess.Popen(['sleep', '600']).pid\n"

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, code, Runtime=RUNTIME)
        pid = await stage.result(name)
        assert psutil.pid_exists(pid)
        stage.functions.expire(idle_s=0)
        await until(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)

    theatre.run(scene())


async def entered(pid: int) -> None:
    """Once a process is in its control group: that is not waited for when it starts."""
    await until(lambda: "/runner-" in Path(f"/proc/{pid}/cgroup").read_text())


def test_so_are_those_that_left_its_process_group_where_the_kernel_knows_them(theatre: Theatre) -> None:
    code = "import os, subprocess\ndef handler(e, c):\n    if not e: return os.getpid()\n    return subprocess.Popen(['sleep', '600'], start_new_session=True).pid\n"

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        if stage.functions.groups is None:
            pytest.skip("this machine gives no control groups")
        await stage.deploy(name, code, Runtime=RUNTIME)
        await entered(await stage.result(name))
        pid = await stage.result(name, {"start": True})
        stage.functions.expire(idle_s=0)
        await until(lambda: not alive(pid))

    theatre.run(scene())


def test_memory_that_is_taken_at_once_is_held_to_the_limit(theatre: Theatre) -> None:
    code = "import os\ndef handler(e, c):\n    return len(b'x' * (e['mb'] << 20)) if e else os.getpid()\n"

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        if stage.functions.groups is None:
            pytest.skip("this machine gives no control groups")
        await stage.deploy(name, code, Runtime=RUNTIME, MemorySize=128, Timeout=30)
        await entered(await stage.result(name))
        answer = await stage.invoke(name, {"mb": 400}, tail=True)
        assert answer.error_type == "Runtime.OutOfMemory"
        assert "Max Memory Used: 128 MB\t" in answer.log_tail.decode()
        assert await stage.result(name, {"mb": 1}) == 1 << 20

    theatre.run(scene())


def test_no_file_is_larger_than_tmp(theatre: Theatre) -> None:
    code = """
        import os, tempfile
        def handler(event, context):
            with tempfile.TemporaryFile() as file:
                try:
                    os.posix_fallocate(file.fileno(), 0, event["mb"] << 20)
                except OSError as error:
                    return error.errno
            return 0
        """

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, {"app.py": code}, Runtime=RUNTIME, EphemeralStorage={"Size": 512})
        assert await stage.result(name, {"mb": 1}) == 0
        assert await stage.result(name, {"mb": 513}) == errno.EFBIG

    theatre.run(scene())


@pytest.mark.slow
def test_tmp_is_held_to_its_size(theatre: Theatre) -> None:
    code = """
        import os, tempfile, time
        def handler(event, context):
            for number in range(3):
                with open(os.path.join(tempfile.gettempdir(), str(number)), "wb") as file:
                    os.posix_fallocate(file.fileno(), 0, 200 << 20)
            time.sleep(20)
        """

    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        await stage.deploy(name, {"app.py": code}, Runtime=RUNTIME, Timeout=30)
        answer = await stage.invoke(name)
        assert answer.error_type == "Runtime.ExitError"
        await stage.lines.until(name, "^No space left on device: /tmp holds 600 MB, and 512 MB is")

    theatre.run(scene())


# layers and wrappers


def test_layers_come_in_order_and_after_the_function(theatre: Theatre) -> None:
    async def scene() -> None:
        stage, name = theatre.stage, theatre.name()
        lower = stage.write(
            {"python/a.py": "V = 'lower'\n", "python/b.py": "V = 'lower'\n", "python/c.py": "V = 'layer'\n"}
        )
        upper = stage.write({"python/b.py": "V = 'upper'\n"})
        files = {"app.py": "import a, b, c\ndef handler(e, x): return [a.V, b.V, c.V]\n", "c.py": "V = 'own'\n"}
        await stage.deploy(name, files, layers=(lower, upper), Runtime=RUNTIME)
        assert await stage.result(name) == ["lower", "upper", "own"]
        node = theatre.name()
        layer = stage.write({"nodejs/node_modules/dep/index.js": "module.exports = 'dep'\n"})
        files = {"index.js": "exports.handler = async () => require('dep')\n"}
        await stage.deploy(node, files, layers=(layer,), Runtime="nodejs20.x", Handler="index.handler", MemorySize=256)
        assert await stage.result(node) == "dep"

    theatre.run(scene())


def test_a_wrapper_runs_around_the_runtime(theatre: Theatre) -> None:
    async def scene() -> None:
        stage = theatre.stage
        layer = stage.write({"wrapper": '#!/bin/sh\nexport WRAPPED=yes\nexec "$@"\n'}, executable=True)
        variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}}
        for runtime, handler, files in (
            (RUNTIME, "app.handler", {"app.py": "import os, boto3\ndef handler(e, c): return os.environ['WRAPPED']\n"}),
            ("nodejs20.x", "index.handler", {"index.js": "exports.handler = async () => process.env.WRAPPED"}),
        ):
            name = theatre.name()
            options = {"Runtime": runtime, "Handler": handler, "Environment": variables, "MemorySize": 512}
            await stage.deploy(name, files, layers=(layer,), Timeout=30, **options)
            assert await stage.result(name) == "yes"
        name = theatre.name()
        variables = {"Variables": {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/missing"}}
        await stage.deploy(name, SLEEPER, Runtime=RUNTIME, Environment=variables)
        answer = await stage.invoke(name)
        assert json.loads(answer.payload)["errorMessage"].endswith("Runtime exited with error: exit status 127")

    theatre.run(scene())


# the end


CHILD = """
import asyncio, os, sys
from pathlib import Path
import uvloop
from tests.runtime.functions.stage import stage

async def main(folder):
    async with stage(Path(folder)) as on:
        code = "import os, subprocess\\ndef handler(e, c): return [os.getpid(), subprocess.Popen(['sleep', '600']).pid]\\n"
        await on.deploy("py", code, Runtime=%r)
        node = "const c = require('child_process').spawn('sleep', ['600']); exports.handler = async () => [process.pid, c.pid]"
        await on.deploy("js", {"index.js": node}, Runtime="nodejs20.x", Handler="index.handler", MemorySize=512)
        pids = [*await on.result("py"), *await on.result("js")]
        print(*pids, *(one.pid for one in on.functions.launching.launchers.values()), flush=True)
        await asyncio.sleep(3600)

uvloop.run(main(sys.argv[1]))
"""


def test_everything_ends_with_the_runner_also_when_it_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", CHILD % RUNTIME, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[3]) as runner:
        assert runner.stdout is not None
        pids = [int(pid) for pid in runner.stdout.readline().split()]
        assert len(pids) == 6
        runner.kill()
    deadline = time.monotonic() + DEADLINE_S
    while left := [pid for pid in pids if alive(pid)] + list(tmp_path.glob("environments/run-*")):
        assert time.monotonic() < deadline, left
        time.sleep(0.01)


def alive(pid: int) -> bool:
    try:
        return bool(psutil.Process(pid).status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False
