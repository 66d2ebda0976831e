"""AWS Lambda's API: Invoke on the shortest way, everything else through the one deployment."""

from runner.wire.lambda_.room import Lambda

__all__ = ["Lambda"]
