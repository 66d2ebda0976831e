"""What a connector from one type to another grants, and where the grant stands.

Source: https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/reference-sam-connector.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

BUCKET = "AWS::S3::Bucket"
BUS = "AWS::Events::EventBus"
DATA_SOURCE = "AWS::AppSync::DataSource"
FUNCTION = "AWS::Lambda::Function"
GRAPHQL_API = "AWS::AppSync::GraphQLApi"
HTTP_API = "AWS::ApiGatewayV2::Api"
PLACE_INDEX = "AWS::Location::PlaceIndex"
QUEUE = "AWS::SQS::Queue"
REST_API = "AWS::ApiGateway::RestApi"
RULE = "AWS::Events::Rule"
STATE_MACHINE = "AWS::StepFunctions::StateMachine"
TABLE = "AWS::DynamoDB::Table"
TOPIC = "AWS::SNS::Topic"

ROLE, LAMBDA, QUEUE_POLICY, TOPIC_POLICY = "role", "lambda", "queue-policy", "topic-policy"

Grant = tuple[str, tuple[str, ...]]
"""Actions, `service:One Two`, and the resources they are allowed on, where `%{Source.X}` is filled in."""


@dataclass(frozen=True, slots=True)
class Profile:
    """How one kind of connector grants.

    `kind` is what is generated. For a role's policy `on` tells whose role, and `access` the statements; for the others
    `service` is the principal and `source` the ARN that the permission is limited to.
    """

    kind: str
    access: Mapping[str, tuple[Grant, ...]] = field(default_factory=dict)
    on: str = "Source"
    service: str = ""
    source: str = "%{Source.Arn}"
    combinations: tuple[tuple[str, ...], ...] = ()

    @property
    def permissions(self) -> tuple[str, ...]:
        return tuple(self.access) if self.kind == ROLE else ("Write",)


_ARN = "%{Destination.Arn}"
_EXECUTION = "arn:${AWS::Partition}:states:${AWS::Region}:${AWS::AccountId}:execution:%{Destination.Name}:*"
_EXECUTION_RULE = (
    "arn:${AWS::Partition}:events:${AWS::Region}:${AWS::AccountId}:rule/"
    "StepFunctionsGetEventsForStepFunctionsExecutionRule"
)
_EXECUTE_API = (
    "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:%{Source.ResourceId}/%{Source.Qualifier}"
)
_GRAPHQL = "arn:${AWS::Partition}:appsync:${AWS::Region}:${AWS::AccountId}:apis/%{Source.ResourceId}"

_TABLE_ACCESS: dict[str, tuple[Grant, ...]] = {
    "Read": (("dynamodb:GetItem Query Scan BatchGetItem ConditionCheckItem PartiQLSelect", (_ARN, f"{_ARN}/index/*")),),
    "Write": (
        (
            "dynamodb:PutItem UpdateItem DeleteItem BatchWriteItem PartiQLDelete PartiQLInsert PartiQLUpdate",
            (_ARN, f"{_ARN}/index/*"),
        ),
    ),
}
_BUCKET_ACCESS: dict[str, tuple[Grant, ...]] = {
    "Read": (
        (
            "s3:GetObject GetObjectAcl GetObjectLegalHold GetObjectRetention GetObjectTorrent GetObjectVersion "
            "GetObjectVersionAcl GetObjectVersionForReplication GetObjectVersionTorrent ListBucket "
            "ListBucketMultipartUploads ListBucketVersions ListMultipartUploadParts",
            (_ARN, f"{_ARN}/*"),
        ),
    ),
    "Write": (
        (
            "s3:AbortMultipartUpload DeleteObject DeleteObjectVersion PutObject PutObjectLegalHold PutObjectRetention "
            "RestoreObject",
            (_ARN, f"{_ARN}/*"),
        ),
    ),
}
_INVOKE = Profile(ROLE, {"Write": (("lambda:InvokeAsync InvokeFunction", (_ARN,)),)})
_PUBLISH = Profile(ROLE, {"Write": (("sns:Publish", (_ARN,)),)})
_PUT_EVENTS = Profile(ROLE, {"Write": (("events:PutEvents", (_ARN,)),)})
_EXECUTION_ACCESS: tuple[Grant, ...] = (("states:StopExecution", (_EXECUTION,)),)

PROFILES: dict[tuple[str, str], Profile] = {
    (FUNCTION, FUNCTION): _INVOKE,
    (FUNCTION, TOPIC): _PUBLISH,
    (FUNCTION, BUS): _PUT_EVENTS,
    (FUNCTION, TABLE): Profile(ROLE, _TABLE_ACCESS),
    (FUNCTION, BUCKET): Profile(ROLE, _BUCKET_ACCESS),
    (FUNCTION, QUEUE): Profile(
        ROLE,
        {
            "Read": (("sqs:ReceiveMessage GetQueueAttributes", (_ARN,)),),
            "Write": (("sqs:DeleteMessage SendMessage ChangeMessageVisibility PurgeQueue", (_ARN,)),),
        },
    ),
    (FUNCTION, STATE_MACHINE): Profile(
        ROLE,
        {
            "Write": (("states:StartExecution StartSyncExecution", (_ARN,)), *_EXECUTION_ACCESS),
            "Read": (
                ("states:DescribeStateMachine ListExecutions", (_ARN,)),
                ("states:DescribeExecution DescribeStateMachineForExecution GetExecutionHistory", (_EXECUTION,)),
            ),
        },
    ),
    (FUNCTION, PLACE_INDEX): Profile(
        ROLE,
        {
            "Read": (
                (
                    "geo:DescribePlaceIndex GetPlace SearchPlaceIndexForPosition SearchPlaceIndexForSuggestions "
                    "SearchPlaceIndexForText",
                    (_ARN,),
                ),
            )
        },
    ),
    (QUEUE, FUNCTION): Profile(
        ROLE,
        {
            "Write": (("sqs:DeleteMessage", ("%{Source.Arn}",)),),
            "Read": (("sqs:ReceiveMessage GetQueueAttributes", ("%{Source.Arn}",)),),
        },
        on="Destination",
        combinations=(("Read", "Write"),),
    ),
    (TABLE, FUNCTION): Profile(
        ROLE,
        {"Read": (("dynamodb:DescribeStream GetRecords GetShardIterator ListStreams", ("%{Source.Arn}/stream/*",)),)},
        on="Destination",
    ),
    (BUCKET, FUNCTION): Profile(LAMBDA, service="s3.amazonaws.com"),
    (TOPIC, FUNCTION): Profile(LAMBDA, service="sns.amazonaws.com"),
    (RULE, FUNCTION): Profile(LAMBDA, service="events.amazonaws.com"),
    (REST_API, FUNCTION): Profile(LAMBDA, service="apigateway.amazonaws.com", source=_EXECUTE_API),
    (HTTP_API, FUNCTION): Profile(LAMBDA, service="apigateway.amazonaws.com", source=_EXECUTE_API),
    (GRAPHQL_API, FUNCTION): Profile(LAMBDA, service="appsync.amazonaws.com", source=_GRAPHQL),
    (TOPIC, QUEUE): Profile(QUEUE_POLICY, service="sns.amazonaws.com"),
    (RULE, QUEUE): Profile(QUEUE_POLICY, service="events.amazonaws.com"),
    (RULE, TOPIC): Profile(TOPIC_POLICY, service="events.amazonaws.com"),
    (RULE, BUS): _PUT_EVENTS,
    (RULE, STATE_MACHINE): Profile(ROLE, {"Write": (("states:StartExecution", (_ARN,)),)}),
    (STATE_MACHINE, FUNCTION): _INVOKE,
    (STATE_MACHINE, TOPIC): _PUBLISH,
    (STATE_MACHINE, BUS): _PUT_EVENTS,
    (STATE_MACHINE, QUEUE): Profile(ROLE, {"Write": (("sqs:SendMessage", (_ARN,)),)}),
    (STATE_MACHINE, BUCKET): Profile(ROLE, _BUCKET_ACCESS),
    (STATE_MACHINE, TABLE): Profile(ROLE, _TABLE_ACCESS),
    (STATE_MACHINE, STATE_MACHINE): Profile(
        ROLE,
        {
            "Read": (("states:DescribeExecution", (_EXECUTION,)), ("events:DescribeRule", (_EXECUTION_RULE,))),
            "Write": (
                ("states:StartExecution", (_ARN,)),
                *_EXECUTION_ACCESS,
                ("events:PutTargets PutRule", (_EXECUTION_RULE,)),
            ),
        },
        combinations=(("Read",), ("Read", "Write")),
    ),
    (DATA_SOURCE, TABLE): Profile(ROLE, _TABLE_ACCESS),
    (DATA_SOURCE, BUS): _PUT_EVENTS,
    (DATA_SOURCE, FUNCTION): Profile(ROLE, {"Write": (("lambda:InvokeAsync InvokeFunction", (_ARN, f"{_ARN}:*")),)}),
}

SAM_TYPES = {
    "AWS::Serverless::Function": FUNCTION,
    "AWS::Serverless::StateMachine": STATE_MACHINE,
    "AWS::Serverless::Api": REST_API,
    "AWS::Serverless::HttpApi": HTTP_API,
    "AWS::Serverless::SimpleTable": TABLE,
    "AWS::Serverless::GraphQLApi": GRAPHQL_API,
}
"""What SAM's types are once transformed."""

ARN_BY_REF = (TOPIC, STATE_MACHINE)
"""Types whose `Ref` is their ARN; of all others it is the attribute `Arn`."""

ROLE_PROPERTIES = {FUNCTION: "Role", STATE_MACHINE: "RoleArn", DATA_SOURCE: "ServiceRoleArn"}
"""Where a resource names the role that a connector extends."""
