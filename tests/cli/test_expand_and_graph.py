# ruff: noqa: E501
"""`runner expand` and `runner graph` on the example and on small stacks."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from runner.cli.drawing import columns
from runner.cli.main import main
from runner.loader.checking import check
from runner.loader.graph import Kind, graph
from runner.loader.positions import Positions
from runner.loader.reading import parse
from runner.loader.report import Report
from runner.model.diagnostic import Position

ORDERS = Path(__file__).parents[2] / "stacks" / "orders" / "stack.yaml"
SVG = "{http://www.w3.org/2000/svg}"


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(list(arguments))
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def test_expand_resolves_everything_and_names_origins(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, "expand", "--output", "json", str(ORDERS))
    assert code == 0
    document = json.loads(out)
    rule = document["Resources"]["ChargeFunctionPlaced"]
    assert rule["Type"] == "AWS::Events::Rule"
    assert rule["Properties"]["EventBusName"] == "orders"
    assert rule["Properties"]["Targets"][0]["Arn"] == "arn:aws:lambda:us-east-1:000000000000:function:orders-charge"
    origin = rule["Metadata"]["runner:Origin"]
    assert (origin["Resource"], origin["Event"]) == ("ChargeFunction", "Placed")
    assert re.search(r"stack\.yaml:\d+:\d+$", origin["At"])
    assert document["Outputs"]["Bus"]["Value"] == "arn:aws:events:us-east-1:000000000000:event-bus/orders"
    versions = [name for name in document["Resources"] if "Version" in name]
    alias = document["Resources"]["PlaceFunctionAliaslive"]["Properties"]
    assert alias["FunctionVersion"] == f"${{{versions[0]}.Version}}"
    assert '"Fn::' not in out
    assert '"Ref"' not in out


def test_expand_prints_the_same_as_yaml(capsys: pytest.CaptureFixture[str]) -> None:
    as_json = json.loads(run(capsys, "expand", "--output", "json", str(ORDERS))[1])
    text = run(capsys, "expand", str(ORDERS))[1]
    report = Report()
    document = parse(text.encode(), "out.yaml", Positions(Position("out.yaml", 1, 1)), report)
    assert report.diagnostics() == ()
    assert json.loads(json.dumps(document.root)) == as_json


def test_expand_can_leave_functions_alone(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, "expand", "--keep-functions", "--output", "json", str(ORDERS))
    document = json.loads(out)
    assert document["Resources"]["ChargeFunctionPlaced"]["Properties"]["EventBusName"] == {"Ref": "OrdersBus"}
    assert "Parameters" in document
    assert "Transform" not in document


def test_expand_shows_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text("Resources:\n  Q: {Type: 'AWS::SQS::Queue', Properties: {Nam: x}}\n")
    code, out, err = run(capsys, "expand", str(stack))
    assert code == 1
    assert "error[unknown-property]" in err
    assert "Type: AWS::SQS::Queue" in out


def test_expand_of_what_cannot_be_read_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / "stack.yaml"
    stack.write_text("Resources: [\n")
    code, out, err = run(capsys, "expand", str(stack))
    assert (code, out) == (1, "")
    assert "error[yaml-syntax]" in err


def test_expand_of_a_file_that_is_not_there(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(capsys, "expand", "nowhere.yaml")[0] == 2


def test_the_graph_says_what_the_example_says() -> None:
    drawn = graph(check(ORDERS))
    kinds = {node.id: node.kind for node in drawn.nodes}
    assert kinds["OrdersBus"] is Kind.BUS
    assert kinds["ChargeFunctionPlaced"] is Kind.RULE
    assert kinds["PlaceFunctionNightly"] is Kind.SCHEDULE
    edges = {(edge.source, edge.target, edge.label) for edge in drawn.edges}
    assert edges == {
        ("OrdersBus", "ChargeFunctionPlaced", ""),
        ("ChargeFunctionPlaced", "ChargeFunction", ""),
        ("PlaceFunctionNightly", "PlaceFunction", ""),
        ("PlaceFunction", "OrdersBus", "uses"),
        ("ChargeFunction", "ChargedQueue", "on success"),
        ("ChargeFunction", "ChargeFailures", "on failure"),
        ("ChargeFunction", "ChargeDeadLetters", "dead letters"),
        ("ChargeFailures", "AuditQueue", ""),
        ("AuditQueue", "AuditFunction", "batches"),
        ("AuditQueue", "AuditDeadLetters", "after 3 receives"),
    }


def test_mermaid_and_dot_have_every_node_and_edge(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = graph(check(ORDERS))
    mermaid = run(capsys, "graph", str(ORDERS))[1]
    assert mermaid.startswith("flowchart LR\n")
    assert len(re.findall(r"-->|-\.->", mermaid)) == len(drawn.edges)
    assert all(node.label in mermaid for node in drawn.nodes)
    dot = run(capsys, "graph", "--output", "dot", str(ORDERS))[1]
    assert dot.count(" -> ") == len(drawn.edges)
    assert dot.count("shape=") == len(drawn.nodes) + 1


def test_the_svg_is_one_and_its_boxes_lie_apart(capsys: pytest.CaptureFixture[str]) -> None:
    drawn = graph(check(ORDERS))
    root = ElementTree.fromstring(run(capsys, "graph", "--output", "svg", str(ORDERS))[1])
    assert root.tag == f"{SVG}svg"
    width, height = int(root.attrib["width"]), int(root.attrib["height"])
    boxes = [
        tuple(int(rect.attrib[name]) for name in ("x", "y", "width", "height"))
        for rect in root.iter(f"{SVG}rect")
        if "x" in rect.attrib
    ]
    assert len(boxes) == len(drawn.nodes)
    assert all(x >= 0 and x + w <= width and y >= 0 and y + h <= height for x, y, w, h in boxes)
    for number, (x, y, w, h) in enumerate(boxes):
        for x2, y2, w2, h2 in boxes[number + 1 :]:
            assert x + w <= x2 or x2 + w2 <= x or y + h <= y2 or y2 + h2 <= y
    assert len(list(root.iter(f"{SVG}path"))) == len(drawn.edges) + 1  # and the arrow's head


def test_columns_lead_from_sources_to_ends() -> None:
    drawn = graph(check(ORDERS))
    place = {node.id: number for number, column in enumerate(columns(drawn)) for node in column}
    assert place["PlaceFunctionNightly"] == 0
    for edge in drawn.edges:
        assert place[edge.source] < place[edge.target], edge


def test_circles_are_drawn_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / "stack.yaml"
    arn = "arn:aws:sqs:us-east-1:000000000000:"
    one = "{{Type: 'AWS::SQS::Queue', Properties: {{QueueName: {}, RedrivePolicy: {{maxReceiveCount: 3, deadLetterTargetArn: '{}'}}}}}}"
    stack.write_text(f"Resources:\n  A: {one.format('a', arn + 'b')}\n  B: {one.format('b', arn + 'a')}\n")
    for form in ("mermaid", "dot", "svg"):
        code, out, _ = run(capsys, "graph", "--output", form, str(stack))
        assert code == 0
        assert "A" in out


def test_labels_cannot_break_out(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    stack = tmp_path / "stack.yaml"
    hostile = '"]<script>|&'
    stack.write_text(
        "Resources:\n  R: {Type: 'AWS::Events::Rule', Properties: {EventPattern: {source: [a]}, Targets: "
        f"[{{Id: a, Arn: 'arn:aws:states:us-east-1:000000000000:stateMachine:{hostile}'}}]}}}}\n"
    )
    ElementTree.fromstring(run(capsys, "graph", "--output", "svg", str(stack))[1])
    mermaid = run(capsys, "graph", str(stack))[1]
    assert "<script>" not in mermaid
    assert f'"{hostile}' not in mermaid
