"""The properties of event sources, in the notation of `runner.loader.sam.shapes`.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/sam-property-function-eventsource.html
"""

from __future__ import annotations

POLLED = {
    "BatchSize": "int; Most records in one invocation",
    "StartingPosition": "any; Where reading starts: TRIM_HORIZON, LATEST or AT_TIMESTAMP",
    "StartingPositionTimestamp": "any; Epoch seconds at which reading starts",
    "Enabled": "bool; Whether the source is polled",
    "MaximumBatchingWindowInSeconds": "int; Seconds to wait for a full batch",
    "MaximumRetryAttempts": "int; Times a failed batch is tried again",
    "BisectBatchOnFunctionError": "bool; Whether a failed batch is halved before the next try",
    "MaximumRecordAgeInSeconds": "int; Age at which records are given up",
    "DestinationConfig": "map; Where records go that were given up",
    "ParallelizationFactor": "int; Batches of one shard at one time",
    "Topics": "list; Kafka topic to read",
    "Queues": "list; Broker queue to read",
    "SourceAccessConfigurations": "list; Credentials and network of the source",
    "SecretsManagerKmsKeyId": "str; Key that decrypts the credentials",
    "TumblingWindowInSeconds": "int; Length of a window of state",
    "FunctionResponseTypes": "list; ReportBatchItemFailures, if the function reports what failed",
    "KafkaBootstrapServers": "list; Addresses of the Kafka brokers",
    "FilterCriteria": "map; Patterns of the records that are passed on",
    "KmsKeyArn": "any; Key that encrypts the filter criteria",
    "ConsumerGroupId": "str; Kafka consumer group",
    "ScalingConfig": "map; Most concurrent invocations for the source",
    "ProvisionedPollerConfig": "map; Bounds of provisioned pollers",
    "SchemaRegistryConfig": "map; Schema registry of a Kafka source",
    "MetricsConfig": "map; Metrics that the mapping reports",
    "LoggingConfig": "map; Logs of the mapping",
}

STREAM = {
    "Stream": "any!; ARN of the stream",
    **POLLED,
    "StartingPosition": POLLED["StartingPosition"].replace(";", "!;"),
}

RULE = {
    "EventBusName": "str; Name or ARN of the bus; the default one if absent",
    "RuleName": "str; Name of the rule",
    "Pattern": "map; Pattern of the events that invoke the function",
    "DeadLetterConfig": "map; Queue for events that could not be delivered",
    "RetryPolicy": "map; Retries and age limit of deliveries",
    "Input": "str; JSON that is passed in place of the event",
    "InputPath": "str; Path of the part of the event that is passed",
    "InputTransformer": "map; Template of what is passed",
    "Target": "map; Id of the rule's target",
    "Enabled": "bool; Whether the rule is enabled",
    "State": "str; ENABLED or DISABLED",
}

