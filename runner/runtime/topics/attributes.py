"""Attributes of topics and subscriptions as the API spells them: text in, text out, and what is refused.

Source: https://docs.aws.amazon.com/sns/latest/api/API_SetSubscriptionAttributes.html
        https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError

from runner.core.patterns import PatternError, compile_filter_policy, policy_message
from runner.model.messaging import Subscription, Topic
from runner.model.names import Arn, Place
from runner.model.state import Deployed
from runner.runtime.topics import delivery_policy, errors
from runner.runtime.topics.delivery_policy import PolicyError, parsed, retry_policy

TOPIC_FLAGS = frozenset({"FifoTopic", "ContentBasedDeduplication"})
TOPIC_TEXTS = frozenset({"DisplayName", "KmsMasterKeyId", "SignatureVersion", "TracingConfig", "FifoThroughputScope"})
TOPIC_SETTABLE = TOPIC_FLAGS | TOPIC_TEXTS | {"DeliveryPolicy", "Policy"}
UNSUPPORTED_OF_TOPICS = frozenset({"ArchivePolicy", "DataProtectionPolicy"})
UNSUPPORTED_OF_SUBSCRIPTIONS = frozenset({"ReplayPolicy"})
SUBSCRIPTION_SETTABLE = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "SubscriptionRoleArn",
    }
)
SCOPES = ("MessageBody", "MessageAttributes")
OWNER_ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
)


def changed_topic(topic: Topic, attributes: Mapping[str, str]) -> Topic:
    """The topic with attributes set; `Policy` is not part of it and left out here. Raises ApiError."""
    document = topic.model_dump(by_alias=True, exclude_unset=True)
    for name, text in attributes.items():
        if name in UNSUPPORTED_OF_TOPICS:
            raise errors.unsupported(f"The topic attribute {name}")
        if name not in TOPIC_SETTABLE:
            raise errors.invalid("AttributeName")
        if name == "DeliveryPolicy":
            document[name] = _topic_delivery_policy(text)
        elif name != "Policy":
            document[name] = _flag(name, text) if name in TOPIC_FLAGS else text
    try:
        return Topic.model_validate(document)
    except ValidationError as error:
        raise errors.invalid(f"Attributes Reason: {error.errors()[0]['loc'][0]}") from None


def _topic_delivery_policy(text: str) -> dict[str, Any] | None:
    try:
        return delivery_policy.topic_policy(text) or None
    except PolicyError as error:
        raise errors.invalid(f"DeliveryPolicy: {error}") from None


def _flag(name: str, text: str) -> bool:
    if text.lower() not in ("true", "false"):
        raise errors.invalid(f"Attributes Reason: {name}: Invalid value [{text}]. Must be true or false.")
    return text.lower() == "true"


def described_topic(
    found: Deployed[Topic], place: Place, policy: str | None, *, confirmed: int, pending: int
) -> dict[str, str]:
    """Every attribute of a topic, in the order of names."""
    topic, arn = found.noun, place.topic(found.key)
    values: dict[str, str | None] = {
        "TopicArn": arn,
        "Owner": place.account,
        "Policy": policy or default_policy(arn, place.account),
        "DisplayName": topic.display_name or "",
        "DeliveryPolicy": _compact(delivery_policy.shown_topic_policy(topic.delivery_policy))
        if topic.delivery_policy
        else None,
        "EffectiveDeliveryPolicy": _compact(delivery_policy.effective_topic_policy(topic.delivery_policy)),
        "SubscriptionsConfirmed": str(confirmed),
        "SubscriptionsDeleted": "0",
        "SubscriptionsPending": str(pending),
        "KmsMasterKeyId": topic.kms_master_key_id,
        "SignatureVersion": topic.signature_version,
        "TracingConfig": topic.tracing_config,
    }
    if topic.fifo_topic:
        values["FifoTopic"] = "true"
        values["ContentBasedDeduplication"] = "true" if topic.content_based_deduplication else "false"
        values["FifoThroughputScope"] = topic.fifo_throughput_scope
    return {name: value for name, value in sorted(values.items()) if value is not None}


def default_policy(arn: str, account: str) -> str:
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": [f"SNS:{action}" for action in OWNER_ACTIONS],
        "Resource": arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": account}},
    }
    return _compact({"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]})


def changed_subscription(
    subscription: Subscription, attributes: Mapping[str, str], topic: Topic, *, prefix: str
) -> Subscription:
    """The subscription with attributes set. `prefix` is how Subscribe begins its reasons. Raises ApiError."""
    document = subscription.model_dump(by_alias=True, exclude_unset=True)
    for name, text in attributes.items():
        if name in UNSUPPORTED_OF_SUBSCRIPTIONS:
            raise errors.unsupported(f"The subscription attribute {name}")
        if name not in SUBSCRIPTION_SETTABLE:
            raise errors.invalid("AttributeName")
        document[name] = _subscription_value(name, text, topic, prefix)
    document = {name: value for name, value in document.items() if value is not None}
    _check_filter(document, prefix, set(attributes))
    return Subscription.model_validate(document)


def _subscription_value(name: str, text: str, topic: Topic, prefix: str) -> Any:
    match name:
        case "RawMessageDelivery":
            if text.lower() not in ("true", "false"):
                raise errors.invalid(f"{prefix}RawMessageDelivery: Invalid value [{text}]. Must be true or false.")
            return text.lower() == "true"
        case "FilterPolicyScope":
            if text not in SCOPES:
                reason = f"Invalid value [{text}]. Please use either MessageBody or MessageAttributes"
                raise errors.invalid(f"{prefix}FilterPolicyScope: {reason}")
            return text
        case "DeliveryPolicy":
            try:
                retry_policy(parsed(text))
            except PolicyError as error:
                raise errors.invalid(f"{prefix}DeliveryPolicy: {error}") from None
            return text or None
        case "RedrivePolicy":
            if text:
                _check_redrive(text, topic, prefix)
            return text or None
        case _:
            return text or None


def _check_redrive(text: str, topic: Topic, prefix: str) -> None:
    try:
        arn = Arn.parse(str(json.loads(text)["deadLetterTargetArn"]))
    except ValueError:
        raise errors.invalid(f"{prefix}RedrivePolicy: {_broken(text)}") from None
    except (KeyError, TypeError):
        arn = None
    if arn is None or arn.service != "sqs":
        raise errors.invalid(f"{prefix}RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if topic.fifo_topic and not arn.resource.endswith(".fifo"):
        reason = "must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
        raise errors.invalid(f"{prefix}RedrivePolicy: {reason}")


def _broken(text: str) -> str:
    """What is wrong with a text that is no JSON, as it is said of filter policies."""
    try:
        compile_filter_policy(text)
    except PatternError as error:
        return policy_message(error)
    return "failed to parse JSON."


def _check_filter(document: Mapping[str, Any], prefix: str, touched: Iterable[str]) -> None:
    """A policy is judged in the scope it will have, so setting either looks at both."""
    policy = document.get("FilterPolicy")
    if not policy or not {"FilterPolicy", "FilterPolicyScope"} & set(touched):
        return
    try:
        compile_filter_policy(policy, document.get("FilterPolicyScope", "MessageAttributes"))
    except PatternError as error:
        raise errors.invalid(f"{prefix}FilterPolicy: {policy_message(error)}") from None


def described_subscription(
    found: Deployed[Subscription], place: Place, topic: Topic | None = None, *, pending: bool = False
) -> dict[str, str]:
    """Every attribute of a subscription, in the order of names."""
    noun = found.noun
    web = noun.protocol in ("http", "https")
    values: dict[str, str | None] = {
        "SubscriptionArn": found.key,
        "TopicArn": noun.topic_arn,
        "Protocol": noun.protocol,
        "Endpoint": noun.endpoint,
        "Owner": place.account,
        "ConfirmationWasAuthenticated": "false" if web else "true",
        "PendingConfirmation": "true" if pending else "false",
        "RawMessageDelivery": "true" if noun.raw_message_delivery else "false",
        "SubscriptionPrincipal": f"arn:{place.partition}:iam::{place.account}:root",
        "FilterPolicy": _text(noun.filter_policy),
        "FilterPolicyScope": noun.filter_policy_scope if noun.filter_policy else None,
        "RedrivePolicy": _text(noun.redrive_policy),
        "DeliveryPolicy": _compact(delivery_policy.shown_policy(_parsed(noun))) if noun.delivery_policy else None,
        "EffectiveDeliveryPolicy": _compact(
            delivery_policy.effective_policy(_parsed(noun), topic.delivery_policy if topic else None)
        )
        if web
        else None,
        "SubscriptionRoleArn": noun.subscription_role_arn,
    }
    return {name: value for name, value in sorted(values.items()) if value is not None}


def _parsed(noun: Subscription) -> Mapping[str, Any]:
    try:
        return parsed(noun.delivery_policy)
    except PolicyError:
        return {}


def _compact(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"))


def _text(document: Mapping[str, Any] | str | None) -> str | None:
    if document is None or isinstance(document, str):
        return document or None
    return _compact(document)
