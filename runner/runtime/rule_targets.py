"""Rules as the runtime uses them: pattern and targets compiled, and what a matched event becomes for each target."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from runner.core.paths import PathError
from runner.core.patterns import Pattern, PatternError, compile_pattern
from runner.core.put_events import timestamp
from runner.core.redelivery import Policy
from runner.core.transformer import Facts, Transform, compile_transform, dynamic
from runner.model.events import Rule, Target
from runner.model.names import Place
from runner.model.state import Deployed
from runner.runtime.deliveries import Delivery, target_service
from runner.runtime.doors import Letter

log = logging.getLogger(__name__)

SUPPORTED = ("lambda", "sqs", "sns", "events", "logs")


@dataclass(frozen=True, slots=True)
class CompiledTarget:
    target: Target
    transform: Transform
    policy: Policy
    dead_letters: str | None


@dataclass(frozen=True, slots=True)
class Event:
    """An event on a bus, parsed once. `body` is its JSON; `hops` counts the buses it came over."""

    id: str
    body: bytes
    parsed: Mapping[str, Any]
    at: float
    hops: int = 0
    trace: str | None = None


@dataclass(frozen=True, slots=True)
class CompiledRule:
    """`pattern` is None for a rule that only has a schedule; `source` is the deployed rule it was compiled from."""

    source: Deployed[Rule]
    arn: str
    pattern: Pattern | None
    targets: tuple[CompiledTarget, ...]

    @property
    def live_pattern(self) -> Pattern | None:
        """The pattern of a rule that does something when it matches."""
        return self.pattern if self.targets and self.source.noun.state != "DISABLED" else None

    def deliveries(self, event: Event) -> Iterator[Delivery]:
        """What the event becomes for each target. A template whose result is no JSON delivers nothing, as on AWS."""
        key = self.source.key
        facts = Facts(self.arn, key.rsplit("/", 1)[-1], timestamp(event.at))
        for compiled in self.targets:
            target = compiled.target
            body = compiled.transform(event.parsed, event.body, facts)
            if body is None:
                log.warning("Target %s of %s does not get event %s: its input is no JSON", target.id, key, event.id)
                continue
            group = target.sqs_parameters.message_group_id if target.sqs_parameters else None
            partition = target.kinesis_parameters.partition_key_path if target.kinesis_parameters else None
            letter = Letter(
                f"{event.id}/{key}/{target.id}",
                body,
                event.at,
                group=dynamic(group, event.parsed),
                trace=event.trace,
                partition_key=dynamic(partition, event.parsed),
                hops=event.hops + 1,
            )
            yield Delivery(
                target.arn, letter, event.body, {"RULE_ARN": self.arn}, compiled.policy, compiled.dead_letters
            )


def compile_rule(deployed: Deployed[Rule], place: Place, old: CompiledRule | None = None) -> CompiledRule:
    """Compile a deployed rule; a pattern that is the same in the `old` one is taken from there.

    What is wrong with the rule was said when it was deployed; here it is logged and left out.
    """
    rule = deployed.noun
    bus, name = deployed.key.rsplit("/", 1)
    pattern = None
    if old is not None and old.pattern is not None and old.source.noun.event_pattern == rule.event_pattern:
        pattern = old.pattern
    elif rule.event_pattern is not None:
        try:
            pattern = compile_pattern(rule.event_pattern)
        except PatternError as error:
            log.error("Rule %s matches nothing: %s", deployed.key, error)
    targets = [_compile_target(target, deployed.key) for target in rule.targets]
    return CompiledRule(deployed, place.rule(bus, name), pattern, tuple(one for one in targets if one is not None))


def _compile_target(target: Target, rule: str) -> CompiledTarget | None:
    """None for a target that nothing can be delivered for."""
    service = target_service(target.arn)
    dead_letters = target.dead_letter_config.arn if target.dead_letter_config else None
    if service not in SUPPORTED:
        log.error("Target %s of rule %s gets nothing: %s is not run here", target.id, rule, target.arn)
        if dead_letters is None:
            return None
    try:
        # A bus receives the event itself: what a template makes of it would be no event.
        transform = compile_transform(target if service != "events" else Target(id=target.id, arn=target.arn))
    except PathError as error:
        log.error("Target %s of rule %s gets nothing: %s", target.id, rule, error)
        return None
    policy = Policy(target.retry_policy.max_retries, target.retry_policy.max_age_s)
    return CompiledTarget(target, transform, policy, dead_letters)
