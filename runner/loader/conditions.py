"""Conditions: boolean functions of parameters, evaluated once, each when it is first asked for.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/conditions-section-structure.html
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.suggest import did_you_mean
from runner.loader.values import contains_unknown
from runner.model.diagnostic import Position

CONDITION_FUNCTIONS = ("Fn::And", "Fn::Or", "Fn::Not", "Fn::Equals", "Condition")
CHAIN_MAX = 100  # conditions that hang on conditions


class Conditions:
    """Named conditions. An outcome is True, False, or None where a value is missing to tell."""

    def __init__(self, declared: Mapping[str, Any], positions: Positions, report: Report) -> None:
        self.declared = declared
        self.positions = positions
        self.report = report
        self.value: Callable[[Any], Any] = lambda node: node
        self.outcomes: dict[str, bool | None] = {}
        self.going: list[str] = []

    def use(self, value: Callable[[Any], Any]) -> None:
        """What resolves the operands of comparisons."""
        self.value = value

    def holds(self, name: str) -> bool | None:
        """The outcome of a condition; None if it is unknown, or not declared."""
        if name in self.outcomes:
            return self.outcomes[name]
        if name not in self.declared:
            return None
        if name in self.going:
            self._circular(name)
            return None
        if len(self.going) >= CHAIN_MAX:
            return None
        self.going.append(name)
        node = self.declared[name]
        at = self.positions.value(self.declared, name) if isinstance(self.declared, dict) else None
        outcome = self.evaluate(node, at)
        self.going.pop()
        return self.outcomes.setdefault(name, outcome)

    def _circular(self, name: str) -> None:
        cycle = [*self.going[self.going.index(name) :], name]
        assert isinstance(self.declared, dict)
        at = self.positions.key(self.declared, cycle[0])
        message = f"Template error: Found circular condition dependency: {' -> '.join(cycle)}"
        self.report.error(at, "circular-condition", message, "take one of them out of the circle")
        for member in cycle:
            self.outcomes[member] = None

    def evaluate(self, node: Any, at: Position | None = None) -> bool | None:
        """A condition function."""
        if not isinstance(node, dict) or len(node) != 1:
            return None
        ((name, argument),) = node.items()
        match name:
            case "Condition":
                return self.holds(argument) if isinstance(argument, str) else None
            case "Fn::Not":
                outcome = self.evaluate(argument[0]) if isinstance(argument, list) and len(argument) == 1 else None
                return None if outcome is None else not outcome
            case "Fn::And" | "Fn::Or":
                return self._several(name, argument)
            case "Fn::Equals":
                return self._equals(argument)
            case _:
                return None

    def _several(self, name: str, argument: Any) -> bool | None:
        if not isinstance(argument, list):
            return None
        outcomes = [self.evaluate(item) for item in argument]
        decisive = name == "Fn::Or"
        if decisive in outcomes:
            return decisive
        return None if None in outcomes else not decisive

    def _equals(self, argument: Any) -> bool | None:
        if not isinstance(argument, list) or len(argument) != 2:
            return None
        one, two = (self.value(item) for item in argument)
        if contains_unknown(one) or contains_unknown(two):
            return None
        return bool(_comparable(one) == _comparable(two))

    def check_name(self, name: Any, at: Position, where: str) -> None:
        """Report the name of a condition that is not declared."""
        if isinstance(name, str) and name in self.declared:
            return
        if not isinstance(name, str):
            message = "Template format error: Condition must be the name of a condition."
            hint = "name one of the Conditions section"
            if isinstance(name, bool):
                hint = "YAML reads this word as a boolean: quote it"
            self.report.error(at, "wrong-type", message, hint)
            return
        message = (
            f"Template error: unresolved condition dependency {name} in Fn::If"
            if where == "Fn::If"
            else f"Template format error: Unresolved condition dependency {name} in the {where} block of the template"
        )
        hint = did_you_mean(name, self.declared) or "declare it under Conditions"
        self.report.error(at, "unknown-condition", message, hint)


def _comparable(value: Any) -> Any:
    if isinstance(value, list):
        return [_comparable(item) for item in value]
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items()}
    return text_of(value)
