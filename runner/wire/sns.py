"""SNS's API: members in, calls of the topics, members out.

Source: https://docs.aws.amazon.com/sns/latest/api/API_Operations.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping, Sequence
from typing import Any

from runner.host.clock import Clock
from runner.model.errors import ApiError
from runner.model.names import Place
from runner.runtime.deployment import Deployment
from runner.runtime.queues.envelope import size
from runner.runtime.resources import tags_of
from runner.runtime.topics import Outgoing, Published, Topics, checks, errors
from runner.runtime.topics.control import TopicControl
from runner.wire.operation import Context, Members, Operation, RawOperation

PAGE = 100
PHONE_NUMBER = re.compile(r"\+?[0-9][0-9 ().-]*")
TRACE = "x-amzn-trace-id"


class Sns:
    """The `sns` room."""

    name = "sns"

    def __init__(self, topics: Topics, deployment: Deployment, place: Place, clock: Clock) -> None:
        self._topics = topics
        self._control = TopicControl(topics, deployment, place, clock)
        self.raw_operations: Mapping[str, RawOperation] = {}
        self.operations: Mapping[str, Operation] = {
            "Publish": self.publish,
            "PublishBatch": self.publish_batch,
            "CreateTopic": self.create_topic,
            "DeleteTopic": self.delete_topic,
            "ListTopics": self.list_topics,
            "GetTopicAttributes": self.topic_attributes,
            "SetTopicAttributes": self.set_topic_attributes,
            "Subscribe": self.subscribe,
            "Unsubscribe": self.unsubscribe,
            "ConfirmSubscription": self.confirm_subscription,
            "ListSubscriptions": self.list_subscriptions,
            "ListSubscriptionsByTopic": self.list_subscriptions_by_topic,
            "GetSubscriptionAttributes": self.subscription_attributes,
            "SetSubscriptionAttributes": self.set_subscription_attributes,
            "TagResource": self.tag,
            "UntagResource": self.untag,
            "ListTagsForResource": self.tags,
            "AddPermission": self.add_permission,
            "RemovePermission": self.remove_permission,
        }

    # -- messages

    async def publish(self, members: Members, context: Context) -> Members:
        name = self._target(members)
        outgoing = _outgoing(members, context, "messageAttributes")
        return _published(await self._topics.publish(name, outgoing))

    def _target(self, members: Members) -> str:
        number = members.get("PhoneNumber")
        if number is not None:
            if not PHONE_NUMBER.fullmatch(number):
                raise errors.invalid(f"PhoneNumber Reason: {number} is not valid to publish to")
            raise errors.unsupported("Publishing to a phone number")
        arn, parameter = members.get("TopicArn"), "TopicArn"
        if arn is None:
            arn, parameter = members.get("TargetArn"), "TargetArn"
        if arn is None:
            raise errors.invalid("TopicArn or TargetArn Reason: no value for required parameter")
        if ":endpoint/" in arn:
            raise errors.invalid("TargetArn Reason: No endpoint found for the target arn specified")
        return self._control.name(arn, parameter)

    async def publish_batch(self, members: Members, context: Context) -> Members:
        name = self._control.name(members.get("TopicArn") or "")
        topic = self._topics.find(name).noun
        entries: Sequence[Members] = members.get("PublishBatchRequestEntries") or ()
        ids = [entry.get("Id") or "" for entry in entries]
        checks.check_batch_ids(ids)
        outgoing = [
            _outgoing(entry, context, f"publishBatchRequestEntries.{number}.member.messageAttributes")
            for number, entry in enumerate(entries, 1)
        ]
        for one in outgoing:
            checks.check_order(topic, one.group, one.deduplication)
        checks.check_batch_size(sum(size(one.message, one.attributes) for one in outgoing))
        outcomes = await self._topics.publish_batch(name, outgoing)
        pairs = list(zip(ids, outcomes, strict=True))
        return {
            "Successful": [{"Id": key, **_published(one)} for key, one in pairs if isinstance(one, Published)],
            "Failed": [
                {"Id": key, "Code": one.code, "Message": one.message, "SenderFault": one.sender_fault}
                for key, one in pairs
                if isinstance(one, ApiError)
            ],
        }

    # -- topics

    async def create_topic(self, members: Members, _: Context) -> Members:
        tags = _tags(members.get("Tags") or ())
        return {
            "TopicArn": await self._control.create(members.get("Name") or "", members.get("Attributes") or {}, tags)
        }

    async def delete_topic(self, members: Members, _: Context) -> Members:
        await self._control.delete(self._topic(members))
        return {}

    async def list_topics(self, members: Members, _: Context) -> Members:
        return _page([{"TopicArn": arn} for arn in self._control.topic_arns()], members, "Topics")

    async def topic_attributes(self, members: Members, _: Context) -> Members:
        return {"Attributes": await self._control.topic_attributes(self._topic(members))}

    async def set_topic_attributes(self, members: Members, _: Context) -> Members:
        name, value = members.get("AttributeName") or "", members.get("AttributeValue") or ""
        await self._control.set_attribute(self._topic(members), name, value)
        return {}

    async def add_permission(self, members: Members, _: Context) -> Members:
        accounts, actions = members.get("AWSAccountId") or (), members.get("ActionName") or ()
        for parameter, given in (("AWSAccountId", accounts), ("ActionName", actions)):
            if not given:
                raise errors.invalid(f"{parameter} Reason: no value for required parameter")
        await self._control.add_permission(self._topic(members), members.get("Label") or "", accounts, actions)
        return {}

    async def remove_permission(self, members: Members, _: Context) -> Members:
        await self._control.remove_permission(self._topic(members), members.get("Label") or "")
        return {}

    def _topic(self, members: Members) -> str:
        return self._control.name(members.get("TopicArn") or "")

    # -- subscriptions

    async def subscribe(self, members: Members, _: Context) -> Members:
        name = self._topic(members)
        protocol, endpoint = members.get("Protocol") or "", members.get("Endpoint") or ""
        arn, in_force = await self._control.subscribe(name, protocol, endpoint, members.get("Attributes") or {})
        shown = in_force or members.get("ReturnSubscriptionArn")
        return {"SubscriptionArn": arn if shown else "pending confirmation"}

    async def unsubscribe(self, members: Members, _: Context) -> Members:
        await self._control.unsubscribe(members.get("SubscriptionArn") or "")
        return {}

    async def confirm_subscription(self, members: Members, _: Context) -> Members:
        try:
            name = self._topic(members)
        except ApiError as refused:
            raise (errors.invalid("Topic") if refused.code == "InvalidParameter" else refused) from None
        return {"SubscriptionArn": await self._control.confirm(name, members.get("Token") or "")}

    async def list_subscriptions(self, members: Members, _: Context) -> Members:
        return _page(await self._control.subscriptions(), members, "Subscriptions")

    async def list_subscriptions_by_topic(self, members: Members, _: Context) -> Members:
        return _page(await self._control.subscriptions(self._topic(members)), members, "Subscriptions")

    async def subscription_attributes(self, members: Members, _: Context) -> Members:
        return {"Attributes": await self._control.subscription_attributes(members.get("SubscriptionArn") or "")}

    async def set_subscription_attributes(self, members: Members, _: Context) -> Members:
        arn, name = members.get("SubscriptionArn") or "", members.get("AttributeName") or ""
        await self._control.set_subscription_attribute(arn, name, members.get("AttributeValue") or "")
        return {}

    # -- tags

    async def tag(self, members: Members, _: Context) -> Members:
        await self._control.tag(self._resource(members), _tags(members.get("Tags") or ()))
        return {}

    async def untag(self, members: Members, _: Context) -> Members:
        await self._control.tag(self._resource(members), {}, members.get("TagKeys") or ())
        return {}

    async def tags(self, members: Members, _: Context) -> Members:
        tags = tags_of(self._topics.find(self._resource(members)).noun)
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def _resource(self, members: Members) -> str:
        return self._control.name(members.get("ResourceArn") or "", "ResourceArn")


def _outgoing(members: Members, context: Context, path: str) -> Outgoing:
    attributes: Mapping[str, Members] = members.get("MessageAttributes") or {}
    return Outgoing(
        members.get("Message") or "",
        members.get("Subject"),
        members.get("MessageStructure"),
        {name: checks.attribute(name, value, path) for name, value in attributes.items()},
        members.get("MessageGroupId"),
        members.get("MessageDeduplicationId"),
        context.headers.get(TRACE),
    )


def _published(published: Published) -> dict[str, Any]:
    answer = {"MessageId": published.message_id}
    return answer | ({"SequenceNumber": published.sequence} if published.sequence else {})


def _tags(tags: Sequence[Members]) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in tags}


def _page(rows: Sequence[Mapping[str, str]], members: Members, key: str) -> Members:
    """A hundred rows; the token is how many came before."""
    token = members.get("NextToken")
    try:
        start = int(base64.b64decode(token, validate=True)) if token else 0
    except ValueError:
        raise errors.invalid("NextToken") from None
    page = {key: list(rows[start : start + PAGE])}
    if len(rows) > start + PAGE:
        return page | {"NextToken": base64.b64encode(str(start + PAGE).encode()).decode()}
    return page
