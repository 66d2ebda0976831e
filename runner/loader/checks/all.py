"""The list of checks, in no order: findings are sorted by place."""

from __future__ import annotations

from typing import Any

from runner.loader.checks.code import check_code
from runner.loader.checks.runtimes import check_runtimes
from runner.loader.positions import Positions
from runner.loader.report import Report


def static_checks(checked: Any, report: Report, positions: Positions) -> None:
    """Checks that look at nothing but the template."""
    check_runtimes(checked, report, positions)


def code_checks(checked: Any, report: Report, positions: Positions) -> None:
    """Checks that look at the code beside it."""
    check_code(checked, report, positions)
