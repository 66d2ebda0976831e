"""A graph as Mermaid, DOT and SVG. The SVG is laid out here: columns by distance from the sources, no crossing hunt."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from runner.loader.graph import Edge, Graph, Kind, Node

COLOURS: Mapping[Kind, str] = {
    Kind.SCHEDULE: "#8250df",
    Kind.BUS: "#bf3989",
    Kind.RULE: "#cf5fa6",
    Kind.FUNCTION: "#bc4c00",
    Kind.QUEUE: "#1a7f37",
    Kind.TOPIC: "#9a6700",
    Kind.STREAM: "#0969da",
    Kind.TABLE: "#0550ae",
    Kind.BUCKET: "#2da44e",
    Kind.API: "#6639ba",
    Kind.OTHER: "#57606a",
}
SHAPES: Mapping[Kind, tuple[str, str]] = {
    Kind.SCHEDULE: ("([", "])"),
    Kind.BUS: ("[[", "]]"),
    Kind.RULE: ("{{", "}}"),
    Kind.QUEUE: ("[(", ")]"),
    Kind.STREAM: ("[(", ")]"),
    Kind.TABLE: ("[(", ")]"),
    Kind.TOPIC: (">", "]"),
}
DOT_SHAPES: Mapping[Kind, str] = {
    Kind.SCHEDULE: "oval",
    Kind.BUS: "box3d",
    Kind.RULE: "hexagon",
    Kind.QUEUE: "cylinder",
    Kind.STREAM: "cylinder",
    Kind.TABLE: "cylinder",
    Kind.TOPIC: "cds",
}
WIDTH, HEIGHT, GAP_X, GAP_Y, MARGIN = 190, 46, 110, 22, 24
CHARACTERS = 25  # of a label in a box


def as_mermaid(graph: Graph) -> str:
    """A Mermaid flowchart. Source: https://mermaid.js.org/syntax/flowchart.html"""
    ids = _ids(graph)
    lines = ["flowchart LR"]
    for node in graph.nodes:
        opening, closing = SHAPES.get(node.kind, ("[", "]"))
        detail = f"<br/><small>{_mermaid(node.detail)}</small>" if node.detail else ""
        lines.append(f'    {ids[node.id]}{opening}"{_mermaid(node.label)}{detail}"{closing}')
    for edge in graph.edges:
        arrow = "-.->" if edge.dashed else "-->"
        label = f'|"{_mermaid(edge.label)}"|' if edge.label else ""
        lines.append(f"    {ids[edge.source]} {arrow}{label} {ids[edge.target]}")
    for kind, colour in COLOURS.items():
        members = [ids[node.id] for node in graph.nodes if node.kind is kind]
        if members:
            lines.append(f"    classDef {kind} stroke:{colour},stroke-width:2px")
            lines.append(f"    class {','.join(members)} {kind}")
    return "\n".join(lines) + "\n"


def _mermaid(text: str) -> str:
    return escape(text, quote=False).replace('"', "#quot;").replace("|", "#124;")


def as_dot(graph: Graph) -> str:
    """Graphviz. Source: https://graphviz.org/doc/info/lang.html"""
    ids = _ids(graph)
    lines = [f"digraph {json.dumps(graph.name)} {{", "    rankdir=LR;", '    node [fontname="sans-serif", shape=box];']
    for node in graph.nodes:
        label = node.label + (f"\n{node.detail}" if node.detail else "")
        style = ', style="dashed"' if node.outside else ""
        shape = DOT_SHAPES.get(node.kind, "box")
        lines.append(
            f'    {ids[node.id]} [label={json.dumps(label)}, shape={shape}, color="{COLOURS[node.kind]}"{style}];'
        )
    for edge in graph.edges:
        style = ", style=dashed" if edge.dashed else ""
        lines.append(f"    {ids[edge.source]} -> {ids[edge.target]} [label={json.dumps(edge.label)}{style}];")
    return "\n".join([*lines, "}"]) + "\n"


def _ids(graph: Graph) -> dict[str, str]:
    return {node.id: f"n{number}" for number, node in enumerate(graph.nodes)}


@dataclass(frozen=True, slots=True)
class Box:
    """Where a node is drawn: its upper left corner."""

    node: Node
    x: int
    y: int


def columns(graph: Graph) -> list[list[Node]]:
    """Nodes by their longest way from a source; edges that would close a circle do not count."""
    depth = _depths(graph)
    found: dict[int, list[Node]] = defaultdict(list)
    for node in graph.nodes:
        found[depth[node.id]].append(node)
    ordered: list[list[Node]] = []
    places: dict[str, float] = {}
    for number in sorted(found):
        column = found[number]
        column.sort(key=lambda node: (_pull(node.id, graph.edges, places), node.label))
        places.update({node.id: row for row, node in enumerate(column)})
        ordered.append(column)
    return ordered


def _pull(node: str, edges: Sequence[Edge], places: Mapping[str, float]) -> float:
    """The middle of what feeds a node: near to it, lines are short."""
    feeding = [places[edge.source] for edge in edges if edge.target == node and edge.source in places]
    return sum(feeding) / len(feeding) if feeding else 1e9


