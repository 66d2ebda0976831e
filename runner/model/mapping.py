"""Event source mappings as a stack declares them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-eventsourcemapping.html
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.model.function import DestinationConfig, Tag
from runner.model.noun import Document, Noun


class Filter(Noun):
    pattern: str | None = Field(None, alias="Pattern", max_length=4096)


class FilterCriteria(Noun):
    filters: tuple[Filter, ...] = Field((), alias="Filters", max_length=20)


class ScalingConfig(Noun):
    maximum_concurrency: int | None = Field(None, ge=2, le=1000, alias="MaximumConcurrency")


class EventSourceMapping(Noun):
    """`AWS::Lambda::EventSourceMapping`; State key is its UUID. Units: seconds."""

    function_name: str = Field(alias="FunctionName", min_length=1, max_length=140)
    event_source_arn: str | None = Field(None, alias="EventSourceArn", min_length=12, max_length=1024)
    amazon_managed_kafka_event_source_config: Document | None = Field(None, alias="AmazonManagedKafkaEventSourceConfig")
    batch_size: int | None = Field(None, ge=1, le=10000, alias="BatchSize")
    bisect_batch_on_function_error: bool = Field(False, alias="BisectBatchOnFunctionError")
    destination_config: DestinationConfig | None = Field(None, alias="DestinationConfig")
    document_db_event_source_config: Document | None = Field(None, alias="DocumentDBEventSourceConfig")
    enabled: bool = Field(True, alias="Enabled")
    filter_criteria: FilterCriteria | None = Field(None, alias="FilterCriteria")
    function_response_types: tuple[Literal["ReportBatchItemFailures"], ...] = Field(
        (), alias="FunctionResponseTypes", max_length=1
    )
    kms_key_arn: str | None = Field(None, alias="KmsKeyArn")
    logging_config: Document | None = Field(None, alias="LoggingConfig")
    batching_window_s: int = Field(0, ge=0, le=300, alias="MaximumBatchingWindowInSeconds")
    max_record_age_s: int = Field(-1, ge=-1, le=604800, alias="MaximumRecordAgeInSeconds")
    max_retries: int = Field(-1, ge=-1, le=10000, alias="MaximumRetryAttempts")
    metrics_config: Document | None = Field(None, alias="MetricsConfig")
    parallelization_factor: int = Field(1, ge=1, le=10, alias="ParallelizationFactor")
    provisioned_poller_config: Document | None = Field(None, alias="ProvisionedPollerConfig")
    queues: tuple[str, ...] | None = Field(None, alias="Queues")
    scaling_config: ScalingConfig | None = Field(None, alias="ScalingConfig")
    self_managed_event_source: Document | None = Field(None, alias="SelfManagedEventSource")
    self_managed_kafka_event_source_config: Document | None = Field(None, alias="SelfManagedKafkaEventSourceConfig")
    source_access_configurations: tuple[Document, ...] | None = Field(None, alias="SourceAccessConfigurations")
    starting_position: Literal["LATEST", "TRIM_HORIZON", "AT_TIMESTAMP"] | None = Field(None, alias="StartingPosition")
    starting_position_at: float | None = Field(None, alias="StartingPositionTimestamp")
    tags: tuple[Tag, ...] = Field((), alias="Tags")
    topics: tuple[str, ...] | None = Field(None, alias="Topics")
    tumbling_window_s: int = Field(0, ge=0, le=900, alias="TumblingWindowInSeconds")
