"""What is said of whole types: attributes of those that run, and what inert ones will not do."""

from __future__ import annotations

from collections.abc import Mapping

SERVERLESS = (
    "AWS::Serverless::Function",
    "AWS::Serverless::Api",
    "AWS::Serverless::HttpApi",
    "AWS::Serverless::SimpleTable",
    "AWS::Serverless::LayerVersion",
    "AWS::Serverless::Application",
    "AWS::Serverless::StateMachine",
    "AWS::Serverless::Connector",
    "AWS::Serverless::GraphQLApi",
    "AWS::Serverless::WebSocketApi",
    "AWS::Serverless::CapacityProvider",
)
"""Types that only the SAM transform knows."""

ATTRIBUTES: Mapping[str, tuple[str, ...]] = {
    "AWS::Lambda::Function": (
        "Arn",
        "SnapStartResponse",
        "SnapStartResponse.ApplyOn",
        "SnapStartResponse.OptimizationStatus",
    ),
    "AWS::Lambda::Version": ("Version", "FunctionArn"),
    "AWS::Lambda::Alias": ("AliasArn",),
    "AWS::Lambda::EventInvokeConfig": (),
    "AWS::Lambda::Permission": ("Id",),
    "AWS::Lambda::LayerVersion": ("LayerVersionArn",),
    "AWS::Lambda::Url": ("FunctionUrl", "FunctionArn"),
    "AWS::Lambda::EventSourceMapping": ("Id", "EventSourceMappingArn"),
    "AWS::Events::EventBus": ("Arn", "Name", "Policy"),
    "AWS::Events::Rule": ("Arn", "RuleName"),
    "AWS::Scheduler::Schedule": ("Arn",),
    "AWS::Scheduler::ScheduleGroup": ("Arn", "CreationDate", "LastModificationDate", "State"),
    "AWS::SQS::Queue": ("Arn", "QueueName", "QueueUrl"),
    "AWS::SQS::QueuePolicy": ("Id",),
    "AWS::SNS::Topic": ("TopicArn", "TopicName"),
    "AWS::SNS::Subscription": ("Arn",),
    "AWS::SNS::TopicPolicy": ("Id",),
    "AWS::IAM::Role": ("Arn", "RoleId"),
    "AWS::IAM::Policy": ("Id",),
    "AWS::IAM::ManagedPolicy": (
        "PolicyArn",
        "PolicyId",
        "DefaultVersionId",
        "AttachmentCount",
        "CreateDate",
        "IsAttachable",
        "PermissionsBoundaryUsageCount",
        "UpdateDate",
    ),
    "AWS::Logs::LogGroup": ("Arn",),
}

INERT_BECAUSE: Mapping[str, str] = {
    "AWS::S3::Bucket": "no objects are kept and no notifications are sent",
    "AWS::DynamoDB::Table": "no items are kept and its stream is not read",
    "AWS::DynamoDB::GlobalTable": "no items are kept and its streams are not read",
    "AWS::Kinesis::Stream": "no records are kept",
    "AWS::ApiGateway::RestApi": "its paths are not served",
    "AWS::ApiGatewayV2::Api": "its paths are not served",
    "AWS::StepFunctions::StateMachine": "no executions are run",
    "AWS::Pipes::Pipe": "nothing is piped",
    "AWS::Events::Archive": "no events are archived",
    "AWS::Events::Connection": "no credentials are kept",
    "AWS::Events::ApiDestination": "it is not called",
    "AWS::CloudFormation::Stack": "the nested stack is not deployed",
    "AWS::Logs::SubscriptionFilter": "log lines are not passed on",
    "AWS::CloudWatch::Alarm": "nothing is measured",
}

REFUSED: Mapping[str, str] = {
    "AWS::CloudFormation::Macro": "macros cannot be run here",
}
