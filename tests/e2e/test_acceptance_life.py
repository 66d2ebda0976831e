"""What users do to a running stack, and to its files: nothing of it may stop what runs, or end in a traceback."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
from http.client import HTTPConnection
from pathlib import Path

import psutil
import pytest

from tests.e2e.asking import eventually, invoke
from tests.running import DEADLINE_S, ROOT, RUNNER, Running, copy_of, environment

pytestmark = pytest.mark.slow


def ended(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    """A `runner` that ends by itself, without a traceback."""
    done = subprocess.run(
        [RUNNER, *arguments],
        capture_output=True,
        text=True,
        env=environment(),
        cwd=cwd,
        timeout=DEADLINE_S,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    return done


def answers(up: Running, text: str, function: str = "orders-place:live") -> None:
    """Wait until a function, whose code is a file of one line, answers with a text."""
    eventually(lambda: invoke(up, function, {}) == text)


def write(path: Path, text: str) -> None:
    path.write_text(f'def handler(event, context):\n    return "{text}"\n')


def test_files_that_go_and_come_back_do_not_stop_what_runs(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    place = stack.parent / "place"
    with Running(stack) as up:
        stack.rename(tmp_path / "aside")
        up.wait_for("Cannot read")
        up.wait_for("The last good stack keeps running")
        assert invoke(up, "orders-place", {"heartbeat": True}) == {"alive": True}
        (tmp_path / "aside").rename(stack)
        write(place / "app.py", "back")
        answers(up, "back")

        shutil.rmtree(place)
        up.wait_for("the code of PlaceFunction does not exist")
        assert invoke(up, "orders-place:live", {}) == "back"
        place.mkdir()
        write(place / "app.py", "again")
        answers(up, "again")

        (place / "app.py").write_text("def handler(event, context:\n")
        eventually(lambda: "Runtime.UserCodeSyntaxError" in str(invoke(up, "orders-place:live", {})))
        write(place / "app.py", "mended")
        answers(up, "mended")
        assert "Traceback" not in up.output().replace("orders-place  | Traceback", "")


def test_storms_of_saves_end_with_the_last(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    place = stack.parent / "place"
    with Running(stack) as up:
        for number in range(100):
            write(place / "app.py", f"save {number}")
        answers(up, "save 99")
        for number in range(200):  # as a change of branches does
            (place / f"module_{number}.py").write_text(f"VALUE = {number}\n")
        (place / "app.py").write_text(
            "import module_199\n\n\ndef handler(event, context):\n    return module_199.VALUE\n"
        )
        eventually(lambda: invoke(up, "orders-place:live", {}) == 199)
        write(stack.parent / "new", "replaced")  # as editors save: beside it, then in its place
        os.replace(stack.parent / "new", place / "app.py")
        answers(up, "replaced")


def test_linked_code_and_odd_paths_reload_from_anywhere(tmp_path: Path) -> None:
    folder = tmp_path / "käse & brot"
    folder.mkdir()
    stack = copy_of("orders", folder)
    real = folder / "elsewhere"
    (stack.parent / "place").rename(real)
    (stack.parent / "place").symlink_to(real)
    with Running(Path(os.path.relpath(stack))) as up:
        write(real / "app.py", "linked")
        answers(up, "linked")
        status = ended("status", str(stack), cwd=Path("/"))
        assert f"running at {up.endpoint}" in status.stdout
        assert ended("invoke", "orders-place", "--stack", str(stack), cwd=tmp_path).stdout == '"linked"\n'
        removed = ended("down", str(stack.parent), cwd=Path("/"))
        assert removed.returncode == 0
        assert "AWS::Lambda::Function" in removed.stdout
        assert up.process is not None
        assert up.process.wait(DEADLINE_S) == 0


def test_two_stacks_run_side_by_side(tmp_path: Path) -> None:
    first, second = copy_of("orders", tmp_path / "a"), copy_of("orders", tmp_path / "b")
    write(second.parent / "place" / "app.py", "second")
    with Running(first) as one, Running(second, "--state", str(tmp_path / "state")) as two:
        assert invoke(one, "orders-place", {"heartbeat": True}) == {"alive": True}
        assert invoke(two, "orders-place", {}) == "second"
        assert not (second.parent / ".runner").exists()


def test_reloads_leave_nothing_behind(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    charge = stack.parent / "charge" / "app.py"
    with Running(stack) as up:
        assert up.process is not None
        process = psutil.Process(up.process.pid)

        def reload(number: int) -> None:
            write(charge, f"charge {number}")
            answers(up, f"charge {number}", "orders-charge")

        reload(0)
        descriptors, children = process.num_fds(), len(process.children(recursive=True))
        for number in range(1, 25):
            reload(number)
        eventually(lambda: len(process.children(recursive=True)) <= children + 1)
        eventually(lambda: process.num_fds() <= descriptors + 8)


@pytest.mark.parametrize("arguments", [(), ("status",), ("plan",), ("down",), ("logs",), ("invoke", "orders-place")])
def test_a_state_folder_that_is_none_is_an_error_or_nothing(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    stack = copy_of("orders", tmp_path)
    (stack.parent / ".runner").write_text("not a folder\n")
    done = ended(*(arguments or ("up", "--port", "0")), cwd=stack.parent)
    if not arguments:
        assert done.returncode == 3
        assert "hint: Make it a folder" in done.stderr


def test_an_output_that_nobody_reads_does_not_matter(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    command = [RUNNER, "up", str(stack), "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment(), start_new_session=True)
    try:
        assert process.stdout is not None
        assert any("ready in" in line for line in iter(process.stdout.readline, ""))
        process.stdout.close()
        write(stack.parent / "place" / "app.py", "unseen")
        eventually(lambda: ended("invoke", "orders-place", "--stack", str(stack)).stdout == '"unseen"\n')
        process.send_signal(signal.SIGTERM)
        assert process.wait(DEADLINE_S) == 0
    finally:
        process.kill()
    line = f"{RUNNER} status {stack} >&-; echo $?; {RUNNER} status {stack} >/dev/full; echo $?"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env=environment(), check=False)
    assert done.stdout == "0\n3\n"
    assert "Traceback" not in done.stderr


def test_readers_that_wait_do_not_hold_up_the_end(tmp_path: Path) -> None:
    with Running(copy_of("orders", tmp_path), "--no-watch") as up:
        assert up.process is not None
        command = [RUNNER, "logs", "-f", "--stack", str(up.stack)]
        reader = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        assert reader.stdout is not None
        got = threading.Event()
        lines: list[str] = []

        def read() -> None:
            assert reader.stdout is not None
            for line in reader.stdout:
                lines.append(line)
                got.set()

        threading.Thread(target=read, daemon=True).start()
        eventually(lambda: invoke(up, "orders-place", {"heartbeat": True}) and got.is_set())
        assert up.end() == 0
        assert reader.wait(DEADLINE_S) == 0
        assert any("START RequestId" in line for line in lines)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("up", "nowhere.yaml"), 1, "There is no stack file at nowhere.yaml"),
        (("up", "--port", "70000"), 2, "70000 is not in the range"),
        (("up", "--pace", "nan"), 2, "nan is not a number"),
        (("up", "--pace", "inf"), 2, "inf is not in the range"),
        (("plan", "--parameter-overrides", "nonsense"), 2, "is not K=V"),
        (("plan", "--parameter-overrides", "Currency=CHF"), 1, "must be one of AllowedValues"),
        (("invoke", "orders-place"), 3, "No runner is up"),
        (("logs", "--follow"), 3, "there is nothing to follow"),
        (("down",), 1, "is deployed"),
        (("status", "--query", "["), 1, "Invalid jmespath"),
        (("nonsense",), 2, "No such command"),
    ],
)
def test_exit_codes_are_kept(arguments: tuple[str, ...], code: int, said: str) -> None:
    done = ended(*arguments, cwd=ROOT / "stacks" / "orders")
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr


def test_a_long_poll_is_answered_with_nothing_when_the_runner_ends(tmp_path: Path) -> None:
    with Running(copy_of("orders", tmp_path)) as up:
        url = up.client("sqs").get_queue_url(QueueName="orders-charged")["QueueUrl"]
        poll = HTTPConnection(up.endpoint.removeprefix("http://"), timeout=DEADLINE_S)
        headers = {"X-Amz-Target": "AmazonSQS.ReceiveMessage", "Content-Type": "application/x-amz-json-1.0"}
        poll.request("POST", "/", json.dumps({"QueueUrl": url, "WaitTimeSeconds": 20}), headers)
        up.client("sqs").list_queues()  # asked later, so that the poll has arrived when this is answered
        assert up.end() == 0
        answer = poll.getresponse()
        assert (answer.status, json.loads(answer.read())) == (200, {})
        poll.close()
