"""What AWS would accept and its owner regret, and what cannot run here."""

from runner.loader.checks.all import code_checks, static_checks

__all__ = ["code_checks", "static_checks"]
