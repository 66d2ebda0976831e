"""Buses, rules and schedules as a stack declares them.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Events.html
        https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Scheduler.html
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from runner.model.function import Tag
from runner.model.noun import Document, Noun, Text


class ArnConfig(Noun):
    """A dead-letter queue: `{Arn}`."""

    arn: str | None = Field(None, alias="Arn")


class RetryPolicy(Noun):
    max_retries: int = Field(185, ge=0, le=185, alias="MaximumRetryAttempts")
    max_age_s: int = Field(86400, ge=60, le=86400, alias="MaximumEventAgeInSeconds")


class EventBus(Noun):
    """`AWS::Events::EventBus`; State key is the bus's name; `default` always exists."""

    name: str = Field(alias="Name", min_length=1, max_length=256, pattern=r"^[/\.\-_A-Za-z0-9]+$")
    dead_letter_config: ArnConfig | None = Field(None, alias="DeadLetterConfig")
    description: Text | None = Field(None, alias="Description", max_length=512)
    event_source_name: str | None = Field(None, alias="EventSourceName")
    kms_key_identifier: str | None = Field(None, alias="KmsKeyIdentifier")
    log_config: Document | None = Field(None, alias="LogConfig")
    policy: Document | str | None = Field(None, alias="Policy")
    tags: tuple[Tag, ...] = Field((), alias="Tags")


class InputTransformer(Noun):
    paths: dict[str, str] = Field(default_factory=dict, alias="InputPathsMap")
    template: str = Field(alias="InputTemplate", min_length=1, max_length=8192)


class SqsParameters(Noun):
    message_group_id: str | None = Field(None, alias="MessageGroupId")


class KinesisParameters(Noun):
    partition_key_path: str = Field(alias="PartitionKeyPath")


class Target(Noun):
    """One target of a rule; `id` is unique within the rule."""

    id: str = Field(alias="Id", min_length=1, max_length=64, pattern=r"^[\.\-_A-Za-z0-9]+$")
    arn: str = Field(alias="Arn", min_length=1, max_length=1600)
    role_arn: str | None = Field(None, alias="RoleArn")
    input: Text | None = Field(None, alias="Input", max_length=8192)
    input_path: str | None = Field(None, alias="InputPath", max_length=256)
    input_transformer: InputTransformer | None = Field(None, alias="InputTransformer")
    dead_letter_config: ArnConfig | None = Field(None, alias="DeadLetterConfig")
    retry_policy: RetryPolicy = Field(default_factory=lambda: RetryPolicy(), alias="RetryPolicy")
    sqs_parameters: SqsParameters | None = Field(None, alias="SqsParameters")
    kinesis_parameters: KinesisParameters | None = Field(None, alias="KinesisParameters")
    http_parameters: Document | None = Field(None, alias="HttpParameters")
    ecs_parameters: Document | None = Field(None, alias="EcsParameters")
    batch_parameters: Document | None = Field(None, alias="BatchParameters")
    run_command_parameters: Document | None = Field(None, alias="RunCommandParameters")
    redshift_data_parameters: Document | None = Field(None, alias="RedshiftDataParameters")
    sage_maker_pipeline_parameters: Document | None = Field(None, alias="SageMakerPipelineParameters")
    app_sync_parameters: Document | None = Field(None, alias="AppSyncParameters")


class Rule(Noun):
    """`AWS::Events::Rule`; State key `<bus>/<name>`. `event_pattern` is JSON text or the document itself."""

    name: str | None = Field(None, alias="Name", min_length=1, max_length=64, pattern=r"^[\.\-_A-Za-z0-9]+$")
    description: Text | None = Field(None, alias="Description", max_length=512)
    event_bus_name: str = Field("default", alias="EventBusName", min_length=1, max_length=1600)
    event_pattern: Document | str | None = Field(None, alias="EventPattern")
    role_arn: str | None = Field(None, alias="RoleArn")
    schedule_expression: str | None = Field(None, alias="ScheduleExpression", max_length=256)
    state: Literal["ENABLED", "DISABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS"] = Field(
        "ENABLED", alias="State"
    )
    tags: tuple[Tag, ...] = Field((), alias="Tags")
    targets: tuple[Target, ...] = Field((), alias="Targets", max_length=5)

    @property
    def bus(self) -> str:
        """The bus's name, also where the declaration gives its ARN."""
        return self.event_bus_name.rsplit("/", 1)[-1] if self.event_bus_name[:4] == "arn:" else self.event_bus_name


class FlexibleTimeWindow(Noun):
    mode: Literal["OFF", "FLEXIBLE"] = Field(alias="Mode")
    maximum_window_m: int | None = Field(None, ge=1, le=1440, alias="MaximumWindowInMinutes")


class EventBridgeParameters(Noun):
    detail_type: str = Field(alias="DetailType", min_length=1, max_length=128)
    source: str = Field(alias="Source", min_length=1, max_length=256)


class ScheduleKinesisParameters(Noun):
    partition_key: str = Field(alias="PartitionKey")


class ScheduleTarget(Noun):
    arn: str = Field(alias="Arn", min_length=1, max_length=1600)
    role_arn: str = Field(alias="RoleArn", min_length=1, max_length=1600)
    input: Text | None = Field(None, alias="Input")
    dead_letter_config: ArnConfig | None = Field(None, alias="DeadLetterConfig")
    retry_policy: RetryPolicy = Field(default_factory=lambda: RetryPolicy(), alias="RetryPolicy")
    event_bridge_parameters: EventBridgeParameters | None = Field(None, alias="EventBridgeParameters")
    kinesis_parameters: ScheduleKinesisParameters | None = Field(None, alias="KinesisParameters")
    sqs_parameters: SqsParameters | None = Field(None, alias="SqsParameters")
    ecs_parameters: Document | None = Field(None, alias="EcsParameters")
    sage_maker_pipeline_parameters: Document | None = Field(None, alias="SageMakerPipelineParameters")


class Schedule(Noun):
    """`AWS::Scheduler::Schedule`; State key `<group>/<name>`."""

    name: str | None = Field(None, alias="Name", min_length=1, max_length=64, pattern=r"^[0-9a-zA-Z\-_.]+$")
    group_name: str = Field("default", alias="GroupName", min_length=1, max_length=64)
    description: Text | None = Field(None, alias="Description", max_length=512)
    start_date: Text | None = Field(None, alias="StartDate")
    end_date: Text | None = Field(None, alias="EndDate")
    flexible_time_window: FlexibleTimeWindow = Field(alias="FlexibleTimeWindow")
    kms_key_arn: str | None = Field(None, alias="KmsKeyArn")
    schedule_expression: str = Field(alias="ScheduleExpression", min_length=1, max_length=256)
    timezone: str = Field("UTC", alias="ScheduleExpressionTimezone")
    state: Literal["ENABLED", "DISABLED"] = Field("ENABLED", alias="State")
    action_after_completion: Literal["NONE", "DELETE"] = Field("NONE", alias="ActionAfterCompletion")
    target: ScheduleTarget = Field(alias="Target")


class ScheduleGroup(Noun):
    name: str | None = Field(None, alias="Name", min_length=1, max_length=64, pattern=r"^[0-9a-zA-Z\-_.]+$")
    tags: tuple[Tag, ...] = Field((), alias="Tags")
