"""EventBridge's API: PutEvents on the shortest way, buses, rules and targets through the one deployment."""

from runner.wire.events.room import Events

__all__ = ["Events"]
