"""SQS: queues of messages with visibility, redrive, delay, retention and FIFO groups, on the durable queue engine."""

from runner.runtime.queues.envelope import Attribute, Envelope, attributes_md5
from runner.runtime.queues.outgoing import Outgoing
from runner.runtime.queues.service import Accepted, Queues, Received

__all__ = ["Accepted", "Attribute", "Envelope", "Outgoing", "Queues", "Received", "attributes_md5"]
