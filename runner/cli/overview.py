"""What is deployed, as tables: shown when a stack is ready, and by `runner status`. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from runner.cli.render import Section
from runner.model.events import EventBus, Rule, Schedule, Target
from runner.model.function import Alias, FunctionVersion
from runner.model.mapping import EventSourceMapping
from runner.model.messaging import Queue, Subscription, Topic
from runner.model.names import LATEST, Arn, function_reference
from runner.model.state import State
from runner.runtime.schedules import Upcoming


def overview(state: State, upcoming: Sequence[Upcoming], depths: Mapping[str, str] | None = None) -> list[Section]:
    """Sections for everything that runs. `depths`: what each queue holds, where that is known."""
    return [
        _functions(state),
        _buses(state),
        _schedules(state, upcoming),
        _queues(state, depths),
        _topics(state),
        _mappings(state),
    ]


def _functions(state: State) -> Section:
    rows = []
    for deployed in sorted(state.of(FunctionVersion).values(), key=lambda d: d.noun.name):
        function = deployed.noun
        if function.version != LATEST:
            continue
        published = [d.noun for d in state.of(FunctionVersion).values() if d.noun.name == function.name]
        numbers = sorted(int(v.version) for v in published if v.version != LATEST)
        aliases = [
            d.noun for d in state.of(Alias).values() if function_reference(d.noun.function_name)[0] == function.name
        ]
        rows.append(
            (
                function.name,
                str(numbers[-1]) if numbers else LATEST,
                ", ".join(f"{alias.name} -> {alias.function_version}" for alias in aliases) or "-",
                function.config.runtime or "image",
                f"{function.config.memory_mb} MB",
                f"{function.config.timeout_s} s",
            )
        )
    columns = ("Name", "Version", "Alias", "Runtime", "Memory", "Timeout")
    return Section("functions", "Functions", columns, tuple(rows))


def _buses(state: State) -> Section:
    names = sorted({"default", *state.of(EventBus)})
    rows: list[tuple[str, ...]] = []
    for bus in names:
        rules = [d.noun for d in state.of(Rule).values() if d.noun.bus == bus and d.noun.event_pattern is not None]
        rows.extend((bus, rule.name or "", rule.state.lower(), _targets(rule.targets)) for rule in rules)
        if not rules:
            rows.append((bus, "-", "", ""))
    return Section("buses", "Buses and rules", ("Bus", "Rule", "State", "Targets"), tuple(rows))


def _targets(targets: tuple[Target, ...]) -> str:
    return ", ".join(_place(target.arn) for target in targets)


def _place(arn: str) -> str:
    """`lambda orders-charge` for an ARN."""
    parsed = Arn.parse(arn)
    return f"{parsed.service} {parsed.name}" if parsed else arn


def _schedules(state: State, upcoming: Sequence[Upcoming]) -> Section:
    rows = tuple((due.name, due.expression, _moment(due.at), _aims(state, due)) for due in upcoming)
    return Section("schedules", "Schedules", ("Name", "Expression", "Next", "Targets"), rows)


def _aims(state: State, due: Upcoming) -> str:
    """What a schedule invokes or sends to."""
    if due.kind == "rule":
        rule = state.get(Rule, due.name)
        return _targets(rule.noun.targets) if rule else "-"
    schedule = state.get(Schedule, due.name)
    return _place(schedule.noun.target.arn) if schedule else "-"


def _moment(at: float | None) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M:%S UTC") if at else "-"


def _queues(state: State, depths: Mapping[str, str] | None) -> Section:
    known = depths or {}
    rows = tuple(
        (name, f"{deployed.noun.visibility_timeout_s} s", known.get(name, "-"))
        for name, deployed in sorted(state.of(Queue).items())
    )
    return Section("queues", "Queues", ("Name", "Visibility", "Messages"), rows)


def _topics(state: State) -> Section:
    rows = []
    for name in sorted(state.of(Topic)):
        subscribers = [
            _place(d.noun.endpoint or "") if d.noun.protocol in ("sqs", "lambda") else d.noun.endpoint or ""
            for d in state.of(Subscription).values()
            if d.noun.topic_arn.rsplit(":", 1)[-1] == name
        ]
        rows.append((name, ", ".join(subscribers) or "-"))
    return Section("topics", "Topics", ("Name", "Subscribers"), tuple(rows))


def _mappings(state: State) -> Section:
    rows = tuple(
        (
            _place(deployed.noun.event_source_arn or ""),
            function_reference(deployed.noun.function_name)[0],
            str(deployed.noun.batch_size or 10),
            "enabled" if deployed.noun.enabled else "disabled",
        )
        for _, deployed in sorted(state.of(EventSourceMapping).items())
    )
    return Section("mappings", "Event source mappings", ("Source", "Function", "Batch", "State"), rows)
