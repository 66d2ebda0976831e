"""The pattern language of EventBridge, once for everyone who speaks it: rules, filters of mappings, filter policies."""

from runner.core.patterns.errors import PatternError
from runner.core.patterns.index import Index, compile_rules
from runner.core.patterns.mapping_filters import MappingFilter, check_mapping_filter, compile_mapping_filter
from runner.core.patterns.never import Never, never_matches
from runner.core.patterns.pattern import Pattern, compile_pattern, pattern_text
from runner.core.patterns.policies import FilterPolicy, compile_filter_policy, policy_message
from runner.core.patterns.values import parse_event

__all__ = [
    "FilterPolicy",
    "Index",
    "MappingFilter",
    "Never",
    "Pattern",
    "PatternError",
    "check_mapping_filter",
    "compile_filter_policy",
    "compile_mapping_filter",
    "compile_pattern",
    "compile_rules",
    "never_matches",
    "parse_event",
    "pattern_text",
    "policy_message",
]
