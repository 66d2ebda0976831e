"""CloudWatch Logs' API over the log service, and over State for groups that were declared."""

from runner.wire.logs.room import Logs

__all__ = ["Logs"]
