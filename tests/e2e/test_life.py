"""The life of the process: edits, `kill -9`, the end in order, and who may run at the same time."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from tests.e2e.asking import eventually, invoke, messages, put_order, queue_url, taken
from tests.running import DEADLINE_S, RUNNER, Running, copy_of, environment

pytestmark = pytest.mark.slow

COUNT = 500


def edit(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after))


def ended(*arguments: str) -> subprocess.CompletedProcess[str]:
    """A `runner` that ends by itself."""
    return subprocess.run(
        [RUNNER, *arguments], capture_output=True, text=True, env=environment(), timeout=DEADLINE_S, check=False
    )


def test_an_edit_is_answered_by_new_code_and_old_versions_stay(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack) as up:
        event = {"heartbeat": True}
        assert invoke(up, "orders-place:live", event) == {"alive": True}
        edit(stack.parent / "place" / "app.py", '{"alive": True}', '{"alive": "edited"}')
        eventually(lambda: invoke(up, "orders-place", event) == {"alive": "edited"})
        alias = up.client("lambda").get_alias(FunctionName="orders-place", Name="live")
        assert alias["FunctionVersion"] == "2"
        assert invoke(up, "orders-place", event, Qualifier="live") == {"alive": "edited"}
        assert invoke(up, "orders-place", event, Qualifier="2") == {"alive": "edited"}
        assert invoke(up, "orders-place", event, Qualifier="1") == {"alive": True}


def test_a_broken_stack_file_keeps_the_last_good_stack(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack) as up:
        edit(stack, "Handler: index.handler", "Handlr: index.handler")
        up.wait_for("Handlr")
        assert invoke(up, "orders-charge", {"detail": {"amount": 1}})["charged"] == 1
        edit(stack, "Handlr: index.handler", "Handler: index.handler\n      Description: mended")
        eventually(
            lambda: (
                up.client("lambda").get_function(FunctionName="orders-audit")["Configuration"]["Description"]
                == "mended"
            )
        )


class Sender:
    """Puts events and invokes asynchronously, many at a time; remembers what was answered as accepted."""

    def __init__(self, up: Running) -> None:
        self.accepted: set[str] = set()
        self._events, self._functions = up.client("events"), up.client("lambda")

    def put(self, first: int) -> None:
        ids = [f"event-{n}" for n in range(first, first + 10)]
        entries = [
            {
                "EventBusName": "orders",
                "Source": "shop.web",
                "DetailType": "OrderPlaced",
                "Detail": json.dumps({"amount": 1, "id": one}),
            }
            for one in ids
        ]
        assert self._events.put_events(Entries=entries)["FailedEntryCount"] == 0
        self.accepted.update(ids)

    def invoke_later(self, number: int) -> None:
        payload = json.dumps({"detail": {"amount": 1, "id": f"call-{number}"}})
        self._functions.invoke(FunctionName="orders-charge", InvocationType="Event", Payload=payload)
        self.accepted.add(f"call-{number}")


@pytest.mark.parametrize("share", [0.4, 1.0], ids=["while they come in", "at once after the last"])
def test_after_a_kill_everything_accepted_is_processed(tmp_path: Path, share: float) -> None:
    stack = copy_of("orders", tmp_path)
    up = Running(stack, "--no-watch").start()
    sender = Sender(up)
    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(sender.put, first) for first in range(0, COUNT, 10)]
        sent += [threads.submit(sender.invoke_later, number) for number in range(COUNT)]
        for done in sent[: int(len(sent) * share)]:
            done.result()
        up.kill()
    accepted = set(sender.accepted)  # what the killed process had answered
    assert len(accepted) >= 2 * COUNT * share * 0.5
    with Running(stack, "--no-watch") as again:

        def all_charged(found: list[dict[str, Any]]) -> bool:
            return accepted <= {json.loads(one["Body"])["responsePayload"]["order"] for one in found}

        taken(again, "orders-charged", all_charged)


def test_killed_in_the_middle_of_the_retries_they_go_on(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    up = Running(stack, "--no-watch", "--pace", "60").start()
    event_id = put_order(up, {"amount": -1, "id": "bad"})
    up.wait_for("cannot charge")
    up.kill()
    with Running(stack, "--no-watch", "--pace", "60") as again:
        [dead] = messages(again, "orders-charge-dead-letters")
        assert json.loads(dead["Body"])["id"] == event_id


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["terminated", "interrupted"])
def test_it_ends_in_order(tmp_path: Path, number: signal.Signals) -> None:
    up = Running(copy_of("orders", tmp_path), "--no-watch").start()
    assert invoke(up, "orders-charge", {"detail": {"amount": 1}})["charged"] == 1
    assert up.end(number) == 0
    assert "Traceback" not in up.output()


SLOW_ONCE = """
import pathlib
import time

