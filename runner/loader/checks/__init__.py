"""What AWS would accept and its owner regret, and what cannot run here."""

from runner.loader.checks.all import code_checks, static_checks
from runner.loader.checks.context import Context

__all__ = ["Context", "code_checks", "static_checks"]
