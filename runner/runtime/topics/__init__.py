"""SNS: topics that hand each message to their subscribers' doors, durably and once each."""

from runner.runtime.topics.notice import Notice
from runner.runtime.topics.service import Outgoing, Published, Topics

__all__ = ["Notice", "Outgoing", "Published", "Topics"]
