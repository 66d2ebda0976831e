"""Buses, rules and schedules.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Scheduler.html
"""

from __future__ import annotations

TYPES: dict[str, dict[str, str]] = {
    "AWS::Events::EventBus": {
        "Name": "+ text 1..256 ~^[/\\.\\-_A-Za-z0-9]+$; Name of the bus; not default",
        "DeadLetterConfig": "inert {ArnConfig}; Queue for events that the bus could not encrypt or deliver",
        "Description": "text ..512; What the bus is for",
        "EventSourceName": "inert text 1..256; Partner event source that the bus belongs to",
        "KmsKeyIdentifier": "inert text; Key that encrypts events",
        "LogConfig": "inert object; Level and detail of the bus's own log",
        "Policy": "json; Who may put events",
        "Tags": "[{Tag}]; Keys and values to tag the bus with",
    },
    "AWS::Events::Rule": {
        "Name": "text 1..64 ~^[\\.\\-_A-Za-z0-9]+$; Name of the rule; generated if absent",
        "Description": "text ..512; What the rule is for",
        "EventBusName": "text 1..1600; Name or ARN of the bus; the default bus if absent",
        "EventPattern": "pattern; Which events the rule matches",
        "RoleArn": "inert text 1..1600; Role that delivers",
        "ScheduleExpression": "text ..256; rate(..) or cron(..), on the default bus only",
        "State": "enum ENABLED|DISABLED|ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS; Whether the rule matches",
        "Tags": "[{Tag}]; Keys and values to tag the rule with",
        "Targets": "[{Target}] ..5; What matching events are delivered to",
    },
    "AWS::Scheduler::Schedule": {
        "Name": "text 1..64 ~^[0-9a-zA-Z\\-_.]+$; Name of the schedule; generated if absent",
        "GroupName": "text 1..64 ~^[0-9a-zA-Z\\-_.]+$; Group of the schedule; default if absent",
        "Description": "text ..512; What the schedule is for",
        "StartDate": "text; Not before this time",
        "EndDate": "text; Not after this time",
        "FlexibleTimeWindow": "+ {FlexibleTimeWindow}; How late an invocation may be",
        "KmsKeyArn": "inert text 1..2048; Key that encrypts the input",
        "ScheduleExpression": "+ text 1..256; at(..), rate(..) or cron(..)",
        "ScheduleExpressionTimezone": "text 1..50; IANA time zone of the expression; UTC if absent",
        "State": "enum ENABLED|DISABLED; Whether the schedule fires",
        "Target": "+ {ScheduleTarget}; What is invoked",
    },
    "AWS::Scheduler::ScheduleGroup": {
        "Name": "text 1..64 ~^[0-9a-zA-Z\\-_.]+$; Name of the group; generated if absent",
        "Tags": "[{Tag}]; Keys and values to tag the group with",
    },
}

PARTS: dict[str, dict[str, str]] = {
    "ArnConfig": {"Arn": "text; ARN of the dead-letter queue"},
    "Target": {
        "Id": "+ text 1..64 ~^[\\.\\-_A-Za-z0-9]+$; Id of the target, unique within its rule",
        "Arn": "+ text 1..1600; What is delivered to",
        "RoleArn": "text 1..1600; Role that delivers",
        "Input": "text ..8192; JSON text sent instead of the event",
        "InputPath": "text ..256; Part of the event that is sent",
        "InputTransformer": "{InputTransformer}; Text made from parts of the event",
        "DeadLetterConfig": "{ArnConfig}; Queue for events that could not be delivered",
        "RetryPolicy": "{RetryPolicy}; How long delivery is tried",
        "SqsParameters": "{SqsParameters}; Message group, for FIFO queues",
        "KinesisParameters": "{KinesisParameters}; Partition key, for streams",
        "HttpParameters": "{HttpParameters}; Path, headers and query of an API call",
        "EcsParameters": "inert object; Task to run",
        "BatchParameters": "inert object; Job to run",
        "RunCommandParameters": "inert object; Command to run on instances",
        "RedshiftDataParameters": "inert object; SQL to run",
        "SageMakerPipelineParameters": "inert object; Parameters of a pipeline",
        "AppSyncParameters": "inert object; GraphQL operation to run",
    },
    "InputTransformer": {
        "InputPathsMap": "map; Names for parts of the event",
        "InputTemplate": "+ text 1..8192; Text with the names in angle brackets",
    },
    "RetryPolicy": {
        "MaximumRetryAttempts": "int 0..185; Attempts after the first; 185 by default",
        "MaximumEventAgeInSeconds": "int 60..86400; How long delivery is tried; 24 hours by default",
    },
    "SqsParameters": {"MessageGroupId": "text; Message group of a FIFO queue"},
    "KinesisParameters": {"PartitionKeyPath": "+ text; Path to the partition key in the event"},
    "HttpParameters": {
        "PathParameterValues": "[text]; Values for the wildcards of the path",
        "HeaderParameters": "map; Headers to send",
        "QueryStringParameters": "map; Query parameters to send",
    },
    "FlexibleTimeWindow": {
        "Mode": "+ enum OFF|FLEXIBLE; Whether there is a window",
        "MaximumWindowInMinutes": "int 1..1440; Length of the window",
    },
    "ScheduleTarget": {
        "Arn": "+ text 1..1600; What is invoked",
        "RoleArn": "+ text 1..1600; Role that invokes",
        "Input": "text; What is sent",
        "DeadLetterConfig": "{ArnConfig}; Queue for invocations that failed",
        "RetryPolicy": "{RetryPolicy}; How long an invocation is tried",
        "EventBridgeParameters": "{EventBridgeParameters}; Detail type and source, for buses",
        "KinesisParameters": "{ScheduleKinesisParameters}; Partition key, for streams",
        "SqsParameters": "{SqsParameters}; Message group, for FIFO queues",
        "EcsParameters": "inert object; Task to run",
        "SageMakerPipelineParameters": "inert object; Parameters of a pipeline",
    },
    "EventBridgeParameters": {
        "DetailType": "+ text 1..128; Detail type of the event",
        "Source": "+ text 1..256; Source of the event",
    },
    "ScheduleKinesisParameters": {"PartitionKey": "+ text 1..256; Partition key of the record"},
}
