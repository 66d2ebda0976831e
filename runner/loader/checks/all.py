"""The table of checks. What needs the pattern compiler or schedule arithmetic is loaded when such a resource is met."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from runner.loader.checks.code import check_code
from runner.loader.checks.context import Check, Context
from runner.loader.checks.functions import check_functions
from runner.loader.checks.mappings import check_mappings
from runner.loader.checks.queues import check_queues
from runner.loader.checks.reach import check_reach
from runner.loader.checks.runtimes import check_runtimes
from runner.loader.checks.targets import check_targets

TEMPLATE: tuple[Check, ...] = (
    check_runtimes,
    check_functions,
    check_queues,
    check_mappings,
    check_targets,
    check_reach,
)
WHEN_MET: Mapping[str, str] = {
    "EventPattern": "runner.loader.checks.patterns:check_rules",
    "FilterPolicy": "runner.loader.checks.patterns:check_filter_policies",
    "FilterCriteria": "runner.loader.checks.patterns:check_filters",
    "ScheduleExpression": "runner.loader.checks.schedules:check_schedules",
}
"""Checks by the property that calls for them: each loads what `validate` would otherwise wait for."""


def static_checks(context: Context) -> None:
    """Checks that look at nothing but the template."""
    for check in TEMPLATE:
        check(context)
    properties = {name for item in context.resources.values() for name in item.properties}
    for name, where in WHEN_MET.items():
        if name in properties:
            module, _, function = where.partition(":")
            getattr(import_module(module), function)(context)


def code_checks(context: Context) -> None:
    """Checks that look at the code beside the template."""
    check_code(context)
