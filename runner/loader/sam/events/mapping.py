"""The event source mapping that every polled event source becomes.

Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
"""

from __future__ import annotations

from typing import Any

from runner.loader.sam.events.event import Event
from runner.loader.sam.roles import Grants, destination_statements, managed_arn, statement
from runner.loader.sam.values import Json, is_intrinsic, is_loose_intrinsic

PASSED = (
    "BatchSize",
    "Enabled",
    "MaximumBatchingWindowInSeconds",
    "MaximumRetryAttempts",
    "BisectBatchOnFunctionError",
    "MaximumRecordAgeInSeconds",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
    "Topics",
    "Queues",
    "SourceAccessConfigurations",
    "TumblingWindowInSeconds",
    "FunctionResponseTypes",
    "FilterCriteria",
    "KmsKeyArn",
    "ScalingConfig",
    "ProvisionedPollerConfig",
    "MetricsConfig",
    "LoggingConfig",
)
DESTINATION_KINDS = ("SQS", "SNS", "S3", "Kafka")
MANAGED = {
    "SQS": "AWSLambdaSQSQueueExecutionRole",
    "Kinesis": "AWSLambdaKinesisExecutionRole",
    "DynamoDB": "AWSLambdaDynamoDBExecutionRole",
    "MSK": "AWSLambdaMSKExecutionRole",
}
KAFKA = {"MSK": "AmazonManagedKafkaEventSourceConfig", "SelfManagedKafka": "SelfManagedKafkaEventSourceConfig"}


VPC_ACTIONS = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DeleteNetworkInterface",
    "ec2:DescribeVpcs",
    "ec2:DescribeSubnets",
    "ec2:DescribeSecurityGroups",
)
ACCESS = "SourceAccessConfigurations"


def add_mapping(event: Event, source_arn: Any, extra: Json | None = None) -> None:
    """Emit the event source mapping, and allow the role to send to its failure destination."""
    _check_filter(event)
    properties = {
        **event.pick(*PASSED),
        "EventSourceArn": source_arn,
        "FunctionName": event.target.name,
        "DestinationConfig": _destination_config(event),
        **(extra or {}),
    }
    if event.type in KAFKA:
        properties[KAFKA[event.type]] = _kafka_config(event)
    elif event.get("ConsumerGroupId"):
        message = f"Property ConsumerGroupId not defined for resource of type {event.type}."
        raise event.refuse(message, "ConsumerGroupId")
    event.emit(event.id, "AWS::Lambda::EventSourceMapping", properties)
    if event.type in MANAGED:
        event.grants.attach(managed_arn(event.work, f"service-role/{MANAGED[event.type]}"))


def _check_filter(event: Event) -> None:
    criteria = event.get("FilterCriteria")
    if criteria and not is_intrinsic(criteria) and list(criteria) != ["Filters"]:
        hint = "FilterCriteria holds Filters, a list of Pattern"
        raise event.refuse("FilterCriteria field has a wrong format", "FilterCriteria", hint=hint)


def _destination_config(event: Event) -> Json | None:
    """The configuration without SAM's `Type`, which only says what the role must allow."""
    config = event.get("DestinationConfig")
    if not config:
        return None
    failure = config.get("OnFailure")
    if failure is None:
        return config  # type: ignore[no-any-return]
    path = ("DestinationConfig", "OnFailure")
    if not isinstance(failure, dict):
        raise event.refuse("Property 'DestinationConfig.OnFailure' should be a map.", *path, code="wrong-type")
    kind = failure.get("Type")
    if not kind:
        return config  # type: ignore[no-any-return]
    if kind not in DESTINATION_KINDS:
        message = "The only valid values for 'Type' are 'SQS', 'SNS', 'S3', and 'Kafka'"
        raise event.refuse(message, *path, "Type")
    arn = failure.get("Destination")
    _allow(event.grants, event.id, kind, arn)
    stripped: Json = event.work.copy(config)
    stripped["OnFailure"] = event.work.copy(failure)
    del stripped["OnFailure"]["Type"]
    return stripped


def _allow(grants: Grants, prefix: str, kind: str, arn: Any) -> None:
    found = destination_statements("S3Bucket" if kind == "S3" else kind, arn)
    if found:
        grants.add_once(prefix + found[0], found[1])


def _kafka_config(event: Event) -> Json | None:
    """Consumer group and schema registry of a Kafka source."""
    config = event.pick("ConsumerGroupId", "SchemaRegistryConfig")
    registry = config.get("SchemaRegistryConfig")
    if registry is not None and not is_intrinsic(registry):
        _check_registry(event, registry)
    return config or None


def _check_registry(event: Event, registry: Json) -> None:
    path = "SchemaRegistryConfig"
    for name in ("SchemaRegistryURI", "EventRecordFormat", "SchemaValidationConfigs"):
        if not registry.get(name):
            message = f"Missing required field {name} in SchemaRegistryConfig"
            raise event.refuse(message, path, code="missing-property", hint=f"add {name}")
    record_format = registry["EventRecordFormat"]
    if record_format not in ("JSON", "SOURCE") and not is_loose_intrinsic(record_format):
        message = "EventRecordFormat in SchemaRegistryConfig must be either 'JSON' or 'SOURCE'"
        raise event.refuse(message, path, "EventRecordFormat")
    if not isinstance(registry["SchemaValidationConfigs"], list):
        raise event.refuse("SchemaValidationConfigs must be a list", path, "SchemaValidationConfigs")
    access = registry.get("AccessConfigs")
    if access is not None and not isinstance(access, list):
        raise event.refuse("AccessConfigs in SchemaRegistryConfig must be a list", path, "AccessConfigs")
    for index, entry in enumerate(access or []):
        if not isinstance(entry, dict) or "Type" not in entry or "URI" not in entry:
            message = "Each AccessConfig must be a dict with 'Type' and 'URI' fields"
            raise event.refuse(message, path, "AccessConfigs", index)


def decrypt_statements(event: Event, actions: str | list[str]) -> list[Json]:
    key = event.get("SecretsManagerKmsKeyId")
    if not key:
        return []
    if not isinstance(key, str):
        message = "Property 'SecretsManagerKmsKeyId' should be a string."
        raise event.refuse(message, "SecretsManagerKmsKeyId", code="wrong-type")
    arn = f"arn:${{AWS::Partition}}:kms:${{AWS::Region}}:${{AWS::AccountId}}:key/{key}"
    return [statement(actions, {"Fn::Sub": arn})]
