"""IAM's API over State: roles, their policies, managed policies. Records that are kept and shown, not enforced."""

from runner.wire.iam.room import Iam

__all__ = ["Iam"]