here = pathlib.Path({marker!r})


def handler(event, context):
    if not here.exists():
        here.touch()
        print("busy")
        time.sleep(9)
    return {{"charged": 1, "order": "again"}}
"""


def test_what_is_cut_off_by_the_end_is_done_after_the_next_start(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    (stack.parent / "charge" / "app.py").write_text(SLOW_ONCE.format(marker=str(tmp_path / "was-here")))
    up = Running(stack, "--no-watch").start()
    up.client("lambda").invoke(FunctionName="orders-charge", InvocationType="Event", Payload=b"{}")
    up.wait_for("busy")
    assert up.end() == 0
    assert "Traceback" not in up.output()
    with Running(stack, "--no-watch") as again:
        [message] = messages(again, "orders-charged")
        assert json.loads(message["Body"])["requestContext"]["approximateInvokeCount"] == 1


def test_a_second_interrupt_ends_it_at_once(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    handler = stack.parent / "charge" / "app.py"
    handler.write_text("import time\n\n\ndef handler(event, context):\n    print('busy')\n    time.sleep(9)\n")
    up = Running(stack, "--no-watch").start()
    up.client("lambda").invoke(FunctionName="orders-charge", InvocationType="Event", Payload=b"{}")
    up.wait_for("busy")
    assert up.process is not None
    up.process.send_signal(signal.SIGINT)
    up.wait_for("stopping")
    assert up.end(signal.SIGINT) != 0
    assert "Traceback" not in up.output()


def test_environments_end_with_a_killed_runner(tmp_path: Path) -> None:
    up = Running(copy_of("orders", tmp_path), "--no-watch").start()
    for function, event in (("orders-charge", {"detail": {"amount": 1}}), ("orders-audit", {"Records": []})):
        invoke(up, function, event)
    assert up.process is not None
    tree = psutil.Process(up.process.pid).children(recursive=True)
    assert len(tree) >= 2
    up.kill()
    _, alive = psutil.wait_procs(tree, timeout=DEADLINE_S)
    assert not alive


def test_it_is_taken_down_with_what_it_held(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack, "--no-watch") as up:
        up.client("sqs").send_message(QueueUrl=queue_url(up, "orders-charged"), MessageBody="gone")
        down = ended("down", str(stack))
        assert down.returncode == 0, down.stderr
        assert up.process is not None
        assert up.process.wait(DEADLINE_S) == 0
    with Running(stack, "--no-watch") as again:
        attributes = again.client("sqs").get_queue_attributes(
            QueueUrl=queue_url(again, "orders-charged"), AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]
        assert attributes == {"ApproximateNumberOfMessages": "0"}


def test_taken_down_it_can_keep_what_queues_hold(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack, "--no-watch") as up:
        up.client("sqs").send_message(QueueUrl=queue_url(up, "orders-charged"), MessageBody="kept")
    assert ended("down", str(stack), "--keep-data").returncode == 0
    with Running(stack, "--no-watch") as again:
        [message] = messages(again, "orders-charged")
        assert message["Body"] == "kept"


def test_what_a_queue_holds_is_there_after_the_next_start(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack, "--no-watch") as up:
        up.client("sqs").send_message(QueueUrl=queue_url(up, "orders-charged"), MessageBody="kept")
    with Running(stack, "--no-watch") as again:
        [message] = messages(again, "orders-charged")
        assert message["Body"] == "kept"


def test_a_second_one_on_the_same_state_is_refused_and_names_the_first(tmp_path: Path) -> None:
    stack = copy_of("orders", tmp_path)
    with Running(stack, "--no-watch") as up:
        second = ended("up", str(stack), "--port", "0", "--no-watch")
        assert second.returncode == 3
        assert up.process is not None
        assert str(up.process.pid) in second.stderr
        assert "Traceback" not in second.stderr


def test_a_port_in_use_is_refused_and_names_who_holds_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        second = ended("up", str(copy_of("orders", tmp_path)), "--port", str(port), "--no-watch")
        assert second.returncode == 3
        assert f"Port {port} is in use" in second.stderr
        assert "Traceback" not in second.stderr
