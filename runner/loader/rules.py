"""The Rules section: assertions about parameters, checked before anything is deployed.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from runner.loader.parameters import Parameters
from runner.loader.positions import Positions
from runner.loader.report import Report
from runner.loader.scalars import text_of
from runner.loader.suggest import did_you_mean
from runner.loader.values import contains_unknown
from runner.model.diagnostic import Position

MEMBERS = ("RuleCondition", "Assertions")
ASSERTION_MEMBERS = ("Assert", "AssertDescription")
FUNCTIONS = (
    "Fn::And",
    "Fn::Or",
    "Fn::Not",
    "Fn::Equals",
    "Fn::Contains",
    "Fn::EachMemberEquals",
    "Fn::EachMemberIn",
)
ABOUT_ACCOUNT = ("Fn::RefAll", "Fn::ValueOf", "Fn::ValueOfAll")
"""Functions that ask the account about its networks; unknown here."""


class Rules:
    """Checks a template's rules. `value` resolves operands."""

    def __init__(
        self, parameters: Parameters, value: Callable[[Any], Any], positions: Positions, report: Report
    ) -> None:
        self.parameters = parameters
        self.value = value
        self.positions = positions
        self.report = report

    def check(self, rules: dict[str, Any]) -> None:
        """Check the shape of every rule, and every assertion whose parameters have values."""
        for name, rule in rules.items():
            if not isinstance(rule, dict) or not isinstance(rule.get("Assertions"), list):
                message = f"Template format error: Rule {name} must contain Assertions."
                at = self.positions.key(rules, name)
                self.report.error(at, "missing-property", message, "write 'Assertions: [{Assert: ...}]'")
                continue
            self._unknown(rule, MEMBERS)
            condition = rule.get("RuleCondition")
            holds = self._outcome(condition, self.positions.value(rule, "RuleCondition")) if condition else True
            for assertion in rule["Assertions"]:
                if isinstance(assertion, dict):
                    self._assertion(name, assertion, holds)

    def _unknown(self, container: dict[str, Any], allowed: tuple[str, ...]) -> None:
        for key in container:
            if key not in allowed:
                message = f"Template format error: Invalid rule property '{key}'"
                hint = did_you_mean(str(key), allowed) or f"allowed: {', '.join(allowed)}"
                self.report.error(self.positions.key(container, key), "unknown-property", message, hint)

    def _assertion(self, name: str, assertion: dict[str, Any], holds: bool | None) -> None:
        self._unknown(assertion, ASSERTION_MEMBERS)
        at = self.positions.of(assertion)
        if "Assert" not in assertion:
            message = f"Template format error: an assertion of rule {name} has no Assert."
            self.report.error(at, "missing-property", message, "add Assert")
            return
        outcome = self._outcome(assertion["Assert"], self.positions.value(assertion, "Assert"))
        if outcome is False and holds:
            described = assertion.get("AssertDescription") or "no description"
            message = f"Template validation error: Rule '{name}': Assertion failed: {described}"
            self.report.error(at, "failed-assertion", message, "give other values for the parameters")

    def _outcome(self, node: Any, at: Position) -> bool | None:
        """The outcome of a rule function; None where it cannot be told."""
        if not isinstance(node, dict) or len(node) != 1:
            message = "Template format error: a rule is a boolean function of parameters."
            self.report.error(at, "invalid-condition", message, f"use {', '.join(FUNCTIONS)}")
            return None
        ((name, argument),) = node.items()
        here = self.positions.of(node)
        if name in ABOUT_ACCOUNT:
            return None
        if name not in FUNCTIONS or not isinstance(argument, list):
            hint = did_you_mean(str(name), FUNCTIONS) or f"use {', '.join(FUNCTIONS)}"
            message = f"Template format error: {name} cannot be used in a rule like this."
            self.report.error(here, "invalid-condition", message, hint)
            return None
        if name in ("Fn::And", "Fn::Or", "Fn::Not"):
            return self._combined(name, [self._outcome(item, here) for item in argument])
        if len(argument) != 2:
            message = f"Template error: {name} takes two things."
            self.report.error(here, "invalid-function", message, "write [one, other]")
            return None
        return self._compared(name, *(self._operand(item) for item in argument))

    def _combined(self, name: str, outcomes: list[bool | None]) -> bool | None:
        if name == "Fn::Not":
            return None if None in outcomes or len(outcomes) != 1 else not outcomes[0]
        decisive = name == "Fn::Or"
        if decisive in outcomes:
            return decisive
        return None if None in outcomes else not decisive

    def _operand(self, node: Any) -> Any:
        if isinstance(node, dict) and len(node) == 1 and next(iter(node)) in ABOUT_ACCOUNT:
            return None
        value = self.value(node)
        return None if contains_unknown(value) else value

    def _compared(self, name: str, one: Any, two: Any) -> bool | None:
        if one is None or two is None:
            return None
        first = [text_of(item) for item in one] if isinstance(one, list) else [text_of(one)]
        second = [text_of(item) for item in two] if isinstance(two, list) else [text_of(two)]
        wanted = second[0] if second else ""
        match name:
            case "Fn::Equals":
                return first == second
            case "Fn::Contains":
                return wanted in first
            case "Fn::EachMemberEquals":
                return all(item == wanted for item in first)
            case _:
                return all(item in second for item in first)
