"""Schedule expressions: parsed as they will be when they fire."""

from __future__ import annotations

from runner.core.timetable import Dialect, TimetableError, never_fires, parse
from runner.core.timetable_zones import find_zone
from runner.loader.checks.context import Context, Item, plain


def check_schedules(context: Context) -> None:
    """Parse the expression of every rule and schedule."""
    for item in context.of("AWS::Events::Rule"):
        _check(context, item, Dialect.RULE)
    for item in context.of("AWS::Scheduler::Schedule"):
        _check(context, item, Dialect.SCHEDULER)
        _zone(context, item)


def _check(context: Context, item: Item, dialect: Dialect) -> None:
    expression = plain(item.properties.get("ScheduleExpression"))
    if expression is None:
        return
    at = context.at(item, "ScheduleExpression")
    try:
        timetable = parse(expression, dialect)
    except TimetableError as error:
        context.report.error(at, "invalid-schedule", error.message, error.why)
        return
    if never_fires(timetable):
        message = f"The schedule {expression} never fires: there is no such date."
        context.report.warning(at, "schedule-never-fires", message, "choose a day that its months have")


def _zone(context: Context, item: Item) -> None:
    name = plain(item.properties.get("ScheduleExpressionTimezone"))
    if name is not None and find_zone(name) is None:
        message = f"Invalid Schedule Expression Timezone {name}."
        hint = "name an IANA time zone, such as Europe/Berlin"
        context.report.error(context.at(item, "ScheduleExpressionTimezone"), "invalid-schedule", message, hint)
