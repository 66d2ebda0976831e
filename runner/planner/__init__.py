"""Stack and State in, Plan out: what would change, why, and the State that it leads to. Pure."""

from runner.planner.desired import CodeDigest
from runner.planner.plan import Plan, plan, plan_removal

__all__ = ["CodeDigest", "Plan", "plan", "plan_removal"]