def _depths(graph: Graph) -> dict[str, int]:
    targets: dict[str, list[str]] = defaultdict(list)
    for edge in graph.edges:
        if edge.source != edge.target:
            targets[edge.source].append(edge.target)
    order = _order(graph, targets)
    rank = {node: number for number, node in enumerate(order)}
    depth = dict.fromkeys(rank, 0)
    for node in order:
        for target in targets[node]:
            if rank[target] > rank[node]:
                depth[target] = max(depth[target], depth[node] + 1)
    return depth


def _order(graph: Graph, targets: Mapping[str, list[str]]) -> list[str]:
    """Nodes so that edges lead forward, circles apart: depth first, last finished first; sources begin."""
    fed = {edge.target for edge in graph.edges}
    starts = [node.id for node in graph.nodes if node.id not in fed] + [node.id for node in graph.nodes]
    seen: set[str] = set()
    finished: list[str] = []
    for start in reversed(starts):
        work = [(start, iter(targets.get(start, ())))] if start not in seen else []
        seen.add(start)
        while work:
            node, rest = work[-1]
            target = next((one for one in rest if one not in seen), None)
            if target is None:
                finished.append(node)
                work.pop()
            else:
                seen.add(target)
                work.append((target, iter(targets.get(target, ()))))
    return finished[::-1]


def as_svg(graph: Graph) -> str:
    """An SVG drawn in columns. Source: https://www.w3.org/TR/SVG2/"""
    laid = columns(graph)
    tallest = max((len(column) for column in laid), default=1)
    boxes: dict[str, Box] = {}
    for number, column in enumerate(laid):
        top = MARGIN + (tallest - len(column)) * (HEIGHT + GAP_Y) // 2
        for row, node in enumerate(column):
            boxes[node.id] = Box(node, MARGIN + number * (WIDTH + GAP_X), top + row * (HEIGHT + GAP_Y))
    width = 2 * MARGIN + max(1, len(laid)) * (WIDTH + GAP_X) - GAP_X
    height = 2 * MARGIN + tallest * (HEIGHT + GAP_Y) - GAP_Y
    parts = [_svg_head(graph.name, width, height)]
    parts += [_svg_edge(edge, boxes[edge.source], boxes[edge.target]) for edge in graph.edges]
    parts += [_svg_node(box) for box in boxes.values()]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _svg_head(name: str, width: int, height: int) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" '
        f'font-family="system-ui, sans-serif" font-size="12">\n'
        f"<title>{escape(name)}</title>\n"
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0 8 4 0 8z" fill="#57606a"/></marker></defs>\n'
        f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    )


def _svg_edge(edge: Edge, source: Box, target: Box) -> str:
    x1, y1 = source.x + WIDTH, source.y + HEIGHT // 2
    x2, y2 = target.x, target.y + HEIGHT // 2
    bend = max(40, abs(x2 - x1) // 2)
    if x2 <= source.x:  # backwards, or to itself: out at the bottom and around
        y1 = source.y + HEIGHT
        x1 = source.x + WIDTH // 2
        path = f"M{x1} {y1} C{x1} {y1 + 40} {x2 - 60} {y2 + 40} {x2} {y2}"
    else:
        path = f"M{x1} {y1} C{x1 + bend} {y1} {x2 - bend} {y2} {x2} {y2}"
    dash = ' stroke-dasharray="5 4"' if edge.dashed else ""
    line = f'<path d="{path}" fill="none" stroke="#57606a" stroke-width="1.3"{dash} marker-end="url(#arrow)"/>'
    if not edge.label:
        return line
    x, y = (x1 + x2) // 2, (y1 + y2) // 2 - 4
    text = f'<text x="{x}" y="{y}" text-anchor="middle" fill="#57606a" font-size="10">{escape(edge.label)}</text>'
    return f"{line}\n{text}"


def _svg_node(box: Box) -> str:
    node, colour = box.node, COLOURS[box.node.kind]
    dash = ' stroke-dasharray="4 3"' if node.outside else ""
    radius = HEIGHT // 2 if node.kind is Kind.SCHEDULE else 6
    middle = box.x + WIDTH // 2
    name_y = box.y + (20 if node.detail else 28)
    lines = [
        f"<g><title>{escape(node.kind)}: {escape(node.id)}</title>",
        f'<rect x="{box.x}" y="{box.y}" width="{WIDTH}" height="{HEIGHT}" rx="{radius}" fill="#f6f8fa" '
        f'stroke="{colour}" stroke-width="1.6"{dash}/>',
        f'<text x="{middle}" y="{name_y}" text-anchor="middle" font-weight="600" fill="#1f2328">'
        f"{escape(_cut(node.label))}</text>",
    ]
    if node.detail:
        lines.append(
            f'<text x="{middle}" y="{box.y + 36}" text-anchor="middle" fill="{colour}" font-size="10">'
            f"{escape(_cut(node.detail, 32))}</text>"
        )
    return "\n".join([*lines, "</g>"])


def _cut(text: str, most: int = CHARACTERS) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
