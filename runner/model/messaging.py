"""Queues and topics as a stack declares them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SNS.html
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.model.function import Tag
from runner.model.noun import Document, Noun, Text


class Queue(Noun):
    """`AWS::SQS::Queue`; State key is the queue's name. Units: seconds and bytes."""

    queue_name: str | None = Field(None, alias="QueueName", max_length=80)
    content_based_deduplication: bool | None = Field(None, alias="ContentBasedDeduplication")
    deduplication_scope: Literal["messageGroup", "queue"] | None = Field(None, alias="DeduplicationScope")
    delay_s: int = Field(0, ge=0, le=900, alias="DelaySeconds")
    fifo_queue: bool | None = Field(None, alias="FifoQueue")
    fifo_throughput_limit: Literal["perQueue", "perMessageGroupId"] | None = Field(None, alias="FifoThroughputLimit")
    kms_data_key_reuse_period_s: int = Field(300, ge=60, le=86400, alias="KmsDataKeyReusePeriodSeconds")
    kms_master_key_id: str | None = Field(None, alias="KmsMasterKeyId")
    maximum_message_size: int = Field(1048576, ge=1024, le=1048576, alias="MaximumMessageSize")
    retention_s: int = Field(345600, ge=60, le=1209600, alias="MessageRetentionPeriod")
    receive_wait_s: int = Field(0, ge=0, le=20, alias="ReceiveMessageWaitTimeSeconds")
    redrive_allow_policy: Document | str | None = Field(None, alias="RedriveAllowPolicy")
    redrive_policy: Document | str | None = Field(None, alias="RedrivePolicy")
    sqs_managed_sse_enabled: bool | None = Field(None, alias="SqsManagedSseEnabled")
    tags: tuple[Tag, ...] = Field((), alias="Tags")
    visibility_timeout_s: int = Field(30, ge=0, le=43200, alias="VisibilityTimeout")


class QueuePolicy(Noun):
    policy_document: Document = Field(alias="PolicyDocument")
    queues: tuple[str, ...] = Field(alias="Queues")


class TopicSubscription(Noun):
    endpoint: str = Field(alias="Endpoint")
    protocol: str = Field(alias="Protocol")


class Topic(Noun):
    """`AWS::SNS::Topic`; State key is the topic's name."""

    topic_name: str | None = Field(None, alias="TopicName", max_length=256)
    archive_policy: Document | None = Field(None, alias="ArchivePolicy")
    content_based_deduplication: bool | None = Field(None, alias="ContentBasedDeduplication")
    data_protection_policy: Document | None = Field(None, alias="DataProtectionPolicy")
    delivery_policy: Document | None = Field(None, alias="DeliveryPolicy")  # of the API; stacks cannot set it
    delivery_status_logging: tuple[Document, ...] = Field((), alias="DeliveryStatusLogging")
    display_name: Text | None = Field(None, alias="DisplayName", max_length=100)
    fifo_throughput_scope: Literal["Topic", "MessageGroup"] | None = Field(None, alias="FifoThroughputScope")
    fifo_topic: bool | None = Field(None, alias="FifoTopic")
    kms_master_key_id: str | None = Field(None, alias="KmsMasterKeyId")
    maximum_message_size: int | None = Field(None, alias="MaximumMessageSize", ge=1024, le=1048576)
    signature_version: Text | None = Field(None, alias="SignatureVersion")
    subscription: tuple[TopicSubscription, ...] = Field((), alias="Subscription")
    tags: tuple[Tag, ...] = Field((), alias="Tags")
    tracing_config: Literal["PassThrough", "Active"] | None = Field(None, alias="TracingConfig")


class Subscription(Noun):
    """`AWS::SNS::Subscription`; State key is the subscription's ARN."""

    topic_arn: str = Field(alias="TopicArn")
    protocol: Literal["http", "https", "email", "email-json", "sms", "sqs", "lambda", "application", "firehose"] = (
        Field(alias="Protocol")
    )
    endpoint: str | None = Field(None, alias="Endpoint")
    delivery_policy: Document | str | None = Field(None, alias="DeliveryPolicy")
    filter_policy: Document | str | None = Field(None, alias="FilterPolicy")
    filter_policy_scope: Literal["MessageAttributes", "MessageBody"] = Field(
        "MessageAttributes", alias="FilterPolicyScope"
    )
    raw_message_delivery: bool = Field(False, alias="RawMessageDelivery")
    redrive_policy: Document | str | None = Field(None, alias="RedrivePolicy")
    region: str | None = Field(None, alias="Region")
    replay_policy: Document | None = Field(None, alias="ReplayPolicy")
    subscription_role_arn: str | None = Field(None, alias="SubscriptionRoleArn")


class TopicPolicy(Noun):
    policy_document: Document = Field(alias="PolicyDocument")
    topics: tuple[str, ...] = Field(alias="Topics")
