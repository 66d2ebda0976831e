"""AWS's own managed policies, as far as stacks like ours attach them: their documents are known here, others' are not.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from runner.model.errors import ApiError
from runner.model.names import Arn

LOG = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
NETWORK = (
    *("ec2:CreateNetworkInterface", "ec2:DescribeNetworkInterfaces", "ec2:DescribeSubnets"),
    *("ec2:DeleteNetworkInterface", "ec2:AssignPrivateIpAddresses", "ec2:UnassignPrivateIpAddresses"),
)
STREAM = ("DescribeStream", "GetRecords", "GetShardIterator", "ListStreams")
SHARDS = (*STREAM[:1], "DescribeStreamSummary", *STREAM[1:3], "ListShards", "ListStreams", "SubscribeToShard")
TRACE = (
    *("xray:PutTraceSegments", "xray:PutTelemetryRecords", "xray:GetSamplingRules", "xray:GetSamplingTargets"),
    "xray:GetSamplingStatisticSummaries",
)
QUEUES = ("GetQueueAttributes", "GetQueueUrl", "ListDeadLetterSourceQueues", "ListQueues", "ListMessageMoveTasks")
OBJECTS = ("s3:Get*", "s3:List*", "s3:Describe*", "s3-object-lambda:Get*", "s3-object-lambda:List*")


@dataclass(frozen=True, slots=True)
class AwsPolicy:
    """One of AWS's policies; times are epoch seconds."""

    version: str
    created_at: float
    updated_at: float
    actions: str | tuple[str, ...]
    sid: str | None = None
    resource: str | tuple[str, ...] = "*"

    @property
    def document(self) -> dict[str, Any]:
        statement: dict[str, Any] = {"Sid": self.sid} if self.sid else {}
        actions = self.actions if isinstance(self.actions, str) else list(self.actions)
        resource = self.resource if isinstance(self.resource, str) else list(self.resource)
        statement |= {"Effect": "Allow", "Action": actions, "Resource": resource}
        return {"Version": "2012-10-17", "Statement": [statement]}


POLICIES: Mapping[str, AwsPolicy] = {  # by path and name
    "service-role/AWSLambdaBasicExecutionRole": AwsPolicy("v1", 1428591823, 1428591823, LOG),
    "service-role/AWSLambdaDynamoDBExecutionRole": AwsPolicy(
        "v1", 1428592169, 1428592169, (*(f"dynamodb:{one}" for one in STREAM), *LOG)
    ),
    "service-role/AWSLambdaKinesisExecutionRole": AwsPolicy(
        "v2", 1428592456, 1542658164, (*(f"kinesis:{one}" for one in SHARDS), *LOG)
    ),
    "service-role/AWSLambdaRole": AwsPolicy("v1", 1423248088, 1423248088, ("lambda:InvokeFunction",), resource=("*",)),
    "service-role/AWSLambdaSQSQueueExecutionRole": AwsPolicy(
        "v1", 1529013045, 1529013045, ("sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes", *LOG)
    ),
    "service-role/AWSLambdaVPCAccessExecutionRole": AwsPolicy(
        "v3", 1455232526, 1704494306, (*LOG, *NETWORK), "AWSLambdaVPCAccessExecutionPermissions"
    ),
    "AWSXRayDaemonWriteAccess": AwsPolicy(
        "v2", 1535497233, 1707861510, TRACE, "AWSXRayDaemonWriteAccess", resource=("*",)
    ),
    "AWSXrayWriteOnlyAccess": AwsPolicy("v2", 1480616393, 1535497384, TRACE, resource=("*",)),
    "AdministratorAccess": AwsPolicy("v1", 1423247986, 1423247986, "*"),
    "AmazonKinesisFullAccess": AwsPolicy("v1", 1423248029, 1423248029, "kinesis:*"),
    "AmazonS3FullAccess": AwsPolicy("v2", 1423248058, 1632773797, ("s3:*", "s3-object-lambda:*")),
    "AmazonS3ReadOnlyAccess": AwsPolicy("v3", 1423248059, 1691703099, OBJECTS),
    "AmazonSQSFullAccess": AwsPolicy("v1", 1423248067, 1423248067, ("sqs:*",)),
    "AmazonSQSReadOnlyAccess": AwsPolicy(
        "v4",
        1423248068,
        1716574604,
        (*(f"sqs:{one}" for one in QUEUES), "sqs:ListQueueTags"),
        "AmazonSQSReadOnlyAccess",
    ),
}


def aws_policy(arn: Arn) -> AwsPolicy:
    """Raises ApiError for a policy whose document is not kept here, whether AWS has it or not."""
    found = POLICIES.get(arn.resource.removeprefix("policy/"))
    if found is None:
        name = arn.resource.rpartition("/")[2]
        raise ApiError("NotImplemented", f"The document of AWS's policy {name} is not kept here.", 501)
    return found