EVENT_SHAPES: dict[str, dict[str, str]] = {
    "Api": {
        "Path": "str!; Path of the request",
        "Method": "str!; HTTP method of the request; any for all",
        "RestApiId": "str; API of this template; the implicit one if absent",
        "Stage": "str; Set by the transform",
        "Auth": "map; Who may call this method",
        "RequestModel": "map; Model that the request body follows",
        "RequestParameters": "list; Parameters of the request",
        "TimeoutInMillis": "int; Milliseconds until the gateway gives up",
        "ResponseTransferMode": "str; BUFFERED or RESPONSE_STREAM",
    },
    "HttpApi": {
        "Path": "str; Path of the request; the default route if absent",
        "Method": "str; HTTP method of the request; any for all",
        "ApiId": "str; HTTP API of this template; the implicit one if absent",
        "Stage": "str; Set by the transform",
        "Auth": "map; Who may call this route",
        "TimeoutInMillis": "int; Milliseconds until the gateway gives up",
        "RouteSettings": "map; Throttling and logging of this route",
        "PayloadFormatVersion": "str; Format of the event; 2.0 by default",
    },
    "S3": {
        "Bucket": "str!; Reference to a bucket of this template",
        "Events": "str|list<str>!~; Notifications that invoke the function",
        "Filter": "map<str>; Prefix and suffix of object keys",
    },
    "SNS": {
        "Topic": "str!; ARN of the topic",
        "Region": "str; Region of the topic",
        "FilterPolicy": "any; Filter of the messages that are passed on",
        "FilterPolicyScope": "any; MessageAttributes or MessageBody",
        "SqsSubscription": "bool|map; Whether a queue stands between topic and function",
        "RedrivePolicy": "map; Queue for messages that could not be delivered",
    },
    "SQS": {"Queue": "any!; ARN of the queue", **POLLED},
    "Kinesis": STREAM,
    "DynamoDB": STREAM,
    "MSK": STREAM,
    "DocumentDB": {
        "Cluster": "any!; ARN of the cluster",
        "DatabaseName": "any!; Database to read",
        "CollectionName": "any; Collection to read; all if absent",
        "FullDocument": "any; UpdateLookup, if updates carry the whole document",
        **POLLED,
    },
    "MQ": {
        "Broker": "any!; ARN of the broker",
        "DynamicPolicyName": "bool~; Whether the generated policy is named after the event",
        **POLLED,
    },
    "SelfManagedKafka": POLLED,
    "Schedule": {
        "Schedule": "str!; rate() or cron() expression",
        "RuleName": "str; Not used by SAM; see Name",
        "Name": "str; Name of the rule",
        "Description": "str; What the schedule is for",
        "Input": "str; JSON that is passed in place of the event",
        "Enabled": "bool; Whether the rule is enabled",
        "State": "str; ENABLED or DISABLED",
        "DeadLetterConfig": "map; Queue for events that could not be delivered",
        "RetryPolicy": "map; Retries and age limit of deliveries",
    },
    "ScheduleV2": {
        "ScheduleExpression": "str!; rate(), cron() or at() expression",
        "ScheduleExpressionTimezone": "str; Time zone of the expression",
        "FlexibleTimeWindow": "map; Window within which the schedule may fire; OFF by default",
        "Name": "str; Name of the schedule; made of the two logical ids if absent",
        "OmitName": "bool~; Whether CloudFormation makes the name",
        "GroupName": "str; Schedule group",
        "Description": "str; What the schedule is for",
        "State": "str; ENABLED or DISABLED",
        "StartDate": "str; Time before which the schedule does not fire",
        "EndDate": "str; Time after which the schedule does not fire",
        "KmsKeyArn": "str; Key that encrypts the input",
        "Input": "str; JSON that is passed to the function",
        "RoleArn": "str; Role that invokes the function; one is generated if absent",
        "PermissionsBoundary": "str; ARN of the boundary of the generated role",
        "DeadLetterConfig": "map; Queue for events that could not be delivered",
        "RetryPolicy": "map; Retries and age limit of deliveries",
    },
    "CloudWatchEvent": RULE,
    "EventBridgeRule": RULE,
    "CloudWatchLogs": {
        "LogGroupName": "str!; Log group whose entries invoke the function",
        "FilterPattern": "str!; Pattern of the entries that are passed on",
    },
    "IoTRule": {
        "Sql": "str!; Statement that selects messages",
        "AwsIotSqlVersion": "str; Version of the SQL engine",
    },
    "AlexaSkill": {"SkillId": "str; Id of the skill"},
    "Cognito": {
        "UserPool": "str!; Reference to a user pool of this template",
        "Trigger": "str|list<str>!~; Triggers that invoke the function",
    },
}

START = {name: rule for name, rule in RULE.items() if name != "Enabled"}

EXECUTION_SHAPES: dict[str, dict[str, str]] = {
    "Api": {
        **{name: EVENT_SHAPES["Api"][name] for name in ("Path", "Method", "RestApiId", "Stage", "Auth")},
        "UnescapeMappingTemplate": "bool; Whether quotes in the input are unescaped",
    },
    "Schedule": {
        **EVENT_SHAPES["Schedule"],
        "Target": "map~; Id of the rule's target",
        "RoleArn": "str~; Role that starts executions; one is generated if absent",
    },
    "ScheduleV2": EVENT_SHAPES["ScheduleV2"],
    "CloudWatchEvent": START,
    "EventBridgeRule": START,
}
"""The same for state machines."""
