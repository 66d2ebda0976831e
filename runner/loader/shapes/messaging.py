"""Queues and topics.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SQS.html
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_SNS.html
"""

from __future__ import annotations

TYPES: dict[str, dict[str, str]] = {
    "AWS::SQS::Queue": {
        "QueueName": "text 1..80 ~^[A-Za-z0-9_\\-]+(\\.fifo)?$; Name of the queue; generated if absent",
        "ContentBasedDeduplication": "bool; Whether the body's digest tells duplicates, for FIFO queues",
        "DeduplicationScope": "enum messageGroup|queue; Where duplicates are looked for, for FIFO queues",
        "DelaySeconds": "int 0..900; Seconds before a message can be received",
        "FifoQueue": "bool; Whether the queue keeps order; true or absent",
        "FifoThroughputLimit": "enum perQueue|perMessageGroupId; What the throughput quota is for",
        "KmsDataKeyReusePeriodSeconds": "inert int 60..86400; How long a data key is used",
        "KmsMasterKeyId": "inert text; Key that encrypts messages",
        "MaximumMessageSize": "int 1024..1048576; Bytes of the largest message",
        "MessageRetentionPeriod": "int 60..1209600; Seconds that a message is kept; four days by default",
        "ReceiveMessageWaitTimeSeconds": "int 0..20; Seconds that a receive waits for a message",
        "RedriveAllowPolicy": "json; Which queues may use this one for dead letters",
        "RedrivePolicy": "json; Queue for dead letters, and after how many receives",
        "SqsManagedSseEnabled": "inert bool; Whether SQS encrypts with keys of its own",
        "Tags": "[{Tag}]; Keys and values to tag the queue with",
        "VisibilityTimeout": "int 0..43200; Seconds that a received message stays hidden; 30 by default",
    },
    "AWS::SQS::QueuePolicy": {
        "PolicyDocument": "+ json; Who may use the queues",
        "Queues": "+ [text]; URLs of the queues",
    },
    "AWS::SNS::Topic": {
        "TopicName": "text 1..256 ~^[A-Za-z0-9_\\-]+(\\.fifo)?$; Name of the topic; generated if absent",
        "ArchivePolicy": "inert json; How long messages of a FIFO topic are archived",
        "ContentBasedDeduplication": "bool; Whether the body's digest tells duplicates, for FIFO topics",
        "DataProtectionPolicy": "inert json; What is masked in messages",
        "DeliveryStatusLogging": "inert [object]; Which deliveries are logged",
        "DisplayName": "text ..100; Name shown in text messages and mails",
        "FifoThroughputScope": "enum Topic|MessageGroup; What the throughput quota is for",
        "FifoTopic": "bool; Whether the topic keeps order",
        "KmsMasterKeyId": "inert text; Key that encrypts messages",
        "MaximumMessageSize": "int 1024..1048576; Bytes of the largest message",
        "SignatureVersion": "inert text; Hash of the signatures in notifications",
        "Subscription": "[{TopicSubscription}]; Subscriptions of the topic",
        "Tags": "[{Tag}]; Keys and values to tag the topic with",
        "TracingConfig": "inert enum PassThrough|Active; X-Ray tracing",
    },
    "AWS::SNS::Subscription": {
        "TopicArn": "+ text; ARN of the topic",
        "Protocol": "+ enum http|https|email|email-json|sms|sqs|lambda|application|firehose; How to deliver",
        "Endpoint": "text; Where messages are delivered",
        "DeliveryPolicy": "json; How delivery to HTTP is retried",
        "FilterPolicy": "json; Which messages are delivered",
        "FilterPolicyScope": "enum MessageAttributes|MessageBody; What the filter looks at",
        "RawMessageDelivery": "bool; Whether the message goes without its envelope",
        "RedrivePolicy": "json; Queue for messages that could not be delivered",
        "Region": "inert text; Region of the topic",
        "ReplayPolicy": "inert json; Archived messages to deliver again",
        "SubscriptionRoleArn": "inert text; Role that delivers to a Firehose stream",
    },
    "AWS::SNS::TopicPolicy": {
        "PolicyDocument": "+ json; Who may use the topics",
        "Topics": "+ [text]; ARNs of the topics",
    },
}

PARTS: dict[str, dict[str, str]] = {
    "TopicSubscription": {
        "Endpoint": "+ text; Where messages are delivered",
        "Protocol": "+ text; How to deliver",
    },
}
