"""Circular dependencies between resources: every strongly connected set, once.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/troubleshooting.html
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from typing import Any

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.model.diagnostic import Note


def circles(edges: Mapping[str, Set[str]]) -> Iterator[list[str]]:
    """Strongly connected sets of more than one name, or of one that names itself. (Tarjan, without recursion.)"""
    index: dict[str, int] = {}
    low: dict[str, int] = {}
    stack: list[str] = []
    on_stack: set[str] = set()
    for root in edges:
        if root in index:
            continue
        work = [(root, iter(sorted(edges.get(root, ()))))]
        index[root] = low[root] = len(index)
        stack.append(root)
        on_stack.add(root)
        while work:
            name, targets = work[-1]
            target = next((t for t in targets if t in edges), None)
            if target is None:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[name])
                if low[name] == index[name]:
                    members = _unwind(stack, on_stack, name)
                    if len(members) > 1 or name in edges.get(name, ()):
                        yield members
            elif target not in index:
                index[target] = low[target] = len(index)
                stack.append(target)
                on_stack.add(target)
                work.append((target, iter(sorted(edges.get(target, ())))))
            elif target in on_stack:
                low[name] = min(low[name], index[target])


def _unwind(stack: list[str], on_stack: set[str], name: str) -> list[str]:
    members = []
    while True:
        member = stack.pop()
        on_stack.discard(member)
        members.append(member)
        if member == name:
            return members


def report_circles(
    edges: Mapping[str, Set[str]], resources: dict[str, Any], positions: Positions, report: Report
) -> None:
    """Report each circle at the first of its members in the file, with notes at the others."""
    for members in circles(edges):
        known = [name for name in members if name in resources]
        known.sort(key=lambda name: positions.key(resources, name))
        first, *others = known
        message = f"Circular dependency between resources: [{', '.join(sorted(members))}]"
        notes = [Note(positions.key(resources, name), f"'{name}' is part of the circle") for name in others]
        hint = "break the circle: name one of them explicitly and build its ARN from the name"
        if not others:
            hint = "a resource cannot refer to itself; give it a name and use that"
        report.error(positions.key(resources, first), "circular-dependency", message, hint, *notes)
